//! Training of a network and its decoder on optic flow.
//!
//! [`FlyTraining`] holds network, decoder and settings; [`FlyTraining::run`] trains them on any [`FlowData`](crate::task::FlowData), such as
//! procedural scenes ([`scenes_flow`]) or the films of the publication ([`sintel_flow`]), and goes on bit for bit where it was stopped.
//!
//! One iteration: luminance of a batch from rest in grey, the decoder on the output cells, the task's loss, a step of Adam with a learning
//! rate each for network and decoder; then a step of gradient descent on resting potentials by a penalty that keeps cells active
//! ([`ActivityPenalty`], on activity from before Adam's step), and where asked for on all by their distance from 0 or from where they started
//! ([`ParameterPenalty`]); then strengths are held at 0 or above. Rest in grey is computed once per epoch. Learning rates, the length of a
//! frame, the weight of the penalty and the slope of leaky rectifiers may change with the iteration.
//!
//! Everything random follows from the run's seed: the order of the data from seed and epoch, variations of a sequence from seed, epoch and
//! sequence, dropout from seed and iteration.
//!
//! Source: Lappalainen et al., *Nature* 634, 1132 (2024), Methods, "Training"; constants of flyvis 1.2.0.
//!
//! ```
//! use connectome_graph::hex::{Extent, expand};
//! use fly_vision::network::{Network, Wiring};
//! use fly_vision::stimulus::{SceneSettings, Scenes};
//! use fly_vision::task::Split;
//! use fly_vision::training::{FlyTraining, RunOptions, TrainingSettings, scenes_flow};
//!
//! let extent = Extent(1);
//! let scenes = SceneSettings { extent, scenes: 4, textures: 1, ..SceneSettings::default() };
//! let data = scenes_flow(&Scenes::new(scenes, Vec::new())?)?;
//! let split = Split::by(4, |scene| scene == 3);
//!
//! let fly = expand(&fly_vision::connectome()?, extent)?;
//! let settings = TrainingSettings { batch: 3, ..TrainingSettings::lasting(2) };
//! let mut training = FlyTraining::new(Network::builder(Wiring::from_hex(&fly)?), settings)?;
//! let report = training.run(&data, &split, &RunOptions::default())?;
//! assert_eq!(report.step, 2);
//! # Ok::<(), fly_vision::Error>(())
//! ```

mod data;
mod errors;
mod fingerprint;
mod loader;
mod model;
mod penalty;
mod run;
mod settings;

pub use data::{scenes_flow, sintel_flow};
pub use errors::FlowErrors;
pub use fingerprint::data_hash;
pub use loader::{Items, batch};
pub use model::{FlyTraining, Pass};
pub use penalty::{ActivityPenalty, ParameterPenalty, Penalised, Towards};
pub use run::{RunOptions, Start};
pub use settings::TrainingSettings;
