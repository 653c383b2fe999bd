//! Networks of brain areas: trained on images, evaluated, looked at.
//!
//! A [`Config`] says what to do; [`train`] makes a run folder, [`Run::open`] reads one again for [`evaluate`]. The audiovisual tasks of the
//! paper are in [`multimodal`].
//!
//! | in a run folder | |
//! | --- | --- |
//! | `config.toml` | the settings as they were understood |
//! | `graph.csv` | the table of areas |
//! | `run.json` | version, revision, platform, command line, hashes of the table and the images, times, results |
//! | `report.html` | results and pictures on a page |
//! | `training.csv`, `validation.csv` | losses and accuracies by step |
//! | `checkpoints/` | the newest and the best state of the run, from which it can go on |
//! | `network.pt`, `readout.pt` | parameters as `state_dict`s of torch, at the end |
//! | `graph`, `learning`, `confusion` | pictures, `.svg` and `.png` |

mod config;
mod evaluate;
mod folder;
mod inspect;
mod model;
pub mod multimodal;
mod pictures;
mod task;
mod train;

pub use config::{Config, DataSet, Nodes, Split};
pub use evaluate::{Evaluation, evaluate};
pub use inspect::{AreaSummary, Inspection, graph_picture, inspect};
pub use model::{AreaClassifier, Run};
pub use task::{Labelled, Task};
pub use train::{TrainOptions, Trained, train};
