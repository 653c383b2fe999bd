#![doc = include_str!("../README.md")]

pub mod analysis;
mod error;
pub mod stimulus;

pub use error::Error;
