//! Lyapunov spectra, gradients of exponents, networks and training of FlyStability.
//!
//! Arrays with `ref` are what its code gives, for which there are [`Compat::FlyStability`](lyapunov::Compat) and
//! [`Derivative::FlyStability`](lyapunov::Derivative); those with `exact` are the defaults.

mod activations;
mod factorisation;
mod gradients;
mod linear;
mod losses;
mod networks;
mod problem;
mod spectrum;
mod step;
mod training;

use crate::case::Case;
use crate::report::Report;

/// Files by the leading word of their names.
const RUNNERS: [(&str, crate::Runner); 11] = [
    ("activations", activations::run),
    ("connectome", networks::connectome),
    ("grads", gradients::run),
    ("linear", linear::run),
    ("losses", losses::run),
    ("matrices", networks::matrices),
    ("qr", factorisation::run),
    ("sinkhorn", networks::sinkhorn),
    ("spectrum", spectrum::run),
    ("step", step::run),
    ("train", training::run),
];

/// Checks a file by its name.
pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let word = case.name().split('_').next().unwrap_or_default();
    match RUNNERS.iter().find(|(known, _)| *known == word) {
        Some((_, runner)) => runner(case, report),
        None => crate::not_understood(case, report),
    }
}
