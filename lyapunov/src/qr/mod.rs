//! Orthonormalising tangents.
//!
//! Tangents that were orthonormal a little while ago are well conditioned, and for such matrices `A = Q R` by way of the Cholesky
//! factor of `AᵀA` is as good as Householder's reflections and consists of matrix products (Yamamoto, Nakatsukasa, Yanagisawa and
//! Fukaya, *Roundoff error analysis of the CholeskyQR2 algorithm*, 2015). Where the condition number forbids one pass there are two,
//! and beyond that reflections. What one pass leaves of non-orthogonality does not add up over a run: the triangular factors are
//! those of the very columns that were given, and the next factorisation starts from the next columns.

mod cholesky;
mod householder;
mod reverse;
mod triangular;

pub(crate) use reverse::{GradientOfR, Reverse};

use cholesky::Cholesky;
use householder::Householder;
pub(crate) use householder::Signs;
use tch_sparse::Real;

/// How a factorisation is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Whatever is fastest for the matrix at hand; the diagonal of R is positive.
    Fastest,
    /// Reflections, with the signs that LAPACK gives.
    Lapack,
}

/// A column that is zero, or a combination of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dependent(pub(crate) usize);

/// Factorises matrices `[n, k]`, `k <= n`.
#[derive(Debug)]
pub(crate) struct Qr<T> {
    n: usize,
    k: usize,
    method: Method,
    householder: Householder<T>,
    cholesky: Option<Cholesky<T>>,
    /// The triangular factor, `[k, k]`, row-major.
    pub(crate) r: Vec<f64>,
}

/// Below so many multiply-adds reflections are faster than the packing of products.
const SMALL: usize = 1 << 12;

impl<T: Real> Qr<T> {
    pub(crate) fn new(n: usize, k: usize, method: Method) -> Self {
        let products = method == Method::Fastest && n * k * k > SMALL;
        Self {
            n,
            k,
            method,
            householder: Householder::new(n, k),
            cholesky: products.then(|| Cholesky::new(n, k)),
            r: vec![0.0; k * k],
        }
    }

    /// Replaces `a` by Q, and sets [`r`](Self::r).
    pub(crate) fn factor(&mut self, a: &mut [T]) -> Result<(), Dependent> {
        assert_eq!(a.len(), self.n * self.k, "numbers of a matrix [{}, {}]", self.n, self.k);
        if let Some(cholesky) = &mut self.cholesky
            && cholesky.factor(a, &mut self.r)
        {
            return Ok(());
        }
        let signs = if self.method == Method::Lapack { Signs::Lapack } else { Signs::Positive };
        self.householder.factor(a, &mut self.r, signs);
        match (0..self.k).find(|&j| self.r[j * self.k + j] == 0.0) {
            Some(column) => Err(Dependent(column)),
            None => Ok(()),
        }
    }

    /// A column that depends on those before it as far as rounding tells.
    pub(crate) fn dependent(&self) -> Option<usize> {
        let k = self.k;
        let rounding = if size_of::<T>() == 4 { 1e-6 } else { 1e-14 };
        (0..k).find(|&j| {
            let norm = (0..=j).map(|i| self.r[i * k + j].powi(2)).sum::<f64>().sqrt();
            self.r[j * k + j].abs() <= rounding * norm
        })
    }

    /// Whether a column is so small that its numbers have lost digits.
    pub(crate) fn is_tiny(&self) -> bool {
        let least = if size_of::<T>() == 4 {
            f64::from(f32::MIN_POSITIVE / f32::EPSILON)
        } else {
            f64::MIN_POSITIVE / f64::EPSILON
        };
        self.r.iter().step_by(self.k + 1).any(|r| r.abs() < least)
    }

    /// `ln |r_jj|` of each column.
    pub(crate) fn logs(&self) -> impl Iterator<Item = f64> {
        self.r.iter().step_by(self.k + 1).map(|r| r.abs().ln())
    }

    /// `ln` of the largest diagonal number over the smallest, in size: a lower bound of the condition number.
    pub(crate) fn log_condition(&self) -> f64 {
        let (low, high) = self.logs().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        high - low
    }
}

/// `A = Q R` with Q `[n, k]` of orthonormal columns and R `[k, k]` upper triangular, its diagonal positive; row-major, `n >= k`.
///
/// Where columns depend on each other, numbers on R's diagonal are zero within rounding, and Q's columns there are arbitrary.
///
/// # Panics
/// When the length does not fit, or `k > n`.
pub fn qr<T: Real>(n: usize, k: usize, a: &[T]) -> (Vec<T>, Vec<T>) {
    assert!(
        k <= n && a.len() == n * k,
        "a matrix [{n}, {k}] of {} numbers; its columns are at most as many as its rows",
        a.len()
    );
    let (mut q, mut of) = (a.to_vec(), Qr::new(n, k, Method::Fastest));
    // What depends is seen in R.
    let _ = of.factor(&mut q);
    (q, of.r.iter().map(|&x| T::from_f64(x)).collect())
}

/// The gradient of a scalar with respect to A from those with respect to the factors of [`qr`]; that of R below the diagonal has no
/// effect.
///
/// # Panics
/// When a length does not fit.
pub fn qr_pull_back<T: Real>(n: usize, k: usize, q: &[T], r: &[T], q_bar: &[T], r_bar: &[T]) -> Vec<T> {
    let lengths = [q.len(), q_bar.len(), r.len(), r_bar.len()];
    assert_eq!(lengths, [n * k, n * k, k * k, k * k], "numbers of Q, its gradient, R and its gradient for [{n}, {k}]");
    let wide = |m: &[T]| m.iter().map(|x| x.to_f64()).collect::<Vec<_>>();
    let mut gradient = q_bar.to_vec();
    Reverse::new(n, k).pull(q, &wide(r), &mut gradient, GradientOfR::Full(&wide(r_bar)));
    gradient
}
