//! What a network on a connectome can be told.

use super::activation::{Activation, Nonlinearity};
use super::neuron_types::NeuronTypes;
use super::sparse_linear::Bias;
use connectome_graph::Topology;
use std::collections::BTreeMap;

/// Whether a parameter is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Training {
    /// It requires a gradient. The default.
    #[default]
    Trained,
    /// It stays as it is.
    Fixed,
}

/// How features outside come to, or from, the neurons.
#[derive(Debug, Clone, Default)]
pub enum Projection {
    /// As they are: there must be as many features as neurons. The default.
    #[default]
    Identity,
    /// Through sparse wiring: `[neurons, inputs]` for inputs, `[outputs, neurons]` for outputs.
    Sparse(Topology),
    /// Through a trained dense matrix, which starts uniform within `1/sqrt(features it takes)` from the seed.
    Dense,
}

/// Whether a neuron excites or inhibits its targets (Dale's law).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NeuronClass {
    /// Sign +1.
    Excitatory,
    /// Sign -1.
    Inhibitory,
}

impl NeuronClass {
    pub(crate) fn sign(self) -> f64 {
        match self {
            Self::Excitatory => 1.0,
            Self::Inhibitory => -1.0,
        }
    }
}

/// A property of neurons: one for all, or by neuron, type or type's label.
#[derive(Debug, Clone, PartialEq)]
pub enum PerNeuron<V> {
    /// The same for all.
    All(V),
    /// One for each neuron, `[neurons]`.
    Neurons(Vec<V>),
    /// One for each type, in the order of [`NeuronTypes::labels`].
    Types(Vec<V>),
    /// One for each type, by its label.
    Labels(BTreeMap<String, V>),
}

/// Where time constants start. All must be at least 1, in units of the model's time.
#[derive(Debug, Clone)]
pub enum Tau {
    /// Given; one parameter per neuron, or per type for values by type or label.
    Given(PerNeuron<f64>),
    /// Drawn for each neuron. The default, with ones.
    Drawn(Init),
    /// Drawn for each type.
    DrawnPerType(Init),
}

/// Starting numbers of a state or of time constants.
#[derive(Debug, Clone, Copy)]
pub enum Init {
    /// Zeros.
    Zeros,
    /// Ones.
    Ones,
    /// Normal with mean 0 and standard deviation 1, from the seed.
    Randn(u64),
    /// Uniform in 0 to 1, from the seed.
    Rand(u64),
    /// From a function of the number of values wanted.
    Custom(fn(usize) -> Vec<f64>),
}

/// Layout of sequences outside the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// `[batch, time, features]`. The default.
    #[default]
    BatchFirst,
    /// `[time, batch, features]`.
    TimeFirst,
}

/// What keeps signs of neurons and weights in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignRule {
    /// Weights are held at or above zero at the start of every forward pass and take the sign of the presynaptic neuron. The
    /// default.
    #[default]
    Dale,
    /// Dale's law without a bound: the parameters are the logarithms of the weights (`connectome.log_values` in place of
    /// `connectome.values`), which so stay above zero whatever the optimiser does, and change by factors. Every weight must be above
    /// zero at the start. (Cornford et al., "Brain-like learning with exponentiated gradients", 2024.)
    DaleByLogarithm,
    /// Weights keep the signs they have and neurons have none: for signed connectomes. Also what bioplnn `eb88085` did.
    Signed,
    /// Weights are held at or above zero and inhibitory neurons excite: the fault of bioplnn `b1d6138`, for comparison.
    Unsigned,
}

/// All options of a network. See [`Builder`](super::Builder) for each.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) input_size: usize,
    pub(crate) num_neurons: Option<usize>,
    pub(crate) connectome: Topology,
    pub(crate) output_size: Option<usize>,
    pub(crate) input_projection: Projection,
    pub(crate) output_projection: Projection,
    pub(crate) train_connectome: Training,
    pub(crate) train_input_projection: Training,
    pub(crate) train_output_projection: Training,
    pub(crate) num_neuron_types: Option<usize>,
    pub(crate) neuron_types: Option<NeuronTypes>,
    pub(crate) neuron_class: PerNeuron<NeuronClass>,
    /// Ones where there is none.
    pub(crate) tau: Option<Tau>,
    pub(crate) train_tau: Training,
    pub(crate) nonlinearity: PerNeuron<Nonlinearity>,
    pub(crate) state_init: Init,
    pub(crate) connectome_bias: Bias,
    pub(crate) output_projection_bias: Bias,
    pub(crate) layout: Layout,
    pub(crate) sign_rule: SignRule,
    pub(crate) seed: u64,
}

impl Options {
    pub(crate) fn new(input_size: usize, connectome: Topology) -> Self {
        Self {
            input_size,
            num_neurons: None,
            connectome,
            output_size: None,
            input_projection: Projection::default(),
            output_projection: Projection::default(),
            train_connectome: Training::default(),
            train_input_projection: Training::default(),
            train_output_projection: Training::default(),
            num_neuron_types: None,
            neuron_types: None,
            neuron_class: PerNeuron::All(NeuronClass::Excitatory),
            tau: None,
            train_tau: Training::default(),
            nonlinearity: PerNeuron::All(Activation::Sigmoid.into()),
            state_init: Init::Zeros,
            connectome_bias: Bias::default(),
            output_projection_bias: Bias::default(),
            layout: Layout::default(),
            sign_rule: SignRule::default(),
            seed: 0,
        }
    }
}
