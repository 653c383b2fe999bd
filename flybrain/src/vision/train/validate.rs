//! Errors of all checkpoints of trained models.

use std::path::Path;

use serde::Serialize;
use tch_train::{Checkpoint, Checkpoints};

use super::model_folder;
use super::settings::FlyTrainSettings;
use crate::Error;
use crate::vision::write_csv;

/// Seconds of grey before sequences, as in the reference when it validates checkpoints after training.
const T_PRE: f64 = 0.5;

/// Errors of a checkpoint on sequences that were not trained on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validated {
    /// Number of the model.
    pub model: usize,
    /// Iterations before the checkpoint.
    pub iteration: u64,
    /// Root of the sum of squared differences.
    pub l2norm: f64,
    /// End-point error.
    pub epe: f64,
    /// End-point error of a flow that is 0.
    pub epe_of_zero: f64,
}

/// Validates every checkpoint in a folder of trainings, and writes `checkpoints.csv` there. `on_model` is told before each model.
///
/// # Errors
/// [`Error::Read`] and [`Error::Settings`] for a folder that is none of trainings; [`Error::NoCheckpoint`] if there is no checkpoint.
pub fn validate(folder: &Path, on_model: &mut dyn FnMut(usize, usize)) -> Result<Vec<Validated>, Error> {
    let settings = FlyTrainSettings::read(&folder.join("config.toml"))?;
    let (data, split) = settings.data()?;
    let validated = if split.validation.is_empty() { &split.training } else { &split.validation };
    let mut all = Vec::new();
    for model in 0..settings.models {
        on_model(model, settings.models);
        let mut list = Checkpoints::new(model_folder(folder, model).join("checkpoints")).list()?;
        if list.is_empty() {
            continue;
        }
        list.reverse();
        let mut training = settings.blank(model)?;
        for (iteration, path) in list {
            training.load(&Checkpoint::read(&path)?)?;
            let errors = training.errors(&data, validated, T_PRE)?;
            let (l2norm, epe, epe_of_zero) = (errors.l2norm, errors.epe, errors.epe_of_zero);
            all.push(Validated { model, iteration, l2norm, epe, epe_of_zero });
        }
    }
    if all.is_empty() {
        return Err(Error::NoCheckpoint { folder: folder.to_path_buf() });
    }
    let row = |v: &Validated| {
        let errors = [v.l2norm, v.epe, v.epe_of_zero].map(|x| format!("{x:.6}"));
        [&[v.model.to_string(), v.iteration.to_string()][..], &errors].concat()
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    write_csv(folder, "checkpoints.csv", &["model", "iteration", "l2norm", "epe", "epe_of_zero"], &rows)?;
    Ok(all)
}
