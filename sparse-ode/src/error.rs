//! What can go wrong.

use crate::{FieldError, Status};
use tch::TchError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Start, end or evaluation times that make no sense.
    #[error("times: {0}")]
    Times(String),
    /// A setting of the solver that makes no sense.
    #[error("solver: {0}")]
    Setting(String),
    /// A state whose length is not `batch x features`.
    #[error("the initial state has {got} numbers, {batch} samples of {features} features want {}", .batch * .features)]
    StateLength {
        /// Its length.
        got: usize,
        /// Samples, from the times.
        batch: usize,
        /// Numbers per sample, from the field.
        features: usize,
    },
    /// The right-hand side returned an error.
    #[error("the right-hand side failed at t = {t}: {source}")]
    Field {
        /// Time of the first running sample.
        t: f64,
        /// What it returned.
        source: FieldError,
    },
    /// Samples that did not reach their end.
    #[error("{0}")]
    Solve(SolveFailure),
    /// An option of a model that makes no sense, alone or beside another.
    #[error("{option}: {what}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A tensor of the wrong shape, kind or device.
    #[error("{what} is {got}, the model wants {want}")]
    Input {
        /// Which tensor.
        what: &'static str,
        /// What it is.
        got: String,
        /// What it must be.
        want: String,
    },
    /// A sparse product refused.
    #[error(transparent)]
    Sparse(#[from] tch_sparse::Error),
    /// An operation could not be run or put into libtorch's graph.
    #[error(transparent)]
    Operation(tch_function::Error),
    /// libtorch refused.
    #[error("libtorch: {0}")]
    Torch(#[from] TchError),
}

impl Error {
    /// The error of an operation's forward where it is one of this crate.
    pub(crate) fn from_op(error: tch_function::Error) -> Self {
        match error {
            tch_function::Error::Forward { op, source } => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => Self::Operation(tch_function::Error::Forward { op, source }),
            },
            other => Self::Operation(other),
        }
    }
}

/// Samples that did not reach their end, told by the first of them.
#[derive(Debug, Clone, PartialEq)]
pub struct SolveFailure {
    /// The first sample that failed.
    pub first: usize,
    /// Where it stopped.
    pub t: f64,
    /// How it ended.
    pub status: Status,
    /// Steps that it had tried.
    pub steps: usize,
    /// All samples that did not reach their end.
    pub samples: Vec<usize>,
}

impl std::fmt::Display for SolveFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, t, steps) = (self.first, self.t, self.steps);
        write!(f, "sample {first} stopped at t = {t} after {steps} steps: {}", self.status.advice())?;
        if self.samples.len() > 1 {
            write!(f, " ({} samples in all: ", self.samples.len())?;
            for (i, s) in self.samples.iter().take(8).enumerate() {
                write!(f, "{}{s}", if i > 0 { ", " } else { "" })?;
            }
            f.write_str(if self.samples.len() > 8 { ", ...)" } else { ")" })?;
        }
        Ok(())
    }
}
