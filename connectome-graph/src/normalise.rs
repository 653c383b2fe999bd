//! Weights scaled to norms of rows or columns, to a spectral radius, or to equal sums of both rows and columns.
//!
//! ```
//! use connectome_graph::Topology;
//! use connectome_graph::normalise::{Axis, Norm, Sinkhorn, Target, normalise};
//!
//! let w = Topology::from_dense(3, 3, &[0.0, 3.0, -2.0, 1.0, 1.0, -1.0, 5.0, 0.0, -1.0])?;
//! // every neuron gets excitation 1 and inhibition 0.5 in all
//! let balanced = normalise(&w, Axis::Inputs, Norm::L1, Target::Separate { excitatory: 1.0, inhibitory: 0.5 })?;
//! assert_eq!(balanced.in_strength(), [0.5, 0.5, 0.5]);
//!
//! // and every neuron gives as much as its peers
//! let doubly = Sinkhorn::default().balance(&w)?;
//! assert!(doubly.topology.in_strength().iter().all(|sum| sum.abs() < 1e-9));
//! assert_eq!(doubly.excitatory.columns, 2);
//! # Ok::<(), connectome_graph::Error>(())
//! ```

mod scale;
mod sinkhorn;
mod support;

pub use scale::{Axis, Norm, Target, normalise, to_spectral_radius};
pub use sinkhorn::{Balance, Balanced, Sinkhorn, sinkhorn_flystability};
