//! Removal of neurons and synapses.

use super::network::places;
use super::neurons::listed;
use super::{Network, Neurons, Synapses};
use crate::Error;

/// A part of a network, and which part.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Kept<N> {
    /// The network among the neurons that were kept, in their former order.
    pub network: N,
    /// Former row of each neuron, ascending.
    pub rows: Vec<u32>,
    /// Number of neurons of the whole network.
    pub of: usize,
}

impl<N> Kept<N> {
    /// New row of each former one, `[of]`; `None` where a neuron was removed.
    pub fn places(&self) -> Vec<Option<u32>> {
        places(self.of, &self.rows)
    }

    /// Values per neuron of the whole, `[of]`, as values per neuron of the part.
    ///
    /// # Panics
    /// If there is not one value per neuron of the whole network.
    pub fn gather<T: Clone>(&self, whole: &[T]) -> Vec<T> {
        assert!(whole.len() == self.of, "{} values for a network of {} neurons", whole.len(), self.of);
        self.rows.iter().map(|&row| whole[row as usize].clone()).collect()
    }

    /// Values per neuron of the part as values per neuron of the whole, `[of]`, with `fill` for neurons that were
    /// removed.
    ///
    /// # Panics
    /// If there is not one value per neuron of the part.
    pub fn scatter<T: Clone>(&self, part: &[T], fill: T) -> Vec<T> {
        assert!(part.len() == self.rows.len(), "{} values for {} neurons that were kept", part.len(), self.rows.len());
        let mut whole = vec![fill; self.of];
        for (&row, value) in self.rows.iter().zip(part) {
            whole[row as usize] = value.clone();
        }
        whole
    }
}

/// The network among the selected neurons: their table with all columns and the synapses between them. On a lattice of
/// cell types the types stand where they stood.
///
/// # Errors
/// See [`Neurons::select`].
///
/// # Panics
/// If a topology is not square.
pub fn keep<N: Network>(network: &N, neurons: &Neurons) -> Result<Kept<N>, Error> {
    let view = network.view();
    let rows = neurons.rows_of(&view)?;
    let note = format!("kept {} of {} neurons: {neurons}", rows.len(), view.n);
    Ok(Kept { network: network.among(&rows, &note)?, rows, of: view.n })
}

/// The network without the selected neurons and their synapses.
///
/// # Errors
/// See [`Neurons::select`].
///
/// # Panics
/// If a topology is not square.
pub fn remove<N: Network>(network: &N, neurons: &Neurons) -> Result<Kept<N>, Error> {
    let view = network.view();
    let rows: Vec<u32> = listed(&(!neurons.clone()).mask(&view)?);
    let note = format!("removed {} of {} neurons: {neurons}", view.n - rows.len(), view.n);
    Ok(Kept { network: network.among(&rows, &note)?, rows, of: view.n })
}

/// The network in which the selected neurons stay, without any synapse. To block their output alone use
/// `cut(network, &Synapses::from(neurons))`.
///
/// # Errors
/// See [`Neurons::select`].
///
/// # Panics
/// If a topology is not square.
pub fn silence<N: Network>(network: &N, neurons: &Neurons) -> Result<N, Error> {
    cut(network, &(Synapses::from(neurons.clone()) | Synapses::onto(neurons.clone())))
}

/// The network without the selected synapses; all neurons stay. On a lattice of cell types, pairs of types stay even
/// without displacements; expand it with [`Fill::None`](crate::hex::Fill::None) where displacements within the hull of
/// the others were cut, or they are filled again.
///
/// # Errors
/// See [`Synapses::select`].
///
/// # Panics
/// If a topology is not square.
pub fn cut<N: Network>(network: &N, synapses: &Synapses) -> Result<N, Error> {
    let mask = synapses.mask(&network.view())?;
    let rows = listed(&mask.iter().map(|&cut| !cut).collect::<Vec<bool>>());
    network.with_synapses(&rows, &format!("cut {} of {} synapses: {synapses}", mask.len() - rows.len(), mask.len()))
}

/// The network with the selected synapses alone; all neurons stay.
///
/// # Errors
/// See [`Synapses::select`].
///
/// # Panics
/// If a topology is not square.
pub fn keep_synapses<N: Network>(network: &N, synapses: &Synapses) -> Result<N, Error> {
    let mask = synapses.mask(&network.view())?;
    let rows = listed(&mask);
    network.with_synapses(&rows, &format!("kept {} of {} synapses: {synapses}", rows.len(), mask.len()))
}
