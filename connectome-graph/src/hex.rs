//! The hexagonal lattice of the fly's eye, and networks of cell types that repeat on it.
//!
//! A connectome of cell types says: a cell of type A at column `(u, v)` makes `n` synapses onto the cell of type B at
//! `(u + du, v + dv)`. [`expand`] turns this into single cells and edges, in the order used by flyvis
//! (Lappalainen et al., *Nature* 634 (2024) 1132, doi 10.1038/s41586-024-07939-3).

mod coordinate;
mod expand;
mod hull;
mod lattice;
mod network;
mod sublattice;

pub use coordinate::{Axial, Direction, PlotLayout};
pub use expand::{Fill, expand, expand_with};
pub use hull::{convex_hull, fill_hull};
pub use lattice::{Extent, Lattice};
pub use network::{CellType, HexNetwork, Offset, OffsetGroup, PairGroup, Role};
