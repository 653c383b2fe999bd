//! Training of models of the fly visual system on optic flow, in a folder.
//!
//! | | |
//! | --- | --- |
//! | `config.toml` | the settings |
//! | `run.json` | version, revision, platform, command line, seeds, hashes of what was read, times, results |
//! | `report.html` | results and pictures on a page |
//! | `learning`, `flow` | pictures, `.svg` and `.png` |
//! | `model_NNN/training.csv` | loss, penalty and activity of central cells by iteration |
//! | `model_NNN/validation.csv` | errors of sequences that were not trained on |
//! | `model_NNN/network.safetensors` | the network at its least error, which all `flybrain vision` commands take as `--models FILE`, with `--unfilled` if its wiring is; not those of shuffled wirings |
//! | `model_NNN/result.json` | errors before and after |
//! | `model_NNN/checkpoints/` | from which a training goes on |

mod build;
mod choices;
mod compare;
mod pictures;
mod record;
mod settings;
mod validate;
mod workflow;

pub use choices::{FlyWiring, Light, Movies, Pull, Recipe, SceneLook};
pub use compare::{CompareSettings, ComparedMeasure, ComparedModel, ComparedRun, Comparison, compare};
pub use record::{RecordSettings, Recorded, record};
pub use settings::FlyTrainSettings;
pub use validate::{Validated, validate};
pub use workflow::{FlyTrained, TrainOptions, TrainedModel, collect, train};

use std::path::{Path, PathBuf};

use crate::{Error, atomic};

/// The folder of a model.
fn model_folder(folder: &Path, model: usize) -> PathBuf {
    folder.join(format!("model_{model:03}"))
}

/// Writes a text, whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    atomic::write(path, text.as_bytes()).map_err(|source| Error::Write { path: path.to_path_buf(), source })
}

/// Reads a text.
fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })
}
