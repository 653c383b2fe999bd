//! Flat names of the arrays in nested dicts and lists.

use std::collections::BTreeMap;

use super::super::pickle::{Graph, Node, Slot, SparseLayout};
use super::super::safetensors::Tensors;
use super::store::Store;
use super::{SparseSpec, TensorSpec};
use crate::{Array, Error, Location};

/// Name of what has none.
pub(super) const ROOT: &str = "tensor";

/// Bytes that all names together may have.
const MAX_NAMES: usize = 64 << 20;

/// Something with elements, or a number or text.
#[derive(Debug, Clone)]
pub(super) enum Leaf<'g> {
    Tensor(TensorSpec),
    Sparse(&'g SparseSpec),
    Array(&'g Array),
    Number(Array),
    Text(&'g str),
}

impl Leaf<'_> {
    /// The shape; `None` for numbers and texts.
    pub(super) fn shape(&self) -> Option<Vec<u64>> {
        match self {
            Self::Tensor(tensor) => Some(tensor.size.clone()),
            Self::Sparse(sparse) => Some(sparse.size.to_vec()),
            Self::Array(array) => Some(array.shape().iter().map(|&n| n as u64).collect()),
            Self::Number(_) | Self::Text(_) => None,
        }
    }
}

/// All leaves with their names, in the order of the file.
pub(super) fn leaves<'g>(graph: &'g Graph<'_>, at: &Location) -> Result<Vec<(String, Leaf<'g>)>, Error> {
    let mut found = Found { leaves: Vec::new(), n_bytes: 0, at };
    found.visit(graph, graph.root(), &mut String::new())?;
    Ok(found.leaves)
}

struct Found<'g, 'l> {
    leaves: Vec<(String, Leaf<'g>)>,
    n_bytes: usize,
    at: &'l Location,
}

impl<'g> Found<'g, '_> {
    /// Goes as deep as the depth of the graph, which is capped.
    fn visit(&mut self, graph: &'g Graph<'_>, slot: Slot, name: &mut String) -> Result<(), Error> {
        let number = |data: crate::ArrayData| Array::new(vec![], data).map(Leaf::Number);
        let leaf = match (slot, graph.node(slot)) {
            (Slot::Bool(truth), _) => number(vec![truth].into())?,
            (Slot::Int(n), _) => number(vec![n].into())?,
            (Slot::Float(x), _) => number(vec![x].into())?,
            (_, Some(Node::Text(text))) => Leaf::Text(text),
            (_, Some(Node::Array(array))) => Leaf::Array(array),
            (_, Some(Node::Tensor(tensor))) => Leaf::Tensor((**tensor).clone()),
            (_, Some(Node::Sparse(sparse))) => Leaf::Sparse(sparse),
            (_, Some(Node::Storage(storage))) => Leaf::Tensor(storage.as_tensor()),
            (_, Some(Node::List(items) | Node::Tuple(items))) => {
                for (i, &item) in items.iter().enumerate() {
                    self.visit_part(graph, item, name, &i.to_string())?;
                }
                return Ok(());
            }
            (_, Some(Node::Dict(entries))) => {
                for &(key, value) in entries {
                    match (key, graph.node(key)) {
                        (Slot::Int(n), _) => self.visit_part(graph, value, name, &n.to_string())?,
                        (_, Some(Node::Text(text))) => self.visit_part(graph, value, name, text)?,
                        _ => {}
                    }
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.n_bytes += name.len();
        if self.n_bytes > MAX_NAMES {
            return Err(Error::TooLarge {
                at: self.at.boxed(),
                what: "all flat names together",
                size: self.n_bytes as u64,
                limit: MAX_NAMES as u64,
                remedy: "no honest file has such names; read it by `format::pt::read`",
            });
        }
        self.leaves.push((if name.is_empty() { ROOT.to_owned() } else { name.clone() }, leaf));
        Ok(())
    }

    fn visit_part(&mut self, graph: &'g Graph<'_>, slot: Slot, name: &mut String, part: &str) -> Result<(), Error> {
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
    let leaves = leaves(graph, &store.at)?;
    let mut wanted = Vec::new();
    for (_, leaf) in &leaves {
        match leaf {
            Leaf::Tensor(tensor) => wanted.push(tensor),
            Leaf::Sparse(sparse) => wanted.extend(sparse.indices.iter().chain([&sparse.values])),
            _ => {}
        }
    }
    let mut read = store.read(&wanted)?.into_iter();
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
            Leaf::Tensor(_) => read.next().map_or(Ok(()), |array| put(name, array))?,
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
            Leaf::Number(array) => put(name, array)?,
            Leaf::Text(text) => {
                tensors.metadata.insert(name, text.to_owned());
            }
        }
    }
    Ok(tensors)
}
