//! From settings to networks and data.

use std::str::FromStr;

use connectome_graph::hex::{Extent, Fill, expand, expand_with};
use connectome_graph::null::LatticeShuffle;
use fly_vision::network::{self, Activation, Grey, Initials, Network, Strength, Training, Wiring};
use fly_vision::stimulus::{MotionSettings, NoiseSettings, SceneSettings, Scenes};
use fly_vision::task::{AugmentationOptions, Crop, Decay, DecayShape, DecoderOptions, FlowSet, Initial, Loss, Split};
use fly_vision::training::{ActivityPenalty, FlyTraining, Towards, TrainingSettings, scenes_flow, sintel_flow};
use tch_train::{Clip, StepsOf};

use super::choices::{FlyWiring, Movies};
use super::settings::FlyTrainSettings;
use super::settings::UNTRAINED;
use crate::Error;
use crate::vision::{Model, Population};

/// What is wrong with a setting, under the name that it has here.
fn named(key: &'static str) -> impl Fn(fly_vision::Error) -> Error {
    move |error| match error {
        fly_vision::Error::Setting { what, .. } => Error::Setting { key, problem: what },
        other => other.into(),
    }
}

impl FlyTrainSettings {
    /// The settings of a model's training.
    ///
    /// # Errors
    /// [`Error::Vision`] with the one that makes no sense.
    pub fn training(&self, model: usize) -> Result<TrainingSettings, Error> {
        for (key, least) in
            [("iterations", self.iterations), ("decay_steps", self.decay_steps as u64), ("frames", self.frames as u64)]
        {
            if least == 0 {
                return Err(Error::Setting { key, problem: "0; at least 1".into() });
            }
        }
        let base = TrainingSettings::lasting(self.iterations);
        let shape = DecayShape::from_str(&self.decay)?;
        let above_0 = |key: &'static str, value: f64| match value.is_finite() && value > 0.0 {
            true => Ok(()),
            false => Err(Error::Setting { key, problem: format!("{value}; a number above 0 is wanted") }),
        };
        let decay = |start: f64, end: f64| -> Result<Decay, Error> {
            // of that shape the last step is the start times the stop, less a step
            let stop = if shape == DecayShape::Steponential { end / start } else { end };
            let steps = self.decay_steps.min(base.lr_network.until as usize);
            let decay = Decay { shape, start, stop, steps, ..base.lr_network.clone() };
            decay.validate().map_err(named("decay_steps"))?;
            Ok(decay)
        };
        above_0("lr_left", self.lr_left)?;
        let rate = |key: &'static str, lr: f64| -> Result<Decay, Error> {
            above_0(key, lr)?;
            decay(lr, self.lr_left * lr)
        };
        // what has no end stays
        let change = |keys: [&'static str; 2], start: f64, end: Option<f64>| -> Result<Option<Decay>, Error> {
            let Some(end) = end else { return Ok(None) };
            above_0(keys[0], start)?;
            above_0(keys[1], end)?;
            decay(start, end).map(Some)
        };
        let pulls = [("weight_decay", self.weight_decay, Towards::Zero), ("prior", self.prior, Towards::Start)];
        let mut parameter_penalties = Vec::new();
        for (key, pull, towards) in pulls {
            for penalty in pull.penalties(towards) {
                penalty.validate().map_err(named(key))?;
                parameter_penalties.push(penalty);
            }
        }
        let until = self.penalty_until.unwrap_or(base.penalty.until);
        let settings = TrainingSettings {
            batch: self.batch,
            loss: Loss::L2Norm,
            lr_network: rate("lr", self.lr)?,
            lr_time_constant: rate("lr_time_constant", self.lr_time_constant.unwrap_or(self.lr))?,
            lr_strength: rate("lr_strength", self.lr_strength.unwrap_or(self.lr))?,
            strength_steps: if self.relative_strengths { StepsOf::Logarithm } else { StepsOf::Parameter },
            lr_decoder: rate("lr_decoder", self.lr_decoder.unwrap_or(self.lr))?,
            lr_penalty: rate("lr_penalty", self.lr_penalty.unwrap_or(self.lr))?,
            least_time_constant: self.least_time_constant,
            clip: self.clip.map_or(Clip::Not, Clip::NormOfGroup),
            penalty: ActivityPenalty { weight: self.penalty, baseline: self.baseline, until, ..base.penalty.clone() },
            penalty_weight: change(["penalty", "penalty_end"], self.penalty, self.penalty_end)?,
            parameter_penalties,
            dt: change(["dt", "dt_end"], self.dt, self.dt_end)?,
            leak: change(["leak", "leak_end"], self.leak.unwrap_or(Activation::LEAK), self.leak_end)?,
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
        settings.penalty.validate().map_err(named("penalty"))?;
        settings.validate()?;
        Ok(settings)
    }

    /// How potentials become outputs at first.
    fn activation(&self) -> Result<Activation, Error> {
        let activation = self.activation.parse().map_err(fly_vision::Error::from)?;
        match (activation, self.leak, self.leak_end) {
            (Activation::LeakyRelu(_), leak, _) => {
                let leak = leak.unwrap_or(Activation::LEAK);
                if !leak.is_finite() {
                    return Err(Error::Setting { key: "leak", problem: format!("{leak}; a number is wanted") });
                }
                Ok(Activation::LeakyRelu(leak))
            }
            (other, None, None) => Ok(other),
            (other, ..) => {
                let problem = format!("{} has no slope to choose; LeakyReLU has", other.name());
                Err(Error::Setting { key: "leak", problem })
            }
        }
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
        let mut training = self.blank(model)?;
        if let Some(potential) = self.balance {
            training.network_mut().balance(potential, Grey::default().luminance)?;
        }
        if let Some(start) = self.start()? {
            match start {
                Model::Published(number) => training.network_mut().set_pretrained(number)?,
                Model::File(path) => training.network_mut().load(path)?,
            }
            let (theirs, activation) = (training.network().activation(), self.activation()?);
            if theirs.name() != activation.name() {
                let problem = format!("{} here; the network to start from has {}", activation.name(), theirs.name());
                return Err(Error::Setting { key: "activation", problem });
            }
            if self.leak_end.is_none() && theirs != activation {
                let problem = format!("{activation:?} here; the network to start from has {theirs:?}: give its slope");
                return Err(Error::Setting { key: "leak", problem });
            }
            training.enter(0);
        }
        training.bound()?;
        Ok(training)
    }

    /// The model whose parameters a training starts from; none for an untrained network.
    pub(super) fn start(&self) -> Result<Option<Model>, Error> {
        if self.start == UNTRAINED {
            return Ok(None);
        }
        match self.start.parse::<Population>()?.models() {
            [start] => Ok(Some(start.clone())),
            _ => {
                let problem = format!("{:?} names several models; one is needed", self.start);
                Err(Error::Setting { key: "start", problem })
            }
        }
    }

    /// Network and decoder of a model that take their parameters from a checkpoint: those to start from are not read.
    pub(super) fn blank(&self, model: usize) -> Result<FlyTraining, Error> {
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
        let activation = self.activation()?;
        let wiring = self.wiring(model, Extent(self.extent))?;
        let builder = Network::builder(wiring).initials(initials).activation(activation);
        Ok(FlyTraining::new(builder, self.training(model)?)?)
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
