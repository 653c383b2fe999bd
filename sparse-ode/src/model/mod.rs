//! Recurrent networks on a connectome.

mod activation;
mod builder;
mod checks;
mod classifier;
mod connectome_ode_rnn;
mod connectome_rnn;
mod draw;
mod field;
mod input;
mod network;
mod neuron_types;
mod options;
mod pull_back;
mod solve;
mod sparse_linear;
mod structure;
mod tangent;

pub use activation::{Activation, Nonlinearity};
pub use builder::{Builder, FromNetwork};
pub use classifier::{ConnectomeClassifier, ConnectomeOdeClassifier, Mode, Prediction, ReadAt, Readout};
pub use connectome_ode_rnn::{ConnectomeOdeRnn, Forward, FrameBoundaries, OnFailure, Run};
pub use connectome_rnn::{ConnectomeRnn, Sequence, SparseRnn, Steps};
pub use neuron_types::NeuronTypes;
pub use options::{Init, Layout, NeuronClass, PerNeuron, Projection, SignRule, Tau, Training};
pub use sparse_linear::{Bias, SparseLinear};
pub use tangent::{HeldInput, HeldWork};
