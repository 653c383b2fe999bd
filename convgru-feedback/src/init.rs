//! Starting values, from an explicit seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tch::nn::Path;
use tch::{Tensor, no_grad};

use crate::Error;

/// Draws the parameters of a model one after the other.
///
/// The distributions are those of torch's layers: weights and biases uniform within `1 / sqrt(fan_in)` of zero. tch's own defaults
/// are others (He's for convolutions, biases of zero).
#[derive(Debug)]
pub(crate) struct Draw {
    rng: ChaCha8Rng,
    /// How many numbers may still be drawn.
    left: usize,
}

/// Parameters of a model at most: two gigabytes in double precision. A slip in a table asks for more.
const MOST: usize = 1 << 28;

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), left: MOST }
    }

    /// A trained parameter uniform within `bound` of zero, in the path's kind and on its device.
    pub(crate) fn uniform(&mut self, path: &Path<'_>, name: &str, shape: &[i64], fan_in: i64) -> Result<Tensor, Error> {
        let bound = 1.0 / (fan_in as f64).sqrt();
        let n = shape.iter().try_fold(1usize, |n, &side| n.checked_mul(usize::try_from(side).ok()?));
        let Some((n, left)) = n.and_then(|n| Some((n, self.left.checked_sub(n)?))) else {
            let what = format!(
                "{name} of {shape:?} is more than a model's {MOST} numbers; check the sizes of areas and layers"
            );
            return Err(Error::Option { option: "parameters", what });
        };
        self.left = left;
        let mut unit = || (self.rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64);
        let start: Vec<f64> = (0..n).map(|_| bound * (2.0 * unit() - 1.0)).collect();
        filled(path, name, &Tensor::from_slice(&start).f_reshape(shape)?)
    }
}

/// A trained parameter with a starting value, in the path's kind and on its device.
pub(crate) fn filled(path: &Path<'_>, name: &str, start: &Tensor) -> Result<Tensor, Error> {
    let mut parameter = path.f_zeros(name, &start.size())?;
    no_grad(|| parameter.f_copy_(start))?;
    Ok(parameter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::nn::VarStore;
    use tch::{Device, Kind};

    #[test]
    fn draws_are_uniform_within_the_bound() {
        let vs = VarStore::new(Device::Cpu);
        let w = Draw::new(3).uniform(&vs.root(), "w", &[40, 25, 3, 3], 25 * 9).unwrap();
        let bound = 1.0 / 15.0;
        assert!(w.abs().max().double_value(&[]) <= bound && w.abs().max().double_value(&[]) > 0.99 * bound);
        let variance = (&w * &w).mean(Kind::Double).double_value(&[]);
        assert!((variance / (bound * bound / 3.0) - 1.0).abs() < 0.05, "{variance}");
        assert!(w.mean(Kind::Double).double_value(&[]).abs() < 0.02 * bound);
        let again = Draw::new(3).uniform(&vs.root(), "again", &[40, 25, 3, 3], 25 * 9).unwrap();
        let other = Draw::new(4).uniform(&vs.root(), "other", &[40, 25, 3, 3], 25 * 9).unwrap();
        assert!(w.equal(&again) && !w.equal(&other));
    }
}
