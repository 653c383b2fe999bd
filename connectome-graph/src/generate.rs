//! Synthetic connectomes: neighbours on a sheet, cell types with connection probabilities, and the benchmark network.

mod benchmark;
mod by_type;
mod topographic;

pub use benchmark::{Benchmark, BenchmarkStream};
pub use by_type::{ByType, TypeAssignment, TypedConnectome};
pub(crate) use by_type::{bernoulli_pairs, check_synapses};
pub use topographic::{Convention, SelfConnection, Sheet, Topographic, TopographicDraws};
