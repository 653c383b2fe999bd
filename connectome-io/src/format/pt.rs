//! Files of torch, `.pt` and `.pth`: what `torch.save` writes, in the zip layout and in the one before it.
//!
//! Dense tensors of all element types but quantised ones, with storage offset, size and stride as the file states them;
//! sparse matrices in COO, CSR and CSC layout; parameters; dicts, lists, numbers and texts around them. Whole modules,
//! hybrid and blocked sparse tensors, nested and quantised tensors are refused by name. The pickle inside is
//! interpreted by [`crate::format::pickle`]: nothing in the file is executed.
//!
//! Every size is held against the storage, and every storage against the file, before memory is asked for. Tensors that
//! overlap or repeat elements may need more memory than the file; [`Limits::objects`] caps the excess.
//!
//! A checksum of zero on a stored member stands for none: torch writes that on demand.
//!
//! Source: torch 2.11, `torch/serialization.py` and `torch/_utils.py` (formats and calling conventions).

mod connectome;
mod legacy;
mod names;
mod rebuild;
mod spec;
mod store;
mod write;

use std::path::Path;

use super::pickle::{Budget, Graph, Machine, Value};
use super::safetensors::Tensors;
use crate::options::Limits;
use crate::{Array, Error, Location};

pub use connectome::read_connectome;
pub(crate) use connectome::{connectome_of, single_array_of};
pub(crate) use legacy::is_start;
pub(crate) use rebuild::{call, storage_of};
pub(crate) use spec::{Layout, SparseSpec, Storage, TensorSpec};
use store::File;
pub(crate) use store::{Store, is_archive};
pub use write::{Precision, Signs, WriteOptions, write, write_array, write_tensors, write_with};

/// Reads whatever a file holds, dense and sparse tensors among it.
///
/// Attributes of objects, such as the `_metadata` of a `state_dict`, and the `requires_grad` of tensors are left out.
///
/// # Errors
/// Those of [`crate::format::pickle::read_with`]; [`Error::Unsupported`] for tensors that are not read;
/// [`Error::Overflow`], [`Error::Truncated`], [`Error::Malformed`] for sizes, strides and offsets that lead out of a storage;
/// [`Error::UnsafeName`], [`Error::DuplicateName`], [`Error::TooLarge`] for hostile archives.
pub fn read(path: impl AsRef<Path>, limits: &Limits) -> Result<Value, Error> {
    let mut file = File::open(path.as_ref(), limits)?;
    let pickle = file.take_pickle();
    let graph = file.graph(&pickle)?;
    let parts = file.store.parts(&graph)?;
    graph.into_value(parts)
}

/// Reads the arrays of a file under flat names, as [`read_tensors_with`], with the default [`Limits`].
///
/// # Errors
/// As [`read_tensors_with`].
pub fn read_tensors(path: impl AsRef<Path>) -> Result<Tensors, Error> {
    read_tensors_with(path, &Limits::default())
}

/// Reads the arrays of a file under flat names, such as those of a `state_dict`.
///
/// Keys of dicts and indices of lists are joined by dots: `model.rnn.weight`, `layers.0`. A file that is one tensor calls it
/// `tensor`. Numbers become arrays without dimensions, texts go to the metadata. A sparse tensor becomes
/// `NAME.indices` (COO) or `NAME.crow_indices`, `NAME.col_indices` (CSR) or `NAME.ccol_indices`, `NAME.row_indices` (CSC),
/// with `NAME.values` and `NAME.size`. All else, such as `None`, is left out; [`read`] has it.
///
/// # Errors
/// As [`read`]; [`Error::DuplicateName`] if two values have the same flat name.
pub fn read_tensors_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Tensors, Error> {
    let mut file = File::open(path.as_ref(), limits)?;
    let pickle = file.take_pickle();
    let graph = file.graph(&pickle)?;
    names::tensors(&graph, &mut file.store)
}

/// Reads the only dense tensor of a file, or the only array inside of dicts and lists.
///
/// # Errors
/// As [`read`]; [`Error::Missing`] if there is not exactly one.
pub fn read_array(path: impl AsRef<Path>, limits: &Limits) -> Result<Array, Error> {
    let mut file = File::open(path.as_ref(), limits)?;
    let pickle = file.take_pickle();
    let graph = file.graph(&pickle)?;
    single_array_of(&graph, &mut file.store)
}

/// The objects of a pickle inside a file of torch.
fn graph<'a>(pickle: &'a [u8], at: &Location, budget: Budget) -> Result<(Graph<'a>, usize), Error> {
    if pickle.is_empty() {
        return Err(Error::Empty { at: at.boxed(), what: "bytes" });
    }
    Machine::run(pickle, at, true, budget)
}
