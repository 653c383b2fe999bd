//! What goes into a step and what comes out.

use std::fmt;
use std::path::PathBuf;

use tch::Tensor;

/// What a step is to be computed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Steps done before.
    pub step: u64,
    /// Epochs done before.
    pub epoch: u64,
    /// Numbers of the samples, `[batch]`.
    pub indices: Vec<i64>,
    /// Seed of this step, a function of the run's seed and the step. libtorch's generators are seeded with it before each step; use it for
    /// generators of your own.
    pub seed: u64,
}

impl Batch {
    /// The numbers of the samples as a tensor, `[batch]`, for `index_select`.
    pub fn index(&self) -> Tensor {
        Tensor::from_slice(&self.indices)
    }
}

/// What a step gives.
#[derive(Debug)]
pub struct Outcome {
    pub(super) loss: Loss,
    pub(super) metrics: Vec<(String, f64)>,
}

#[derive(Debug)]
pub(super) enum Loss {
    Tensor(Tensor),
    Number(f64),
}

impl Outcome {
    /// A loss, one number, that the trainer differentiates.
    pub fn loss(loss: Tensor) -> Self {
        Self { loss: Loss::Tensor(loss), metrics: Vec::new() }
    }

    /// The value of a loss whose gradients were computed already. Gradients are zero when a step begins.
    pub fn differentiated(loss: f64) -> Self {
        Self { loss: Loss::Number(loss), metrics: Vec::new() }
    }

    /// A number for the log. All steps must give the same ones in the same order.
    #[must_use]
    pub fn metric(mut self, name: impl Into<String>, value: f64) -> Self {
        self.metrics.push((name.into(), value));
        self
    }
}

/// What a validation gives: the score, which decides which checkpoint is the best, and other numbers for the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    pub(super) list: Vec<(String, f64)>,
}

impl Scores {
    /// The score.
    pub fn new(name: impl Into<String>, score: f64) -> Self {
        Self { list: vec![(name.into(), score)] }
    }

    /// Another number.
    #[must_use]
    pub fn and(mut self, name: impl Into<String>, value: f64) -> Self {
        self.list.push((name.into(), value));
        self
    }
}

/// What a hook after a step is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Stepped {
    /// Steps done, this one included.
    pub step: u64,
    /// Loss before the step.
    pub loss: f64,
    /// Learning rate of each group in this step, in the order of groups.
    pub lr: Vec<(String, f64)>,
}

/// Why a run returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All steps are done.
    Finished,
    /// A signal was received.
    Interrupted,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Why it returned.
    pub ended: Ended,
    /// Steps done, earlier runs included.
    pub step: u64,
    /// Loss of the last step; NaN where there was none.
    pub loss: f64,
    /// The last checkpoint of this run.
    pub checkpoint: Option<PathBuf>,
    /// Time of this run.
    pub seconds: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, loss, seconds, .. } = self;
        match self.ended {
            Ended::Finished => write!(f, "finished: {step} steps, loss {loss:.4}, {seconds:.1} s")?,
            Ended::Interrupted => write!(f, "interrupted after step {step}, loss {loss:.4}, {seconds:.1} s")?,
        }
        match (&self.checkpoint, self.ended) {
            (Some(path), Ended::Finished) => write!(f, "; saved {}", path.display()),
            (Some(path), Ended::Interrupted) => {
                write!(f, "; saved {}: start the same run again with `resume` to go on", path.display())
            }
            (None, Ended::Interrupted) => write!(f, "; nothing is saved, since no checkpoints were asked for"),
            (None, Ended::Finished) => Ok(()),
        }
    }
}
