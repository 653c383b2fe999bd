//! Settings of a run.

use std::path::Path;

use connectome_graph::area::AreaGraph;
use connectome_graph::area::paper::{Modulation, PaperGraph, Tasks, Wiring};
use connectome_io::format::area_table::{Area, AreaTable};
use convgru_feedback::Schedule;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::areas::Split;
use crate::areas::config::{check_seed, parsed, schedule};

/// Settings of a run on the paper's audiovisual tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What is asked for: `image` (default), `audio`, or `four`, either of them as a cue tells.
    #[serde(with = "TasksName")]
    pub tasks: Tasks,
    /// Which areas drive which: `brainlike` (default), `mpc`, `random`, `random2`, `random3`, `big_rnn`, `mutual_feedback`,
    /// `mutual_feedforward`.
    #[serde(with = "WiringName")]
    pub wiring: Wiring,
    /// How feedback acts: `multiplicative` (default), `composite`, `basal`.
    #[serde(with = "ModulationName")]
    pub modulation: Modulation,
    /// Whether there is feedback. Default: true.
    pub topdown: bool,
    /// Channels of each area. Default: 10, as in the paper.
    pub channels: u32,
    /// What the sides of all areas are divided by: 1 (default, the paper's sizes), 2 or 4.
    pub shrink: u32,
    /// Channels of projections. Default: 32.
    pub proj_hidden_dim: i64,
    /// Hidden units of the readout. Default: 100.
    pub hidden_units: i64,
    /// `synchronous` (default), `ping-pong` (the reference's since 2025), `in-place` (the paper's).
    #[serde(with = "schedule")]
    pub schedule: Schedule,
    /// Frames for which image, sound and cue are shown. Default: 3, so that feedback acts while they are there. The reference shows one.
    pub frames: i64,
    /// Steps of the network. Default: frames + areas - 1.
    pub process_time: Option<u32>,
    /// Probability of dropout in training. Default: 0.25.
    pub dropout_p: f64,
    /// Whether spectrograms are scaled to 0 for silence and about 1 for loud sounds, `x / 6.9078 + 1`. Default: true. The reference takes
    /// them as they are, and silence is -6.9078.
    pub normalise: bool,
    /// Steps of training. Default: 3,000.
    pub steps: u64,
    /// Items in a step. Default: 32.
    pub batch_size: usize,
    /// Learning rate of Adam. Default: 1e-3.
    pub lr: f64,
    /// Seed of parameters, items, order and dropout. Default: 1.
    pub seed: u64,
    /// Steps from one validation, and one checkpoint, to the next. Default: 250.
    pub validate_every: u64,
    /// Items of each question that the network is validated and judged by, at most 1,000,000. Default: 400.
    pub test_items: u64,
    /// Items of each scenario for neighbourhood hit and gain. Default: 400.
    pub latent_items: u64,
    /// Which images are held out: `files` (default), `last_fifth`. Of recordings, the first five takes always are.
    pub split: Split,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Tasks", rename_all = "snake_case")]
enum TasksName {
    Image,
    Audio,
    Four,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Wiring", rename_all = "snake_case")]
enum WiringName {
    Brainlike,
    Mpc,
    Random,
    Random2,
    Random3,
    BigRnn,
    MutualFeedback,
    MutualFeedforward,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Modulation", rename_all = "snake_case")]
enum ModulationName {
    Multiplicative,
    Composite,
    Basal,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tasks: Tasks::default(),
            wiring: Wiring::default(),
            modulation: Modulation::default(),
            topdown: true,
            channels: 10,
            shrink: 1,
            proj_hidden_dim: 32,
            hidden_units: 100,
            schedule: Schedule::default(),
            frames: 3,
            process_time: None,
            dropout_p: 0.25,
            normalise: true,
            steps: 3_000,
            batch_size: 32,
            lr: 1e-3,
            seed: 1,
            validate_every: 250,
            test_items: 400,
            latent_items: 400,
            split: Split::Files,
        }
    }
}

impl Settings {
    /// Reads settings, as YAML where the file's name ends in `.yaml` or `.yml`, else as TOML.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Settings`] for what is no such text, keys that are not known and values that make no sense.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        parsed(path.as_ref())
    }

    /// The settings as TOML.
    ///
    /// # Errors
    /// [`Error::Settings`] for numbers beyond what TOML has.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|e| Error::Settings { path: "config.toml".into(), problem: e.to_string() })
    }

    /// The same settings but for one, given as `key=value`; the value as in TOML, quotes may be left out.
    ///
    /// # Errors
    /// [`Error::Settings`] for keys that are not known and values that make no sense, [`Error::Setting`] for a seed that TOML has no number
    /// for.
    pub fn with(&self, setting: &str) -> Result<Self, Error> {
        let bad = |problem: String| Error::Settings { path: setting.into(), problem: problem.trim_end().into() };
        let (key, value) = setting.split_once('=').ok_or_else(|| bad("not key=value".into()))?;
        check_seed(self.seed)?;
        let mut table = toml::Table::try_from(self).map_err(|e| bad(e.to_string()))?;
        if key.trim() == "seed"
            && let Ok(seed) = value.trim().parse()
        {
            check_seed(seed)?;
        }
        let quoted = || toml::Value::String(value.trim().to_owned());
        table.insert(key.trim().to_owned(), value.trim().parse().unwrap_or_else(|_| quoted()));
        table.try_into().map_err(|e: toml::de::Error| bad(e.to_string()))
    }

    /// Checks what can be checked without the files.
    ///
    /// # Errors
    /// [`Error::Setting`] with the key and what would be right.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |key: &'static str, problem: String| Err(Error::Setting { key, problem });
        if ![1, 2, 4].contains(&self.shrink) {
            return refuse("shrink", format!("{}; IT has 4 pixels a side: 1, 2 or 4", self.shrink));
        }
        let positive = [
            ("channels", f64::from(self.channels)),
            ("frames", self.frames as f64),
            ("process_time", f64::from(self.process_time.unwrap_or(1))),
            ("steps", self.steps as f64),
            ("batch_size", self.batch_size as f64),
            ("validate_every", self.validate_every as f64),
            ("test_items", self.test_items as f64),
        ];
        if let Some((key, value)) = positive.into_iter().find(|(_, value)| *value < 1.0) {
            return refuse(key, format!("{value}; at least 1 is needed"));
        }
        let most = [
            ("channels", u64::from(self.channels), 4096),
            ("frames", self.frames as u64, 10_000),
            ("process_time", self.process_time.unwrap_or(1).into(), 10_000),
            ("test_items", self.test_items, 1_000_000),
            ("latent_items", self.latent_items, 10_000),
        ];
        if let Some((key, value, most)) = most.into_iter().find(|(_, value, most)| value > most) {
            return refuse(key, format!("{value}; at most {most} are taken"));
        }
        if self.latent_items <= super::latent::NEIGHBORS as u64 {
            return refuse("latent_items", format!("{}; more than 6 neighbours are needed", self.latent_items));
        }
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return refuse("lr", format!("{}; a number above 0 is needed", self.lr));
        }
        check_seed(self.seed)
    }

    /// The paper's network that these settings start from.
    fn paper(&self) -> PaperGraph {
        PaperGraph { wiring: self.wiring, tasks: self.tasks, modulation: self.modulation }
    }

    /// The areas, in the paper's sizes or smaller.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Data`] for sizes that no area can have.
    pub fn table(&self) -> Result<AreaTable, Error> {
        self.check()?;
        let paper = self.paper().table();
        let channels = |n: u32| if n == 10 { self.channels } else { n };
        let areas = paper.areas().iter().map(|area| Area {
            hidden_dim: channels(area.hidden_dim),
            input_dim: channels(area.input_dim),
            input_h: area.input_h / self.shrink,
            input_w: area.input_w / self.shrink,
            basal_topdown_dim: channels(area.basal_topdown_dim),
            ..*area
        });
        Ok(AreaTable::new(paper.names().to_vec(), paper.adjacency().to_vec(), areas.collect())?)
    }

    /// The areas with their edges, inputs and output.
    ///
    /// # Errors
    /// As [`table`](Self::table).
    pub fn graph(&self) -> Result<AreaGraph, Error> {
        let paper = self.paper().graph();
        Ok(AreaGraph::new(&self.table()?, paper.inputs(), paper.outputs(), paper.feedback())?)
    }

    /// Steps of the network.
    pub(super) fn network_steps(&self, areas: usize) -> u32 {
        self.process_time.unwrap_or(u32::try_from(self.frames).unwrap_or(u32::MAX).saturating_add(areas as u32 - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_toml_and_are_changed_by_key() {
        let settings = Settings { wiring: Wiring::BigRnn, process_time: Some(4), ..Settings::default() };
        assert_eq!(toml::from_str::<Settings>(&settings.to_toml().unwrap()).unwrap(), settings);
        let changed = settings.with("tasks = four").unwrap().with("lr=0.01").unwrap().with("topdown=false").unwrap();
        assert_eq!(changed, Settings { tasks: Tasks::Four, lr: 0.01, topdown: false, ..settings.clone() });
        for (setting, wanted) in [("lr", "key=value"), ("rate=1", "unknown field"), ("wiring=tree", "brainlike")] {
            let message = settings.with(setting).unwrap_err().to_string();
            assert!(message.contains(wanted), "{message}");
        }
        assert!(
            settings.with("seed=18446744073709551615").unwrap_err().to_string().contains("at most 9223372036854775807")
        );
    }

    #[test]
    fn areas_shrink() {
        let settings = Settings { tasks: Tasks::Four, shrink: 4, channels: 3, ..Settings::default() };
        let graph = settings.graph().unwrap();
        let sides: Vec<u32> = graph.areas().iter().map(|area| area.input_h).collect();
        assert_eq!(sides, [8, 4, 2, 1, 16, 8, 4, 4]);
        assert_eq!((graph.area(0).input_dim, graph.area(1).input_dim, graph.area(1).hidden_dim), (1, 3, 3));
        assert_eq!(Settings::default().table().unwrap(), PaperGraph::default().table());
    }
}
