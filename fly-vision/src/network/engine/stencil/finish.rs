//! What follows a sum over taps.

use tch_function::math::Number;
use tch_function::on_best_tier;
use tch_sparse::Real;

use super::block::Tile;
use super::kernel::Finish;

/// The rows of a tile: their first number in the plane, in the packed type, and among the sums; and their length.
#[inline(always)]
fn rows(tile: &Tile, stride: usize, sums: usize) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    let (n, out, packed) = (usize::from(tile.rows), tile.out as usize, tile.packed as usize);
    let len = sums / n;
    (0..n).map(move |row| (out + row * stride, packed + row * len, row * len, len))
}

/// A step of a rectified type: `V <- V + gain (-V + bias + I + x)`, and `max(V, 0)` into its plane; zero where there is no cell.
#[derive(Clone, Copy)]
pub(super) struct Advance<T> {
    pub(super) bias: T,
    pub(super) gain: T,
    /// The packed state; it may be `v_next`.
    pub(super) v: *const T,
    /// Packed; null where there is none.
    pub(super) x: *const T,
    pub(super) mask: *const T,
    pub(super) v_next: *mut T,
    /// Null where outputs are computed otherwise.
    pub(super) plane: *mut T,
}

/// Numbers that are taken into registers before the first of them is written: a line has one or two times as many.
const TOGETHER: usize = 8;

impl<T: Real> Finish<T> for Advance<T> {
    #[inline(always)]
    unsafe fn finish(self, tile: &Tile, stride: usize, sums: &[T]) {
        let Self { bias, gain, .. } = self;
        for (out, packed, first, len) in rows(tile, stride, sums.len()) {
            let (sums, _) = sums[first..first + len].as_chunks::<TOGETHER>();
            for (i, &sums) in sums.iter().enumerate() {
                let (out, packed) = (out + i * TOGETHER, packed + i * TOGETHER);
                // SAFETY: the tile lies in what the pointers point to, by the caller's promise. All is read before anything is written,
                // since the states may be one.
                unsafe {
                    let v = self.v.add(packed).cast::<[T; TOGETHER]>().read();
                    let mask = self.mask.add(packed).cast::<[T; TOGETHER]>().read();
                    let mut input = sums;
                    if !self.x.is_null() {
                        let x = self.x.add(packed).cast::<[T; TOGETHER]>().read();
                        input.iter_mut().zip(x).for_each(|(input, x)| *input += x);
                    }
                    let (mut next, mut output) = ([T::ZERO; TOGETHER], [T::ZERO; TOGETHER]);
                    for k in 0..TOGETHER {
                        let value = v[k] + gain * (bias + input[k] - v[k]);
                        next[k] = if mask[k] > T::ZERO { value } else { T::ZERO };
                        output[k] = if next[k] < T::ZERO { T::ZERO } else { next[k] };
                    }
                    self.v_next.add(packed).cast::<[T; TOGETHER]>().write(next);
                    if !self.plane.is_null() {
                        self.plane.add(out).cast::<[T; TOGETHER]>().write(output);
                    }
                }
            }
        }
    }
}

/// Writes sums where they belong in a packed type.
#[derive(Clone, Copy)]
pub(super) struct Pack<T>(pub(super) *mut T);

impl<T: Real> Finish<T> for Pack<T> {
    #[inline(always)]
    unsafe fn finish(self, tile: &Tile, _: usize, sums: &[T]) {
        for (i, &sum) in sums.iter().enumerate() {
            // SAFETY: the tile lies in the packed type, by the caller's promise.
            unsafe { *self.0.add(tile.packed as usize + i) = sum };
        }
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
