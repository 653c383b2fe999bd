//! The decoder by libtorch's convolutions on square maps: any number of layers, any device.

use connectome_graph::hex::Lattice;
use tch::{Device, Kind, Tensor};

use super::layout::{displacements, is_inside};
use super::parameters::{BATCH_NORM_EPS, Convolution, MOMENTUM, Normalisation};
use super::{HexDecoder, OutsideWeights, Phase};
use crate::Error;

/// Index tensors of the maps.
#[derive(Debug)]
pub(super) struct Maps {
    side: i64,
    padding: i64,
    /// Number in the map of each column.
    columns: Tensor,
    /// 1 in the hexagon of the kernel, `[kernel, kernel]`.
    mask: Tensor,
}

impl Maps {
    pub(super) fn new(lattice: &Lattice, radius: u32, device: Device) -> Result<Self, Error> {
        let n = lattice.extent().0 as i32;
        let side = i64::from(2 * n + 1);
        let columns: Vec<i64> = lattice.columns().map(|c| i64::from(c.u + n) * side + i64::from(c.v + n)).collect();
        let radius = radius as i32;
        let mask: Vec<f64> = displacements(radius).map(|d| f64::from(u8::from(is_inside(d, radius)))).collect();
        let kernel = i64::from(2 * radius + 1);
        Ok(Self {
            side,
            padding: i64::from(radius),
            columns: Tensor::f_from_slice(&columns)?.f_to_device(device)?,
            mask: Tensor::f_from_slice(&mask)?.f_view([kernel, kernel])?.f_to_device(device)?,
        })
    }

    /// 1 for weights that are used.
    pub(super) fn mask(&self, kind: Kind) -> Result<Tensor, Error> {
        Ok(self.mask.f_to_kind(kind)?)
    }
}

impl HexDecoder {
    /// Channels of the last convolution, `[frames, channels, columns]`, from columns `[frames, inputs, columns]`.
    pub(super) fn on_maps(&self, x: &Tensor, phase: Phase) -> Result<Tensor, Error> {
        let (maps, size) = (&self.maps, x.size());
        let side = maps.side;
        let rectified = x.f_relu()?;
        let empty = Tensor::f_zeros([size[0], size[1], side * side], (x.kind(), x.device()))?;
        let mut map = empty.f_index_copy(2, &maps.columns, &rectified)?.f_view([size[0], size[1], side, side])?;
        for (layer, hidden) in self.hidden.iter().enumerate() {
            let z = self.convolved(&hidden.convolution, &map)?;
            let y = normalised(&hidden.normalisation, &z, phase)?.f_softplus()?;
            map = match self.dropout(layer, self.options.hidden[layer], size[0], phase) {
                None => y,
                Some(dropout) => {
                    let kept = Tensor::f_from_slice(&dropout.kept)?.f_to_device(y.device())?.f_to_kind(y.kind())?;
                    y.f_mul(&kept.f_view(&y.size()[..])?.f_mul_scalar(dropout.scale)?)?
                }
            };
        }
        if let Some(first) = &self.first {
            map = normalised(first, &map, phase)?;
        }
        Ok(self.convolved(&self.last, &map)?.f_flatten(2, 3)?.f_index_select(2, &maps.columns)?)
    }

    fn convolved(&self, convolution: &Convolution, map: &Tensor) -> Result<Tensor, Error> {
        let weight = match self.options.outside {
            OutsideWeights::Moved => convolution.weight.shallow_clone(),
            OutsideWeights::Still => convolution.weight.f_mul(&self.maps.mask(map.kind())?)?,
        };
        let padding = [self.maps.padding; 2];
        Ok(map.f_conv2d(&weight, Some(&convolution.bias), [1, 1], padding, [1, 1], 1)?)
    }
}

fn normalised(normalisation: &Normalisation, map: &Tensor, phase: Phase) -> Result<Tensor, Error> {
    let training = phase != Phase::Evaluation;
    let Normalisation { weight, bias, running_mean, running_var, .. } = normalisation;
    if training {
        normalisation.count()?;
    }
    let [weight, bias, mean, variance] = [weight, bias, running_mean, running_var].map(Some);
    Ok(map.f_batch_norm(weight, bias, mean, variance, training, MOMENTUM, BATCH_NORM_EPS, false)?)
}
