#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! | to | see |
//! | --- | --- |
//! | read and write connectomes | [`read`], [`read_with`], [`ReadOptions`], [`Progress`], [`write()`](fn@write) |
//! | work with one | [`Connectome`], [`NeuronTable`], [`SynapseTable`], [`LatticeWiring`], [`Provenance`] |
//! | read and write tables of brain areas with their sizes | [`AreaTable`] |
//! | read and write arrays and tensors | [`read_array`], [`Array`], [`mod@format`] |
//! | know what went wrong | [`Error`], [`Location`] |

mod array;
mod atomic;
mod combine;
mod connectome;
mod container;
mod edges;
mod error;
pub mod format;
mod indices;
mod labels;
mod lattice_wiring;
mod location;
mod memory;
mod neuron_table;
mod options;
mod positions;
mod progress;
mod provenance;
mod read;
mod row_numbers;
mod sign;
mod source;
mod synapse_table;
mod tables;
mod threads;
mod write;

pub use array::{Array, ArrayData, Dtype, Element};
pub use combine::Strangers;
pub use connectome::Connectome;
pub use container::{Content, content, read_neurons};
pub use error::Error;
pub use format::area_table::{Area, AreaTable};
pub use labels::Labels;
pub use lattice_wiring::{LatticeWiring, Placement, TypePair};
pub use location::{Location, Place};
pub use neuron_table::NeuronTable;
pub use options::{
    CsvLayout, Duplicates, GapJunctions, Limits, Muscle, NeuronsFile, ReadOptions, Regions, Rows, UnknownNeurons,
};
pub use positions::Positions;
pub use progress::{Done, Progress};
pub use provenance::{InputFile, Orientation, Provenance};
pub use read::{check_options, read, read_array, read_with};
pub use sign::Sign;
pub use synapse_table::SynapseTable;
pub use write::{check_ending, write};
