//! Convolutions with weights under torch's names.

use tch::Tensor;
use tch::nn::Path;

use crate::Error;
use crate::init::Draw;
use crate::layout::channels_first;

/// Whether a layer adds a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bias {
    /// It does not. The default of a network's cells.
    #[default]
    None,
    /// One number per output channel, trained.
    Trained,
}

/// A convolution's parameters: `weight` `[outputs, inputs, height, width]` and `bias` `[outputs]`.
#[derive(Debug)]
pub(crate) struct Convolution {
    pub(crate) weight: Tensor,
    pub(crate) bias: Option<Tensor>,
    stride: [i64; 2],
    padding: [i64; 2],
}

impl Convolution {
    pub(crate) fn new(
        path: &Path<'_>,
        draw: &mut Draw,
        [outputs, inputs]: [i64; 2],
        kernel: [i64; 2],
        bias: Bias,
    ) -> Result<Self, Error> {
        let fan_in = inputs.saturating_mul(kernel[0]).saturating_mul(kernel[1]);
        let weight = draw.uniform(path, "weight", &[outputs, inputs, kernel[0], kernel[1]], fan_in)?;
        let bias = match bias {
            Bias::None => None,
            Bias::Trained => Some(draw.uniform(path, "bias", &[outputs], fan_in)?),
        };
        Ok(Self { weight, bias, stride: [1, 1], padding: kernel.map(|k| k / 2) })
    }

    pub(crate) fn strided(self, stride: [i64; 2], padding: [i64; 2]) -> Self {
        Self { stride, padding, ..self }
    }

    /// `[batch, inputs, h, w]` to `[batch, outputs, ..]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        self.forward_with(x, &self.weight, self.bias.as_ref())
    }

    /// The same with a part of the weights.
    pub(crate) fn forward_with(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor, Error> {
        let conv = |x: &Tensor| x.f_conv2d(weight, bias, self.stride, self.padding, [1, 1], 1);
        Ok(if self.is_misread(&x.size(), &weight.size()) { conv(&channels_first(x)?) } else { conv(x) }?)
    }

    /// Whether libtorch 2.11 reads beyond the end of `x` if its channels are innermost: one channel, to one column, with a stride along rows
    /// alone.
    fn is_misread(&self, x: &[i64], weight: &[i64]) -> bool {
        let one_column = x[3] + 2 * self.padding[1] - weight[3] < self.stride[1];
        x[1] == 1 && self.stride[0] == 1 && self.stride[1] > 1 && one_column
    }

    /// The weights of some inputs, given as ranges in ascending order.
    pub(crate) fn columns(&self, ranges: &[std::ops::Range<i64>]) -> Result<Tensor, Error> {
        columns(&self.weight, ranges)
    }
}

/// The weights `[outputs, inputs, ..]` of some inputs, given as ranges in ascending order; of neighbouring ranges, a view.
pub(crate) fn columns(weight: &Tensor, ranges: &[std::ops::Range<i64>]) -> Result<Tensor, Error> {
    let mut merged: Vec<std::ops::Range<i64>> = Vec::new();
    for range in ranges.iter().filter(|range| !range.is_empty()) {
        match merged.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => merged.push(range.clone()),
        }
    }
    match &merged[..] {
        [all] if *all == (0..weight.size()[1]) => Ok(weight.shallow_clone()),
        parts => {
            let parts: Vec<Tensor> =
                parts.iter().map(|r| weight.f_narrow(1, r.start, r.end - r.start)).collect::<Result<_, _>>()?;
            concatenated(&parts, 1)
        }
    }
}

/// Tensors end to end; one alone as it is.
pub(crate) fn concatenated(parts: &[Tensor], dim: i64) -> Result<Tensor, Error> {
    match parts {
        [one] => Ok(one.shallow_clone()),
        _ => Ok(Tensor::f_cat(parts, dim)?),
    }
}
