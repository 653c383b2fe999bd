//! From the state of one area to the size of another.

use tch::nn::Path;
use tch::{Kind, Tensor};

use super::rule::Axis;
use crate::convolution::{Bias, Convolution};
use crate::init::Draw;
use crate::{Compat, Error};

/// Height and width.
pub(crate) type Size = [i64; 2];

/// A learned map from one area, or a stimulus, to `channels` at the size of another: a convolution, resized where that misses the size.
#[derive(Debug)]
pub(crate) struct Route {
    map: Map,
    to: Size,
    /// The size that the map gives.
    given: Size,
    compat: Compat,
}

#[derive(Debug)]
enum Map {
    Convolution(Convolution),
    /// Each pixel becomes a block of its own: kernel and stride are equal.
    Transposed {
        weight: Tensor,
        bias: Tensor,
        stride: Size,
    },
}

impl Route {
    /// Upwards: a convolution with the kernel of the area that receives.
    pub(crate) fn bottom_up(
        path: &Path<'_>,
        draw: &mut Draw,
        [from_channels, channels]: [i64; 2],
        [from, to]: [Size; 2],
        kernel: Size,
    ) -> Result<Self, Error> {
        let axes = [0, 1].map(|a| Axis::new(from[a], to[a], kernel[a]));
        Self::convolution(path, draw, [from_channels, channels], to, kernel, axes, Compat::None)
    }

    /// Downwards: where the source is the smaller one, each of its pixels becomes a block, else a convolution with the kernel of the area
    /// that receives. `source_kernel` is for the reference's stride alone.
    pub(crate) fn top_down(
        path: &Path<'_>,
        draw: &mut Draw,
        [from_channels, channels]: [i64; 2],
        [from, to]: [Size; 2],
        [source_kernel, kernel]: [Size; 2],
        compat: Compat,
    ) -> Result<Self, Error> {
        if from[0].saturating_mul(from[1]) < to[0].saturating_mul(to[1]) {
            let stride = [0, 1].map(|a| (to[a] / from[a]).max(1));
            // axis 1 of such a weight, as torch counts
            let fan_in = channels.saturating_mul(stride[0]).saturating_mul(stride[1]);
            let weight = draw.uniform(path, "weight", &[from_channels, channels, stride[0], stride[1]], fan_in)?;
            let bias = draw.uniform(path, "bias", &[channels], fan_in)?;
            let given = [0, 1].map(|a| from[a] * stride[a]);
            return Ok(Self { map: Map::Transposed { weight, bias, stride }, to, given, compat });
        }
        let axes = [0, 1].map(|a| match compat {
            Compat::None => Axis::new(from[a], to[a], kernel[a]),
            Compat::Reference => Axis::of_reference(from[a], to[a], kernel[a], source_kernel[a]),
        });
        Self::convolution(path, draw, [from_channels, channels], to, kernel, axes, compat)
    }

    fn convolution(
        path: &Path<'_>,
        draw: &mut Draw,
        [from_channels, channels]: [i64; 2],
        to: Size,
        kernel: Size,
        axes: [Axis; 2],
        compat: Compat,
    ) -> Result<Self, Error> {
        let map = Convolution::new(path, draw, [channels, from_channels], kernel, Bias::Trained)?
            .strided(axes.map(|a| a.stride), axes.map(|a| a.padding));
        Ok(Self { map: Map::Convolution(map), to, given: axes.map(|a| a.side), compat })
    }

    /// `[batch, from_channels, ..]` to `[batch, channels, ..]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        let y = match &self.map {
            Map::Convolution(map) => map.forward(x)?,
            Map::Transposed { weight, bias, stride } => {
                x.f_conv_transpose2d(weight, Some(bias), stride, [0, 0], [0, 0], 1, [1, 1])?
            }
        };
        self.resized(y)
    }

    /// What a source without activity gives: the bias everywhere, `[1, channels, ..]`.
    pub(crate) fn at_rest(&self) -> Result<Tensor, Error> {
        let bias = match &self.map {
            Map::Convolution(map) => map.bias.as_ref(),
            Map::Transposed { bias, .. } => Some(bias),
        };
        let (channels, [h, w]) = (self.channels(), self.to);
        Ok(match bias {
            Some(bias) => bias.f_view([1, channels, 1, 1])?.f_expand([1, channels, h, w], false)?,
            None => Tensor::f_zeros([1, channels, h, w], self.options())?,
        })
    }

    /// The convolution, where its result has the size wanted.
    pub(super) fn exact(&self) -> Option<&Convolution> {
        match &self.map {
            Map::Convolution(map) if self.given == self.to => Some(map),
            _ => None,
        }
    }

    /// Pixels of what it gives, before or after it is resized.
    pub(super) fn most_pixels(&self) -> i64 {
        [self.given, self.to].map(|[h, w]| h.saturating_mul(w)).into_iter().max().unwrap_or(0)
    }

    /// Height and width of what it gives.
    pub(super) fn size(&self) -> Size {
        self.to
    }

    pub(crate) fn channels(&self) -> i64 {
        match &self.map {
            Map::Convolution(map) => map.weight.size()[0],
            Map::Transposed { weight, .. } => weight.size()[1],
        }
    }

    fn options(&self) -> (Kind, tch::Device) {
        match &self.map {
            Map::Convolution(Convolution { weight, .. }) | Map::Transposed { weight, .. } => {
                (weight.kind(), weight.device())
            }
        }
    }

    /// Averages where there are too many pixels, interpolates where there are too few. The reference interpolates in both cases, and so
    /// passes over pixels.
    fn resized(&self, y: Tensor) -> Result<Tensor, Error> {
        let (mut y, mut given) = (y, self.given);
        let fewer = [0, 1].map(|a| given[a].min(self.to[a]));
        if self.compat == Compat::None && fewer != given {
            y = y.f_adaptive_avg_pool2d(fewer)?;
            given = fewer;
        }
        if given != self.to {
            y = y.f_upsample_bilinear2d(self.to, false, None, None)?;
        }
        Ok(y)
    }
}
