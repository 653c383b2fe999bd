//! Q and R by the Cholesky factor of `AᵀA`.

use super::triangular::{invert, multiply, upper_factor};
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

/// The square condition up to which one pass is enough.
const ONE_PASS: f64 = 50.0;

/// Rows of a sum that is formed in the matrix's own precision; such sums are added in double precision.
const CHUNK: usize = 512;

impl<T: Real> Cholesky<T> {
    pub(super) fn new(n: usize, k: usize) -> Self {
        let chunk = |rows: usize| (Rows::zeros(k, rows), Columns::zeros(rows, k));
        let mut chunks = Vec::new();
        if n >= CHUNK {
            chunks.push(chunk(CHUNK));
        }
        if !n.is_multiple_of(CHUNK) {
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
        let (epsilon, least) = if size_of::<T>() == 4 {
            (f64::from(f32::EPSILON), f64::from(f32::MIN_POSITIVE))
        } else {
            (f64::EPSILON, f64::MIN_POSITIVE)
        };
        // Of the sums in AᵀA, relative to the product of two columns' lengths.
        let rounding = epsilon * (CHUNK as f64).sqrt();
        self.form_gram(a);
        // Squares of smaller numbers lose digits.
        let small = self.n as f64 * least / epsilon;
        if self.gram.iter().step_by(self.k + 1).any(|x| *x < small) || !upper_factor(&mut self.gram, self.k, rounding) {
            return false;
        }
        invert(&self.gram, &mut self.inverse, self.k);
        // Q deviates from orthogonality by as much as this.
        let deviation = rounding * self.square_condition();
        if deviation.is_nan() || deviation >= 0.05 {
            return false;
        }
        if deviation < ONE_PASS * rounding {
            r.copy_from_slice(&self.gram);
            self.multiply_by_inverse(a);
            return true;
        }
        let given = a.to_vec();
        let first = self.gram.clone();
        self.multiply_by_inverse(a);
        self.form_gram(a);
        if !upper_factor(&mut self.gram, self.k, rounding) {
            a.copy_from_slice(&given);
            return false;
        }
        invert(&self.gram, &mut self.inverse, self.k);
        self.multiply_by_inverse(a);
        r.copy_from_slice(&first);
        multiply(&self.gram, r, self.k);
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
            product(left, right, above, &mut self.partial, k, |tile, into| tile.copy_into(k, into));
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

    /// The square of the longest column of the inverse of R, whose columns are scaled to length 1: what columns of A are scaled by does
    /// not matter.
    fn square_condition(&self) -> f64 {
        let k = self.k;
        let (mut lengths, mut inverse) = (vec![0.0; k], vec![0.0; k]);
        for (i, row) in self.gram.chunks_exact(k).enumerate() {
            lengths[i..].iter_mut().zip(&row[i..]).for_each(|(sum, x)| *sum += x * x);
        }
        for (i, row) in self.inverse.chunks_exact(k).enumerate() {
            inverse[i..].iter_mut().zip(&row[i..]).for_each(|(sum, x)| *sum += lengths[i] * x * x);
        }
        inverse.into_iter().fold(0.0, f64::max)
    }
}
