//! Measures of what a network represents.

mod neighborhood;

pub use neighborhood::neighborhood_hit;
