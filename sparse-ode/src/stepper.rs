//! The loop: one step of every running sample at a time.

use crate::adjoint::Recording;
use crate::arrays::{self, Scale, Shape, combine, copy_columns, error_norms, keep_columns, terms};
use crate::columns::{Columns, LastStep};
use crate::field::{At, VectorField};
use crate::initial_step::{self, Start};
use crate::interpolation::{Point, Slots, Step, interpolate};
use crate::method::Tableau;
use crate::solution::{Solution, Stats, Status};
use crate::solver::{Compat, Solver};
use crate::{Error, Times, Trajectory};
use tch_sparse::{Aligned, Real};

/// Whether a solve is to be gone through backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    Yes,
    No,
}

/// A solve in progress: cheap to look into, and to clone where it may have to go on from here again.
#[derive(Debug, Clone)]
pub struct Stepper<T: Real> {
    solver: Solver,
    times: Times,
    shape: Shape,
    columns: Columns,
    /// State, the next state, and a stage's argument: `[features, running]`.
    y: Aligned<T>,
    y1: Aligned<T>,
    argument: Aligned<T>,
    k: Vec<Aligned<T>>,
    /// Whether `k[0]` is the derivative at the state of every column.
    derivative_is_known: bool,
    /// `[batch, points, features]`, empty where the caller holds the values; `[batch, features]`.
    values: Vec<T>,
    end: Vec<T>,
    t_reached: Vec<f64>,
    status: Vec<Status>,
    stats: Vec<Stats>,
    evaluations: usize,
    initial_step: Vec<f64>,
    last: LastStep,
    /// What a reverse pass will need, where there is to be one.
    recording: Option<Box<Recording<T>>>,
    trajectory: Option<Box<Trajectory<T>>>,
    /// Derivatives that count as none.
    steady: Option<Scale>,
}

impl<T: Real> Stepper<T> {
    pub(crate) fn new(
        solver: &Solver,
        field: &mut dyn VectorField<T>,
        y0: &[T],
        times: &Times,
        values: &mut [T],
        recorded: Recorded,
    ) -> Result<Self, Error> {
        let shape = Shape { features: field.features(), batch: times.batch() };
        if y0.len() != shape.len() || shape.len() == 0 {
            return Err(Error::StateLength { got: y0.len(), batch: shape.batch, features: shape.features });
        }
        let mut solver = solver.clone();
        solver.jumps.sort_by(f64::total_cmp);
        let mut times = times.clone();
        for t in times.start.iter_mut().chain(&mut times.end).chain(&mut times.eval).chain(&mut solver.jumps) {
            *t = solver.time.round(*t);
        }
        let mut y = Aligned::zeros(shape.len());
        for (b, sample) in y0.chunks_exact(shape.features).enumerate() {
            for (row, v) in sample.iter().enumerate() {
                y[row * shape.batch + b] = *v;
            }
        }
        let mut stepper = Self {
            shape,
            columns: Columns::new(&solver, &times),
            y1: Aligned::zeros(shape.len()),
            argument: Aligned::zeros(shape.len()),
            k: vec![Aligned::zeros(shape.len()); solver.method.tableau().stages()],
            derivative_is_known: false,
            values: Vec::new(),
            end: y0.to_vec(),
            t_reached: times.start.clone(),
            status: vec![Status::Interrupted; shape.batch],
            stats: vec![Stats::default(); shape.batch],
            evaluations: 0,
            initial_step: vec![0.0; shape.batch],
            last: LastStep::default(),
            recording: None,
            trajectory: None,
            steady: solver.steady,
            y,
            times,
            solver,
        };
        if recorded == Recorded::Yes {
            stepper.recording = Some(Box::new(Recording::new(&stepper.solver, &stepper.times, shape.features)));
        }
        stepper.write_starts(values);
        stepper.begin(field)?;
        Ok(stepper)
    }

    /// Keeps the values with the solve.
    pub(crate) fn holding(mut self, values: Vec<T>) -> Self {
        self.values = values;
        self
    }

    /// Tries one step of every running sample. Returns whether any sample still runs.
    ///
    /// # Errors
    /// An error of the field.
    ///
    /// **Complexity**: as many evaluations as the method has stages (one less for first-same-as-last methods), and one pass over
    /// the state per stage.
    pub fn step(&mut self, field: &mut dyn VectorField<T>) -> Result<bool, Error> {
        let mut values = std::mem::take(&mut self.values);
        let runs = self.step_into(field, &mut values);
        self.values = values;
        runs
    }

    /// Whether any sample still runs.
    pub(crate) fn runs(&self) -> bool {
        !self.columns.sample.is_empty()
    }

    /// The states of the samples that run, `[features, running]`, and how many jumps lie behind each.
    pub(crate) fn columns(&self) -> (&Aligned<T>, &[usize]) {
        (&self.y, &self.columns.piece)
    }

    /// [`step`](Self::step) with values that the caller holds.
    pub(crate) fn step_into(&mut self, field: &mut dyn VectorField<T>, values: &mut [T]) -> Result<bool, Error> {
        if !self.runs() {
            return Ok(false);
        }
        let tableau = self.solver.method.tableau();
        if let Some(recording) = &mut self.recording {
            recording.keep_states(&self.columns, &self.y, |sample| self.stats[sample].accepted);
        }
        self.stages(tableau, field)?;
        let error = tableau.b_error.map(|weights| {
            let dt = self.steps_in_state_precision();
            let terms = terms(weights, &self.k, self.shape.len());
            error_norms(self.shape, self.solver.scale(), self.solver.compat, (&self.y, &self.y1), &dt, &terms)
        });
        let finite = if error.is_none() { arrays::finite_columns(self.shape, &self.y1) } else { Vec::new() };
        let precise = |x: f64| T::from_f64(x).to_f64();
        let memory = self.recording.is_some().then(|| self.columns.memory.clone());
        let (last, mut failed) =
            self.columns.judge(&self.solver, error.as_deref(), &finite, &self.initial_step, &mut self.stats, precise);
        let accepted = last.accepted.clone();
        self.last = last;
        let points = self.write_points(tableau, &accepted, values);
        self.follow(tableau, &accepted);
        if let (Some(recording), Some(memory)) = (&mut self.recording, memory) {
            recording.attempted(&self.columns, &memory, &self.last, &points);
        }
        self.advance(tableau, &accepted);
        self.look_for_rest(field, &mut failed)?;
        let finished = self.retire(&failed);
        self.columns.fit(&self.solver);
        let torchode = self.solver.compat == Compat::Torchode;
        let stop_all = torchode && (failed.iter().any(Option::is_some) | self.finished_fall_below_dt_min());
        if stop_all {
            let all: Vec<usize> = (0..self.columns.sample.len()).collect();
            self.drop_columns(&all, Status::Interrupted);
        } else {
            self.drop_listed(&finished);
        }
        Ok(!self.columns.sample.is_empty())
    }

    /// What the last step did.
    pub fn last_step(&self) -> &LastStep {
        &self.last
    }

    /// Time of each sample, `[batch]`.
    pub fn t(&self) -> Vec<f64> {
        let mut t = self.t_reached.clone();
        for (&sample, &now) in self.columns.sample.iter().zip(&self.columns.t) {
            t[sample] = now;
        }
        t
    }

    /// State of each sample, `[batch, features]`.
    pub fn state(&self) -> Vec<T> {
        let mut state = self.end.clone();
        let mut slots = Slots::new(&mut state, self.shape.features);
        for (b, &sample) in self.columns.sample.iter().enumerate() {
            slots.copy_column(self.shape, &self.y, b, sample);
        }
        state
    }

    /// Ends the solve where it is. Samples that still ran are marked [`Status::Interrupted`].
    pub fn finish(mut self) -> Solution<T> {
        let mut values = std::mem::take(&mut self.values);
        let mut solution = self.finish_into(&mut values);
        solution.values = values;
        solution
    }

    /// The same with values that the caller holds; the solution has none.
    pub(crate) fn finish_into(mut self, values: &mut [T]) -> Solution<T> {
        for (b, stats) in self.stats.iter().enumerate() {
            let (from, to) = (b * self.times.points + stats.reached, (b + 1) * self.times.points);
            values[from * self.shape.features..to * self.shape.features].fill(T::from_f64(f64::NAN));
        }
        let all: Vec<usize> = (0..self.columns.sample.len()).collect();
        self.drop_columns(&all, Status::Interrupted);
        Solution {
            batch: self.times.batch(),
            features: self.shape.features,
            points: self.times.points,
            values: Vec::new(),
            end: self.end,
            t: self.t_reached,
            status: self.status,
            stats: self.stats,
            evaluations: self.evaluations,
            initial_step: self.initial_step,
        }
    }

    /// Ends samples where they are, with [`Status::Stopped`], also those that came to their end in the last step; those that did not run
    /// are left alone. What an event does.
    pub fn stop(&mut self, samples: &[usize]) {
        let mut is_listed = vec![false; self.times.batch()];
        for &sample in samples {
            let Some(is_listed) = is_listed.get_mut(sample) else { continue };
            *is_listed = true;
            // One that has just come to its end was still on its way there.
            if self.status[sample] == Status::Success && self.last.sample.binary_search(&sample).is_ok() {
                self.status[sample] = Status::Stopped;
            }
        }
        let list: Vec<usize> = (0..self.columns.sample.len()).filter(|&b| is_listed[self.columns.sample[b]]).collect();
        self.drop_columns(&list, Status::Stopped);
    }

    pub(crate) fn keep_trajectory(&mut self, trajectory: Trajectory<T>) {
        self.trajectory = Some(Box::new(trajectory));
    }

    pub(crate) fn take_trajectory(&mut self) -> Option<Trajectory<T>> {
        self.trajectory.take().map(|t| *t)
    }

    /// Adds the accepted steps to the trajectory.
    fn follow(&mut self, tableau: &Tableau, accepted: &[bool]) {
        let Some(mut trajectory) = self.trajectory.take() else {
            return;
        };
        let dt = self.steps_in_state_precision();
        let step = Step { y0: &self.y, y1: &self.y1, k: &self.k, dt: &dt, dense: tableau.dense };
        let to: Vec<f64> = (0..dt.len()).map(|b| self.columns.next(b, &self.solver).0).collect();
        trajectory.add(self.shape, &step, &self.columns.sample, accepted, &to);
        self.trajectory = Some(trajectory);
    }

    /// Marks the samples whose derivative is as good as zero after an accepted step.
    fn look_for_rest(&mut self, field: &mut dyn VectorField<T>, failed: &mut [Option<Status>]) -> Result<(), Error> {
        let Some(scale) = self.steady else {
            return Ok(());
        };
        if !(self.solver.method.tableau().is_first_same_as_last() && self.derivative_is_known) {
            self.derivative(field)?;
        }
        let n = self.shape.len();
        let rates = arrays::scaled_norms(self.shape, scale, &self.y[..n], &self.k[0][..n], None);
        for (b, rate) in rates.iter().enumerate().filter(|(b, _)| self.last.accepted[*b]) {
            if failed[b].is_none() && *rate < 1.0 {
                failed[b] = Some(Status::Steady);
            }
        }
        Ok(())
    }

    /// What was recorded, given away.
    pub(crate) fn take_recording(&mut self) -> Option<Recording<T>> {
        self.recording.take().map(|r| *r)
    }

    fn steps_in_state_precision(&self) -> Vec<T> {
        self.columns.dt.iter().map(|&dt| T::from_f64(dt)).collect()
    }

    /// Values asked for at the very start.
    fn write_starts(&mut self, values: &mut [T]) {
        let mut slots = Slots::new(values, self.shape.features);
        for (b, stats) in self.stats.iter_mut().enumerate() {
            let times = &self.times.eval[b * self.times.points..][..self.times.points];
            while stats.reached < times.len() && times[stats.reached] == self.times.start[b] {
                let slot = b * self.times.points + stats.reached;
                slots.copy_column(self.shape, &self.y, b, slot);
                if let Some(recording) = &mut self.recording {
                    recording.starts_with(b, slot);
                }
                stats.reached += 1;
            }
        }
    }

    /// The first derivative and the first step.
    fn begin(&mut self, field: &mut dyn VectorField<T>) -> Result<(), Error> {
        let given = self.solver.initial_step.clone();
        let is_guessed = given.is_none();
        let reuses = self.solver.method.tableau().is_first_same_as_last();
        if is_guessed || reuses {
            self.derivative(field)?;
        }
        let c = &mut self.columns;
        c.dt = match given {
            Some(dt) => (0..c.t.len())
                .map(|b| {
                    self.solver.time.round(dt[if dt.len() == 1 { 0 } else { b }].abs()).copysign(c.end[b] - c.t[b])
                })
                .collect(),
            None => {
                let start = Start { t: &c.t, end: &c.end, sample: &c.sample, piece: &c.piece };
                let evaluations = &mut self.evaluations;
                // Single-stage methods have no second derivative to write to: the argument's place is free here.
                let mut f1 = std::mem::replace(&mut self.argument, Aligned::zeros(0));
                let dt = initial_step::guess(
                    &self.solver,
                    self.shape,
                    &start,
                    (&self.y, &self.k[0]),
                    (&mut self.y1, &mut f1),
                    |at, y, dy| {
                        *evaluations += 1;
                        field.eval(at, y, dy)
                    },
                );
                self.argument = f1;
                dt?
            }
        };
        if self.solver.compat == Compat::None {
            let limits = self.solver.controller.limits();
            let most = limits.and_then(|l| l.dt_max).unwrap_or(f64::INFINITY);
            let least = limits.and_then(|l| l.dt_min).unwrap_or(0.0);
            for (dt, t) in c.dt.iter_mut().zip(&c.t) {
                // Time must move: a guess may be below its precision. What is given is taken as it is.
                let least = if is_guessed { least.max(16.0 * self.solver.time.resolution(*t)) } else { least };
                *dt = self.solver.time.round(dt.abs().min(most).max(least)).copysign(*dt);
            }
        }
        self.initial_step.clone_from(&c.dt);
        self.columns.fit(&self.solver);
        Ok(())
    }

    /// Evaluates `k[0]` at the state.
    fn derivative(&mut self, field: &mut dyn VectorField<T>) -> Result<(), Error> {
        let c = &self.columns;
        let at = At { t: &c.t, sample: &c.sample, piece: &c.piece };
        self.evaluations += 1;
        field.eval(at, &self.y, &mut self.k[0]).map_err(|source| Error::Field { t: c.t[0], source })?;
        self.derivative_is_known = true;
        Ok(())
    }

    /// All stages, and the next state in `y1`.
    fn stages(&mut self, tableau: &Tableau, field: &mut dyn VectorField<T>) -> Result<(), Error> {
        if !(tableau.is_first_same_as_last() && self.derivative_is_known) {
            self.derivative(field)?;
        }
        let dt = self.steps_in_state_precision();
        let (shape, n) = (self.shape, self.shape.len());
        for s in 1..tableau.stages() {
            let is_solution = tableau.is_first_same_as_last() && s + 1 == tableau.stages();
            let argument = if is_solution { &mut self.y1 } else { &mut self.argument };
            let (before, after) = self.k.split_at_mut(s);
            combine(shape, argument, &self.y, &dt, &terms(tableau.a[s], before, n));
            let c = &self.columns;
            let round = |t| self.solver.time.round(t);
            let t: Vec<f64> = (0..c.t.len())
                .map(|b| {
                    let t = round(c.t[b] + round(round(tableau.c[s]) * c.dt[b]));
                    // Rounding may lead one unit past the end, where the field need not be defined.
                    if c.dt[b] > 0.0 { t.min(c.stop[b]) } else { t.max(c.stop[b]) }
                })
                .collect();
            self.evaluations += 1;
            field
                .eval(At { t: &t, sample: &c.sample, piece: &c.piece }, argument, &mut after[0])
                .map_err(|source| Error::Field { t: t[0], source })?;
        }
        if let Some(b) = tableau.b {
            combine(shape, &mut self.y1, &self.y, &dt, &terms(b, &self.k, n));
        }
        Ok(())
    }

    /// Values at the evaluation times that lie in an accepted step.
    fn write_points(&mut self, tableau: &Tableau, accepted: &[bool], values: &mut [T]) -> Vec<Point> {
        let (c, times) = (&self.columns, &self.times);
        let mut points = Vec::new();
        for b in (0..c.sample.len()).filter(|&b| accepted[b]) {
            let sample = c.sample[b];
            let list = &times.eval[sample * times.points..][..times.points];
            let (t, dt, t1) = (c.t[b], c.dt[b], c.next(b, &self.solver).0);
            let stats = &mut self.stats[sample];
            while stats.reached < list.len() && dt.signum() * list[stats.reached] <= dt.signum() * t1 {
                let x = self.solver.time.round((list[stats.reached] - t) / (t1 - t));
                points.push(Point { column: b, x, slot: sample * times.points + stats.reached });
                stats.reached += 1;
            }
        }
        if points.is_empty() {
            return points;
        }
        let dt = self.steps_in_state_precision();
        let step = Step { y0: &self.y, y1: &self.y1, k: &self.k, dt: &dt, dense: tableau.dense };
        interpolate(self.shape, &step, &points, &mut Slots::new(values, self.shape.features));
        points
    }

    /// Moves the accepted columns to the end of their step.
    fn advance(&mut self, tableau: &Tableau, accepted: &[bool]) {
        let last_k = self.k.len() - 1;
        let reuses = tableau.is_first_same_as_last();
        if accepted.iter().all(|&a| a) {
            std::mem::swap(&mut self.y, &mut self.y1);
            if reuses {
                self.k.swap(0, last_k);
            }
        } else if accepted.iter().any(|&a| a) {
            copy_columns(self.shape, &mut self.y, &self.y1, accepted);
            if reuses {
                let (first, rest) = self.k.split_at_mut(1);
                copy_columns(self.shape, &mut first[0], &rest[last_k - 1], accepted);
            }
        }
        let jumped = self.columns.advance(&self.solver, &self.last);
        self.derivative_is_known &= !jumped;
    }

    /// Sets the status of columns that are at their end or failed, and lists them.
    fn retire(&mut self, failed: &[Option<Status>]) -> Vec<usize> {
        let c = &self.columns;
        let mut finished = Vec::new();
        for (b, failed) in failed.iter().enumerate() {
            let direction = (c.end[b] - c.start[b]).signum();
            let at_end = direction * c.t[b] >= direction * c.end[b];
            // Rest at the end is the end.
            let failed = failed.filter(|&s| !(at_end && s == Status::Steady));
            if let Some(status) = failed.or(at_end.then_some(Status::Success)) {
                self.status[c.sample[b]] = status;
                finished.push(b);
            }
        }
        finished
    }

    /// torchode goes on judging finished samples, whose step is zero: where there is a `dt_min` they fail after all.
    fn finished_fall_below_dt_min(&mut self) -> bool {
        let mut any = false;
        if self.solver.controller.limits().and_then(|l| l.dt_min).is_some_and(|least| least > 0.0) {
            for (sample, status) in self.status.iter_mut().enumerate() {
                if *status == Status::Success && self.last.sample.binary_search(&sample).is_err() {
                    *status = Status::ReachedDtMin;
                    any = true;
                }
            }
        }
        any
    }

    /// Ends the listed columns with what their status is already.
    fn drop_listed(&mut self, list: &[usize]) {
        if list.is_empty() {
            return;
        }
        let mut slots = Slots::new(&mut self.end, self.shape.features);
        let mut is_kept = vec![true; self.shape.batch];
        for &b in list {
            let sample = self.columns.sample[b];
            slots.copy_column(self.shape, &self.y, b, sample);
            self.t_reached[sample] = self.columns.t[b];
            is_kept[b] = false;
        }
        let kept: Vec<usize> = (0..self.shape.batch).filter(|&b| is_kept[b]).collect();
        keep_columns(self.shape, &mut self.y, &kept);
        keep_columns(self.shape, &mut self.k[0], &kept);
        self.shape.batch = kept.len();
        let n = self.shape.len();
        for scratch in self.k[1..].iter_mut().chain([&mut self.y1, &mut self.argument]) {
            scratch.truncate(n);
        }
        self.columns.keep(&kept);
    }

    /// Ends the listed columns; those without a status of their own get `status`.
    fn drop_columns(&mut self, list: &[usize], status: Status) {
        for &b in list {
            let own = &mut self.status[self.columns.sample[b]];
            if *own == Status::Interrupted {
                *own = status;
            }
        }
        self.drop_listed(list);
    }
}
