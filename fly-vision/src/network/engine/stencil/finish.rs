//! What is done with sums over taps, tile by tile.

use sparse_ode::Activation;
use tch_function::math::Number;
use tch_function::on_best_tier;
use tch_sparse::Real;
use tch_sparse::kernel::vector::Vector;

use super::block::{Block, Tile};
use super::kernel::{Finish, Lanes, Reverse};
use crate::network::engine::Rates;

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
    unsafe fn finish<V: Vector<T>>(&self, t: usize, tile: &Tile, sums: &mut [T]) {
        let (block, own) = (self.block, t - self.first);
        let first = tile.packed as usize;
        let mask = &block.mask(t)[first..first + sums.len()];
        let x = self.x[t].map_or(std::ptr::null(), |x| x[first..first + sums.len()].as_ptr());
        let packed = own * block.packed_len + first;
        let rectified = self.activation == Activation::Relu;
        // SAFETY: the tile lies in what the pointers point to, by the caller's promise, and `mask` and `x` are as long; lines are whole
        // registers.
        unsafe {
            let (bias, gain) = (V::splat(self.rates.bias[t]), V::splat(self.rates.gain[t]));
            let (v, v_next) = (self.v.add(packed), self.v_next.add(packed));
            let plane = self.planes.add(own * block.plane_len);
            for (out, row, len) in rows(tile, block.stride, sums.len()) {
                for i in (0..len).step_by(V::LANES) {
                    let at = row + i;
                    let (v, sums) = (V::load(v.add(at)), sums.as_mut_ptr().add(at));
                    let mut target = bias.add(V::load(sums));
                    if !x.is_null() {
                        target = target.add(V::load(x.add(at)));
                    }
                    let next = target.sub(v).mul_add(gain, v).where_positive(V::load(mask.as_ptr().add(at)));
                    next.store(v_next.add(at));
                    if rectified {
                        V::zero().max(next).store(plane.add(out + i));
                    } else {
                        next.store(sums);
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
pub(super) fn outputs<T: Real>(activation: Activation, v: &mut [T], mask: &[T]) {
    activation.apply(v);
    keep_cells(v, mask);
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
    /// Two sums for each of the types, by lane.
    pub(super) sums: *mut [Lanes<T>; 2],
}

impl<T: Real> Finish<T> for Return<'_, T> {
    #[inline(always)]
    unsafe fn finish<V: Vector<T>>(&self, t: usize, tile: &Tile, back: &mut [T]) {
        let (block, own, len) = (self.block, t - self.first, back.len());
        let (gain, first) = (self.rates.gain[t], tile.packed as usize);
        let at = t * block.packed_len + first;
        let (v, v_next) = (&self.v[at..at + len], &self.v_next[at..at + len]);
        let more = self.more.map_or(std::ptr::null(), |more| more[at..at + len].as_ptr());
        let mask = &block.mask(t)[first..first + len];
        let rectified = self.activation == Activation::Relu;
        if !rectified {
            self.activation.multiply_slope(v, back);
        }
        // SAFETY: the tile lies in what the pointers point to, by the caller's promise; the slices are as long; lines are whole registers.
        unsafe {
            let (stays, gain) = (V::splat(T::ONE - gain), V::splat(gain));
            let lambda = self.lambda.add(own * block.packed_len + first);
            let plane = self.planes.add(own * block.plane_len);
            let [by_input, by_change] = &mut *self.sums.add(own);
            let mut input = V::load(by_input.as_ptr());
            let mut change = V::load(by_change.as_ptr());
            for (out, row, len) in rows(tile, block.stride, len) {
                for i in (0..len).step_by(V::LANES) {
                    let at = row + i;
                    let v = V::load(v.as_ptr().add(at));
                    let before = V::load(lambda.add(at));
                    let mut back = V::load(back.as_ptr().add(at));
                    if rectified {
                        back = back.where_positive(v);
                    }
                    if !more.is_null() {
                        back = back.add(V::load(more.add(at)));
                    }
                    input = before.mul_add(gain, input);
                    change = V::load(v_next.as_ptr().add(at)).sub(v).mul_add(before, change);
                    let next = before.mul_add(stays, back).where_positive(V::load(mask.as_ptr().add(at)));
                    next.store(lambda.add(at));
                    next.mul_add(gain, V::zero()).store(plane.add(out + i));
                }
            }
            input.store(by_input.as_mut_ptr());
            change.store(by_change.as_mut_ptr());
        }
    }
}

impl<T: Real> Reverse<T> for Return<'_, T> {
    #[inline(always)]
    unsafe fn outputs<V: Vector<T>>(&self, t: usize, tile: &Tile, f: &mut [T]) {
        let (first, len) = (tile.packed as usize, f.len());
        let at = t * self.block.packed_len + first;
        let v = &self.v[at..at + len];
        let rectified = self.activation == Activation::Relu;
        for i in (0..len).step_by(V::LANES) {
            // SAFETY: lines are whole registers.
            unsafe {
                let mut v = V::load(v.as_ptr().add(i));
                if rectified {
                    v = V::zero().max(v);
                }
                v.store(f.as_mut_ptr().add(i));
            }
        }
        if !rectified {
            outputs(self.activation, f, &self.block.mask(t)[first..first + len]);
        }
    }
}

on_best_tier! {
    /// Zero where there is no cell.
    fn keep_cells<T: Number>(x: &mut [T], mask: &[T]) = keep_body
}

#[inline(always)]
fn keep_body<T: Number>(x: &mut [T], mask: &[T]) {
    for (x, &mask) in x.iter_mut().zip(mask) {
        *x = if mask > T::ZERO { *x } else { T::ZERO };
    }
}
