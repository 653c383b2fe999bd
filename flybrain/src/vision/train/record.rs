//! Responses of trained models to the sequences of their data.

use std::path::{Path, PathBuf};

use connectome_io::format::safetensors::{Tensors, write_tensors};
use connectome_io::{Array, ArrayData};
use fly_vision::network::{Record, Run, Start};
use fly_vision::task::{AugmentationOptions, Crop, FlowData, ItemSeed};
use fly_vision::training::batch;
use serde::Serialize;
use serde_json::json;
use tch::Kind;
use tch_function::slices::as_slice;

use super::model_folder;
use super::settings::FlyTrainSettings;
use super::workflow::{finished, load_best};
use crate::Error;

/// Settings of [`record`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordSettings {
    /// Length of a frame, seconds. Default: 1/100.
    pub dt: f64,
    /// Seconds in which grey fades into the first frame. Default: 2.
    pub t_fade_in: f64,
}

impl Default for RecordSettings {
    fn default() -> Self {
        Self { dt: 0.01, t_fade_in: 2.0 }
    }
}

/// What was recorded of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recorded {
    /// Its number.
    pub model: usize,
    /// Sequences, frames of the longest one, and cell types.
    pub shape: [usize; 3],
    /// Where it is.
    pub file: PathBuf,
}

/// Shows all sequences, as they are, to the models of a folder of trainings that are finished, at their least error, and writes potentials
/// of the central cell of each type: `model_NNN/responses.safetensors` with `responses`, `[sequences, frames, types]`, NaN after the end of
/// a sequence; names of types and sequences and the length of a frame are in its metadata.
///
/// # Errors
/// [`Error::Read`] and [`Error::Settings`] for a folder that is none of trainings; [`Error::NoCheckpoint`] if no model is finished.
pub fn record(
    folder: &Path,
    settings: &RecordSettings,
    on_model: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Recorded>, Error> {
    let config = FlyTrainSettings::read(&folder.join("config.toml"))?;
    let (data, _) = config.data()?;
    let plain = AugmentationOptions { crop: Crop::All, dt: settings.dt, ..AugmentationOptions::default() };
    let (plain, seed) = (plain.without_draws(), ItemSeed { run: 0, epoch: 0, item: 0 });
    let mut all = Vec::new();
    for model in 0..config.models {
        on_model(model, config.models);
        if finished(&config, folder, model)?.is_none() {
            continue;
        }
        let own = model_folder(folder, model);
        let mut training = config.blank(model)?;
        load_best(&mut training, &own)?;
        let network = training.network();
        let types: Vec<&str> = network.wiring().types().iter().map(|t| t.name.as_str()).collect();
        let mut sequences: Vec<Vec<f32>> = Vec::new();
        for sequence in 0..data.len() {
            let sample = data.sample(sequence)?;
            let shown = plain.draw(sample.frames(), seed)?.apply(&sample, training.lattice(), data.frame_rate())?;
            let movie = batch(&[shown])?.luminance;
            let start = network.fade_in(settings.t_fade_in, settings.dt, &movie.select(1, 0), Start::Rest)?;
            let run = Run::new(settings.dt).from(&start).record(Record::Central);
            let activity = network.simulate(&movie, &run)?.activity;
            let activity =
                activity.f_to_kind(Kind::Float).and_then(|t| t.f_contiguous()).map_err(fly_vision::Error::from)?;
            sequences.push(as_slice::<f32>(&activity).to_vec());
        }
        let longest = sequences.iter().map(Vec::len).max().unwrap_or(0);
        let shape = [sequences.len(), longest / types.len(), types.len()];
        for sequence in &mut sequences {
            sequence.resize(longest, f32::NAN);
        }
        let names: Vec<&str> = (0..data.len()).map(|i| data.name(i)).collect();
        let mut file = Tensors { arrays: Default::default(), metadata: Default::default() };
        file.arrays.insert("responses".into(), Array::new(shape.to_vec(), ArrayData::from(sequences.concat()))?);
        for (key, value) in [("types", json!(types)), ("sequences", json!(names)), ("dt", json!(settings.dt))] {
            file.metadata.insert(key.into(), value.to_string());
        }
        let path = own.join("responses.safetensors");
        write_tensors(&path, &file)?;
        all.push(Recorded { model, shape, file: path });
    }
    if all.is_empty() {
        return Err(Error::NoCheckpoint { folder: folder.to_path_buf() });
    }
    Ok(all)
}
