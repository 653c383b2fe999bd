#![doc = include_str!("../README.md")]

mod aligned;
#[cfg(feature = "cuda")]
pub mod cuda;
pub mod dense;
pub mod device;
mod error;
pub mod kernel;
mod libtorch;
mod matrix;
mod on_device;
pub mod parallel;
mod pattern;
mod real;

pub use aligned::Aligned;
pub use error::Error;
pub use matrix::{SparseMatrix, sddmm, spmm};
pub use parallel::set_threads;
pub use pattern::{Layout, SparsityPattern, Transposed};
pub use real::Real;
