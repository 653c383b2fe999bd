//! The continuous adjoint: the gradient solves an equation of its own, backward in time.
//!
//! With `a` the gradient with respect to the state, `da/dt = -(df/dy)^T a`, and that with respect to the parameters grows by
//! `(df/dp)^T a` going backward. Between the evaluation times, where the gradients of the values are added, both are integrated together with
//! the state, which is set to the stored value at each of these times. Source: L. S. Pontryagin et al., *The Mathematical Theory of
//! Optimal Processes*; R. T. Q. Chen et al., "Neural ordinary differential equations", NeurIPS 2018, algorithm 1.

use super::recording::Recording;
use super::{ErrorOf, Gradients};
use crate::arrays::{Shape, combine, keep_columns, terms};
use crate::columns::LastStep;
use crate::field::{At, Evaluated, FieldError, PulledBack, VectorField};
use crate::method::Tableau;
use crate::reversible::Reversible;
use crate::{Adjoint, Checkpointing, Cotangents, Error, Solver, Times};
use tch_sparse::{Aligned, Real};

/// The state of a field beside its adjoint, `[..., columns]`: with [`ErrorOf::Everything`] the gradient with respect to time, the
/// state, its gradient and that of the parameters; else state and its gradient.
struct Augmented<'a, T: Real> {
    field: &'a mut dyn Reversible<T>,
    error_of: ErrorOf,
    /// By column of the stretch: the sample, and the jumps between its start and where the stretch begins.
    samples: Vec<usize>,
    jumps: Vec<usize>,
    parameters: Vec<T>,
}

impl<T: Real> Augmented<'_, T> {
    /// Where the state begins.
    fn head(&self) -> usize {
        usize::from(self.error_of == ErrorOf::Everything)
    }

    /// Writes the derivative of state and adjoint, both `[features, columns]`, for the columns `of`. The gradient with respect to the
    /// parameters, times a weight per column where given, is added to `self.parameters`.
    fn derivative(
        &mut self,
        at: At<'_>,
        (y, a): (&[T], &[T]),
        weights: Option<&[f64]>,
        (dy, da, dt): (&mut [T], &mut [T], &mut [f64]),
    ) -> Result<(), FieldError> {
        let batch = at.t.len();
        let sample: Vec<usize> = at.sample.iter().map(|&s| self.samples[s]).collect();
        let piece: Vec<usize> = at.sample.iter().zip(at.piece).map(|(&s, &p)| self.jumps[s] - p).collect();
        let at = At { t: at.t, sample: &sample, piece: &piece };
        self.field.eval_keeping(at, y, dy, 0)?;
        let weight = |b: usize| weights.map_or(-1.0, |w| w[b]);
        let cotangent: Vec<T> = a.iter().enumerate().map(|(i, a)| T::from_f64(weight(i % batch)) * *a).collect();
        let of = Evaluated { at, y, dy, kept: &0 };
        self.field.pull_back(of, &cotangent, PulledBack { y: da, parameters: &mut self.parameters, t: dt })?;
        if weights.is_some() {
            for (i, da) in da.iter_mut().enumerate() {
                *da = *da * T::from_f64(-1.0 / weight(i % batch));
            }
        }
        Ok(())
    }
}

impl<T: Real> VectorField<T> for Augmented<'_, T> {
    fn features(&self) -> usize {
        let own = self.head() + 2 * self.field.features();
        own + if self.error_of == ErrorOf::Everything { self.parameters.len() } else { 0 }
    }

    fn eval(&mut self, at: At<'_>, y: &[T], dy: &mut [T]) -> Result<(), FieldError> {
        let (batch, n) = (at.t.len(), self.field.features());
        if self.error_of == ErrorOf::States {
            let (state, adjoint) = y.split_at(n * batch);
            let (d_state, d_adjoint) = dy.split_at_mut(n * batch);
            return self.derivative(at, (state, adjoint), None, (d_state, d_adjoint, &mut vec![0.0; batch]));
        }
        // Parameters have a gradient for each sample here.
        let column = |from: &[T], first: usize, n: usize, b: usize| -> Vec<T> {
            (first..first + n).map(|row| from[row * batch + b]).collect()
        };
        for b in 0..batch {
            let one = At { t: &at.t[b..=b], sample: &at.sample[b..=b], piece: &at.piece[b..=b] };
            let (state, adjoint) = (column(y, 1, n, b), column(y, 1 + n, n, b));
            let (mut d_state, mut d_adjoint, mut d_time) = (vec![T::ZERO; n], vec![T::ZERO; n], [0.0]);
            self.parameters.fill(T::ZERO);
            self.derivative(one, (&state, &adjoint), None, (&mut d_state, &mut d_adjoint, &mut d_time))?;
            let rows = std::iter::once(T::from_f64(d_time[0])).chain(d_state).chain(d_adjoint);
            for (row, v) in rows.chain(self.parameters.iter().copied()).enumerate() {
                dy[row * batch + b] = v;
            }
        }
        Ok(())
    }
}

/// Which side of a jump that lies just there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// A gradient on its way back, by sample.
struct State<T> {
    y: Vec<T>,
    adjoint: Vec<T>,
    time: Vec<f64>,
    /// `[batch, parameters]` with [`ErrorOf::Everything`], else `[parameters]`.
    parameters: Vec<T>,
}

/// The pass.
pub(super) fn pull_back<T: Real>(
    recording: &Recording<T>,
    field: &mut dyn Reversible<T>,
    cotangents: &Cotangents<'_, T>,
    error_of: ErrorOf,
) -> Result<Gradients<T>, Error> {
    let (times, n) = (&recording.times, recording.features);
    let (batch, points) = (times.batch(), times.points());
    let kept = recording.kept.as_ref().ok_or_else(|| {
        Error::Setting("the continuous adjoint needs every sample to reach its end; see the solution's status".into())
    })?;
    let n_parameters = field.n_parameters();
    let rows = if error_of == ErrorOf::Everything { batch } else { 1 };
    let mut state = State {
        y: kept.end.clone(),
        adjoint: cotangents.end().map_or_else(|| vec![T::ZERO; batch * n], <[T]>::to_vec),
        time: vec![0.0; batch],
        parameters: vec![T::ZERO; rows * n_parameters],
    };
    let mut at = times.end.clone();
    let mut gradients = Gradients {
        y0: Vec::new(),
        parameters: Vec::new(),
        start: vec![0.0; batch],
        end: vec![0.0; batch],
        eval: vec![0.0; batch * points],
        jumps: vec![0.0; recording.solver.jumps.len()],
    };
    let timed = cotangents.wants_times();
    if timed {
        gradients.end = slopes(recording, field, &times.end, (&state.y, &state.adjoint), Side::Before)?;
    }
    for point in (0..points).rev() {
        let to: Vec<f64> = (0..batch).map(|b| times.eval[b * points + point]).collect();
        go_back(recording, field, error_of, (&at, &to), &mut state, timed.then_some(&mut gradients.jumps))?;
        at = to;
        for b in 0..batch {
            let value = (b * points + point) * n..(b * points + point + 1) * n;
            state.y[b * n..(b + 1) * n].copy_from_slice(&kept.values[value.clone()]);
        }
        if let Some(values) = cotangents.values() {
            let own: Vec<T> = (0..batch).flat_map(|b| &values[(b * points + point) * n..][..n]).copied().collect();
            if timed {
                for (b, slope) in slopes(recording, field, &at, (&state.y, &own), Side::Before)?.into_iter().enumerate()
                {
                    gradients.eval[b * points + point] = slope;
                }
            }
            state.adjoint.iter_mut().zip(own).for_each(|(a, v)| *a += v);
        }
    }
    let jumps = timed.then_some(&mut gradients.jumps);
    go_back(recording, field, error_of, (&at, &times.start), &mut state, jumps)?;
    if timed {
        let slopes = slopes(recording, field, &times.start, (&state.y, &state.adjoint), Side::After)?;
        gradients.start.iter_mut().zip(slopes).for_each(|(to, slope)| *to = -slope);
    }
    gradients.y0 = state.adjoint;
    gradients.parameters = vec![T::ZERO; n_parameters];
    for row in state.parameters.chunks_exact(n_parameters.max(1)) {
        gradients.parameters.iter_mut().zip(row).for_each(|(to, g)| *to += *g);
    }
    Ok(gradients)
}

/// Takes everything from the times of the first list back to those of the second. Where gradients with respect to the jumps are
/// wanted, it halts at each of them: moving one prolongs what was before it at the cost of what comes after.
fn go_back<T: Real>(
    recording: &Recording<T>,
    field: &mut dyn Reversible<T>,
    error_of: ErrorOf,
    (from, to): (&[f64], &[f64]),
    state: &mut State<T>,
    jump_bar: Option<&mut Vec<f64>>,
) -> Result<(), Error> {
    let Some(jump_bar) = jump_bar else {
        return stretch(recording, field, error_of, from, to, state);
    };
    let jumps = &recording.solver.jumps;
    let mut at = from.to_vec();
    loop {
        let ahead = |b: usize| {
            let is_last = |j: f64| j == to[b] && j != at[b] && j != recording.times.start[b];
            let between = |j: f64| j > at[b].min(to[b]) && j < at[b].max(to[b]) || is_last(j);
            (0..jumps.len())
                .filter(|&j| between(jumps[j]))
                .min_by(|&i, &j| f64::total_cmp(&(jumps[i] - at[b]).abs(), &(jumps[j] - at[b]).abs()))
        };
        let next: Vec<Option<usize>> = (0..at.len()).map(ahead).collect();
        if next.iter().all(Option::is_none) {
            return stretch(recording, field, error_of, &at, to, state);
        }
        // Samples without a jump ahead wait where they are.
        let halt: Vec<f64> = next.iter().zip(&at).map(|(j, at)| j.map_or(*at, |j| jumps[j])).collect();
        stretch(recording, field, error_of, &at, &halt, state)?;
        let before = slopes(recording, field, &halt, (&state.y, &state.adjoint), Side::Before)?;
        let after = slopes(recording, field, &halt, (&state.y, &state.adjoint), Side::After)?;
        for (b, j) in next.iter().enumerate() {
            if let Some(j) = j {
                jump_bar[*j] += before[b] - after[b];
            }
        }
        at = halt;
    }
}

/// `<v, f(t, y)>` of each sample.
fn slopes<T: Real>(
    recording: &Recording<T>,
    field: &mut dyn Reversible<T>,
    t: &[f64],
    (y, v): (&[T], &[T]),
    side: Side,
) -> Result<Vec<f64>, Error> {
    let (batch, n) = (t.len(), recording.features);
    let sample: Vec<usize> = (0..batch).collect();
    let piece: Vec<usize> = (0..batch).map(|b| jumps_to(recording, b, t[b], side)).collect();
    let columns: Vec<T> = (0..n * batch).map(|i| y[i % batch * n + i / batch]).collect();
    let mut dy = vec![T::ZERO; n * batch];
    field
        .eval(At { t, sample: &sample, piece: &piece }, &columns, &mut dy)
        .map_err(|source| Error::Field { t: t[0], source })?;
    let dot = |b: usize| (0..n).map(|row| v[b * n + row].to_f64() * dy[row * batch + b].to_f64()).sum();
    Ok((0..batch).map(dot).collect())
}

/// Jumps from the start of a sample, included, to a time.
fn jumps_to<T: Real>(recording: &Recording<T>, sample: usize, t: f64, side: Side) -> usize {
    let start = recording.times.start[sample];
    let passed = |j: f64| j == start || (j > start.min(t) && j < start.max(t)) || (j == t && side == Side::After);
    recording.solver.jumps.iter().filter(|&&j| passed(j)).count()
}

/// Takes everything from the times `from` back to the times `to` in one solve.
fn stretch<T: Real>(
    recording: &Recording<T>,
    field: &mut dyn Reversible<T>,
    error_of: ErrorOf,
    from: &[f64],
    to: &[f64],
    state: &mut State<T>,
) -> Result<(), Error> {
    let n = recording.features;
    let samples: Vec<usize> = (0..from.len()).filter(|&b| from[b] != to[b]).collect();
    if samples.is_empty() {
        return Ok(());
    }
    let pick = |list: &[f64]| -> Vec<f64> { samples.iter().map(|&b| list[b]).collect() };
    let times = Times::per_sample(&pick(from), &pick(to))?;
    let n_parameters = field.n_parameters();
    let jumps = samples.iter().map(|&b| jumps_to(recording, b, from[b], Side::After)).collect();
    let mut augmented =
        Augmented { field, error_of, samples: samples.clone(), jumps, parameters: vec![T::ZERO; n_parameters] };
    let everything = error_of == ErrorOf::Everything;
    let mut start = Vec::with_capacity(samples.len() * augmented.features());
    for &b in &samples {
        if everything {
            start.push(T::from_f64(state.time[b]));
        }
        start.extend_from_slice(&state.y[b * n..(b + 1) * n]);
        start.extend_from_slice(&state.adjoint[b * n..(b + 1) * n]);
        if everything {
            start.extend_from_slice(&state.parameters[b * n_parameters..(b + 1) * n_parameters]);
        }
    }
    let solver = Solver {
        initial_step: initial_steps(&recording.solver, &samples, from),
        // Where the gradient is at rest, the way back has not come to its end.
        steady: None,
        adjoint: Adjoint::ConstantSteps,
        checkpointing: Checkpointing::All,
        ..recording.solver.clone()
    };
    let mut stepper = solver.start(&mut augmented, &start, &times)?;
    while stepper.runs() {
        let (columns, piece) = stepper.columns();
        let before = (!everything && n_parameters > 0).then(|| (columns.clone(), piece.to_vec()));
        stepper.step(&mut augmented)?;
        if let Some((columns, piece)) = before {
            quadrature(
                solver.method.tableau(),
                columns,
                &piece,
                stepper.last_step(),
                &mut augmented,
                &mut state.parameters,
            )?;
        }
    }
    let solution = stepper.finish().into_success()?;
    let width = augmented.features();
    for (&b, end) in samples.iter().zip(solution.end().chunks_exact(width)) {
        let own = &end[augmented.head()..];
        state.y[b * n..(b + 1) * n].copy_from_slice(&own[..n]);
        state.adjoint[b * n..(b + 1) * n].copy_from_slice(&own[n..2 * n]);
        if everything {
            state.time[b] = end[0].to_f64();
            state.parameters[b * n_parameters..(b + 1) * n_parameters].copy_from_slice(&own[2 * n..]);
        }
    }
    Ok(())
}

/// The given steps of the way forward, as far as time moves by them where the way back begins.
fn initial_steps(solver: &Solver, samples: &[usize], from: &[f64]) -> Option<Vec<f64>> {
    let given = solver.initial_step.as_ref()?;
    let least = |b: usize| 16.0 * solver.time.resolution(from[b]);
    Some(samples.iter().map(|&b| given[if given.len() == 1 { 0 } else { b }].abs().max(least(b))).collect())
}

/// Adds to `to` the integral of the parameters' gradient over the accepted columns of a step, from `y` `[features, columns]` with the
/// jumps behind each, by the weights of the method.
fn quadrature<T: Real>(
    tableau: &Tableau,
    mut y: Aligned<T>,
    piece: &[usize],
    step: &LastStep,
    augmented: &mut Augmented<'_, T>,
    to: &mut Vec<T>,
) -> Result<(), Error> {
    let accepted: Vec<usize> = (0..step.sample.len()).filter(|&b| step.accepted[b]).collect();
    if accepted.is_empty() {
        return Ok(());
    }
    let shape = Shape { features: augmented.features(), batch: accepted.len() };
    keep_columns(Shape { batch: step.sample.len(), ..shape }, &mut y, &accepted);
    let of = |list: &[f64]| -> Vec<f64> { accepted.iter().map(|&b| list[b]).collect() };
    let of_samples = |list: &[usize]| -> Vec<usize> { accepted.iter().map(|&b| list[b]).collect() };
    let (t0, dt) = (of(&step.t), of(&step.dt));
    let (sample, piece) = (of_samples(&step.sample), of_samples(piece));
    let lengths: Vec<T> = dt.iter().map(|&dt| T::from_f64(dt)).collect();
    let stages = tableau.stages() - usize::from(tableau.is_first_same_as_last());
    let weights = tableau.b.unwrap_or(tableau.a[tableau.stages() - 1]);
    let (n, half) = (shape.len(), shape.len() / 2);
    let mut k = vec![Aligned::<T>::zeros(n); stages];
    let mut argument = Aligned::<T>::zeros(n);
    for s in 0..stages {
        if s == 0 {
            argument.copy_from_slice(&y);
        } else {
            combine(shape, &mut argument, &y, &lengths, &terms(tableau.a[s], &k, n));
        }
        let t: Vec<f64> = t0.iter().zip(&dt).map(|(t, dt)| t + tableau.c[s] * dt).collect();
        // Going backward in time, the parameters' gradient grows against the sign of the step.
        let weight: Vec<f64> = dt.iter().map(|dt| -weights[s] * dt).collect();
        let wanted = weights[s] != 0.0;
        let (state, adjoint) = argument.split_at(half);
        let (d_state, d_adjoint) = k[s].split_at_mut(half);
        // what evaluations alone add to the parameters is nothing
        if wanted {
            std::mem::swap(&mut augmented.parameters, to);
        }
        let done = augmented.derivative(
            At { t: &t, sample: &sample, piece: &piece },
            (state, adjoint),
            wanted.then_some(&weight[..]),
            (d_state, d_adjoint, &mut vec![0.0; sample.len()]),
        );
        if wanted {
            std::mem::swap(&mut augmented.parameters, to);
        }
        done.map_err(|source| Error::Field { t: t[0], source })?;
    }
    Ok(())
}
