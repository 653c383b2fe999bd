//! Flat names of the arrays in nested dicts and lists.

use std::collections::BTreeMap;

use super::super::pickle::{Graph, Node, Slot, SparseLayout};
use super::super::safetensors::Tensors;
use super::store::{Store, specs};
use super::{SparseSpec, Storage, TensorSpec};
use crate::{Array, Error, Location};

/// Name of what has none.
pub(super) const ROOT: &str = "tensor";

/// Bytes that all names together may have.
const MAX_NAMES: usize = 64 << 20;

/// Bytes of a part of a name that count wherever it stands.
const LONG: usize = 256;

/// Bytes that an entry of the maps takes beside its name and elements; nodes of trees may be less than half full.
const ENTRY: usize = 3 * size_of::<(String, Array, String)>();

/// Something with elements, or a number or text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaf<'g> {
    Tensor(&'g TensorSpec),
    /// A bare storage.
    Storage(&'g Storage),
    Sparse(&'g SparseSpec),
    Array(&'g Array),
    Number(Slot),
    Text(&'g str),
}

impl Leaf<'_> {
    /// The bare storage, if this is one.
    fn storage(&self) -> Option<&Storage> {
        if let Self::Storage(storage) = self { Some(storage) } else { None }
    }

    /// The shape; `None` for numbers and texts.
    pub(super) fn shape(&self) -> Option<Vec<u64>> {
        match self {
            Self::Tensor(tensor) => Some(tensor.size.clone()),
            Self::Storage(storage) => Some(vec![storage.n]),
            Self::Sparse(sparse) => Some(sparse.size.to_vec()),
            Self::Array(array) => Some(array.shape().iter().map(|&n| n as u64).collect()),
            Self::Number(_) | Self::Text(_) => None,
        }
    }
}

/// Leaves with their names, in the order of the file: all, or those `with_elements` alone.
pub(super) fn leaves<'g>(
    graph: &'g Graph<'_>,
    with_elements: bool,
    at: &Location,
) -> Result<Vec<(String, Leaf<'g>)>, Error> {
    let mut found = Found { leaves: Vec::new(), with_elements, n_bytes: 0, at };
    found.visit(graph, graph.root(), &mut String::new())?;
    Ok(found.leaves)
}

struct Found<'g, 'l> {
    leaves: Vec<(String, Leaf<'g>)>,
    with_elements: bool,
    /// Of names and of the parts that they were tried with.
    n_bytes: usize,
    at: &'l Location,
}

impl<'g> Found<'g, '_> {
    /// Goes as deep as the depth of the graph, which is capped.
    fn visit(&mut self, graph: &'g Graph<'_>, slot: Slot, name: &mut String) -> Result<(), Error> {
        let leaf = match (slot, graph.node(slot)) {
            (Slot::Bool(_) | Slot::Int(_) | Slot::Float(_), _) => Leaf::Number(slot),
            (_, Some(Node::Text(text))) => Leaf::Text(text),
            (_, Some(Node::Array(array))) => Leaf::Array(array),
            (_, Some(Node::Tensor(tensor))) => Leaf::Tensor(tensor),
            (_, Some(Node::Sparse(sparse))) => Leaf::Sparse(sparse),
            (_, Some(Node::Storage(storage))) => Leaf::Storage(storage),
            (_, Some(Node::List(items) | Node::Tuple(items))) => {
                for (i, &item) in items.iter().enumerate() {
                    self.visit_part(graph, item, name, &i.to_string())?;
                }
                return Ok(());
            }
            (_, Some(Node::Dict(entries))) => {
                for &(key, value) in entries {
                    match (key, graph.node(key)) {
                        (Slot::Int(n), _) => self.visit_part(graph, value, name, &n.get().to_string())?,
                        (_, Some(Node::Text(text))) => self.visit_part(graph, value, name, text)?,
                        _ => {}
                    }
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        if self.with_elements && matches!(leaf, Leaf::Number(_) | Leaf::Text(_)) {
            return Ok(());
        }
        self.count(name.len())?;
        let name = if name.is_empty() { ROOT } else { name };
        graph.budget().claim(name.len())?;
        graph.budget().room(&mut self.leaves, 1)?;
        self.leaves.push((name.to_owned(), leaf));
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.n_bytes += bytes;
        if self.n_bytes > MAX_NAMES {
            return Err(Error::TooLarge {
                at: self.at.boxed(),
                what: "all flat names together",
                size: self.n_bytes as u64,
                limit: MAX_NAMES as u64,
                remedy: "no honest file has such names; read it by `format::pt::read`",
            });
        }
        Ok(())
    }

    fn visit_part(&mut self, graph: &'g Graph<'_>, slot: Slot, name: &mut String, part: &str) -> Result<(), Error> {
        // one that is long may be shared by any number of dicts without arrays
        if part.len() > LONG {
            self.count(part.len())?;
        }
        let length = name.len();
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(part);
        self.visit(graph, slot, name)?;
        name.truncate(length);
        Ok(())
    }
}

/// All arrays under their flat names, and texts.
pub(super) fn tensors(graph: &Graph<'_>, store: &mut Store) -> Result<Tensors, Error> {
    let leaves = leaves(graph, false, &store.at)?;
    let budget = graph.budget();
    let storages = specs(leaves.iter().filter_map(|(_, leaf)| leaf.storage()), budget)?;
    let mut bare = storages.iter();
    let mut wanted = Vec::new();
    for (name, leaf) in &leaves {
        let entry = ENTRY + 2 * name.len();
        budget.claim(entry)?;
        match leaf {
            Leaf::Tensor(tensor) => wanted.push(*tensor),
            Leaf::Storage(_) => wanted.extend(bare.next()),
            Leaf::Sparse(sparse) => {
                budget.claim(3 * entry)?;
                wanted.extend(sparse.indices.iter().chain([&sparse.values]));
            }
            Leaf::Array(array) => budget.claim(array.n_bytes())?,
            Leaf::Text(text) => budget.claim(text.len())?,
            Leaf::Number(_) => {}
        }
    }
    let mut read = store.read(&wanted, budget)?.into_iter();
    let mut tensors = Tensors::default();
    let mut used = BTreeMap::new();
    for (name, leaf) in leaves {
        if used.insert(name.clone(), ()).is_some() {
            return Err(Error::DuplicateName { at: store.at.boxed(), what: "flat name", name });
        }
        let mut put = |name: String, array: Array| match tensors.arrays.insert(name.clone(), array) {
            None => Ok(()),
            Some(_) => Err(Error::DuplicateName { at: store.at.boxed(), what: "flat name", name }),
        };
        match leaf {
            Leaf::Tensor(_) | Leaf::Storage(_) => read.next().map_or(Ok(()), |array| put(name, array))?,
            Leaf::Sparse(sparse) => {
                let parts: &[&str] = match sparse.layout {
                    SparseLayout::Coo => &["indices"],
                    SparseLayout::Csr => &["crow_indices", "col_indices"],
                    SparseLayout::Csc => &["ccol_indices", "row_indices"],
                };
                for part in parts.iter().chain(&["values"]) {
                    read.next().map_or(Ok(()), |array| put(format!("{name}.{part}"), array))?;
                }
                put(format!("{name}.size"), Array::vector(sparse.size.to_vec()))?;
            }
            Leaf::Array(array) => put(name, array.clone())?,
            Leaf::Number(Slot::Bool(truth)) => put(name, Array::new(vec![], vec![truth])?)?,
            Leaf::Number(Slot::Int(n)) => put(name, Array::new(vec![], vec![n.get()])?)?,
            Leaf::Number(Slot::Float(x)) => put(name, Array::new(vec![], vec![x.get()])?)?,
            Leaf::Number(_) => {}
            Leaf::Text(text) => {
                tensors.metadata.insert(name, text.to_owned());
            }
        }
    }
    Ok(tensors)
}
