//! Topology of connectomes and the hexagonal lattice of the fly visual system.

pub mod aggregate;
mod error;
pub mod generate;
pub mod hex;
pub mod projection;
pub mod topology;

pub use error::Error;
pub use topology::{Components, Dale, Duplicates, Topology, UnknownSign, WeightRule};
