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
    pub(super) nonlinearities: Nonlinearities,
    pub(super) input: Wires,
}

/// Which nonlinearity each neuron has.
#[derive(Debug)]
pub(super) struct Nonlinearities {
    /// Each once.
    distinct: Vec<Nonlinearity>,
    /// By neuron, its place among the distinct ones; empty where there is one for all.
    of: Vec<u32>,
}

impl Nonlinearities {
    /// From one for all, or one per type.
    pub(super) fn new(list: Vec<Nonlinearity>, types: Option<&NeuronTypes>) -> Self {
        let (Some(types), true) = (types, list.len() > 1) else {
            return Self { distinct: list, of: Vec::new() };
        };
        let mut distinct: Vec<Nonlinearity> = Vec::new();
        let mut place = Vec::with_capacity(list.len());
        for phi in list {
            let known = distinct.iter().position(|other| *other == phi);
            place.push(known.unwrap_or(distinct.len()) as u32);
            if known.is_none() {
                distinct.push(phi);
            }
        }
        let of = if distinct.len() == 1 {
            Vec::new()
        } else {
            types.of_neurons().iter().map(|&t| place[t as usize]).collect()
        };
        Self { distinct, of }
    }

    /// The one of all neurons, if there is one.
    pub(super) fn of_all(&self) -> Option<&Nonlinearity> {
        if self.of.is_empty() { self.distinct.first() } else { None }
    }

    /// By neuron, where they differ.
    pub(super) fn by_neuron(&self) -> impl Iterator<Item = &Nonlinearity> {
        self.of.iter().map(|&place| &self.distinct[place as usize])
    }

    /// Of `[neurons, batch]`; differentiable.
    fn apply(&self, z: &Tensor) -> Result<Tensor, Error> {
        if let Some(phi) = self.of_all() {
            return Ok(phi.apply_tensor(z)?);
        }
        // neurons by nonlinearity, one pass; and back
        let mut next = vec![0i64; self.distinct.len() + 1];
        self.of.iter().for_each(|&place| next[place as usize + 1] += 1);
        let sizes = next[1..].to_vec();
        for i in 1..next.len() {
            next[i] += next[i - 1];
        }
        let (mut order, mut back) = (vec![0i64; self.of.len()], Vec::with_capacity(self.of.len()));
        for (neuron, &place) in self.of.iter().enumerate() {
            let at = &mut next[place as usize];
            order[*at as usize] = neuron as i64;
            back.push(*at);
            *at += 1;
        }
        let index = |list: &[i64]| Tensor::f_from_slice(list)?.f_to_device(z.device());
        let groups = z.f_index_select(0, &index(&order)?)?.f_split_with_sizes(&sizes, 0)?;
        let applied = groups.iter().zip(&self.distinct).map(|(z, phi)| Ok(phi.apply_tensor(z)?));
        let applied: Vec<Tensor> = applied.collect::<Result<_, Error>>()?;
        Ok(Tensor::f_cat(&applied, 0)?.f_index_select(0, &index(&back)?)?)
    }
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
        self.nonlinearities.apply(z)
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
