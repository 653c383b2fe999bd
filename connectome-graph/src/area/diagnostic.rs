//! What a network of areas does that its maker may not have meant.

use std::fmt::{self, Display};

use super::{AreaGraph, LongestPath};

/// A remark about a network. Areas are named as in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Diagnostic {
    /// An area gets neither stimuli nor feedforward edges.
    NoDrive {
        /// The area.
        area: String,
    },
    /// Feedforward edges lead to an area, but none of them comes, over any way, from an input.
    Unreachable {
        /// The area.
        area: String,
    },
    /// No way leads from an input to an output.
    SilentOutput {
        /// The output.
        area: String,
    },
    /// No way along feedforward or feedback edges leads from an area to an output.
    NoInfluence {
        /// The area.
        area: String,
    },
    /// Areas form a cycle of feedforward edges.
    Cycle {
        /// The areas, in the order of the table.
        areas: Vec<String>,
    },
    /// An area drives itself.
    SelfEdge {
        /// The area.
        area: String,
    },
    /// Feedback needs stimuli of several frames: by the time its sender has been driven, its receiver is not updated
    /// any more.
    LateFeedback {
        /// Frames from which on feedback carries a signal somewhere.
        first: u32,
        /// Frames from which on it does everywhere that signals reach.
        all: u32,
    },
    /// There is no feedback edge.
    NoFeedback,
    /// The table has negative entries, which [`FeedbackEdges::Reciprocal`](super::FeedbackEdges::Reciprocal) ignores.
    IgnoredEntries {
        /// How many.
        count: usize,
    },
}

impl Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDrive { area } => {
                write!(f, "{area} gets neither stimuli nor feedforward edges: it is never updated, its state stays 0")
            }
            Self::Unreachable { area } => {
                write!(f, "no feedforward edges lead from an input to {area}: it is never updated, its state stays 0")
            }
            Self::SilentOutput { area } => {
                write!(
                    f,
                    "the output {area} is never driven: no feedforward edges lead to it from an input, what is read is 0"
                )
            }
            Self::NoInfluence { area } => {
                write!(f, "neither feedforward nor feedback edges lead from {area} to an output: it does not matter")
            }
            Self::Cycle { areas } => {
                write!(
                    f,
                    "feedforward edges make a cycle of {}: signals keep arriving, however long it runs",
                    areas.join(", ")
                )
            }
            Self::SelfEdge { area } => write!(f, "{area} drives itself"),
            Self::LateFeedback { first, all } if first == all => {
                write!(f, "feedback carries no signal unless stimuli have {all} frames")
            }
            Self::LateFeedback { first: 1, all } => {
                write!(f, "some feedback carries no signal unless stimuli have {all} frames")
            }
            Self::LateFeedback { first, all } => {
                write!(
                    f,
                    "feedback carries no signal unless stimuli have {first} frames, and not everywhere before {all}"
                )
            }
            Self::NoFeedback => f.write_str("there is no feedback"),
            Self::IgnoredEntries { count } => {
                let entries = if *count == 1 { "entry of the table is" } else { "entries of the table are" };
                write!(
                    f,
                    "{count} negative {entries} ignored, since feedback is reciprocal: it goes against every \
                     feedforward edge; otherwise negative entries are the feedback"
                )
            }
        }
    }
}

impl AreaGraph {
    /// What the maker of the network may not have meant, in the order of the areas, then what concerns the whole.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let n = self.n_areas();
        let name = |area: usize| self.names[area].clone();
        let paths = self.longest_paths();
        let influential = self.influential();
        let mut found = Vec::new();
        for area in 0..n {
            if paths[area] == LongestPath::None {
                found.push(if self.outputs.contains(&area) {
                    Diagnostic::SilentOutput { area: name(area) }
                } else if self.sources[area].is_empty() {
                    Diagnostic::NoDrive { area: name(area) }
                } else {
                    Diagnostic::Unreachable { area: name(area) }
                });
            } else if !influential[area] {
                found.push(Diagnostic::NoInfluence { area: name(area) });
            }
            if self.targets[area].contains(&area) {
                found.push(Diagnostic::SelfEdge { area: name(area) });
            }
        }
        for cycle in self.cycles().into_iter().filter(|cycle| cycle.len() > 1) {
            found.push(Diagnostic::Cycle { areas: cycle.into_iter().map(name).collect() });
        }
        if self.feedback_sources.iter().all(Vec::is_empty) {
            found.push(Diagnostic::NoFeedback);
        }
        let distances = self.distances();
        let frames = self.feedback_edges().into_iter().filter_map(|(from, to)| frames(distances[from]?, paths[to]));
        let frames: Vec<u32> = frames.collect();
        if let (Some(&first), Some(&all)) = (frames.iter().min(), frames.iter().max())
            && all > 1
        {
            found.push(Diagnostic::LateFeedback { first, all });
        }
        if self.ignored > 0 {
            found.push(Diagnostic::IgnoredEntries { count: self.ignored });
        }
        found
    }

    /// The areas from which edges of any kind lead to an output, and the outputs.
    fn influential(&self) -> Vec<bool> {
        let mut found = vec![false; self.n_areas()];
        let mut open = self.outputs.clone();
        while let Some(area) = open.pop() {
            if !std::mem::replace(&mut found[area], true) {
                open.extend(self.sources[area].iter().chain(&self.feedback_sources[area]));
            }
        }
        found
    }
}

/// Frames that stimuli must have for feedback to carry a signal, from the distance of the sender and the longest way to
/// the receiver; `None` if the receiver is never updated.
///
/// The sender is first updated at the step of its distance, so that the receiver hears of it one step later; the
/// receiver is last updated when the last frame arrives over the longest way.
fn frames(sender: u32, receiver: LongestPath) -> Option<u32> {
    match receiver {
        LongestPath::None => None,
        LongestPath::Steps(last) => Some((sender + 2).saturating_sub(last).max(1)),
        LongestPath::Cyclic => Some(1),
    }
}
