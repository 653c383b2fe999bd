//! What a pickle or a file of torch holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Array, Error, Location};

/// A value of Python. Clones are cheap: parts are shared, as they are in the file.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `None`.
    None,
    /// A truth value, NumPy's too.
    Bool(bool),
    /// A whole number, NumPy's too.
    Int(i64),
    /// A whole number beyond 64 bits, in decimal digits.
    BigInt(Arc<str>),
    /// A floating point number, NumPy's too.
    Float(f64),
    /// Text; element types and devices of torch as `torch.float32` and `cpu`.
    Text(Arc<str>),
    /// `bytes` or `bytearray`.
    Bytes(Arc<[u8]>),
    /// A list.
    List(Arc<[Value]>),
    /// A tuple, or a `torch.Size`.
    Tuple(Arc<[Value]>),
    /// A `set` or `frozenset`, in the order of the file.
    Set(Arc<[Value]>),
    /// A `dict` or `OrderedDict`, in the order of the file. Texts and whole numbers are distinct as keys.
    Dict(Arc<[(Value, Value)]>),
    /// An array of NumPy, a dense tensor, a bare storage of torch, or a complex number (no dimensions).
    Array(Arc<Array>),
    /// A sparse tensor of torch.
    Sparse(Arc<SparseTensor>),
}

/// How a sparse matrix of torch is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SparseLayout {
    /// Rows and columns of the entries, `[2, n]`.
    Coo,
    /// Row pointers and columns.
    Csr,
    /// Column pointers and rows.
    Csc,
}

/// A sparse matrix of torch, as stored: indices have been read, not checked.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseTensor {
    /// What `indices` are.
    pub layout: SparseLayout,
    /// Rows and columns.
    pub size: [u64; 2],
    /// COO: one array `[2, n]`; CSR and CSC: pointers, then indices.
    pub indices: Vec<Array>,
    /// One value per entry.
    pub values: Array,
    /// Whether the file declares that entries are sorted and distinct; `None` where it does not say, and for CSR and CSC.
    pub coalesced: Option<bool>,
}

impl Value {
    /// The text, if this is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The whole number, if this is one of 64 bits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    /// The number, if this is a float or a whole number, rounded where it exceeds 2^53.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            Self::Int(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// The array, if this is one.
    #[must_use]
    pub fn as_array(&self) -> Option<&Array> {
        if let Self::Array(array) = self { Some(array) } else { None }
    }

    /// The items of a list, tuple or set.
    #[must_use]
    pub fn as_items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a dict.
    #[must_use]
    pub fn as_dict(&self) -> Option<&[(Self, Self)]> {
        if let Self::Dict(entries) = self { Some(entries) } else { None }
    }

    /// The entry of a dict under a text; each call looks through the dict.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_dict()?.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// A dict from ids to texts, such as the `neurotransmitter_assignments.pkl` of FlyStability: body ids, as Python's or
    /// NumPy's integers, never through a float, to names.
    ///
    /// # Errors
    /// [`Error::Malformed`] if this is no dict, [`Error::BadNumber`] for a key that is no 64-bit integer,
    /// [`Error::BadValue`] for a value that is no text.
    pub fn to_text_by_id(&self) -> Result<BTreeMap<i64, String>, Error> {
        let here = Location::memory();
        let entries = self.as_dict().ok_or_else(|| Error::Malformed {
            at: here.key("pickle"),
            problem: format!("{} where a dict from ids to texts is wanted", self.kind()),
        })?;
        let entry = |(row, (key, value)): (usize, &(Self, Self))| {
            let id = key.as_i64().ok_or_else(|| Error::BadNumber {
                at: here.key(format!("key {row} of the dict")),
                text: key.brief(),
                wanted: "neuron id (whole number of 64 bits)",
            })?;
            let text = value.as_str().ok_or_else(|| Error::BadValue {
                at: here.key(format!("entry of {id}")),
                what: "text",
                text: value.brief(),
                allowed: "texts",
            })?;
            Ok((id, text.to_owned()))
        };
        entries.iter().enumerate().map(entry).collect()
    }

    /// What this is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::BigInt(_) => "a whole number",
            Self::Float(_) => "a float",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Set(_) => "a set",
            Self::Dict(_) => "a dict",
            Self::Array(_) => "an array",
            Self::Sparse(_) => "a sparse tensor",
        }
    }

    /// A short account of the value, for messages.
    pub(crate) fn brief(&self) -> String {
        match self {
            Self::Float(number) => number.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Text(text) => text.chars().take(40).collect(),
            Self::BigInt(digits) => digits.chars().take(40).collect(),
            other => other.kind().to_owned(),
        }
    }
}
