#![doc = include_str!("../README.md")]

pub mod aggregate;
pub mod area;
mod error;
pub mod generate;
pub mod hex;
pub mod motif;
pub mod normalise;
pub mod null;
mod pair_set;
mod pattern;
pub mod projection;
mod random;
mod rebuild;
pub mod reorder;
pub mod spectrum;
pub mod surgery;
pub mod topology;

pub use aggregate::{Aggregate, Measure, aggregate, aggregate_between};
pub use error::Error;
pub use topology::{Components, Dale, Duplicates, Topology, UnknownSign, WeightRule};
