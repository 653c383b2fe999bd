//! What the networks see and hear: digits, spoken digits, mixtures of both, and sets that pair them.
//!
//! Whatever is drawn is drawn from a seed and the number of the item (ChaCha8), so that any item can be made again on its own.

pub mod ambiguous;
pub mod audiovisual;
mod draw;
pub mod images;
pub mod labels;
pub mod mel;
pub mod sequence;
pub mod spoken;
pub mod wav;
