//! Building a network from a file: wiring, options of three API generations, parameters.

use super::arrays::{naturals, numbers, same, tensor, topology};
use super::settings;
use crate::case::Case;
use crate::report::Report;
use connectome_graph::Topology;
use connectome_graph::projection::{Direction, projection};
use serde_json::Value;
use sparse_ode::{
    Bias, Builder, FromNetwork, Layout, NeuronClass, NeuronTypes, Nonlinearity, PerNeuron, Projection, SignRule, Tau,
};
use tch::nn::VarStore;
use tch::{Device, Kind, no_grad};

/// Options under `build` that are understood.
const OPTIONS: [&str; 14] = [
    "connectome_bias",
    "neuron_class",
    "neuron_class_mode",
    "neuron_nonlinearity",
    "neuron_tau_init",
    "neuron_tau_mode",
    "neuron_type",
    "neuron_type_class",
    "neuron_type_indices",
    "neuron_type_nonlinearity",
    "neuron_type_tau_init",
    "nonlinearity",
    "num_neuron_types",
    "output_size",
];

/// Trainability has no influence on a forward pass.
const TRAINING: [&str; 4] = ["train_tau", "train_connectome", "train_input_projection", "train_output_projection"];

/// A network's description.
pub(crate) struct Description<'a> {
    case: &'a Case,
    options: serde_json::Map<String, Value>,
    neurons: usize,
    inputs: usize,
    pub(crate) kind: Kind,
}

impl<'a> Description<'a> {
    pub(crate) fn of(case: &'a Case) -> Result<Self, String> {
        let options = case.table("build", &[&OPTIONS[..], &TRAINING[..]].concat())?;
        let neurons = match case.shape("hs").or(case.shape("target")) {
            Ok(shape) => *shape.last().ok_or("hs has no shape")?,
            Err(_) => case.shape("hh_bias")?[0],
        };
        let inputs = match case.shape("x")? {
            // images, which are flattened
            [_, rest @ ..] if rest.len() == 3 => rest.iter().product(),
            shape => *shape.last().ok_or("x has no shape")?,
        };
        let kind = if settings::is_double(case, "dtype")? { Kind::Double } else { Kind::Float };
        Ok(Self { case, options, neurons, inputs, kind })
    }

    pub(crate) fn is_batch_first(&self) -> Result<bool, String> {
        match self.case.setting_or("batch_first", "true") {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(format!("batch_first {other:?} is not understood")),
        }
    }

    /// Which of the API generations.
    fn is_early(&self) -> bool {
        self.case.setting_or("rev", "").starts_with("eb88085")
    }

    pub(crate) fn connectome(&self) -> Result<Topology, String> {
        topology(self.case, "hh_indices", "hh_values_before", self.neurons, self.neurons)
    }

    pub(crate) fn input(&self) -> Result<Option<Topology>, String> {
        let given = self.case.has("ih_indices");
        given.then(|| topology(self.case, "ih_indices", "ih_values", self.neurons, self.inputs)).transpose()
    }

    fn output(&self) -> Result<Option<Topology>, String> {
        let case = self.case;
        let size = |n: &Value| n.as_u64().ok_or_else(|| format!("output_size is {n}"));
        let outputs = self.options.get("output_size").map_or(Ok(self.neurons as u64), size)? as usize;
        let given = case.has("ho_indices");
        given.then(|| topology(case, "ho_indices", "ho_values", outputs, self.neurons)).transpose()
    }

    /// The option of the first name that is given.
    fn option(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.options.get(*name))
    }

    pub(crate) fn types(&self) -> Result<Option<NeuronTypes>, String> {
        if !self.case.has("type_mask") {
            return Ok(None);
        }
        let mask = naturals(self.case, "type_mask")?;
        if !self.options.contains_key("neuron_type_indices") {
            return Ok(Some(NeuronTypes::from_labels(&mask)));
        }
        let kinds = mask.iter().max().map_or(0, |&k| k + 1);
        let list = |kind: u32| (0..mask.len() as u32).filter(|&n| mask[n as usize] == kind).collect();
        let lists: Vec<Vec<u32>> = (0..kinds).map(list).collect();
        NeuronTypes::from_indices(mask.len(), &lists).map(Some).map_err(|e| e.to_string())
    }

    /// Classes, by type where the options list them, else from the mask of signs.
    fn classes(&self) -> Result<PerNeuron<NeuronClass>, String> {
        let class = |v: &Value| match (v.as_str(), v.as_f64()) {
            (Some("excitatory"), _) => Ok(NeuronClass::Excitatory),
            (Some("inhibitory"), _) => Ok(NeuronClass::Inhibitory),
            (None, Some(1.0)) => Ok(NeuronClass::Excitatory),
            (None, Some(-1.0)) => Ok(NeuronClass::Inhibitory),
            _ => Err(format!("neuron class {v} is not understood")),
        };
        match self.option(&["neuron_class", "neuron_type_class"]) {
            Some(Value::Array(list)) => Ok(PerNeuron::Types(list.iter().map(class).collect::<Result<_, _>>()?)),
            Some(v @ Value::String(word)) if !word.starts_with("tensor") => Ok(PerNeuron::All(class(v)?)),
            _ if self.case.has("sign_mask") && !self.case.is_integer("sign_mask") => Ok(PerNeuron::Neurons(
                self.case
                    .floats("sign_mask")?
                    .iter()
                    .map(|&s| if s < 0.0 { NeuronClass::Inhibitory } else { NeuronClass::Excitatory })
                    .collect(),
            )),
            _ => Ok(PerNeuron::All(NeuronClass::Excitatory)),
        }
    }

    fn sign_rule(&self) -> SignRule {
        if self.is_early() {
            SignRule::Signed
        } else if self.case.is_integer("sign_mask") {
            SignRule::Unsigned
        } else {
            SignRule::Dale
        }
    }

    pub(crate) fn nonlinearity(&self) -> Result<PerNeuron<Nonlinearity>, String> {
        let parse = |v: &Value| -> Result<Nonlinearity, String> {
            let name = if v.is_null() { "None" } else { v.as_str().ok_or_else(|| format!("nonlinearity {v}"))? };
            name.parse().map_err(|e: sparse_ode::Error| e.to_string())
        };
        match self.option(&["neuron_nonlinearity", "neuron_type_nonlinearity", "nonlinearity"]) {
            Some(Value::Array(list)) => Ok(PerNeuron::Types(list.iter().map(parse).collect::<Result<_, _>>()?)),
            Some(one) => parse(one).map(PerNeuron::All),
            None => {
                let default = if self.is_early() { "ReLU" } else { "Sigmoid" };
                parse(&Value::from(self.case.setting_or("nonlinearity", default))).map(PerNeuron::All)
            }
        }
    }

    fn tau(&self) -> Result<Option<Tau>, String> {
        if !self.case.has("tau_before") {
            return Ok(None);
        }
        // The parameter itself is set afterwards; this gives its shape.
        let start: Vec<f64> = self.case.floats("tau_before")?.iter().map(|tau| tau.max(1.0)).collect();
        let per_type = self.types()?.is_some() && start.len() != self.neurons;
        Ok(Some(Tau::Given(if per_type { PerNeuron::Types(start) } else { PerNeuron::Neurons(start) })))
    }

    /// Makes the model with the file's parameters.
    pub(crate) fn build<M: FromNetwork>(
        &self,
        builder: fn(usize, &Topology) -> Builder<M>,
    ) -> Result<(M, VarStore), String> {
        let mut vs = VarStore::new(Device::Cpu);
        vs.set_kind(self.kind);
        let model = self.configured(builder)?.build(&vs.root()).map_err(|e| e.to_string())?;
        self.set_parameters(&vs, "")?;
        Ok((model, vs))
    }

    /// A builder with the file's options.
    pub(crate) fn configured<M: FromNetwork>(
        &self,
        builder: fn(usize, &Topology) -> Builder<M>,
    ) -> Result<Builder<M>, String> {
        let project = |wiring: Option<Topology>| wiring.map_or(Projection::Identity, Projection::Sparse);
        let bias = |key: &str| {
            if self.case.has(key) { Bias::Zeros } else { Bias::Absent }
        };
        let mut builder = builder(self.inputs, &self.connectome()?)
            .num_neurons(self.neurons)
            .input_projection(project(self.input()?))
            .output_projection(project(self.output()?))
            .connectome_bias(bias("hh_bias"))
            .output_projection_bias(bias("ho_bias"))
            .neuron_class(self.classes()?)
            .nonlinearity(self.nonlinearity()?)
            .sign_rule(self.sign_rule())
            .layout(if self.is_batch_first()? { Layout::BatchFirst } else { Layout::TimeFirst });
        if let Some(types) = self.types()? {
            builder = builder.neuron_types(types);
        }
        if let Some(tau) = self.tau()? {
            builder = builder.tau(tau);
        }
        if let Some(n) = self.options.get("num_neuron_types").and_then(Value::as_u64) {
            builder = builder.num_neuron_types(n as usize);
        }
        Ok(builder)
    }

    /// Sets the parameters whose names begin with `prefix`; others are left alone.
    pub(crate) fn set_parameters(&self, vs: &VarStore, prefix: &str) -> crate::Outcome {
        for (name, mut parameter) in vs.variables() {
            let Some(own) = name.strip_prefix(prefix) else {
                continue;
            };
            let key = match own {
                "connectome.values" => "hh_values_before",
                "connectome.bias" => "hh_bias",
                "tau" => "tau_before",
                "input_projection.values" => "ih_values",
                "output_projection.values" => "ho_values",
                "output_projection.bias" => "ho_bias",
                _ => {
                    return Err(format!("the model has a parameter {name:?} that no array belongs to"));
                }
            };
            let value = tensor(self.case, key, self.kind)?;
            if value.size() != parameter.size() {
                return Err(format!("{name} is {:?}, {key} {:?}", parameter.size(), value.size()));
            }
            no_grad(|| parameter.copy_(&value));
        }
        Ok(())
    }

    /// Checks what the file says of the wiring, and the mask of signs against the classes.
    pub(crate) fn check(&self, report: &mut Report) -> crate::Outcome {
        let case = self.case;
        if case.has("connectome_indices") && case.has("connectome_values") {
            same(case, report, "connectome", &self.connectome()?)?;
        } else if case.has("connectome_indices") {
            report.exact("connectome_indices", case.integers("connectome_indices")?, case.integers("hh_indices")?);
        }
        if case.has("input_indices") {
            let neurons = naturals(case, "input_indices")?;
            let wiring = projection(self.inputs, self.neurons, Some(&neurons), Direction::Input);
            same(case, report, "input_projection", &wiring.map_err(|e| e.to_string())?)?;
        }
        if case.is_integer("sign_mask") {
            // bioplnn's fault: a truth value for each neuron, all of them true.
            report.exact("sign_mask", case.integers("sign_mask")?, &vec![1; self.neurons]);
        } else if case.has("sign_mask") {
            report.exact("sign_mask", &self.signs()?, case.floats("sign_mask")?);
        }
        Ok(())
    }

    /// The sign of each neuron.
    pub(crate) fn signs(&self) -> Result<Vec<f64>, String> {
        let sign = |c: &NeuronClass| {
            if *c == NeuronClass::Excitatory { 1.0 } else { -1.0 }
        };
        if self.sign_rule() != SignRule::Dale {
            return Ok(vec![1.0; self.neurons]);
        }
        Ok(match self.classes()? {
            PerNeuron::All(class) => vec![sign(&class); self.neurons],
            PerNeuron::Neurons(list) => list.iter().map(sign).collect(),
            PerNeuron::Types(list) => {
                let types = self.types()?.ok_or("classes of types, but no types")?;
                types.of_neurons().iter().map(|&kind| sign(&list[kind as usize])).collect()
            }
            PerNeuron::Labels(_) => return Err("classes by label do not occur in files".into()),
        })
    }

    /// Parameters after a forward pass, which clamps them.
    pub(crate) fn check_clamped(&self, vs: &VarStore, report: &mut Report) -> crate::Outcome {
        let variables = vs.variables();
        for (name, key) in [("connectome.values", "hh_values_after"), ("tau", "tau_after")] {
            if self.case.has(key) {
                let parameter = variables.get(name).ok_or_else(|| format!("the model has no {name}"))?;
                report.exact(key, &numbers(parameter)?, self.case.floats(key)?);
            }
        }
        Ok(())
    }
}
