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
    /// Source and result are one file.
    #[error("{} is the file that is read; choose another name for the result", path.display())]
    SameFile {
        /// The file.
        path: PathBuf,
    },
    /// A name that cannot be that of a file.
    #[error("{name:?} cannot be the name of a connectome; use letters, digits, '.', '-' and '_'")]
    BadName {
        /// The name.
        name: String,
    },
}

impl From<connectome_io::Error> for Failure {
    fn from(error: connectome_io::Error) -> Self {
        Self::Work(error.into())
    }
}
