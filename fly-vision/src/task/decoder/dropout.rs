//! Which activations are dropped.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

/// Activations that are kept, `[frames, channels, map]`, and what they are multiplied by.
///
/// Frame `f` draws from stream `f` of the generator, so that neither the number of frames nor of threads matters.
#[derive(Debug, Clone)]
pub(super) struct Dropout {
    pub(super) kept: Vec<bool>,
    pub(super) scale: f64,
}

impl Dropout {
    /// Each of `size` activations of a frame is dropped with this probability below 1 (to within 2^-16).
    pub(super) fn draw(probability: f64, frames: usize, size: usize, seed: u64) -> Self {
        let threshold = (probability * 65536.0).round() as u32;
        let mut kept = vec![true; frames * size];
        kept.par_chunks_mut(size.max(1)).enumerate().for_each_init(
            || vec![0u8; 2 * size],
            |bytes, (frame, kept)| {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                random.set_stream(frame as u64);
                random.fill_bytes(bytes);
                for (kept, pair) in kept.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *kept = u32::from(u16::from_le_bytes(*pair)) >= threshold;
                }
            },
        );
        Self { kept, scale: 1.0 / (1.0 - probability) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_is_dropped_is_the_probability() {
        for probability in [0.0, 0.1, 0.5, 0.9] {
            let drawn = Dropout::draw(probability, 20, 5000, 3);
            let part = drawn.kept.iter().filter(|k| !**k).count() as f64 / 1e5;
            assert!((part - probability).abs() < 0.01, "{part} of {probability}");
            assert_eq!(drawn.kept[..5000], Dropout::draw(probability, 1, 5000, 3).kept);
        }
        assert_ne!(Dropout::draw(0.5, 1, 100, 1).kept, Dropout::draw(0.5, 1, 100, 2).kept);
    }
}
