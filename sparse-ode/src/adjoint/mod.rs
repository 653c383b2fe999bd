//! Gradients of solves.
//!
//! The default is the exact gradient of what was computed, with the lengths of steps as constants: the steps are gone through
//! backwards, each one's stages are computed again from its stored state, and the field's pull-back takes the gradient from each
//! stage to the ones before. With stages `Y_s = y + dt sum_r a_sr k_r`, `k_s = f(t + c_s dt, Y_s)` and gradients written with a bar,
//!
//! `k_s' = dt (b_s y1' + sum_r a_rs Y_r')`, `Y_s' = (df/dy)^T k_s'`, `y' = y1' + sum_s Y_s'`.
//!
//! Source: Hairer, Norsett & Wanner, *Solving ODEs I*, 2nd ed., II.1 (the method), transposed; A. Griewank and A. Walther,
//! *Evaluating Derivatives*, 2nd ed., ch. 12 (which states to keep).

pub(crate) mod arithmetic;
mod attempt;
mod continuous;
mod control;
mod dense;
mod recording;
mod reverse;
mod schedule;

pub use recording::Recording;
pub use reverse::{Cotangents, Gradients};

/// What the gradient of a solve is the gradient of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Adjoint {
    /// Of the numbers computed, the lengths of steps being constants (those that were shortened to end at a given time follow it).
    /// The default: exact for the discrete solution, and as close to the true gradient as the solution is to the true one.
    #[default]
    ConstantSteps,
    /// Of the numbers computed, the choice of the lengths of steps included, with rejected attempts and the first guess. What
    /// torchode does; where the field is not smooth it is far from the true gradient.
    ThroughStepSizes,
    /// Of the true solution: an equation for the gradient is solved backward in time, with the same method and tolerances, from the
    /// values at the evaluation times alone, which it keeps in place of all steps. As exact as the tolerances are. Every sample must
    /// have reached its end.
    Continuous(ErrorOf),
}

/// What the error of the continuous adjoint is measured on, and so what its steps follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorOf {
    /// The state and the gradient with respect to it; that of the parameters is an integral along these steps (P. Kidger et al.,
    /// "Hey, that's not an ODE", ICML 2021). The default.
    #[default]
    States,
    /// The gradients with respect to parameters and time as well, of each sample: what torchode's backsolving adjoints do. It takes
    /// some copies of the parameters for each sample.
    Everything,
}

/// Which states a recording keeps. The others are computed again in the reverse pass, to rounding: where samples took different
/// numbers of attempts they come in other company than in the solve, and sums may be rounded in another order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checkpointing {
    /// Every one: the least work. The default.
    #[default]
    All,
    /// Every k-th: `1/k` of the memory and `k` states more during the reverse pass, for one more evaluation of each step.
    Every(usize),
    /// At most so many of each sample, and two to work with, whatever the number of steps. With `s` of them, `(s + t)! / (s! t!)`
    /// steps are computed again some `t` times each (up to once more, since the solve places half of them before it knows how many steps
    /// there are): 10 do for 1,000 steps at 5 times, 2 at 44.
    Binomial(usize),
}

impl Checkpointing {
    /// How many of at most `most` states the solve itself keeps. The rest are for the reverse pass.
    fn recorded(most: usize) -> usize {
        (most / 2).max(1)
    }
}
