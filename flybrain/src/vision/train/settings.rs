//! Settings of a training, as they stand in `config.toml`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use connectome_graph::hex::{Extent, expand};
use fly_vision::network::{Network, Wiring};
use fly_vision::stimulus::{SceneSettings, Scenes};
use fly_vision::task::{AugmentationOptions, Crop, Decay, DecayShape, DecoderOptions, FlowSet, Initial, Loss, Split};
use fly_vision::training::{ActivityPenalty, FlyTraining, TrainingSettings, scenes_flow, sintel_flow};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::vision::{Model, Population};

/// What is seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Movies {
    /// Procedural scenes with exact flow.
    Scenes {
        /// How many.
        scenes: usize,
        /// How many of them validate: the last ones.
        held_out: usize,
        /// Seed of the scenes.
        seed: u64,
    },
    /// The films of MPI-Sintel with the split of the publication.
    Sintel {
        /// The unpacked data set: the folder that holds `training`.
        folder: PathBuf,
    },
}

/// Variations of luminance: standard deviations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Light {
    /// Of the noise of each pixel. Default 0.08.
    pub noise: f64,
    /// Of the logarithm of the contrast. Default 0.2.
    pub contrast: f64,
    /// Of the brightness. Default 0.1.
    pub brightness: f64,
}

impl Default for Light {
    fn default() -> Self {
        let AugmentationOptions { noise, contrast, brightness, .. } = AugmentationOptions::default();
        Self { noise, contrast, brightness }
    }
}

/// Settings of [`train`](super::train()). Defaults are those of the publication, but for the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlyTrainSettings {
    /// Models, each with a seed of its own. Default 1.
    pub models: usize,
    /// Radius of the eye in columns. Default 15: 721 columns.
    pub extent: u32,
    /// Parameters to start from: `untrained` (default), the number of a published model, or a file.
    pub start: String,
    /// Iterations. Default 250,000.
    pub iterations: u64,
    /// Sequences in an iteration. Default 4.
    pub batch: usize,
    /// Learning rate of the network at first. Default 5e-5.
    pub lr: f64,
    /// Learning rate of the decoder at first. Default: the network's.
    pub lr_decoder: Option<f64>,
    /// What part of learning rates is left at the end. Default 0.1.
    pub lr_left: f64,
    /// How learning rates fall: `linear`, `stepwise` (default), `stepwise_half`, `stepwise_2ndhalf`, `steponential`, `exponential`,
    /// `exponential_half`.
    pub decay: String,
    /// Steps of the fall. Default 10.
    pub decay_steps: usize,
    /// Weight of the penalty that keeps cells active. Default 0.1.
    pub penalty: f64,
    /// Iterations with the penalty. Default: three fifths of all, 150,000.
    pub penalty_until: Option<u64>,
    /// Length of a frame of the simulation, seconds. Default 0.02.
    pub dt: f64,
    /// Frames of the data in a sequence. Default 19.
    pub frames: usize,
    /// Channels of the decoder's hidden layer. Default 8.
    pub hidden: usize,
    /// Dropout of the hidden layer. Default 0.5.
    pub dropout: f64,
    /// Whether the decoder starts with random weights in place of equal ones. Default: no, as in the publication.
    pub random_decoder: bool,
    /// Probability of a rotation. Default 0.5.
    pub rotation: f64,
    /// Probability of a reflection. Default 0.5.
    pub flip: f64,
    /// Iterations between validations, and between checkpoints. Default 3,600.
    pub validate_every: u64,
    /// Seed of the first model; the next ones have the next seeds. Default 0.
    pub seed: u64,
    /// Variations of luminance.
    pub light: Light,
    /// What is seen. Default: 64 scenes, 8 of them held out.
    pub movies: Movies,
}

impl Default for FlyTrainSettings {
    fn default() -> Self {
        let AugmentationOptions { rotation, flip, dt, .. } = AugmentationOptions::default();
        Self {
            models: 1,
            extent: 15,
            start: "untrained".into(),
            iterations: 250_000,
            batch: 4,
            lr: 5e-5,
            lr_decoder: None,
            lr_left: 0.1,
            decay: DecayShape::default().name().into(),
            decay_steps: 10,
            penalty: ActivityPenalty::default().weight,
            penalty_until: None,
            dt,
            frames: 19,
            hidden: 8,
            dropout: 0.5,
            random_decoder: false,
            rotation,
            flip,
            validate_every: 3600,
            seed: 0,
            light: Light::default(),
            movies: Movies::Scenes { scenes: 64, held_out: 8, seed: 0 },
        }
    }
}

impl FlyTrainSettings {
    /// Reads a `config.toml`. What it does not say is as by default.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Settings`] for keys that are not known and values that are none.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = super::read(path)?;
        let bad = |e: toml::de::Error| Error::Settings { path: path.into(), problem: e.to_string().trim_end().into() };
        toml::from_str(&text).map_err(bad)
    }

    /// The settings as TOML.
    ///
    /// # Errors
    /// [`Error::Settings`] for paths that are no text.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|e| Error::Settings { path: "config.toml".into(), problem: e.to_string() })
    }

    /// The settings of a model's training.
    ///
    /// # Errors
    /// [`Error::Vision`] with the one that makes no sense.
    pub fn training(&self, model: usize) -> Result<TrainingSettings, Error> {
        let base = TrainingSettings::lasting(self.iterations);
        let decay = |start: f64| -> Result<Decay, Error> {
            Ok(Decay {
                shape: DecayShape::from_str(&self.decay)?,
                start,
                stop: self.lr_left * start,
                steps: self.decay_steps.min(base.lr_network.until as usize),
                ..base.lr_network.clone()
            })
        };
        let until = self.penalty_until.unwrap_or(base.penalty.until);
        let settings = TrainingSettings {
            batch: self.batch,
            loss: Loss::L2Norm,
            lr_network: decay(self.lr)?,
            lr_decoder: decay(self.lr_decoder.unwrap_or(self.lr))?,
            lr_penalty: decay(self.lr)?,
            penalty: ActivityPenalty { weight: self.penalty, until, ..base.penalty.clone() },
            decoder: DecoderOptions {
                hidden: vec![self.hidden],
                dropout: self.dropout,
                initial: if self.random_decoder {
                    Initial::Uniform { seed: self.model_seed(model) }
                } else {
                    DecoderOptions::default().initial
                },
                ..DecoderOptions::default()
            },
            augmentation: AugmentationOptions {
                crop: Crop::Frames(self.frames),
                noise: self.light.noise,
                contrast: self.light.contrast,
                brightness: self.light.brightness,
                rotation: self.rotation,
                flip: self.flip,
                dt: self.dt,
                ..AugmentationOptions::default()
            },
            validate_every: self.validate_every,
            seed: self.model_seed(model),
            ..base
        };
        settings.validate()?;
        Ok(settings)
    }

    /// The seed of a model.
    pub fn model_seed(&self, model: usize) -> u64 {
        self.seed.wrapping_add(model as u64)
    }

    /// Network and decoder of a model before its training.
    ///
    /// # Errors
    /// [`Error::Vision`] for settings that make no sense and parameters that cannot be read.
    pub fn build(&self, model: usize) -> Result<FlyTraining, Error> {
        let fly = expand(&fly_vision::connectome()?, Extent(self.extent)).map_err(fly_vision::Error::from)?;
        let builder = Network::builder(Wiring::from_hex(&fly)?);
        let mut training = FlyTraining::new(builder, self.training(model)?)?;
        if self.start != "untrained" {
            let population: Population = self.start.parse()?;
            let [start] = population.models() else {
                let problem = format!("{:?} names several models; one is needed", self.start);
                return Err(Error::Setting { key: "start", problem });
            };
            match start {
                Model::Published(number) => training.network_mut().set_pretrained(*number)?,
                Model::File(path) => training.network_mut().load(path)?,
            }
        }
        Ok(training)
    }

    /// The data, and which sequences validate.
    ///
    /// # Errors
    /// [`Error::Setting`] unless some scenes are left to train on; [`Error::Vision`] for films that cannot be read.
    pub fn data(&self) -> Result<(FlowSet, Split), Error> {
        let extent = Extent(self.extent);
        match &self.movies {
            Movies::Scenes { scenes, held_out, seed } => {
                if held_out >= scenes {
                    let problem = format!("{held_out} of {scenes} scenes are held out; leave some to train on");
                    return Err(Error::Setting { key: "held_out", problem });
                }
                let frames = self.frames;
                let settings = SceneSettings { extent, scenes: *scenes, seed: *seed, frames, ..Default::default() };
                let rendered = scenes_flow(&Scenes::new(settings, Vec::new())?)?;
                let first = scenes - held_out;
                Ok((rendered, Split::by(*scenes, |scene| scene >= first)))
            }
            Movies::Sintel { folder } => Ok(sintel_flow(folder, extent)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_publication() {
        let settings = FlyTrainSettings::default();
        assert_eq!(settings.training(0).unwrap(), TrainingSettings::default());
        assert_eq!(settings.training(3).unwrap(), TrainingSettings { seed: 3, ..TrainingSettings::default() });
        let again: FlyTrainSettings = toml::from_str(&settings.to_toml().unwrap()).unwrap();
        assert_eq!(again, settings);
        assert!(toml::from_str::<FlyTrainSettings>("lrr = 1.0").is_err());
        assert!(FlyTrainSettings { decay: "cosine".into(), ..settings }.training(0).is_err());
    }
}
