//! The fly visual system.

mod analysis;
mod connectome;
mod eyes;
mod network;
mod stimuli;

use crate::case::Case;
use crate::report::Report;

/// Checks a file by the leading words of its name.
pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let runners: [(&str, crate::Runner); 9] = [
        ("analysis", analysis::run),
        ("connectome_", connectome::run),
        ("eyes", eyes::run),
        ("flashes", stimuli::flashes),
        ("full_default", network::full),
        ("hexeye_mask", eyes::mask),
        ("moving_stimuli", stimuli::moving),
        ("small_network_f64", network::small_double),
        ("small_network", network::small),
    ];
    match runners.into_iter().find(|(words, _)| case.name().starts_with(words)) {
        Some((_, runner)) => runner(case, report),
        None => crate::not_understood(case, report),
    }
}
