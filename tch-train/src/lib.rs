#![doc = include_str!("../README.md")]

mod batches;
mod checkpoint;
mod clip;
mod error;
mod metrics;
mod optimizer;
mod parameters;
mod progress;
mod schedule;
mod signals;
mod slices;
mod trainer;

pub use batches::{Batches, Cursor, LastBatch, Order};
pub use checkpoint::{Best, Checkpoint, Checkpoints, Identity, Keep};
pub use clip::{Clip, clip_norm, clip_value, grad_norm};
pub use error::{BoxError, Error};
pub use optimizer::{Adam, AdamW, GroupState, Lookahead, Optimizer, OptimizerState, Rule, SecondMoment, Sgd, StepsOf};
pub use parameters::Parameters;
pub use progress::Progress;
pub use schedule::{Anneal, OneCycle, Phases, Schedule, Stairs};
pub use signals::{Listening, OnSignal};
pub use trainer::{Batch, Ended, Outcome, Report, Scores, Stepped, Trainer};
