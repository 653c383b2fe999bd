//! What can go wrong.

use tch::{Device, Kind, TchError};

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A sparsity pattern that is none.
    #[error("invalid sparsity pattern, row {row}: {what}")]
    Pattern {
        /// Where.
        row: usize,
        /// What is wrong there.
        what: String,
    },
    /// A tensor of the wrong shape.
    #[error("{what} has shape {got:?}, the operation wants {want}")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        got: Vec<i64>,
        /// The right one.
        want: String,
    },
    /// Tensors that do not go together, or numbers without a kernel.
    #[error(
        "values are {values:?} on {values_device:?}, the dense matrix is {dense:?} on {dense_device:?}; \
         both must be Float or both Double, on one device"
    )]
    Mixed {
        /// Kind of the values.
        values: Kind,
        /// Their device.
        values_device: Device,
        /// Kind of the dense matrix.
        dense: Kind,
        /// Its device.
        dense_device: Device,
    },
    /// A number of threads that cannot be set.
    #[error("cannot use {n} threads: {why}")]
    Threads {
        /// The number asked for.
        n: usize,
        /// The reason.
        why: String,
    },
    /// The kernels for CUDA devices cannot be set up or started.
    #[error("{doing}: {reason}")]
    Cuda {
        /// What was tried.
        doing: &'static str,
        /// What stood in the way.
        reason: String,
    },
    /// libtorch refused.
    #[error("libtorch: {0}")]
    Torch(#[from] TchError),
    /// A differentiable operation failed.
    #[error(transparent)]
    Function(#[from] tch_function::Error),
}
