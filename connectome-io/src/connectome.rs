//! Neurons, their connections, and where both come from.

use crate::labels::check_count;
use crate::{Error, LatticeWiring, Location, NeuronTable, Provenance, SynapseTable};

/// A measured wiring diagram. Every index is in range and every weight finite, since construction checks it.
#[derive(Debug, Clone, PartialEq)]
pub struct Connectome {
    neurons: NeuronTable,
    synapses: SynapseTable,
    lattice: Option<LatticeWiring>,
    provenance: Provenance,
}

impl Connectome {
    /// Joins neurons and connections.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if a connection points outside the table of neurons.
    pub fn new(neurons: NeuronTable, synapses: SynapseTable, provenance: Provenance) -> Result<Self, Error> {
        synapses.check_range(neurons.len())?;
        Self::of_indices_in_range(neurons, synapses, provenance)
    }

    /// Joins neurons and connections that are known to point at them.
    pub(crate) fn of_indices_in_range(
        neurons: NeuronTable,
        synapses: SynapseTable,
        provenance: Provenance,
    ) -> Result<Self, Error> {
        check_count(&Location::memory(), "neurons", neurons.len())?;
        Ok(Self { neurons, synapses, lattice: None, provenance })
    }

    /// Declares that rows are cell types which repeat on a hexagonal lattice.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] if the wiring does not have one placement per neuron and one displacement per synapse
    /// row; [`Error::Malformed`] if a row and its pair name different types.
    pub fn with_lattice(mut self, lattice: LatticeWiring) -> Result<Self, Error> {
        let here = Location::memory().key("lattice wiring");
        let lengths = [
            ("placement", lattice.placement().len(), self.n_neurons(), "one per cell type"),
            ("offset", lattice.offset().len(), self.n_synapses(), "one per synapse row"),
        ];
        for (what, got, want, reason) in lengths {
            if got != want {
                return Err(Error::LengthMismatch { at: here, what: what.to_owned(), got, want, reason });
            }
        }
        for (row, &pair) in lattice.pair().iter().enumerate() {
            let pair = lattice.pairs()[pair as usize];
            let (pre, post) = (self.synapses.pre()[row], self.synapses.post()[row]);
            if (pair.pre, pair.post) != (pre, post) {
                let problem =
                    format!("synapse row {row} is {pre} -> {post}, its pair is {} -> {}", pair.pre, pair.post);
                return Err(Error::Malformed { at: here, problem });
            }
        }
        self.lattice = Some(lattice);
        Ok(self)
    }

    /// The same wiring with another account of its origin.
    #[must_use]
    pub fn with_provenance(mut self, provenance: Provenance) -> Self {
        self.provenance = provenance;
        self
    }

    /// The neurons.
    #[must_use]
    pub fn neurons(&self) -> &NeuronTable {
        &self.neurons
    }

    /// The connections.
    #[must_use]
    pub fn synapses(&self) -> &SynapseTable {
        &self.synapses
    }

    /// How cell types repeat on the lattice; `None` where rows are single neurons.
    #[must_use]
    pub fn lattice(&self) -> Option<&LatticeWiring> {
        self.lattice.as_ref()
    }

    /// Source, version, threshold, licence.
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Rows of the neuron table.
    #[must_use]
    pub fn n_neurons(&self) -> usize {
        self.neurons.len()
    }

    /// Rows of the synapse table; the synapses themselves are [`Connectome::total_weight`] where weights are counts.
    #[must_use]
    pub fn n_synapses(&self) -> usize {
        self.synapses.len()
    }

    /// Sum of all weights; 0 of none.
    #[must_use]
    pub fn total_weight(&self) -> f64 {
        self.synapses.weight().iter().fold(0.0, |sum, weight| sum + weight)
    }

    /// Keeps the synapse rows whose absolute weight reaches the threshold, and notes it in the provenance. Neurons and
    /// pairs of types all stay.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the threshold is NaN or infinite.
    pub fn with_threshold(mut self, threshold: f64) -> Result<Self, Error> {
        if !threshold.is_finite() {
            let at = Location::memory().key("threshold");
            return Err(Error::NotFinite { at, what: "threshold", value: threshold });
        }
        let weight = self.synapses.weight();
        let rows: Vec<u32> = (0u32..).zip(weight).filter(|(_, w)| w.abs() >= threshold).map(|(row, _)| row).collect();
        if rows.len() < weight.len() {
            self.synapses = self.synapses.select(&rows);
            self.lattice = self.lattice.map(|lattice| lattice.select(&rows));
        }
        // What an earlier threshold removed is gone.
        let threshold = self.provenance.threshold().map_or(threshold, |earlier| earlier.max(threshold));
        self.provenance = self.provenance.with_threshold(threshold);
        Ok(self)
    }

    /// Exchanges pre and post everywhere.
    #[must_use]
    pub fn transpose(self) -> Self {
        Self { synapses: self.synapses.transpose(), lattice: self.lattice.map(LatticeWiring::transpose), ..self }
    }

    /// The parts, for those who want to change one and put them together again.
    #[must_use]
    pub fn into_parts(self) -> (NeuronTable, SynapseTable, Option<LatticeWiring>, Provenance) {
        (self.neurons, self.synapses, self.lattice, self.provenance)
    }
}
