//! Leading eigenvalues of a large matrix from its products with vectors: the method of Krylov and Schur.
//!
//! An orthonormal basis `V` of `m` vectors is built by Arnoldi's method, `A V = V H + w b^T`. Where the leading Schur
//! vectors of `H` have not converged, the basis is shrunk to them and built up again. The shrunk basis stays real: it
//! spans both vectors of each conjugate pair.
//!
//! Source: Stewart, *SIAM J. Matrix Anal. Appl.* 23 (2002) 601, doi 10.1137/S0895479800371529.

use num_complex::Complex64;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::dense::{Schur, Vectors};
use super::order::{Eigenvalue, Select, conjugates, sort};
use super::vectors::{add, dots, norm};
use crate::Error;

/// Options of the method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Krylov {
    /// Largest number of basis vectors; at least `2 k + 10` are used. More of them need fewer restarts and more memory:
    /// `8 n` bytes each. Default 40.
    pub subspace: usize,
    /// Residual of an eigenvalue at which it has converged, relative to its modulus; never below the rounding of the
    /// matrix. Default 1e-12.
    pub tolerance: f64,
    /// Restarts after which to give up. Default 500.
    pub max_restarts: usize,
    /// Seed of the starting vector (`ChaCha8`). Default 0.
    pub seed: u64,
}

impl Default for Krylov {
    fn default() -> Self {
        Self { subspace: 40, tolerance: 1e-12, max_restarts: 500, seed: 0 }
    }
}

impl Krylov {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.tolerance >= 0.0 {
            return Ok(());
        }
        let wanted = "it must be at least 0";
        Err(Error::Parameter { what: "tolerance of eigenvalues", value: self.tolerance, wanted })
    }
}

/// Why eigenvalues did not converge.
#[derive(Debug)]
pub(super) struct Unconverged {
    converged: usize,
    wanted: usize,
    restarts: usize,
    residual: f64,
    reached: Vec<Complex64>,
}

impl Unconverged {
    /// The error for the matrix times `scale`.
    pub(super) fn scaled(self, scale: f64) -> Error {
        Error::Eigenvalues {
            converged: self.converged,
            wanted: self.wanted,
            restarts: self.restarts,
            residual: self.residual * scale,
            reached: self.reached.iter().map(|z| (z.re * scale, z.im * scale)).collect(),
        }
    }
}

/// The first eigenvalues by `select`, at least `k` values (one more where a pair would be torn, all if there are fewer),
/// of the matrix `[n, n]` that `apply` multiplies with: `apply(x, y)` writes `y = A x`.
pub(super) fn leading(
    n: usize,
    apply: &dyn Fn(&[f64], &mut [f64]),
    k: usize,
    select: Select,
    krylov: &Krylov,
) -> Result<Vec<Eigenvalue>, Unconverged> {
    let size = krylov.subspace.max(k.saturating_mul(2).saturating_add(10)).min(n);
    let mut arnoldi = Arnoldi::new(n, size, krylov.seed);
    for restarts in 0.. {
        arnoldi.extend(apply);
        let mut schur = Schur::new(size, &arnoldi.h, Vectors::Schur);
        let mut found = conjugates(&schur.diagonal(), schur.norm());
        sort(&mut found, select, |&(value, _)| value);
        // an order of eigenvalues, and where it may be cut
        let (mut order, mut cuts) = (Vec::with_capacity(size), vec![0]);
        for &(value, [first, second]) in &found {
            order.push(first);
            if let Eigenvalue::Pair(_) = value {
                order.push(second);
            }
            cuts.push(order.len());
        }
        schur.reorder(&order);

        let rounding = 10.0 * f64::EPSILON * schur.norm();
        let last = |at: usize| arnoldi.residual_norm * schur.vector(size - 1, at).norm();
        let wanted = cuts.partition_point(|&cut| cut < k.min(n));
        let (mut converged, mut residual) = (0, 0f64);
        for (unit, (value, _)) in found[..wanted].iter().enumerate() {
            let error = (cuts[unit]..cuts[unit + 1]).map(last).fold(0.0, f64::max);
            let modulus = value.key(Select::Modulus);
            converged += usize::from(error <= rounding.max(krylov.tolerance * modulus)) * value.values().len();
            residual = residual.max(error);
        }
        if converged == cuts[wanted] {
            return Ok(found[..wanted].iter().map(|&(value, _)| value).collect());
        }
        if restarts == krylov.max_restarts {
            let reached = found[..wanted].iter().flat_map(|(value, _)| value.values()).collect();
            return Err(Unconverged { converged, wanted: cuts[wanted], restarts, residual, reached });
        }
        // half of the vectors beyond the wanted ones stay, more of them the more have converged
        let keep = (cuts[wanted] + converged / 2 + size) / 2;
        arnoldi.shrink(&schur, cuts.iter().copied().filter(|&cut| cut >= keep && cut < size));
    }
    unreachable!("the loop ends at the last restart")
}

/// A basis `V`, its matrix `H = V^T A V`, and what `A V` has outside of `V`: a direction, which only the last vector
/// has after [`Arnoldi::extend`].
struct Arnoldi {
    n: usize,
    size: usize,
    basis: Vec<Vec<f64>>,
    /// Row-major `[size, size]`.
    h: Vec<f64>,
    residual_norm: f64,
    residual: Vec<f64>,
    rng: ChaCha8Rng,
}

impl Arnoldi {
    fn new(n: usize, size: usize, seed: u64) -> Self {
        let mut arnoldi = Self {
            n,
            size,
            basis: Vec::with_capacity(size),
            h: vec![0.0; size * size],
            residual_norm: 0.0,
            residual: Vec::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
        };
        arnoldi.residual = arnoldi.random_direction();
        arnoldi
    }

    /// A random unit vector orthogonal to the basis.
    fn random_direction(&mut self) -> Vec<f64> {
        loop {
            let mut w: Vec<f64> = (0..self.n).map(|_| self.rng.random_range(-1.0..1.0)).collect();
            let before = norm(&w);
            orthogonalise(&self.basis, &mut w);
            let length = norm(&w);
            if length > 1e-8 * before {
                w.iter_mut().for_each(|x| *x /= length);
                orthogonalise(&self.basis, &mut w);
                return w;
            }
        }
    }

    /// Fills the basis.
    fn extend(&mut self, apply: &dyn Fn(&[f64], &mut [f64])) {
        for j in self.basis.len()..self.size {
            self.basis.push(std::mem::take(&mut self.residual));
            let mut w = vec![0.0; self.n];
            apply(&self.basis[j], &mut w);
            let before = norm(&w);
            for (i, value) in orthogonalise(&self.basis, &mut w).into_iter().enumerate() {
                self.h[i * self.size + j] = value;
            }
            let length = norm(&w);
            if length <= 10.0 * f64::EPSILON * before || j + 1 == self.n {
                // an invariant subspace: go on with what it lacks
                self.residual_norm = 0.0;
                if j + 1 < self.n {
                    self.residual = self.random_direction();
                }
            } else {
                self.residual_norm = length;
                w.iter_mut().for_each(|x| *x /= length);
                self.residual = w;
            }
            if j + 1 < self.size {
                self.h[(j + 1) * self.size + j] = self.residual_norm;
            }
        }
    }

    /// Shrinks the basis to the first vectors of a Schur form of `H`: as many as the first of `cuts` says where they span
    /// a real space up to rounding, or as the best of them.
    fn shrink(&mut self, schur: &Schur, cuts: impl Iterator<Item = usize>) {
        let size = self.size;
        let mut best: Option<(f64, RealSpace)> = None;
        for count in cuts {
            let space = RealSpace::new(schur, size, count);
            let defect = space.defect(&self.h);
            let enough = defect <= 1e-14 * size as f64 * schur.norm();
            if best.as_ref().is_none_or(|(least, _)| defect < *least) {
                best = Some((defect, space));
            }
            if enough {
                break;
            }
        }
        let Some((_, space)) = best else {
            // no cut lies between: start anew from the residual
            self.basis.clear();
            self.h.fill(0.0);
            return;
        };
        let columns = &space.columns;
        self.basis = columns
            .iter()
            .map(|factors| {
                let mut w = vec![0.0; self.n];
                add(&self.basis, factors, &mut w);
                w
            })
            .collect();
        let image = space.image(&self.h);
        self.h.fill(0.0);
        for (j, image) in image.iter().enumerate() {
            for (i, column) in columns.iter().enumerate() {
                self.h[i * size + j] = column.iter().zip(image).map(|(x, y)| x * y).sum();
            }
            self.h[columns.len() * size + j] = self.residual_norm * columns[j][size - 1];
        }
    }
}

/// Subtracts from `w` its part in the basis; the coefficients of that part. Twice, which is enough (Giraud et al.,
/// *Numer. Math.* 101 (2005) 87, doi 10.1007/s00211-005-0615-4).
fn orthogonalise(basis: &[Vec<f64>], w: &mut [f64]) -> Vec<f64> {
    let mut coefficients = vec![0.0; basis.len()];
    for _ in 0..2 {
        let parts = dots(basis, w);
        let minus: Vec<f64> = parts.iter().map(|x| -x).collect();
        add(basis, &minus, w);
        for (sum, part) in coefficients.iter_mut().zip(&parts) {
            *sum += part;
        }
    }
    coefficients
}

/// Orthonormal real vectors `[size]` that span the first vectors of a Schur form.
struct RealSpace {
    columns: Vec<Vec<f64>>,
}

impl RealSpace {
    /// The projector `Q Q^H` onto vectors of conjugate pairs is real; its columns, the largest remaining one first, give
    /// the basis.
    fn new(schur: &Schur, size: usize, count: usize) -> Self {
        let mut rest: Vec<Vec<f64>> = (0..size)
            .map(|j| {
                let entry = |i| (0..count).map(|k| (schur.vector(i, k) * schur.vector(j, k).conj()).re).sum();
                (0..size).map(entry).collect()
            })
            .collect();
        let square = |v: &Vec<f64>| v.iter().map(|x| x * x).sum::<f64>();
        let mut columns: Vec<Vec<f64>> = Vec::with_capacity(count);
        for _ in 0..count {
            let largest = (0..rest.len()).max_by(|&a, &b| square(&rest[a]).total_cmp(&square(&rest[b])));
            let mut column = rest.swap_remove(largest.expect("there are more columns than vectors"));
            orthogonalise(&columns, &mut column);
            let length = square(&column).sqrt();
            column.iter_mut().for_each(|x| *x /= length);
            for other in &mut rest {
                let dot: f64 = column.iter().zip(other.iter()).map(|(x, y)| x * y).sum();
                other.iter_mut().zip(&column).for_each(|(y, x)| *y -= dot * x);
            }
            columns.push(column);
        }
        Self { columns }
    }

    /// `H z` for each vector `z`.
    fn image(&self, h: &[f64]) -> Vec<Vec<f64>> {
        let product = |z: &Vec<f64>| -> Vec<f64> {
            h.chunks_exact(z.len()).map(|row| row.iter().zip(z).map(|(x, y)| x * y).sum()).collect()
        };
        self.columns.iter().map(product).collect()
    }

    /// Norm of what `H` leads out of the space.
    fn defect(&self, h: &[f64]) -> f64 {
        let mut square = 0.0;
        for mut image in self.image(h) {
            orthogonalise(&self.columns, &mut image);
            square += image.iter().map(|x| x * x).sum::<f64>();
        }
        square.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flatten(values: &[Eigenvalue]) -> Vec<Complex64> {
        values.iter().flat_map(|value| value.values()).collect()
    }

    proptest! {
        /// Small bases with many restarts find what the dense way finds, up to the condition of random matrices.
        #[test]
        fn restarts_lead_to_the_dense_eigenvalues(
            n in 13..48usize,
            k in 1..5usize,
            select in prop_oneof![Just(Select::Modulus), Just(Select::RealPart)],
            seed in any::<u64>(),
        ) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let matrix: Vec<f64> = (0..n * n).map(|_| rng.random_range(-1.0..1.0)).collect();
            let apply = |x: &[f64], y: &mut [f64]| {
                for (row, y) in matrix.chunks_exact(n).zip(y) {
                    *y = row.iter().zip(x).map(|(a, x)| a * x).sum();
                }
            };
            let krylov = Krylov { subspace: 0, max_restarts: 5000, seed, ..Krylov::default() };
            let got = flatten(&leading(n, &apply, k, select, &krylov).map_err(|error| {
                TestCaseError::fail(error.scaled(1.0).to_string())
            })?);
            let schur = Schur::new(n, &matrix, Vectors::None);
            let mut all: Vec<Eigenvalue> =
                conjugates(&schur.diagonal(), schur.norm()).into_iter().map(|(value, _)| value).collect();
            sort(&mut all, select, |&value| value);
            prop_assert!(got.len() == k || got.len() == k + 1);
            for (z, w) in got.iter().zip(flatten(&all)) {
                prop_assert!((z - w).norm() < 1e-9 * schur.norm(), "{} {}", z, w);
            }
        }

        /// `A = Q T Q^H` with `Q` unitary and `T` triangular, before and after its eigenvalues are moved.
        #[test]
        fn schur_forms_hold(n in 1..20usize, zeros in 0..4u32, seed in any::<u64>()) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let matrix: Vec<f64> =
                (0..n * n).map(|_| if rng.random_range(0..4) < zeros { 0.0 } else { rng.random_range(-1.0..1.0) }).collect();
            let mut schur = Schur::new(n, &matrix, Vectors::Schur);
            let before = schur.diagonal();
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&a, &b| before[b].norm().total_cmp(&before[a].norm()));
            for moved in [false, true] {
                if moved {
                    schur.reorder(&order);
                    for (z, &from) in schur.diagonal().iter().zip(&order) {
                        prop_assert_eq!(*z, before[from]);
                    }
                }
                for i in 0..n {
                    for j in 0..n {
                        let dot: Complex64 = (0..n).map(|k| schur.vector(k, i).conj() * schur.vector(k, j)).sum();
                        prop_assert!((dot - f64::from(u8::from(i == j))).norm() < 1e-12);
                        let entry: Complex64 = (0..n)
                            .flat_map(|k| (k..n).map(move |l| (k, l)))
                            .map(|(k, l)| schur.vector(i, k) * schur.entry(k, l) * schur.vector(j, l).conj())
                            .sum();
                        prop_assert!((entry - matrix[i * n + j]).norm() < 1e-12, "{} {}", entry, matrix[i * n + j]);
                    }
                }
            }
        }
    }
}
