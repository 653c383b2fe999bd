//! A network of areas that sees and hears digits.

use connectome_graph::area::paper::Tasks;
use connectome_io::format::area_table::AreaTable;
use convgru_feedback::stimulus::audiovisual::{Attend, Batch};
use convgru_feedback::stimulus::mel::MelSpectrogram;
use convgru_feedback::{AreaNetwork, ClassifierReadout, Forward, Mode, TopDown};
use serde_json::json;
use tch::nn::VarStore;
use tch::{Device, Tensor};
use tch_train::{Identity, Parameters};

use super::{Sets, Settings};
use crate::Error;
use crate::areas::model::reaches_output;

/// A network of areas with a readout of digits.
#[derive(Debug)]
pub struct ScenarioNetwork {
    store: VarStore,
    network: AreaNetwork,
    readout: ClassifierReadout,
    settings: Settings,
    table: AreaTable,
}

impl ScenarioNetwork {
    /// Makes the network that settings describe: `model` and `readout` in a store on `device`.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Areas`] for settings that no network can have.
    pub fn new(settings: &Settings, device: Device) -> Result<Self, Error> {
        let (table, graph) = (settings.table()?, settings.graph()?);
        let store = VarStore::new(device);
        let network = AreaNetwork::builder(&graph)
            .schedule(settings.schedule)
            .top_down(if settings.topdown { TopDown::On } else { TopDown::Off })
            .dropout(settings.dropout_p)
            .projection_channels(settings.proj_hidden_dim)
            .seed(settings.seed)
            .build(&(store.root() / "model"))?;
        reaches_output(&network, settings.frames, settings.network_steps(graph.n_areas()))?;
        let state = network.state_shape(graph.outputs()[0]);
        let path = store.root() / "readout";
        // another stream of numbers than the network's
        let readout = ClassifierReadout::new(&path, state, DIGITS, settings.hidden_units, !settings.seed)?;
        Ok(Self { store, network, readout, settings: settings.clone(), table })
    }

    /// Image, sound and, where there is one, the cue as stimuli `[batch, frames, channels, height, width]`. Without a cue the question of
    /// each item is that of the tasks.
    ///
    /// # Errors
    /// [`Error::Areas`].
    pub fn stimuli(&self, batch: &Batch) -> Result<Vec<Tensor>, Error> {
        let [image, mut sound] = batch.streams()?;
        if self.settings.normalise {
            let scale = f64::from(-MelSpectrogram::silence());
            sound = sound.f_divide_scalar(scale).and_then(|x| x.f_add_scalar(1.0)).map_err(torch)?;
        }
        let mut streams = vec![image, sound];
        if self.settings.tasks == Tasks::Four {
            streams.push(batch.cue(self.network.stimulus_shapes()[2].map(|n| n as usize))?);
        }
        let show = |stream: Tensor| {
            let mut size = stream.size();
            size[1] = self.settings.frames;
            stream.f_to_device(self.store.device())?.f_expand(size, false)
        };
        streams.into_iter().map(|stream| show(stream).map_err(torch)).collect()
    }

    /// Logits `[batch, 10]` of what is asked for.
    ///
    /// # Errors
    /// [`Error::Areas`] for stimuli of other sizes.
    pub fn logits(&self, stimuli: &[Tensor], mode: Mode) -> Result<Tensor, Error> {
        let response = self.network.forward(&stimuli.iter().collect::<Vec<_>>(), &self.forward().mode(mode))?;
        Ok(self.readout.forward(&response.outputs[0])?)
    }

    /// How it is run, in evaluation.
    pub(super) fn forward(&self) -> Forward {
        Forward::new().steps(self.steps())
    }

    /// Steps of a run.
    pub fn steps(&self) -> u32 {
        self.settings.network_steps(self.table.n_areas())
    }

    /// The network.
    pub fn network(&self) -> &AreaNetwork {
        &self.network
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
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

    /// What a checkpoint of this network is of: the settings but for how long it is trained and how it is judged, and the digests of
    /// images and recordings.
    pub(super) fn identity(&self, sets: &Sets) -> Identity {
        let mut settings = json!(self.settings);
        if let Some(keys) = settings.as_object_mut() {
            keys.retain(|key, _| !MAY_DIFFER.contains(&key.as_str()));
            keys.insert("images".into(), sets.image_digest.as_str().into());
            keys.insert("sounds".into(), sets.sound_digest.as_str().into());
        }
        Identity::new("network of the audiovisual tasks", settings)
    }
}

const DIGITS: i64 = 10;

/// Settings that may change when a run goes on.
pub(super) const MAY_DIFFER: [&str; 4] = ["steps", "validate_every", "test_items", "latent_items"];

/// What networks for one modality are asked; for four tasks, each item has a question of its own.
pub(super) fn asking(batch: Batch, tasks: Tasks) -> Batch {
    match tasks {
        Tasks::Image => batch.attending(Attend::Image),
        Tasks::Audio => batch.attending(Attend::Sound),
        Tasks::Four => batch,
    }
}

pub(super) fn torch(error: tch::TchError) -> Error {
    Error::Areas(convgru_feedback::Error::Torch(error))
}
