//! Solver problems and models of bioplnn and torchode.

mod mlp;
mod problem;
mod settings;
mod solver;

use crate::case::Case;
use crate::report::Report;

/// Checks a file by the leading words of its name.
pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let name = case.name();
    let starts = |words: &[&str]| words.iter().any(|w| name.starts_with(w));
    if starts(&["dopri5_adjoints"]) {
        mlp::run(case, report)
    } else if starts(&["dopri5_", "tsit5_", "heun_", "euler_", "bogacki_"]) {
        solver::run(case, report)
    } else {
        crate::not_understood(case, report)
    }
}
