//! Training of networks on their Lyapunov exponents.
//!
//! [`Training`] is one network: its parameters and the gradient of a loss on exponents. [`train`] runs many in a folder:
//!
//! | | |
//! | --- | --- |
//! | `config.toml` | the settings |
//! | `run.json` | version, revision, platform, command line, digest of the connectome, times, results |
//! | `report.html` | results and pictures on a page |
//! | `learning`, `spectrum` | pictures, `.svg` and `.png` |
//! | `sample_N/training.csv` | loss, norms of gradients and exponents by epoch, from before its step |
//! | `sample_N/validation.csv` | largest exponent, entropy and dimension of the full spectrum every ten epochs |
//! | `sample_N/log.json` | the same and the full spectrum, with FlyStability's keys |
//! | `sample_N/spectrum.csv` | full spectra before and after |
//! | `sample_N/initial.safetensors`, `network.safetensors` | the network before and after, see [`RateSystem::read`](super::RateSystem::read) |
//! | `sample_N/checkpoints/` | from which a training goes on |
//!
//! ```
//! use flybrain::rate::train::{Groups, Masks, Recipe, Share, Training};
//! use flybrain::rate::{RateSystem, Symmetry};
//! use lyapunov::{Activation, Compat, Interval, Loss};
//!
//! let network = RateSystem::random(8, 1.0, Symmetry::None, 3)?.with_activation(Activation::TanhPositive);
//! let recipe = Recipe {
//!     groups: Groups { weights: Share::All, ..Groups::default() },
//!     loss: Loss::MeanSquare { target: 0.0 },
//!     exponents: 4,
//!     full: None,
//!     duration: 10.0,
//!     interval: Interval::Time(0.2),
//!     lr: 0.1,
//!     bounds: Default::default(),
//!     compat: Compat::None,
//!     seed: 0,
//!     start: None,
//! };
//! let training = Training::new(network, recipe, &Masks::default())?;
//! let mut optimizer = training.optimizer()?;
//! let mut losses = Vec::new();
//! for _ in 0..5 {
//!     optimizer.zero_grad()?;
//!     losses.push(training.epoch()?.loss);
//!     optimizer.step()?;
//! }
//! assert!(losses[4] < losses[0]);
//! # Ok::<(), flybrain::Error>(())
//! ```

mod log;
mod mask;
mod pictures;
mod settings;
mod training;
mod workflow;

pub use log::{Listed, Log};
pub use mask::{Among, Groups, Masks, Share};
pub use settings::{Source, TrainSettings};
pub use training::{Bounds, Epoch, Recipe, Training, flystability_tangents};
pub use workflow::{RunOptions, Sample, Trained, train};
