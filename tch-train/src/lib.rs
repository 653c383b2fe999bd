#![doc = include_str!("../README.md")]

mod batches;
mod checkpoint;
mod clip;
mod error;
mod optimizer;
mod parameters;
mod schedule;
mod slices;

pub use batches::{Batches, Cursor, LastBatch, Order};
pub use checkpoint::{Best, Checkpoint, Checkpoints, Identity, Keep};
pub use clip::{Clip, clip_norm, clip_value, grad_norm};
pub use error::{BoxError, Error};
pub use optimizer::{Adam, AdamW, GroupState, Lookahead, Optimizer, OptimizerState, Rule, SecondMoment, Sgd};
pub use parameters::Parameters;
pub use schedule::{Anneal, OneCycle, Phases, Schedule, Stairs};
