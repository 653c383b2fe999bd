//! What can go wrong.

use std::path::{Path, PathBuf};

use tch::TchError;

/// What closures of the caller may return as an error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that makes no sense, alone or beside another.
    #[error("{option}: {what}")]
    Setting {
        /// Its name.
        option: &'static str,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A parameter that cannot be trained, or is named twice.
    #[error("parameter {name}: {what}")]
    Parameter {
        /// Its name.
        name: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// Gradients that are NaN or infinite, or so large that the square of their norm is.
    #[error(
        "the gradient's norm is {norm} because of {}; nothing was changed: lower the learning rate, or look for a division by \
         zero or an overflow in the loss", list(.parameters)
    )]
    Gradient {
        /// The norm over all parameters.
        norm: f64,
        /// Those to blame.
        parameters: Vec<String>,
    },
    /// A loss that is NaN or infinite.
    #[error(
        "training exploded: the loss is {loss} at step {step}; parameters are those of the step before. Lower the learning rate, \
         clip gradients, or look for NaN in the data of this batch; {}", resume_from(.last)
    )]
    Exploded {
        /// Steps done before it.
        step: u64,
        /// The loss.
        loss: f64,
        /// The newest complete checkpoint.
        last: Option<PathBuf>,
    },
    /// Parameters that are NaN or infinite after a step or its hook.
    #[error(
        "not finite after step {step}: {}. Nothing is saved: lower the learning rate, or look for an overflow in the hook after a step; \
         {}", list(.parameters), resume_from(.last)
    )]
    NotFinite {
        /// Steps done.
        step: u64,
        /// Those to blame.
        parameters: Vec<String>,
        /// The newest complete checkpoint.
        last: Option<PathBuf>,
    },
    /// What is saved and what is there do not go together.
    #[error("{what} does not fit:{}", lines(.differences))]
    Mismatch {
        /// What was to be loaded.
        what: String,
        /// Each difference, with both sides.
        differences: Vec<String>,
    },
    /// A file that is damaged or no checkpoint.
    #[error("{}: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A folder that belongs to another run.
    #[error(
        "{} holds checkpoints up to step {step}: call `resume` to go on from there, or choose another folder for a new run",
        .folder.display()
    )]
    NotFresh {
        /// The folder.
        folder: PathBuf,
        /// Step of the newest.
        step: u64,
    },
    /// A folder in which a run is going on.
    #[error("a run is saving its checkpoints to {} now: wait for its end, stop it, or choose another folder", .folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} {}: {source}", .path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A closure of the caller failed.
    #[error("{what} failed at step {step}: {source}")]
    Caller {
        /// Which closure.
        what: &'static str,
        /// Steps done before it.
        step: u64,
        /// What it returned.
        source: BoxError,
    },
    /// libtorch refused.
    #[error("libtorch: {}", brief(&.0.to_string()))]
    Torch(#[from] TchError),
}

impl Error {
    /// Makes an error of what the system says about a path.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { doing, path, source }
    }

    /// Nothing, or all differences at once.
    pub(crate) fn unless_empty(what: impl Into<String>, differences: Vec<String>) -> Result<(), Self> {
        if differences.is_empty() { Ok(()) } else { Err(Self::Mismatch { what: what.into(), differences }) }
    }
}

/// The part of libtorch's message before its C++ stack trace.
fn brief(text: &str) -> &str {
    text.split("Exception raised from").next().unwrap_or(text).trim_end()
}

fn list(names: &[String]) -> String {
    let shown = names.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > 8 { format!("{shown} and {} more", names.len() - 8) } else { shown }
}

fn lines(differences: &[String]) -> String {
    let mut text: String = differences.iter().take(20).map(|d| format!("\n  {d}")).collect();
    if differences.len() > 20 {
        text += &format!("\n  and {} more", differences.len() - 20);
    }
    text
}

fn resume_from(last: &Option<PathBuf>) -> String {
    match last {
        Some(path) => format!("the last good checkpoint is {}", path.display()),
        None => "there is no checkpoint yet".into(),
    }
}
