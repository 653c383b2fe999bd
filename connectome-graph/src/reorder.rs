//! Neurons in another order: by type, by degree, or so that neighbours stand together.
//!
//! ```
//! use connectome_graph::reorder::{Permutation, Spread, reverse_cuthill_mckee};
//! use connectome_graph::{Duplicates, Topology};
//!
//! // a chain whose neurons were numbered at random
//! let (post, pre) = ([3, 0, 4, 1], [2, 3, 0, 4]);
//! let chain = Topology::from_edges(5, 5, &post, &pre, &[1.0; 4], Duplicates::Error)?;
//! assert_eq!(Spread::of(&chain).bandwidth, 4);
//! let order = reverse_cuthill_mckee(&chain);
//! assert_eq!(Spread::of(&order.topology(&chain)).bandwidth, 1);
//!
//! // values per neuron move along, and back
//! let moved = order.apply(&["a", "b", "c", "d", "e"]);
//! assert_eq!(order.inverse().apply(&moved), ["a", "b", "c", "d", "e"]);
//! # Ok::<(), connectome_graph::Error>(())
//! ```

mod cuthill_mckee;
mod permutation;

pub use cuthill_mckee::{Spread, reverse_cuthill_mckee};
pub use permutation::{Degree, NameOrder, Permutation};
