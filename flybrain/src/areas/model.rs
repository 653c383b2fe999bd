//! A network of areas with a readout, and the folder of a run.

use std::path::{Path, PathBuf};

use connectome_graph::area::{AreaGraph, FeedbackEdges};
use connectome_io::format::area_table::AreaTable;
use convgru_feedback::{AreaNetwork, Bias, ClassifierReadout, Compat, Forward, LayerNorm, Mode, TopDown};
use serde_json::json;
use tch::nn::VarStore;
use tch::{Device, Tensor};
use tch_train::{Best, Checkpoints, Identity, Parameters};

use super::Config;
use crate::Error;

/// A network of areas that classifies images.
#[derive(Debug)]
pub struct AreaClassifier {
    store: VarStore,
    network: AreaNetwork,
    readout: ClassifierReadout,
    config: Config,
    table: AreaTable,
}

impl AreaClassifier {
    /// Makes the network of a table with the settings' sizes, for images of `[channels, height, width]`: `model` and `readout` in a store
    /// on `device`.
    ///
    /// # Errors
    /// [`Error::Setting`]; [`Error::Graph`] for areas that are not there; [`Error::Areas`] for sizes that no network can have.
    pub fn new(config: &Config, table: AreaTable, image: [i64; 3], device: Device) -> Result<Self, Error> {
        config.check()?;
        let graph = graph(config, &table)?;
        let store = VarStore::new(device);
        let choose = |on: bool| if on { LayerNorm::On } else { LayerNorm::Off };
        let mut builder = AreaNetwork::builder(&graph)
            .schedule(config.schedule)
            .top_down(if config.topdown { TopDown::On } else { TopDown::Off })
            .dropout(if config.dropout { config.dropout_p } else { 0.0 })
            .projection_channels(config.proj_hidden_dim)
            .layer_norm(choose(config.layer_norm))
            .cell_bias(if config.cell_bias { Bias::Trained } else { Bias::None })
            .compat(if config.compat { Compat::Reference } else { Compat::None })
            .seed(config.seed);
        for input in 0..graph.inputs().len() {
            builder = builder.stimulus(input, image);
        }
        let network = builder.build(&(store.root() / "model"))?;
        reaches_output(&network, config.frames, steps(config, graph.n_areas()))?;
        let state = network.state_shape(graph.outputs()[0]);
        let path = store.root() / "readout";
        // another stream of numbers than the network's
        let readout = ClassifierReadout::new(&path, state, config.n_classes, config.hidden_units, !config.seed)?;
        Ok(Self { store, network, readout, config: config.clone(), table })
    }

    /// Logits `[batch, classes]` of images `[batch, channels, height, width]`, each shown for the settings' number of frames to every
    /// input area.
    ///
    /// # Errors
    /// [`Error::Areas`] for images of another size.
    pub fn logits(&self, images: &Tensor, mode: Mode) -> Result<Tensor, Error> {
        let torch = |e| Error::Areas(convgru_feedback::Error::Torch(e));
        let mut size = images.size();
        size.insert(1, self.config.frames);
        let film = images.f_unsqueeze(1).and_then(|frame| frame.f_expand(size, false)).map_err(torch)?;
        let stimuli = vec![&film; self.network.graph().inputs().len()];
        let mut how = Forward::new().mode(mode);
        if let Some(steps) = self.config.process_time {
            how = how.steps(steps);
        }
        let response = self.network.forward(&stimuli, &how)?;
        Ok(self.readout.forward(&response.outputs[0])?)
    }

    /// The network.
    pub fn network(&self) -> &AreaNetwork {
        &self.network
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The table of areas.
    pub fn table(&self) -> &AreaTable {
        &self.table
    }

    /// All variables, under `model` and `readout`.
    pub fn store(&self) -> &VarStore {
        &self.store
    }

    /// The parameters, for an optimiser.
    pub fn parameters(&self) -> Parameters {
        Parameters::of(&self.store)
    }

    /// What a checkpoint of this model is of: what the shapes, the names and the meaning of its parameters depend on, and the digest of
    /// the images, where there is one.
    pub(super) fn identity(&self, images: Option<&str>) -> Identity {
        let c = &self.config;
        let table = &self.table;
        let mut config = json!({
                "names": table.names(), "adjacency": table.adjacency(),
                "areas": table.areas().iter().map(|area| format!("{area:?}")).collect::<Vec<_>>(),
                "stimuli": self.network.stimulus_shapes(), "input_nodes": c.input_nodes, "output_nodes": c.output_nodes.list(),
                "proj_hidden_dim": c.proj_hidden_dim, "n_classes": c.n_classes, "hidden_units": c.hidden_units,
                "topdown": c.topdown, "reciprocal": c.reciprocal, "schedule": c.schedule.name(), "frames": c.frames,
                "process_time": c.process_time, "layer_norm": c.layer_norm, "cell_bias": c.cell_bias, "compat": c.compat,
                "normalise": c.normalise, "seed": c.seed,
        });
        if let Some(images) = images {
            config["images"] = images.into();
        }
        Identity::new("network of brain areas", config)
    }
}

/// Refuses steps after which the output is read as zero; stimuli have `frames` frames.
pub(super) fn reaches_output(network: &AreaNetwork, frames: i64, steps: u32) -> Result<(), Error> {
    let graph = network.graph();
    let output = graph.outputs()[0];
    let first = graph.distances()[output];
    let name = &graph.names()[output];
    let problem = match first {
        Some(first) if first < steps => {
            let lengths = vec![u32::try_from(frames).unwrap_or(u32::MAX); graph.inputs().len()];
            if network.updates_outputs(&lengths, steps)?[0] {
                return Ok(());
            }
            format!(
                "{steps}, but with the schedule ping-pong the output {name} was updated in steps that wrote to the other set of states, \
                 and is zero; give {}, or another schedule",
                steps + 1
            )
        }
        Some(first) => format!("{steps}, but the output {name} is first updated in step {first}; give more steps"),
        None => format!("no number of steps is enough: no edges lead from an input to the output {name}"),
    };
    Err(Error::Setting { key: "process_time", problem })
}

/// Steps of a run with some settings.
pub(super) fn steps(config: &Config, areas: usize) -> u32 {
    let frames = u32::try_from(config.frames).unwrap_or(u32::MAX);
    config.process_time.unwrap_or(frames.saturating_add(areas as u32 - 1))
}

/// The graph of a table, with the settings' areas.
pub(super) fn graph(config: &Config, table: &AreaTable) -> Result<AreaGraph, Error> {
    let feedback = if config.reciprocal { FeedbackEdges::Reciprocal } else { FeedbackEdges::Signed };
    Ok(AreaGraph::new(table, &config.input_nodes, config.output_nodes.list(), feedback)?)
}

/// The folder of a run.
#[derive(Debug, Clone)]
pub struct Run {
    folder: PathBuf,
}

impl Run {
    /// Names a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// A file in it.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// Its checkpoints; the best is that of the highest accuracy.
    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::new(self.path("checkpoints")).best_is(Best::Highest)
    }

    /// Reads the settings of a run, and its model as it was at the newest checkpoint.
    ///
    /// # Errors
    /// What is wrong with `config.toml`, `graph.csv` or the checkpoint; [`Error::NoCheckpoint`] where there is none.
    pub fn open(folder: impl AsRef<Path>, device: Device) -> Result<AreaClassifier, Error> {
        let run = Self::new(folder.as_ref());
        let config = Config::read(run.path("config.toml"))?;
        let table = AreaTable::read(run.path("graph.csv"))?;
        let Some((path, checkpoint)) = run.checkpoints().latest()? else {
            return Err(Error::NoCheckpoint { folder: run.path("checkpoints") });
        };
        let image = image_of(&checkpoint.identity.config).ok_or_else(|| Error::Settings {
            path: path.clone(),
            problem: "it does not say which images its model takes; is it of such a run?".into(),
        })?;
        let model = AreaClassifier::new(&config, table, image, device)?;
        // a model does not depend on the images that it learned from
        let images = checkpoint.identity.config.get("images").and_then(serde_json::Value::as_str);
        let differences = model.identity(images).differences(&checkpoint.identity);
        if !differences.is_empty() {
            let problem = format!("it is of another model: {}", differences.join("; "));
            return Err(Error::Settings { path, problem });
        }
        checkpoint.load_model(&model.parameters())?;
        Ok(model)
    }
}

/// The image size of a checkpoint's model.
fn image_of(config: &serde_json::Value) -> Option<[i64; 3]> {
    let sizes = config.get("stimuli")?.get(0)?.as_array()?;
    let sizes: Vec<i64> = sizes.iter().map(serde_json::Value::as_i64).collect::<Option<_>>()?;
    sizes.try_into().ok()
}
