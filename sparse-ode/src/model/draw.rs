//! Random numbers, from explicit seeds.

use super::options::Init;
use crate::Error;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Uniform in 0 to 1, 53 bits.
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// What is drawn when a model is built. Each has a stream of its own, so that none repeats another's numbers, whatever the seeds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Tau,
    Input,
    Output,
    Hidden,
    Classes,
}

/// `n` numbers uniform in `-bound` to `bound`.
pub(super) fn within(bound: f64, n: usize, seed: u64, stream: Stream) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream as u64);
    (0..n).map(|_| bound * (2.0 * uniform(&mut rng) - 1.0)).collect()
}

/// `n` starting numbers.
pub(super) fn numbers(option: &'static str, init: Init, n: usize) -> Result<Vec<f64>, Error> {
    Ok(match init {
        Init::Zeros => vec![0.0; n],
        Init::Ones => vec![1.0; n],
        Init::Rand(seed) => {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            (0..n).map(|_| uniform(&mut rng)).collect()
        }
        Init::Randn(seed) => {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            // Box and Muller, Ann. Math. Statist. 29 (1958), 610-611.
            let mut pair = || {
                let (radius, angle) = ((-2.0 * (1.0 - uniform(&mut rng)).ln()).sqrt(), uniform(&mut rng));
                let (sin, cos) = (std::f64::consts::TAU * angle).sin_cos();
                [radius * cos, radius * sin]
            };
            (0..n.div_ceil(2)).flat_map(|_| pair()).take(n).collect()
        }
        Init::Custom(f) => {
            let list = f(n);
            if list.len() != n {
                let what = format!("the function gave {} numbers where {n} were asked for", list.len());
                return Err(Error::Option { option, what });
            }
            list
        }
    })
}
