//! A product and the sampled product on the same entries, in one pass.
//!
//! The backward pass of `Y = A X` wants `Aᵀ G`, G being the gradient of Y, and for each entry the dot product of a row of G with a
//! row of X. By rows of `Aᵀ` both ask for the same rows of G, and waiting for these is most of what either costs.

use super::product::{INNER, MASKED, WHOLE, register};
use super::vector::{Index, Vector, prefetch, prefetch_stream, sums};
use super::{Csr, Into, PREFETCH, ROWS_AHEAD};
use crate::Real;
use std::ops::Range;

/// What a pass reads and writes beside the matrix.
#[derive(Clone, Copy)]
pub struct Factors<T> {
    /// `[columns, batch]`
    pub(super) x: *const T,
    /// `[rows, batch]`
    pub(super) left: *const T,
    /// `[rows of the pass, batch]`
    pub(super) y: *mut T,
    /// One number per entry of the pass.
    pub(super) gradient: *mut T,
}

impl<T> Factors<T> {
    /// From column `at` of the batch on.
    unsafe fn from(self, at: usize) -> Self {
        // SAFETY: `at` lies within the batch.
        unsafe { Self { x: self.x.add(at), left: self.left.add(at), y: self.y.add(at), ..self } }
    }
}

/// Rows `rows` of `A X`, written to `y` or added to it, and `left[row] · X[column]` added to `gradient`, which both begin at the
/// first of the rows.
///
/// # Safety
/// The machine has the instructions of `V` and `W`; `a` is valid; the factors have the sizes given with them.
#[inline(always)]
pub(super) unsafe fn rows<T: Real, V: Vector<T>, W: Vector<T>, I: Index>(
    a: Csr<'_, T, I>,
    factors: Factors<T>,
    batch: usize,
    rows: Range<usize>,
    into: Into,
) {
    // SAFETY: the caller's promise, passed on.
    unsafe {
        if batch == 1 {
            gathered::<T, V, I>(a, factors, rows, into);
        } else if batch <= W::LANES {
            tiles::<T, W, I>(a, factors, batch, rows, into);
        } else {
            tiles::<T, V, I>(a, factors, batch, rows, into);
        }
    }
}

/// Goes through the batch in tiles of four, two or one registers: twice as many, and the products that wait to be summed, are all
/// that there are.
#[inline(always)]
unsafe fn tiles<T: Real, V: Vector<T>, I: Index>(
    a: Csr<'_, T, I>,
    factors: Factors<T>,
    batch: usize,
    rows: Range<usize>,
    into: Into,
) {
    let rest = batch % V::LANES;
    let mut left = batch.div_ceil(V::LANES);
    let mut at = 0;
    // SAFETY: the caller's promise; tiles stay within the batch because the last one is masked.
    unsafe {
        let mask = V::mask(if rest == 0 { V::LANES } else { rest });
        while left > 0 {
            let factors = factors.from(at);
            macro_rules! pass {
                ($z:literal, $u:literal) => {{
                    let rows = rows.clone();
                    if left == $z && rest > 0 {
                        tile::<T, V, I, $z, $u, MASKED>(a, factors, batch, rows, into, mask);
                    } else if batch == $z * V::LANES {
                        tile::<T, V, I, $z, $u, WHOLE>(a, factors, batch, rows, into, mask);
                    } else {
                        tile::<T, V, I, $z, $u, INNER>(a, factors, batch, rows, into, mask);
                    }
                    left -= $z;
                    at += $z * V::LANES;
                }};
            }
            match left {
                4.. => pass!(4, 1),
                2.. => pass!(2, 2),
                _ => pass!(1, 4),
            }
        }
    }
}

/// `Z` registers of each row, with `U` independent sums where that hides the latency of the multiply-add.
#[allow(clippy::needless_range_loop)] // j and z number registers, in several arrays at once
#[inline(always)]
unsafe fn tile<T: Real, V: Vector<T>, I: Index, const Z: usize, const U: usize, const KIND: u8>(
    a: Csr<'_, T, I>,
    factors: Factors<T>,
    batch: usize,
    rows: Range<usize>,
    into: Into,
    mask: V::Mask,
) {
    // SAFETY: the last register is masked where it is partial; entries and columns are valid by the caller's promise; columns
    // are padded, so that the ones ahead are readable too.
    unsafe {
        let Factors { x, left, y, gradient } = factors;
        let stride = if KIND == WHOLE { Z * V::LANES } else { batch };
        let (first, start) = (rows.start, *a.row_ptr.get_unchecked(rows.start));
        for row in rows {
            let (mut e, end) = (*a.row_ptr.get_unchecked(row), *a.row_ptr.get_unchecked(row + 1));
            let out = y.add((row - first) * stride);
            let (mut held, mut sum) = ([V::zero(); Z], [[V::zero(); Z]; U]);
            for z in 0..Z {
                let ahead = ROWS_AHEAD * stride + z * V::LANES;
                prefetch(left.wrapping_add(row * stride + ahead));
                prefetch(out.wrapping_add(ahead));
                held[z] = register::<T, V, Z, KIND>(left.add(row * stride), z, mask);
                if into == Into::Add {
                    sum[0][z] = register::<T, V, Z, KIND>(out, z, mask);
                }
            }
            while e + V::LANES <= end {
                let to = gradient.add(e - start);
                prefetch_stream(to);
                prefetch_stream(a.val.add(e));
                prefetch_stream(a.col.add(e));
                let sums = sums!(V, T, j => entry::<T, V, I, Z, KIND>(
                    a, x, stride, e + j, mask, &held, &mut sum[j * U / V::LANES]
                ));
                sums.add(V::load(to)).store(to);
                e += V::LANES;
            }
            if e < end {
                let mut products = [V::zero(); 16];
                for j in 0..end - e {
                    products[j] = entry::<T, V, I, Z, KIND>(a, x, stride, e + j, mask, &held, &mut sum[0]);
                }
                let (to, mask) = (gradient.add(e - start), V::mask(end - e));
                sums!(V, T, j => products[j]).add(V::load_masked(to, mask)).store_masked(to, mask);
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

/// Adds entry `e`'s value times its row of X to `sum`; the lanes of the result add up to `held · X[column]`.
#[inline(always)]
unsafe fn entry<T: Real, V: Vector<T>, I: Index, const Z: usize, const KIND: u8>(
    a: Csr<'_, T, I>,
    x: *const T,
    stride: usize,
    e: usize,
    mask: V::Mask,
    held: &[V; Z],
    sum: &mut [V; Z],
) -> V {
    // SAFETY: as for `tile`.
    unsafe {
        let ahead = x.wrapping_add((*a.col.add(e + PREFETCH)).get() * stride);
        for z in 0..Z {
            prefetch(ahead.wrapping_add(z * V::LANES));
        }
        let from = x.add((*a.col.add(e)).get() * stride);
        let weight = V::splat(*a.val.add(e));
        let mut product = V::zero();
        for z in 0..Z {
            let got = register::<T, V, Z, KIND>(from, z, mask);
            sum[z] = weight.mul_add(got, sum[z]);
            product = held[z].mul_add(got, product);
        }
        product.now()
    }
}

/// Batch 1: what is gathered once serves a dot product with the row's values and the row's number.
#[inline(always)]
unsafe fn gathered<T: Real, V: Vector<T>, I: Index>(
    a: Csr<'_, T, I>,
    factors: Factors<T>,
    rows: Range<usize>,
    into: Into,
) {
    // SAFETY: as for `tile`; the columns are padded, so that whole registers of indices are readable at the end.
    unsafe {
        let Factors { x, left, y, gradient } = factors;
        let (first, start) = (rows.start, *a.row_ptr.get_unchecked(rows.start));
        for row in rows {
            let (mut e, end) = (*a.row_ptr.get_unchecked(row), *a.row_ptr.get_unchecked(row + 1));
            let scale = V::splat(*left.add(row));
            let mut sum = [V::zero(); 2];
            while e + V::LANES <= end {
                let (got, to) = (V::gather(x, a.col.add(e)), gradient.add(e - start));
                prefetch_stream(to);
                prefetch_stream(a.val.add(e));
                prefetch_stream(a.col.add(e));
                sum[0] = V::load(a.val.add(e)).mul_add(got, sum[0]);
                scale.mul_add(got, V::load(to)).store(to);
                sum.swap(0, 1);
                e += V::LANES;
            }
            if e < end {
                let mask = V::mask(end - e);
                let got = V::gather_masked(x, a.col.add(e), mask);
                sum[0] = V::load_masked(a.val.add(e), mask).mul_add(got, sum[0]);
                let to = gradient.add(e - start);
                scale.mul_add(got, V::load_masked(to, mask)).store_masked(to, mask);
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
