//! The fly visual system.

mod analysis;
mod augmentation;
mod connectome;
mod decoder;
mod eyes;
mod network;
mod optimal_stimuli;
mod schedulers;
mod stimuli;
mod training;

use crate::case::Case;
use crate::report::Report;

/// Checks a file by the leading words of its name.
pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let runners: [(&str, crate::Runner); 14] = [
        ("analysis", analysis::run),
        ("augmentation", augmentation::run),
        ("connectome_", connectome::run),
        ("decoder", decoder::run),
        ("eyes", eyes::run),
        ("flashes", stimuli::flashes),
        ("full_default", network::full),
        ("hexeye_mask", eyes::mask),
        ("moving_stimuli", stimuli::moving),
        ("optimal_stimuli", optimal_stimuli::run),
        ("schedulers", schedulers::run),
        ("small_network_f64", network::small_double),
        ("small_network", network::small),
        ("training", training::run),
    ];
    match runners.into_iter().find(|(words, _)| case.name().starts_with(words)) {
        Some((_, runner)) => runner(case, report),
        None => crate::not_understood(case, report),
    }
}
