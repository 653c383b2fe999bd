//! Rewiring that keeps the degrees of every neuron.

use connectome_io::{Connectome, Labels};
use rayon::prelude::*;

use super::edges::{Edges, Streams, by_group, check_labels, ends, key, rewire_connectome, rewire_topology};
use super::swap::mix;
use super::{NullModel, Report};
use crate::{Error, Topology};

/// Degree-preserving rewiring: pairs of synapses exchange their postsynaptic neurons, again and again.
///
/// Exact: the in-degree and the out-degree of every neuron, the outgoing weights of every neuron and their signs; self
/// connections, which stay where they are. No pair occurs twice. Within types ([`DegreePreserving::within`]): the numbers
/// of inputs from, and of targets in, each type for every neuron, hence the number of synapses for each pair of types.
///
/// In the limit of many swaps all networks with these degrees are equally likely. Two synapses exchange their ends in
/// each accepted proposal, so that 10 proposals per synapse move nearly every synapse several times; in
/// networks with very uneven degrees few are accepted, which [`Report`] tells.
///
/// Memory: about 40 bytes per synapse besides the networks. Time: linear in the number of swaps; 10 on each of 4.6 million
/// synapses take some 7 s of one core, and parts of the network are swapped in parallel.
///
/// Sources: Maslov & Sneppen, *Science* 296 (2002) 910, doi 10.1126/science.1065103; Berger & Müller-Hannemann,
/// *WG 2010*, LNCS 6410, 220, doi 10.1007/978-3-642-16926-7_21 (uniformity for directed networks).
#[derive(Debug, Clone, PartialEq)]
pub struct DegreePreserving {
    swaps_per_synapse: f64,
    within: Option<Labels>,
}

impl Default for DegreePreserving {
    fn default() -> Self {
        Self { swaps_per_synapse: 10.0, within: None }
    }
}

impl DegreePreserving {
    /// Rewiring with 10 proposed swaps per synapse, across types.
    pub fn new() -> Self {
        Self::default()
    }

    /// Proposes this many swaps per synapse. Default 10.
    #[must_use]
    pub fn swaps_per_synapse(mut self, swaps: f64) -> Self {
        self.swaps_per_synapse = swaps;
        self
    }

    /// Exchanges only between synapses of the same presynaptic and the same postsynaptic type, one label per neuron.
    #[must_use]
    pub fn within(mut self, types: Labels) -> Self {
        self.within = Some(types);
        self
    }

    fn rewire(&self, edges: &mut Edges, streams: Streams) -> Result<Report, Error> {
        check_swaps(self.swaps_per_synapse)?;
        let all: Vec<usize> = (0..edges.len()).filter(|&e| !edges.is_loop(e)).collect();
        let fixed = (edges.len() - all.len()) as u64;
        let blocks: Vec<((u32, u32), Vec<u32>)> = match &self.within {
            None => vec![((0, 0), all.into_iter().map(|e| e as u32).collect())],
            Some(types) => {
                check_labels(types, edges.n_post, edges.n_pre)?;
                let code = |i: u32| types.codes()[i as usize];
                by_group(all.into_iter().map(|e| ((code(edges.post[e]), code(edges.pre[e])), e as u32)))
            }
        };
        let walked: Vec<(Vec<u64>, Report)> = blocks
            .par_iter()
            .enumerate()
            .map(|(part, (_, members))| {
                let ends = |&e: &u32| key(edges.post[e as usize], edges.pre[e as usize]);
                let mut keys: Vec<u64> = members.iter().map(ends).collect();
                let mut rng = streams.part(part);
                let report = mix(&mut keys, edges.is_square(), self.swaps_per_synapse, &mut rng, |_| true);
                (keys, report)
            })
            .collect();
        let mut report = Report { fixed, ..Report::default() };
        for ((_, members), (keys, part)) in blocks.iter().zip(walked) {
            report += part;
            for (&e, key) in members.iter().zip(keys) {
                edges.post[e as usize] = ends(key).0;
            }
        }
        Ok(report)
    }

    fn name(&self) -> String {
        let within = if self.within.is_some() { " within types" } else { "" };
        format!("degree-preserving rewiring{within}, {} swaps per synapse", self.swaps_per_synapse)
    }
}

impl NullModel for DegreePreserving {
    /// # Errors
    /// [`Error::Parameter`] for a number of swaps that is negative or not finite, [`Error::Length`] unless there is one
    /// label per neuron.
    fn topology_with_report(&self, original: &Topology, seed: u64) -> Result<(Topology, Report), Error> {
        rewire_topology(original, seed, |edges, streams| self.rewire(edges, streams))
    }

    fn connectome_with_report(&self, original: &Connectome, seed: u64) -> Result<(Connectome, Report), Error> {
        rewire_connectome(original, seed, &self.name(), |edges, streams| self.rewire(edges, streams))
    }
}

/// Refuses numbers of swaps that make no sense.
pub(super) fn check_swaps(per_synapse: f64) -> Result<(), Error> {
    if (0.0..=1e6).contains(&per_synapse) {
        return Ok(());
    }
    Err(Error::Parameter {
        what: "number of swaps per synapse",
        value: per_synapse,
        wanted: "it must lie between 0 and 1e6",
    })
}
