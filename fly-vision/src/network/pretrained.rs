//! The 50 published models.

use std::collections::HashMap;

use connectome_graph::hex::{Extent, expand};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use sparse_ode::Activation;
use tch::Tensor;

use super::model::Network;
use super::parameters::{log_n_syn, signs};
use super::wiring::Wiring;
use crate::Error;

/// Number of published models; model 0 has the least task error.
pub const N_PRETRAINED: usize = 50;

const ENSEMBLE: &[u8] = include_bytes!("../../data/ensemble_flow_0000.safetensors");

/// A published model of the fly's eye at full size: 721 columns, 45,669 cells, in single precision on the CPU.
///
/// Source: Lappalainen et al., *Nature* 634, 1132 (2024), ensemble `flow/0000`.
///
/// # Errors
/// [`Error::Setting`] for a number that is not below [`N_PRETRAINED`].
pub fn pretrained(model: usize) -> Result<Network, Error> {
    let fly = expand(&crate::connectome()?, Extent(15))?;
    let mut network = Network::builder(Wiring::from_hex(&fly)?).build_alone()?;
    network.set_pretrained(model)?;
    Ok(network)
}

/// The file that comes with the crate.
struct Ensemble<'a> {
    file: SafeTensors<'a>,
    types: Vec<String>,
}

impl Ensemble<'static> {
    fn open() -> Result<Self, Error> {
        let broken = |e: safetensors::SafeTensorError| Error::setting("published models", e.to_string());
        let (_, header) = SafeTensors::read_metadata(ENSEMBLE).map_err(broken)?;
        let names = header.metadata().as_ref().and_then(|m| m.get("types"));
        let types = names.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Ok(Self { file: SafeTensors::deserialize(ENSEMBLE).map_err(broken)?, types })
    }

    fn view(&self, name: &str) -> Result<TensorView<'static>, Error> {
        self.file.tensor(name).map_err(|e| Error::setting("published models", e.to_string()))
    }

    /// A row of a table of floats.
    fn row(&self, name: &str, row: usize) -> Result<Vec<f32>, Error> {
        let view = self.view(name)?;
        let width = view.shape().get(1).copied().unwrap_or(0);
        let (numbers, _) = view.data().as_chunks::<4>();
        let row = numbers.iter().skip(row * width).take(width);
        Ok(row.map(|b| f32::from_le_bytes(*b)).collect())
    }

    fn integers(&self, name: &str) -> Result<Vec<usize>, Error> {
        let view = self.view(name)?;
        let (numbers, _) = view.data().as_chunks::<4>();
        Ok(numbers.iter().map(|b| u32::from_le_bytes(*b) as usize).collect())
    }
}

impl Network {
    /// Takes the parameters of a published model, for all its types and pairs of types, and its activation, [`Activation::Relu`]; signs and
    /// synapse numbers are those of the wiring. Lattices of any extent will do.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number that is not below [`N_PRETRAINED`], or if the network has types or pairs of types that the published
    /// ones have not.
    pub fn set_pretrained(&mut self, model: usize) -> Result<(), Error> {
        if model >= N_PRETRAINED {
            let what = format!("there is no model {model}; there are 0 to {}", N_PRETRAINED - 1);
            return Err(Error::setting("published models", what));
        }
        let ensemble = Ensemble::open()?;
        let (bias, tau) = (ensemble.row("bias", model)?, ensemble.row("time_const_s", model)?);
        let strength = ensemble.row("strength", model)?;
        let (sources, targets) = (ensemble.integers("pair_source")?, ensemble.integers("pair_target")?);
        let missing = |what: String| Error::setting("published models", format!("they have no {what}"));

        let mut types = Vec::with_capacity(self.wiring.types().len());
        for t in self.wiring.types() {
            let known = ensemble.types.iter().position(|name| *name == t.name);
            types.push(known.ok_or_else(|| missing(format!("cell type {:?}", t.name)))?);
        }
        let mut strengths = Vec::with_capacity(self.wiring.pairs().len());
        for pair in self.wiring.pairs() {
            let (source, target) = (types[pair.source as usize], types[pair.target as usize]);
            let known = sources.iter().zip(&targets).position(|(s, t)| (*s, *t) == (source, target));
            let name = |t: usize| ensemble.types[t].as_str();
            let known = known.ok_or_else(|| missing(format!("synapses from {} to {}", name(source), name(target))))?;
            strengths.push(strength[known]);
        }
        let pick = |list: &[f32]| -> Vec<f32> { types.iter().map(|&t| list[t]).collect() };
        self.set(&self.parameters.bias, &pick(&bias))?;
        self.set(&self.parameters.time_constant, &pick(&tau))?;
        self.set(&self.parameters.strength, &strengths)?;
        self.set(&self.parameters.sign, &signs(&self.wiring))?;
        self.set(&self.parameters.log_n_syn, &log_n_syn(&self.wiring))?;
        self.set_activation(Activation::Relu);
        Ok(())
    }

    /// Takes resting potentials, time constants, strengths and the activation of another network with the types and pairs of types of this
    /// one, whose eye may be of another size.
    ///
    /// # Errors
    /// [`Error::Setting`] if a type or pair of types is missing there: a very small eye has no room for all.
    pub fn set_from(&mut self, other: &Self) -> Result<(), Error> {
        let missing = |what: String| Error::setting("the other network", format!("it has no {what}"));
        let theirs = other.wiring.types();
        let mut types = Vec::with_capacity(self.wiring.types().len());
        for t in self.wiring.types() {
            let known = theirs.iter().position(|their| their.name == t.name);
            types.push(known.ok_or_else(|| missing(format!("cell type {:?}", t.name)))? as i64);
        }
        let places: HashMap<(u32, u32), i64> =
            other.wiring.pairs().iter().enumerate().map(|(i, p)| ((p.source, p.target), i as i64)).collect();
        let mut pairs = Vec::with_capacity(self.wiring.pairs().len());
        for pair in self.wiring.pairs() {
            let [source, target] = [pair.source, pair.target].map(|t| types[t as usize] as u32);
            let name = |t: u32| &theirs[t as usize].name;
            let known = places.get(&(source, target)).copied();
            pairs.push(known.ok_or_else(|| missing(format!("synapses from {} to {}", name(source), name(target))))?);
        }
        let (own, others) = (&self.parameters, &other.parameters);
        tch::no_grad(|| {
            for (own, other, places) in [
                (&own.bias, &others.bias, &types),
                (&own.time_constant, &others.time_constant, &types),
                (&own.strength, &others.strength, &pairs),
            ] {
                own.shallow_clone()
                    .f_copy_(&other.f_index_select(0, &Tensor::from_slice(places).f_to_device(other.device())?)?)?;
            }
            Ok::<(), Error>(())
        })?;
        self.set_activation(other.activation());
        Ok(())
    }

    /// Writes numbers into a parameter.
    pub(super) fn set(&self, parameter: &Tensor, numbers: &[f32]) -> Result<(), Error> {
        tch::no_grad(|| Ok(parameter.shallow_clone().f_copy_(&Tensor::from_slice(numbers))?))
    }
}
