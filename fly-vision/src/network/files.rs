//! Parameters in files: our own, and those of flyvis.

use std::collections::BTreeMap;
use std::path::Path;

use connectome_io::format::safetensors::Tensors;
use connectome_io::format::{pt, safetensors};
use connectome_io::{Array, ArrayData};
use sha2::{Digest, Sha256};
use sparse_ode::Activation;
use tch::{Kind, Tensor};
use tch_function::slices::as_slice;

use super::model::Network;
use super::parameters::NAMES;
use crate::Error;

/// Version of the files that [`Network::save`] writes.
const FORMAT: &str = "1";
const MODEL: &str = "fly-vision network";
const SYNAPSES: &str = "synapses_sha256";
const ACTIVATION: &str = "activation";
const LEAK: &str = "leak";

impl Network {
    /// Writes the parameters as safetensors, with the names of types and pairs that they belong to. A file that is there is replaced only
    /// when the new one is complete.
    ///
    /// # Errors
    /// [`Error::Data`] if it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let mut tensors = Tensors { arrays: Default::default(), metadata: self.description() };
        for (name, tensor) in NAMES.iter().zip(self.parameters.on_cpu()?) {
            let shape = tensor.size().iter().map(|&n| n as usize).collect();
            let data = match tensor.kind() {
                Kind::Double => ArrayData::from(as_slice::<f64>(&tensor).to_vec()),
                _ => ArrayData::from(as_slice::<f32>(&tensor).to_vec()),
            };
            tensors.arrays.insert((*name).to_owned(), Array::new(shape, data)?);
        }
        Ok(safetensors::write_tensors(path, &tensors)?)
    }

    /// Hash of where on the lattice synapses are, and how many, which does not depend on the size of the eye if all fit in.
    fn synapses(&self) -> String {
        let mut hash = Sha256::new();
        for group in self.wiring.groups() {
            hash.update(group.pair.to_le_bytes());
            hash.update(group.displacement.u.to_le_bytes());
            hash.update(group.displacement.v.to_le_bytes());
            hash.update(group.mean_n_syn.to_le_bytes());
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What parameters belong to.
    fn description(&self) -> BTreeMap<String, String> {
        let types: Vec<&str> = self.wiring.types().iter().map(|t| t.name.as_str()).collect();
        let pairs: Vec<[&str; 2]> =
            self.wiring.pairs().iter().map(|p| [p.source, p.target].map(|t| types[t as usize])).collect();
        let text = |value: serde_json::Value| value.to_string();
        let leak = match self.activation() {
            Activation::LeakyRelu(slope) => Some((LEAK, slope.to_string())),
            _ => None,
        };
        let all = [
            ("format", FORMAT.to_owned()),
            ("model", MODEL.to_owned()),
            (ACTIVATION, self.activation().name().to_owned()),
            ("types", text(serde_json::json!(types))),
            ("pairs", text(serde_json::json!(pairs))),
            (SYNAPSES, self.synapses()),
        ];
        all.into_iter().chain(leak).map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Reads parameters: what [`save`](Self::save) wrote, whose activation the network takes too, or the `.pt` of flyvis (a checkpoint of
    /// training or a state dictionary of the network), which has none. Nothing is changed unless all of them fit.
    ///
    /// # Errors
    /// [`Error::Data`] if the file cannot be read, [`Error::Content`] if parameters are missing, have another length, or belong to other
    /// types or pairs of types, and for an activation that is not known.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let content = |what: String| Error::Content { path: path.to_owned(), what };
        let own = path.extension().is_some_and(|e| e == "safetensors");
        let tensors = if own { safetensors::read_tensors(path)? } else { pt::read_tensors(path)? };
        let mut activation = self.activation();
        if own {
            let description = self.description();
            for key in ["format", "model", "types", "pairs"] {
                let (got, want) = (tensors.metadata.get(key), description.get(key));
                if got != want {
                    let show = |text: Option<&String>| text.map_or("nothing".to_owned(), |t| brief(t));
                    let what = format!("its {key:?} is {}, this network's {}", show(got), show(want));
                    return Err(content(what + "; build the network that the file was written for"));
                }
            }
            // files of earlier versions do not say
            if tensors.metadata.get(SYNAPSES).is_some_and(|saved| *saved != self.synapses()) {
                let what = "its synapses are elsewhere on the lattice, or others in number: of a shuffled connectome, or an eye too small for all";
                return Err(content(what.to_owned() + "; build the network that the file was written for"));
            }
            activation = activation_of(&tensors.metadata).map_err(content)?;
        }
        let mut found = Vec::with_capacity(NAMES.len());
        for (name, parameter) in NAMES.iter().zip(self.parameters.all()) {
            let named = |key: &&String| key.as_str() == *name || key.ends_with(&format!(".{name}"));
            let keys: Vec<&String> = tensors.arrays.keys().filter(named).collect();
            // a checkpoint may hold states of optimisers under like names; the network comes first
            let key = keys.iter().find(|k| k.starts_with("network.")).or(keys.first());
            let Some(array) = key.and_then(|key| tensors.arrays.get(*key)) else {
                return Err(content(format!(
                    "it has no {name:?}; it should be a checkpoint or a state_dict of a network"
                )));
            };
            if array.len() != parameter.numel() {
                let what = format!("{name:?} has {} numbers, this network {}", array.len(), parameter.numel());
                return Err(content(what + "; extent and connectome must be those of the file"));
            }
            let numbers = array.to_f64()?;
            // as they are when the network has them
            let kept = |x: f64| if parameter.kind() == Kind::Float { f64::from(x as f32) } else { x };
            if let Some(at) = numbers.iter().position(|x| !kept(*x).is_finite()) {
                return Err(content(format!("{name:?} is {} at {at}", numbers[at])));
            }
            found.push(numbers);
        }
        tch::no_grad(|| {
            for (parameter, numbers) in self.parameters.all().into_iter().zip(&found) {
                parameter.shallow_clone().f_copy_(&Tensor::from_slice(numbers))?;
            }
            Ok::<(), Error>(())
        })?;
        self.set_activation(activation);
        Ok(())
    }
}

/// What a file says of the activation, or what is wrong with that.
fn activation_of(metadata: &BTreeMap<String, String>) -> Result<Activation, String> {
    let name = metadata.get(ACTIVATION).ok_or("it does not say which activation its network has")?;
    let activation: Activation = name.parse().map_err(|e: sparse_ode::Error| e.to_string())?;
    match (activation, metadata.get(LEAK)) {
        (Activation::LeakyRelu(_), Some(text)) => match text.parse::<f64>() {
            Ok(slope) if slope.is_finite() => Ok(Activation::LeakyRelu(slope)),
            _ => Err(format!("its leak is {text:?}; a number is wanted")),
        },
        (activation, _) => Ok(activation),
    }
}

fn brief(text: &str) -> String {
    if text.chars().count() > 60 { text.chars().take(60).chain("...".chars()).collect() } else { text.to_owned() }
}
