#![doc = include_str!("../README.md")]

mod conditions;
mod connectome;
mod error;
pub mod eye;
pub mod measure;
mod movie;
pub mod network;
pub mod probe;
pub mod stimulus;
pub mod task;
pub mod training;

pub use conditions::Conditions;
pub use connectome::connectome;
pub use error::Error;
pub use movie::Movie;
pub use network::Network;
