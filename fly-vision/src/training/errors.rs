//! How well flow is decoded.

use tch::Tensor;

use super::loader::batch;
use super::model::FlyTraining;
use crate::Error;
use crate::network::Grey;
use crate::task::{AugmentationOptions, FlowData, FlowSample, ItemSeed, Loss, Phase};

/// How far decoded flow is from the true one, as the mean over sequences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlowErrors {
    /// [`Loss::L2Norm`].
    pub l2norm: f64,
    /// [`Loss::EndPointError`].
    pub epe: f64,
    /// The end-point error of a decoder that always says 0.
    pub epe_of_zero: f64,
    /// The end-point error of one that always says the mean flow of these sequences.
    pub epe_of_mean: f64,
}

/// Sequences that are validated at once; results do not depend on it.
const VALIDATED_AT_ONCE: usize = 16;

impl FlyTraining {
    /// Errors on sequences of a set, without variations, after `t_pre` seconds of grey, at the iteration that was [entered](Self::enter). Nothing
    /// is recorded or changed.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no sequence; otherwise as [`pass`](Self::pass).
    pub fn errors(&self, data: &dyn FlowData, sequences: &[usize], t_pre: f64) -> Result<FlowErrors, Error> {
        tch::no_grad(|| {
            let plain = self.plain();
            let grey = self.network().steady_state(t_pre, plain.dt, 1, Grey::default())?;
            let seed = ItemSeed { run: 0, epoch: 0, item: 0 };
            let mean = self.mean_flow(data, sequences)?;
            let mut sums = [0.0; 4];
            let mut count = 0usize;
            let mut add = |samples: &[FlowSample]| -> Result<(), Error> {
                let items = batch(samples)?;
                let flow = items.flow.f_to_kind(self.network().kind())?;
                let decoded = self.pass(&items.luminance, &grey, Phase::Evaluation)?.flow;
                let zero = flow.f_zeros_like()?;
                let mean = mean.f_expand(flow.size(), false)?;
                let pairs = [
                    (Loss::L2Norm, &decoded),
                    (Loss::EndPointError, &decoded),
                    (Loss::EndPointError, &zero),
                    (Loss::EndPointError, &mean),
                ];
                for (sum, (loss, guess)) in sums.iter_mut().zip(pairs) {
                    *sum += samples.len() as f64 * loss.between(guess, &flow)?.f_double_value(&[])?;
                }
                count += samples.len();
                Ok(())
            };
            let mut waiting: Vec<FlowSample> = Vec::new();
            for &sequence in sequences {
                let sample = data.sample(sequence)?;
                let sample = plain.draw(sample.frames(), seed)?.apply(&sample, self.lattice(), data.frame_rate())?;
                let fits = waiting.first().is_none_or(|first| first.frames() == sample.frames());
                if !fits || waiting.len() == VALIDATED_AT_ONCE {
                    add(&waiting)?;
                    waiting.clear();
                }
                waiting.push(sample);
            }
            if waiting.is_empty() {
                return Err(Error::setting("validation", "there is no sequence; the split leaves none"));
            }
            add(&waiting)?;
            let [l2norm, epe, epe_of_zero, epe_of_mean] = sums.map(|sum| sum / count as f64);
            Ok(FlowErrors { l2norm, epe, epe_of_zero, epe_of_mean })
        })
    }

    /// No variations, and frames of the length at the iteration that was [entered](Self::enter).
    pub fn plain(&self) -> AugmentationOptions {
        AugmentationOptions { dt: self.dt(), ..self.settings().augmentation.without_draws() }
    }

    /// The mean over sequences of their mean flow, `[1, 1, 2, 1]`.
    fn mean_flow(&self, data: &dyn FlowData, sequences: &[usize]) -> Result<Tensor, Error> {
        let plain = self.plain();
        let seed = ItemSeed { run: 0, epoch: 0, item: 0 };
        let mut mean = [0.0; FlowSample::DIMENSIONS];
        for &sequence in sequences {
            let sample = data.sample(sequence)?;
            let sample = plain.draw(sample.frames(), seed)?.apply(&sample, self.lattice(), data.frame_rate())?;
            let n = sample.columns();
            for (i, component) in sample.flow().chunks_exact(n).enumerate() {
                let sum: f64 = component.iter().map(|x| f64::from(*x)).sum();
                mean[i % FlowSample::DIMENSIONS] += sum / (n * sample.frames() * sequences.len()) as f64;
            }
        }
        Ok(Tensor::f_from_slice(&mean)?
            .f_view([1, 1, FlowSample::DIMENSIONS as i64, 1])?
            .f_to_kind(self.network().kind())?)
    }
}
