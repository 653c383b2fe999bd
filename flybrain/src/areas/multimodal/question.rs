//! What a network is asked.

use std::fmt;

use connectome_graph::area::paper::Tasks;
use convgru_feedback::stimulus::audiovisual::{Attend, AudioVisual, Scenario};

/// A scenario, and whether the digit that is seen or that is heard is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question {
    /// What is shown.
    pub scenario: Scenario,
    /// What is asked for.
    pub asked: Attend,
}

impl Question {
    /// What networks for some tasks are asked, what they learned first.
    pub fn of(tasks: Tasks) -> Vec<Self> {
        let ask = |asked, scenarios: &[Scenario]| {
            scenarios.iter().map(|&scenario| Self { scenario, asked }).collect::<Vec<_>>()
        };
        use Scenario::{
            Aligned, AmbiguousImage, AmbiguousImageConflict, AmbiguousSound, AmbiguousSoundConflict, Conflict, Control,
        };
        match tasks {
            Tasks::Image => ask(Attend::Image, &[AmbiguousImage, Conflict, Aligned, AmbiguousImageConflict]),
            Tasks::Audio => ask(Attend::Sound, &[AmbiguousSound, Conflict, Aligned, AmbiguousSoundConflict]),
            Tasks::Four => [
                ask(Attend::Image, &[AmbiguousImage, Conflict, Aligned, Control]),
                ask(Attend::Sound, &[AmbiguousSound, Conflict, Aligned, Control]),
            ]
            .concat(),
        }
    }

    /// The scenarios that networks for some tasks learn.
    pub fn learned(tasks: Tasks) -> &'static [Scenario] {
        match tasks {
            Tasks::Image => &[Scenario::AmbiguousImage, Scenario::Conflict],
            Tasks::Audio => &[Scenario::AmbiguousSound, Scenario::Conflict],
            Tasks::Four => &Scenario::TRAINED,
        }
    }

    /// The questions among [`of`](Self::of) that the network learned.
    pub fn is_learned(self, tasks: Tasks) -> bool {
        Self::learned(tasks).contains(&self.scenario)
    }

    /// Items of a set to ask about. Recordings may come in the order of their digits: where there are more than are wanted, the items are
    /// spread over all of them.
    pub(super) fn items(self, set: &AudioVisual, n: u64) -> Vec<(Scenario, u64)> {
        let stretch = (set.len(self.scenario) as u64).max(n);
        (0..n).map(|i| (self.scenario, (u128::from(i) * u128::from(stretch) / u128::from(n)) as u64)).collect()
    }

    /// In words: `ambiguous image`, `conflict`, ...
    pub fn words(self) -> &'static str {
        match self.scenario {
            Scenario::Aligned => "aligned",
            Scenario::AmbiguousImage => "ambiguous image",
            Scenario::AmbiguousSound => "ambiguous sound",
            Scenario::BothAmbiguous => "both ambiguous",
            Scenario::Conflict => "conflict",
            Scenario::AmbiguousImageConflict => "amb. image, conflict",
            Scenario::AmbiguousSoundConflict => "amb. sound, conflict",
            Scenario::Control => "both amb., conflict",
        }
    }
}

/// `uam_image`: the scenario and what is asked for.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.scenario, if self.asked == Attend::Image { "image" } else { "sound" })
    }
}
