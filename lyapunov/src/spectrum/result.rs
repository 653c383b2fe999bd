//! Results.

use super::measures::{entropy, kaplan_yorke_dimension};
use tch_sparse::Real;

/// Running exponents.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// Time counted at each orthonormalisation. With [`Compat::FlyStability`](super::Compat::FlyStability) it begins with 1, and then
    /// has the time of the orthonormalisation before each one.
    pub times: Vec<f64>,
    /// `[times, k]`.
    pub exponents: Vec<f64>,
}

/// A Lyapunov spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum<T> {
    pub(super) exponents: Vec<f64>,
    pub(super) errors: Vec<f64>,
    pub(super) halves: Option<[Vec<f64>; 2]>,
    pub(super) time: f64,
    pub(super) steps: u64,
    pub(super) history: Option<History>,
    pub(super) intervals: Vec<u64>,
    pub(super) state: Vec<T>,
}

impl<T: Real> Spectrum<T> {
    /// The exponents, per unit of time, in the order of the tangents: nearly descending. `[k]`.
    pub fn exponents(&self) -> &[f64] {
        &self.exponents
    }

    /// The exponents in descending order, `[k]`.
    pub fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.exponents.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted
    }

    /// The largest exponent; NaN as long as none is known.
    pub fn largest(&self) -> f64 {
        self.exponents.iter().copied().fold(f64::NAN, f64::max)
    }

    /// Standard error of each exponent, from averages over about 20 blocks of the run; NaN for runs too short for five. `[k]`.
    ///
    /// They tell of a finite run, not of rounding or of the integrator's step, and are too small where the system remembers longer
    /// than a block lasts.
    pub fn standard_errors(&self) -> &[f64] {
        &self.errors
    }

    /// Whether each standard error is at most `tolerance`, and the two halves of the run agree within three standard errors of their
    /// difference plus the tolerance.
    pub fn has_converged(&self, tolerance: f64) -> bool {
        let Some([first, second]) = &self.halves else {
            return false;
        };
        // The halves' difference has the standard error 2 s: each half has s sqrt 2.
        let agree = |((a, b), s): ((&f64, &f64), &f64)| *s <= tolerance && (a - b).abs() <= 6.0 * s + tolerance;
        first.iter().zip(second).zip(&self.errors).all(agree)
    }

    /// Dimension of the attractor by Kaplan and Yorke; see [`kaplan_yorke_dimension`].
    pub fn kaplan_yorke_dimension(&self) -> f64 {
        kaplan_yorke_dimension(&self.exponents)
    }

    /// Entropy of Kolmogorov and Sinai by Pesin's identity, in nats per unit of time; see [`entropy`].
    pub fn entropy(&self) -> f64 {
        entropy(&self.exponents)
    }

    /// The running exponents, where they were kept.
    pub fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    /// Steps from one orthonormalisation to the next at the start, and every change that
    /// [`Compat::FlyStability`](super::Compat::FlyStability) made; other adapting intervals are not listed.
    pub fn intervals(&self) -> &[u64] {
        &self.intervals
    }

    /// Time in which growth was counted.
    pub fn time(&self) -> f64 {
        self.time
    }

    /// Steps done, transients included.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The same with the state in double precision.
    pub fn to_f64(&self) -> Spectrum<f64> {
        Spectrum {
            exponents: self.exponents.clone(),
            errors: self.errors.clone(),
            halves: self.halves.clone(),
            time: self.time,
            steps: self.steps,
            history: self.history.clone(),
            intervals: self.intervals.clone(),
            state: self.state.iter().map(|x| x.to_f64()).collect(),
        }
    }

    /// The state at the end, `[dimension]`.
    pub fn state(&self) -> &[T] {
        &self.state
    }
}
