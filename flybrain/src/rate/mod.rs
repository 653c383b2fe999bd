//! Rate networks `dh/dt = -h + J φ(h)`: random ones and those of connectomes, and workflows on their Lyapunov spectra.
//!
//! ```
//! use flybrain::rate::{RateSystem, Symmetry};
//! use lyapunov::{Activation, Derivative, Settings};
//!
//! let network = RateSystem::random(50, 1.5, Symmetry::None, 7)?.with_activation(Activation::Tanh);
//! let spectrum = Settings::new(50).duration(20.0).run(&network.network(Derivative::Exact)?, network.state())?;
//! assert_eq!(spectrum.exponents().len(), 50);
//! # Ok::<(), flybrain::Error>(())
//! ```

mod connectome;
mod convergence;
mod draw;
mod dynamics;
mod file;
mod mean_field;
mod plan;
mod random;
mod spectrum;
pub mod sweep;
mod system;
mod timing;
pub mod train;
mod transition;

pub use connectome::{Balance, FromConnectome, Grouping, Layout, SignOf, read_connectome, region};
pub use convergence::Convergence;
pub use draw::{Purpose, normals};
pub use dynamics::{Dynamics, Record, Varied};
pub use file::activation;
pub use mean_field::{MeanField, exponent_of_steps, largest_exponent};
pub use plan::{Collected, Plan};
pub use random::Symmetry;
pub use spectrum::SpectrumScan;
pub use system::{Origin, RateSystem};
pub use timing::{Benchmark, Timing};
pub use transition::Transition;
