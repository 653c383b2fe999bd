//! Files of measured brain wiring to one typed connectome, and back.

mod connectome;
mod error;
mod labels;
mod lattice_wiring;
mod location;
mod neuron_table;
mod positions;
mod provenance;
mod sign;
mod synapse_table;

pub use connectome::Connectome;
pub use error::Error;
pub use labels::Labels;
pub use lattice_wiring::{LatticeWiring, Placement, TypePair};
pub use location::{Location, Place};
pub use neuron_table::NeuronTable;
pub use positions::Positions;
pub use provenance::{Orientation, Provenance};
pub use sign::Sign;
pub use synapse_table::SynapseTable;
