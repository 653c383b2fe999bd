//! What of a network is no tensor: wiring, signs, nonlinearities.

use super::activation::Nonlinearity;
use super::neuron_types::NeuronTypes;
use crate::Error;
use tch::{Device, Kind, Tensor};
use tch_sparse::{SparseMatrix, SparsityPattern};

/// The constant part of a network.
#[derive(Debug)]
pub(super) struct Structure {
    pub(super) pattern: SparsityPattern,
    /// Sign of each neuron as a presynaptic one, where any is not +1.
    pub(super) signs: Option<Vec<f64>>,
    /// One for all, or one per type.
    pub(super) nonlinearity: Vec<Nonlinearity>,
    pub(super) types: Option<NeuronTypes>,
    pub(super) input: Wires,
}

/// How inputs come to the neurons.
#[derive(Debug, Clone)]
pub(super) enum Wires {
    Identity,
    Sparse(SparsityPattern),
    Dense,
}

impl Structure {
    /// Signs of the neurons, `[neurons, 1]`, where any is not +1.
    pub(super) fn sign_column(&self, kind: Kind, device: Device) -> Result<Option<Tensor>, Error> {
        let Some(signs) = &self.signs else {
            return Ok(None);
        };
        Ok(Some(Tensor::f_from_slice(signs)?.f_unsqueeze(1)?.f_to_kind(kind)?.f_to_device(device)?))
    }

    /// The nonlinearity of `[neurons, batch]`; differentiable.
    pub(super) fn activate(&self, z: &Tensor) -> Result<Tensor, Error> {
        let (Some(types), true) = (&self.types, self.nonlinearity.len() > 1) else {
            return Ok(self.nonlinearity[0].apply_tensor(z)?);
        };
        let index = |list: &[u32]| -> Result<Tensor, Error> {
            let list: Vec<i64> = list.iter().map(|&i| i64::from(i)).collect();
            Ok(Tensor::f_from_slice(&list)?.f_to_device(z.device())?)
        };
        let (mut order, mut parts) = (Vec::new(), Vec::new());
        for (kind, phi) in self.nonlinearity.iter().enumerate() {
            let neurons = types.neurons_of(kind as u32);
            parts.push(phi.apply_tensor(&z.f_index_select(0, &index(&neurons)?)?)?);
            order.extend(neurons);
        }
        let mut place = vec![0u32; order.len()];
        for (at, &neuron) in order.iter().enumerate() {
            place[neuron as usize] = at as u32;
        }
        Ok(Tensor::f_cat(&parts, 0)?.f_index_select(0, &index(&place)?)?)
    }

    /// What features `[input_size, batch]` add to the neurons, `[neurons, batch]`; differentiable.
    pub(super) fn drive(&self, weight: Option<&Tensor>, x: &Tensor) -> Result<Tensor, Error> {
        Ok(match (&self.input, weight) {
            (Wires::Sparse(pattern), Some(values)) => SparseMatrix::new(pattern, values)?.product(x)?,
            (Wires::Dense, Some(weight)) => weight.f_mm(x)?,
            _ => x.shallow_clone(),
        })
    }
}
