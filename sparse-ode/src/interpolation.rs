//! Values between the ends of a step.

use crate::arrays::{Shape, combine_block, with_terms};
use rayon::prelude::*;
use tch_function::on_best_tier;
use tch_sparse::{Aligned, Real};

/// A value of a step's polynomial: `x` of the way from start to end of the step in column `column`, to go to `slot`, one of
/// the stretches of `features` numbers in the output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) column: usize,
    pub(crate) x: f64,
    pub(crate) slot: usize,
}

/// A finished step, to be interpolated.
pub(crate) struct Step<'a, T> {
    pub(crate) y0: &'a [T],
    pub(crate) y1: &'a [T],
    pub(crate) k: &'a [Aligned<T>],
    pub(crate) dt: &'a [T],
    pub(crate) dense: crate::method::Dense,
}

/// Writes the polynomial's values at `points` to their slots of `out`, `[slots, features]`.
pub(crate) fn interpolate<T: Real>(shape: Shape, step: &Step<'_, T>, points: &[Point], out: &mut Slots<'_, T>) {
    if points.is_empty() {
        return;
    }
    let block = shape.block();
    let starts: Vec<usize> = (0..shape.len()).step_by(block).collect();
    let dt = shape.repeated(step.dt);
    let out = &*out;
    let run = |&first: &usize| {
        let n = block.min(shape.len() - first);
        let powers = step_powers(step, &dt, first, n);
        let (first_row, rows) = (first / shape.batch, n / shape.batch);
        let mut column = vec![T::ZERO; rows * (powers.len() + 1)];
        let mut held = usize::MAX;
        for p in points {
            if held != p.column {
                held = p.column;
                for (j, from) in
                    std::iter::once(&step.y0[first..first + n]).chain(powers.iter().map(|p| &p[..])).enumerate()
                {
                    for (row, to) in column[j * rows..][..rows].iter_mut().enumerate() {
                        *to = from[row * shape.batch + held];
                    }
                }
            }
            // SAFETY: each (slot, rows of this block) is written by one call only: blocks are disjoint and points have
            // slots of their own.
            let to = unsafe { out.stretch(p.slot, first_row, rows) };
            if p.x == 1.0 {
                // The end itself, free of the polynomial's rounding.
                for (row, to) in to.iter_mut().enumerate() {
                    *to = step.y1[first + row * shape.batch + p.column];
                }
            } else {
                horner_block(to, &column, T::from_f64(p.x));
            }
        }
    };
    if shape.is_parallel() { starts.par_iter().with_min_len(8).for_each(run) } else { starts.iter().for_each(run) }
}

/// The polynomial's coefficients by power, from 1, `[features, batch]`.
pub(crate) fn coefficients<T: Real>(shape: Shape, step: &Step<'_, T>) -> Vec<Vec<T>> {
    let dt: Vec<T> = step.dt.iter().copied().cycle().take(shape.len()).collect();
    step_powers(step, &dt, 0, shape.len())
}

/// The polynomial's coefficients by power, from 1, for numbers `first..first + n`.
fn step_powers<T: Real>(step: &Step<'_, T>, dt: &[T], first: usize, n: usize) -> Vec<Vec<T>> {
    let mut powers = Vec::with_capacity(step.dense.step.len());
    let zero = vec![T::ZERO; n];
    for (w, weights) in step.dense.step.iter().zip(step.dense.k) {
        let mut power = vec![T::ZERO; n];
        if *w != 0.0 {
            let w = T::from_f64(*w);
            for (i, p) in power.iter_mut().enumerate() {
                *p = w * (step.y1[first + i] - step.y0[first + i]);
            }
        }
        let list: Vec<(f64, &[T])> =
            weights.iter().zip(step.k).filter(|(w, _)| **w != 0.0).map(|(w, k)| (*w, &k[first..first + n])).collect();
        if !list.is_empty() {
            let mut sum = vec![T::ZERO; n];
            with_terms!(
                list,
                |list| combine_block(
                    &mut sum,
                    &zero,
                    &dt[..n],
                    list.map(|(w, _)| T::from_f64(w)),
                    list.map(|(_, k)| k)
                ),
                powers
            );
            for (p, s) in power.iter_mut().zip(&sum) {
                *p += *s;
            }
        }
        powers.push(power);
    }
    powers
}

on_best_tier!(fn horner_block<T: Real>(out: &mut [T], coefficients: &[T], x: T) = horner_body);

#[inline(always)]
fn horner_body<T: Real>(out: &mut [T], coefficients: &[T], x: T) {
    let n = out.len();
    let degree = coefficients.len() / n - 1;
    out.copy_from_slice(&coefficients[degree * n..]);
    for j in (0..degree).rev() {
        for (o, c) in out.iter_mut().zip(&coefficients[j * n..][..n]) {
            *o = *o * x + *c;
        }
    }
}

/// An output `[slots, features]` that threads write disjoint stretches of.
pub(crate) struct Slots<'a, T> {
    start: *mut T,
    features: usize,
    slots: usize,
    owner: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: it is a mutable slice; `stretch` leaves the disjointness of concurrent writes to its callers.
unsafe impl<T: Send> Sync for Slots<'_, T> {}

impl<'a, T: Real> Slots<'a, T> {
    pub(crate) fn new(out: &'a mut [T], features: usize) -> Self {
        let slots = out.len().checked_div(features).unwrap_or(0);
        Self { start: out.as_mut_ptr(), features, slots, owner: std::marker::PhantomData }
    }

    /// Numbers `first..first + n` of a slot.
    ///
    /// # Safety
    /// No other reference to any of them may exist.
    #[allow(clippy::mut_from_ref)] // disjoint parts of one slice, by the contract above
    pub(crate) unsafe fn stretch(&self, slot: usize, first: usize, n: usize) -> &mut [T] {
        assert!(slot < self.slots && first + n <= self.features, "stretch {first}+{n} of slot {slot}");
        // SAFETY: within the slice that `self` borrows, and exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(slot * self.features + first), n) }
    }

    /// Copies column `column` of a state to a slot.
    pub(crate) fn copy_column(&mut self, shape: Shape, y: &[T], column: usize, slot: usize) {
        // SAFETY: `&mut self` excludes every other stretch.
        let to = unsafe { self.stretch(slot, 0, shape.features) };
        for (row, to) in to.iter_mut().enumerate() {
            *to = y[row * shape.batch + column];
        }
    }
}
