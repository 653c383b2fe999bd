//! Surgery: lesions, subgraphs and pruned networks, from selections of neurons and synapses that combine.
//!
//! [`Neurons`] and [`Synapses`] say what is meant, by type, region, sign, weight, neighbourhood, degree or chance, joined
//! by `&`, `|`, `-` and `!`; they work on a [`Connectome`] and, as far as they ask for no names, on a [`Topology`].
//!
//! | to | call |
//! | --- | --- |
//! | cut out a part of the network, or the largest component | [`keep`] |
//! | remove neurons | [`remove`] |
//! | leave neurons in place without synapses, so that states keep their numbering | [`silence`] |
//! | remove synapses | [`cut`] |
//! | prune to some synapses | [`keep_synapses`] |
//!
//! ```
//! use connectome_graph::surgery::{Amount, Neurons, Rank, Reach, Synapses, cut, keep, remove};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let worm = connectome_io::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/celegans/chemical.csv"))?;
//!
//! // the command neurons and what they reach in one step, but no pharyngeal neuron
//! let command = Neurons::named(["AVAL", "AVAR", "AVBL", "AVBR"]);
//! let circuit = command.neighbourhood(1, Reach::Downstream) - Neurons::named(["I1L", "I1R"]);
//! let part = keep(&worm, &circuit)?;
//! println!("{} of {} neurons", part.network.n_neurons(), worm.n_neurons());
//!
//! // an attack on the 5 % with most partners, and one on as many chosen at random
//! let hubs = Neurons::all().top(Amount::Fraction(0.05), Rank::Degree);
//! let attacked = remove(&worm, &hubs)?;
//! let failed = remove(&worm, &Neurons::all().random(Amount::Fraction(0.05), 7))?;
//! assert!(attacked.network.n_synapses() < failed.network.n_synapses());
//! println!("{}", attacked.network.provenance().source());
//!
//! // states of the whole as states of the part
//! let states: Vec<f64> = (0..302).map(f64::from).collect();
//! assert_eq!(attacked.gather(&states).len(), attacked.network.n_neurons());
//!
//! // weak synapses onto the hubs removed
//! let pruned = cut(&worm, &(Synapses::onto(hubs) - Synapses::at_least(3.0)))?;
//! assert_eq!(pruned.n_neurons(), 302);
//! # Ok(())
//! # }
//! ```
//!
//! [`Connectome`]: connectome_io::Connectome
//! [`Topology`]: crate::Topology

mod network;
mod neurons;
mod operate;
mod synapses;

pub use network::Network;
pub use neurons::{Amount, Component, Neurons, Rank, Reach};
pub use operate::{Kept, cut, keep, keep_synapses, remove, silence};
pub use synapses::{Synapse, Synapses};
