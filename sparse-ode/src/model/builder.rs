//! Building a network, option by option.

use super::activation::Nonlinearity;
use super::network::Network;
use super::neuron_types::NeuronTypes;
use super::options::{Init, Layout, NeuronClass, Options, PerNeuron, Projection, SignRule, Tau, Training};
use super::sparse_linear::Bias;
use crate::Error;
use connectome_graph::Topology;
use connectome_graph::projection::{Direction, projection};
use std::marker::PhantomData;
use tch::nn::Path;

/// Options of a network on a connectome; [`build`](Self::build) checks them and makes the model `M`.
///
/// # Defaults
/// | option | default |
/// | --- | --- |
/// | [`input_projection`](Self::input_projection), [`output_projection`](Self::output_projection) | identity |
/// | [`output_size`](Self::output_size) | the output projection's, else the number of neurons |
/// | [`neuron_types`](Self::neuron_types) | none |
/// | [`neuron_class`](Self::neuron_class) | all excitatory |
/// | [`tau`](Self::tau) | ones, one per neuron |
/// | [`nonlinearity`](Self::nonlinearity) | sigmoid |
/// | [`state_init`](Self::state_init) | zeros |
/// | [`connectome_bias`](Self::connectome_bias), [`output_projection_bias`](Self::output_projection_bias) | there, zero (a dense projection's: uniform within `1/sqrt(neurons)`) |
/// | `train_connectome`, `train_input_projection`, `train_output_projection`, `train_tau` | trained |
/// | [`layout`](Self::layout) | batch first |
/// | [`sign_rule`](Self::sign_rule) | Dale's law |
/// | [`seed`](Self::seed) | 0 |
///
/// The names of bioplnn's two API generations are here as well: those of its repository's head, and the earlier ones of its tutorials
/// (`hidden_size`, `connectivity_hh`, `neuron_type_indices`, ...). Options that steer Python's compiler have no counterpart.
#[derive(Debug, Clone)]
pub struct Builder<M> {
    options: Options,
    model: PhantomData<fn() -> M>,
}

/// A model that a [`Builder`] makes.
pub trait FromNetwork: Sized {
    #[doc(hidden)]
    fn from_network(network: Network) -> Self;
    /// Whether the model's neurons have time constants and classes.
    #[doc(hidden)]
    const HAS_DYNAMICS: bool;
}

impl<M: FromNetwork> Builder<M> {
    pub(super) fn new(input_size: usize, connectome: &Topology) -> Self {
        Self { options: Options::new(input_size, connectome.clone()), model: PhantomData }
    }

    /// Checks the options and makes the model, its parameters under `path`, in the path's kind and on its device.
    ///
    /// Parameters: `connectome.values`, `connectome.bias`, `tau`, `input_projection.values` or `.weight`,
    /// `output_projection.values` or `.weight`, `output_projection.bias`.
    ///
    /// # Errors
    /// [`Error::Option`] names the first option that makes no sense, or that the model has no use for, and what would. Nothing is left
    /// under `path` then.
    pub fn build(self, path: &Path<'_>) -> Result<M, Error> {
        Ok(M::from_network(Network::new(path, &self.options, M::HAS_DYNAMICS)?))
    }
}

/// One setter: its documentation, name, argument and the field that it sets.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident($arg:ident: $ty:ty) sets $field:ident = $value:expr;)*) => {
        impl<M> Builder<M> {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self, $arg: $ty) -> Self {
                    self.options.$field = $value;
                    self
                }
            )*
        }
    };
}

setters! {
    /// Number of neurons; an error unless the connectome has as many.
    num_neurons(n: usize) sets num_neurons = Some(n);
    /// The wiring `[neurons, neurons]`, `[post, pre]`, in place of the first one. Its weights are where `connectome.values` start.
    connectome(wiring: &Topology) sets connectome = wiring.clone();
    /// Features of the output; an error unless it fits the output projection.
    output_size(n: usize) sets output_size = Some(n);
    /// How inputs come to the neurons. Without a bias.
    input_projection(projection: Projection) sets input_projection = projection;
    /// How outputs come from the neurons.
    output_projection(projection: Projection) sets output_projection = projection;
    /// Whether the connectome's weights and bias are trained.
    train_connectome(training: Training) sets train_connectome = training;
    /// Whether the input projection is trained.
    train_input_projection(training: Training) sets train_input_projection = training;
    /// Whether the output projection and its bias are trained.
    train_output_projection(training: Training) sets train_output_projection = training;
    /// Number of types; an error unless [`neuron_types`](Self::neuron_types) has as many.
    num_neuron_types(n: usize) sets num_neuron_types = Some(n);
    /// Which type each neuron is.
    neuron_types(types: NeuronTypes) sets neuron_types = Some(types);
    /// Which neurons excite and which inhibit.
    neuron_class(class: PerNeuron<NeuronClass>) sets neuron_class = class;
    /// Where time constants start, and whether there is one per neuron or per type.
    ///
    /// Values close to 1 get up to 1e-6 more (from the seed), so that the bound at 1 does not lie exactly on them.
    tau(tau: Tau) sets tau = Some(tau);
    /// Whether time constants are trained.
    train_tau(training: Training) sets train_tau = training;
    /// What is applied to each neuron's summed input. The connectome models rectify the result.
    nonlinearity(phi: PerNeuron<Nonlinearity>) sets nonlinearity = phi;
    /// Where states start when a forward pass is given none.
    state_init(init: Init) sets state_init = init;
    /// Whether neurons have a bias.
    connectome_bias(bias: Bias) sets connectome_bias = bias;
    /// Whether the output projection has a bias.
    output_projection_bias(bias: Bias) sets output_projection_bias = bias;
    /// Layout of sequences.
    layout(layout: Layout) sets layout = layout;
    /// What keeps signs of neurons and weights in order.
    sign_rule(rule: SignRule) sets sign_rule = rule;
    /// Seed of everything that is drawn when the model is built.
    seed(seed: u64) sets seed = seed;

    /// bioplnn's `neuron_type`: see [`neuron_types`](Self::neuron_types).
    neuron_type(types: NeuronTypes) sets neuron_types = Some(types);
    /// bioplnn's `neuron_tau_init` with its mode: see [`tau`](Self::tau).
    neuron_tau_init(values: PerNeuron<f64>) sets tau = Some(Tau::Given(values));
    /// bioplnn's `neuron_tau_init_fn`, one per neuron: see [`tau`](Self::tau).
    neuron_tau_init_fn(init: Init) sets tau = Some(Tau::Drawn(init));
    /// bioplnn's `neuron_nonlinearity`: see [`nonlinearity`](Self::nonlinearity).
    neuron_nonlinearity(phi: PerNeuron<Nonlinearity>) sets nonlinearity = phi;
    /// bioplnn's `default_neuron_state_init_fn`: see [`state_init`](Self::state_init).
    default_neuron_state_init_fn(init: Init) sets state_init = init;

    /// The tutorials' name of [`num_neurons`](Self::num_neurons).
    hidden_size(n: usize) sets num_neurons = Some(n);
    /// The tutorials' name of [`connectome`](Self::connectome).
    connectivity_hh(wiring: &Topology) sets connectome = wiring.clone();
    /// The tutorials' name of a sparse [`input_projection`](Self::input_projection).
    connectivity_ih(wiring: &Topology) sets input_projection = Projection::Sparse(wiring.clone());
    /// The tutorials' name of [`connectome_bias`](Self::connectome_bias).
    bias(bias: Bias) sets connectome_bias = bias;
    /// The tutorials' name of [`train_connectome`](Self::train_connectome).
    train_hh(training: Training) sets train_connectome = training;
    /// The tutorials' name of [`train_input_projection`](Self::train_input_projection).
    train_ih(training: Training) sets train_input_projection = training;
    /// The tutorials' class of each type: see [`neuron_class`](Self::neuron_class).
    neuron_type_class(classes: Vec<NeuronClass>) sets neuron_class = PerNeuron::Types(classes);
    /// The tutorials' nonlinearity of each type: see [`nonlinearity`](Self::nonlinearity).
    neuron_type_nonlinearity(phi: Vec<Nonlinearity>) sets nonlinearity = PerNeuron::Types(phi);
    /// The tutorials' time constant of each type: see [`tau`](Self::tau).
    neuron_type_tau_init(tau: Vec<f64>) sets tau = Some(Tau::Given(PerNeuron::Types(tau)));
    /// The tutorials' name of drawn time constants, one per neuron: see [`tau`](Self::tau).
    default_tau_init_fn(init: Init) sets tau = Some(Tau::Drawn(init));
}

impl<M> Builder<M> {
    /// The tutorials' list of the neurons that are read out: a sparse output projection of ones.
    ///
    /// # Errors
    /// [`Error::Option`] for a neuron that does not exist.
    pub fn output_neurons(mut self, neurons: &[u32]) -> Result<Self, Error> {
        let n = self.options.connectome.n_post();
        let wiring = projection(neurons.len(), n, Some(neurons), Direction::Output)
            .map_err(|e| Error::Option { option: "output_neurons", what: e.to_string() })?;
        self.options.output_projection = Projection::Sparse(wiring);
        Ok(self)
    }

    /// The tutorials' list of neurons for each type: see [`NeuronTypes::from_indices`].
    ///
    /// # Errors
    /// [`Error::Option`] unless every neuron is in exactly one list.
    pub fn neuron_type_indices(mut self, indices: &[Vec<u32>]) -> Result<Self, Error> {
        self.options.neuron_types = Some(NeuronTypes::from_indices(self.options.connectome.n_post(), indices)?);
        Ok(self)
    }
}
