//! The derivative of a factorisation in reverse.
//!
//! With gradients `Q̄`, `R̄` of a scalar and `L` the part of `QᵀQ̄ - Q̄ᵀQ + R R̄ᵀ - R̄ Rᵀ` strictly below the diagonal,
//!
//! `Ā = Q R̄ + (Q (L - QᵀQ̄) + Q̄) R^-T`
//!
//! (Walter and Lehmann, *Algorithmic differentiation of linear algebra functions*, 2010, in the form of Liao, Liu, Wang and Xiang,
//! *Differentiable programming tensor networks*, 2019, eq. 12).

use super::triangular::invert;
use tch_sparse::Real;
use tch_sparse::dense::{Columns, Rows, product};

/// The gradient of a scalar with respect to R.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GradientOfR<'a> {
    /// Of a scalar that depends on R's diagonal alone: `[k]`.
    Diagonal(&'a [f64]),
    /// `[k, k]`; what stands below the diagonal has no effect.
    Full(&'a [f64]),
}

/// Memory for matrices `[n, k]`.
#[derive(Debug)]
pub(crate) struct Reverse<T> {
    n: usize,
    k: usize,
    tall: Rows<T>,
    square: Columns<T>,
    inner: Rows<T>,
    right: Columns<T>,
    numbers: Vec<T>,
    overlap: Vec<f64>,
    inverse: Vec<f64>,
}

impl<T: Real> Reverse<T> {
    pub(crate) fn new(n: usize, k: usize) -> Self {
        Self {
            n,
            k,
            tall: Rows::zeros(n, k),
            square: Columns::zeros(k, k),
            inner: Rows::zeros(k, n),
            right: Columns::zeros(n, k),
            numbers: vec![T::ZERO; k * k],
            overlap: vec![0.0; k * k],
            inverse: vec![0.0; k * k],
        }
    }

    /// Replaces the gradient of Q by that of A.
    pub(crate) fn pull(&mut self, q: &[T], r: &[f64], q_bar: &mut [T], r_bar: GradientOfR<'_>) {
        let (n, k) = (self.n, self.k);
        self.inner.fill_transposed(q, k);
        self.right.fill_rows(q_bar, k);
        product(
            &self.inner,
            &self.right,
            |_, _| n,
            &mut self.numbers,
            k,
            |tile, into| {
                for ((_, from), to) in tile.by_rows().zip(into.chunks_exact_mut(k)) {
                    to[tile.columns.clone()].copy_from_slice(from);
                }
            },
        );
        self.overlap.iter_mut().zip(&self.numbers).for_each(|(to, from)| *to = from.to_f64());
        // L - QᵀQ̄, the factor of Q.
        let upper = |m: &[f64], i: usize, j: usize| if j >= i { m[i * k + j] } else { 0.0 };
        // R R̄ᵀ - R̄ Rᵀ at (i, j), i > j.
        let commutator = |i: usize, j: usize| match r_bar {
            GradientOfR::Diagonal(d) => -d[i] * r[j * k + i],
            GradientOfR::Full(m) => {
                (i..k).map(|p| r[i * k + p] * upper(m, j, p) - upper(m, i, p) * r[j * k + p]).sum::<f64>()
            }
        };
        for i in 0..k {
            for j in 0..k {
                let o = &self.overlap;
                let mut value = -o[i * k + j];
                if i > j {
                    value += o[i * k + j] - o[j * k + i] + commutator(i, j);
                }
                self.numbers[i * k + j] = T::from_f64(value);
            }
        }
        self.tall.fill_rows(q, k);
        self.square.fill_rows(&self.numbers, k);
        product(&self.tall, &self.square, |_, _| k, q_bar, k, add::<T>(k));
        // (...) R^-T, then Q R̄.
        invert(r, &mut self.inverse, k);
        self.numbers.iter_mut().zip(&self.inverse).for_each(|(to, from)| *to = T::from_f64(*from));
        self.square.fill_transposed(&self.numbers, k);
        self.tall.fill_rows(q_bar, k);
        product(
            &self.tall,
            &self.square,
            |_, _| k,
            q_bar,
            k,
            |tile, into| {
                for ((_, from), to) in tile.by_rows().zip(into.chunks_exact_mut(k)) {
                    to[tile.columns.clone()].copy_from_slice(from);
                }
            },
        );
        match r_bar {
            GradientOfR::Diagonal(d) => {
                for (to, q) in q_bar.chunks_exact_mut(k).zip(q.chunks_exact(k)) {
                    for ((to, q), d) in to.iter_mut().zip(q).zip(d) {
                        *to += *q * T::from_f64(*d);
                    }
                }
            }
            GradientOfR::Full(m) => {
                (0..k * k).for_each(|at| self.numbers[at] = T::from_f64(upper(m, at / k, at % k)));
                self.tall.fill_rows(q, k);
                self.square.fill_rows(&self.numbers, k);
                product(&self.tall, &self.square, |_, columns| columns.end, q_bar, k, add::<T>(k));
            }
        }
    }
}

fn add<T: Real>(k: usize) -> impl Fn(tch_sparse::dense::Tile<'_, T>, &mut [T]) + Sync {
    move |tile, into| {
        for ((_, from), to) in tile.by_rows().zip(into.chunks_exact_mut(k)) {
            for (to, from) in to[tile.columns.clone()].iter_mut().zip(from) {
                *to += *from;
            }
        }
    }
}
