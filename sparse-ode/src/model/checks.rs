//! Whether options make sense, alone and beside each other.

use super::neuron_types::NeuronTypes;
use super::options::{Options, PerNeuron, Projection, Training};
use crate::Error;
use connectome_graph::Topology;

pub(super) fn refuse<V>(option: &'static str, what: String) -> Result<V, Error> {
    Err(Error::Option { option, what })
}

pub(super) fn check_square(o: &Options) -> Result<usize, Error> {
    let (n, pre) = (o.connectome.n_post(), o.connectome.n_pre());
    if n != pre || n == 0 {
        return refuse("connectome", format!("it is [{n}, {pre}]; it must be square and not empty"));
    }
    if let Some(want) = o.num_neurons.filter(|&want| want != n) {
        return refuse("num_neurons", format!("{want}, but the connectome has {n}"));
    }
    Ok(n)
}

pub(super) fn check_types(o: &Options, n: usize) -> Result<Option<NeuronTypes>, Error> {
    let Some(types) = &o.neuron_types else {
        return match o.num_neuron_types {
            Some(k) if k > 0 => refuse("num_neuron_types", format!("{k}, but neuron_types is not given")),
            _ => Ok(None),
        };
    };
    if types.of_neurons().len() != n {
        let got = types.of_neurons().len();
        return refuse("neuron_types", format!("{got} labels for {n} neurons"));
    }
    let k = types.labels().len();
    if let Some(want) = o.num_neuron_types.filter(|&want| want != k) {
        return refuse("num_neuron_types", format!("{want}, but neuron_types has {k}: {}", types.labels().join(", ")));
    }
    Ok(Some(types.clone()))
}

/// Checks the projections' shapes and finds the output size.
pub(super) fn check_projections(o: &Options, n: usize) -> Result<usize, Error> {
    if o.input_size == 0 || o.output_size == Some(0) {
        return refuse("input_size, output_size", "they must be positive".into());
    }
    let shape = |t: &Topology| format!("[{}, {}]", t.n_post(), t.n_pre());
    match &o.input_projection {
        Projection::Identity if o.input_size != n => {
            let what =
                format!("identity, but there are {} inputs for {n} neurons; give a sparse or dense one", o.input_size);
            return refuse("input_projection", what);
        }
        Projection::Sparse(t) if (t.n_post(), t.n_pre()) != (n, o.input_size) => {
            return refuse(
                "input_projection",
                format!("it is {}, not [neurons {n}, inputs {}]", shape(t), o.input_size),
            );
        }
        Projection::Dense if o.train_input_projection == Training::Fixed => {
            return refuse("train_input_projection", "a dense projection starts random, so it must be trained".into());
        }
        _ => {}
    }
    match (&o.output_projection, o.output_size) {
        (Projection::Identity, Some(size)) if size != n => refuse(
            "output_size",
            format!("{size}, but the identity gives {n}; give a sparse or dense output_projection"),
        ),
        (Projection::Identity, _) => Ok(n),
        (Projection::Sparse(t), size) if t.n_pre() != n || size.is_some_and(|s| s != t.n_post()) => {
            let size = size.map_or("outputs".into(), |s| format!("outputs {s}"));
            refuse("output_projection", format!("it is {}, not [{size}, neurons {n}]", shape(t)))
        }
        (Projection::Sparse(t), _) => Ok(t.n_post()),
        (Projection::Dense, None) => refuse("output_size", "a dense output_projection needs it".into()),
        (Projection::Dense, _) if o.train_output_projection == Training::Fixed => {
            refuse("train_output_projection", "a dense projection starts random, so it must be trained".into())
        }
        (Projection::Dense, Some(size)) => Ok(size),
    }
}

/// A property after labels were looked up and lengths checked.
pub(super) enum Resolved<V> {
    All(V),
    Neurons(Vec<V>),
    Types(Vec<V>),
}

impl<V: Clone> PerNeuron<V> {
    pub(super) fn resolve(
        &self,
        option: &'static str,
        n: usize,
        types: Option<&NeuronTypes>,
    ) -> Result<Resolved<V>, Error> {
        let wants_types = |what: &str| -> Result<&NeuronTypes, Error> {
            types.ok_or_else(|| Error::Option { option, what: format!("{what}, but there are no neuron_types") })
        };
        match self {
            Self::All(v) => Ok(Resolved::All(v.clone())),
            Self::Neurons(list) if list.len() == n => Ok(Resolved::Neurons(list.clone())),
            Self::Neurons(list) => refuse(option, format!("{} values for {n} neurons", list.len())),
            Self::Types(list) => {
                let k = wants_types("one per type")?.labels().len();
                if list.len() != k {
                    return refuse(option, format!("{} values for {k} types", list.len()));
                }
                Ok(Resolved::Types(list.clone()))
            }
            Self::Labels(map) => {
                let labels = wants_types("by type label")?.labels();
                if let Some(extra) = map.keys().find(|l| !labels.contains(l)) {
                    return refuse(option, format!("there is no type {extra:?}; types are {}", labels.join(", ")));
                }
                let list = labels.iter().map(|l| {
                    map.get(l)
                        .cloned()
                        .ok_or_else(|| Error::Option { option, what: format!("type {l:?} has no value") })
                });
                Ok(Resolved::Types(list.collect::<Result<_, _>>()?))
            }
        }
    }
}
