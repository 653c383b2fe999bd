//! Synthetic connectomes: neighbours on a sheet, cell types with connection probabilities, and the benchmark network.

mod benchmark;
mod by_type;
mod topographic;

pub use benchmark::{Benchmark, BenchmarkStream};
pub(crate) use by_type::bernoulli_pairs;
pub use by_type::{ByType, TypeAssignment, TypedConnectome};
pub use topographic::{Convention, SelfConnection, Sheet, Topographic, TopographicDraws};
