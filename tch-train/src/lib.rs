#![doc = include_str!("../README.md")]

mod error;
mod optimizer;
mod parameters;
mod slices;

pub use error::{BoxError, Error};
pub use optimizer::{Adam, AdamW, GroupState, Lookahead, Optimizer, OptimizerState, Rule, SecondMoment, Sgd};
pub use parameters::Parameters;
