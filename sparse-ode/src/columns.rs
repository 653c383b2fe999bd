//! The running samples: time, step and fate of each.

use crate::control::Memory;
use crate::solution::{Stats, Status};
use crate::solver::{Compat, Solver};
use crate::{Controller, Times};

/// What the last call of [`Stepper::step`](crate::Stepper::step) did, one entry per sample that ran.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LastStep {
    /// Which samples ran, ascending.
    pub sample: Vec<usize>,
    /// Time at the start of the step.
    pub t: Vec<f64>,
    /// Length of the step.
    pub dt: Vec<f64>,
    /// Error ratio; zero for methods without an estimate.
    pub error: Vec<f64>,
    /// Whether the step was accepted.
    pub accepted: Vec<bool>,
    /// The step that the controller proposed next, before it was fitted to the span.
    pub next_dt: Vec<f64>,
}

/// What a step ends at because it has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    End,
    /// A jump, by its place among the solver's.
    Jump(usize),
}

/// The running samples, one entry per column of the state.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub(crate) sample: Vec<usize>,
    pub(crate) t: Vec<f64>,
    /// The step to try, never past `stop`.
    pub(crate) dt: Vec<f64>,
    pub(crate) start: Vec<f64>,
    pub(crate) end: Vec<f64>,
    /// The next time at which a step must end: a jump, or the end.
    pub(crate) stop: Vec<f64>,
    /// Jumps that lie behind.
    pub(crate) piece: Vec<usize>,
    /// What the step to try ends at, if it has to.
    pub(crate) cut: Vec<Option<Stop>>,
    pub(crate) memory: Vec<Memory>,
    /// Rejected steps in a row.
    rejects: Vec<usize>,
}

impl Columns {
    pub(crate) fn new(solver: &Solver, times: &Times) -> Self {
        let n = times.batch();
        let mut columns = Self {
            sample: (0..n).collect(),
            t: times.start.clone(),
            dt: vec![0.0; n],
            start: times.start.clone(),
            end: times.end.clone(),
            stop: times.end.clone(),
            piece: vec![0; n],
            cut: vec![None; n],
            memory: vec![Memory::default(); n],
            rejects: vec![0; n],
        };
        for b in 0..n {
            columns.aim(b, solver);
        }
        columns
    }

    /// Where a step of column `b` leads, and whether that is its stop.
    ///
    /// torchode asks the rounded sum only; otherwise a step that was cut to fit ends exactly there.
    pub(crate) fn next(&self, b: usize, solver: &Solver) -> (f64, bool) {
        let (t, dt, stop) = (self.t[b], self.dt[b], self.stop[b]);
        let rounded = solver.time.round(t + dt);
        let passes = dt.signum() * rounded >= dt.signum() * stop;
        match solver.compat {
            Compat::Torchode => (rounded, passes),
            Compat::None if passes || dt == stop - t => (stop, true),
            Compat::None => (rounded, false),
        }
    }

    /// Accepts or rejects the steps by their error ratios and proposes the next ones. The second list tells which columns fail
    /// and how. `finite` tells for methods without an estimate whether the next state is; `precise` rounds to the precision of
    /// the states.
    pub(crate) fn judge(
        &mut self,
        solver: &Solver,
        error: Option<&[f64]>,
        finite: &[bool],
        initial_step: &[f64],
        stats: &mut [Stats],
        precise: impl Fn(f64) -> f64,
    ) -> (LastStep, Vec<Option<Status>>) {
        let torchode = solver.compat == Compat::Torchode;
        let order = solver.method.order();
        let mut failed = Vec::new();
        let (sample, t, dt) = (self.sample.clone(), self.t.clone(), self.dt.clone());
        let mut last = LastStep { sample, t, dt, ..LastStep::default() };
        for b in 0..self.sample.len() {
            let e = error.map(|e| precise(e[b]));
            // A fixed step that was shortened to end somewhere is followed by a whole one.
            let is_fixed = e.is_none() || solver.controller == Controller::Fixed;
            let dt = if is_fixed { initial_step[self.sample[b]] } else { self.dt[b] };
            let mut d = solver.controller.decide(dt, e, order, solver.compat, &mut self.memory[b], &precise);
            let ruined = is_fixed && !torchode && !e.map_or_else(|| finite[b], f64::is_finite);
            d.accept &= !ruined;
            let stats = &mut stats[self.sample[b]];
            stats.steps += 1;
            stats.accepted += usize::from(d.accept);
            self.rejects[b] = if d.accept { 0 } else { self.rejects[b] + 1 };
            let (goal, there) = self.next(b, solver);
            let at_end = d.accept && there && self.stop[b] == self.end[b];
            let now = if d.accept { goal } else { self.t[b] };
            let stuck = solver.time.round(now + d.dt) == now;
            failed.push(if ruined || torchode && e.is_some_and(|e| !e.is_finite()) {
                Some(Status::InfiniteNorm)
            } else if at_end && !torchode {
                None
            } else if solver.max_steps.is_some_and(|n| stats.steps >= n) {
                Some(Status::ReachedMaxSteps)
            } else if d.below_dt_min && (torchode || !d.accept || !there) {
                Some(Status::ReachedDtMin)
            } else if stuck && !torchode {
                Some(Status::StepTooSmall)
            } else if solver.max_rejects.is_some_and(|n| self.rejects[b] > n) && !torchode {
                Some(Status::TooManyRejects)
            } else {
                None
            });
            last.error.push(e.unwrap_or(0.0));
            last.accepted.push(d.accept);
            last.next_dt.push(d.dt);
        }
        (last, failed)
    }

    /// Moves the accepted columns to the end of their step and takes the proposed steps. Returns whether any met a jump.
    pub(crate) fn advance(&mut self, solver: &Solver, last: &LastStep) -> bool {
        let mut jumped = false;
        for b in (0..self.sample.len()).filter(|&b| last.accepted[b]) {
            let (t, there) = self.next(b, solver);
            self.t[b] = t;
            if there && self.stop[b] != self.end[b] {
                self.t[b] = self.stop[b];
                self.aim(b, solver);
                jumped = true;
            }
        }
        for (dt, next) in self.dt.iter_mut().zip(&last.next_dt) {
            *dt = solver.time.round(*next);
        }
        jumped
    }

    /// Finds the next time at which a step of column `b` must end, and how many jumps lie behind it. The solver's are in order.
    fn aim(&mut self, b: usize, solver: &Solver) {
        let (start, t, end, jumps) = (self.start[b], self.t[b], self.end[b], &solver.jumps);
        let before = |t: f64| jumps.partition_point(|&j| j < t);
        let up_to = |t: f64| jumps.partition_point(|&j| j <= t);
        self.piece[b] = up_to(start.max(t)) - before(start.min(t));
        self.stop[b] = if end > t {
            jumps.get(up_to(t)).map_or(end, |j| j.min(end))
        } else {
            before(t).checked_sub(1).map_or(end, |last| jumps[last].max(end))
        };
    }

    /// Shortens steps that would lead past their stop.
    pub(crate) fn fit(&mut self, solver: &Solver) {
        for b in 0..self.dt.len() {
            let left = self.stop[b] - self.t[b];
            let is_shortened = self.dt[b].abs() > left.abs();
            if is_shortened {
                self.dt[b] = solver.time.round(left);
            } else if solver.compat == Compat::None {
                self.dt[b] = solver.time.moved(self.t[b], self.dt[b]);
            }
            // One that happens to fit ends at the stop as well, wherever that is moved.
            let ends_there = is_shortened || (solver.compat == Compat::None && self.next(b, solver).1);
            self.cut[b] = ends_there.then(|| {
                let jump = || Stop::Jump(solver.jumps.partition_point(|&j| j < self.stop[b]));
                if self.stop[b] == self.end[b] { Stop::End } else { jump() }
            });
        }
    }

    /// Keeps the columns numbered in `kept`.
    pub(crate) fn keep(&mut self, kept: &[usize]) {
        fn keep<V: Copy>(list: &mut Vec<V>, kept: &[usize]) {
            *list = kept.iter().map(|&b| list[b]).collect();
        }
        keep(&mut self.sample, kept);
        for list in [&mut self.t, &mut self.dt, &mut self.start, &mut self.end, &mut self.stop] {
            keep(list, kept);
        }
        keep(&mut self.piece, kept);
        keep(&mut self.cut, kept);
        keep(&mut self.memory, kept);
        keep(&mut self.rejects, kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By their definitions, at jumps and between, forward and backward.
    #[test]
    fn jumps_ahead_and_behind() {
        let solver = Solver::new().jumps(&[1.0, 2.0, 2.0, 3.0]);
        let places: Vec<f64> = (0..=8).map(|i| f64::from(i) / 2.0).collect();
        for (&start, &end) in places.iter().flat_map(|a| places.iter().map(move |b| (a, b))).filter(|(a, b)| a != b) {
            let mut columns = Columns::new(&solver, &Times::span(1, start, end).unwrap());
            for &t in places.iter().filter(|&&t| t >= start.min(end) && t <= start.max(end) && t != end) {
                columns.t[0] = t;
                columns.aim(0, &solver);
                let within = |j: f64, a: f64, b: f64| j >= a.min(b) && j <= a.max(b);
                let behind = solver.jumps.iter().filter(|&&j| within(j, start, t)).count();
                let ahead = solver.jumps.iter().copied().filter(|&j| within(j, t, end) && j != t);
                let stop = ahead.min_by(|a, b| (a - t).abs().total_cmp(&(b - t).abs())).unwrap_or(end);
                assert_eq!((columns.piece[0], columns.stop[0]), (behind, stop), "{start} to {end} at {t}");
            }
        }
    }
}
