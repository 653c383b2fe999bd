//! Reflections (Golub and Van Loan, *Matrix Computations*, 4th ed., algorithm 5.2.1), row by row.

use tch_sparse::Real;

/// Signs of R's diagonal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signs {
    /// Positive.
    Positive,
    /// Opposite to that of the number which a reflection begins at.
    Lapack,
}

/// Memory for matrices `[n, k]`.
#[derive(Debug)]
pub(super) struct Householder<T> {
    n: usize,
    k: usize,
    scale: Vec<T>,
    row: Vec<T>,
}

tch_function::on_best_tier!(fn add_multiple<T: Real>(to: &mut [T], factor: T, from: &[T]) = add_multiple_body, fused);

#[inline(always)]
fn add_multiple_body<T: Real, const FUSED: bool>(to: &mut [T], factor: T, from: &[T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.times_plus::<FUSED>(factor, *to);
    }
}

impl<T: Real> Householder<T> {
    pub(super) fn new(n: usize, k: usize) -> Self {
        Self { n, k, scale: vec![T::ZERO; k], row: vec![T::ZERO; k] }
    }

    /// Replaces `a` by Q and writes R, `[k, k]`.
    pub(super) fn factor(&mut self, a: &mut [T], r: &mut [f64], signs: Signs) {
        let (n, k) = (self.n, self.k);
        for j in 0..k {
            self.reflect(a, j);
        }
        r.fill(0.0);
        for i in 0..k {
            for j in i..k {
                r[i * k + j] = a[i * k + j].to_f64();
            }
        }
        for j in (0..k).rev() {
            self.unfold(a, j);
        }
        if signs == Signs::Positive {
            for j in (0..k).filter(|&j| r[j * k + j] < 0.0).collect::<Vec<_>>() {
                r[j * k..(j + 1) * k].iter_mut().for_each(|x| *x = -*x);
                (0..n).for_each(|i| a[i * k + j] = -a[i * k + j]);
            }
        }
    }

    /// Makes column `j` zero below its diagonal and keeps the reflection's vector there, its first number 1 understood.
    fn reflect(&mut self, a: &mut [T], j: usize) {
        let (n, k) = (self.n, self.k);
        // By the largest, so that squares of small or large numbers stay within range.
        let largest = (j + 1..n).fold(T::ZERO, |m, i| m.or_greater(a[i * k + j].abs()));
        let alpha = a[j * k + j];
        if largest == T::ZERO {
            self.scale[j] = T::ZERO;
            return;
        }
        let largest = largest.or_greater(alpha.abs());
        let square = (j..n).fold(T::ZERO, |sum, i| {
            let x = a[i * k + j] / largest;
            x * x + sum
        });
        let norm = square.sqrt() * largest;
        let beta = if alpha < T::ZERO { norm } else { -norm };
        self.scale[j] = (beta - alpha) / beta;
        let divisor = alpha - beta;
        for i in j + 1..n {
            a[i * k + j] = a[i * k + j] / divisor;
        }
        a[j * k + j] = beta;
        self.apply(a, j);
    }

    /// Applies reflection `j` to the columns right of it.
    fn apply(&mut self, a: &mut [T], j: usize) {
        let (n, k) = (self.n, self.k);
        let row = &mut self.row[j + 1..];
        row.copy_from_slice(&a[j * k + j + 1..(j + 1) * k]);
        for i in j + 1..n {
            add_multiple(row, a[i * k + j], &a[i * k + j + 1..(i + 1) * k]);
        }
        row.iter_mut().for_each(|x| *x = -(*x * self.scale[j]));
        add_multiple(&mut a[j * k + j + 1..(j + 1) * k], T::ONE, row);
        for i in j + 1..n {
            let factor = a[i * k + j];
            add_multiple(&mut a[i * k + j + 1..(i + 1) * k], factor, row);
        }
    }

    /// Turns column `j` from a reflection's vector into a column of Q, those right of it being done.
    fn unfold(&mut self, a: &mut [T], j: usize) {
        let (n, k) = (self.n, self.k);
        a[j * k + j + 1..(j + 1) * k].fill(T::ZERO);
        self.apply(a, j);
        let scale = self.scale[j];
        a[j * k + j] = T::ONE - scale;
        for i in j + 1..n {
            a[i * k + j] = -(a[i * k + j] * scale);
        }
        (0..j).for_each(|i| a[i * k + j] = T::ZERO);
    }
}
