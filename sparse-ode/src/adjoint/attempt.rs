//! The reverse of one attempt at a step.

use super::arithmetic::{add_scaled, dots, gather, pull_back_error, scatter};
use super::control;
use super::dense::Inside;
use super::recording::Attempt;
use super::reverse::Reverse;
use crate::arrays::{Shape, combine, error_norms, terms};
use crate::columns::Stop;
use crate::field::{At, Evaluated, PulledBack};
use crate::interpolation::Point;
use crate::{Adjoint, Error};
use tch_sparse::{Aligned, Real};

/// Arrays for one attempt of all samples, allocated once.
pub(super) struct Workspace<T: Real> {
    /// By stage: where it was evaluated, its derivative, and the gradient of where. What the field keeps of it has the stage's number.
    arguments: Vec<Aligned<T>>,
    k: Vec<Aligned<T>>,
    /// One more than stages, for the solution of methods whose last stage is another point.
    bars: Vec<Aligned<T>>,
    k_bar: Aligned<T>,
    y0_bar: Aligned<T>,
    scratch: Aligned<T>,
    e_bar: Aligned<T>,
}

impl<T: Real> Workspace<T> {
    pub(super) fn new(stages: usize, len: usize) -> Self {
        let some = |n: usize| -> Vec<Aligned<T>> { (0..n).map(|_| Aligned::zeros(len)).collect() };
        Self {
            arguments: some(stages + 1),
            k: some(stages),
            bars: some(stages + 1),
            k_bar: Aligned::zeros(len),
            y0_bar: Aligned::zeros(len),
            scratch: Aligned::zeros(len),
            e_bar: Aligned::zeros(len),
        }
    }
}

/// Samples and their attempts, and what the controller's reverse gives for each.
#[derive(Default)]
struct Group {
    samples: Vec<usize>,
    attempts: Vec<Attempt>,
    piece: Vec<usize>,
    error_bar: Vec<f64>,
    /// Gradients with respect to time and length of the step.
    t_bar: Vec<f64>,
    dt_bar: Vec<f64>,
}

impl<T: Real> Reverse<'_, T> {
    /// Takes the gradient from the end of attempts to their beginning. `y` are the states that they start from, of the samples `of`.
    pub(super) fn attempts(&mut self, attempts: &[(usize, Attempt)], of: &[usize], y: &[T]) -> Result<(), Error> {
        let mut group = Group::default();
        for (sample, attempt) in attempts {
            let (mut dt_bar, mut error_bar) = (0.0, 0.0);
            if self.recording.solver.adjoint == Adjoint::ThroughStepSizes {
                (dt_bar, error_bar, self.carried[*sample]) =
                    control::pull_back(&self.recording.solver, attempt, self.carried[*sample]);
            }
            if attempt.accepted || error_bar != 0.0 {
                group.samples.push(*sample);
                group.attempts.push(*attempt);
                group.piece.push(attempt.piece);
                group.error_bar.push(error_bar);
                group.t_bar.push(0.0);
                group.dt_bar.push(dt_bar);
            } else {
                self.settle(*sample, attempt, 0.0, dt_bar);
            }
        }
        if group.samples.is_empty() {
            return Ok(());
        }
        let mut space = self.take_space();
        let done = self.group(&mut group, of, y, &mut space);
        self.space = Some(space);
        done?;
        for (b, attempt) in group.attempts.iter().enumerate() {
            self.settle(group.samples[b], attempt, group.t_bar[b], group.dt_bar[b]);
        }
        Ok(())
    }

    fn take_space(&mut self) -> Workspace<T> {
        self.space.take().unwrap_or_else(|| unreachable!("it is put back after each use"))
    }

    /// Where the gradients with respect to time and length of an attempt go.
    fn settle(&mut self, sample: usize, attempt: &Attempt, t_bar: f64, mut dt_bar: f64) {
        let after = self.t_bar[sample];
        self.t_bar[sample] += t_bar;
        if attempt.accepted {
            dt_bar += after;
        }
        match attempt.cut {
            // Its length is the distance to the stop.
            Some(stop) => {
                self.t_bar[sample] -= dt_bar;
                match stop {
                    Stop::End => self.end_bar[sample] += dt_bar,
                    Stop::Jump(j) => self.jump_bar[j] += dt_bar,
                }
            }
            None => self.carried[sample].next += dt_bar,
        }
    }

    fn group(&mut self, group: &mut Group, of: &[usize], y: &[T], space: &mut Workspace<T>) -> Result<(), Error> {
        let recording = self.recording;
        let (solver, tableau) = (&recording.solver, recording.solver.method.tableau());
        let shape = Shape { features: recording.features, batch: group.samples.len() };
        let (n, stages) = (shape.len(), tableau.stages());
        let through = solver.adjoint == Adjoint::ThroughStepSizes;
        let timed = through || self.wants_times;
        let dt: Vec<T> = group.attempts.iter().map(|a| T::from_f64(a.dt)).collect();
        let one = vec![T::ONE; shape.batch];

        let place: Vec<usize> = group.samples.iter().map(|s| of.partition_point(|o| o < s)).collect();
        gather(shape.features, y, &place, &mut space.arguments[0][..n]);
        let points: Vec<(usize, Point)> = (0..shape.batch)
            .filter(|&b| group.attempts[b].accepted && !self.cotangent.is_empty())
            .flat_map(|b| recording.points_from(group.samples[b], group.attempts[b].state).map(move |p| (b, p)))
            .collect();
        let has_points = !points.is_empty();
        let inside = Inside::new(shape, tableau.dense, points, self.cotangent);

        // The last stage of a first-same-as-last method serves the values inside and the error only.
        let reuses = tableau.is_first_same_as_last();
        let needs_last = !reuses || !inside.is_empty() || through || (timed && has_points);
        let evaluated = if needs_last { stages } else { stages - 1 };
        self.evaluate(group, shape, &dt, evaluated, space)?;
        let solution = if reuses { stages - 1 } else { stages };
        if let Some(b) = tableau.b {
            let (before, after) = space.arguments.split_at_mut(stages);
            combine(shape, &mut after[0][..n], &before[0][..n], &dt, &terms(b, &space.k, n));
        }

        // From the end of the step to its solution, its stages and its start.
        space.y0_bar[..n].fill(T::ZERO);
        gather(shape.features, &self.y_bar, &group.samples, &mut space.bars[solution][..n]);
        for b in (0..shape.batch).filter(|&b| !group.attempts[b].accepted) {
            // A rejected attempt leaves the state where it was.
            let ends = space.bars[solution][..n].iter_mut().skip(b).step_by(shape.batch);
            for (start, end) in space.y0_bar[..n].iter_mut().skip(b).step_by(shape.batch).zip(ends) {
                *start = std::mem::replace(end, T::ZERO);
            }
        }
        inside.add_ends(shape, self.cotangent, &mut space.bars[solution][..n]);
        if !inside.is_empty() {
            add_scaled(shape, &mut space.bars[solution][..n], &one, &inside.step_terms(tableau.dense, 1.0));
            let mut start = inside.step_terms(tableau.dense, -1.0);
            start.push((1.0, &inside.powers[0]));
            add_scaled(shape, &mut space.y0_bar[..n], &one, &start);
        }
        let error_weights = tableau.b_error.filter(|_| group.error_bar.iter().any(|e| *e != 0.0));
        if let Some(weights) = error_weights {
            let list = terms(weights, &space.k, n);
            let norms = error_norms(
                shape,
                solver.scale(),
                solver.compat,
                (&space.arguments[0][..n], &space.arguments[solution][..n]),
                &dt,
                &list,
            );
            space.scratch[..n].fill(T::ZERO);
            add_scaled(shape, &mut space.scratch[..n], &dt, &list);
            pull_back_error(
                shape,
                solver.scale(),
                (&space.arguments[0][..n], &space.arguments[solution][..n], &space.scratch[..n]),
                (&norms, &group.error_bar),
                (&mut space.y0_bar[..n], &mut space.bars[solution][..n], &mut space.e_bar[..n]),
            );
        }

        for s in (0..evaluated).rev() {
            let weights_of = |r: usize| tableau.a[r][s];
            let mut list: Vec<(f64, &[T])> = (s + 1..stages).map(|r| (weights_of(r), &space.bars[r][..n])).collect();
            if let Some(b) = tableau.b {
                list.push((b[s], &space.bars[solution][..n]));
            }
            if !inside.is_empty() {
                list.extend(inside.stage_terms(tableau.dense, s));
            }
            if let Some(weights) = error_weights {
                list.push((weights[s], &space.e_bar[..n]));
            }
            list.retain(|(w, _)| *w != 0.0);
            let is_solution = s == solution;
            if list.is_empty() {
                if !is_solution {
                    space.bars[s][..n].fill(T::ZERO);
                }
                continue;
            }
            space.k_bar[..n].fill(T::ZERO);
            add_scaled(shape, &mut space.k_bar[..n], &dt, &list);
            let t = self.stage_times(group, tableau.c[s]);
            let mut stage_t_bar = vec![0.0; shape.batch];
            let to = if is_solution { &mut space.scratch } else { &mut space.bars[s] };
            self.field
                .pull_back(
                    Evaluated {
                        at: At { t: &t, sample: &group.samples, piece: &group.piece },
                        y: &space.arguments[s][..n],
                        dy: &space.k[s][..n],
                        kept: &s,
                    },
                    &space.k_bar[..n],
                    PulledBack { y: &mut to[..n], parameters: &mut self.parameters, t: &mut stage_t_bar },
                )
                .map_err(|source| Error::Field { t: t[0], source })?;
            if is_solution {
                add_scaled(shape, &mut space.bars[s][..n], &one, &[(1.0, &space.scratch[..n])]);
            }
            for (b, bar) in stage_t_bar.iter().enumerate() {
                group.t_bar[b] += bar;
                group.dt_bar[b] += tableau.c[s] * bar;
            }
        }
        let last = if evaluated < stages { evaluated } else { stages };
        let mut list: Vec<(f64, &[T])> = (0..last).map(|s| (1.0, &space.bars[s][..n])).collect();
        if solution >= last {
            list.push((1.0, &space.bars[solution][..n]));
        }
        add_scaled(shape, &mut space.y0_bar[..n], &one, &list);
        scatter(shape.features, &space.y0_bar[..n], &group.samples, &mut self.y_bar);

        if timed {
            let mut add = |list: Vec<f64>| group.dt_bar.iter_mut().zip(list).for_each(|(to, v)| *to += v);
            for (r, row) in tableau.a.iter().enumerate().skip(1) {
                add(dots(shape, &space.bars[r][..n], &terms(row, &space.k, n)));
            }
            if let Some(b) = tableau.b {
                add(dots(shape, &space.bars[solution][..n], &terms(b, &space.k, n)));
            }
            for (power, weights) in inside.powers.iter().skip(1).zip(tableau.dense.k) {
                add(dots(shape, power, &terms(weights, &space.k, n)));
            }
            if let Some(weights) = error_weights {
                add(dots(shape, &space.e_bar[..n], &terms(weights, &space.k, n)));
            }
            let ends = (&space.arguments[0][..n], &space.arguments[solution][..n]);
            for (b, p, slope) in inside.fractions(shape, tableau.dense, ends, &space.k, &dt, self.cotangent) {
                let slope = slope / group.attempts[b].dt;
                self.eval_bar[p.slot] += slope;
                group.t_bar[b] -= slope;
                group.dt_bar[b] -= slope * p.x;
            }
        }
        Ok(())
    }

    /// The first `evaluated` stages, and where the last one would be.
    fn evaluate(
        &mut self,
        group: &Group,
        shape: Shape,
        dt: &[T],
        evaluated: usize,
        space: &mut Workspace<T>,
    ) -> Result<(), Error> {
        let (tableau, n) = (self.recording.solver.method.tableau(), shape.len());
        for s in 0..evaluated {
            if s > 0 {
                let (before, after) = space.arguments.split_at_mut(s);
                combine(shape, &mut after[0][..n], &before[0][..n], dt, &terms(tableau.a[s], &space.k, n));
            }
            let t = self.stage_times(group, tableau.c[s]);
            self.field
                .eval_keeping(
                    At { t: &t, sample: &group.samples, piece: &group.piece },
                    &space.arguments[s][..n],
                    &mut space.k[s][..n],
                    s,
                )
                .map_err(|source| Error::Field { t: t[0], source })?;
        }
        Ok(())
    }

    fn stage_times(&self, group: &Group, c: f64) -> Vec<f64> {
        let round = |t| self.recording.solver.time.round(t);
        let of = |(sample, a): (&usize, &Attempt)| {
            let t = round(a.t + round(round(c) * a.dt));
            // As in the solve, never past where the step was cut to end.
            let stop = match a.cut {
                Some(Stop::Jump(j)) => self.recording.solver.jumps[j],
                Some(Stop::End) => self.recording.times.end[*sample],
                None => return t,
            };
            if a.dt > 0.0 { t.min(stop) } else { t.max(stop) }
        };
        group.samples.iter().zip(&group.attempts).map(of).collect()
    }

    /// The states after the accepted steps from `state`: of the samples that go on, from those of the samples `of`.
    pub(super) fn step_on(&mut self, state: usize, of: &[usize], y: &[T]) -> Result<(Vec<usize>, Aligned<T>), Error> {
        let recording = self.recording;
        let tableau = recording.solver.method.tableau();
        let mut group = Group::default();
        for &sample in of.iter().filter(|&&s| !recording.attempts_from(s, state + 1).is_empty()) {
            if let Some(attempt) = recording.attempts_from(sample, state).last() {
                group.samples.push(sample);
                group.piece.push(attempt.piece);
                group.attempts.push(*attempt);
            }
        }
        let shape = Shape { features: recording.features, batch: group.samples.len() };
        let n = shape.len();
        let dt: Vec<T> = group.attempts.iter().map(|a| T::from_f64(a.dt)).collect();
        let place: Vec<usize> = group.samples.iter().map(|s| of.partition_point(|o| o < s)).collect();
        let mut y1 = Aligned::zeros(n);
        let mut space = self.take_space();
        gather(shape.features, y, &place, &mut space.arguments[0][..n]);
        let reuses = tableau.is_first_same_as_last();
        let done = self.evaluate(&group, shape, &dt, tableau.stages() - usize::from(reuses), &mut space);
        let weights = tableau.b.unwrap_or(tableau.a[tableau.stages() - 1]);
        combine(shape, &mut y1, &space.arguments[0][..n], &dt, &terms(weights, &space.k, n));
        self.space = Some(space);
        done?;
        Ok((group.samples, y1))
    }
}
