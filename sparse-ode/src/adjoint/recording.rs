//! What a solve leaves for its reverse pass: every step's time and length, and states at some of them.

use super::Checkpointing;
use crate::columns::{Columns, LastStep, Stop};
use crate::control::Memory;
use crate::interpolation::Point;
use crate::math::Number;
use crate::{Adjoint, Solution, Solver, Times};

/// One attempt at a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    pub(super) t: f64,
    pub(super) dt: f64,
    pub(super) piece: usize,
    pub(super) accepted: bool,
    /// What it was shortened to end at, if it was.
    pub(super) cut: Option<Stop>,
    /// Error ratio, where the method has an estimate.
    pub(super) error: f64,
    /// What the controller remembered before.
    pub(super) memory: Memory,
    /// Steps accepted before: the number of the state from which it starts.
    pub(super) state: usize,
}

/// A solve with what its reverse pass needs. See [`Solver::record`](crate::Solver::record).
#[derive(Debug, Clone)]
pub struct Recording<T> {
    pub(super) solver: Solver,
    pub(super) times: Times,
    pub(super) features: usize,
    /// By sample, in order; only those accepted where steps count as constants.
    pub(super) attempts: Vec<Vec<Attempt>>,
    /// By sample: the state of the step that a value lies in, and the value's place in it (its column is the sample).
    pub(super) points: Vec<Vec<(usize, Point)>>,
    /// By sample, the values that are the initial state.
    pub(super) starts: Vec<Vec<usize>>,
    /// States numbered `stride i` are kept, by sample.
    pub(super) states: Vec<Vec<Vec<T>>>,
    pub(super) stride: usize,
    /// For the continuous adjoint: what the solve gave, if every sample reached its end.
    pub(super) kept: Option<Kept<T>>,
}

/// Results of a solve.
#[derive(Debug, Clone)]
pub(super) struct Kept<T> {
    /// `[batch, points, features]`
    pub(super) values: Vec<T>,
    /// `[batch, features]`
    pub(super) end: Vec<T>,
}

impl<T: Number> Recording<T> {
    pub(crate) fn new(solver: &Solver, times: &Times, features: usize) -> Self {
        let batch = times.batch();
        Self {
            solver: solver.clone(),
            times: times.clone(),
            features,
            attempts: vec![Vec::new(); batch],
            points: vec![Vec::new(); batch],
            starts: vec![Vec::new(); batch],
            states: vec![Vec::new(); batch],
            stride: match solver.checkpointing {
                Checkpointing::Every(k) => k.max(1),
                Checkpointing::All | Checkpointing::Binomial(_) => 1,
            },
            kept: None,
        }
    }

    /// Keeps the results where the continuous adjoint needs them.
    pub(crate) fn finish(&mut self, solution: &Solution<T>, values: &[T]) {
        if self.is_continuous() && solution.is_success() {
            self.kept = Some(Kept { values: values.to_vec(), end: solution.end().to_vec() });
        }
    }

    fn is_continuous(&self) -> bool {
        matches!(self.solver.adjoint, Adjoint::Continuous(_))
    }

    pub(crate) fn starts_with(&mut self, sample: usize, slot: usize) {
        self.starts[sample].push(slot);
    }

    /// Keeps the states from which the running samples go on, `[features, columns]`. `accepted` counts the steps of each sample.
    pub(crate) fn keep_states(&mut self, columns: &Columns, y: &[T], accepted: impl Fn(usize) -> usize) {
        let batch = columns.sample.len();
        if self.is_continuous() {
            return;
        }
        for (b, &sample) in columns.sample.iter().enumerate() {
            let state = accepted(sample);
            if state.is_multiple_of(self.stride) && state / self.stride == self.states[sample].len() {
                self.states[sample].push((0..self.features).map(|row| y[row * batch + b]).collect());
                self.thin_out(sample);
            }
        }
    }

    /// Drops every second state where there are too many.
    fn thin_out(&mut self, sample: usize) {
        if let Checkpointing::Binomial(most) = self.solver.checkpointing
            && self.states[sample].len() > Checkpointing::recorded(most)
        {
            self.stride *= 2;
            for states in &mut self.states {
                let mut number = 0;
                states.retain(|_| {
                    number += 1;
                    number % 2 == 1
                });
            }
        }
    }

    /// Adds the attempts of all running samples.
    pub(crate) fn attempted(&mut self, columns: &Columns, memory: &[Memory], last: &LastStep, points: &[Point]) {
        if self.is_continuous() {
            return;
        }
        for (b, &sample) in columns.sample.iter().enumerate() {
            let accepted = last.accepted[b];
            let state = self.attempts[sample].last().map_or(0, |a| a.state + usize::from(a.accepted));
            if accepted || self.solver.adjoint == Adjoint::ThroughStepSizes {
                self.attempts[sample].push(Attempt {
                    t: last.t[b],
                    dt: last.dt[b],
                    piece: columns.piece[b],
                    accepted,
                    cut: columns.cut[b],
                    error: last.error[b],
                    memory: memory[b],
                    state,
                });
            }
            for p in points.iter().filter(|p| p.column == b) {
                self.points[sample].push((state, Point { column: sample, ..*p }));
            }
        }
    }

    /// Numbers per sample.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Number of accepted steps of the sample that took most.
    pub(super) fn n_states(&self) -> usize {
        self.attempts.iter().filter_map(|list| list.last()).map(|a| a.state + 1).max().unwrap_or(0)
    }

    /// Samples that have an attempt from a state.
    pub(super) fn samples_at(&self, state: usize) -> Vec<usize> {
        (0..self.attempts.len()).filter(|&s| !self.attempts_from(s, state).is_empty()).collect()
    }

    /// Attempts of a sample from a state.
    pub(super) fn attempts_from(&self, sample: usize, state: usize) -> &[Attempt] {
        let list = &self.attempts[sample];
        let (from, to) = (list.partition_point(|a| a.state < state), list.partition_point(|a| a.state <= state));
        &list[from..to]
    }

    /// Values of a sample in the step from a state.
    pub(super) fn points_from(&self, sample: usize, state: usize) -> impl Iterator<Item = Point> {
        let list = &self.points[sample];
        let (from, to) = (list.partition_point(|p| p.0 < state), list.partition_point(|p| p.0 <= state));
        list[from..to].iter().map(|p| p.1)
    }
}
