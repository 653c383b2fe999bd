//! Settings of a run, from TOML or YAML.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use convgru_feedback::Schedule;
use convgru_feedback::stimulus::images::Normalisation;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Settings of a run. The first block has the keys and defaults of the reference's `mnist.yaml`, the second is ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The table of areas; relative to the file of settings.
    pub graph_loc: PathBuf,
    /// The set of images; it decides what `normalise` does.
    pub dataset: DataSet,
    /// Folder of its IDX files; relative to the file of settings.
    pub data_path: PathBuf,
    /// Areas that get the images, by number.
    pub input_nodes: Vec<usize>,
    /// The area that is read, by number: one, or a list of one.
    pub output_nodes: Nodes,
    /// Times that all images are gone through.
    pub epochs: u64,
    /// Images in a step.
    pub batch_size: usize,
    /// Learning rate of Adam.
    pub lr: f64,
    /// Seed of parameters, order and dropout.
    pub seed: u64,
    /// Whether there is feedback.
    pub topdown: bool,
    /// Whether there is dropout in training.
    pub dropout: bool,
    /// Its probability.
    pub dropout_p: f64,
    /// Channels of projections.
    pub proj_hidden_dim: i64,
    /// Classes.
    pub n_classes: i64,
    /// Taken, and without effect: images are in memory.
    pub num_workers: usize,
    /// Side that images are resized to, at most 4,096. Default: as they are (the reference's is 32, which does not fit its own example).
    pub image_size: Option<i64>,
    /// A `state_dict` of the network: read before training if it is there, written at the end.
    pub model_save: Option<PathBuf>,
    /// A JSON file of losses and accuracies by epoch, as the reference's pickle.
    pub results_save: Option<PathBuf>,

    /// Whether every edge has feedback in the other direction; otherwise negative entries of the table are feedback.
    pub reciprocal: bool,
    /// `synchronous`, `ping-pong` or `in-place`.
    #[serde(with = "schedule")]
    pub schedule: Schedule,
    /// Frames for which an image is shown: feedback needs more than one.
    pub frames: i64,
    /// Steps of the network, at most 100,000. Default: frames + areas - 1.
    pub process_time: Option<u32>,
    /// Whether states are normalised.
    pub layer_norm: bool,
    /// Whether cells have biases.
    pub cell_bias: bool,
    /// Whether feedback follows the reference where that is wrong, for its parameters.
    pub compat: bool,
    /// Hidden units of the readout.
    pub hidden_units: i64,
    /// Which images are learned and which are held out.
    pub split: Split,
    /// Whether pixels get mean 0 and standard deviation 1 over the training images of the set.
    pub normalise: bool,
    /// Epochs after which the learning rate is multiplied by `lr_factor`, again and again. Default: never.
    pub lr_epochs: Option<u64>,
    /// See `lr_epochs`.
    pub lr_factor: f64,
}

/// Sets of images; both come as the same files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataSet {
    /// Handwritten digits.
    Mnist,
    /// Clothes.
    FashionMnist,
}

impl DataSet {
    /// Mean and standard deviation of its pixels.
    pub fn normalisation(self) -> Normalisation {
        match self {
            Self::Mnist => Normalisation::MNIST,
            Self::FashionMnist => Normalisation { mean: 0.2860, std: 0.3530 },
        }
    }
}

/// Which images are learned and which are held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// The training images are learned, the test images held out. The default.
    Files,
    /// Of the training images, the last fifth of each class is held out.
    LastFifth,
}

/// One area or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "wanted is the number of an area, from 0, or a list of them")]
pub enum Nodes {
    /// One.
    One(usize),
    /// Several.
    Many(Vec<usize>),
}

impl Nodes {
    /// As a list.
    pub fn list(&self) -> &[usize] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            graph_loc: PathBuf::new(),
            dataset: DataSet::Mnist,
            data_path: "./data".into(),
            input_nodes: vec![0],
            output_nodes: Nodes::Many(vec![2]),
            epochs: 10,
            batch_size: 32,
            lr: 1e-3,
            seed: 42,
            topdown: true,
            dropout: true,
            dropout_p: 0.25,
            proj_hidden_dim: 32,
            n_classes: 10,
            num_workers: 4,
            image_size: None,
            model_save: None,
            results_save: None,
            reciprocal: true,
            schedule: Schedule::Synchronous,
            frames: 1,
            process_time: None,
            layer_norm: false,
            cell_bias: false,
            compat: false,
            hidden_units: 100,
            split: Split::Files,
            normalise: false,
            lr_epochs: None,
            lr_factor: 0.1,
        }
    }
}

impl Config {
    /// Reads settings, as YAML where the file's name ends in `.yaml` or `.yml`, else as TOML. Paths in it that are relative are those from
    /// the folder of the file.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Settings`] for what is no such text, keys that are not known and values that make no sense, with line and
    /// column where the format gives them.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let mut config: Self = parsed(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for relative in [&mut config.graph_loc, &mut config.data_path]
            .into_iter()
            .chain(config.model_save.as_mut())
            .chain(config.results_save.as_mut())
        {
            if relative.as_os_str().is_empty() {
                continue;
            }
            *relative = folder.join(&*relative);
        }
        Ok(config)
    }

    /// The settings as TOML.
    ///
    /// # Errors
    /// [`Error::Settings`] for paths that are no text.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|e| Error::Settings { path: "config.toml".into(), problem: e.to_string() })
    }

    /// Checks what can be checked without reading files.
    ///
    /// # Errors
    /// [`Error::Setting`] with the key and what would be right.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |key: &'static str, problem: String| Err(Error::Setting { key, problem });
        if self.graph_loc.as_os_str().is_empty() {
            return refuse("graph_loc", "no table of areas is named; set it, or give --graph".into());
        }
        if self.output_nodes.list().len() != 1 {
            return refuse("output_nodes", format!("{:?}; a classifier reads one area", self.output_nodes.list()));
        }
        let positive = [
            ("epochs", self.epochs as f64),
            ("batch_size", self.batch_size as f64),
            ("n_classes", self.n_classes as f64),
            ("frames", self.frames as f64),
            ("hidden_units", self.hidden_units as f64),
            ("image_size", self.image_size.unwrap_or(1) as f64),
            ("lr_epochs", self.lr_epochs.unwrap_or(1) as f64),
        ];
        if let Some((key, value)) = positive.into_iter().find(|(_, value)| *value < 1.0) {
            return refuse(key, format!("{value}; at least 1 is needed"));
        }
        let most = [
            ("n_classes", self.n_classes, 256),
            ("frames", self.frames, 10_000),
            ("image_size", self.image_size.unwrap_or(1), 4096),
            ("process_time", self.process_time.unwrap_or(1).into(), 100_000),
        ];
        if let Some((key, value, most)) = most.into_iter().find(|(_, value, most)| value > most) {
            return refuse(key, format!("{value}; at most {most} are taken"));
        }
        for (key, value) in [("lr", self.lr), ("lr_factor", self.lr_factor)] {
            if !(value > 0.0 && value.is_finite()) {
                return refuse(key, format!("{value}; a number above 0 is needed"));
            }
        }
        check_seed(self.seed)?;
        for (key, path) in [("model_save", &self.model_save), ("results_save", &self.results_save)] {
            let Some(path) = path else { continue };
            if path.as_os_str().is_empty() {
                return refuse(key, "it is empty; name a file, or leave it out".into());
            }
            if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
                return refuse(key, format!("{} is a folder; name a file", path.display()));
            }
        }
        if let Some(path) = &self.results_save
            && path.extension().is_none_or(|e| e != "json")
        {
            let problem = format!("{}; results are written as .json, pickles are not written", path.display());
            return refuse("results_save", problem);
        }
        Ok(())
    }

    /// The same settings, written as those of every run that is the same.
    pub(super) fn comparable(&self) -> Self {
        let dataset = if self.normalise { self.dataset } else { DataSet::Mnist };
        Self { dataset, output_nodes: Nodes::Many(self.output_nodes.list().to_vec()), ..self.clone() }
    }
}

/// Refuses a seed that TOML has no number for.
pub(super) fn check_seed(seed: u64) -> Result<(), Error> {
    if i64::try_from(seed).is_ok() {
        return Ok(());
    }
    Err(Error::Setting { key: "seed", problem: format!("{seed}; at most {} is taken", i64::MAX) })
}

/// Reads settings, as YAML where the file's name ends in `.yaml` or `.yml`, else as TOML.
pub(super) fn parsed<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let read = |source| Error::Read { path: path.to_path_buf(), source };
    /// Settings are a page; more is another file.
    const LARGEST: u64 = 1 << 20;
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text)).map_err(read)?;
    if text.len() as u64 > LARGEST {
        let problem = "it has more than a megabyte; is it the right file?".to_owned();
        return Err(Error::Settings { path: path.to_path_buf(), problem });
    }
    let is_yaml = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
    let parsed = if is_yaml {
        serde_saphyr::from_str(&text).map_err(|e| e.to_string())
    } else {
        toml::from_str(&text).map_err(|e| e.to_string())
    };
    parsed.map_err(|problem| Error::Settings { path: path.to_path_buf(), problem: problem.trim_end().into() })
}

/// Schedules by name.
pub(super) mod schedule {
    use convgru_feedback::Schedule;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(in crate::areas) fn serialize<S: Serializer>(schedule: &Schedule, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(schedule.name())
    }

    pub(in crate::areas) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Schedule, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}
