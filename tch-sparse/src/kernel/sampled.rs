//! The sampled dense-dense product: for each entry `(r, c)` of a pattern, the dot product over the batch of row `r` of one
//! matrix and row `c` of another. It is the gradient of a sparse product with respect to A's values.

use super::vector::{Index, Vector, prefetch};
use super::{PREFETCH, Pattern};
use crate::Real;
use std::ops::Range;

/// The entries of rows `rows`, written to `out`, which begins at the first of them.
///
/// # Safety
/// The machine has the instructions of `V` and `W`; `p` is valid; `left` holds `batch` numbers per row and `right` per column
/// of the pattern; `out` holds one per entry of `rows`.
#[inline(always)]
pub(super) unsafe fn rows<T: Real, V: Vector<T>, W: Vector<T>, I: Index>(
    p: Pattern<'_, I>,
    left: *const T,
    right: *const T,
    batch: usize,
    rows: Range<usize>,
    out: *mut T,
) {
    // SAFETY: the caller's promise, passed on.
    unsafe {
        if batch == 1 {
            scaled_gather::<T, V, I>(p, left, right, rows, out);
        } else if batch <= W::LANES {
            dots::<T, W, I, 1>(p, left, right, batch, rows, out);
        } else if batch <= V::LANES {
            dots::<T, V, I, 1>(p, left, right, batch, rows, out);
        } else if batch <= 2 * V::LANES {
            dots::<T, V, I, 2>(p, left, right, batch, rows, out);
        } else if batch <= 4 * V::LANES {
            dots::<T, V, I, 4>(p, left, right, batch, rows, out);
        } else {
            dots::<T, V, I, 8>(p, left, right, batch, rows, out);
        }
    }
}

/// Registers of the left row held at a time: `Z`. Wider batches go on from memory.
#[inline(always)]
unsafe fn dots<T: Real, V: Vector<T>, I: Index, const Z: usize>(
    p: Pattern<'_, I>,
    left: *const T,
    right: *const T,
    batch: usize,
    rows: Range<usize>,
    out: *mut T,
) {
    // SAFETY: registers past `full` are masked or absent; columns are padded, so that the ones ahead are readable.
    unsafe {
        let (full, rest) = (batch / V::LANES, batch % V::LANES);
        let mask = V::mask(rest);
        let registers = full + usize::from(rest > 0);
        let whole = registers == Z && rest == 0;
        let start = *p.row_ptr.get_unchecked(rows.start);
        for row in rows {
            let (mut e, end) = (*p.row_ptr.get_unchecked(row), *p.row_ptr.get_unchecked(row + 1));
            let from_left = left.add(row * batch);
            let mut held = [V::zero(); Z];
            for (z, h) in held.iter_mut().enumerate() {
                *h = register::<T, V>(from_left, z, full, rest, mask);
            }
            while e < end {
                let n = V::LANES.min(end - e);
                let mut products = [V::zero(); 16];
                for (j, product) in products.iter_mut().enumerate().take(n) {
                    let ahead = right.wrapping_add((*p.col.add(e + j + PREFETCH)).get() * batch);
                    for z in 0..Z {
                        prefetch(ahead.wrapping_add(z * V::LANES));
                    }
                    let from = right.add((*p.col.add(e + j)).get() * batch);
                    let mut sum = V::zero();
                    if whole {
                        for (z, h) in held.iter().enumerate() {
                            sum = h.mul_add(V::load(from.add(z * V::LANES)), sum);
                        }
                    } else {
                        for (z, h) in held.iter().enumerate() {
                            sum = h.mul_add(register::<T, V>(from, z, full, rest, mask), sum);
                        }
                        for z in Z..registers {
                            sum = register::<T, V>(from_left, z, full, rest, mask)
                                .mul_add(register::<T, V>(from, z, full, rest, mask), sum);
                        }
                    }
                    *product = sum;
                }
                let to = out.add(e - start);
                let sums = V::sums(&products);
                if n == V::LANES {
                    sums.store(to);
                } else {
                    sums.store_masked(to, V::mask(n));
                }
                e += n;
            }
        }
    }
}

/// Register `z` of a row of `full` registers and `rest` numbers; zero past its end.
#[inline(always)]
unsafe fn register<T: Real, V: Vector<T>>(from: *const T, z: usize, full: usize, rest: usize, mask: V::Mask) -> V {
    // SAFETY: only what lies within the row is read.
    unsafe {
        if z < full {
            V::load(from.add(z * V::LANES))
        } else if z == full && rest > 0 {
            V::load_masked(from.add(z * V::LANES), mask)
        } else {
            V::zero()
        }
    }
}

/// Batch 1: the row's number times each gathered one.
#[inline(always)]
unsafe fn scaled_gather<T: Real, V: Vector<T>, I: Index>(
    p: Pattern<'_, I>,
    left: *const T,
    right: *const T,
    rows: Range<usize>,
    out: *mut T,
) {
    // SAFETY: as above.
    unsafe {
        let start = *p.row_ptr.get_unchecked(rows.start);
        for row in rows {
            let (mut e, end) = (*p.row_ptr.get_unchecked(row), *p.row_ptr.get_unchecked(row + 1));
            let scale = V::splat(*left.add(row));
            while e + V::LANES <= end {
                scale.mul_add(V::gather(right, p.col.add(e)), V::zero()).store(out.add(e - start));
                e += V::LANES;
            }
            if e < end {
                let mask = V::mask(end - e);
                let got = V::gather_masked(right, p.col.add(e), mask);
                scale.mul_add(got, V::zero()).store_masked(out.add(e - start), mask);
            }
        }
    }
}
