//! Random wiring within pairs of types.

use connectome_io::{Connectome, Labels};
use rayon::prelude::*;

use super::edges::{Edges, Streams, by_group, check_labels, rewire_connectome, rewire_topology};
use super::erdos_renyi::Block;
use super::{NullModel, Report};
use crate::{Error, Topology};

/// Draws the synapses of each pair of types anew, all pairs of neurons of these types equally likely: the null model of
/// connectivity by type alone.
///
/// Exact: the number of synapses from each type to each type, and the list of their weights; the number of self
/// connections of each type. Destroyed: degrees of single neurons, and who connects to whom within types.
///
/// Source: Holland, Laskey & Leinhardt, *Social Networks* 5 (1983) 109, doi 10.1016/0378-8733(83)90021-7 (stochastic
/// block model; here with exact numbers).
#[derive(Debug, Clone, PartialEq)]
pub struct BlockShuffle {
    types: Labels,
}

impl BlockShuffle {
    /// Takes the type of each neuron.
    pub fn new(types: Labels) -> Self {
        Self { types }
    }

    fn rewire(&self, edges: &mut Edges, streams: Streams) -> Result<Report, Error> {
        check_labels(&self.types, edges.n_post, edges.n_pre)?;
        let codes = self.types.codes();
        let mut neurons = vec![Vec::new(); self.types.n_names()];
        for (i, &code) in (0u32..).zip(codes) {
            neurons[code as usize].push(i);
        }
        let code = |i: u32| codes[i as usize] as usize;
        let synapses = (0u32..).zip(edges.post.iter().zip(&edges.pre));
        let blocks = by_group(synapses.map(|(e, (&post, &pre))| ((code(post), code(pre)), e)));
        let redrawn = blocks
            .par_iter()
            .enumerate()
            .map(|(part, ((post, pre), members))| {
                let block = Block { post: &neurons[*post], pre: &neurons[*pre] };
                block.redraw(edges, members, None, &mut streams.part(part))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        for ((_, members), redrawn) in blocks.iter().zip(redrawn) {
            redrawn.write(edges, members);
        }
        Ok(Report::default())
    }
}

impl NullModel for BlockShuffle {
    /// # Errors
    /// [`Error::Length`] unless there is one label per neuron.
    fn topology_with_report(&self, original: &Topology, seed: u64) -> Result<(Topology, Report), Error> {
        rewire_topology(original, seed, |edges, streams| self.rewire(edges, streams))
    }

    fn connectome_with_report(&self, original: &Connectome, seed: u64) -> Result<(Connectome, Report), Error> {
        rewire_connectome(original, seed, "shuffle within pairs of types", |edges, streams| self.rewire(edges, streams))
    }
}
