//! `Y = A X` for some rows of A.
//!
//! An entry of A costs one broadcast and one fused multiply-add per register of X's row, so X is `[columns, batch]` with the
//! batch contiguous, and up to eight registers of a row of Y are kept at a time.

use super::machine::prefetch_narrow;
use super::vector::{Index, Vector, prefetch, prefetch_stream};
use super::{Csr, PREFETCH, ROWS_AHEAD};
use crate::Real;
use std::ops::Range;

/// Whether a result replaces what is in its place or is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Into {
    /// `Y = A X`, say.
    Replace,
    /// `Y += A X`.
    Add,
}

/// How columns of X and Y lie: X's rows are `x` numbers apart and Y's `y`; `width` of them are taken.
#[derive(Clone, Copy)]
pub struct Strides {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
}

/// Rows `rows` of `A X`, written to `y`, which begins at the first of them.
///
/// # Safety
/// The machine has the instructions of `V` and `W`; `a` is valid; `x` holds `strides.width` numbers every `strides.x` per column of
/// A and `y` as many every `strides.y` per row of `rows`.
#[inline(always)]
pub(super) unsafe fn rows<T: Real, V: Vector<T>, W: Vector<T>, I: Index>(
    a: Csr<'_, T, I>,
    x: *const T,
    strides: Strides,
    rows: Range<usize>,
    into: Into,
    y: *mut T,
) {
    // SAFETY: the caller's promise, passed on.
    unsafe {
        if strides.x == 1 && strides.y == 1 {
            row_dots::<T, V, I>(a, x, rows, into, y);
        } else if strides.width <= W::LANES {
            // A register that is mostly padding is slower than a narrower full one.
            tiles::<T, W, I>(a, x, strides, rows, into, y);
        } else {
            tiles::<T, V, I>(a, x, strides, rows, into, y);
        }
    }
}

/// A tile that is narrower than the batch.
pub(super) const INNER: u8 = 0;
/// A tile whose last register is partial.
pub(super) const MASKED: u8 = 1;
/// A tile as wide as X, so that its width is a constant and addresses are shifts.
pub(super) const WHOLE: u8 = 2;

/// Goes through the batch in tiles of eight, four, two or one registers.
#[inline(always)]
unsafe fn tiles<T: Real, V: Vector<T>, I: Index>(
    a: Csr<'_, T, I>,
    x: *const T,
    strides: Strides,
    rows: Range<usize>,
    into: Into,
    y: *mut T,
) {
    let rest = strides.width % V::LANES;
    let mut left = strides.width.div_ceil(V::LANES);
    let mut at = 0;
    // SAFETY: the caller's promise; tiles stay within the batch because the last one is masked.
    unsafe {
        let mask = V::mask(if rest == 0 { V::LANES } else { rest });
        while left > 0 {
            let (x, y) = (x.add(at), y.add(at));
            macro_rules! pass {
                ($z:literal, $u:literal) => {{
                    let rows = rows.clone();
                    match (left == $z && rest > 0, strides.x == $z * V::LANES, $z > 1 || prefetch_narrow()) {
                        (true, _, true) => tile::<T, V, I, $z, $u, MASKED, true>(a, x, strides, rows, into, mask, y),
                        (true, _, false) => tile::<T, V, I, $z, $u, MASKED, false>(a, x, strides, rows, into, mask, y),
                        (_, true, true) => tile::<T, V, I, $z, $u, WHOLE, true>(a, x, strides, rows, into, mask, y),
                        (_, true, false) => tile::<T, V, I, $z, $u, WHOLE, false>(a, x, strides, rows, into, mask, y),
                        (_, _, true) => tile::<T, V, I, $z, $u, INNER, true>(a, x, strides, rows, into, mask, y),
                        (_, _, false) => tile::<T, V, I, $z, $u, INNER, false>(a, x, strides, rows, into, mask, y),
                    }
                    left -= $z;
                    at += $z * V::LANES;
                }};
            }
            match left {
                8.. => pass!(8, 1),
                4.. => pass!(4, 1),
                2.. => pass!(2, 2),
                _ => pass!(1, 4),
            }
        }
    }
}

/// `Z` registers of each row, with `U` independent sums where that hides the latency of the multiply-add.
#[allow(clippy::needless_range_loop)] // z and u number registers, in several arrays at once
#[inline(always)]
unsafe fn tile<T: Real, V: Vector<T>, I: Index, const Z: usize, const U: usize, const KIND: u8, const AHEAD: bool>(
    a: Csr<'_, T, I>,
    x: *const T,
    strides: Strides,
    rows: Range<usize>,
    into: Into,
    mask: V::Mask,
    y: *mut T,
) {
    // SAFETY: the last register is masked where it is partial; entries and columns are valid by the
    // caller's promise; columns are padded, so that the ones ahead are readable too.
    unsafe {
        let stride = if KIND == WHOLE { Z * V::LANES } else { strides.x };
        let first = rows.start;
        for row in rows {
            let (mut e, end) = (*a.row_ptr.get_unchecked(row), *a.row_ptr.get_unchecked(row + 1));
            let out = y.add((row - first) * strides.y);
            let mut sum = [[V::zero(); Z]; U];
            for z in 0..Z {
                prefetch(out.wrapping_add(ROWS_AHEAD * strides.y + z * V::LANES));
            }
            if into == Into::Add {
                for z in 0..Z {
                    sum[0][z] = register::<T, V, Z, KIND>(out, z, mask);
                }
            }
            while e + U <= end {
                prefetch_stream(a.val.add(e));
                prefetch_stream(a.col.add(e));
                for u in 0..U {
                    entry::<T, V, I, Z, KIND, AHEAD>(a, x, stride, e + u, mask, &mut sum[u]);
                }
                e += U;
            }
            while e < end {
                entry::<T, V, I, Z, KIND, AHEAD>(a, x, stride, e, mask, &mut sum[0]);
                e += 1;
            }
            for z in 0..Z {
                let mut total = sum[0][z];
                for s in &sum[1..] {
                    total = total.add(s[z]);
                }
                let to = out.add(z * V::LANES);
                if KIND == MASKED && z == Z - 1 {
                    total.store_masked(to, mask);
                } else {
                    total.store(to);
                }
            }
        }
    }
}

/// Adds entry `e`: its value times the tile of X's row at its column.
#[inline(always)]
unsafe fn entry<T: Real, V: Vector<T>, I: Index, const Z: usize, const KIND: u8, const AHEAD: bool>(
    a: Csr<'_, T, I>,
    x: *const T,
    stride: usize,
    e: usize,
    mask: V::Mask,
    sum: &mut [V; Z],
) {
    // SAFETY: as for `tile`.
    unsafe {
        if AHEAD {
            let ahead = x.wrapping_add((*a.col.add(e + PREFETCH)).get() * stride);
            for z in 0..Z {
                prefetch(ahead.wrapping_add(z * V::LANES));
            }
        }
        let from = x.add((*a.col.add(e)).get() * stride);
        let weight = V::splat(*a.val.add(e));
        for (z, s) in sum.iter_mut().enumerate() {
            *s = weight.mul_add(register::<T, V, Z, KIND>(from, z, mask), *s);
        }
    }
}

/// Register `z` of the tile at `from`; the last one masked where the tile is partial.
#[inline(always)]
pub(super) unsafe fn register<T: Real, V: Vector<T>, const Z: usize, const KIND: u8>(
    from: *const T,
    z: usize,
    mask: V::Mask,
) -> V {
    // SAFETY: as for `tile`.
    unsafe {
        let from = from.add(z * V::LANES);
        if KIND == MASKED && z == Z - 1 { V::load_masked(from, mask) } else { V::load(from) }
    }
}

/// Batch 1: one dot product per row, X gathered.
#[inline(always)]
unsafe fn row_dots<T: Real, V: Vector<T>, I: Index>(
    a: Csr<'_, T, I>,
    x: *const T,
    rows: Range<usize>,
    into: Into,
    y: *mut T,
) {
    // SAFETY: as for `tile`; the columns are padded, so that whole registers of indices are readable at the end.
    unsafe {
        let first = rows.start;
        for row in rows {
            let (mut e, end) = (*a.row_ptr.get_unchecked(row), *a.row_ptr.get_unchecked(row + 1));
            let mut sum = [V::zero(); 2];
            while e + 2 * V::LANES <= end {
                prefetch_stream(a.val.add(e));
                prefetch_stream(a.val.add(e + V::LANES));
                prefetch_stream(a.col.add(e));
                for s in &mut sum {
                    *s = V::load(a.val.add(e)).mul_add(V::gather(x, a.col.add(e)), *s);
                    e += V::LANES;
                }
            }
            while e < end {
                let mask = V::mask(V::LANES.min(end - e));
                let weights = V::load_masked(a.val.add(e), mask);
                sum[0] = weights.mul_add(V::gather_masked(x, a.col.add(e), mask), sum[0]);
                e += V::LANES;
            }
            let out = y.add(row - first);
            let total = sum[0].add(sum[1]).sum();
            *out = match into {
                Into::Replace => total,
                Into::Add => total + *out,
            };
        }
    }
}
