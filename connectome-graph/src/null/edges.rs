//! The list of synapses that null models work on, and the ways to it from topologies and connectomes.

use std::ops::AddAssign;

use connectome_io::{Connectome, Labels, NeuronTable, SynapseTable};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::Report;
use crate::rebuild::{noted, with_ends};
use crate::{Duplicates, Error, Topology};

/// Synapse `e` leads from `pre[e]` to `post[e]`; no pair twice. A null model moves the ends; what else belongs to a
/// synapse goes with `e`.
pub(super) struct Edges {
    pub(super) n_post: usize,
    pub(super) n_pre: usize,
    pub(super) post: Vec<u32>,
    pub(super) pre: Vec<u32>,
}

impl Edges {
    /// Whether rows and columns are the same neurons, so that a neuron may connect to itself.
    pub(super) fn is_square(&self) -> bool {
        self.n_post == self.n_pre
    }

    /// Whether synapse `e` joins a neuron to itself.
    pub(super) fn is_loop(&self, e: usize) -> bool {
        self.is_square() && self.post[e] == self.pre[e]
    }

    pub(super) fn len(&self) -> usize {
        self.post.len()
    }
}

/// The pair as one number; ascending numbers are in CSR order.
pub(super) fn key(post: u32, pre: u32) -> u64 {
    u64::from(post) << 32 | u64::from(pre)
}

/// Postsynaptic and presynaptic neuron of a key.
pub(super) fn ends(key: u64) -> (u32, u32) {
    ((key >> 32) as u32, key as u32)
}

/// A family of independent generators: one per part of the work, so that parts may run in any order.
#[derive(Clone, Copy)]
pub(super) struct Streams {
    pub(super) seed: u64,
    pub(super) layer: u32,
}

impl Streams {
    pub(super) fn of(seed: u64) -> Self {
        Self { seed, layer: 0 }
    }

    /// The generator of a part.
    pub(super) fn part(self, part: usize) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(u64::from(self.layer) << 48 | part as u64);
        rng
    }
}

/// Positions by group: `(group, members)` with groups and members ascending.
pub(super) fn by_group<K: Ord + Copy + Send>(keys: impl Iterator<Item = (K, u32)>) -> Vec<(K, Vec<u32>)> {
    let mut all: Vec<(K, u32)> = keys.collect();
    all.sort_unstable();
    let members = |same: &[(K, u32)]| (same[0].0, same.iter().map(|&(_, e)| e).collect());
    all.chunk_by(|a, b| a.0 == b.0).map(members).collect()
}

/// One label per neuron, for rows and columns alike.
pub(super) fn check_labels(labels: &Labels, n_post: usize, n_pre: usize) -> Result<(), Error> {
    for expected in [n_post, n_pre] {
        if labels.len() != expected {
            return Err(Error::Length { what: "labels of neurons", expected, got: labels.len() });
        }
    }
    Ok(())
}

/// Moves the synapses of a topology.
pub(super) fn rewire_topology(
    original: &Topology,
    seed: u64,
    rewire: impl Fn(&mut Edges, Streams) -> Result<Report, Error>,
) -> Result<(Topology, Report), Error> {
    let (n_post, n_pre) = (original.n_post(), original.n_pre());
    let mut edges = Edges { n_post, n_pre, post: original.posts(), pre: original.columns().to_vec() };
    let report = rewire(&mut edges, Streams::of(seed))?;
    let moved = Topology::from_edges(n_post, n_pre, &edges.post, &edges.pre, original.weights(), Duplicates::Error)?;
    Ok((moved, report))
}

/// Moves the synapses of a connectome: each kind for itself, gap junctions not at all. Rows of one kind that join the
/// same neurons move together.
pub(super) fn rewire_connectome(
    original: &Connectome,
    seed: u64,
    name: &str,
    rewire: impl Fn(&mut Edges, Streams) -> Result<Report, Error>,
) -> Result<(Connectome, Report), Error> {
    if original.lattice().is_some() {
        return Err(Error::OnLattice { what: "null models move single synapses" });
    }
    let n = original.n_neurons();
    let synapses = original.synapses();
    let (mut post, mut pre) = (synapses.post().to_vec(), synapses.pre().to_vec());
    let mut report = Report::default();
    for (layer, (_, rows)) in (0..).zip(layers(synapses)) {
        let bundles = by_group(rows.iter().map(|&row| (key(post[row as usize], pre[row as usize]), row)));
        let (posts, pres) = bundles.iter().map(|&(key, _)| ends(key)).unzip();
        let mut edges = Edges { n_post: n, n_pre: n, post: posts, pre: pres };
        report += rewire(&mut edges, Streams { seed, layer })?;
        for (e, (_, rows)) in bundles.iter().enumerate() {
            for &row in rows {
                (post[row as usize], pre[row as usize]) = (edges.post[e], edges.pre[e]);
            }
        }
    }
    report.fixed += electrical(synapses).count() as u64;
    let moved = with_ends(synapses, pre, post)?;
    Ok((rebuilt(original, original.neurons().clone(), moved, name, seed)?, report))
}

/// A connectome with other tables, and where it comes from.
pub(super) fn rebuilt(
    original: &Connectome,
    neurons: NeuronTable,
    synapses: SynapseTable,
    name: &str,
    seed: u64,
) -> Result<Connectome, Error> {
    let provenance = noted(original.provenance(), &format!("{name}, seed {seed}"));
    Ok(Connectome::new(neurons, synapses, provenance)?)
}

/// Rows by kind, without gap junctions.
pub(super) fn layers(synapses: &SynapseTable) -> Vec<(u32, Vec<u32>)> {
    let Some(kinds) = synapses.kinds() else {
        return vec![(0, (0..synapses.len() as u32).collect())];
    };
    let gap = kinds.code_of(SynapseTable::ELECTRICAL);
    by_group((0..).zip(kinds.codes()).filter(|&(_, &kind)| Some(kind) != gap).map(|(row, &kind)| (kind, row)))
}

/// Rows of gap junctions.
fn electrical(synapses: &SynapseTable) -> impl Iterator<Item = usize> + '_ {
    let gap = synapses.kinds().and_then(|kinds| Some((kinds, kinds.code_of(SynapseTable::ELECTRICAL)?)));
    (0..synapses.len()).filter(move |&row| gap.is_some_and(|(kinds, gap)| kinds.codes()[row] == gap))
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.proposed += other.proposed;
        self.accepted += other.accepted;
        self.fixed += other.fixed;
    }
}
