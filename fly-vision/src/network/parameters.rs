//! Parameters that cells and edges share, and where they start.
//!
//! | name | shared by | at the start |
//! | --- | --- | --- |
//! | `nodes_bias` | cell type | normal, mean 0.5, standard deviation 0.05 |
//! | `nodes_time_const` | cell type, seconds | 0.05 |
//! | `edges_sign` | pair of types | as measured; fixed |
//! | `edges_syn_count` | pair of types and displacement | logarithm of the mean synapse number; fixed |
//! | `edges_syn_strength` | pair of types | 0.01 over the mean synapse number of the pair, see [`Strength`]; held at or above 0 |
//!
//! Names and order are those of flyvis, so that its state dictionaries are read as they are. Source: Lappalainen et al. 2024, Methods,
//! "Network architecture".

use tch::nn::Path;
use tch::{Kind, Tensor};

use super::normal::Normal;
use super::wiring::Wiring;
use crate::Error;

/// How values of a parameter are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// All the same.
    Value(f64),
    /// Drawn from a normal distribution, as PyTorch's generator does from this seed.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        std: f64,
        /// Seed.
        seed: u64,
    },
    /// Drawn from a log-normal distribution: the logarithm is normal. For numbers above 0.
    LogNormal {
        /// Median.
        median: f64,
        /// Standard deviation of the logarithm.
        spread: f64,
        /// Seed.
        seed: u64,
    },
}

/// How strong synapses are at the start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strength {
    /// An edge with the mean number of synapses of its pair of types has this effect, whatever else its target receives. The default,
    /// 0.01, so that signals fade to a thousandth within a few cells.
    PerPair(f64),
    /// All synapses onto a type are of one strength, such that the absolute weights of what a cell receives sum to this in the cell that
    /// receives most. Below 1 the network is stable whatever the signs are.
    Total(f64),
}

/// Whether optimisers change a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Training {
    /// They do.
    #[default]
    Trained,
    /// They do not.
    Fixed,
}

/// Settings of the parameters at the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Initials {
    /// Resting potentials. Default: normal, mean 0.5, standard deviation 0.05, seed 0.
    pub bias: Initial,
    /// Time constants, seconds. Default: 0.05.
    pub time_constant: Initial,
    /// Strengths of synapses. Default: 0.01 for each pair of types.
    pub strength: Strength,
    /// Whether resting potentials are trained. Default: they are.
    pub train_bias: Training,
    /// Whether time constants are trained. Default: they are.
    pub train_time_constant: Training,
    /// Whether strengths are trained. Default: they are.
    pub train_strength: Training,
}

impl Default for Initials {
    fn default() -> Self {
        Self {
            bias: Initial::Normal { mean: 0.5, std: 0.05, seed: 0 },
            time_constant: Initial::Value(0.05),
            strength: Strength::PerPair(0.01),
            train_bias: Training::Trained,
            train_time_constant: Training::Trained,
            train_strength: Training::Trained,
        }
    }
}

/// The tensors. What is said of one holds for all: Float or Double, on one device.
#[derive(Debug)]
pub struct Parameters {
    /// Resting potential of each type, `[types]`.
    pub bias: Tensor,
    /// Time constant of each type, seconds, `[types]`.
    pub time_constant: Tensor,
    /// Sign of each pair of types, `[pairs]`.
    pub sign: Tensor,
    /// Logarithm of the synapse number of each group of edges, `[groups]`.
    pub log_n_syn: Tensor,
    /// Effect of a synapse of each pair of types, `[pairs]`.
    pub strength: Tensor,
}

/// Names of the tensors in stores and files.
pub(super) const NAMES: [&str; 5] =
    ["nodes_bias", "nodes_time_const", "edges_sign", "edges_syn_count", "edges_syn_strength"];

/// Signs as measured, `[pairs]`.
pub(super) fn signs(wiring: &Wiring) -> Vec<f32> {
    wiring.pairs().iter().map(|p| f32::from(p.sign)).collect()
}

/// Logarithms of synapse numbers as measured, `[groups]`.
pub(super) fn log_n_syn(wiring: &Wiring) -> Vec<f32> {
    wiring.groups().iter().map(|g| g.mean_n_syn.ln()).collect()
}

impl Parameters {
    pub(super) fn new(wiring: &Wiring, initials: &Initials, kind: Kind, path: &Path) -> Result<Self, Error> {
        let types = wiring.types().len();
        let add = |name: &str, values: &[f32], training: Training| -> Result<Tensor, Error> {
            let start = Tensor::from_slice(values).to_kind(kind).to_device(path.device());
            Ok(match training {
                Training::Trained => path.add(name, start, true),
                Training::Fixed => path.add(name, start, false),
            })
        };
        let strengths = initials.strength.values(wiring)?;
        Ok(Self {
            bias: add(NAMES[0], &initials.bias.values(types)?, initials.train_bias)?,
            time_constant: add(NAMES[1], &initials.time_constant.values(types)?, initials.train_time_constant)?,
            sign: add(NAMES[2], &signs(wiring), Training::Fixed)?,
            log_n_syn: add(NAMES[3], &log_n_syn(wiring), Training::Fixed)?,
            strength: add(NAMES[4], &strengths, initials.train_strength)?,
        })
    }

    /// In the order of names in files.
    pub(super) fn all(&self) -> [&Tensor; 5] {
        [&self.bias, &self.time_constant, &self.sign, &self.log_n_syn, &self.strength]
    }

    /// Number of values that are trained.
    pub fn n_trained(&self) -> usize {
        self.all().iter().filter(|t| t.requires_grad()).map(|t| t.numel()).sum()
    }

    /// Number of values that are not.
    pub fn n_fixed(&self) -> usize {
        self.all().iter().filter(|t| !t.requires_grad()).map(|t| t.numel()).sum()
    }
}

impl Strength {
    fn values(self, wiring: &Wiring) -> Result<Vec<f32>, Error> {
        let (Self::PerPair(scale) | Self::Total(scale)) = self;
        let least = matches!(self, Self::PerPair(_)) && scale == 0.0;
        if !(scale.is_finite() && (scale > 0.0 || least)) {
            return Err(Error::setting("strength", format!("{self:?}; strengths are above 0")));
        }
        let mut by_cell = vec![0.0; wiring.n_cells()];
        for (&cell, &group) in wiring.target().iter().zip(wiring.edge_groups()) {
            by_cell[cell as usize] += f64::from(wiring.groups()[group as usize].mean_n_syn);
        }
        let mut received = vec![0.0f64; wiring.types().len()];
        for (&t, &synapses) in wiring.cell_types().iter().zip(&by_cell) {
            received[t as usize] = received[t as usize].max(synapses);
        }
        let strength = |pair: &super::TypePair| match self {
            Self::PerPair(scale) => scale as f32 / pair.mean_n_syn,
            Self::Total(total) => (total / received[pair.target as usize]) as f32,
        };
        Ok(wiring.pairs().iter().map(strength).collect())
    }
}

impl Initial {
    fn values(self, n: usize) -> Result<Vec<f32>, Error> {
        match self {
            Self::Value(value) if value.is_finite() => Ok(vec![value as f32; n]),
            Self::Normal { mean, std, seed } if mean.is_finite() && std.is_finite() && std >= 0.0 => {
                let normals = Normal::new(seed).fill(n);
                Ok(normals.into_iter().map(|z| z * std as f32 + mean as f32).collect())
            }
            Self::LogNormal { median, spread, seed }
                if median > 0.0 && median.is_finite() && (0.0..10.0).contains(&spread) =>
            {
                let normals = Normal::new(seed).fill(n);
                Ok(normals.into_iter().map(|z| (median * (spread * f64::from(z)).exp()) as f32).collect())
            }
            _ => Err(Error::setting("initial values", format!("{self:?} is not a distribution of finite numbers"))),
        }
    }
}
