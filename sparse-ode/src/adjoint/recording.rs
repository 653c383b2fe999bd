//! What a solve leaves for its reverse pass: every step's time and length, and states at some of them.

use super::Checkpointing;
use crate::columns::{Columns, LastStep, Stop};
use crate::control::Memory;
use crate::interpolation::Point;
use crate::{Adjoint, Solution, Solver, Status, Times};
use tch_sparse::{Aligned, Real};

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

impl<T: Real> Recording<T> {
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
        let all = solution.status().iter().all(|&s| s == Status::Success);
        if self.is_continuous() && all {
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
        let is_due = |sample: usize| is_due_at(accepted(sample), self.stride, self.states[sample].len());
        let due: Vec<usize> = (0..batch).filter(|&b| is_due(columns.sample[b])).collect();
        for (b, state) in due.iter().zip(by_column(batch, self.features, y, &due)) {
            let sample = columns.sample[*b];
            // The distance between states may just have grown.
            if is_due_at(accepted(sample), self.stride, self.states[sample].len()) {
                self.states[sample].push(state);
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
    pub(crate) fn attempted(&mut self, columns: &Columns, memory: &[Memory], last: &LastStep, mut points: &[Point]) {
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
            // They come by columns.
            let own = points.iter().take_while(|p| p.column == b).count();
            self.points[sample].extend(points[..own].iter().map(|p| (state, Point { column: sample, ..*p })));
            points = &points[own..];
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

/// Whether a state is to be kept next, every `stride`-th being kept and `kept` of them held.
fn is_due_at(state: usize, stride: usize, kept: usize) -> bool {
    state.is_multiple_of(stride) && state / stride == kept
}

/// Columns of a state `[features, batch]`, each by itself. One pass over the rows: by columns each line of cache would come `batch`
/// times.
fn by_column<T: Real>(batch: usize, features: usize, y: &[T], columns: &[usize]) -> Vec<Vec<T>> {
    let mut out: Vec<Vec<T>> = columns.iter().map(|_| vec![T::ZERO; features]).collect();
    for (row, from) in y[..batch * features].chunks_exact(batch).enumerate() {
        for (to, &b) in out.iter_mut().zip(columns) {
            to[row] = from[b];
        }
    }
    out
}

/// The way back: columns side by side, `[features, columns]`.
pub(super) fn side_by_side<T: Real>(columns: &[&[T]]) -> Aligned<T> {
    let n = columns.len();
    let mut out = Aligned::zeros(columns.first().map_or(0, |c| c.len()) * n);
    for (row, to) in out.chunks_exact_mut(n.max(1)).enumerate() {
        for (to, column) in to.iter_mut().zip(columns) {
            *to = column[row];
        }
    }
    out
}
