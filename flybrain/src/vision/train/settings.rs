//! Settings of a training, as they stand in `config.toml`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use connectome_graph::hex::{Extent, Fill, expand, expand_with};
use connectome_graph::null::LatticeShuffle;
use fly_vision::network::{self, Grey, Initials, Network, Strength, Training, Wiring};
use fly_vision::stimulus::{MotionSettings, NoiseSettings, SceneSettings, Scenes};
use fly_vision::task::{AugmentationOptions, Crop, Decay, DecayShape, DecoderOptions, FlowSet, Initial, Loss, Split};
use fly_vision::training::{ActivityPenalty, FlyTraining, TrainingSettings, scenes_flow, sintel_flow};
use serde::{Deserialize, Serialize};
use tch_train::{Clip, StepsOf};

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
        /// How they look and move.
        #[serde(default)]
        look: SceneLook,
    },
    /// The films of MPI-Sintel with the split of the publication.
    Sintel {
        /// The unpacked data set: the folder that holds `training`.
        folder: PathBuf,
    },
}

/// Which cells are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlyWiring {
    /// As measured, with gaps within receptive fields filled as in the publication. The default.
    #[default]
    Measured,
    /// As measured, nothing filled: what the others are compared with.
    Unfilled,
    /// [`LatticeShuffle::Symmetries`] of that: the receptive field of each pair of types turned and mirrored, by the model's seed.
    Symmetries,
    /// [`LatticeShuffle::Numbers`]: synapse numbers exchanged at equal distance.
    Numbers,
    /// [`LatticeShuffle::Rings`]: synapses placed anew at equal distance.
    Rings,
}

impl FromStr for FlyWiring {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        const ALL: [(&str, FlyWiring); 5] = [
            ("measured", FlyWiring::Measured),
            ("unfilled", FlyWiring::Unfilled),
            ("symmetries", FlyWiring::Symmetries),
            ("numbers", FlyWiring::Numbers),
            ("rings", FlyWiring::Rings),
        ];
        ALL.into_iter().find(|(known, _)| *known == name).map(|(_, wiring)| wiring).ok_or_else(|| {
            let problem = format!("there is no {name:?}; there are {}", ALL.map(|(name, _)| name).join(", "));
            Error::Setting { key: "wiring", problem }
        })
    }
}

/// How scenes look and move. Defaults are those of [`SceneSettings`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneLook {
    /// Largest number of objects in a scene.
    pub objects: usize,
    /// Standard deviation of each component of the camera's velocity, columns per second.
    pub camera_speed: f64,
    /// That of objects.
    pub object_speed: f64,
    /// Standard deviation of the luminance of textures.
    pub contrast: f64,
    /// How the power of textures falls with frequency: `1 / f^alpha`.
    pub alpha: f64,
}

impl Default for SceneLook {
    fn default() -> Self {
        let SceneSettings { objects, camera, motion, noise, .. } = SceneSettings::default();
        Self {
            objects,
            camera_speed: camera.translation,
            object_speed: motion.translation,
            contrast: noise.contrast,
            alpha: noise.alpha,
        }
    }
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
    /// Which cells are connected. Default: as measured, with gaps filled.
    pub wiring: FlyWiring,
    /// Whether the network stays as it is, and the decoder alone is trained. Default: no.
    pub frozen: bool,
    /// Iterations. Default 250,000.
    pub iterations: u64,
    /// Sequences in an iteration. Default 4.
    pub batch: usize,
    /// Learning rate of the network at first. Default 5e-5.
    pub lr: f64,
    /// Learning rate of time constants at first. Default: the network's.
    pub lr_time_constant: Option<f64>,
    /// Learning rate of strengths at first. Default: the network's.
    pub lr_strength: Option<f64>,
    /// Whether the learning rate of strengths is relative to each: steps are those of logarithms. Default: no.
    pub relative_strengths: bool,
    /// Learning rate of the decoder at first. Default: the network's.
    pub lr_decoder: Option<f64>,
    /// Learning rate of the penalty at first. Default: the network's.
    pub lr_penalty: Option<f64>,
    /// Potential of all central cells of an untrained network in grey, by their resting potentials: [`Network::balance`]. Default: none; resting
    /// potentials are drawn as in the publication, and half of the pathways are silent at first.
    pub balance: Option<f64>,
    /// Standard deviation of the logarithms of the time constants of an untrained network, whose median is 0.05 s. Default 0.
    pub time_constant_spread: f64,
    /// Least time constant, seconds. Default 0: only the length of a frame bounds it.
    pub least_time_constant: f64,
    /// Largest norm of the gradient of resting potentials, of time constants, of strengths and of the decoder. Default: none.
    pub clip: Option<f64>,
    /// What absolute weights of the inputs of an untrained cell sum to, all its synapses being of one strength. Default: none; strengths start as
    /// in the publication, 0.01 for each pair of types.
    pub total_input: Option<f64>,
    /// What part of learning rates is left at the end. Default 0.1.
    pub lr_left: f64,
    /// How learning rates fall: `linear`, `stepwise` (default), `stepwise_half`, `stepwise_2ndhalf`, `steponential`, `exponential`,
    /// `exponential_half`.
    pub decay: String,
    /// Steps of the fall. Default 10.
    pub decay_steps: usize,
    /// Weight of the penalty that keeps cells active. Default 0.1.
    pub penalty: f64,
    /// Mean potential of cells that is not penalised. Default 5.
    pub baseline: f64,
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
            wiring: FlyWiring::Measured,
            frozen: false,
            iterations: 250_000,
            batch: 4,
            lr: 5e-5,
            lr_time_constant: None,
            lr_strength: None,
            relative_strengths: false,
            lr_decoder: None,
            lr_penalty: None,
            balance: None,
            time_constant_spread: 0.0,
            least_time_constant: 0.0,
            clip: None,
            total_input: None,
            lr_left: 0.1,
            decay: DecayShape::default().name().into(),
            decay_steps: 10,
            penalty: ActivityPenalty::default().weight,
            baseline: ActivityPenalty::default().baseline,
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
            movies: Movies::Scenes { scenes: 64, held_out: 8, seed: 0, look: SceneLook::default() },
        }
    }
}

/// Sets of settings to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recipe {
    /// Those with which untrained networks learn to see motion in procedural scenes within minutes. The default of the command line.
    #[default]
    FromScratch,
    /// Those of the publication, which trained for days.
    Publication,
}

impl FromStr for Recipe {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "from-scratch" => Ok(Self::FromScratch),
            "publication" => Ok(Self::Publication),
            _ => {
                let problem = format!("there is no {name:?}; there are from-scratch and publication");
                Err(Error::Setting { key: "recipe", problem })
            }
        }
    }
}

impl From<Recipe> for FlyTrainSettings {
    fn from(recipe: Recipe) -> Self {
        match recipe {
            Recipe::FromScratch => Self::from_scratch(),
            Recipe::Publication => Self::default(),
        }
    }
}

impl FlyTrainSettings {
    /// Settings with which an untrained network learns to see motion in procedural scenes within minutes. They differ from the publication's,
    /// which took days, in this:
    ///
    /// - Gaps within receptive fields are not filled with synapses that nobody measured, with which T4 becomes less selective.
    /// - A small eye: 91 columns. What is learned holds for eyes of any size.
    /// - Synapses of a cell are equally strong at first, and sum to 2: signals reach T4 and T5, where in the publication they have faded to
    ///   a thousandth.
    /// - All central cells are a little above threshold at first, in grey: every pathway is open, and rectifies. From random resting
    ///   potentials half of them are closed, and learning begins late, if at all.
    /// - Time constants differ at first: delays, which motion detectors compare, are there to be chosen from.
    /// - Learning rates of strengths are relative, larger, and fall steadily; gradients are clipped and time constants bounded, or the network
    ///   explodes after a while.
    /// - Activity is kept where it starts.
    /// - The decoder's channels differ at first, it learns faster, and nothing is dropped out.
    /// - Scenes have more contrast and less of their power at low frequencies; light is not varied.
    pub fn from_scratch() -> Self {
        Self {
            wiring: FlyWiring::Unfilled,
            extent: 5,
            iterations: 5000,
            lr: 1e-3,
            lr_time_constant: Some(2e-4),
            lr_strength: Some(3e-3),
            relative_strengths: true,
            lr_decoder: Some(5e-3),
            lr_penalty: Some(0.1),
            lr_left: 0.1,
            decay: DecayShape::Exponential.name().into(),
            balance: Some(0.1),
            time_constant_spread: 0.5,
            least_time_constant: 0.03,
            clip: Some(1.0),
            total_input: Some(2.0),
            baseline: 0.1,
            dropout: 0.0,
            random_decoder: true,
            validate_every: 500,
            light: Light { noise: 0.0, contrast: 0.0, brightness: 0.0 },
            movies: Movies::Scenes {
                scenes: 256,
                held_out: 32,
                seed: 0,
                look: SceneLook { objects: 3, camera_speed: 10.0, object_speed: 12.0, contrast: 0.4, alpha: 1.2 },
            },
            ..Self::default()
        }
    }

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
            lr_time_constant: decay(self.lr_time_constant.unwrap_or(self.lr))?,
            lr_strength: decay(self.lr_strength.unwrap_or(self.lr))?,
            strength_steps: if self.relative_strengths { StepsOf::Logarithm } else { StepsOf::Parameter },
            lr_decoder: decay(self.lr_decoder.unwrap_or(self.lr))?,
            lr_penalty: decay(self.lr_penalty.unwrap_or(self.lr))?,
            least_time_constant: self.least_time_constant,
            clip: self.clip.map_or(Clip::Not, Clip::NormOfGroup),
            penalty: ActivityPenalty { weight: self.penalty, baseline: self.baseline, until, ..base.penalty.clone() },
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

    /// The wiring of a model on an eye.
    ///
    /// # Errors
    /// [`Error::Vision`] if the eye is too large.
    pub fn wiring(&self, model: usize, extent: Extent) -> Result<Wiring, Error> {
        let measured = fly_vision::connectome()?;
        let shuffle = match self.wiring {
            FlyWiring::Measured => {
                return Ok(Wiring::from_hex(&expand(&measured, extent).map_err(fly_vision::Error::from)?)?);
            }
            FlyWiring::Unfilled => None,
            FlyWiring::Symmetries => Some(LatticeShuffle::Symmetries),
            FlyWiring::Numbers => Some(LatticeShuffle::Numbers),
            FlyWiring::Rings => Some(LatticeShuffle::Rings),
        };
        let shuffled = shuffle.map(|shuffle| shuffle.connectome(&measured, self.model_seed(model)));
        let connectome = shuffled.transpose().map_err(fly_vision::Error::from)?.unwrap_or(measured);
        Ok(Wiring::from_hex(&expand_with(&connectome, extent, Fill::None).map_err(fly_vision::Error::from)?)?)
    }

    /// Network and decoder of a model before its training.
    ///
    /// # Errors
    /// [`Error::Vision`] for settings that make no sense and parameters that cannot be read.
    pub fn build(&self, model: usize) -> Result<FlyTraining, Error> {
        let mut initials = Initials::default();
        if let Some(total) = self.total_input {
            initials.strength = Strength::Total(total);
        }
        if self.time_constant_spread != 0.0 {
            // resting potentials have seed 0 of the same generator
            let (spread, seed) = (self.time_constant_spread, !self.model_seed(model));
            initials.time_constant = network::Initial::LogNormal { median: 0.05, spread, seed };
        }
        if self.frozen {
            let fixed = Training::Fixed;
            (initials.train_bias, initials.train_time_constant, initials.train_strength) = (fixed, fixed, fixed);
        }
        let builder = Network::builder(self.wiring(model, Extent(self.extent))?).initials(initials);
        let mut training = FlyTraining::new(builder, self.training(model)?)?;
        if let Some(potential) = self.balance {
            training.network_mut().balance(potential, Grey::default().luminance)?;
        }
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
        training.bound()?;
        Ok(training)
    }

    /// The data, and which sequences validate.
    ///
    /// # Errors
    /// [`Error::Setting`] unless some scenes are left to train on; [`Error::Vision`] for films that cannot be read.
    pub fn data(&self) -> Result<(FlowSet, Split), Error> {
        let extent = Extent(self.extent);
        match &self.movies {
            Movies::Scenes { scenes, held_out, seed, look } => {
                if held_out >= scenes {
                    let problem = format!("{held_out} of {scenes} scenes are held out; leave some to train on");
                    return Err(Error::Setting { key: "held_out", problem });
                }
                let frames = self.frames;
                let base = SceneSettings::default();
                let settings = SceneSettings {
                    extent,
                    scenes: *scenes,
                    seed: *seed,
                    frames,
                    objects: look.objects,
                    camera: MotionSettings { translation: look.camera_speed, ..base.camera },
                    motion: MotionSettings { translation: look.object_speed, ..base.motion },
                    noise: NoiseSettings { contrast: look.contrast, alpha: look.alpha, ..base.noise },
                    ..base
                };
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
