//! Parameters that cells and edges share, and where they start.
//!
//! | name | shared by | at the start |
//! | --- | --- | --- |
//! | `nodes_bias` | cell type | normal, mean 0.5, standard deviation 0.05 |
//! | `nodes_time_const` | cell type, seconds | 0.05 |
//! | `edges_sign` | pair of types | as measured; fixed |
//! | `edges_syn_count` | pair of types and displacement | logarithm of the mean synapse number; fixed |
//! | `edges_syn_strength` | pair of types | 0.01 over the mean synapse number of the pair; held at or above 0 |
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
    /// Strength of an edge with the mean number of synapses of its pair. Default: 0.01.
    pub strength_scale: f64,
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
            strength_scale: 0.01,
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
        let scale = initials.strength_scale as f32;
        let signs: Vec<f32> = wiring.pairs().iter().map(|p| f32::from(p.sign)).collect();
        let counts: Vec<f32> = wiring.groups().iter().map(|g| g.mean_n_syn.ln()).collect();
        let strengths: Vec<f32> = wiring.pairs().iter().map(|p| scale / p.mean_n_syn).collect();
        Ok(Self {
            bias: add(NAMES[0], &initials.bias.values(types)?, initials.train_bias)?,
            time_constant: add(NAMES[1], &initials.time_constant.values(types)?, initials.train_time_constant)?,
            sign: add(NAMES[2], &signs, Training::Fixed)?,
            log_n_syn: add(NAMES[3], &counts, Training::Fixed)?,
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

impl Initial {
    fn values(self, n: usize) -> Result<Vec<f32>, Error> {
        match self {
            Self::Value(value) if value.is_finite() => Ok(vec![value as f32; n]),
            Self::Normal { mean, std, seed } if mean.is_finite() && std.is_finite() && std >= 0.0 => {
                let normals = Normal::new(seed).fill(n);
                Ok(normals.into_iter().map(|z| z * std as f32 + mean as f32).collect())
            }
            _ => Err(Error::setting("initial values", format!("{self:?} is not a distribution of finite numbers"))),
        }
    }
}
