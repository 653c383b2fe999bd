//! Q and R by the Cholesky factor of `AᵀA`.

use tch_sparse::Real;
use tch_sparse::dense::{Columns, Rows, product};

/// Memory for matrices `[n, k]`.
#[derive(Debug)]
pub(super) struct Cholesky<T> {
    n: usize,
    k: usize,
    chunks: Vec<(Rows<T>, Columns<T>)>,
    rows: Rows<T>,
    triangle: Columns<T>,
    partial: Vec<T>,
    gram: Vec<f64>,
    inverse: Vec<f64>,
    narrow: Vec<T>,
}

/// Rows of a sum that is formed in the matrix's own precision; such sums are added in double precision.
const CHUNK: usize = 512;

tch_function::on_best_tier!(fn subtract_multiple<T: Real>(to: &mut [T], factor: T, from: &[T]) = subtract_multiple_body, fused);

#[inline(always)]
fn subtract_multiple_body<T: Real, const FUSED: bool>(to: &mut [T], factor: T, from: &[T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.times_plus::<FUSED>(-factor, *to);
    }
}

impl<T: Real> Cholesky<T> {
    pub(super) fn new(n: usize, k: usize) -> Self {
        let chunk = |rows: usize| (Rows::zeros(k, rows), Columns::zeros(rows, k));
        let mut chunks = Vec::new();
        if n >= CHUNK {
            chunks.push(chunk(CHUNK));
        }
        if n % CHUNK > 0 {
            chunks.push(chunk(n % CHUNK));
        }
        Self {
            n,
            k,
            chunks,
            rows: Rows::zeros(n, k),
            triangle: Columns::zeros(k, k),
            partial: vec![T::ZERO; k * k],
            gram: vec![0.0; k * k],
            inverse: vec![0.0; k * k],
            narrow: vec![T::ZERO; k * k],
        }
    }

    /// Replaces `a` by Q and writes R. Leaves both and returns false where the condition number is too large for it.
    pub(super) fn factor(&mut self, a: &mut [T], r: &mut [f64]) -> bool {
        let rounding = if size_of::<T>() == 4 { 1e-7 } else { 1e-16 };
        self.form_gram(a);
        if !upper_factor(&mut self.gram, self.k, 10.0 * rounding * rounding) {
            return false;
        }
        invert_upper(&self.gram, &mut self.inverse, self.k);
        let condition = self.condition();
        // Q deviates from orthogonality by the rounding of AᵀA times the square of the condition number.
        if !(condition * condition * rounding < 1e-2) {
            return false;
        }
        r.copy_from_slice(&self.gram);
        self.multiply_by_inverse(a);
        if condition * condition * rounding < 10.0 * rounding.sqrt() * 1e-2 {
            return true;
        }
        self.form_gram(a);
        if !upper_factor(&mut self.gram, self.k, rounding) {
            unreachable!("columns within a hundredth of orthonormal");
        }
        invert_upper(&self.gram, &mut self.inverse, self.k);
        self.multiply_by_inverse(a);
        multiply_upper(&self.gram, r, self.k);
        true
    }

    /// The upper triangle of `AᵀA`.
    fn form_gram(&mut self, a: &[T]) {
        let (n, k) = (self.n, self.k);
        self.gram.fill(0.0);
        for start in (0..n).step_by(CHUNK) {
            let last = self.chunks.len() - 1;
            let (left, right) = &mut self.chunks[if start + CHUNK <= n { 0 } else { last }];
            let rows = &a[start * k..(start + CHUNK).min(n) * k];
            left.fill_transposed(rows, k);
            right.fill_rows(rows, k);
            let above = |rows: &std::ops::Range<usize>, columns: &std::ops::Range<usize>| {
                if columns.end > rows.start { CHUNK } else { 0 }
            };
            product(left, right, above, &mut self.partial, k, |tile, into| {
                for ((_, from), to) in tile.by_rows().zip(into.chunks_exact_mut(k)) {
                    to[tile.columns.clone()].copy_from_slice(from);
                }
            });
            for (sum, part) in self.gram.iter_mut().zip(&self.partial) {
                *sum += part.to_f64();
            }
        }
    }

    /// `A <- A R^-1`.
    fn multiply_by_inverse(&mut self, a: &mut [T]) {
        let k = self.k;
        self.narrow.iter_mut().zip(&self.inverse).for_each(|(to, from)| *to = T::from_f64(*from));
        self.triangle.fill_rows(&self.narrow, k);
        self.rows.fill_rows(a, k);
        product(
            &self.rows,
            &self.triangle,
            |_, columns| columns.end,
            a,
            k,
            |tile, into| {
                for ((_, from), to) in tile.by_rows().zip(into.chunks_exact_mut(k)) {
                    to[tile.columns.clone()].copy_from_slice(from);
                }
            },
        );
    }

    /// The condition number of R with columns of length 1, within a factor of `k`; what columns are scaled by does not matter here.
    fn condition(&self) -> f64 {
        let k = self.k;
        let mut sum = 0.0;
        for i in 0..k {
            let column: f64 = (0..=i).map(|p| self.gram[p * k + i].powi(2)).sum();
            let row: f64 = self.inverse[i * k + i..(i + 1) * k].iter().map(|x| x * x).sum();
            sum += column * row;
        }
        (sum / k as f64).sqrt()
    }
}

/// The upper factor R of `G = RᵀR` in place of G's upper triangle, zeros below. False where a pivot is not above `least` times what
/// stood there.
fn upper_factor(g: &mut [f64], k: usize, least: f64) -> bool {
    let mut row = vec![0.0; k];
    let before: Vec<f64> = g.iter().step_by(k + 1).copied().collect();
    for j in 0..k {
        let pivot = g[j * k + j];
        if !(pivot > least * before[j]) || !pivot.is_finite() {
            return false;
        }
        let scale = pivot.sqrt();
        g[j * k..j * k + j].fill(0.0);
        g[j * k + j..(j + 1) * k].iter_mut().for_each(|x| *x /= scale);
        row[j..].copy_from_slice(&g[j * k + j..(j + 1) * k]);
        for i in j + 1..k {
            subtract_multiple(&mut g[i * k + i..(i + 1) * k], row[i], &row[i..]);
        }
    }
    true
}

/// `inverse <- R^-1`, upper triangular as R.
pub(super) fn invert_upper(r: &[f64], inverse: &mut [f64], k: usize) {
    inverse.fill(0.0);
    for i in (0..k).rev() {
        let (rows, done) = inverse.split_at_mut((i + 1) * k);
        let row = &mut rows[i * k..];
        row[i] = 1.0;
        for p in i + 1..k {
            subtract_multiple(&mut row[p..], r[i * k + p], &done[(p - i - 1) * k + p..(p - i) * k]);
        }
        row[i..].iter_mut().for_each(|x| *x /= r[i * k + i]);
    }
}

/// `r <- s r`, both upper triangular.
fn multiply_upper(s: &[f64], r: &mut [f64], k: usize) {
    for i in 0..k {
        let (rows, below) = r.split_at_mut((i + 1) * k);
        let row = &mut rows[i * k..];
        row[i..].iter_mut().for_each(|x| *x *= s[i * k + i]);
        for p in i + 1..k {
            subtract_multiple(&mut row[p..], -s[i * k + p], &below[(p - i - 1) * k + p..(p - i) * k]);
        }
    }
}
