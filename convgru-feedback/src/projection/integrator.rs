//! Several parts, brought together by one convolution.

use tch::Tensor;
use tch::nn::Path;

use crate::Error;
use crate::convolution::{Bias, Convolution, concatenated};
use crate::init::Draw;

/// What one source contributes.
#[derive(Debug)]
pub(crate) enum Part {
    /// One image per sample, `[batch, channels, ..]`.
    Varying(Tensor),
    /// The same for all samples, `[1, channels, ..]`.
    Constant(Tensor),
}

impl Part {
    pub(crate) fn tensor(&self) -> &Tensor {
        match self {
            Self::Varying(t) | Self::Constant(t) => t,
        }
    }
}

/// A convolution of 3 x 3 over the channels of all parts.
#[derive(Debug)]
pub(crate) struct Integrator {
    convolution: Convolution,
    /// Channels per part.
    width: i64,
}

impl Integrator {
    pub(crate) fn new(path: &Path<'_>, draw: &mut Draw, parts: usize, width: i64, outputs: i64) -> Result<Self, Error> {
        let inputs = width.saturating_mul(parts as i64);
        let convolution = Convolution::new(path, draw, [outputs, inputs], [3, 3], Bias::Trained)?;
        Ok(Self { convolution, width })
    }

    pub(super) fn convolution(&self) -> &Convolution {
        &self.convolution
    }

    /// Channels of each part.
    pub(super) fn width(&self) -> i64 {
        self.width
    }

    pub(super) fn outputs(&self) -> i64 {
        self.convolution.weight.size()[0]
    }

    /// `[batch, outputs, ..]` of the parts from `first` on. Those that are the same for all samples are convolved once for all.
    pub(super) fn forward(&self, first: usize, parts: &[Part], with_bias: bool) -> Result<Part, Error> {
        let of = |wanted: fn(&Part) -> bool| -> Result<Option<(Tensor, Tensor)>, Error> {
            let chosen = || parts.iter().enumerate().filter(|(_, part)| wanted(part));
            let tensors: Vec<Tensor> = chosen().map(|(_, part)| part.tensor().shallow_clone()).collect();
            if tensors.is_empty() {
                return Ok(None);
            }
            let range = |i: usize| (first + i) as i64 * self.width..(first + i + 1) as i64 * self.width;
            let ranges: Vec<_> = chosen().map(|(i, _)| range(i)).collect();
            Ok(Some((concatenated(&tensors, 1)?, self.convolution.columns(&ranges)?)))
        };
        let varying = of(|part| matches!(part, Part::Varying(_)))?;
        let constant = of(|part| matches!(part, Part::Constant(_)))?;
        let bias = self.convolution.bias.as_ref().filter(|_| with_bias);
        let apply = |(x, weight): &(Tensor, Tensor), bias| self.convolution.forward_with(x, weight, bias);
        Ok(match (&varying, &constant) {
            (Some(varying), None) => Part::Varying(apply(varying, bias)?),
            (Some(varying), Some(constant)) => Part::Varying(apply(varying, None)?.f_add(&apply(constant, bias)?)?),
            (None, Some(constant)) => Part::Constant(apply(constant, bias)?),
            (None, None) => unreachable!("an integrator has parts"),
        })
    }
}
