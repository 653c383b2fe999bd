//! What follows a sum over taps, on packed numbers.

use tch_function::math::Number;
use tch_function::on_best_tier;

on_best_tier! {
    /// `V + gain (-V + bias + I + x)`, where `next` holds `I`; zero where there is no cell.
    pub(super) fn advance<T: Number>(bias: T, gain: T, v: &[T], x: Option<&[T]>, mask: &[T], next: &mut [T]) = advance_body
}

#[inline(always)]
fn advance_body<T: Number>(bias: T, gain: T, v: &[T], x: Option<&[T]>, mask: &[T], next: &mut [T]) {
    let go = |next: &mut T, v: T, input: T, mask: T| {
        let value = v + gain * (bias + input - v);
        *next = if mask > T::ZERO { value } else { T::ZERO };
    };
    match x {
        Some(x) => {
            for (((next, &v), &x), &mask) in next.iter_mut().zip(v).zip(x).zip(mask) {
                go(next, v, *next + x, mask);
            }
        }
        None => {
            for ((next, &v), &mask) in next.iter_mut().zip(v).zip(mask) {
                go(next, v, *next, mask);
            }
        }
    }
}

on_best_tier! {
    /// `max(v, 0)`; NaN stays.
    pub(super) fn relu<T: Number>(v: &[T], out: &mut [T]) = relu_body
}

#[inline(always)]
fn relu_body<T: Number>(v: &[T], out: &mut [T]) {
    for (out, &v) in out.iter_mut().zip(v) {
        *out = if v < T::ZERO { T::ZERO } else { v };
    }
}

on_best_tier! {
    /// Zero where there is no cell.
    pub(super) fn keep_cells<T: Number>(x: &mut [T], mask: &[T]) = keep_body
}

#[inline(always)]
fn keep_body<T: Number>(x: &mut [T], mask: &[T]) {
    for (x, &mask) in x.iter_mut().zip(mask) {
        *x = if mask > T::ZERO { *x } else { T::ZERO };
    }
}

on_best_tier! {
    /// `gain x`.
    pub(super) fn scaled<T: Number>(gain: T, x: &[T], out: &mut [T]) = scaled_body
}

#[inline(always)]
fn scaled_body<T: Number>(gain: T, x: &[T], out: &mut [T]) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = gain * x;
    }
}

on_best_tier! {
    /// Writes `gain lambda`, and returns the sum of it and that of `lambda (v_next - v)`.
    pub(super) fn input_gradient<T: Number>(gain: T, lambda: &[T], v: &[T], v_next: &[T], out: &mut [T]) -> (f64, f64) = input_body
}

#[inline(always)]
fn input_body<T: Number>(gain: T, lambda: &[T], v: &[T], v_next: &[T], out: &mut [T]) -> (f64, f64) {
    // lines have at least as many
    const LANES: usize = 8;
    let (mut input, mut change) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    let lambda = lambda.as_chunks::<LANES>().0.iter();
    let v = v.as_chunks::<LANES>().0.iter().zip(v_next.as_chunks::<LANES>().0);
    for ((out, lambda), (v, v_next)) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(lambda).zip(v) {
        for i in 0..LANES {
            out[i] = gain * lambda[i];
            input[i] += out[i];
            change[i] += lambda[i] * (v_next[i] - v[i]);
        }
    }
    let sum = |lanes: [T; LANES]| lanes.iter().map(|x| x.to_f64()).sum();
    (sum(input), sum(change))
}

on_best_tier! {
    /// `lambda <- (1 - gain) lambda + back`; zero where there is no cell.
    pub(super) fn go_back<T: Number>(gain: T, back: &[T], mask: &[T], lambda: &mut [T]) = back_body
}

#[inline(always)]
fn back_body<T: Number>(gain: T, back: &[T], mask: &[T], lambda: &mut [T]) {
    let stays = T::ONE - gain;
    for ((lambda, &back), &mask) in lambda.iter_mut().zip(back).zip(mask) {
        let value = stays * *lambda + back;
        *lambda = if mask > T::ZERO { value } else { T::ZERO };
    }
}
