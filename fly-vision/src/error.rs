//! What can go wrong.

use std::path::PathBuf;

use tch::TchError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that makes no sense, alone or for this network.
    #[error("{setting}: {what}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A list, table or tensor of the wrong length, shape, kind or device.
    #[error("{what} is {got}, wanted is {want}")]
    Shape {
        /// Which one.
        what: &'static str,
        /// What it is.
        got: String,
        /// What it must be.
        want: String,
    },
    /// A name that is not known: a cell type, an argument of a stimulus.
    #[error("there is no {what} {name:?}; there are: {known}")]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// Its name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A file that cannot be read or written.
    #[error("{path}: {doing}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file whose content is not what it should be.
    #[error("{path}: {what}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what would be right.
        what: String,
    },
    /// Activity that is no number any more.
    #[error("activity left the range of numbers at frame {frame} (first in a cell of type {cell_type}): {advice}")]
    NotFinite {
        /// The first such frame, from 0.
        frame: usize,
        /// The type of a cell.
        cell_type: String,
        /// What to try.
        advice: &'static str,
    },
    /// Wiring that cannot be expanded or used.
    #[error(transparent)]
    Graph(#[from] connectome_graph::Error),
    /// A file of wiring or arrays.
    #[error(transparent)]
    Data(#[from] connectome_io::Error),
    /// Training.
    #[error(transparent)]
    Training(#[from] tch_train::Error),
    /// A solver.
    #[error(transparent)]
    Solver(#[from] sparse_ode::Error),
    /// An operation.
    #[error(transparent)]
    Operation(#[from] tch_function::Error),
    /// A product.
    #[error(transparent)]
    Product(#[from] tch_sparse::Error),
    /// libtorch.
    #[error("libtorch: {}", brief(.0))]
    Torch(#[from] TchError),
}

/// The first line, without the C++ stack trace.
fn brief(error: &TchError) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("Internal torch error: ").to_owned()
}

impl Error {
    /// A setting that is wrong.
    pub(crate) fn setting(setting: &'static str, what: impl Into<String>) -> Self {
        Self::Setting { setting, what: what.into() }
    }

    /// A shape that is wrong.
    pub(crate) fn shape(what: &'static str, got: impl Into<String>, want: impl Into<String>) -> Self {
        Self::Shape { what, got: got.into(), want: want.into() }
    }

    /// A name that is not among those known.
    pub(crate) fn unknown<'a>(what: &'static str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        Self::Unknown { what, name: name.to_owned(), known }
    }
}
