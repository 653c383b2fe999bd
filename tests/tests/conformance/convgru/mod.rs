//! Cells, networks, readouts and data of connectome-to-model.

mod cells;
mod data;
mod explicit;
mod graph;
mod parameters;
mod readouts;
mod table;
mod training;

use crate::case::Case;
use crate::report::Report;

/// Files by the metadata's `kind`.
const RUNNERS: [(&str, crate::Runner); 9] = [
    ("cell", cells::run_cell),
    ("cell2", cells::run_top_down),
    ("explicit", explicit::run),
    ("graph", graph::run),
    ("mel", data::run_mel),
    ("nhs", data::run_neighborhood_hit),
    ("readouts", readouts::run),
    ("table", table::run),
    ("train", training::run),
];

/// Checks a file by its kind.
pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let kind = case.setting("kind")?;
    match RUNNERS.iter().find(|(known, _)| *known == kind) {
        Some((_, runner)) => runner(case, report),
        None => Err(format!("no runner understands the kind {kind:?}")),
    }
}
