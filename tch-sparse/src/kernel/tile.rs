//! A tile of a dense product, held in registers.

use super::vector::Vector;
use crate::Real;

/// Writes the tile `[ROWS, V::LANES * REGISTERS]` of `A B` to `out`: `sum_p a[p, row] b[p, column]`.
///
/// **Shape**: `a` `[inner, ROWS]`, `b` `[inner, V::LANES * REGISTERS]`, `out` as the tile, all row-major.
///
/// # Safety
/// The machine has the instructions of `V`; the pointers are valid for these shapes.
#[inline(always)]
pub(super) unsafe fn tile<T: Real, V: Vector<T>, const ROWS: usize, const REGISTERS: usize>(
    inner: usize,
    a: *const T,
    b: *const T,
    out: *mut T,
) {
    // SAFETY: the caller's promise; `p < inner`, and lanes lie within a row of `b` and of `out`.
    unsafe {
        let mut sums = [[V::zero(); REGISTERS]; ROWS];
        for p in 0..inner {
            let (a, b) = (a.add(p * ROWS), b.add(p * REGISTERS * V::LANES));
            let mut columns = [V::zero(); REGISTERS];
            for (v, register) in columns.iter_mut().enumerate() {
                *register = V::load(b.add(v * V::LANES));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let factor = V::splat(*a.add(r));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = factor.mul_add(column, *sum);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                sum.store(out.add((r * REGISTERS + v) * V::LANES));
            }
        }
    }
}
