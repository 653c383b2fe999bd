//! Rewiring that keeps degrees and how far synapses reach.

use std::collections::HashMap;

use connectome_io::{Connectome, Positions};
use rayon::prelude::*;

use super::degrees::check_swaps;
use super::edges::{Edges, Streams, by_group, ends, key, rewire_connectome, rewire_topology};
use super::swap::{Move, mix};
use super::{NullModel, Report};
use crate::{Error, Topology};

/// Rounds of swaps between near presynaptic neurons, near postsynaptic ones, and all.
const ROUNDS: usize = 4;

/// Distance-preserving rewiring: pairs of synapses exchange their postsynaptic neurons where that leaves the histogram of
/// distances between connected neurons as it is.
///
/// Exact: the in-degree and the out-degree of every neuron, its outgoing weights and their signs, and the number of
/// synapses in each bin of distance. Kept in place: self connections, and synapses of neurons without position.
/// Destroyed: specific partners among those at equal distance.
///
/// Proposals alternate between pairs of synapses that begin, pairs that end in the same cube of one bin's width, of which
/// many are accepted, and pairs from all over the network, of which few are; [`Report`] tells how many in all. In the
/// limit of many swaps all networks that these moves reach are equally likely.
///
/// The distances are in the unit of the positions, Euclidean; on an expanded hexagonal lattice in sides of a hexagon,
/// neighbouring columns being `sqrt(3)` apart. A distance at the limit of two bins, but for rounding, is in the upper one.
///
/// Source: Betzel & Bassett, *PNAS* 115 (2018) E4880, doi 10.1073/pnas.1720186115, whose null model keeps the
/// distribution of lengths approximately; here it is exact to the bin.
#[derive(Debug, Clone, PartialEq)]
pub struct DistancePreserving {
    points: Vec<Option<[f64; 3]>>,
    bin_width: f64,
    swaps_per_synapse: f64,
}

impl DistancePreserving {
    /// Takes the positions of the neurons and the width of a bin of distance in their unit. 30 swaps per synapse are
    /// proposed.
    pub fn new(positions: &Positions, bin_width: f64) -> Self {
        Self { points: positions.points().to_vec(), bin_width, swaps_per_synapse: 30.0 }
    }

    /// Proposes this many swaps per synapse. Default 30.
    #[must_use]
    pub fn swaps_per_synapse(mut self, swaps: f64) -> Self {
        self.swaps_per_synapse = swaps;
        self
    }

    /// Bin of the distance between two points.
    fn bin(&self, a: [f64; 3], b: [f64; 3]) -> u64 {
        // scaled first, so that differences of very large coordinates stay finite
        let square = |k: usize| (a[k] / self.bin_width - b[k] / self.bin_width).powi(2);
        let bins = (square(0) + square(1) + square(2)).sqrt();
        // on lattices many distances are multiples of the width but for rounding
        (bins + 1e-9 * (1.0 + bins)) as u64
    }

    fn rewire(&self, edges: &mut Edges, streams: Streams) -> Result<Report, Error> {
        check_swaps(self.swaps_per_synapse)?;
        if !(self.bin_width.is_finite() && self.bin_width > 0.0) {
            let (what, wanted) = ("width of a bin of distance", "it must be finite and more than 0");
            return Err(Error::Parameter { what, value: self.bin_width, wanted });
        }
        for expected in [edges.n_post, edges.n_pre] {
            if self.points.len() != expected {
                return Err(Error::Length { what: "positions", expected, got: self.points.len() });
            }
        }
        let point = |i: u32| self.points[i as usize];
        let free = |e: &usize| !edges.is_loop(*e) && point(edges.post[*e]).is_some() && point(edges.pre[*e]).is_some();
        let members: Vec<usize> = (0..edges.len()).filter(free).collect();
        let mut keys: Vec<u64> = members.iter().map(|&e| key(edges.post[e], edges.pre[e])).collect();
        let bin = |key: u64| {
            let (post, pre) = ends(key);
            point(post).zip(point(pre)).map(|(a, b)| self.bin(a, b))
        };
        let allowed = |moves: &[Move]| same_bins(moves, bin);
        let cells = self.cells();
        let mut report = Report { fixed: (edges.len() - members.len()) as u64, ..Report::default() };
        let swaps = self.swaps_per_synapse / (3 * ROUNDS) as f64;
        for round in 0..3 * ROUNDS {
            let cell = |key: u64| match (round % 3, ends(key)) {
                (0, (_, pre)) => cells[pre as usize],
                (1, (post, _)) => cells[post as usize],
                _ => 0,
            };
            let near = by_group((0..).zip(&keys).map(|(at, &key)| (cell(key), at)));
            let walked: Vec<(Vec<u64>, Report)> = near
                .par_iter()
                .enumerate()
                .map(|(part, (_, group))| {
                    let mut keys: Vec<u64> = group.iter().map(|&at| keys[at as usize]).collect();
                    let mut rng = streams.part(round << 32 | part);
                    let report = mix(&mut keys, edges.is_square(), swaps, &mut rng, allowed);
                    (keys, report)
                })
                .collect();
            for ((_, group), (swapped, part)) in near.iter().zip(walked) {
                report += part;
                for (&at, key) in group.iter().zip(swapped) {
                    keys[at as usize] = key;
                }
            }
        }
        for (&e, key) in members.iter().zip(keys) {
            edges.post[e] = ends(key).0;
        }
        Ok(report)
    }

    /// Cube of side `bin_width` in which each neuron lies, numbered; neurons without position are in the first one and
    /// take no part.
    fn cells(&self) -> Vec<u32> {
        let mut number = HashMap::new();
        let mut cell = |point: &Option<[f64; 3]>| {
            let Some(point) = point else {
                return 0;
            };
            let cube = point.map(|x| (x / self.bin_width).floor() as i64);
            let next = number.len() as u32;
            *number.entry(cube).or_insert(next)
        };
        self.points.iter().map(&mut cell).collect()
    }

    fn name(&self) -> String {
        let (swaps, width) = (self.swaps_per_synapse, self.bin_width);
        format!("distance-preserving rewiring, bins of {width}, {swaps} swaps per synapse")
    }
}

/// Whether the new synapses fall into the bins of the old ones, in any order.
fn same_bins(moves: &[Move], bin: impl Fn(u64) -> Option<u64>) -> bool {
    let (mut old, mut new) = ([None; 3], [None; 3]);
    for (k, &(before, after)) in moves.iter().enumerate() {
        (old[k], new[k]) = (bin(before), bin(after));
    }
    old.sort_unstable();
    new.sort_unstable();
    old == new
}

impl NullModel for DistancePreserving {
    /// # Errors
    /// [`Error::Parameter`] for a width that is not positive and finite or a number of swaps that is negative or not
    /// finite; [`Error::Length`] unless there is one position per neuron.
    fn topology_with_report(&self, original: &Topology, seed: u64) -> Result<(Topology, Report), Error> {
        rewire_topology(original, seed, |edges, streams| self.rewire(edges, streams))
    }

    fn connectome_with_report(&self, original: &Connectome, seed: u64) -> Result<(Connectome, Report), Error> {
        rewire_connectome(original, seed, &self.name(), |edges, streams| self.rewire(edges, streams))
    }
}
