//! Arithmetic on states: `[features, batch]` arrays with a time step of its own for each column.
//!
//! Every function makes one pass over the arrays that it takes. Work is cut into blocks of a fixed size, which rayon's threads
//! share; sums are added up per block and then over blocks in order, so that results do not depend on the number of threads.

use crate::math::Number;
use crate::tiers::on_best_tier;
use rayon::prelude::*;
use tch_sparse::Aligned;

/// Numbers in a block, about: eight arrays' blocks fit a first-level cache.
const BLOCK: usize = 1024;

/// Below this many numbers everything stays on the calling thread.
const SERIAL: usize = 1 << 15;

/// The shape of the arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) features: usize,
    pub(crate) batch: usize,
}

impl Shape {
    pub(crate) fn len(self) -> usize {
        self.features * self.batch
    }

    /// A block: a whole number of rows.
    fn block(self) -> usize {
        (BLOCK / self.batch).max(1) * self.batch
    }

    fn is_parallel(self) -> bool {
        self.len() >= SERIAL && rayon::current_num_threads() > 1
    }

    /// Per-column numbers repeated over a block, so that loops need no remainder.
    fn repeated<T: Number>(self, columns: &[T]) -> Vec<T> {
        assert_eq!(columns.len(), self.batch, "one number per column of {self:?}");
        columns.iter().copied().cycle().take(self.block()).collect()
    }

    /// Calls `run(first, block of out)` for all blocks.
    fn each<T: Number>(self, out: &mut [T], run: impl Fn(usize, &mut [T]) + Sync) {
        let block = self.block();
        if self.is_parallel() {
            out.par_chunks_mut(block).enumerate().with_min_len(8).for_each(|(i, o)| run(i * block, o));
        } else {
            for (i, o) in out.chunks_mut(block).enumerate() {
                run(i * block, o);
            }
        }
    }

    /// Root mean squares per column, from sums of squares per place in a block.
    fn root_mean_squares<T: Number>(self, sums: impl Fn(usize, usize, &mut [T]) + Sync) -> Vec<f64> {
        let block = self.block();
        let column_sums = |first: usize| {
            let n = block.min(self.len() - first);
            let mut sums_of_block = vec![T::ZERO; n];
            sums(first, n, &mut sums_of_block);
            let mut columns = vec![0.0; self.batch];
            for row in sums_of_block.chunks_exact(self.batch) {
                for (c, s) in columns.iter_mut().zip(row) {
                    *c += s.to_f64();
                }
            }
            columns
        };
        let starts = (0..self.len()).step_by(block);
        let blocks: Vec<Vec<f64>> = if self.is_parallel() {
            starts.collect::<Vec<_>>().into_par_iter().with_min_len(8).map(column_sums).collect()
        } else {
            starts.map(column_sums).collect()
        };
        let mut total = vec![0.0; self.batch];
        for columns in &blocks {
            for (t, c) in total.iter_mut().zip(columns) {
                *t += c;
            }
        }
        total.into_iter().map(|t| (t / self.features as f64).sqrt()).collect()
    }
}

/// Calls `$f::<T, N>` with the terms as an array, `N` from 1 to 7.
macro_rules! with_terms {
    ($terms:expr, |$list:ident| $call:expr, $f:ident) => {
        match $terms.len() {
            1 => with_terms!(@ $terms, 1, |$list| $call),
            2 => with_terms!(@ $terms, 2, |$list| $call),
            3 => with_terms!(@ $terms, 3, |$list| $call),
            4 => with_terms!(@ $terms, 4, |$list| $call),
            5 => with_terms!(@ $terms, 5, |$list| $call),
            6 => with_terms!(@ $terms, 6, |$list| $call),
            7 => with_terms!(@ $terms, 7, |$list| $call),
            n => unreachable!("a tableau has one to seven stages with weights, not {n}"),
        }
    };
    (@ $terms:expr, $n:literal, |$list:ident| $call:expr) => {{
        let $list: [(f64, &[T]); $n] = std::array::from_fn(|j| $terms[j]);
        $call
    }};
}

/// The weights that are not zero, with their arrays.
pub(crate) fn terms<'a, T: Number>(weights: &[f64], k: &'a [Aligned<T>], len: usize) -> Vec<(f64, &'a [T])> {
    weights.iter().zip(k).filter(|(w, _)| **w != 0.0).map(|(w, k)| (*w, &k[..len])).collect()
}

/// `out = y + dt sum_j w_j k_j`.
pub(crate) fn combine<T: Number>(shape: Shape, out: &mut [T], y: &[T], dt: &[T], terms: &[(f64, &[T])]) {
    let dt = shape.repeated(dt);
    with_terms!(
        terms,
        |list| shape.each(out, |first, out| {
            let n = out.len();
            let k = list.map(|(_, k)| &k[first..first + n]);
            combine_block(out, &y[first..first + n], &dt[..n], list.map(|(w, _)| T::from_f64(w)), k);
        }),
        combine
    );
}

on_best_tier!(fn combine_block<T, const N: usize>(out: &mut [T], y: &[T], dt: &[T], w: [T; N], k: [&[T]; N]) = combine_body);

#[inline(always)]
fn combine_body<T: Number, const N: usize>(out: &mut [T], y: &[T], dt: &[T], w: [T; N], k: [&[T]; N]) {
    let n = out.len();
    let (y, dt, k) = (&y[..n], &dt[..n], k.map(|k| &k[..n]));
    for i in 0..n {
        let mut sum = w[0] * k[0][i];
        for j in 1..N {
            sum += w[j] * k[j][i];
        }
        out[i] = y[i] + dt[i] * sum;
    }
}

/// Tolerances of an error estimate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) atol: f64,
    pub(crate) rtol: f64,
}

/// Per column the root mean square of `dt sum_j w_j k_j / (atol + rtol max(|y0|, |y1|))`.
pub(crate) fn error_norms<T: Number>(
    shape: Shape,
    scale: Scale,
    y0: &[T],
    y1: &[T],
    dt: &[T],
    terms: &[(f64, &[T])],
) -> Vec<f64> {
    let dt = shape.repeated(dt);
    let scale = [T::from_f64(scale.atol), T::from_f64(scale.rtol)];
    with_terms!(
        terms,
        |list| shape.root_mean_squares(|first, n, sums: &mut [T]| {
            let to = first + n;
            let k = list.map(|(_, k)| &k[first..to]);
            let w = list.map(|(w, _)| T::from_f64(w));
            error_block(sums, &y0[first..to], &y1[first..to], &dt[..n], scale, w, k);
        }),
        error
    )
}

on_best_tier!(fn error_block<T, const N: usize>(out: &mut [T], y0: &[T], y1: &[T], dt: &[T], scale: [T; 2], w: [T; N], k: [&[T]; N]) = error_body);

#[inline(always)]
fn error_body<T: Number, const N: usize>(
    out: &mut [T],
    y0: &[T],
    y1: &[T],
    dt: &[T],
    scale: [T; 2],
    w: [T; N],
    k: [&[T]; N],
) {
    let n = out.len();
    let (y0, y1, dt, k) = (&y0[..n], &y1[..n], &dt[..n], k.map(|k| &k[..n]));
    for i in 0..n {
        // The step goes into each weight: in single precision the estimate of a smooth step is mostly rounding.
        let mut sum = dt[i] * w[0] * k[0][i];
        for j in 1..N {
            sum += dt[i] * w[j] * k[j][i];
        }
        let ratio = sum / (scale[0] + scale[1] * y0[i].abs().or_greater(y1[i].abs()));
        out[i] = ratio * ratio;
    }
}

/// Per column the root mean square of `(v - less) / (atol + rtol |y|)`, without `less` where there is none.
pub(crate) fn scaled_norms<T: Number>(shape: Shape, scale: Scale, y: &[T], v: &[T], less: Option<&[T]>) -> Vec<f64> {
    let (atol, rtol) = (T::from_f64(scale.atol), T::from_f64(scale.rtol));
    shape.root_mean_squares(|first, n, sums: &mut [T]| {
        for (i, s) in sums.iter_mut().enumerate().take(n) {
            let at = first + i;
            let v = less.map_or(v[at], |less| v[at] - less[at]);
            let ratio = v / (atol + rtol * y[at].abs());
            *s = ratio * ratio;
        }
    })
}

/// Whether all numbers of each column are finite.
pub(crate) fn finite_columns<T: Number>(shape: Shape, y: &[T]) -> Vec<bool> {
    let mut finite = vec![true; shape.batch];
    for row in y[..shape.len()].chunks_exact(shape.batch) {
        for (f, v) in finite.iter_mut().zip(row) {
            *f &= v.to_f64().is_finite();
        }
    }
    finite
}

/// `to[columns] = from[columns]` where `take` says so.
pub(crate) fn copy_columns<T: Number>(shape: Shape, to: &mut [T], from: &[T], take: &[bool]) {
    let batch = shape.batch;
    let columns: Vec<usize> = (0..batch).filter(|&b| take[b]).collect();
    for (to, from) in to.chunks_exact_mut(batch).zip(from.chunks_exact(batch)) {
        for &b in &columns {
            to[b] = from[b];
        }
    }
}

/// Keeps the columns numbered in `kept`, ascending, at the front of the array.
pub(crate) fn keep_columns<T: Number>(shape: Shape, array: &mut Aligned<T>, kept: &[usize]) {
    let mut to = 0;
    for row in 0..shape.features {
        for &b in kept {
            array[to] = array[row * shape.batch + b];
            to += 1;
        }
    }
    array.truncate(to);
}

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
pub(crate) fn interpolate<T: Number>(shape: Shape, step: &Step<'_, T>, points: &[Point], out: &mut Slots<'_, T>) {
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

/// The polynomial's coefficients by power, from 1, for numbers `first..first + n`.
fn step_powers<T: Number>(step: &Step<'_, T>, dt: &[T], first: usize, n: usize) -> Vec<Vec<T>> {
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

on_best_tier!(fn horner_block<T>(out: &mut [T], coefficients: &[T], x: T) = horner_body);

#[inline(always)]
fn horner_body<T: Number>(out: &mut [T], coefficients: &[T], x: T) {
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

impl<'a, T: Number> Slots<'a, T> {
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
