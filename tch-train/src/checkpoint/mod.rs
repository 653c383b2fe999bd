//! Everything that a run needs to go on, in one file.
//!
//! A checkpoint is a safetensors file: tensors `model/NAME` and `optimizer/SLOT/NAME`, and as metadata the format and its version, the
//! model's kind and configuration, the kinds of numbers, the step, settings of the training, and a SHA-256 over all bytes of the file
//! (with zeros in its own place).

mod folder;
mod read;
mod write;

use std::collections::BTreeMap;

use safetensors::Dtype;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::{Kind, Tensor};

pub use folder::{Best, Checkpoints, Keep};

use crate::{Cursor, Error, GroupState, OptimizerState, Parameters, Schedule};

/// Which model this is: what a checkpoint must agree in with the one that it is loaded into.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// Kind of the model, such as "ConnectomeOdeRnn".
    pub kind: String,
    /// Its configuration, free in form.
    pub config: Value,
    /// Hash of the data that it is built on, such as a connectome, where there are any.
    pub built_on: Option<String>,
}

/// State of a run after `step` steps.
#[derive(Debug, Default)]
pub struct Checkpoint {
    /// Steps that are done; where schedules stand, too.
    pub step: u64,
    /// Which model.
    pub identity: Identity,
    /// Seed of the run; random numbers of a step are a function of it and the step.
    pub seed: u64,
    /// Score of a validation at this step.
    pub score: Option<f64>,
    /// Where the data stand.
    pub cursor: Option<Cursor>,
    /// Schedules by the name of what they change.
    pub schedules: BTreeMap<String, Schedule>,
    /// How gradients were clipped, as JSON; null where it is not known.
    pub clip: Value,
    /// Whatever else the caller wants to keep.
    pub notes: Value,
    /// Parameters and buffers by name.
    pub model: BTreeMap<String, Tensor>,
    /// State of the optimiser.
    pub optimizer: Option<OptimizerState>,
}

/// The part of the metadata that is about training.
#[derive(Serialize, Deserialize)]
struct Training {
    seed: u64,
    score: Option<f64>,
    cursor: Option<Cursor>,
    schedules: BTreeMap<String, Schedule>,
    #[serde(default)]
    clip: Value,
    optimizer: Option<Vec<GroupState>>,
}

const FORMAT: &str = "tch-train checkpoint";
const VERSION: &str = "1";
const MODEL: &str = "model/";
const OPTIMIZER: &str = "optimizer/";

/// Kinds of tensors, and their names in safetensors files.
const KINDS: [(Kind, Dtype); 10] = [
    (Kind::Bool, Dtype::BOOL),
    (Kind::Uint8, Dtype::U8),
    (Kind::Int8, Dtype::I8),
    (Kind::Int16, Dtype::I16),
    (Kind::Int, Dtype::I32),
    (Kind::Int64, Dtype::I64),
    (Kind::BFloat16, Dtype::BF16),
    (Kind::Half, Dtype::F16),
    (Kind::Float, Dtype::F32),
    (Kind::Double, Dtype::F64),
];

impl Identity {
    /// A model of a kind, with a configuration.
    pub fn new(kind: impl Into<String>, config: Value) -> Self {
        Self { kind: kind.into(), config, built_on: None }
    }

    /// Where `saved` differs from this one, each with both sides.
    pub fn differences(&self, saved: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let none = || "none".to_owned();
        let built_on = |i: &Self| i.built_on.clone().unwrap_or_else(none);
        for (what, saved, here) in
            [("kind", saved.kind.clone(), self.kind.clone()), ("built_on", built_on(saved), built_on(self))]
        {
            if saved != here {
                found.push(format!("{what}: {saved} saved, {here} here"));
            }
        }
        compare("config", &saved.config, &self.config, &mut found);
        found
    }
}

impl Checkpoint {
    /// Puts parameters and buffers back. All is checked before anything is changed.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with each name, shape and kind that differs; what libtorch reports.
    pub fn load_model(&self, parameters: &Parameters) -> Result<(), Error> {
        self.check_model(parameters)?;
        let _guard = tch::no_grad_guard();
        for (name, tensor) in parameters.iter() {
            tensor.shallow_clone().f_copy_(&self.model[name])?;
        }
        Ok(())
    }

    pub(crate) fn check_model(&self, parameters: &Parameters) -> Result<(), Error> {
        let mut found = Vec::new();
        for (name, tensor) in parameters.iter() {
            let words = |t: &Tensor| format!("{:?} {:?}", t.size(), t.kind());
            match self.model.get(name) {
                None => found.push(format!("{name}: not saved")),
                Some(saved) if words(saved) != words(tensor) => {
                    found.push(format!("{name}: {} saved, {} here", words(saved), words(tensor)));
                }
                Some(_) => {}
            }
        }
        let unknown = self.model.keys().filter(|name| parameters.get(name).is_none());
        found.extend(unknown.map(|name| format!("{name}: saved, not here")));
        Error::unless_empty(format!("the checkpoint of step {}", self.step), found)
    }
}

fn compare(path: &str, saved: &Value, here: &Value, found: &mut Vec<String>) {
    match (saved, here) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let side = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                compare(&format!("{path}.{key}"), &side(a), &side(b), found);
            }
        }
        _ if saved == here => {}
        _ => found.push(format!("{path}: {saved} saved, {here} here")),
    }
}
