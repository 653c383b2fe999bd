//! Null models: random networks that share some property of a measured one, to tell what follows from that property
//! alone.
//!
//! | model | exact | destroyed | source |
//! | --- | --- | --- | --- |
//! | [`ErdosRenyi`] | numbers of neurons, synapses, self connections; all weights | degrees, types, space | Erdős & Rényi 1959; Gilbert 1959 |
//! | [`BlockShuffle`] | number of synapses for each pair of types | degrees within types | Holland, Laskey & Leinhardt 1983 |
//! | [`DegreePreserving`] | in- and out-degree and summed outgoing weight of each neuron, its sign; within types: each for every partner type | who connects to whom, reciprocity, motifs | Maslov & Sneppen 2002 |
//! | [`Configuration`] | the same, drawn anew instead of changed step by step | the same | Molloy & Reed 1995; Newman, Strogatz & Watts 2001 |
//! | [`DistancePreserving`] | degrees as above, and the histogram of distances between connected neurons | specific partners at equal distance | Betzel & Bassett 2018 |
//! | [`WeightShuffle`] | who connects to whom; all weights, by sign, neuron or type if asked for | which synapse has which weight | Rubinov & Sporns 2011 |
//! | [`SignShuffle`] | who connects to whom; magnitudes; number of inhibitory neurons or synapses | who is inhibitory | |
//! | [`LatticeShuffle`] | synapse numbers of each pair of cell types by distance on the lattice | shapes or directions of receptive fields | |
//!
//! All but the last take a [`Topology`], for networks to simulate, or a [`Connectome`], where the neurons with all their columns stay
//! and the provenance says what was done (see [`NullModel`]). The same seed gives the same network for any number of
//! threads. [`gnm`], [`gnp`] and [`configuration`] make networks from numbers alone, and [`compare`] places a measured
//! network among its null models.
//!
//! Except in the models of weights and signs, a synapse takes its weight, sign and further columns along. Where a
//! neuron keeps its outgoing synapses its sign stays consistent (Dale's law); under [`ErdosRenyi`] and [`BlockShuffle`]
//! it does not.
//!
//! On the benchmark network of 4.6 million synapses, one core of an EPYC under load needs 0.1 s for signs, 0.3 to 0.5 s for
//! weights, 0.7 s for numbers and blocks, 1.4 s for the configuration model, 5 to 8 s for 10 swaps per synapse and 25 s for
//! 30 at equal distance (`cargo xtask bench --bench graph` times most of them); the process takes 110 to 290 MiB.

mod blocks;
mod compare;
mod configuration;
mod degrees;
mod distance;
mod edges;
mod erdos_renyi;
mod lattice;
mod signs;
mod swap;
mod weights;

use connectome_io::Connectome;

use crate::{Error, Topology};

pub use blocks::BlockShuffle;
pub use compare::{Comparison, compare, overlap};
pub use configuration::{Configuration, configuration};
pub use degrees::DegreePreserving;
pub use distance::DistancePreserving;
pub use erdos_renyi::{ErdosRenyi, SelfConnections, gnm, gnp};
pub use lattice::LatticeShuffle;
pub use signs::SignShuffle;
pub use weights::WeightShuffle;

/// What a null model did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Swaps that were proposed; 0 for models that draw without them.
    pub proposed: u64,
    /// Swaps that were carried out.
    pub accepted: u64,
    /// Synapses that the model leaves in place by rule: self connections, gap junctions, neurons without position.
    pub fixed: u64,
}

/// A rule that makes random networks from a given one.
pub trait NullModel: Sync {
    /// A random network, and what was done.
    ///
    /// # Errors
    /// Those of the model.
    fn topology_with_report(&self, original: &Topology, seed: u64) -> Result<(Topology, Report), Error>;

    /// A random connectome, and what was done. Neurons stay; rows of the synapse table keep their order.
    ///
    /// Synapses of different kinds are randomised one kind after the other, so that what the model preserves holds for
    /// each kind. Gap junctions stay in place, since they conduct both ways. Rows of one kind that join the same
    /// neurons, such as those of several brain regions, move together. Without these three, the result is the one of
    /// [`NullModel::topology`].
    ///
    /// # Errors
    /// Those of the model; [`Error::OnLattice`] where rows are cell types and the model moves synapses.
    fn connectome_with_report(&self, original: &Connectome, seed: u64) -> Result<(Connectome, Report), Error>;

    /// A random network.
    ///
    /// # Errors
    /// Those of the model.
    fn topology(&self, original: &Topology, seed: u64) -> Result<Topology, Error> {
        Ok(self.topology_with_report(original, seed)?.0)
    }

    /// A random connectome, see [`NullModel::connectome_with_report`].
    ///
    /// # Errors
    /// Those of the model.
    fn connectome(&self, original: &Connectome, seed: u64) -> Result<Connectome, Error> {
        Ok(self.connectome_with_report(original, seed)?.0)
    }
}
