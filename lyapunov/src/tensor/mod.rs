//! Systems on tensors, on any device: what any function of tensors gets by autograd.

mod jvp;
mod map;
mod rate;
mod run;
mod stretch;

pub use map::{FunctionMap, TensorMap};
pub(crate) use rate::RateTensors;
pub use run::TensorExponents;
