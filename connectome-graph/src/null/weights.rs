//! Weights on other synapses of the same network.

use connectome_io::{Connectome, Labels, Sign};
use rayon::prelude::*;

use super::edges::{Streams, by_group, check_labels, layers, rebuilt};
use super::{NullModel, Report};
use crate::random::shuffle;
use crate::rebuild::with_weights;
use crate::{Error, Topology};

/// Permutes weights among synapses; who connects to whom stays.
///
/// Exact: the topology and, in each group of synapses that exchange weights, the list of weights.
///
/// Source: the null model of weights of Rubinov & Sporns, *NeuroImage* 56 (2011) 2068, doi
/// 10.1016/j.neuroimage.2011.03.069, sec. "Null models", with the groups added.
#[derive(Debug, Clone, PartialEq)]
pub enum WeightShuffle {
    /// Among all synapses, signs of weights included.
    All,
    /// Among synapses of one sign, so that every synapse keeps its sign: those of the synapse table of a connectome
    /// where it has them, else those of the weights.
    Sign,
    /// Among the outgoing synapses of each neuron: its summed outgoing weight and its sign stay.
    Presynaptic,
    /// Among the incoming synapses of each neuron: its summed incoming weight stays.
    Postsynaptic,
    /// Among the synapses from one type to another, one label per neuron.
    Types(Labels),
}

impl WeightShuffle {
    /// What exchanges weights with synapse `e`: those of equal group.
    fn group(&self, post: u32, pre: u32, sign: Sign) -> (u32, u32) {
        match self {
            Self::All => (0, 0),
            Self::Sign => ((sign.value() + 1) as u32, 0),
            Self::Presynaptic => (pre, 0),
            Self::Postsynaptic => (post, 0),
            Self::Types(types) => (types.codes()[post as usize], types.codes()[pre as usize]),
        }
    }

    fn check(&self, n_post: usize, n_pre: usize) -> Result<(), Error> {
        match self {
            Self::Types(types) => check_labels(types, n_post, n_pre),
            _ => Ok(()),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::All => "weights shuffled",
            Self::Sign => "weights shuffled within signs",
            Self::Presynaptic => "weights shuffled within presynaptic neurons",
            Self::Postsynaptic => "weights shuffled within postsynaptic neurons",
            Self::Types(_) => "weights shuffled within pairs of types",
        }
    }
}

/// Permutes the values of each group.
fn permute<K: Ord + Copy + Send + Sync>(values: &mut [f64], groups: impl Iterator<Item = (K, u32)>, streams: Streams) {
    let groups = by_group(groups);
    let permuted: Vec<Vec<f64>> = groups
        .par_iter()
        .enumerate()
        .map(|(part, (_, members))| {
            let mut group: Vec<f64> = members.iter().map(|&e| values[e as usize]).collect();
            shuffle(&mut group, &mut streams.part(part));
            group
        })
        .collect();
    for ((_, members), group) in groups.iter().zip(permuted) {
        for (&e, value) in members.iter().zip(group) {
            values[e as usize] = value;
        }
    }
}

impl NullModel for WeightShuffle {
    /// # Errors
    /// [`Error::Length`] unless there is one label per neuron.
    fn topology_with_report(&self, original: &Topology, seed: u64) -> Result<(Topology, Report), Error> {
        self.check(original.n_post(), original.n_pre())?;
        let mut weights = original.weights().to_vec();
        let group = |(e, (post, pre, weight)): (u32, (u32, u32, f64))| (self.group(post, pre, Sign::of(weight)), e);
        permute(&mut weights, (0u32..).zip(original.iter()).map(group), Streams::of(seed));
        Ok((original.with_weights(weights)?, Report::default()))
    }

    fn connectome_with_report(&self, original: &Connectome, seed: u64) -> Result<(Connectome, Report), Error> {
        self.check(original.n_neurons(), original.n_neurons())?;
        let synapses = original.synapses();
        let (post, pre) = (synapses.post(), synapses.pre());
        let mut weights = synapses.weight().to_vec();
        let sign = |e: usize| synapses.signs().map_or_else(|| Sign::of(synapses.weight()[e]), |signs| signs[e]);
        let mut moved = 0;
        for (layer, (_, rows)) in (0..).zip(layers(synapses)) {
            moved += rows.len();
            // in the order of the matrix, so that a topology and its connectome are shuffled alike
            let mut rows = rows;
            rows.sort_by_key(|&row| (post[row as usize], pre[row as usize]));
            let mut values: Vec<f64> = rows.iter().map(|&row| weights[row as usize]).collect();
            let group = |(at, &row): (u32, &u32)| {
                let e = row as usize;
                (self.group(post[e], pre[e], sign(e)), at)
            };
            permute(&mut values, (0u32..).zip(&rows).map(group), Streams { seed, layer });
            for (&row, value) in rows.iter().zip(values) {
                weights[row as usize] = value;
            }
        }
        let fixed = (synapses.len() - moved) as u64;
        let table = with_weights(synapses, weights)?;
        let mut shuffled = rebuilt(original, original.neurons().clone(), table, self.name(), seed)?;
        if let Some(lattice) = original.lattice() {
            shuffled = shuffled.with_lattice(lattice.clone())?;
        }
        Ok((shuffled, Report { fixed, ..Report::default() }))
    }
}
