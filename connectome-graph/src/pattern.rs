//! The pairs of neurons that are joined at all, whichever way.

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::Topology;

/// A neuron sends to its neighbour.
pub(crate) const SENDS: u8 = 1;
/// A neuron receives from its neighbour.
pub(crate) const RECEIVES: u8 = 2;

/// Neighbours of every neuron of a square topology, itself left out, ascending, with the directions in which they are
/// joined: [`SENDS`], [`RECEIVES`] or both.
pub(crate) struct Pattern {
    offsets: Vec<usize>,
    neighbours: Vec<u32>,
    directions: Vec<u8>,
}

impl Pattern {
    /// The symmetrised pattern. Linear in synapses and neurons.
    ///
    /// # Panics
    /// If the topology is not square.
    pub(crate) fn new(topology: &Topology, what: &str) -> Self {
        let n = topology.assert_square(what);
        let reverse = topology.transpose();
        let rows: Vec<Vec<(u32, u8)>> = (0..n)
            .into_par_iter()
            .map(|i| {
                let mut row = merge(topology.row(i).0, reverse.row(i).0);
                row.retain(|&(j, _)| j as usize != i);
                row
            })
            .collect();
        let mut offsets = Vec::with_capacity(n + 1);
        offsets.push(0);
        let mut end = 0;
        for row in &rows {
            end += row.len();
            offsets.push(end);
        }
        let neighbours = rows.iter().flatten().map(|&(j, _)| j).collect();
        let directions = rows.iter().flatten().map(|&(_, d)| d).collect();
        Self { offsets, neighbours, directions }
    }

    /// Number of neurons.
    pub(crate) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of neighbours.
    pub(crate) fn degree(&self, i: usize) -> usize {
        self.offsets[i + 1] - self.offsets[i]
    }

    /// Neighbours of a neuron.
    pub(crate) fn neighbours(&self, i: usize) -> &[u32] {
        &self.neighbours[self.offsets[i]..self.offsets[i + 1]]
    }

    /// Directions in which a neuron is joined to each of its neighbours.
    pub(crate) fn directions(&self, i: usize) -> &[u8] {
        &self.directions[self.offsets[i]..self.offsets[i + 1]]
    }

    /// Neurons by ascending degree; of equal degree the lower number first. Linear.
    pub(crate) fn by_degree(&self) -> Vec<u32> {
        let n = self.len();
        let most = (0..n).map(|i| self.degree(i)).max().unwrap_or(0);
        let mut next = vec![0usize; most + 2];
        for i in 0..n {
            next[self.degree(i) + 1] += 1;
        }
        for d in 0..=most {
            next[d + 1] += next[d];
        }
        let mut order = vec![0u32; n];
        for i in 0..n {
            let place = &mut next[self.degree(i)];
            order[*place] = i as u32;
            *place += 1;
        }
        order
    }
}

/// The union of the inputs and the outputs of a neuron.
fn merge(inputs: &[u32], outputs: &[u32]) -> Vec<(u32, u8)> {
    let mut row = Vec::with_capacity(inputs.len() + outputs.len());
    let (mut a, mut b) = (0, 0);
    while a < inputs.len() && b < outputs.len() {
        match inputs[a].cmp(&outputs[b]) {
            Ordering::Less => {
                row.push((inputs[a], RECEIVES));
                a += 1;
            }
            Ordering::Greater => {
                row.push((outputs[b], SENDS));
                b += 1;
            }
            Ordering::Equal => {
                row.push((inputs[a], SENDS | RECEIVES));
                a += 1;
                b += 1;
            }
        }
    }
    row.extend(inputs[a..].iter().map(|&j| (j, RECEIVES)));
    row.extend(outputs[b..].iter().map(|&j| (j, SENDS)));
    row
}
