//! Random networks.

use lyapunov::Wiring;

use super::{Purpose, RateSystem, normals};
use crate::Error;

/// Whether connections are symmetric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Symmetry {
    /// All are drawn apart. The default.
    #[default]
    None,
    /// `(J + Jᵀ) / 2`: two neurons act on each other alike, and the deviation is smaller by `sqrt(2)`.
    Symmetric,
}

/// Neurons of a network that is drawn, at most: its matrix has 3 GB.
const MOST: usize = 20_000;

impl RateSystem {
    /// `n` neurons with normal connections of mean 0 and deviation `coupling / sqrt(n)`, none to themselves, and a normal starting
    /// state of deviation 1 (Sompolinsky, Crisanti and Sommers, *Phys. Rev. Lett.* 61, 1988: with tanh, chaos begins at coupling 1).
    ///
    /// # Errors
    /// [`Error::Setting`] for a number of neurons outside of 1 to 20,000 and a coupling that is not finite.
    pub fn random(n: usize, coupling: f64, symmetry: Symmetry, seed: u64) -> Result<Self, Error> {
        Self::random_sample(n, coupling, symmetry, seed, 0)
    }

    /// One of many networks of a seed.
    ///
    /// # Errors
    /// As [`random`](Self::random).
    pub fn random_sample(n: usize, coupling: f64, symmetry: Symmetry, seed: u64, sample: u64) -> Result<Self, Error> {
        if !(1..=MOST).contains(&n) {
            return Err(Error::Setting { key: "n", problem: format!("{n} neurons; give 1 to {MOST}") });
        }
        if !coupling.is_finite() {
            return Err(Error::Setting { key: "g", problem: format!("{coupling}; a finite coupling is needed") });
        }
        let scale = coupling / (n as f64).sqrt();
        let mut drawn = normals(n * n, seed, sample, Purpose::Weights);
        drawn.iter_mut().for_each(|x| *x *= scale);
        Self::from_normals(n, &drawn, symmetry)?.with_state(normals(n, seed, sample, Purpose::State))
    }

    /// A network whose connections are given numbers `[post, pre]`, but for those of neurons to themselves, which are 0; or their
    /// symmetric part. It starts at 0.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] unless there are `n n` numbers, all finite.
    pub fn from_normals(n: usize, numbers: &[f64], symmetry: Symmetry) -> Result<Self, Error> {
        if n.checked_mul(n) != Some(numbers.len()) {
            let (got, want) = (format!("{} numbers", numbers.len()), format!("[{n}, {n}]"));
            return Err(lyapunov::Error::Shape { what: "the connections", got, want }.into());
        }
        let value = |at: usize| match (at / n, at % n, symmetry) {
            (i, j, _) if i == j => 0.0,
            (_, _, Symmetry::None) => numbers[at],
            (i, j, Symmetry::Symmetric) => (numbers[at] + numbers[j * n + i]) / 2.0,
        };
        Self::from_coupling(Wiring::Dense(n), (0..n * n).map(value).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_definition() {
        let n = 300;
        for (symmetry, deviation) in [(Symmetry::None, 2.0), (Symmetry::Symmetric, 2.0f64.sqrt())] {
            let network = RateSystem::random(n, 2.0, symmetry, 5).unwrap();
            let j = network.coupling();
            assert!((0..n).all(|i| j[i * n + i] == 0.0));
            let count = (n * n - n) as f64;
            let mean = j.iter().sum::<f64>() / count;
            let got = (j.iter().map(|x| x * x).sum::<f64>() / count - mean * mean).sqrt() * (n as f64).sqrt();
            assert!((got / deviation - 1.0).abs() < 0.02 && mean.abs() < 0.002, "{got} {mean}");
            let pairs = (0..n * n).filter(|at| j[*at] == j[at % n * n + at / n]).count();
            assert_eq!(pairs, if symmetry == Symmetry::None { n } else { n * n });
            assert!(network.weights().iter().all(|w| *w >= 0.0));
        }
        assert_ne!(
            RateSystem::random_sample(9, 1.0, Symmetry::None, 5, 1).unwrap().weights(),
            RateSystem::random(9, 1.0, Symmetry::None, 5).unwrap().weights()
        );
        assert!(RateSystem::random(0, 1.0, Symmetry::None, 0).is_err());
        assert!(RateSystem::random(3, f64::NAN, Symmetry::None, 0).is_err());
        assert!(RateSystem::from_normals(2, &[1.0; 3], Symmetry::None).is_err());
    }
}
