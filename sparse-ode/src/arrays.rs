//! Arithmetic on states: `[features, batch]` arrays with a time step of its own for each column.
//!
//! Every function makes one pass over the arrays that it takes. Work is cut into blocks of a fixed size, which rayon's threads
//! share; sums are added up per block and then over blocks in order, so that results do not depend on the number of threads.

use crate::solver::Compat;
use rayon::prelude::*;
use tch::Kind;
use tch_function::on_best_tier;
use tch_sparse::{Aligned, Real};

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
    pub(crate) fn block(self) -> usize {
        (BLOCK / self.batch).max(1) * self.batch
    }

    pub(crate) fn is_parallel(self) -> bool {
        self.len() >= SERIAL && rayon::current_num_threads() > 1
    }

    /// Per-column numbers repeated over a block, so that loops need no remainder.
    pub(crate) fn repeated<T: Real>(self, columns: &[T]) -> Vec<T> {
        assert_eq!(columns.len(), self.batch, "one number per column of {self:?}");
        columns.iter().copied().cycle().take(self.block()).collect()
    }

    /// Calls `run(first, block of out)` for all blocks.
    pub(crate) fn each<T: Real>(self, out: &mut [T], run: impl Fn(usize, &mut [T]) + Sync) {
        let block = self.block();
        if self.is_parallel() {
            out.par_chunks_mut(block).enumerate().with_min_len(8).for_each(|(i, o)| run(i * block, o));
        } else {
            for (i, o) in out.chunks_mut(block).enumerate() {
                run(i * block, o);
            }
        }
    }

    /// Sums per column, from the numbers of a block, which `write(first, n, numbers)` gives.
    pub(crate) fn column_sums<T: Real>(self, write: impl Fn(usize, usize, &mut [T]) + Sync) -> Vec<f64> {
        let block = self.block();
        let of_block = |first: usize| {
            let n = block.min(self.len() - first);
            let mut numbers = vec![T::ZERO; n];
            write(first, n, &mut numbers);
            let mut columns = vec![0.0; self.batch];
            for row in numbers.chunks_exact(self.batch) {
                for (c, s) in columns.iter_mut().zip(row) {
                    *c += s.to_f64();
                }
            }
            columns
        };
        let starts = (0..self.len()).step_by(block);
        let blocks: Vec<Vec<f64>> = if self.is_parallel() {
            starts.collect::<Vec<_>>().into_par_iter().with_min_len(8).map(of_block).collect()
        } else {
            starts.map(of_block).collect()
        };
        let mut total = vec![0.0; self.batch];
        for columns in &blocks {
            for (t, c) in total.iter_mut().zip(columns) {
                *t += c;
            }
        }
        total
    }

    /// Root mean squares per column, from the squares.
    fn root_mean_squares<T: Real>(self, squares: impl Fn(usize, usize, &mut [T]) + Sync) -> Vec<f64> {
        self.column_sums(squares).into_iter().map(|t| (t / self.features as f64).sqrt()).collect()
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
pub(crate) fn terms<'a, T: Real>(weights: &[f64], k: &'a [Aligned<T>], len: usize) -> Vec<(f64, &'a [T])> {
    weights.iter().zip(k).filter(|(w, _)| **w != 0.0).map(|(w, k)| (*w, &k[..len])).collect()
}

pub(crate) use with_terms;

/// `out = y + dt sum_j w_j k_j`.
pub(crate) fn combine<T: Real>(shape: Shape, out: &mut [T], y: &[T], dt: &[T], terms: &[(f64, &[T])]) {
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

on_best_tier!(pub(crate) fn combine_block<T: Real, const N: usize>(out: &mut [T], y: &[T], dt: &[T], w: [T; N], k: [&[T]; N]) = combine_body, fused);

#[inline(always)]
fn combine_body<T: Real, const N: usize, const FUSED: bool>(out: &mut [T], y: &[T], dt: &[T], w: [T; N], k: [&[T]; N]) {
    let n = out.len();
    let (y, dt, k) = (&y[..n], &dt[..n], k.map(|k| &k[..n]));
    for i in 0..n {
        let mut sum = w[0] * k[0][i];
        for j in 1..N {
            sum = w[j].times_plus::<FUSED>(k[j][i], sum);
        }
        out[i] = dt[i].times_plus::<FUSED>(sum, y[i]);
    }
}

/// Tolerances of an error estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub(crate) atol: f64,
    pub(crate) rtol: f64,
}

/// Per column the root mean square of `dt sum_j w_j k_j / (atol + rtol max(|y0|, |y1|))`; infinite where a state is so large
/// that its tolerance is, unless as torchode does it.
pub(crate) fn error_norms<T: Real>(
    shape: Shape,
    scale: Scale,
    compat: Compat,
    (y0, y1): (&[T], &[T]),
    dt: &[T],
    terms: &[(f64, &[T])],
) -> Vec<f64> {
    let dt = shape.repeated(dt);
    let most = match (compat, T::KIND) {
        (Compat::Torchode, _) => f64::INFINITY,
        (Compat::None, Kind::Float) => f64::from(f32::MAX),
        (Compat::None, _) => f64::MAX,
    };
    let scale = [scale.atol, scale.rtol, most].map(T::from_f64);
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

on_best_tier!(fn error_block<T: Real, const N: usize>(out: &mut [T], y0: &[T], y1: &[T], dt: &[T], scale: [T; 3], w: [T; N], k: [&[T]; N]) = error_body, fused);

#[inline(always)]
fn error_body<T: Real, const N: usize, const FUSED: bool>(
    out: &mut [T],
    y0: &[T],
    y1: &[T],
    dt: &[T],
    scale: [T; 3],
    w: [T; N],
    k: [&[T]; N],
) {
    let n = out.len();
    let (y0, y1, dt, k) = (&y0[..n], &y1[..n], &dt[..n], k.map(|k| &k[..n]));
    for i in 0..n {
        // The step goes into each weight: in single precision the estimate of a smooth step is mostly rounding.
        let mut sum = dt[i] * w[0] * k[0][i];
        for j in 1..N {
            sum = (dt[i] * w[j]).times_plus::<FUSED>(k[j][i], sum);
        }
        let allowed = scale[0] + scale[1] * y0[i].abs().or_greater(y1[i].abs());
        let ratio = sum / allowed;
        // Where all would be allowed nothing is.
        out[i] = if allowed > scale[2] { allowed } else { ratio * ratio };
    }
}

/// Per column the root mean square of `(v - less) / (atol + rtol |y|)`, without `less` where there is none.
pub(crate) fn scaled_norms<T: Real>(shape: Shape, scale: Scale, y: &[T], v: &[T], less: Option<&[T]>) -> Vec<f64> {
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
pub(crate) fn finite_columns<T: Real>(shape: Shape, y: &[T]) -> Vec<bool> {
    let mut finite = vec![true; shape.batch];
    for row in y[..shape.len()].chunks_exact(shape.batch) {
        for (f, v) in finite.iter_mut().zip(row) {
            *f &= v.to_f64().is_finite();
        }
    }
    finite
}

/// `to[columns] = from[columns]` where `take` says so.
pub(crate) fn copy_columns<T: Real>(shape: Shape, to: &mut [T], from: &[T], take: &[bool]) {
    let batch = shape.batch;
    let columns: Vec<usize> = (0..batch).filter(|&b| take[b]).collect();
    for (to, from) in to.chunks_exact_mut(batch).zip(from.chunks_exact(batch)) {
        for &b in &columns {
            to[b] = from[b];
        }
    }
}

/// Keeps the columns numbered in `kept`, ascending, at the front of the array.
pub(crate) fn keep_columns<T: Real>(shape: Shape, array: &mut Aligned<T>, kept: &[usize]) {
    let mut to = 0;
    for row in 0..shape.features {
        for &b in kept {
            array[to] = array[row * shape.batch + b];
            to += 1;
        }
    }
    array.truncate(to);
}
