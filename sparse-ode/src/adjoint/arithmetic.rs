//! Arithmetic on states that only the reverse pass needs.

use crate::arrays::{Scale, Shape, with_terms};
use tch_function::on_best_tier;
use tch_sparse::Real;

/// `to += dt sum_j w_j k_j`, any number of terms.
pub(crate) fn add_scaled<T: Real>(shape: Shape, to: &mut [T], dt: &[T], terms: &[(f64, &[T])]) {
    let dt = shape.repeated(dt);
    for terms in terms.chunks(7) {
        with_terms!(
            terms,
            |list| shape.each(to, |first, to| {
                let n = to.len();
                let k = list.map(|(_, k)| &k[first..first + n]);
                add_block(to, &dt[..n], list.map(|(w, _)| T::from_f64(w)), k);
            }),
            add_scaled
        );
    }
}

on_best_tier!(fn add_block<T: Real, const N: usize>(to: &mut [T], dt: &[T], w: [T; N], k: [&[T]; N]) = add_body, fused);

#[inline(always)]
fn add_body<T: Real, const N: usize, const FUSED: bool>(to: &mut [T], dt: &[T], w: [T; N], k: [&[T]; N]) {
    let n = to.len();
    let (dt, k) = (&dt[..n], k.map(|k| &k[..n]));
    for i in 0..n {
        let mut sum = w[0] * k[0][i];
        for j in 1..N {
            sum = w[j].times_plus::<FUSED>(k[j][i], sum);
        }
        to[i] = dt[i].times_plus::<FUSED>(sum, to[i]);
    }
}

/// `sum_j w_j <v, k_j>` per column.
pub(crate) fn dots<T: Real>(shape: Shape, v: &[T], terms: &[(f64, &[T])]) -> Vec<f64> {
    shape.column_sums(|first, n, out: &mut [T]| {
        for (i, out) in out.iter_mut().enumerate().take(n) {
            let at = first + i;
            let sum = terms.iter().fold(T::ZERO, |sum, (w, k)| sum + T::from_f64(*w) * k[at]);
            *out = v[at] * sum;
        }
    })
}

/// A norm `rms(v / (atol + rtol |y|))` per column, its value and the gradient with respect to it: what is added to the gradients of
/// `v` and `y`.
pub(crate) fn pull_back_norm<T: Real>(
    shape: Shape,
    scale: Scale,
    (y, v): (&[T], &[T]),
    (norm, cotangent): (&[f64], &[f64]),
    (y_bar, v_bar): (&mut [T], &mut [T]),
) {
    let factor: Vec<T> = per_element(shape, norm, cotangent);
    let (atol, rtol) = (T::from_f64(scale.atol), T::from_f64(scale.rtol));
    for i in 0..shape.len() {
        let scale = atol + rtol * y[i].abs();
        let ratio = v[i] / scale;
        // Columns that nothing depends on may hold anything.
        if factor[i % shape.batch] == T::ZERO {
            continue;
        }
        let r_bar = factor[i % shape.batch] * ratio;
        v_bar[i] += r_bar / scale;
        y_bar[i] += -r_bar * ratio / scale * rtol * sign(y[i]);
    }
}

/// From the gradient with respect to an error ratio `rms(e / (atol + rtol max(|y0|, |y1|)))` to those of the error `e`, written, and
/// of both states, added. `e` is `dt sum_s w_s k_s`.
pub(crate) fn pull_back_error<T: Real>(
    shape: Shape,
    scale: Scale,
    (y0, y1, e): (&[T], &[T], &[T]),
    (norm, cotangent): (&[f64], &[f64]),
    (y0_bar, y1_bar, e_bar): (&mut [T], &mut [T], &mut [T]),
) {
    let factor: Vec<T> = per_element(shape, norm, cotangent);
    let (atol, rtol, half) = (T::from_f64(scale.atol), T::from_f64(scale.rtol), T::from_f64(0.5));
    for i in 0..shape.len() {
        let (a, b) = (y0[i].abs(), y1[i].abs());
        let scale = atol + rtol * a.or_greater(b);
        let ratio = e[i] / scale;
        if factor[i % shape.batch] == T::ZERO {
            e_bar[i] = T::ZERO;
            continue;
        }
        let r_bar = factor[i % shape.batch] * ratio;
        e_bar[i] = r_bar / scale;
        let larger_bar = -r_bar * ratio / scale * rtol;
        // Equal sizes share the gradient, as libtorch's maximum has it.
        let share = if a > b {
            T::ONE
        } else if a < b {
            T::ZERO
        } else {
            half
        };
        y0_bar[i] += larger_bar * share * sign(y0[i]);
        y1_bar[i] += larger_bar * (T::ONE - share) * sign(y1[i]);
    }
}

/// What turns a ratio into its gradient: the norm is the root of the mean of their squares.
fn per_element<T: Real>(shape: Shape, norm: &[f64], cotangent: &[f64]) -> Vec<T> {
    norm.iter()
        .zip(cotangent)
        .map(|(norm, c)| T::from_f64(if *norm > 0.0 { c / (norm * shape.features as f64) } else { 0.0 }))
        .collect()
}

fn sign<T: Real>(v: T) -> T {
    if v > T::ZERO {
        T::ONE
    } else if v < T::ZERO {
        -T::ONE
    } else {
        T::ZERO
    }
}

/// Columns `columns` of a wide array `[features, wide]` side by side.
pub(crate) fn gather<T: Real>(features: usize, wide: &[T], columns: &[usize], to: &mut [T]) {
    let (from, n) = (wide.len() / features, columns.len());
    if from == n {
        to.copy_from_slice(wide);
        return;
    }
    for (to, row) in to.chunks_exact_mut(n).zip(wide.chunks_exact(from)) {
        for (to, &b) in to.iter_mut().zip(columns) {
            *to = row[b];
        }
    }
}

/// The way back.
pub(crate) fn scatter<T: Real>(features: usize, narrow: &[T], columns: &[usize], wide: &mut [T]) {
    let (to, n) = (wide.len() / features, columns.len());
    if to == n {
        wide.copy_from_slice(narrow);
        return;
    }
    for (row, from) in wide.chunks_exact_mut(to).zip(narrow.chunks_exact(n)) {
        for (from, &b) in from.iter().zip(columns) {
            row[b] = *from;
        }
    }
}
