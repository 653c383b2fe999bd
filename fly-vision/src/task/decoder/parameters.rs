//! Parameters under the reference's names, and how they start.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tch::nn::Path;
use tch::{Kind, Tensor, no_grad};

use super::Initial;
use crate::Error;

/// Added to the variance, torch's default.
pub(super) const BATCH_NORM_EPS: f64 = 1e-5;
/// Part of a batch's statistics that enters the running ones, torch's default.
pub(super) const MOMENTUM: f64 = 0.1;

/// Starting values one after the other.
#[derive(Debug)]
pub(super) enum Draw {
    Constant(f64),
    Uniform(Box<ChaCha8Rng>),
}

impl Draw {
    pub(super) fn new(initial: Initial) -> Self {
        match initial {
            Initial::Constant(value) => Self::Constant(value),
            Initial::Uniform { seed } => Self::Uniform(Box::new(ChaCha8Rng::seed_from_u64(seed))),
        }
    }

    fn values(&mut self, n: usize, fan_in: usize) -> Vec<f64> {
        match self {
            Self::Constant(value) => vec![*value; n],
            Self::Uniform(random) => {
                let bound = 1.0 / (fan_in as f64).sqrt();
                let uniform = |bits: u64| (bits >> 11) as f64 / (1u64 << 53) as f64;
                (0..n).map(|_| bound * (2.0 * uniform(random.next_u64()) - 1.0)).collect()
            }
        }
    }
}

/// A parameter or buffer of the store's kind and on its device.
fn tensor(path: &Path<'_>, values: &[f64], shape: &[i64]) -> Result<Tensor, Error> {
    Ok(Tensor::f_from_slice(values)?.f_view(shape)?.f_to_device(path.device())?.f_to_kind(path.kind())?)
}

/// `weight` `[outputs, inputs, kernel, kernel]` and `bias` `[outputs]`.
#[derive(Debug)]
pub(super) struct Convolution {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
}

impl Convolution {
    pub(super) fn new(
        path: &Path<'_>,
        draw: &mut Draw,
        [outputs, inputs]: [usize; 2],
        kernel: usize,
    ) -> Result<Self, Error> {
        let fan_in = inputs * kernel * kernel;
        let mut weight = draw.values(outputs * fan_in, fan_in);
        let radius = kernel as i32 / 2;
        for kernel in weight.chunks_exact_mut(kernel * kernel) {
            for (value, displacement) in kernel.iter_mut().zip(super::layout::displacements(radius)) {
                if !super::layout::is_inside(displacement, radius) {
                    *value = 0.0;
                }
            }
        }
        let shape = [outputs, inputs, kernel, kernel].map(|n| n as i64);
        Ok(Self {
            weight: path.add("weight", tensor(path, &weight, &shape)?, true),
            bias: path.add("bias", tensor(path, &draw.values(outputs, fan_in), &[outputs as i64])?, true),
        })
    }
}

/// Batch normalisation of channels.
#[derive(Debug)]
pub(super) struct Normalisation {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
    pub(super) running_mean: Tensor,
    pub(super) running_var: Tensor,
    batches: Tensor,
}

impl Normalisation {
    pub(super) fn new(path: &Path<'_>, channels: usize) -> Result<Self, Error> {
        let of = |value: f64| tensor(path, &vec![value; channels], &[channels as i64]);
        let batches = Tensor::f_zeros([] as [i64; 0], (Kind::Int64, path.device()))?;
        Ok(Self {
            weight: path.add("weight", of(1.0)?, true),
            bias: path.add("bias", of(0.0)?, true),
            running_mean: path.add("running_mean", of(0.0)?, false),
            running_var: path.add("running_var", of(1.0)?, false),
            batches: path.add("num_batches_tracked", batches, false),
        })
    }

    /// Running mean and variance of each channel.
    pub(super) fn running(&self) -> Result<Vec<[f64; 2]>, Error> {
        let of = |t: &Tensor| Vec::<f64>::try_from(t.f_detach()?.f_to_kind(Kind::Double)?);
        Ok(of(&self.running_mean)?.into_iter().zip(of(&self.running_var)?).map(<[f64; 2]>::from).collect())
    }

    /// Lets a batch's mean and biased variance of `count` values per channel enter the running ones.
    pub(super) fn track(&self, mean: &Tensor, variance: &Tensor, count: i64) -> Result<(), Error> {
        let unbiased = count as f64 / (count - 1).max(1) as f64;
        no_grad(|| {
            let moved = |old: &Tensor, new: &Tensor, factor: f64| -> Result<(), Error> {
                let new = new.f_detach()?.f_mul_scalar(MOMENTUM * factor)?;
                let _ = old.shallow_clone().f_mul_scalar_(1.0 - MOMENTUM)?.f_add_(&new)?;
                Ok(())
            };
            moved(&self.running_mean, mean, 1.0)?;
            moved(&self.running_var, variance, unbiased)?;
            self.count()
        })
    }

    /// Counts a batch.
    pub(super) fn count(&self) -> Result<(), Error> {
        let _ = no_grad(|| self.batches.shallow_clone().f_add_scalar_(1))?;
        Ok(())
    }
}
