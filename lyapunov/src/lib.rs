#![doc = include_str!("../README.md")]

#[cfg(feature = "sparse-ode")]
mod connectome;
mod error;
pub mod flow;
mod gradient;
mod loss;
mod map;
mod model;
mod qr;
mod rate;
mod spectrum;
pub mod system;
mod tensor;

pub use error::Error;
pub use gradient::{Checkpoints, Gradients, Recording};
pub use loss::Loss;
pub use map::{Differentiable, Point, PointMut, StepMap};
pub use model::{Exponents, Inputs, RateModel, Wiring};
pub use qr::{qr, qr_pull_back};
pub use rate::{Activation, Coupling, Derivative, RateNetwork, RateNetworkBuilder, RateWork};
pub use spectrum::{
    Compat, History, Interval, Run, Settings, Spectrum, entropy, integer_dimension, kaplan_yorke_dimension,
};
pub use tch_sparse::Real;
pub use tensor::{FunctionMap, TensorExponents, TensorMap};
