//! Permutations of neurons, and what they act on.

use std::cmp::Reverse;

use connectome_io::{Connectome, Labels, LatticeWiring};

use crate::rebuild::with_ends;
use crate::{Error, Topology};

/// A permutation: place `k` of the new order takes neuron `order[k]` of the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permutation {
    order: Vec<u32>,
    place: Vec<u32>,
}

/// In which order [`Permutation::by_label`] puts the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameOrder<'a> {
    /// As the names first appear among the neurons. The default.
    #[default]
    FirstAppearance,
    /// In the given order, which must hold each name that a neuron has, and may hold more.
    Given(&'a [&'a str]),
}

/// A degree to sort by; see [`Permutation::by_degree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Degree {
    /// Number of inputs.
    In,
    /// Number of targets.
    Out,
    /// Both together.
    Total,
}

impl Permutation {
    /// The permutation whose place `k` takes neuron `order[k]`.
    ///
    /// # Errors
    /// [`Error::NotPermutation`] if a neuron does not exist or is named twice, [`Error::TooMany`] neurons.
    pub fn new(order: Vec<u32>) -> Result<Self, Error> {
        let size = order.len();
        if size > u32::MAX as usize {
            return Err(Error::TooMany { what: "neurons", count: size as u128, limit: u128::from(u32::MAX) });
        }
        let mut place = vec![u32::MAX; size];
        for (position, &neuron) in order.iter().enumerate() {
            let wrong = |problem| Err(Error::NotPermutation { position, neuron, size, problem });
            match place.get_mut(neuron as usize) {
                None => return wrong("which does not exist"),
                Some(slot) if *slot != u32::MAX => return wrong("again"),
                Some(slot) => *slot = position as u32,
            }
        }
        Ok(Self { order, place })
    }

    /// Neurons sorted by a key; of equal keys the one that stood first stays first.
    ///
    /// # Panics
    /// If `n` is beyond 2^32 - 1.
    pub fn by_key<K: Ord>(n: usize, key: impl Fn(u32) -> K) -> Self {
        assert!(n <= u32::MAX as usize, "{n} neurons are more than 32-bit indices allow ({})", u32::MAX);
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.sort_by_cached_key(|&neuron| key(neuron));
        Self::from_valid(order)
    }

    /// Neurons grouped by a column of names, such as their types; within a name the old order stays.
    ///
    /// # Errors
    /// [`Error::NameOrder`] if a given order repeats a name or leaves out one that a neuron has.
    pub fn by_label(labels: &Labels, names: NameOrder<'_>) -> Result<Self, Error> {
        let mut rank = vec![u32::MAX; labels.n_names()];
        let mut count = 0;
        match names {
            NameOrder::FirstAppearance => {
                for &code in labels.codes() {
                    if rank[code as usize] == u32::MAX {
                        rank[code as usize] = count;
                        count += 1;
                    }
                }
            }
            NameOrder::Given(names) => {
                let mut seen = std::collections::HashSet::with_capacity(names.len());
                let code_of: std::collections::HashMap<&str, usize> =
                    labels.names().iter().enumerate().map(|(code, name)| (name.as_str(), code)).collect();
                for &name in names {
                    if !seen.insert(name) {
                        return Err(Error::NameOrder { name: name.to_owned(), problem: "repeats" });
                    }
                    if let Some(&code) = code_of.get(name) {
                        rank[code] = count;
                        count += 1;
                    }
                }
                if let Some(&code) = labels.codes().iter().find(|&&code| rank[code as usize] == u32::MAX) {
                    let name = labels.names()[code as usize].clone();
                    return Err(Error::NameOrder { name, problem: "leaves out" });
                }
            }
        }
        Ok(Self::by_key(labels.len(), |neuron| rank[labels.codes()[neuron as usize] as usize]))
    }

    /// Neurons by descending degree; of equal degree the one that stood first stays first.
    ///
    /// # Panics
    /// If the topology is not square.
    pub fn by_degree(topology: &Topology, degree: Degree) -> Self {
        let n = topology.assert_square("by_degree");
        let (inputs, outputs) = (topology.in_degree(), topology.out_degree());
        Self::by_key(n, |neuron| {
            let (input, output) = (u64::from(inputs[neuron as usize]), u64::from(outputs[neuron as usize]));
            Reverse(match degree {
                Degree::In => input,
                Degree::Out => output,
                Degree::Total => input + output,
            })
        })
    }

    /// Takes an order that is a permutation by construction.
    pub(super) fn from_valid(order: Vec<u32>) -> Self {
        let mut place = vec![0; order.len()];
        for (position, &neuron) in order.iter().enumerate() {
            place[neuron as usize] = position as u32;
        }
        Self { order, place }
    }

    /// Number of neurons.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are no neurons.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The old neuron at each new place.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The new place of each old neuron.
    pub fn places(&self) -> &[u32] {
        &self.place
    }

    /// The permutation back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self { order: self.place.clone(), place: self.order.clone() }
    }

    /// One value per neuron in the new order.
    ///
    /// # Panics
    /// Unless there is one value per neuron.
    pub fn apply<T: Clone>(&self, values: &[T]) -> Vec<T> {
        self.assert_size("apply", values.len());
        self.order.iter().map(|&old| values[old as usize].clone()).collect()
    }

    /// The network with its neurons in the new order, `P W P^T`.
    ///
    /// # Panics
    /// If the topology is not square or has another number of neurons.
    pub fn topology(&self, topology: &Topology) -> Topology {
        self.assert_size("topology", topology.assert_square("a permutation"));
        topology.induced(&self.order)
    }

    /// The connectome with its neurons in the new order: ids, names and all other columns move along, synapses keep
    /// their rows and follow their neurons, and so does the wiring of types on a lattice.
    ///
    /// # Errors
    /// [`Error::Table`] if the data layer refuses a table, which it does not for one that it accepted before.
    ///
    /// # Panics
    /// If the connectome has another number of neurons.
    pub fn connectome(&self, connectome: &Connectome) -> Result<Connectome, Error> {
        self.assert_size("connectome", connectome.n_neurons());
        let moved = |neurons: &[u32]| -> Vec<u32> { neurons.iter().map(|&old| self.place[old as usize]).collect() };
        let old = connectome.synapses();
        let synapses = with_ends(old, moved(old.pre()), moved(old.post()))?;
        let neurons = connectome.neurons().select(&self.order)?;
        let result = Connectome::new(neurons, synapses, connectome.provenance().clone())?;
        let Some(lattice) = connectome.lattice() else {
            return Ok(result);
        };
        let mut pairs = lattice.pairs().to_vec();
        for pair in &mut pairs {
            pair.pre = self.place[pair.pre as usize];
            pair.post = self.place[pair.post as usize];
        }
        let placement = self.apply(lattice.placement());
        let lattice = LatticeWiring::new(placement, pairs, lattice.pair().to_vec(), lattice.offset().to_vec())?;
        Ok(result.with_lattice(lattice)?)
    }

    fn assert_size(&self, what: &str, got: usize) {
        assert!(got == self.len(), "{what}: {got} neurons, the permutation has {}", self.len());
    }
}
