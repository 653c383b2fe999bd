//! What a solve gives: states, how each sample ended, and what it took.

use crate::{Error, SolveFailure};

/// How a sample ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// At its end time.
    Success,
    /// The controller wanted a step shorter than `dt_min`.
    ReachedDtMin,
    /// The number of steps ran out.
    ReachedMaxSteps,
    /// The error control wanted a step so short that time would not move, or the caller gave one.
    StepTooSmall,
    /// Too many steps in a row were rejected.
    TooManyRejects,
    /// A state that is not finite without error control to shorten the step (Euler, fixed steps), or any error that is not with
    /// [`Compat::Torchode`](crate::Compat::Torchode).
    InfiniteNorm,
    /// At rest before its end time: the derivative is as good as zero ([`Solver::steady_state`](crate::Solver::steady_state)).
    Steady,
    /// Ended by the caller ([`Stepper::stop`](crate::Stepper::stop)).
    Stopped,
    /// Unfinished because another sample failed (only with [`Compat::Torchode`](crate::Compat::Torchode)).
    Interrupted,
}

impl Status {
    /// The number that torchode gives it: 0 success (and unfinished without a fault of its own), 2 `dt_min`, 3 steps, 4 not finite.
    pub fn code(self) -> i64 {
        match self {
            Self::Success | Self::Steady | Self::Stopped | Self::Interrupted => 0,
            Self::ReachedDtMin | Self::StepTooSmall => 2,
            Self::ReachedMaxSteps => 3,
            Self::InfiniteNorm | Self::TooManyRejects => 4,
        }
    }

    /// Whether the sample reached its end time, came to rest or was stopped.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Success | Self::Steady | Self::Stopped)
    }

    /// What it means and what to do, in a sentence.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Success => "the sample reached its end time",
            Self::ReachedDtMin => {
                "the error control wants steps below dt_min; lower dt_min, loosen rtol/atol, or look for a discontinuity there"
            }
            Self::ReachedMaxSteps => {
                "the number of steps ran out; raise max_steps, loosen rtol/atol, or shorten the span: the problem may be stiff"
            }
            Self::StepTooSmall => {
                "the step fell below the precision of time; look for NaN, overflow or a discontinuity in the right-hand side there, \
                 or give a longer one"
            }
            Self::TooManyRejects => {
                "steps are rejected however short they are; look for NaN, overflow or a discontinuity in the right-hand side there"
            }
            Self::InfiniteNorm => "the error is not finite; look for NaN or overflow in the right-hand side there",
            Self::Steady => "the sample came to rest before its end time, as was asked for",
            Self::Stopped => "the sample was ended by the caller",
            Self::Interrupted => "another sample of the batch failed and ended the solve",
        }
    }
}

/// What a sample took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Steps tried.
    pub steps: usize,
    /// Steps accepted.
    pub accepted: usize,
    /// Evaluation times reached: the first so many of its values are valid, the others NaN.
    pub reached: usize,
}

/// The result of a solve.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution<T> {
    pub(crate) batch: usize,
    pub(crate) features: usize,
    pub(crate) points: usize,
    pub(crate) values: Vec<T>,
    pub(crate) end: Vec<T>,
    pub(crate) t: Vec<f64>,
    pub(crate) status: Vec<Status>,
    pub(crate) stats: Vec<Stats>,
    pub(crate) evaluations: usize,
    pub(crate) initial_step: Vec<f64>,
}

impl<T> Solution<T> {
    /// Shape of [`values`](Self::values): batch, evaluation times, features.
    pub fn shape(&self) -> [usize; 3] {
        [self.batch, self.points, self.features]
    }

    /// States at the evaluation times, `[batch, points, features]`; NaN where a failed sample did not come.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The same, given away.
    pub fn into_values(self) -> Vec<T> {
        self.values
    }

    /// The last state of each sample, `[batch, features]`: at its end time, or as far as it came.
    pub fn end(&self) -> &[T] {
        &self.end
    }

    /// The time of each last state, `[batch]`.
    pub fn t(&self) -> &[f64] {
        &self.t
    }

    /// How each sample ended, `[batch]`.
    pub fn status(&self) -> &[Status] {
        &self.status
    }

    /// What each sample took, `[batch]`.
    pub fn stats(&self) -> &[Stats] {
        &self.stats
    }

    /// Calls of the right-hand side, each for all samples that were running.
    pub fn evaluations(&self) -> usize {
        self.evaluations
    }

    /// The first step of each sample before it was fitted to the span, `[batch]`.
    pub fn initial_step(&self) -> &[f64] {
        &self.initial_step
    }

    /// Whether every sample reached its end time, or ended before as it was meant to.
    pub fn is_success(&self) -> bool {
        self.status.iter().all(|s| s.is_success())
    }

    /// The failure in words, if there is one.
    pub fn failure(&self) -> Option<SolveFailure> {
        let samples: Vec<usize> = (0..self.batch).filter(|&b| !self.status[b].is_success()).collect();
        // The one to name is the one that failed by itself.
        let first = *samples.iter().find(|&&b| self.status[b] != Status::Interrupted).or(samples.first())?;
        Some(SolveFailure {
            t: self.t[first],
            steps: self.stats[first].steps,
            status: self.status[first],
            first,
            samples,
        })
    }

    /// The solution where every sample succeeded.
    ///
    /// # Errors
    /// [`Error::Solve`] otherwise. Look at [`status`](Self::status) instead where partial results are of use.
    pub fn into_success(self) -> Result<Self, Error> {
        match self.failure() {
            None => Ok(self),
            Some(failure) => Err(Error::Solve(failure)),
        }
    }
}
