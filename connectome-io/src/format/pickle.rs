//! Pickles of Python that hold data and nothing else, protocols 0 to 5.
//!
//! A pickle is a program for a small machine. The interpreter here knows the instructions that data need, and calls
//! nothing: of the names that a pickle may look up, a fixed list has a meaning (`collections.OrderedDict`, `set`,
//! `frozenset`, `bytes`, `bytearray`, `complex`, `_codecs.encode`, NumPy's scalars, element types and numeric arrays, and in
//! files of torch the functions that put tensors together); any other is refused by an error that names it. So are
//! instances of classes, the extension registry, buffers outside of the file and containers that contain themselves.
//!
//! Lengths are held against the bytes that are left before memory is asked for, and all memory against the size of the file:
//! four times as much and [`Limits::objects`]. Arrays and bytes fit whatever their size (in protocol 0 up to 30 MB), and by
//! default lists of 500,000 numbers, dicts from 150,000 ids to texts and lists of 100,000 tuples of three. A [`Value`] takes
//! 24 bytes, and a tuple of three 112: larger ones are refused by [`Error::TooLarge`] until the limit is raised.
//!
//! Shared parts are shared in memory too, and the sizes of structures that share much are capped. Nesting is capped at
//! [`MAX_DEPTH`], so that values can be compared, printed and dropped by plain recursion.
//!
//! Source: the comments of Python's `pickletools` module; PEP 307, 3154 and 574.

mod budget;
mod globals;
mod graph;
mod keys;
mod machine;
mod node;
mod number;
mod numpy;
mod slot;
mod value;

use std::path::Path;

use super::pt;
use crate::options::{Limits, ReadOptions};
use crate::source::Source;
use crate::{Array, Connectome, Error, Location};

pub(crate) use budget::Budget;
pub(crate) use globals::{Global, TorchGlobal, dtype_name};
pub(crate) use graph::{Graph, Part};
pub(crate) use machine::Machine;
pub(crate) use node::Node;
pub(crate) use slot::Slot;
pub use value::{SparseLayout, SparseTensor, Value};

/// Containers inside one another that are read; deeper ones are refused.
pub const MAX_DEPTH: usize = 128;

/// Reads a pickle with the default [`Limits`]; a gzipped file is inflated on the way.
///
/// # Errors
/// As [`read_with`].
pub fn read(path: impl AsRef<Path>) -> Result<Value, Error> {
    read_with(path, &Limits::default())
}

/// Reads a pickle.
///
/// # Errors
/// [`Error::Unsupported`] for names that are not on the list and instructions that data do not need;
/// [`Error::Malformed`], [`Error::Truncated`], [`Error::TrailingBytes`], [`Error::TooLarge`], [`Error::Overflow`],
/// [`Error::DuplicateName`] for damaged or hostile files; [`Error::Empty`], [`Error::Io`].
pub fn read_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Value, Error> {
    let mut source = Source::open(path.as_ref(), limits)?;
    let bytes = source.read_all()?;
    graph(&bytes, &source.at, limits)?.into_value(Vec::new())
}

/// Reads a pickle from bytes in memory with the default [`Limits`].
///
/// # Errors
/// As [`read_with`].
pub fn from_bytes(bytes: &[u8]) -> Result<Value, Error> {
    from_bytes_with(bytes, &Limits::default())
}

/// Reads a pickle from bytes in memory.
///
/// # Errors
/// As [`read_with`].
pub fn from_bytes_with(bytes: &[u8], limits: &Limits) -> Result<Value, Error> {
    graph(bytes, &Location::memory(), limits)?.into_value(Vec::new())
}

/// Reads a connectivity matrix, the only square array of a pickle or the one that `options.member` names, as
/// [`super::pt::read_connectome`].
///
/// # Errors
/// As [`read_with`] and [`super::pt::read_connectome`].
pub fn read_connectome(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let mut source = Source::open(path.as_ref(), &options.limits)?;
    let bytes = source.read_all()?;
    pt::connectome_of(&graph(&bytes, &source.at, &options.limits)?, &mut pt::Store::none(source.at), options)
}

/// Reads the only array of a pickle.
///
/// # Errors
/// As [`read_with`]; [`Error::Missing`] if there is not exactly one.
pub fn read_array(path: impl AsRef<Path>, limits: &Limits) -> Result<Array, Error> {
    let mut source = Source::open(path.as_ref(), limits)?;
    let bytes = source.read_all()?;
    pt::single_array_of(&graph(&bytes, &source.at, limits)?, &mut pt::Store::none(source.at))
}

/// The objects of a pickle that fills `bytes`.
pub(crate) fn graph<'a>(bytes: &'a [u8], at: &Location, limits: &Limits) -> Result<Graph<'a>, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty { at: at.boxed(), what: "bytes" });
    }
    let (graph, end) = Machine::run(bytes, at, false, Budget::of(bytes, limits, at))?;
    if end < bytes.len() {
        return Err(Error::TrailingBytes { at: at.byte(end as u64), extra: (bytes.len() - end) as u64 });
    }
    Ok(graph)
}
