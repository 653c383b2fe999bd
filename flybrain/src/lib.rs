#![doc = include_str!("../README.md")]

mod error;
pub mod figure;

pub use error::Error;
