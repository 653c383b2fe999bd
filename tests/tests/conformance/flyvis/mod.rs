//! The fly visual system.

mod augmentation;
mod connectome;
mod decoder;
mod schedulers;

use crate::case::Case;
use crate::report::Report;

/// Checks a file by the leading words of its name.
pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    if case.name().starts_with("connectome_") {
        connectome::run(case, report)
    } else if case.name().starts_with("decoder") {
        decoder::run(case, report)
    } else if case.name().starts_with("augmentation") {
        augmentation::run(case, report)
    } else if case.name().starts_with("schedulers") {
        schedulers::run(case, report)
    } else {
        crate::not_understood(case, report)
    }
}
