//! Solver problems and models of bioplnn and torchode.

mod activations;
mod arrays;
mod connectivity;
mod dense;
mod gradients;
mod linear;
mod mlp;
mod model;
mod ode;
mod problem;
mod rnn;
mod settings;
mod solver;
mod trace;
mod training;

use crate::case::Case;
use crate::report::Report;

/// Files by the leading words of their names, the more special ones first.
const RUNNERS: [(&str, crate::Runner); 15] = [
    ("activations", activations::run),
    ("bogacki_", solver::run),
    ("classifier_", training::run_classifier),
    ("connectivity_helpers", connectivity::run),
    ("dopri5_adjoints_mlp", mlp::run),
    ("dopri5_", solver::run),
    ("euler_", solver::run),
    ("heun_", solver::run),
    ("ode_sequence_true", ode::run_true),
    ("ode_", ode::run),
    ("rnn_", rnn::run),
    ("sparse_linear", linear::run),
    ("sparse_rnn", rnn::run),
    ("train_adam", training::run_adam),
    ("tsit5_", solver::run),
];

/// Checks a file by the leading words of its name.
pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    match RUNNERS.iter().find(|(words, _)| case.name().starts_with(words)) {
        Some((_, runner)) => runner(case, report),
        None => crate::not_understood(case, report),
    }
}
