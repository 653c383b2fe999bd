#![doc = include_str!("../README.md")]

mod apply;
pub mod cuda;
mod error;
mod ffi;
pub mod gradcheck;
mod gradient;
mod inference;
pub mod math;
mod op;
pub mod slices;
mod tier;
mod version;

pub use apply::{apply, apply_one};
pub use error::Error;
pub use gradient::forget_gradient;
pub use inference::inference_mode;
pub use op::{BoxError, Forward, Op, SecondDerivative, save_if};
pub use tier::Tier;
pub use version::tensor_version;
