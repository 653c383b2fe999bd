//! The objects that a pickle has made, as a flat list: nothing is nested, so nothing recurses however deep it is.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Global, MAX_DEPTH, SparseTensor, Value};
use crate::format::pt::{Layout, SparseSpec, Storage, TensorSpec};
use crate::{Array, Error, Location};

/// A place on the stack, in the memo or in a container.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Slot {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// An entry of the list of objects.
    Node(u32),
}

/// An object; boxed where it is large, since a short pickle can make many.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    /// Decimal digits.
    BigInt(String),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    List(Vec<Slot>),
    Tuple(Vec<Slot>),
    Set(Vec<Slot>),
    Dict(Vec<(Slot, Slot)>),
    Global(Global),
    /// An element type of NumPy: as written, and its byte order if that is known yet.
    NumpyDtype {
        code: Box<str>,
        order: char,
    },
    /// An array of NumPy whose state has not come yet.
    EmptyArray,
    Array(Box<Array>),
    Layout(Layout),
    Storage(Box<Storage>),
    Tensor(Box<TensorSpec>),
    Sparse(Box<SparseSpec>),
}

// One byte of a pickle may make an object.
const _: () = assert!(size_of::<Node<'_>>() <= 32);

impl Node<'_> {
    /// Slots that the object holds.
    fn children(&self) -> usize {
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => items.len(),
            Self::Dict(entries) => 2 * entries.len(),
            _ => 0,
        }
    }

    fn child(&self, i: usize) -> Slot {
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => items[i],
            Self::Dict(entries) => {
                let (key, value) = entries[i / 2];
                if i.is_multiple_of(2) { key } else { value }
            }
            _ => Slot::None,
        }
    }
}

/// What is reachable from the root has been found to be finite, of bounded depth and not to grow without bound when
/// shared parts are counted every time.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    nodes: Vec<Node<'a>>,
    root: Slot,
    /// Objects that the root reaches, parts before the wholes.
    order: Vec<u32>,
    at: Location,
}

/// Reached, but its parts are not done.
const OPEN: u64 = u64::MAX;

impl<'a> Graph<'a> {
    /// Checks the shape of what the root reaches.
    pub(super) fn new(nodes: Vec<Node<'a>>, root: Slot, at: &Location) -> Result<Self, Error> {
        let malformed = |problem: String| Error::Malformed { at: at.boxed(), problem };
        // Objects in each, shared parts counted every time; 0 if not reached.
        let mut counts = vec![0u64; nodes.len()];
        let mut heights = vec![0u32; nodes.len()];
        let mut order = Vec::new();
        let mut path: Vec<(u32, usize)> = Vec::new();
        if let Slot::Node(node) = root {
            counts[node as usize] = OPEN;
            path.push((node, 0));
        }
        while let Some((id, next)) = path.last_mut() {
            let node = &nodes[*id as usize];
            if *next < node.children() {
                let child = node.child(*next);
                *next += 1;
                if let Slot::Node(child) = child {
                    match counts[child as usize] {
                        OPEN => return Err(malformed("a container contains itself".to_owned())),
                        0 => {
                            counts[child as usize] = OPEN;
                            path.push((child, 0));
                        }
                        _ => {}
                    }
                }
                continue;
            }
            let (mut count, mut height) = (1u64, 0);
            for i in 0..node.children() {
                if let Slot::Node(child) = node.child(i) {
                    count = count.saturating_add(counts[child as usize]);
                    height = height.max(heights[child as usize]);
                } else {
                    count = count.saturating_add(1);
                }
            }
            counts[*id as usize] = count.min(OPEN - 1);
            heights[*id as usize] = height + u32::from(node.children() > 0);
            order.push(*id);
            path.pop();
        }
        if let Slot::Node(root) = root {
            let (count, height) = (counts[root as usize], heights[root as usize]);
            if height as usize > MAX_DEPTH {
                return Err(malformed(format!("containers are nested {height} deep, {MAX_DEPTH} is the limit")));
            }
            let limit = 16 * nodes.len() as u64 + (1 << 24);
            if count > limit {
                return Err(Error::TooLarge {
                    at: at.boxed(),
                    what: "the structure, shared parts counted every time they occur,",
                    size: count,
                    limit,
                    remedy: "no honest file shares so much; do not trust it",
                });
            }
        }
        let graph = Self { nodes, root, order, at: at.clone() };
        graph.check_keys()?;
        Ok(graph)
    }

    /// Refuses texts and whole numbers that stand twice as keys of one dict.
    fn check_keys(&self) -> Result<(), Error> {
        #[derive(PartialEq, Eq, Hash)]
        enum Key<'k> {
            Int(i64),
            Text(&'k str),
        }
        let mut seen = std::collections::HashSet::new();
        for &id in &self.order {
            let Node::Dict(entries) = &self.nodes[id as usize] else {
                continue;
            };
            seen.clear();
            for &(slot, _) in entries {
                let (key, name) = match (slot, self.node(slot)) {
                    (Slot::Int(n), _) => (Key::Int(n), n.to_string()),
                    (_, Some(Node::Text(text))) => (Key::Text(text), String::new()),
                    _ => continue,
                };
                if let Some(key) = seen.replace(key) {
                    let name = if let Key::Text(text) = key { text.to_owned() } else { name };
                    return Err(Error::DuplicateName { at: self.at.boxed(), what: "key of a dict", name });
                }
            }
        }
        Ok(())
    }

    /// The object of a slot.
    pub(crate) fn node(&self, slot: Slot) -> Option<&Node<'a>> {
        if let Slot::Node(id) = slot { self.nodes.get(id as usize) } else { None }
    }

    /// All objects that the pickle has made, in their order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Node<'a>> {
        self.nodes.iter()
    }

    /// What the pickle describes.
    pub(crate) fn root(&self) -> Slot {
        self.root
    }

    /// Objects that the root reaches, each once.
    pub(crate) fn reachable(&self) -> impl Iterator<Item = &Node<'a>> {
        self.order.iter().map(|&id| &self.nodes[id as usize])
    }

    /// The value, once the elements of dense tensors, sparse ones and storages have been read; `parts` holds them in the
    /// order of [`Graph::reachable`].
    pub(crate) fn into_value(self, parts: Vec<Part>) -> Result<Value, Error> {
        let mut parts = parts.into_iter();
        let mut values: Vec<Value> = Vec::new();
        // Where the value of an object stands.
        let mut place = vec![0u32; self.nodes.len()];
        let mut nodes: Vec<Option<Node<'a>>> = self.nodes.into_iter().map(Some).collect();
        for &id in &self.order {
            let Some(node) = nodes[id as usize].take() else {
                continue;
            };
            let get = |slot: Slot| match slot {
                Slot::None => Value::None,
                Slot::Bool(truth) => Value::Bool(truth),
                Slot::Int(number) => Value::Int(number),
                Slot::Float(number) => Value::Float(number),
                Slot::Node(id) => values[place[id as usize] as usize].clone(),
            };
            let all = |items: Vec<Slot>| -> Arc<[Value]> { items.into_iter().map(get).collect() };
            let value = match node {
                Node::BigInt(digits) => Value::BigInt(digits.into()),
                Node::Text(text) => Value::Text(text.into()),
                Node::Bytes(bytes) => Value::Bytes(bytes.into()),
                Node::List(items) => Value::List(all(items)),
                Node::Tuple(items) => Value::Tuple(all(items)),
                Node::Set(items) => Value::Set(all(items)),
                Node::Dict(entries) => Value::Dict(entries.into_iter().map(|(k, v)| (get(k), get(v))).collect()),
                Node::Array(array) => Value::Array(Arc::new(*array)),
                Node::Global(Global::Torch(super::TorchGlobal::Dtype(dtype))) => {
                    Value::Text(format!("torch.{}", super::globals::dtype_name(dtype)).into())
                }
                Node::Storage(_) | Node::Tensor(_) | Node::Sparse(_) => match parts.next() {
                    Some(Part::Array(array)) => Value::Array(Arc::new(array)),
                    Some(Part::Sparse(sparse)) => Value::Sparse(Arc::new(sparse)),
                    None => return Err(unfinished(&self.at)),
                },
                Node::Global(_) | Node::NumpyDtype { .. } | Node::EmptyArray | Node::Layout(_) => {
                    return Err(unfinished(&self.at));
                }
            };
            place[id as usize] = values.len() as u32;
            values.push(value);
        }
        Ok(match self.root {
            Slot::None => Value::None,
            Slot::Bool(truth) => Value::Bool(truth),
            Slot::Int(number) => Value::Int(number),
            Slot::Float(number) => Value::Float(number),
            Slot::Node(id) => values.swap_remove(place[id as usize] as usize),
        })
    }
}

/// Elements that were read for an object.
#[derive(Debug)]
pub(crate) enum Part {
    Array(Array),
    Sparse(SparseTensor),
}

fn unfinished(at: &Location) -> Error {
    Error::Unsupported {
        at: at.boxed(),
        what: "a class, function or element type among the data".to_owned(),
        remedy: "nothing was executed; save numbers, texts, lists, dicts and arrays alone",
    }
}
