//! Rate networks.

mod activation;
mod coupling;
mod network;
mod pull;

pub use activation::Activation;
pub use coupling::Coupling;
pub use network::{Builder as RateNetworkBuilder, Derivative, RateNetwork, RateWork};
