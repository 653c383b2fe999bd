//! Receptive fields: from responses to impulses, and from wiring.

mod anatomical;
mod impulse;
mod profile;

pub use anatomical::{AnatomicalField, Partner, projective_field, receptive_field};
pub use impulse::{Baseline, FieldPeak, SpatioTemporalField};
pub use profile::RadialProfile;
