//! A connectome in numbers.

use connectome_graph::{Components, Duplicates, Topology, WeightRule};
use connectome_io::{Connectome, Labels, Provenance, Sign};
use serde::Serialize;

use crate::Error;

/// Counts, degrees, components and signs of a connectome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Rows of the table of neurons; cell types for connectomes on a lattice.
    pub neurons: usize,
    /// Rows of the table of connections.
    pub rows: usize,
    /// Connected pairs, a pair in several rows counted once.
    pub connections: usize,
    /// Sum of the absolute weights: synapses, where weights count them.
    pub synapses: f64,
    /// Weights.
    pub weights: Weights,
    /// Connected pairs as a fraction of all possible ones.
    pub density: f64,
    /// Neurons that connect to themselves.
    pub self_connections: usize,
    /// Fraction of the connections between different neurons whose reverse exists too.
    pub reciprocity: f64,
    /// Presynaptic partners of the neurons.
    pub in_degree: Degrees,
    /// Postsynaptic partners of the neurons.
    pub out_degree: Degrees,
    /// Neurons without any connection to another one.
    pub isolated: usize,
    /// Strongly connected components.
    pub strong: Parts,
    /// Weakly connected components.
    pub weak: Parts,
    /// Signs of the neurons, if the connectome has them.
    pub neuron_signs: Option<Signs>,
    /// Signs of the connections, if the connectome has them, else those of their weights if some are negative.
    pub connection_signs: Option<Signs>,
    /// Columns of labels of the neurons, the largest groups first.
    pub groups: Vec<Groups>,
    /// Kinds of connections.
    pub kinds: Option<Groups>,
    /// Whether rows are cell types that repeat on the hexagonal lattice.
    pub on_lattice: bool,
    /// Where the connectome comes from.
    pub provenance: Provenance,
}

/// What weights are like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Weights {
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
    /// The mean of the absolute values.
    pub mean: f64,
    /// Whether all are whole numbers.
    pub whole: bool,
    /// How many are 0.
    pub zero: usize,
}

/// Numbers of partners.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Degrees {
    /// Mean.
    pub mean: f64,
    /// The middle one.
    pub median: u32,
    /// The largest.
    pub most: u32,
    /// Neurons that have none.
    pub none: usize,
}

/// Components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parts {
    /// How many.
    pub count: usize,
    /// Neurons of the largest.
    pub largest: usize,
}

/// How many are of which sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Signs {
    /// Excitatory.
    pub excitatory: usize,
    /// Inhibitory.
    pub inhibitory: usize,
    /// Neither or unknown.
    pub unknown: usize,
}

/// A column of labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Groups {
    /// Name of the column.
    pub column: String,
    /// Number of different labels, the empty one left out.
    pub distinct: usize,
    /// Rows without a label.
    pub empty: usize,
    /// The most frequent labels with their rows, at most [`Groups::SHOWN`].
    pub largest: Vec<(String, usize)>,
}

impl Groups {
    /// Labels that are named.
    pub const SHOWN: usize = 6;

    fn of(column: &str, labels: &Labels) -> Self {
        let mut counts: Vec<(String, usize)> = labels.names().iter().cloned().zip(labels.counts()).collect();
        let empty = counts.iter().filter(|(name, _)| name.is_empty()).map(|(_, n)| n).sum();
        counts.retain(|(name, n)| !name.is_empty() && *n > 0);
        let distinct = counts.len();
        counts.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        counts.truncate(Self::SHOWN);
        Self { column: column.to_owned(), distinct, empty, largest: counts }
    }
}

impl Degrees {
    fn of(mut degrees: Vec<u32>) -> Self {
        degrees.sort_unstable();
        let n = degrees.len();
        let sum: u64 = degrees.iter().map(|&d| u64::from(d)).sum();
        Self {
            mean: if n == 0 { 0.0 } else { sum as f64 / n as f64 },
            median: degrees.get(n / 2).copied().unwrap_or(0),
            most: degrees.last().copied().unwrap_or(0),
            none: degrees.partition_point(|&d| d == 0),
        }
    }
}

impl From<Components> for Parts {
    fn from(components: Components) -> Self {
        let largest = components.sizes().iter().max().map_or(0, |&size| size as usize);
        Self { count: components.count(), largest }
    }
}

impl Signs {
    fn of(signs: impl Iterator<Item = Sign>) -> Self {
        let mut counts = Self::default();
        for sign in signs {
            match sign {
                Sign::Excitatory => counts.excitatory += 1,
                Sign::Inhibitory => counts.inhibitory += 1,
                Sign::Unknown => counts.unknown += 1,
            }
        }
        counts
    }
}

/// The wiring with absolute weights, pairs in several rows summed.
///
/// # Errors
/// Those of [`Topology::from_connectome`].
pub fn magnitudes(connectome: &Connectome) -> Result<Topology, Error> {
    Ok(Topology::from_connectome(connectome, WeightRule::Magnitude, Duplicates::Sum)?)
}

impl Summary {
    /// Measures a connectome; `wiring` is [`magnitudes`] of it. Linear in neurons and connections.
    ///
    /// # Panics
    /// If `wiring` has another number of neurons.
    #[must_use]
    pub fn of(connectome: &Connectome, wiring: &Topology) -> Self {
        let (neurons, synapses) = (connectome.neurons(), connectome.synapses());
        assert!(
            wiring.n_post() == neurons.len() && wiring.n_pre() == neurons.len(),
            "a summary of {} neurons wants the wiring of as many, this one is [{}, {}]",
            neurons.len(),
            wiring.n_post(),
            wiring.n_pre()
        );
        let (inputs, outputs) = (wiring.in_degree(), wiring.out_degree());
        let own = |i: usize| u32::from(wiring.get(i as u32, i as u32).is_some());
        let isolated = (0..neurons.len()).filter(|&i| inputs[i] + outputs[i] == 2 * own(i)).count();
        let weight = synapses.weight();
        let negative = weight.iter().any(|&w| w < 0.0);
        let labelled =
            [("type", neurons.types()), ("class", neurons.classes()), ("transmitter", neurons.transmitters())];
        let further = neurons.columns().iter().map(|(name, labels)| Groups::of(name, labels));
        Self {
            neurons: neurons.len(),
            rows: synapses.len(),
            connections: wiring.nnz(),
            synapses: sizes(weight),
            weights: Weights::of(weight),
            density: wiring.density(),
            self_connections: wiring.self_loops(),
            reciprocity: wiring.reciprocity(),
            in_degree: Degrees::of(inputs),
            out_degree: Degrees::of(outputs),
            isolated,
            strong: wiring.strongly_connected_components().into(),
            weak: wiring.weakly_connected_components().into(),
            neuron_signs: neurons.signs().map(|signs| Signs::of(signs.iter().copied())),
            connection_signs: match synapses.signs() {
                Some(signs) => Some(Signs::of(signs.iter().copied())),
                None => negative.then(|| Signs::of(weight.iter().map(|&w| Sign::of(w)))),
            },
            groups: labelled
                .into_iter()
                .filter_map(|(name, labels)| Some(Groups::of(name, labels?)))
                .chain(further)
                .collect(),
            kinds: synapses.kinds().map(|kinds| Groups::of("kind", kinds)),
            on_lattice: connectome.lattice().is_some(),
            provenance: connectome.provenance().clone(),
        }
    }

    /// The numbers as lines of a name and a value.
    #[must_use]
    pub fn lines(&self) -> Vec<(String, String)> {
        let mut lines: Vec<(String, String)> = Vec::new();
        let mut line = |name: &str, value: String| lines.push((name.to_owned(), value));
        line(if self.on_lattice { "cell types" } else { "neurons" }, grouped(self.neurons));
        line("connections", grouped(self.connections));
        if self.rows != self.connections {
            line("rows", format!("{} (a pair may stand in several)", grouped(self.rows)));
        }
        line(if self.weights.whole { "synapses" } else { "sum of weights" }, decimal(self.synapses));
        let Weights { least, most, mean, .. } = self.weights;
        line("weights", format!("{} to {}, mean size {mean:.3}", decimal(least), decimal(most)));
        line("density", percent(self.density));
        line("reciprocity", percent(self.reciprocity));
        line("self-connections", grouped(self.self_connections));
        for (name, d) in [("inputs per neuron", self.in_degree), ("outputs per neuron", self.out_degree)] {
            let Degrees { mean, median, most, none } = d;
            line(name, format!("mean {mean:.1}, median {median}, most {most}; {} have none", grouped(none)));
        }
        line("isolated", grouped(self.isolated));
        for (name, parts) in [("strong components", self.strong), ("weak components", self.weak)] {
            let Parts { count, largest } = parts;
            line(name, format!("{}, the largest has {} neurons", grouped(count), grouped(largest)));
        }
        for (name, signs) in [("neurons", self.neuron_signs), ("connections", self.connection_signs)] {
            if let Some(Signs { excitatory, inhibitory, unknown }) = signs {
                let all = (excitatory + inhibitory + unknown).max(1) as f64;
                let share = |n: usize| format!("{} ({})", grouped(n), percent(n as f64 / all));
                let text = format!("+ {}, - {}, ? {}", share(excitatory), share(inhibitory), share(unknown));
                line(&format!("signs of {name}"), text);
            }
        }
        for groups in self.kinds.iter().chain(&self.groups) {
            let named: Vec<String> = groups.largest.iter().map(|(name, n)| format!("{name} {}", grouped(*n))).collect();
            let more = if groups.distinct > groups.largest.len() { ", ..." } else { "" };
            let empty = if groups.empty > 0 { format!("; {} empty", grouped(groups.empty)) } else { String::new() };
            line(&groups.column, format!("{}: {}{more}{empty}", grouped(groups.distinct), named.join(", ")));
        }
        let p = &self.provenance;
        line("source", p.source().to_owned());
        line("layout of the source", format!("{:?}", p.orientation()));
        for (name, value) in [("version", p.version()), ("licence", p.licence()), ("cite", p.reference())] {
            if let Some(value) = value {
                line(name, value.to_owned());
            }
        }
        if let Some(threshold) = p.threshold() {
            line("threshold", decimal(threshold));
        }
        for input in p.inputs() {
            line("input", format!("{}, {} bytes, sha256 {}", input.name, input.bytes, input.sha256));
        }
        lines
    }
}

impl Weights {
    fn of(weights: &[f64]) -> Self {
        let n = weights.len().max(1) as f64;
        let over = |start: f64, pick: fn(f64, f64) -> f64| weights.iter().copied().fold(start, pick);
        let none = weights.is_empty();
        Self {
            least: if none { 0.0 } else { over(f64::INFINITY, f64::min) },
            most: if none { 0.0 } else { over(f64::NEG_INFINITY, f64::max) },
            mean: sizes(weights) / n,
            whole: weights.iter().all(|w| w.fract() == 0.0),
            zero: weights.iter().filter(|&&w| w == 0.0).count(),
        }
    }
}

/// The sum of absolute weights; that of none is 0, where an iterator's is -0.
fn sizes(weights: &[f64]) -> f64 {
    weights.iter().fold(0.0, |sum, weight| sum + weight.abs())
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number without needless digits.
fn decimal(x: f64) -> String {
    if x.fract() == 0.0 && (0.0..9e15).contains(&x) { grouped(x as usize) } else { format!("{x}") }
}

fn percent(x: f64) -> String {
    if x > 0.0 && x < 0.001 { format!("{:.4} %", 100.0 * x) } else { format!("{:.1} %", 100.0 * x) }
}
