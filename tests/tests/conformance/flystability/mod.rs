//! Lyapunov spectra, gradients of exponents, networks and training of FlyStability.
//!
//! Arrays with `ref` are what its code gives, for which there are [`Compat::FlyStability`](lyapunov::Compat) and
//! [`Derivative::FlyStability`](lyapunov::Derivative); those with `exact` are the defaults.

mod activations;
mod factorisation;
mod gradients;
mod linear;
mod losses;
mod problem;
mod spectrum;
mod step;

use crate::case::Case;
use crate::report::Report;

/// Files by the leading word of their names.
const RUNNERS: [(&str, crate::Runner); 7] = [
    ("activations", activations::run),
    ("grads", gradients::run),
    ("linear", linear::run),
    ("losses", losses::run),
    ("qr", factorisation::run),
    ("spectrum", spectrum::run),
    ("step", step::run),
];

/// Checks a file by its name.
pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let word = case.name().split('_').next().unwrap_or_default();
    match RUNNERS.iter().find(|(known, _)| *known == word) {
        Some((_, runner)) => runner(case, report),
        None => crate::not_understood(case, report),
    }
}
