//! The audiovisual tasks of the paper: digits that are seen while digits are heard, ambiguous, agreeing or in conflict.
//!
//! [`Settings`] say what to do, [`Sets`] hold images and recordings, [`train`] makes a run folder. A network is trained on what the
//! paper's scripts mix (Tugsbayar, Li, Muller, Richards 2025, *eLife* 105953), and asked more afterwards:
//!
//! | `tasks` | read from | learned | asked |
//! | --- | --- | --- | --- |
//! | `image` | IT, what is seen | `uam`, `uun` | these, `uum`, `uan` |
//! | `audio` | A4, what is heard | `aum`, `uun` | these, `uum`, `aun` |
//! | `four` | PFC, either, as a cue tells | `aum`, `uam`, `uun` | these, `uum`, `aan` |
//!
//! Names of scenarios are those of [`Scenario`](convgru_feedback::stimulus::audiovisual::Scenario). In the brain-like wiring vision is
//! below hearing, so that sounds reach IT by feedback alone.
//!
//! | in a run folder | |
//! | --- | --- |
//! | `config.toml` | the settings as they were understood |
//! | `graph.csv` | the table of areas |
//! | `run.json` | version, revision, platform, command line, hashes of images and recordings, times, results |
//! | `report.html` | results and pictures on a page |
//! | `training.csv`, `validation.csv` | losses and accuracies by step |
//! | `checkpoints/` | the newest and the best state of the run, from which it can go on |
//! | `network.pt`, `readout.pt` | parameters as `state_dict`s of torch, at the end |
//! | `neighborhood.csv`, `gain.csv` | neighbourhood hit and mean gain by area and step |
//! | `graph`, `learning`, `scenarios`, `neighborhood`, `gain` | pictures, `.svg` and `.png` |

mod latent;
mod network;
mod pictures;
mod question;
mod score;
mod sets;
mod settings;
mod train;

pub use latent::{Gain, Neighborhood, gain, neighborhoods};
pub use network::ScenarioNetwork;
pub use pictures::{gain_picture, neighborhood_picture};
pub use question::Question;
pub use score::{Answers, ask};
pub use sets::Sets;
pub use settings::Settings;
pub use train::{Results, train};
