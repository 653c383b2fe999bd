//! Measures, against what they are by definition.

mod neighborhood;
