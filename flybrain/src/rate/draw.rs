//! Random numbers: one stream per sample and purpose, so that no draw depends on how many others were made.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// What random numbers are for. Tangents of Lyapunov spectra have the last stream of all, which is no sample's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Connections.
    Weights = 0,
    /// The starting state.
    State = 1,
    /// Which parameters are trained.
    Mask = 2,
    /// Gains.
    Gains = 3,
    /// Shifts.
    Shifts = 4,
}

/// The generator of a sample and a purpose.
pub(super) fn generator(seed: u64, sample: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(sample.wrapping_mul(16).wrapping_add(purpose as u64));
    rng
}

/// `n` normal numbers of mean 0 and deviation 1.
pub fn normals(n: usize, seed: u64, sample: u64, purpose: Purpose) -> Vec<f64> {
    let mut rng = generator(seed, sample, purpose);
    (0..n).map(|_| StandardNormal.sample(&mut rng)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_apart_and_repeat() {
        let of = |sample, purpose| normals(4, 3, sample, purpose);
        assert_eq!(of(1, Purpose::State), of(1, Purpose::State));
        assert_ne!(of(1, Purpose::State), of(0, Purpose::State));
        assert_ne!(of(1, Purpose::State), of(1, Purpose::Weights));
        assert_eq!(normals(9, 3, 1, Purpose::State)[..4], of(1, Purpose::State));
    }
}
