//! What can go wrong in a race.

use std::path::{Path, PathBuf};

/// Result of this package.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Arguments that make no sense.
    #[error("{0}; `cargo xtask race --list` names the races, `race --help` the options")]
    Usage(String),
    /// The peers' Python is not known.
    #[error(
        "PEERS_PYTHON is not set: `cargo xtask race {race}` installs the peers and sets it; with --ours this workspace runs alone"
    )]
    NoPeers {
        /// Name of the race.
        race: String,
    },
    /// A file or a process of the system.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file or program.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A contestant's process failed.
    #[error("{who} ended with {status} and the output {output:?}; what it wrote to standard error is above")]
    Child {
        /// Which contestant.
        who: String,
        /// Exit status of its process.
        status: String,
        /// Its standard output.
        output: String,
    },
    /// A contestant did not do the job.
    #[error("{who}: {what} is {got}, expected {want}; it did another job than the one that was asked for")]
    WrongJob {
        /// Which contestant.
        who: String,
        /// What was looked at.
        what: &'static str,
        /// What it is.
        got: f64,
        /// What it should be.
        want: f64,
    },
    /// The fly visual system.
    #[error(transparent)]
    FlyVision(#[from] fly_vision::Error),
    /// Arrays of a job.
    #[error("{0}; delete target/race to have the arrays made again")]
    Arrays(#[from] connectome_io::Error),
    /// An array of a job of another type.
    #[error("{} has other elements than expected; delete target/race to have the arrays made again", path.display())]
    Elements {
        /// The file.
        path: PathBuf,
    },
    /// A network.
    #[error(transparent)]
    Graph(#[from] connectome_graph::Error),
    /// Products.
    #[error(transparent)]
    Sparse(#[from] tch_sparse::Error),
    /// Exponents.
    #[error(transparent)]
    Lyapunov(#[from] ::lyapunov::Error),
    /// A model or solver.
    #[error(transparent)]
    Ode(#[from] sparse_ode::Error),
    /// A network of areas.
    #[error(transparent)]
    Areas(#[from] convgru_feedback::Error),
    /// Training.
    #[error(transparent)]
    Train(#[from] tch_train::Error),
    /// libtorch.
    #[error(transparent)]
    Torch(#[from] tch::TchError),
    /// Results as JSON.
    #[error("a result is not in the expected form: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// For `map_err` of an operation on a file or program.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }
}
