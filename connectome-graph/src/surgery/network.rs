//! What can be operated on.

use std::borrow::Cow;
use std::cell::OnceCell;

use connectome_io::{Connectome, LatticeWiring};

use crate::rebuild::{noted, with_ends};
use crate::{Duplicates, Error, Topology};

/// A network that selections understand: a [`Connectome`] or a square [`Topology`].
pub trait Network: private::Operable {}

impl Network for Connectome {}
impl Network for Topology {}

pub(super) mod private {
    use super::{Error, View};

    pub trait Operable: Sized {
        /// What selections see.
        fn view(&self) -> View<'_>;
        /// The network among the neurons `rows`, ascending.
        fn among(&self, rows: &[u32], note: &str) -> Result<Self, Error>;
        /// The network with the synapses `rows` alone, ascending.
        fn with_synapses(&self, rows: &[u32], note: &str) -> Result<Self, Error>;
    }
}

/// A network as selections see it.
pub struct View<'a> {
    pub(super) n: usize,
    pub(super) post: Cow<'a, [u32]>,
    pub(super) pre: &'a [u32],
    pub(super) weight: &'a [f64],
    pub(super) connectome: Option<&'a Connectome>,
    magnitudes: OnceCell<Topology>,
}

impl View<'_> {
    /// Connected pairs with their summed absolute weights.
    pub(super) fn magnitudes(&self) -> Result<&Topology, Error> {
        if let Some(known) = self.magnitudes.get() {
            return Ok(known);
        }
        let weight: Vec<f64> = self.weight.iter().map(|w| w.abs()).collect();
        let topology = Topology::from_edges(self.n, self.n, &self.post, self.pre, &weight, Duplicates::Sum)?;
        Ok(self.magnitudes.get_or_init(|| topology))
    }
}

impl private::Operable for Topology {
    fn view(&self) -> View<'_> {
        let shape = [self.n_post(), self.n_pre()];
        assert!(shape[0] == shape[1], "surgery wants a square topology, this one is {shape:?}");
        View {
            n: shape[0],
            post: self.posts().into(),
            pre: self.columns(),
            weight: self.weights(),
            connectome: None,
            magnitudes: OnceCell::new(),
        }
    }

    fn among(&self, rows: &[u32], _: &str) -> Result<Self, Error> {
        Ok(self.induced(rows))
    }

    fn with_synapses(&self, rows: &[u32], _: &str) -> Result<Self, Error> {
        let posts = self.posts();
        let post: Vec<u32> = rows.iter().map(|&e| posts[e as usize]).collect();
        let pre: Vec<u32> = rows.iter().map(|&e| self.columns()[e as usize]).collect();
        let weight: Vec<f64> = rows.iter().map(|&e| self.weights()[e as usize]).collect();
        Self::from_edges(self.n_post(), self.n_pre(), &post, &pre, &weight, Duplicates::Error)
    }
}

impl private::Operable for Connectome {
    fn view(&self) -> View<'_> {
        let synapses = self.synapses();
        View {
            n: self.n_neurons(),
            post: synapses.post().into(),
            pre: synapses.pre(),
            weight: synapses.weight(),
            connectome: Some(self),
            magnitudes: OnceCell::new(),
        }
    }

    fn among(&self, rows: &[u32], note: &str) -> Result<Self, Error> {
        let place = places(self.n_neurons(), rows);
        let synapses = self.synapses();
        let inside = |row: &u32| {
            let row = *row as usize;
            place[synapses.pre()[row] as usize].is_some() && place[synapses.post()[row] as usize].is_some()
        };
        let kept: Vec<u32> = (0..synapses.len() as u32).filter(inside).collect();
        let table = synapses.select(&kept);
        let moved = |ends: &[u32]| ends.iter().filter_map(|&old| place[old as usize]).collect();
        let (pre, post) = (moved(table.pre()), moved(table.post()));
        let result =
            Self::new(self.neurons().select(rows)?, with_ends(&table, pre, post)?, noted(self.provenance(), note))?;
        match self.lattice() {
            Some(lattice) => Ok(result.with_lattice(part_of_lattice(lattice, rows, &place, &kept)?)?),
            None => Ok(result),
        }
    }

    fn with_synapses(&self, rows: &[u32], note: &str) -> Result<Self, Error> {
        let provenance = noted(self.provenance(), note);
        let result = Self::new(self.neurons().clone(), self.synapses().select(rows), provenance)?;
        let Some(lattice) = self.lattice() else {
            return Ok(result);
        };
        let all: Vec<u32> = (0..self.n_neurons() as u32).collect();
        let place = places(self.n_neurons(), &all);
        Ok(result.with_lattice(part_of_lattice(lattice, &all, &place, rows)?)?)
    }
}

/// New row of each old one.
pub(super) fn places(n: usize, rows: &[u32]) -> Vec<Option<u32>> {
    let mut place = vec![None; n];
    for (new, &old) in (0..).zip(rows) {
        place[old as usize] = Some(new);
    }
    place
}

/// Wiring of the types `rows` by the synapses `kept`. Pairs of types that stay are kept, with or without synapses.
fn part_of_lattice(
    lattice: &LatticeWiring,
    rows: &[u32],
    place: &[Option<u32>],
    kept: &[u32],
) -> Result<LatticeWiring, Error> {
    let placement = rows.iter().map(|&row| lattice.placement()[row as usize]).collect();
    let (mut pairs, mut new_pair) = (Vec::new(), vec![u32::MAX; lattice.n_pairs()]);
    for (old, &pair) in lattice.pairs().iter().enumerate() {
        if let (Some(pre), Some(post)) = (place[pair.pre as usize], place[pair.post as usize]) {
            new_pair[old] = pairs.len() as u32;
            pairs.push(connectome_io::TypePair { pre, post, ..pair });
        }
    }
    let pair = kept.iter().map(|&row| new_pair[lattice.pair()[row as usize] as usize]).collect();
    let offset = kept.iter().map(|&row| lattice.offset()[row as usize]).collect();
    Ok(LatticeWiring::new(placement, pairs, pair, offset)?)
}
