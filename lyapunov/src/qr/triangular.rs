//! Small triangular matrices in double precision, by blocks whose products are the dense kernel's.

use tch_sparse::dense::{Columns, Rows, Tile, product};

/// Rows of a block.
const BLOCK: usize = 32;

tch_function::on_best_tier!(fn subtract_multiple<T: tch_sparse::Real>(to: &mut [T], factor: T, from: &[T]) = subtract_multiple_body, fused);

#[inline(always)]
fn subtract_multiple_body<T: tch_sparse::Real, const FUSED: bool>(to: &mut [T], factor: T, from: &[T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.times_plus::<FUSED>(-factor, *to);
    }
}

/// The upper factor R of `G = RᵀR` in place of G's upper triangle, `[k, k]`; what is below it is left. False where a pivot is not above
/// `least` times what stood there.
pub(super) fn upper_factor(g: &mut [f64], k: usize, least: f64) -> bool {
    let before: Vec<f64> = g.iter().step_by(k + 1).copied().collect();
    let mut row = vec![0.0; k];
    for start in (0..k).step_by(BLOCK) {
        let end = (start + BLOCK).min(k);
        for j in start..end {
            let pivot = g[j * k + j];
            if pivot <= least * before[j] || !pivot.is_finite() {
                return false;
            }
            let scale = pivot.sqrt();
            g[j * k + j..(j + 1) * k].iter_mut().for_each(|x| *x /= scale);
            row[j..].copy_from_slice(&g[j * k + j..(j + 1) * k]);
            for i in j + 1..end {
                subtract_multiple(&mut g[i * k + i..(i + 1) * k], row[i], &row[i..]);
            }
        }
        let (done, rest) = g.split_at_mut(end * k);
        let size = k - end;
        if size == 0 {
            break;
        }
        // What the block's rows leave of the rest: G - R_blockᵀ R_block.
        let rows = &done[start * k + end..];
        let (mut left, mut right) = (Rows::zeros(size, end - start), Columns::zeros(end - start, size));
        left.fill_transposed(rows, k);
        right.fill_rows(rows, k);
        let above = |rows: &std::ops::Range<usize>, columns: &std::ops::Range<usize>| {
            if columns.end > rows.start { BLOCK } else { 0 }
        };
        product(&left, &right, above, rest, k, |tile, into| each(&tile, end, k, into, |to, x| *to -= x));
    }
    for (i, row) in g.chunks_exact_mut(k).enumerate() {
        row[..i].fill(0.0);
    }
    true
}

/// `inverse <- R^-1`, upper triangular as R.
pub(super) fn invert(r: &[f64], inverse: &mut [f64], k: usize) {
    inverse.fill(0.0);
    for start in (0..k).step_by(BLOCK).rev() {
        let end = (start + BLOCK).min(k);
        let (head, done) = inverse.split_at_mut(end * k);
        let block = &mut head[start * k..];
        // The rows' part right of the block: -R[block, right] X[right, right], to be divided by the block itself below.
        if end < k {
            let (mut left, mut right) = (Rows::zeros(end - start, k - end), Columns::zeros(k - end, k - end));
            left.fill_rows(&r[start * k + end..], k);
            right.fill_rows(&done[end..], k);
            let upper = |_: &std::ops::Range<usize>, columns: &std::ops::Range<usize>| columns.end;
            product(&left, &right, upper, block, k, |tile, into| each(&tile, end, k, into, |to, x| *to = -x));
        }
        for i in (start..end).rev() {
            let (rows, below) = block.split_at_mut((i - start + 1) * k);
            let row = &mut rows[(i - start) * k..];
            row[i] = 1.0;
            for p in i + 1..end {
                subtract_multiple(&mut row[p..], r[i * k + p], &below[(p - i - 1) * k + p..(p - i) * k]);
            }
            row[i..].iter_mut().for_each(|x| *x /= r[i * k + i]);
        }
    }
}

/// `r <- s r`, both upper triangular.
pub(super) fn multiply(s: &[f64], r: &mut [f64], k: usize) {
    let (left, mut right) = (Rows::new(k, k, s), Columns::zeros(k, k));
    right.fill_rows(r, k);
    let upper = |_: &std::ops::Range<usize>, columns: &std::ops::Range<usize>| columns.end;
    product(&left, &right, upper, r, k, |tile, into| each(&tile, 0, k, into, |to, x| *to = x));
}

/// Enters a tile whose first column is `first` into rows of `k` numbers.
fn each(tile: &Tile<'_, f64>, first: usize, k: usize, into: &mut [f64], enter: impl Fn(&mut f64, f64)) {
    let columns = first + tile.columns.start..first + tile.columns.end;
    for ((_, from), to) in tile.by_rows().zip(into.chunks_exact_mut(k)) {
        to[columns.clone()].iter_mut().zip(from).for_each(|(to, x)| enter(to, *x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_and_inverses() {
        for k in [1, 2, 31, 32, 33, 64, 100] {
            // A diagonally dominant R, and G = RᵀR.
            let r: Vec<f64> = (0..k * k)
                .map(|at| {
                    let (i, j) = (at / k, at % k);
                    match i.cmp(&j) {
                        std::cmp::Ordering::Less => ((at * 7919) % 101) as f64 / 101.0 / k as f64,
                        std::cmp::Ordering::Equal => 1.0 + (i % 3) as f64,
                        std::cmp::Ordering::Greater => 0.0,
                    }
                })
                .collect();
            let dot = |a: &[f64], b: &[f64], i: usize, j: usize, first: bool| -> f64 {
                (0..k).map(|p| (if first { a[p * k + i] } else { a[i * k + p] }) * b[p * k + j]).sum()
            };
            let mut g: Vec<f64> = (0..k * k).map(|at| dot(&r, &r, at / k, at % k, true)).collect();
            assert!(upper_factor(&mut g, k, 1e-12));
            let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(close(&g, &r), "factor of {k}");
            let mut inverse = vec![f64::NAN; k * k];
            invert(&r, &mut inverse, k);
            let identity: Vec<f64> = (0..k * k).map(|at| f64::from(u8::from(at / k == at % k))).collect();
            let mut product = inverse.clone();
            multiply(&r, &mut product, k);
            assert!(close(&product, &identity), "inverse of {k}");
        }
        assert!(!upper_factor(&mut [1.0, 1.0, 1.0, 1.0], 2, 1e-12));
        assert!(!upper_factor(&mut [f64::NAN], 1, 1e-12));
    }
}
