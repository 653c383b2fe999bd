//! Triads of neurons, and how far their numbers lie from those of null models.
//!
//! ```
//! use connectome_graph::motif::{Triad, triad_census, triads_against_nulls};
//! use connectome_graph::null::{DegreePreserving, NullModel};
//! use connectome_graph::{Duplicates, Topology, WeightRule};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let worm = connectome_io::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/celegans/chemical.csv"))?;
//! let wiring = Topology::from_connectome(&worm, WeightRule::Magnitude, Duplicates::Error)?;
//! assert_eq!(triad_census(&wiring).count(Triad::T300), 273);
//!
//! // far more triples with all six synapses than in networks of the same degrees
//! let model = DegreePreserving::new();
//! let triads = triads_against_nulls(&wiring, 0..20, |seed| model.topology(&wiring, seed))?;
//! for (class, comparison) in &triads {
//!     println!("{:4} {:6} z = {:.1}", class.name(), comparison.observed, comparison.z_score());
//! }
//! assert!(triads[12].1.z_score() > 50.0);
//! # Ok(())
//! # }
//! ```

mod census;
mod nulls;

pub use census::{Census, Triad, triad_census};
pub use nulls::{against_nulls, triads_against_nulls};
