//! Objects.

use std::borrow::Cow;

use super::{Budget, Global, Slot, Value};
use crate::Array;
use crate::format::pt::{Layout, SparseSpec, Storage, TensorSpec};

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
    /// What was made of an object in the end.
    Value(Value),
}

// One byte of a pickle may make an object.
const _: () = assert!(size_of::<Node<'_>>() <= 32);

impl Node<'_> {
    /// Slots that the object holds.
    pub(super) fn children(&self) -> usize {
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => items.len(),
            Self::Dict(entries) => 2 * entries.len(),
            _ => 0,
        }
    }

    pub(super) fn child(&self, i: usize) -> Slot {
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => items[i],
            Self::Dict(entries) => {
                let (key, value) = entries[i / 2];
                if i.is_multiple_of(2) { key } else { value }
            }
            _ => Slot::None,
        }
    }

    /// Gives the room for further items back.
    pub(super) fn trim(&mut self, budget: &Budget) {
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => budget.trim(items),
            Self::Dict(entries) => budget.trim(entries),
            _ => {}
        }
    }

    /// Bytes that the object owns beside itself.
    pub(super) fn heap(&self) -> usize {
        match self {
            Self::BigInt(text) | Self::Text(Cow::Owned(text)) => text.capacity(),
            Self::Bytes(Cow::Owned(bytes)) => bytes.capacity(),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => size_of::<Slot>() * items.capacity(),
            Self::Dict(entries) => size_of::<(Slot, Slot)>() * entries.capacity(),
            Self::NumpyDtype { code, .. } => code.len(),
            Self::Array(array) => array.n_bytes(),
            Self::Storage(storage) => storage.heap(),
            Self::Tensor(tensor) => tensor.heap(),
            Self::Sparse(sparse) => sparse.heap(),
            Self::Text(Cow::Borrowed(_))
            | Self::Bytes(Cow::Borrowed(_))
            | Self::Global(_)
            | Self::EmptyArray
            | Self::Layout(_)
            | Self::Value(_) => 0,
        }
    }
}
