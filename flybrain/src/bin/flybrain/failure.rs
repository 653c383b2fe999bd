//! What ends the program.

use std::path::PathBuf;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The library's error.
    #[error(transparent)]
    Work(#[from] flybrain::Error),
    /// Standard output is gone or full.
    #[error("cannot print: {0}")]
    Output(#[from] std::io::Error),
    /// Results that are no JSON.
    #[error("cannot print JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// There is no GPU that libtorch can use.
    #[error("no CUDA device; leave --cuda out, or see `cargo xtask doctor`")]
    NoCuda,
    /// No data set has this name.
    #[error("no data set is called {name:?}; known are {known}")]
    UnknownSet {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// The result would replace a file.
    #[error("{} exists; choose another name or add --force", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A folder where a file is to be written.
    #[error("{} is a folder; name a file", .path.display())]
    IsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// Processes that do not know of each other would do the same.
    #[error("this is one of {processes} processes that mpirun started, which would all do the same; {remedy}")]
    Alike {
        /// How many.
        processes: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// MPI does not start.
    #[cfg(feature = "mpi")]
    #[error("MPI was started before")]
    NoMpi,
    /// Other processes failed.
    #[cfg(feature = "mpi")]
    #[error("rank {} failed, and said why; what others did is kept, and the same command goes on", numbers(failed))]
    Ranks {
        /// Which.
        failed: Vec<usize>,
    },
    /// A result would be written over what it is made of.
    #[error("{} is read, and would be written over; choose another name, or another folder, for the result", path.display())]
    SameFile {
        /// The file.
        path: PathBuf,
    },
    /// A picture of what is no connectome.
    #[error("{} holds no connectome but an array, of which there is no picture; leave --picture out", path.display())]
    NoPicture {
        /// The file.
        path: PathBuf,
    },
    /// The result's folder is a file.
    #[error("{} is no folder; choose another place for the result", folder.display())]
    NoFolder {
        /// What is there.
        folder: PathBuf,
    },
    /// A name that cannot be that of a file.
    #[error("{name:?} cannot be the name of a connectome; use letters, digits, '.', '-' and '_'")]
    BadName {
        /// The name.
        name: String,
    },
}

#[cfg(feature = "mpi")]
fn numbers(list: &[usize]) -> String {
    list.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

impl From<connectome_io::Error> for Failure {
    fn from(error: connectome_io::Error) -> Self {
        Self::Work(error.into())
    }
}
