//! Measures, against what they are by definition.

mod embedding;
mod modulation;
mod neighborhood;
