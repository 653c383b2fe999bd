//! Pickles of Python that hold data and nothing else, protocols 0 to 5.
//!
//! A pickle is a program for a small machine. The interpreter here knows the instructions that data need, and calls
//! nothing: of the names that a pickle may look up, a fixed list has a meaning (`collections.OrderedDict`, `set`,
//! `frozenset`, `bytes`, `bytearray`, `complex`, `_codecs.encode`, NumPy's scalars, element types and numeric arrays, and in
//! files of torch the functions that put tensors together); any other is refused by an error that names it. So are
//! instances of classes, the extension registry, buffers outside of the file and containers that contain themselves.
//!
//! Lengths are held against the bytes that are left before memory is asked for. Shared parts are shared in memory too, and
//! the sizes of structures that share much are capped. Nesting is capped at [`MAX_DEPTH`], so that values can be
//! compared, printed and dropped by plain recursion.
//!
//! Source: the comments of Python's `pickletools` module; PEP 307, 3154 and 574.

mod globals;
mod graph;
mod machine;
mod number;
mod numpy;
mod value;

use std::path::Path;

use super::pt;
use crate::options::{Limits, ReadOptions};
use crate::source::Source;
use crate::{Array, Connectome, Error, Location};

pub(crate) use globals::{Global, TorchGlobal, dtype_name};
pub(crate) use graph::{Graph, Node, Part, Slot};
pub(crate) use machine::Machine;
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
    graph(&bytes, &source.at)?.into_value(Vec::new())
}

/// Reads a pickle from bytes in memory.
///
/// # Errors
/// As [`read_with`].
pub fn from_bytes(bytes: &[u8]) -> Result<Value, Error> {
    graph(bytes, &Location::memory())?.into_value(Vec::new())
}

/// Reads a connectivity matrix, the only square array of a pickle or the one that `options.member` names, as
/// [`super::pt::read_connectome`].
///
/// # Errors
/// As [`read_with`] and [`super::pt::read_connectome`].
pub fn read_connectome(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let mut source = Source::open(path.as_ref(), &options.limits)?;
    let bytes = source.read_all()?;
    pt::connectome_of(&graph(&bytes, &source.at)?, &mut pt::Store::none(source.at), options)
}

/// Reads the only array of a pickle.
///
/// # Errors
/// As [`read_with`]; [`Error::Missing`] if there is not exactly one.
pub fn read_array(path: impl AsRef<Path>, limits: &Limits) -> Result<Array, Error> {
    let mut source = Source::open(path.as_ref(), limits)?;
    let bytes = source.read_all()?;
    pt::single_array_of(&graph(&bytes, &source.at)?, &mut pt::Store::none(source.at))
}

/// The objects of a pickle that fills `bytes`.
pub(crate) fn graph<'a>(bytes: &'a [u8], at: &Location) -> Result<Graph<'a>, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty { at: at.boxed(), what: "bytes" });
    }
    let (graph, end) = Machine::run(bytes, at, false)?;
    if end < bytes.len() {
        return Err(Error::TrailingBytes { at: at.byte(end as u64), extra: (bytes.len() - end) as u64 });
    }
    Ok(graph)
}
