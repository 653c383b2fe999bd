//! The reverse of the fused field.
//!
//! With `n = relu(phi(z))`, `z = P x + W (s h) + b` and `dh/dt = (n - h) / tau`, from the gradient `g` with respect to `dh/dt`:
//! `z' = g phi'(z) [n > 0] / tau`, `h' = s W^T z' - g / tau`, `W'_ij = z'_i s_j h_j`, `b' = z'`, `tau' = -g (dh/dt) / tau`. Products
//! of `W^T z'` and `W'` are made in one pass over the wiring. Gradients of the input and its wires are linear in `z'`: it is summed up
//! for as long as a sample holds a frame, and goes through the wires once then.

use super::field::Fused;
use crate::field::{At, Differentiable, Evaluated, FieldError, PulledBack, VectorField};
use rayon::prelude::*;
use std::ops::Range;
use tch_function::on_best_tier;
use tch_sparse::kernel::Into;
use tch_sparse::{Aligned, Real, parallel};

/// Rows that a thread takes at a time.
const ROWS: usize = 512;

/// Where the gradient of each parameter lies among the field's parameters, if it is wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// In the order of the transposed wiring.
    pub(super) weights: Option<Range<usize>>,
    /// One per neuron.
    pub(super) bias: Option<Range<usize>>,
    /// One per neuron.
    pub(super) tau: Option<Range<usize>>,
    /// Weights of the input's wires.
    pub(super) input: Option<Range<usize>>,
    /// `[batch, count, size]`
    pub(super) frames: Option<Range<usize>>,
    pub(super) len: usize,
}

impl Places {
    /// The next `n` places where `wanted`.
    pub(super) fn take(&mut self, wanted: bool, n: usize) -> Option<Range<usize>> {
        wanted.then(|| {
            self.len += n;
            self.len - n..self.len
        })
    }
}

/// The fused field with what its reverse needs.
pub(super) struct Reversible<'a, T> {
    pub(super) field: Fused<'a, T>,
    /// Weights in the order of the transposed wiring.
    pub(super) transposed: Vec<T>,
    pub(super) places: Places,
    z_bar: Aligned<T>,
    /// Where sums are allowed to wait: what each neuron's drive has come to, `[neurons, samples]`, and the frame it belongs to.
    waiting: Option<Waiting<T>>,
}

struct Waiting<T> {
    drive_bar: Vec<T>,
    frames: Vec<Option<usize>>,
}

/// When gradients of the input are complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputGradients {
    /// After each pull-back.
    AtOnce,
    /// After [`Reversible::finish`].
    AtTheEnd,
}

/// Slopes of the rectified nonlinearity, `[neurons, batch]`.
#[derive(Debug)]
pub(super) struct Slopes<T>(Vec<T>);

impl<T> Default for Slopes<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T: Real> Reversible<'a, T> {
    pub(super) fn new(field: Fused<'a, T>, places: Places, samples: usize, input: InputGradients) -> Self {
        let to = field.structure.pattern.transposed();
        let mut transposed = vec![T::ZERO; field.weights.len()];
        parallel::transpose_values(to, field.weights, &mut transposed);
        let waits = input == InputGradients::AtTheEnd && (places.input.is_some() || places.frames.is_some());
        let waiting = waits
            .then(|| Waiting { drive_bar: vec![T::ZERO; field.features() * samples], frames: vec![None; samples] });
        Self { field, transposed, places, z_bar: Aligned::zeros(0), waiting }
    }

    /// Completes the gradients of the input.
    pub(super) fn finish(&mut self, parameters: &mut [T]) {
        let Some(waiting) = &mut self.waiting else {
            return;
        };
        let all: Vec<usize> = (0..waiting.frames.len()).collect();
        let (held, bar) = waiting.take(&all);
        self.through_wires(&held, &bar, parameters);
    }

    /// Adds the gradients of the input from those of the drive, `[neurons, columns]`.
    fn through_wires(&self, held: &[(usize, usize)], drive_bar: &[T], parameters: &mut [T]) {
        let (input, frames) = (&self.places.input, &self.places.frames);
        if held.is_empty() || (input.is_none() && frames.is_none()) {
            return;
        }
        // Their places follow each other, the wires' first.
        let start = input.as_ref().or(frames.as_ref()).map_or(0, |r| r.start);
        let (of_wires, of_frames) = parameters[start..].split_at_mut(input.as_ref().map_or(0, |r| r.end - r.start));
        self.field.input.pull_back(
            held,
            drive_bar,
            frames.as_ref().map(|r| &mut of_frames[..r.end - r.start]),
            input.as_ref().map(|_| of_wires),
        );
    }
}

impl<T: Real> VectorField<T> for Reversible<'_, T> {
    fn features(&self) -> usize {
        self.field.features()
    }

    fn eval(&mut self, at: At<'_>, y: &[T], dy: &mut [T]) -> Result<(), FieldError> {
        self.field.eval(at, y, dy)
    }
}

impl<T: Real> Differentiable<T> for Reversible<'_, T> {
    type Kept = Slopes<T>;

    fn n_parameters(&self) -> usize {
        self.places.len
    }

    fn eval_keeping(&mut self, at: At<'_>, y: &[T], dy: &mut [T], kept: &mut Slopes<T>) -> Result<(), FieldError> {
        kept.0.resize(y.len(), T::ZERO);
        self.field.write(at, y, dy, Some(&mut kept.0))
    }

    fn pull_back(
        &mut self,
        of: Evaluated<'_, T, Slopes<T>>,
        cotangent: &[T],
        to: PulledBack<'_, T>,
    ) -> Result<(), FieldError> {
        let batch = of.at.t.len();
        self.field.sign(batch, of.y);
        if self.z_bar.len() != cotangent.len() {
            self.z_bar = Aligned::zeros(cotangent.len());
        }
        let tau = &self.field.tau;
        self.z_bar
            .par_chunks_mut(ROWS * batch)
            .zip(cotangent.par_chunks(ROWS * batch))
            .zip(of.kept.0.par_chunks(ROWS * batch))
            .zip(tau.par_chunks(ROWS))
            .for_each(|(((z_bar, g), slope), tau)| through_rate(z_bar, g, slope, tau));
        if let Some(bias) = &self.places.bias {
            to.parameters[bias.clone()]
                .par_chunks_mut(ROWS)
                .zip(self.z_bar.par_chunks(ROWS * batch))
                .for_each(|(to, z_bar)| add_sums(to, z_bar));
        }
        if let Some(place) = &self.places.tau {
            to.parameters[place.clone()]
                .par_chunks_mut(ROWS)
                .zip(cotangent.par_chunks(ROWS * batch))
                .zip(of.dy.par_chunks(ROWS * batch))
                .zip(tau.par_chunks(ROWS))
                .for_each(|(((to, g), dy), tau)| add_rates(to, g, dy, tau));
        }
        let layout = self.field.structure.pattern.transposed().layout();
        match &self.places.weights {
            Some(weights) => parallel::product_and_sampled_all(
                layout,
                &self.transposed,
                &self.z_bar,
                self.field.signed(of.y),
                batch,
                Into::Replace,
                to.y,
                &mut to.parameters[weights.clone()],
            ),
            None => parallel::product_all(layout, &self.transposed, &self.z_bar, batch, Into::Replace, to.y),
        }
        let signs = self.field.signs();
        to.y.par_chunks_mut(ROWS * batch)
            .zip(cotangent.par_chunks(ROWS * batch))
            .zip(tau.par_chunks(ROWS))
            .enumerate()
            .for_each(|(i, ((y_bar, g), tau))| {
                let signs = signs.map(|signs| &signs[i * ROWS..][..tau.len()]);
                through_state(y_bar, g, tau, signs.unwrap_or(&[]));
            });
        let held = self.field.input.held_at(of.at);
        let Some(waiting) = &mut self.waiting else {
            self.through_wires(&held, &self.z_bar, to.parameters);
            return Ok(());
        };
        let is_over = |&&(sample, frame): &&(usize, usize)| waiting.frames[sample].is_some_and(|f| f != frame);
        let over: Vec<usize> = held.iter().filter(is_over).map(|h| h.0).collect();
        let (done, bar) = waiting.take(&over);
        waiting.add(&held, &self.z_bar);
        self.through_wires(&done, &bar, to.parameters);
        Ok(())
    }
}

impl<T: Real> Waiting<T> {
    /// Adds what the columns' drives come to, `[neurons, columns]`.
    fn add(&mut self, held: &[(usize, usize)], bar: &[T]) {
        let samples = self.frames.len();
        if held.len() == samples {
            self.drive_bar.par_chunks_mut(ROWS * samples).zip(bar.par_chunks(ROWS * samples)).for_each(|(to, from)| {
                to.iter_mut().zip(from).for_each(|(to, v)| *to += *v);
            });
        } else {
            for (to, from) in self.drive_bar.chunks_exact_mut(samples).zip(bar.chunks_exact(held.len())) {
                for ((sample, _), v) in held.iter().zip(from) {
                    to[*sample] += *v;
                }
            }
        }
        for (sample, frame) in held {
            self.frames[*sample] = Some(*frame);
        }
    }

    /// Takes the sums of some samples out: their frames, and `[neurons, columns]`.
    fn take(&mut self, list: &[usize]) -> (Vec<(usize, usize)>, Vec<T>) {
        let held: Vec<(usize, usize)> = list.iter().filter_map(|&s| Some((s, self.frames[s]?))).collect();
        let (samples, columns) = (self.frames.len(), held.len());
        let mut bar = vec![T::ZERO; self.drive_bar.len() / samples * columns];
        if columns > 0 {
            for (from, to) in self.drive_bar.chunks_exact_mut(samples).zip(bar.chunks_exact_mut(columns)) {
                for (to, (sample, _)) in to.iter_mut().zip(&held) {
                    *to = std::mem::replace(&mut from[*sample], T::ZERO);
                }
            }
        }
        for (sample, _) in &held {
            self.frames[*sample] = None;
        }
        (held, bar)
    }
}

on_best_tier!(
    /// `z' = g slope / tau`, row by row.
    fn through_rate<T: Real>(z_bar: &mut [T], g: &[T], slope: &[T], tau: &[T]) = through_rate_body
);

#[inline(always)]
fn through_rate_body<T: Real>(z_bar: &mut [T], g: &[T], slope: &[T], tau: &[T]) {
    let batch = z_bar.len() / tau.len();
    let rows = z_bar.chunks_exact_mut(batch).zip(g.chunks_exact(batch)).zip(slope.chunks_exact(batch));
    for (((z_bar, g), slope), tau) in rows.zip(tau) {
        for ((z, g), s) in z_bar.iter_mut().zip(g).zip(slope) {
            *z = *g * *s / *tau;
        }
    }
}

on_best_tier!(
    /// `h' = s (W^T z') - g / tau`, row by row; no signs are all +1.
    fn through_state<T: Real>(y_bar: &mut [T], g: &[T], tau: &[T], signs: &[T]) = through_state_body
);

#[inline(always)]
fn through_state_body<T: Real>(y_bar: &mut [T], g: &[T], tau: &[T], signs: &[T]) {
    let batch = y_bar.len() / tau.len();
    for (row, ((y_bar, g), tau)) in y_bar.chunks_exact_mut(batch).zip(g.chunks_exact(batch)).zip(tau).enumerate() {
        let sign = if signs.is_empty() { T::ONE } else { signs[row] };
        for (y, g) in y_bar.iter_mut().zip(g) {
            *y = sign * *y - *g / *tau;
        }
    }
}

/// Adds the sum of each row.
fn add_sums<T: Real>(to: &mut [T], rows: &[T]) {
    let batch = rows.len() / to.len();
    for (to, row) in to.iter_mut().zip(rows.chunks_exact(batch)) {
        *to += row.iter().fold(T::ZERO, |sum, v| sum + *v);
    }
}

/// Adds `-sum g dy / tau` of each row.
fn add_rates<T: Real>(to: &mut [T], g: &[T], dy: &[T], tau: &[T]) {
    let batch = g.len() / to.len();
    for (((to, g), dy), tau) in to.iter_mut().zip(g.chunks_exact(batch)).zip(dy.chunks_exact(batch)).zip(tau) {
        *to += -(g.iter().zip(dy).fold(T::ZERO, |sum, (g, dy)| sum + *g * *dy) / *tau);
    }
}
