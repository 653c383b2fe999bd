//! The fly visual system.

mod connectome;
mod network;

use crate::case::Case;
use crate::report::Report;

/// Checks a file by the leading words of its name.
pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    type Check = fn(&Case, &mut Report) -> crate::Outcome;
    let checks: [(&str, Check); 4] = [
        ("connectome_", connectome::run),
        ("full_default", network::full),
        ("small_network_f64", network::small_double),
        ("small_network", network::small),
    ];
    let check = checks.iter().find(|(prefix, _)| case.name().starts_with(prefix));
    check.map_or(crate::not_understood as Check, |(_, check)| *check)(case, report)
}
