//! Networks in which every pair of neurons is equally likely to be connected.

use connectome_io::Connectome;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::edges::{Edges, Streams, rewire_connectome, rewire_topology};
use super::{NullModel, Report};
use crate::generate::{bernoulli_pairs, check_synapses};
use crate::random::distinct;
use crate::{Duplicates, Error, Topology};

/// Whether neurons may connect to themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SelfConnections {
    /// No. The default.
    #[default]
    Excluded,
    /// A neuron is to itself like any other.
    Allowed,
}

impl SelfConnections {
    /// Number of neurons that each neuron can receive from.
    pub(super) fn partners(self, n: usize) -> usize {
        match self {
            Self::Excluded => n.saturating_sub(1),
            Self::Allowed => n,
        }
    }

    /// Presynaptic neuron number `at` of those that can connect to `post`.
    fn partner(self, post: u32, at: u32) -> u32 {
        match self {
            Self::Excluded => at + u32::from(at >= post),
            Self::Allowed => at,
        }
    }
}

/// Random network of exactly `synapses` synapses of weight 1 between `neurons` neurons, `[neurons, neurons]`: the model
/// G(n, m), all such networks equally likely.
///
/// Source: Erdős & Rényi, *Publ. Math. Debrecen* 6 (1959) 290.
///
/// # Errors
/// [`Error::TooMany`] if there are not as many pairs of neurons, or more synapses than 2³² - 1.
pub fn gnm(neurons: usize, synapses: usize, own: SelfConnections, seed: u64) -> Result<Topology, Error> {
    check_size(neurons)?;
    let partners = own.partners(neurons) as u64;
    let pairs = neurons as u64 * partners;
    if synapses as u64 > pairs {
        let (count, limit) = (synapses as u128, u128::from(pairs));
        return Err(Error::TooMany { what: "synapses for so few neurons", count, limit });
    }
    check_synapses(synapses as f64)?;
    let mut drawn = distinct(pairs, synapses, &mut ChaCha8Rng::seed_from_u64(seed));
    drawn.sort_unstable();
    let pair = |at: u64| {
        let post = (at / partners) as u32;
        (post, own.partner(post, (at % partners) as u32))
    };
    of_pairs(neurons, drawn.into_iter().map(pair))
}

/// Random network of weights 1 in which each pair of neurons is connected with a probability, independently of all
/// others, `[neurons, neurons]`: the model G(n, p). Takes time in proportion to synapses, not to pairs.
///
/// Source: Gilbert, *Ann. Math. Stat.* 30 (1959) 1141, doi 10.1214/aoms/1177706098.
///
/// # Errors
/// [`Error::Parameter`] unless the probability lies between 0 and 1, [`Error::TooMany`] neurons or expected synapses.
pub fn gnp(neurons: usize, probability: f64, own: SelfConnections, seed: u64) -> Result<Topology, Error> {
    check_size(neurons)?;
    if !(0.0..=1.0).contains(&probability) {
        let wanted = "it must lie between 0 and 1";
        return Err(Error::Parameter { what: "connection probability", value: probability, wanted });
    }
    let post: Vec<u32> = (0..neurons as u32).collect();
    let partners = &post[..own.partners(neurons)];
    check_synapses(probability * neurons as f64 * partners.len() as f64)?;
    let pairs = bernoulli_pairs(&post, partners, probability, &mut ChaCha8Rng::seed_from_u64(seed));
    of_pairs(neurons, pairs.into_iter().map(|(post, at)| (post, own.partner(post, at))))
}

/// A network of weights 1.
fn of_pairs(n: usize, pairs: impl Iterator<Item = (u32, u32)>) -> Result<Topology, Error> {
    let (post, pre): (Vec<u32>, Vec<u32>) = pairs.unzip();
    Topology::from_edges(n, n, &post, &pre, &vec![1.0; post.len()], Duplicates::Error)
}

pub(super) fn check_size(neurons: usize) -> Result<(), Error> {
    let (count, limit) = (neurons as u128, u128::from(u32::MAX));
    if count > limit { Err(Error::TooMany { what: "neurons", count, limit }) } else { Ok(()) }
}

/// As many synapses between as many neurons, each pair of neurons equally likely: the null model of a given number of
/// synapses.
///
/// Exact: the number of synapses and the list of their weights. Destroyed: all else, the signs of neurons included.
///
/// Source: Erdős & Rényi, *Publ. Math. Debrecen* 6 (1959) 290 (G(n, m)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ErdosRenyi {
    own: Option<SelfConnections>,
}

impl ErdosRenyi {
    /// As many self connections as in the original.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws self connections as other pairs, or not at all, in place of as many as in the original.
    #[must_use]
    pub fn self_connections(mut self, own: SelfConnections) -> Self {
        self.own = Some(own);
        self
    }

    fn rewire(&self, edges: &mut Edges, streams: Streams) -> Result<Report, Error> {
        let (n_post, n_pre) = (edges.n_post as u32, edges.n_pre as u32);
        let block = Block { post: &(0..n_post).collect::<Vec<_>>(), pre: &(0..n_pre).collect::<Vec<_>>() };
        let all: Vec<u32> = (0..edges.len() as u32).collect();
        let own = match self.own {
            _ if !edges.is_square() => Some(SelfConnections::Allowed),
            own => own,
        };
        block.redraw(edges, &all, own, &mut streams.part(0))?.write(edges, &all);
        Ok(Report::default())
    }
}

impl NullModel for ErdosRenyi {
    /// # Errors
    /// [`Error::TooMany`] if self connections are excluded and there are not enough other pairs.
    fn topology_with_report(&self, original: &Topology, seed: u64) -> Result<(Topology, Report), Error> {
        rewire_topology(original, seed, |edges, streams| self.rewire(edges, streams))
    }

    fn connectome_with_report(&self, original: &Connectome, seed: u64) -> Result<(Connectome, Report), Error> {
        rewire_connectome(original, seed, "Erdős-Rényi network", |edges, streams| self.rewire(edges, streams))
    }
}

/// The pairs of some postsynaptic with some presynaptic neurons: two different lists, or the same one twice.
pub(super) struct Block<'a> {
    pub(super) post: &'a [u32],
    pub(super) pre: &'a [u32],
}

/// New ends of the synapses of a block.
pub(super) struct Redrawn(Vec<(u32, u32)>);

impl Redrawn {
    pub(super) fn write(self, edges: &mut Edges, members: &[u32]) {
        for (&e, (post, pre)) in members.iter().zip(self.0) {
            (edges.post[e as usize], edges.pre[e as usize]) = (post, pre);
        }
    }
}

impl Block<'_> {
    /// New ends for synapses of the block. `own` is `None` for as many self connections as there are; only the
    /// synapses that are self connections become such.
    pub(super) fn redraw(
        &self,
        edges: &Edges,
        members: &[u32],
        own: Option<SelfConnections>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Redrawn, Error> {
        let (rows, columns) = (self.post.len() as u64, self.pre.len() as u64);
        let diagonal = edges.is_square() && own != Some(SelfConnections::Allowed) && self.post == self.pre;
        let loops = if own.is_none() { members.iter().filter(|&&e| edges.is_loop(e as usize)).count() } else { 0 };
        let width = if diagonal { columns.saturating_sub(1) } else { columns };
        let others = members.len() - loops;
        if others as u64 > rows * width {
            let (count, limit) = (others as u128, u128::from(rows * width));
            return Err(Error::TooMany { what: "synapses for pairs of different neurons", count, limit });
        }
        let mut selves = distinct(rows, loops, rng).into_iter();
        let mut pairs = distinct(rows * width, others, rng).into_iter();
        let ends = members.iter().filter_map(|&e| {
            if own.is_none() && edges.is_loop(e as usize) {
                let neuron = self.post[selves.next()? as usize];
                return Some((neuron, neuron));
            }
            let at = pairs.next()?;
            let (row, column) = (at / width, at % width);
            let column = column + u64::from(diagonal && column >= row);
            Some((self.post[row as usize], self.pre[column as usize]))
        });
        Ok(Redrawn(ends.collect()))
    }
}
