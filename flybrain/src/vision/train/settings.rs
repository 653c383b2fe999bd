//! Settings of a training, as they stand in `config.toml`.

use std::path::Path;

use fly_vision::network::Activation;
use fly_vision::task::{AugmentationOptions, DecayShape};
use fly_vision::training::ActivityPenalty;
use serde::{Deserialize, Serialize};

use super::choices::{FlyWiring, Light, Movies, Pull, Recipe, SceneLook};
use crate::Error;
use crate::vision::{Model, Population};

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
    /// How potentials become outputs, by torch's name. Default: ReLU.
    pub activation: String,
    /// Slope of LeakyReLU below 0. Default: torch's, 0.01.
    pub leak: Option<f64>,
    /// That slope at the end, above 0. Default: it stays.
    pub leak_end: Option<f64>,
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
    /// Potential of all central cells of an untrained network in grey, by their resting potentials:
    /// [`Network::balance`](fly_vision::network::Network::balance). Default: none; resting potentials are drawn as in the
    /// publication, and half of the pathways are silent at first.
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
    /// How learning rates fall, and whatever else has an end: `linear`, `stepwise` (default), `stepwise_half`, `stepwise_2ndhalf`,
    /// `steponential`, `exponential`, `exponential_half`.
    pub decay: String,
    /// Steps of the fall. Default 10.
    pub decay_steps: usize,
    /// Weight of the penalty that keeps cells active. Default 0.1.
    pub penalty: f64,
    /// Mean potential of cells that is not penalised. Default 5.
    pub baseline: f64,
    /// Weight of that penalty at the end, above 0. Default: it stays.
    pub penalty_end: Option<f64>,
    /// Iterations with the penalty. Default: three fifths of all, 150,000.
    pub penalty_until: Option<u64>,
    /// Length of a frame of the simulation, seconds. Default 0.02.
    pub dt: f64,
    /// That length at the end, above 0. Default: it stays.
    pub dt_end: Option<f64>,
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
    /// Penalty on parameters by their distance from 0, with the learning rate of the penalty on activity. Default: none.
    pub weight_decay: Pull,
    /// Penalty on parameters by their distance from where they started, likewise. Default: none.
    pub prior: Pull,
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
            start: UNTRAINED.into(),
            activation: Activation::Relu.name().into(),
            leak: None,
            leak_end: None,
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
            penalty_end: None,
            penalty_until: None,
            dt,
            dt_end: None,
            frames: 19,
            hidden: 8,
            dropout: 0.5,
            random_decoder: false,
            rotation,
            flip,
            validate_every: 3600,
            seed: 0,
            weight_decay: Pull::default(),
            prior: Pull::default(),
            light: Light::default(),
            movies: Movies::Scenes { scenes: 64, held_out: 8, seed: 0, look: SceneLook::default() },
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

/// What a training starts from where it is no model.
pub(super) const UNTRAINED: &str = "untrained";

impl FlyTrainSettings {
    /// The same, with a file to start from and a folder of films as they are found from any folder, whether they are still there or not.
    #[must_use]
    pub fn located(mut self) -> Self {
        if self.start != UNTRAINED
            && let Ok([Model::File(path)]) = self.start.parse::<Population>().as_ref().map(Population::models)
            && let Some(path) = std::path::absolute(path).ok().and_then(|path| path.into_os_string().into_string().ok())
        {
            self.start = path;
        }
        if let Movies::Sintel { folder } = &mut self.movies
            && let Ok(path) = std::path::absolute(&folder)
        {
            *folder = path;
        }
        self
    }

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
}

#[cfg(test)]
mod tests {
    use fly_vision::training::{ParameterPenalty, Penalised, Towards, TrainingSettings};

    use super::*;

    #[test]
    fn starts_are_found_from_any_folder() {
        let located =
            |start: &str| FlyTrainSettings { start: start.to_owned(), ..FlyTrainSettings::default() }.located().start;
        assert_eq!(["untrained", "3"].map(located), ["untrained", "3"]);
        let movies = Movies::Sintel { folder: "films".into() };
        let Movies::Sintel { folder } = (FlyTrainSettings { movies, ..FlyTrainSettings::default() }).located().movies
        else {
            panic!("films stay films")
        };
        assert!(folder.is_absolute() && folder.ends_with("flybrain/films"), "{folder:?}");
        for start in ["Cargo.toml", "absent.pt"] {
            let file = located(start);
            assert!(Path::new(&file).is_absolute() && file.ends_with(&format!("flybrain/{start}")), "{file}");
            assert_eq!(located(&file), file);
        }
    }

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

    /// Of the shape whose stop is a ratio, too, so much of a learning rate is left.
    #[test]
    fn learning_rates_fall_to_what_is_left_of_them() {
        for lr in [1e-3, 0.5] {
            let text =
                format!("iterations = 100\ndecay = \"steponential\"\nlr = {lr}\nlr_left = 0.25\ndecay_steps = 4");
            let rate = toml::from_str::<FlyTrainSettings>(&text).unwrap().training(0).unwrap().lr_network;
            let steps = [0, 25, 50, 75, 99].map(|iteration| rate.at(iteration) / lr);
            for (got, want) in steps.iter().zip([1.0, 0.75, 0.5, 0.25, 0.25].map(|x: f64| 0.25f64.powf(1.0 - x))) {
                assert!((got - want).abs() < 1e-12, "{got}, {want}");
            }
        }
    }

    /// Errors name the settings as they are called here.
    #[test]
    fn wrong_settings_are_named() {
        for (text, key) in [
            ("lr = 0.0", "lr"),
            ("lr_decoder = -1.0", "lr_decoder"),
            ("lr_left = 0.0", "lr_left"),
            ("penalty = -1.0", "penalty"),
            ("prior = { strengths = -1.0 }", "prior"),
            ("frames = 0", "frames"),
            ("iterations = 0", "iterations"),
            ("decay_steps = 0", "decay_steps"),
            ("iterations = 10\ndecay = \"stepwise_half\"", "decay_steps"),
            ("dt = 0.0\ndt_end = 0.01", "dt"),
            ("dt_end = 0.0", "dt_end"),
        ] {
            let told = toml::from_str::<FlyTrainSettings>(text).unwrap().training(0).unwrap_err();
            assert!(matches!(&told, Error::Setting { key: named, .. } if *named == key), "{text}: {told}");
        }
    }

    #[test]
    fn what_has_an_end_falls_as_learning_rates_do() {
        let text = "iterations = 11\ndecay = \"linear\"\ndt_end = 0.01\npenalty_end = 0.05\nactivation = \"LeakyReLU\"\nleak_end = 0.001\n\
                    prior = { strengths = 2.0 }\nweight_decay = { time_constants = 3.0 }";
        let settings: FlyTrainSettings = toml::from_str(text).unwrap();
        let training = settings.training(0).unwrap();
        let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-12, "{got}, {want}");
        near(training.dt_at(0), 0.02);
        near(training.dt_at(5), 0.015);
        near(training.dt_at(11), 0.01);
        let [weight, leak] = [training.penalty_weight, training.leak].map(Option::unwrap);
        near(weight.at(0), 0.1);
        near(weight.at(11), 0.05);
        near(leak.at(0), 0.01);
        near(leak.at(11), 0.001);
        let penalty = |parameters, towards, weight| ParameterPenalty { parameters, towards, weight };
        assert_eq!(
            training.parameter_penalties,
            [penalty(Penalised::TimeConstants, Towards::Zero, 3.0), penalty(Penalised::Strengths, Towards::Start, 2.0),]
        );
        let small = FlyTrainSettings { extent: 1, ..settings };
        match small.build(0).unwrap().network().activation() {
            Activation::LeakyRelu(leak) => near(leak, 0.01),
            other => panic!("{other:?}"),
        }
        let rectified = FlyTrainSettings { activation: "relu".into(), ..small.clone() };
        assert!(rectified.build(0).unwrap_err().to_string().contains("no slope"));
        let published = FlyTrainSettings { start: "0".into(), ..small };
        assert!(published.build(0).unwrap_err().to_string().contains("ReLU"));
    }
}
