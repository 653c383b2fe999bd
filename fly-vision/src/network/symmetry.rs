//! Parameters that are kept equal.

use tch::Tensor;

use super::model::index;
use super::parameters::Parameters;
use super::wiring::Wiring;
use crate::Error;

/// Sets of parameters whose members are replaced by their mean whenever parameters are [clamped](super::Network::clamp).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symmetries {
    /// Resting potentials, by type.
    pub bias: Vec<Vec<String>>,
    /// Time constants, by type.
    pub time_constant: Vec<Vec<String>>,
    /// Strengths, by presynaptic and postsynaptic type.
    pub strength: Vec<Vec<(String, String)>>,
}

/// Sets by number.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    bias: Vec<Vec<u32>>,
    time_constant: Vec<Vec<u32>>,
    strength: Vec<Vec<u32>>,
}

impl Symmetries {
    pub(super) fn resolve(&self, wiring: &Wiring) -> Result<Resolved, Error> {
        let types = |sets: &[Vec<String>]| -> Result<Vec<Vec<u32>>, Error> {
            sets.iter().map(|set| set.iter().map(|name| wiring.type_index(name)).collect()).collect()
        };
        let pair = |(source, target): &(String, String)| -> Result<u32, Error> {
            let (s, t) = (wiring.type_index(source)?, wiring.type_index(target)?);
            match wiring.pairs().iter().position(|p| (p.source, p.target) == (s, t)) {
                Some(pair) => Ok(pair as u32),
                None => Err(Error::setting("symmetries", format!("there are no edges from {source} to {target}"))),
            }
        };
        let strength = self.strength.iter().map(|set| set.iter().map(pair).collect()).collect::<Result<_, _>>()?;
        Ok(Resolved { bias: types(&self.bias)?, time_constant: types(&self.time_constant)?, strength })
    }
}

impl Resolved {
    /// Whether nothing is kept equal.
    pub(super) fn are_none(&self) -> bool {
        self.bias.is_empty() && self.time_constant.is_empty() && self.strength.is_empty()
    }

    pub(super) fn apply(&self, parameters: &Parameters) -> Result<(), Error> {
        let equalise = |tensor: &Tensor, sets: &[Vec<u32>]| -> Result<(), Error> {
            for set in sets.iter().filter(|_| tensor.requires_grad()) {
                let members = index(set, tensor.device());
                let mean = tensor.f_index_select(0, &members)?.f_mean(tensor.kind())?;
                let _ = tensor.shallow_clone().f_index_fill_int_tensor_(0, &members, &mean)?;
            }
            Ok(())
        };
        equalise(&parameters.bias, &self.bias)?;
        equalise(&parameters.time_constant, &self.time_constant)?;
        equalise(&parameters.strength, &self.strength)
    }
}
