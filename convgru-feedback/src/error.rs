//! What can go wrong.

use tch::TchError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option that makes no sense, alone or beside another.
    #[error("{option}: {what}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A tensor of the wrong shape, kind or device.
    #[error("{what} is {got}; wanted is {want}")]
    Input {
        /// Which tensor.
        what: String,
        /// What it is.
        got: String,
        /// What it must be.
        want: String,
    },
    /// Data that cannot be used.
    #[error("{what}: {problem}")]
    Data {
        /// Which data.
        what: String,
        /// What is wrong with them, and what to do.
        problem: String,
    },
    /// A graph of areas was refused.
    #[error(transparent)]
    Graph(#[from] connectome_graph::Error),
    /// A file was refused.
    #[error(transparent)]
    File(#[from] connectome_io::Error),
    /// An operation could not be run or put into libtorch's graph.
    #[error(transparent)]
    Operation(#[from] tch_function::Error),
    /// libtorch refused.
    #[error("libtorch: {0}")]
    Torch(#[from] TchError),
}
