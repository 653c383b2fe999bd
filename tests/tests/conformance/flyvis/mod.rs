//! The fly visual system.

mod connectome;
mod eyes;
mod stimuli;

use crate::case::Case;
use crate::report::Report;

/// Checks a file by the leading words of its name.
pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let runners: [(&str, crate::Runner); 5] = [
        ("connectome_", connectome::run),
        ("eyes", eyes::run),
        ("flashes", stimuli::flashes),
        ("hexeye_mask", eyes::mask),
        ("moving_stimuli", stimuli::moving),
    ];
    match runners.into_iter().find(|(words, _)| case.name().starts_with(words)) {
        Some((_, runner)) => runner(case, report),
        None => crate::not_understood(case, report),
    }
}
