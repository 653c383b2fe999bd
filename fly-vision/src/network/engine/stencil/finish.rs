//! What is done with sums over taps, tile by tile.

use sparse_ode::Activation;
use tch_function::math::Number;
use tch_function::on_best_tier;
use tch_sparse::Real;

use super::block::{Block, Tile};
use super::kernel::{Finish, Reverse};
use crate::network::engine::Rates;

/// Numbers that are taken into registers before the first of them is written: a line has one or two times as many.
const TOGETHER: usize = 8;

/// A few numbers.
type Few<T> = [T; TOGETHER];

/// The rows of a tile: the first number of each in a plane and in the tile, and their length.
#[inline(always)]
fn rows(tile: &Tile, stride: usize, len: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let (n, out) = (usize::from(tile.rows), tile.out as usize);
    let len = len / n;
    (0..n).map(move |row| (out + row * stride, row * len, len))
}

/// A step of consecutive types: `V <- V + gain (-V + bias + I + x)`, and `f(V)` into their planes; zero where there is no cell.
///
/// What it points to belongs to the first of them and those that follow.
pub(super) struct Advance<'a, T> {
    pub(super) block: &'a Block<T>,
    pub(super) rates: &'a Rates<T>,
    pub(super) activation: Activation,
    /// The first type.
    pub(super) first: usize,
    /// States; they may be `v_next`.
    pub(super) v: *const T,
    /// What light adds to each of the types, packed.
    pub(super) x: &'a [Option<&'a [T]>],
    pub(super) v_next: *mut T,
    pub(super) planes: *mut T,
}

impl<T: Real> Finish<T> for Advance<'_, T> {
    #[inline(always)]
    unsafe fn finish(&self, t: usize, tile: &Tile, sums: &mut [T]) {
        let (block, own) = (self.block, t - self.first);
        let (bias, gain, first) = (self.rates.bias[t], self.rates.gain[t], tile.packed as usize);
        let mask = &block.mask(t)[first..first + sums.len()];
        let x = self.x[t].map_or(std::ptr::null(), |x| x[first..first + sums.len()].as_ptr());
        let packed = own * block.packed_len + first;
        let rectified = self.activation == Activation::Relu;
        // SAFETY: the tile lies in what the pointers point to, by the caller's promise, and `mask` and `x` are as long. All is read before
        // anything is written, since the states may be one.
        unsafe {
            let (v, v_next) = (self.v.add(packed), self.v_next.add(packed));
            let plane = self.planes.add(own * block.plane_len);
            for (out, row, len) in rows(tile, block.stride, sums.len()) {
                for i in (0..len).step_by(TOGETHER) {
                    let at = row + i;
                    let v = v.add(at).cast::<Few<T>>().read();
                    let mask = mask.as_ptr().add(at).cast::<Few<T>>().read();
                    let sums = sums.as_mut_ptr().add(at).cast::<Few<T>>();
                    let mut input = sums.read();
                    if !x.is_null() {
                        let x = x.add(at).cast::<Few<T>>().read();
                        input.iter_mut().zip(x).for_each(|(input, x)| *input += x);
                    }
                    let (mut next, mut output) = ([T::ZERO; TOGETHER], [T::ZERO; TOGETHER]);
                    for k in 0..TOGETHER {
                        let value = v[k] + gain * (bias + input[k] - v[k]);
                        next[k] = if mask[k] > T::ZERO { value } else { T::ZERO };
                        output[k] = if next[k] < T::ZERO { T::ZERO } else { next[k] };
                    }
                    v_next.add(at).cast::<Few<T>>().write(next);
                    if rectified {
                        plane.add(out + i).cast::<Few<T>>().write(output);
                    } else {
                        sums.write(next);
                    }
                }
            }
            if !rectified {
                outputs(self.activation, sums, mask);
                for (out, row, len) in rows(tile, block.stride, sums.len()) {
                    plane.add(out).copy_from_nonoverlapping(sums.as_ptr().add(row), len);
                }
            }
        }
    }
}

/// Potentials become outputs; zero where there is no cell, as the potentials are.
#[inline(always)]
fn outputs<T: Real>(activation: Activation, v: &mut [T], mask: &[T]) {
    if activation == Activation::Relu {
        v.iter_mut().for_each(|v| *v = if *v < T::ZERO { T::ZERO } else { *v });
    } else {
        activation.apply(v);
        keep_cells(v, mask);
    }
}

/// A step back of consecutive types, which are sources here: with `I` the sum over their targets,
/// `lambda <- (1 - gain) lambda + f'(V) I + more`, and `gain lambda` into their planes; zero where there is no cell. On the way, sums of
/// `gain lambda` and of `lambda (V' - V)` with the `lambda` before that.
///
/// What it points to belongs to the first of them and those that follow.
pub(super) struct Return<'a, T> {
    pub(super) block: &'a Block<T>,
    pub(super) rates: &'a Rates<T>,
    pub(super) activation: Activation,
    /// The first type.
    pub(super) first: usize,
    /// States of all types.
    pub(super) v: &'a [T],
    pub(super) v_next: &'a [T],
    /// Of all types.
    pub(super) more: Option<&'a [T]>,
    pub(super) lambda: *mut T,
    pub(super) planes: *mut T,
    /// Two sums for each of the types.
    pub(super) sums: *mut [f64; 2],
}

impl<T: Real> Finish<T> for Return<'_, T> {
    #[inline(always)]
    unsafe fn finish(&self, t: usize, tile: &Tile, back: &mut [T]) {
        let (block, own, len) = (self.block, t - self.first, back.len());
        let (gain, first) = (self.rates.gain[t], tile.packed as usize);
        let stays = T::ONE - gain;
        let at = t * block.packed_len + first;
        let (v, v_next) = (&self.v[at..at + len], &self.v_next[at..at + len]);
        let more = self.more.map_or(std::ptr::null(), |more| more[at..at + len].as_ptr());
        let mask = &block.mask(t)[first..first + len];
        if self.activation == Activation::Relu {
            back.iter_mut().zip(v).for_each(|(back, v)| *back = if *v > T::ZERO { *back } else { T::ZERO });
        } else {
            self.activation.multiply_slope(v, back);
        }
        let (mut input, mut change) = ([T::ZERO; TOGETHER], [T::ZERO; TOGETHER]);
        // SAFETY: the tile lies in what the pointers point to, by the caller's promise; the slices are as long.
        unsafe {
            let lambda = self.lambda.add(own * block.packed_len + first);
            let plane = self.planes.add(own * block.plane_len);
            for (out, row, len) in rows(tile, block.stride, len) {
                for i in (0..len).step_by(TOGETHER) {
                    let at = row + i;
                    let few = |list: *const T| list.add(at).cast::<Few<T>>().read();
                    let [before, v, v_next] = [lambda.cast_const(), v.as_ptr(), v_next.as_ptr()].map(few);
                    let [mask, back] = [mask.as_ptr(), back.as_ptr()].map(few);
                    let mut next = [T::ZERO; TOGETHER];
                    for k in 0..TOGETHER {
                        input[k] += gain * before[k];
                        change[k] += before[k] * (v_next[k] - v[k]);
                        next[k] = stays * before[k] + back[k];
                    }
                    if !more.is_null() {
                        let more = few(more);
                        next.iter_mut().zip(more).for_each(|(next, more)| *next += more);
                    }
                    let mut inputs = [T::ZERO; TOGETHER];
                    for k in 0..TOGETHER {
                        next[k] = if mask[k] > T::ZERO { next[k] } else { T::ZERO };
                        inputs[k] = gain * next[k];
                    }
                    lambda.add(at).cast::<Few<T>>().write(next);
                    plane.add(out + i).cast::<Few<T>>().write(inputs);
                }
            }
            let total = |few: Few<T>| few.iter().map(|x| x.to_f64()).sum::<f64>();
            let sums = &mut *self.sums.add(own);
            sums[0] += total(input);
            sums[1] += total(change);
        }
    }
}

impl<T: Real> Reverse<T> for Return<'_, T> {
    #[inline(always)]
    fn outputs(&self, t: usize, tile: &Tile, f: &mut [T]) {
        let (first, len) = (tile.packed as usize, f.len());
        let at = t * self.block.packed_len + first;
        // not a copy of the slice: tiles are too short for a call
        let v = self.v[at..at + len].as_chunks::<TOGETHER>().0;
        f.as_chunks_mut::<TOGETHER>().0.iter_mut().zip(v).for_each(|(f, v)| *f = *v);
        outputs(self.activation, f, &self.block.mask(t)[first..first + len]);
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
