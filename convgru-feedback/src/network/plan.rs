//! Which area is updated when, and from which states.
//!
//! A plan names every state that a run produces by the update that wrote it, so that the schedules differ in here alone. States that
//! nothing asks for are never computed.

use connectome_graph::area::AreaGraph;

/// In which order areas see each other's states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Schedule {
    /// All areas at once: every state that is read, the area's own too, is that after the step before. Areas that are not updated keep
    /// theirs. The default.
    #[default]
    Synchronous,
    /// The reference since 2025: two sets of states, written in turns. Other areas' states are those of the step before, but an area's own
    /// is what it was **two** steps before, so that even and odd steps are two networks, and an output that is not updated in the last
    /// step can be zero.
    PingPong,
    /// The reference as it was for the paper: one set of states, so that an area sees what areas before it became in the same step. In
    /// the first step other areas count as zero. An input area that is a target too is updated twice per step.
    InPlace,
}

impl Schedule {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Synchronous, Self::PingPong, Self::InPlace];

    /// `synchronous`, `ping-pong` or `in-place`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Synchronous => "synchronous",
            Self::PingPong => "ping-pong",
            Self::InPlace => "in-place",
        }
    }
}

impl std::str::FromStr for Schedule {
    type Err = crate::Error;

    /// By [`Schedule::name`].
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|schedule| schedule.name() == name).ok_or_else(|| crate::Error::Option {
            option: "schedule",
            what: format!("{name:?} is none of {}", Self::ALL.map(Self::name).join(", ")),
        })
    }
}

/// The update that wrote a state; `None` for the zero before the first.
pub(crate) type Written = Option<u32>;

/// What an input area gets in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame {
    /// This frame of this input.
    Of { input: u32, time: u32 },
    /// The input has ended: a frame of zeros.
    Ended,
}

/// An area becomes active once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) step: u32,
    pub(crate) area: u32,
    /// Its own state.
    pub(crate) own: Written,
    /// For input areas.
    pub(crate) frame: Option<Frame>,
    /// States of its sources, in their order.
    pub(crate) sources: Vec<Written>,
    /// States of those that send it feedback, in their order, if feedback is on and has anything to come from.
    pub(crate) feedback: Option<Vec<Written>>,
}

/// All updates of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// In an order in which every state is there when it is read.
    pub(crate) updates: Vec<Update>,
    /// The set of states that each step wrote to, by step and area.
    pub(crate) after: Vec<Vec<Written>>,
    n_areas: usize,
}

impl Plan {
    /// `frames`: length of each input, in the order of the graph's input areas.
    pub(crate) fn new(graph: &AreaGraph, schedule: Schedule, frames: &[u32], steps: u32, with_feedback: bool) -> Self {
        let n = graph.n_areas();
        let mut plan = Self { updates: Vec::new(), after: Vec::new(), n_areas: n };
        let mut active: Vec<usize> = graph.inputs().to_vec();
        let zero = vec![Written::None; n];
        // Ping-pong alone uses the second one.
        let mut sets = [zero.clone(), zero.clone()];
        for step in 0..steps {
            let (current, others) = match schedule {
                Schedule::Synchronous => (0, sets[0].clone()),
                Schedule::PingPong => ((step % 2) as usize, sets[1 - (step % 2) as usize].clone()),
                Schedule::InPlace => (0, zero.clone()),
            };
            let before = sets[current].clone();
            for &area in &active {
                if graph.sources(area).is_empty() && !graph.inputs().contains(&area) {
                    continue;
                }
                let live = schedule == Schedule::InPlace;
                let seen = if live && step > 0 { &sets[current] } else { &others };
                let own = if live { &sets[current] } else { &before };
                let states = |areas: &[usize]| areas.iter().map(|&a| seen[a]).collect::<Vec<_>>();
                let feedback = graph.feedback_sources(area);
                let update = Update {
                    step,
                    area: area as u32,
                    own: own[area],
                    frame: frame(graph, frames, area, step),
                    sources: states(graph.sources(area)),
                    feedback: (with_feedback && step > 0 && !feedback.is_empty()).then(|| states(feedback)),
                };
                sets[current][area] = Some(plan.updates.len() as u32);
                plan.updates.push(update);
            }
            plan.after.push(sets[current].clone());
            active = following(graph, &active, frames, step + 1, schedule);
        }
        plan
    }

    /// The states at the end, by area.
    pub(crate) fn last(&self) -> Vec<Written> {
        self.after.last().cloned().unwrap_or_else(|| vec![None; self.n_areas])
    }

    /// Which updates some states depend on.
    pub(crate) fn needed(&self, wanted: impl IntoIterator<Item = Written>) -> Vec<bool> {
        let mut needed = vec![false; self.updates.len()];
        for update in wanted.into_iter().flatten() {
            needed[update as usize] = true;
        }
        for i in (0..self.updates.len()).rev() {
            if needed[i] {
                for read in self.updates[i].reads() {
                    needed[read as usize] = true;
                }
            }
        }
        needed
    }
}

impl Update {
    /// The updates whose states it reads.
    pub(crate) fn reads(&self) -> impl Iterator<Item = u32> {
        let feedback = self.feedback.iter().flatten();
        std::iter::once(&self.own).chain(&self.sources).chain(feedback).filter_map(|&written| written)
    }
}

fn frame(graph: &AreaGraph, frames: &[u32], area: usize, step: u32) -> Option<Frame> {
    let input = graph.inputs().iter().position(|&input| input == area)?;
    Some(if step < frames[input] { Frame::Of { input: input as u32, time: step } } else { Frame::Ended })
}

/// The areas that are active in a step: targets of those active before, each once, and inputs that have a frame.
fn following(graph: &AreaGraph, active: &[usize], frames: &[u32], step: u32, schedule: Schedule) -> Vec<usize> {
    let mut next = Vec::new();
    for &target in active.iter().flat_map(|&area| graph.targets(area)) {
        if !next.contains(&target) {
            next.push(target);
        }
    }
    for (&input, &length) in graph.inputs().iter().zip(frames) {
        if step < length && (schedule == Schedule::InPlace || !next.contains(&input)) {
            next.push(input);
        }
    }
    next
}
