//! The sampled dense-dense product: for each entry `(r, c)` of a pattern, the dot product over the batch of row `r` of one
//! matrix and row `c` of another. It is the gradient of a sparse product with respect to A's values.

use super::product::{INNER, MASKED, WHOLE, register};
use super::vector::{Index, Vector, prefetch, prefetch_stream, sums};
use super::{Into, PREFETCH, Pattern, ROWS_AHEAD};
use crate::Real;
use std::ops::Range;

/// What is read and written beside the pattern.
#[derive(Clone, Copy)]
pub struct Factors<T> {
    /// `[rows, batch]`
    pub(super) left: *const T,
    /// `[columns, batch]`
    pub(super) right: *const T,
    /// One number per entry of the rows that are gone through.
    pub(super) out: *mut T,
}

/// The entries of rows `rows`, written to `out`, which begins at the first of them, or added to it.
///
/// # Safety
/// The machine has the instructions of `V` and `W`; `p` is valid; the factors have the sizes given with them.
#[inline(always)]
pub(super) unsafe fn rows<T: Real, V: Vector<T>, W: Vector<T>, I: Index>(
    p: Pattern<'_, I>,
    factors: Factors<T>,
    batch: usize,
    rows: Range<usize>,
    into: Into,
) {
    // SAFETY: the caller's promise, passed on.
    unsafe {
        if batch == 1 {
            scaled_gather::<T, V, I>(p, factors, rows, into);
        } else if batch <= W::LANES {
            tiles::<T, W, I>(p, factors, batch, rows, into);
        } else {
            tiles::<T, V, I>(p, factors, batch, rows, into);
        }
    }
}

/// Goes through the batch in tiles of eight, four, two or one registers, which are held while a row's entries go by.
#[inline(always)]
unsafe fn tiles<T: Real, V: Vector<T>, I: Index>(
    p: Pattern<'_, I>,
    factors: Factors<T>,
    batch: usize,
    rows: Range<usize>,
    mut into: Into,
) {
    let rest = batch % V::LANES;
    let mut registers = batch.div_ceil(V::LANES);
    let mut at = 0;
    // SAFETY: the caller's promise; tiles stay within the batch because the last one is masked.
    unsafe {
        let mask = V::mask(if rest == 0 { V::LANES } else { rest });
        while registers > 0 {
            let factors = Factors { left: factors.left.add(at), right: factors.right.add(at), ..factors };
            macro_rules! pass {
                ($z:literal) => {{
                    let rows = rows.clone();
                    if registers == $z && rest > 0 {
                        tile::<T, V, I, $z, MASKED>(p, factors, batch, rows, into, mask);
                    } else if batch == $z * V::LANES {
                        tile::<T, V, I, $z, WHOLE>(p, factors, batch, rows, into, mask);
                    } else {
                        tile::<T, V, I, $z, INNER>(p, factors, batch, rows, into, mask);
                    }
                    registers -= $z;
                    at += $z * V::LANES;
                }};
            }
            match registers {
                8.. => pass!(8),
                4.. => pass!(4),
                2.. => pass!(2),
                _ => pass!(1),
            }
            into = Into::Add;
        }
    }
}

/// `Z` registers of each row.
#[allow(clippy::needless_range_loop)] // z and j number registers, in several arrays at once
#[inline(always)]
unsafe fn tile<T: Real, V: Vector<T>, I: Index, const Z: usize, const KIND: u8>(
    p: Pattern<'_, I>,
    factors: Factors<T>,
    batch: usize,
    rows: Range<usize>,
    into: Into,
    mask: V::Mask,
) {
    // SAFETY: the last register is masked where it is partial; entries and columns are valid by the caller's promise; columns
    // are padded, so that the ones ahead are readable too.
    unsafe {
        let Factors { left, right, out } = factors;
        let stride = if KIND == WHOLE { Z * V::LANES } else { batch };
        let start = *p.row_ptr.get_unchecked(rows.start);
        for row in rows {
            let (mut e, end) = (*p.row_ptr.get_unchecked(row), *p.row_ptr.get_unchecked(row + 1));
            let from = left.add(row * stride);
            let mut held = [V::zero(); Z];
            for z in 0..Z {
                held[z] = register::<T, V, Z, KIND>(from, z, mask);
                prefetch(from.wrapping_add(ROWS_AHEAD * stride + z * V::LANES));
            }
            while e + V::LANES <= end {
                let to = out.add(e - start);
                prefetch_stream(to);
                prefetch_stream(p.col.add(e));
                let sums = sums!(V, T, j => products::<T, V, I, Z, KIND>(p, right, stride, e + j, mask, &held));
                match into {
                    Into::Replace => sums.store(to),
                    Into::Add => V::load(to).add(sums).store(to),
                }
                e += V::LANES;
            }
            if e < end {
                let mut last = [V::zero(); 16];
                for j in 0..end - e {
                    last[j] = products::<T, V, I, Z, KIND>(p, right, stride, e + j, mask, &held);
                }
                let (to, mask) = (out.add(e - start), V::mask(end - e));
                let sums = sums!(V, T, j => last[j]);
                match into {
                    Into::Replace => sums.store_masked(to, mask),
                    Into::Add => V::load_masked(to, mask).add(sums).store_masked(to, mask),
                }
            }
        }
    }
}

/// Lanes that add up to `held · right[column of e]`.
#[inline(always)]
unsafe fn products<T: Real, V: Vector<T>, I: Index, const Z: usize, const KIND: u8>(
    p: Pattern<'_, I>,
    right: *const T,
    stride: usize,
    e: usize,
    mask: V::Mask,
    held: &[V; Z],
) -> V {
    // SAFETY: as for `tile`.
    unsafe {
        let ahead = right.wrapping_add((*p.col.add(e + PREFETCH)).get() * stride);
        let from = right.add((*p.col.add(e)).get() * stride);
        let mut sum = V::zero();
        for (z, h) in held.iter().enumerate() {
            prefetch(ahead.wrapping_add(z * V::LANES));
            sum = h.mul_add(register::<T, V, Z, KIND>(from, z, mask), sum);
        }
        sum.now()
    }
}

/// Batch 1: the row's number times each gathered one.
#[inline(always)]
unsafe fn scaled_gather<T: Real, V: Vector<T>, I: Index>(
    p: Pattern<'_, I>,
    factors: Factors<T>,
    rows: Range<usize>,
    into: Into,
) {
    // SAFETY: as for `tile`; the columns are padded, so that whole registers of indices are readable at the end.
    unsafe {
        let Factors { left, right, out } = factors;
        let start = *p.row_ptr.get_unchecked(rows.start);
        for row in rows {
            let (mut e, end) = (*p.row_ptr.get_unchecked(row), *p.row_ptr.get_unchecked(row + 1));
            let scale = V::splat(*left.add(row));
            while e + V::LANES <= end {
                let to = out.add(e - start);
                prefetch_stream(to);
                prefetch_stream(p.col.add(e));
                let before = if into == Into::Add { V::load(to) } else { V::zero() };
                scale.mul_add(V::gather(right, p.col.add(e)), before).store(to);
                e += V::LANES;
            }
            if e < end {
                let (to, mask) = (out.add(e - start), V::mask(end - e));
                let before = if into == Into::Add { V::load_masked(to, mask) } else { V::zero() };
                scale.mul_add(V::gather_masked(right, p.col.add(e), mask), before).store_masked(to, mask);
            }
        }
    }
}
