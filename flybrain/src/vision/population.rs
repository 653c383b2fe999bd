//! Which models are shown something.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use connectome_graph::hex::{Extent, Fill, HexNetwork, expand, expand_with};
use fly_vision::measure::Responses;
use fly_vision::network::{N_PRETRAINED, Network, Protocol, Wiring};
use fly_vision::stimulus::Stimuli;

use crate::report::RunRecord;
use crate::{Error, input_file};

/// A model of the fly visual system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Model {
    /// A published one, by number; 0 has the least task error.
    Published(usize),
    /// Parameters in a file: `.safetensors` of this workspace, or `.pt` of flyvis.
    File(PathBuf),
}

impl Model {
    /// How it is called in tables.
    pub fn name(&self) -> String {
        match self {
            Self::Published(number) => format!("{number:03}"),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// Models on one lattice, all with the same cells silenced.
#[derive(Debug, Clone)]
pub struct Population {
    models: Vec<Model>,
    extent: u32,
    silenced: Vec<String>,
    fill: Fill,
}

impl FromStr for Population {
    type Err = Error;

    /// `all`; numbers and ranges of published models, `0,3,10-19`; names of files.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |what: String| Error::from(fly_vision::Error::Setting { setting: "models", what });
        let mut models = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let range = part.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
            let numbers: Vec<usize> = match (part, range, part.parse::<usize>()) {
                ("all", ..) => (0..N_PRETRAINED).collect(),
                (_, Some((first, last)), _) if first <= last && last < N_PRETRAINED => (first..=last).collect(),
                (_, _, Ok(number)) if number < N_PRETRAINED => vec![number],
                (_, None, Err(_)) if part.contains(['.', '/']) || std::path::Path::new(part).exists() => {
                    models.push(Model::File(part.into()));
                    continue;
                }
                _ => {
                    let last = N_PRETRAINED - 1;
                    let what =
                        format!("{part:?}; published ones are 0 to {last}, a range is first-last, others are files");
                    return Err(wrong(what));
                }
            };
            models.extend(numbers.into_iter().map(Model::Published));
        }
        if models.is_empty() {
            return Err(wrong("none are named; `all`, `0`, `0-9` or a file".into()));
        }
        Ok(Self { models, ..Self::published([]) })
    }
}

impl Population {
    /// Published models.
    pub fn published(numbers: impl IntoIterator<Item = usize>) -> Self {
        let models = numbers.into_iter().map(Model::Published).collect();
        Self { models, extent: 15, silenced: Vec::new(), fill: Fill::default() }
    }

    /// The radius of the lattice in columns. Default: 15, the eye's 721.
    #[must_use]
    pub fn extent(self, extent: u32) -> Self {
        Self { extent, ..self }
    }

    /// Cell types whose potential is held at 0, so that they pass nothing on. Default: none.
    #[must_use]
    pub fn silence<S: Into<String>>(self, types: impl IntoIterator<Item = S>) -> Self {
        Self { silenced: types.into_iter().map(Into::into).collect(), ..self }
    }

    /// The models.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The lattice's radius.
    pub fn lattice(&self) -> Extent {
        Extent(self.extent)
    }

    /// Types that are silenced.
    pub fn silenced(&self) -> &[String] {
        &self.silenced
    }

    /// Whether gaps within receptive fields are not filled.
    pub(super) fn is_unfilled(&self) -> bool {
        self.fill == Fill::None
    }

    /// On a wiring whose gaps within receptive fields are filled, as those of published models are, or are not.
    #[must_use]
    pub fn fill(self, fill: Fill) -> Self {
        Self { fill, ..self }
    }

    /// The wiring that all share.
    ///
    /// # Errors
    /// [`Error::Vision`] for too large a lattice.
    pub fn wiring(&self) -> Result<Arc<Wiring>, Error> {
        Ok(Arc::new(Wiring::from_hex(&self.fly()?)?))
    }

    /// The same as a network of cells.
    pub(super) fn fly(&self) -> Result<HexNetwork, Error> {
        let fly = expand_with(&fly_vision::connectome()?, self.lattice(), self.fill);
        Ok(fly.map_err(fly_vision::Error::from)?)
    }

    /// Fails for types that are not there, those silenced among them, before anything is computed.
    pub(super) fn check_types(&self, types: &[String]) -> Result<(), Error> {
        // all types have cells in the middle column
        let fly = expand(&fly_vision::connectome()?, Extent(0)).map_err(fly_vision::Error::from)?;
        let wiring = Wiring::from_hex(&fly)?;
        types.iter().chain(&self.silenced).try_for_each(|name| wiring.type_index(name).map(drop)).map_err(Error::from)
    }

    /// The network of a model, of the shared wiring: one of its own, so that nothing in it is another model's.
    pub(super) fn network(&self, wiring: &Arc<Wiring>, model: &Model) -> Result<Network, Error> {
        let mut network = Network::builder(wiring.clone()).build_alone()?;
        match model {
            Model::Published(number) => network.set_pretrained(*number)?,
            Model::File(path) => network.load(path)?,
        }
        for name in &self.silenced {
            network.silence(name)?;
        }
        Ok(network)
    }

    /// Notes the files that models are read from.
    pub(super) fn note(&self, record: &mut RunRecord) -> Result<(), Error> {
        for model in &self.models {
            if let Model::File(path) = model {
                record.input(input_file(path)?);
            }
        }
        Ok(())
    }

    /// Calls with each model's number and its responses to a set of stimuli, one model after the other; `on_model` is told before.
    ///
    /// # Errors
    /// [`Error::Vision`] for models that cannot be read or stimuli that cannot be rendered, and those of `take`.
    pub(super) fn each_response(
        &self,
        stimuli: &dyn Stimuli,
        protocol: &Protocol,
        on_model: &mut dyn FnMut(usize, &Model),
        mut take: impl FnMut(usize, &Network, Responses) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let wiring = self.wiring()?;
        for (number, model) in self.models.iter().enumerate() {
            on_model(number, model);
            let network = self.network(&wiring, model)?;
            let responses = network.responses_to(stimuli, protocol)?;
            take(number, &network, responses)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_named_by_numbers_ranges_and_files() {
        let of = |text: &str| text.parse::<Population>().map(|p| p.models().to_vec());
        assert_eq!(of("all").unwrap().len(), 50);
        assert_eq!(of("3, 7-8").unwrap(), [3, 7, 8].map(Model::Published));
        assert_eq!(of("fly.safetensors").unwrap(), [Model::File("fly.safetensors".into())]);
        for wrong in ["", "50", "9-3", "40-50", "best"] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }
}
