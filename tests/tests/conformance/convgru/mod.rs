//! Networks of brain areas with feedback.

mod data;

use crate::case::Case;
use crate::report::Report;

/// Checks a file by its kind.
pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    match case.setting("kind")? {
        "mel" => data::run_mel(case, report),
        "nhs" => data::run_neighborhood_hit(case, report),
        _ => crate::not_understood(case, report),
    }
}
