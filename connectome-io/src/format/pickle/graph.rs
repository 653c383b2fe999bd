//! The objects that a pickle has made, as a flat list: nothing is nested, so nothing recurses however deep it is.

use std::sync::Arc;

use super::{Budget, Global, MAX_DEPTH, Node, Slot, SparseTensor, Value, keys};
use crate::{Array, Error, Location};

/// What is reachable from the root has been found to be finite, of bounded depth and not to grow without bound when
/// shared parts are counted every time.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    nodes: Vec<Node<'a>>,
    root: Slot,
    /// Objects that the root reaches, parts before the wholes.
    order: Vec<u32>,
    at: Location,
    budget: Budget,
}

/// Reached, but its parts are not done.
const OPEN: u64 = u64::MAX;

impl<'a> Graph<'a> {
    /// Checks the shape of what the root reaches.
    pub(super) fn new(mut nodes: Vec<Node<'a>>, root: Slot, at: &Location, budget: Budget) -> Result<Self, Error> {
        let malformed = |problem: String| Error::Malformed { at: at.boxed(), problem };
        let too_deep = || malformed(format!("containers are nested deeper than {MAX_DEPTH}, the limit"));
        budget.trim(&mut nodes);
        let limit = 16 * nodes.len() as u64 + (1 << 24);
        budget.claim(nodes.len() * (size_of::<u64>() + size_of::<u8>() + size_of::<u32>()))?;
        // Objects in each, shared parts counted every time; 0 if not reached.
        let mut counts = vec![0u64; nodes.len()];
        let mut heights = vec![0u8; nodes.len()];
        let mut order = Vec::with_capacity(nodes.len());
        let mut path: Vec<(u32, usize)> = Vec::new();
        if let Slot::Node(node) = root {
            counts[node.get() as usize] = OPEN;
            path.push((node.get(), 0));
        }
        while let Some((id, next)) = path.last_mut() {
            let (id, node) = (*id, &nodes[*id as usize]);
            if *next < node.children() {
                let child = node.child(*next);
                *next += 1;
                if let Slot::Node(child) = child {
                    let child = child.get();
                    match counts[child as usize] {
                        OPEN => return Err(malformed("a container contains itself".to_owned())),
                        0 => {
                            counts[child as usize] = OPEN;
                            path.push((child, 0));
                        }
                        _ => {}
                    }
                }
                if path.len() > MAX_DEPTH + 1 {
                    return Err(too_deep());
                }
                continue;
            }
            let (mut count, mut height) = (1u64, 0);
            for i in 0..node.children() {
                if let Slot::Node(child) = node.child(i) {
                    count += counts[child.get() as usize];
                    height = height.max(heights[child.get() as usize]);
                } else {
                    count += 1;
                }
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
            height += u8::from(node.children() > 0);
            if usize::from(height) > MAX_DEPTH {
                return Err(too_deep());
            }
            counts[id as usize] = count;
            heights[id as usize] = height;
            order.push(id);
            path.pop();
        }
        budget.free(counts);
        budget.free(heights);
        let dicts = order.iter().filter_map(|&id| match &nodes[id as usize] {
            Node::Dict(entries) => Some(entries.as_slice()),
            _ => None,
        });
        keys::check(dicts, &nodes, &budget, at)?;
        Ok(Self { nodes, root, order, at: at.clone(), budget })
    }

    /// The object of a slot.
    pub(crate) fn node(&self, slot: Slot) -> Option<&Node<'a>> {
        if let Slot::Node(place) = slot { self.nodes.get(place.get() as usize) } else { None }
    }

    /// All objects that the pickle has made, in their order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Node<'a>> {
        self.nodes.iter()
    }

    /// What the pickle describes.
    pub(crate) fn root(&self) -> Slot {
        self.root
    }

    /// Memory for what is made of the objects.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Objects that the root reaches, each once.
    pub(crate) fn reachable(&self) -> impl Iterator<Item = &Node<'a>> + Clone {
        self.order.iter().map(|&id| &self.nodes[id as usize])
    }

    /// The value, once the elements of dense tensors, sparse ones and storages have been read; `parts` holds them in the
    /// order of [`Graph::reachable`].
    pub(crate) fn into_value(self, parts: Vec<Part>) -> Result<Value, Error> {
        let mut parts = parts.into_iter();
        let Self { mut nodes, root, order, at, budget } = self;
        for id in order {
            let mut node = std::mem::replace(&mut nodes[id as usize], Node::EmptyArray);
            node.trim(&budget);
            let (size, freed) = sizes(&node);
            budget.claim(2 * size_of::<usize>() + size)?;
            let get = |slot: Slot| value_of(slot, &nodes);
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
                    None => return Err(unfinished(&at)),
                },
                Node::Global(_) | Node::NumpyDtype { .. } | Node::EmptyArray | Node::Layout(_) | Node::Value(_) => {
                    return Err(unfinished(&at));
                }
            };
            budget.release(freed);
            nodes[id as usize] = Node::Value(value);
        }
        Ok(value_of(root, &nodes))
    }
}

/// The value of a slot whose object has been replaced by its value.
fn value_of(slot: Slot, nodes: &[Node<'_>]) -> Value {
    match slot {
        Slot::None => Value::None,
        Slot::Bool(truth) => Value::Bool(truth),
        Slot::Int(number) => Value::Int(number.get()),
        Slot::Float(number) => Value::Float(number.get()),
        Slot::Node(place) => match &nodes[place.get() as usize] {
            Node::Value(value) => value.clone(),
            // Parts come before the wholes.
            _ => Value::None,
        },
    }
}

/// Bytes that the value of an object owns beside itself and the counts of those who share it, and bytes that the object gives
/// back.
fn sizes(node: &Node<'_>) -> (usize, usize) {
    match node {
        Node::BigInt(text) => (text.len(), node.heap()),
        Node::Text(text) => (text.len(), node.heap()),
        Node::Bytes(bytes) => (bytes.len(), node.heap()),
        Node::List(_) | Node::Tuple(_) | Node::Set(_) | Node::Dict(_) => {
            (size_of::<Value>() * node.children(), node.heap())
        }
        // Elements are moved.
        Node::Array(_) => (size_of::<Array>(), 0),
        _ => (size_of::<SparseTensor>(), 0),
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
