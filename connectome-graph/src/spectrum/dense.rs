//! Schur form of a small real matrix, in complex arithmetic, and the order of its eigenvalues.
//!
//! Reduction to Hessenberg form by reflections, then QR iterations with the shift of Wilkinson; where these stall, as
//! they do for cyclic permutations, with the exceptional shifts of EISPACK's `comqr`. Complex arithmetic makes the form
//! triangular, so that a swap of two eigenvalues is one rotation.
//!
//! Source: Golub & Van Loan, *Matrix Computations*, 4th ed., sections 7.4 (Hessenberg), 7.5 (QR), 7.6.2 (swaps).

use num_complex::Complex64;

/// Whether the vectors of the form are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vectors {
    /// Eigenvalues alone.
    None,
    /// The whole decomposition `A = Q T Q^H`.
    Schur,
}

/// `T` and `Q`, row-major; only the diagonal of `T` holds, and `Q` is empty, without vectors.
pub(super) struct Schur {
    n: usize,
    norm: f64,
    t: Vec<Complex64>,
    q: Vec<Complex64>,
}

/// A rotation of two rows: `x' = conj(c) x + conj(s) y`, `y' = c y - s x`.
#[derive(Clone, Copy)]
struct Rotation {
    c: Complex64,
    s: Complex64,
}

impl Rotation {
    /// Turns `(a, b)` to `(r, 0)`.
    fn new(a: Complex64, b: Complex64) -> Self {
        let r = a.norm().hypot(b.norm());
        if r == 0.0 {
            return Self { c: 1.0.into(), s: 0.0.into() };
        }
        Self { c: a / r, s: b / r }
    }

    fn rows(self, x: &mut Complex64, y: &mut Complex64) {
        (*x, *y) = (self.c.conj() * *x + self.s.conj() * *y, self.c * *y - self.s * *x);
    }

    fn columns(self, x: &mut Complex64, y: &mut Complex64) {
        (*x, *y) = (self.c * *x + self.s * *y, self.c.conj() * *y - self.s.conj() * *x);
    }
}

impl Schur {
    /// Decomposes a matrix `[n, n]`, row-major.
    pub(super) fn new(n: usize, matrix: &[f64], vectors: Vectors) -> Self {
        let (h, q) = hessenberg(n, matrix, vectors);
        let norm = norm(&h);
        let complex = |values: Vec<f64>| values.into_iter().map(Complex64::from).collect();
        let mut schur = Self { n, norm, t: complex(h), q: complex(q) };
        schur.iterate(vectors);
        schur
    }

    /// The eigenvalues.
    pub(super) fn diagonal(&self) -> Vec<Complex64> {
        (0..self.n).map(|i| self.t[i * self.n + i]).collect()
    }

    /// Frobenius norm of the matrix.
    pub(super) fn norm(&self) -> f64 {
        self.norm
    }

    /// Vector `k` at row `i`.
    pub(super) fn vector(&self, i: usize, k: usize) -> Complex64 {
        self.q[i * self.n + k]
    }

    /// Entry of `T`.
    #[cfg(test)]
    pub(super) fn entry(&self, i: usize, j: usize) -> Complex64 {
        self.t[i * self.n + j]
    }

    /// QR iterations until `T` is triangular.
    fn iterate(&mut self, vectors: Vectors) {
        let n = self.n;
        let Some(mut end) = n.checked_sub(1) else {
            return;
        };
        let mut count = 0;
        while end > 0 {
            // the last row of the active block from which on no entry below the diagonal is negligible
            let begin = (1..=end).rev().find(|&i| self.negligible(i, count)).unwrap_or(0);
            if begin > 0 {
                self.t[begin * n + begin - 1] = 0.0.into();
            }
            if begin == end {
                end -= 1;
                count = 0;
                continue;
            }
            count += 1;
            let shift = if count % 10 == 0 { self.exceptional_shift(end) } else { self.wilkinson_shift(end) };
            self.sweep(begin, end, shift, vectors);
        }
    }

    /// Whether the entry left of diagonal entry `i` may be set to 0: against its neighbours, and if that takes long,
    /// against the norm of the matrix, by more and more.
    fn negligible(&self, i: usize, count: usize) -> bool {
        let at = |i: usize, j: usize| self.t[i * self.n + j].l1_norm();
        let near = at(i - 1, i - 1) + at(i, i);
        let far = if count < 10 { 0.0 } else { self.norm * (1 + count / 100) as f64 };
        let below = at(i, i - 1);
        // what is not a number counts as negligible, so that the iteration ends
        below.is_nan() || below <= f64::EPSILON * near.max(far)
    }

    /// The eigenvalue of the last two rows that is closer to the last diagonal entry.
    fn wilkinson_shift(&self, end: usize) -> Complex64 {
        let at = |i: usize, j: usize| self.t[i * self.n + j];
        let (a, b, c, d) = (at(end - 1, end - 1), at(end - 1, end), at(end, end - 1), at(end, end));
        let half = (a - d) / 2.0;
        let root = (half * half + b * c).sqrt();
        let sum = if (half.conj() * root).re < 0.0 { half - root } else { half + root };
        if sum.norm() == 0.0 { d } else { d - b * c / sum }
    }

    fn exceptional_shift(&self, end: usize) -> Complex64 {
        let below = |i: usize| self.t[i * self.n + i - 1].l1_norm();
        Complex64::from(below(end) + if end > 1 { below(end - 1) } else { 0.0 })
    }

    /// One step `H - shift = Q R`, `H' = R Q + shift` on rows and columns `begin..=end`.
    fn sweep(&mut self, begin: usize, end: usize, shift: Complex64, vectors: Vectors) {
        let n = self.n;
        let whole = vectors == Vectors::Schur;
        let (top, right) = if whole { (0, n) } else { (begin, end + 1) };
        for i in begin..=end {
            self.t[i * n + i] -= shift;
        }
        let mut rotations = Vec::with_capacity(end - begin);
        for k in begin..end {
            let rotation = Rotation::new(self.t[k * n + k], self.t[(k + 1) * n + k]);
            self.rotate_rows(rotation, k, k..right);
            rotations.push(rotation);
        }
        for (k, &rotation) in (begin..).zip(&rotations) {
            rotate_columns(&mut self.t, n, rotation, k, top..k + 2);
            if whole {
                rotate_columns(&mut self.q, n, rotation, k, 0..n);
            }
        }
        for i in begin..=end {
            self.t[i * n + i] += shift;
        }
    }

    fn rotate_rows(&mut self, rotation: Rotation, k: usize, columns: std::ops::Range<usize>) {
        let (upper, lower) = self.t.split_at_mut((k + 1) * self.n);
        let upper = &mut upper[k * self.n..];
        for j in columns {
            rotation.rows(&mut upper[j], &mut lower[j]);
        }
    }

    /// Moves eigenvalues such that place `k` takes the one that was at `order[k]`, by swaps of neighbours.
    pub(super) fn reorder(&mut self, order: &[usize]) {
        let mut now: Vec<usize> = (0..self.n).collect();
        for (place, wanted) in order.iter().enumerate() {
            let from = now.iter().position(|at| at == wanted).expect("the order is a permutation");
            for k in (place..from).rev() {
                self.swap(k);
                now.swap(k, k + 1);
            }
        }
    }

    fn swap(&mut self, k: usize) {
        let n = self.n;
        let at = |i: usize, j: usize| self.t[i * n + j];
        let (first, second) = (at(k, k), at(k + 1, k + 1));
        let rotation = Rotation::new(at(k, k + 1), second - first);
        self.rotate_rows(rotation, k, k..n);
        rotate_columns(&mut self.t, n, rotation, k, 0..k + 2);
        rotate_columns(&mut self.q, n, rotation, k, 0..n);
        (self.t[k * n + k], self.t[(k + 1) * n + k + 1]) = (second, first);
        self.t[(k + 1) * n + k] = 0.0.into();
    }
}

fn rotate_columns(matrix: &mut [Complex64], n: usize, rotation: Rotation, k: usize, rows: std::ops::Range<usize>) {
    for i in rows {
        let (left, right) = matrix.split_at_mut(i * n + k + 1);
        rotation.columns(&mut left[i * n + k], &mut right[0]);
    }
}

/// `A = Q H Q^T` with `H` 0 below its first subdiagonal, by reflections; `Q` is empty if it is not wanted.
fn hessenberg(n: usize, matrix: &[f64], vectors: Vectors) -> (Vec<f64>, Vec<f64>) {
    let mut h = matrix.to_vec();
    let mut q = Vec::new();
    if vectors == Vectors::Schur {
        q = vec![0.0; n * n];
        for i in 0..n {
            q[i * n + i] = 1.0;
        }
    }
    for k in 0..n.saturating_sub(2) {
        let mut v: Vec<f64> = (k + 1..n).map(|i| h[i * n + k]).collect();
        if v[1..].iter().all(|&x| x == 0.0) {
            continue;
        }
        let length = norm(&v);
        v[0] += length.copysign(v[0]);
        let length = norm(&v);
        v.iter_mut().for_each(|x| *x /= length);
        // from the left
        for j in k..n {
            let dot: f64 = v.iter().zip(k + 1..n).map(|(x, i)| x * h[i * n + j]).sum();
            for (x, i) in v.iter().zip(k + 1..n) {
                h[i * n + j] -= 2.0 * dot * x;
            }
        }
        for i in k + 2..n {
            h[i * n + k] = 0.0;
        }
        // from the right
        for row in h.chunks_exact_mut(n).chain(q.chunks_exact_mut(n)) {
            let dot: f64 = v.iter().zip(&row[k + 1..]).map(|(x, y)| x * y).sum();
            for (x, y) in v.iter().zip(&mut row[k + 1..]) {
                *y -= 2.0 * dot * x;
            }
        }
    }
    (h, q)
}

/// Euclidean norm without overflow or underflow.
fn norm(v: &[f64]) -> f64 {
    let most = v.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    if most == 0.0 { 0.0 } else { most * v.iter().map(|x| (x / most).powi(2)).sum::<f64>().sqrt() }
}
