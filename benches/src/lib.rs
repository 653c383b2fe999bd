//! What the benches and races of this workspace are made of. See the package's `README.md` for how to run them.
//!
//! | to | see |
//! | --- | --- |
//! | measure | [`meter`]: wall clock, CPU seconds, memory; [`fit`]: exponents |
//! | have work to measure | [`products`], [`tutorial`], [`areas`], [`wiring`] |
//! | race against other libraries | [`race`] |
//! | compare GPU and CPU | [`cuda_check`] |
//! | show results | [`table`] |

pub mod areas;
pub mod cuda_check;
mod error;
pub mod fit;
pub mod meter;
pub mod products;
pub mod race;
pub mod table;
pub mod tutorial;
pub mod wiring;

pub use error::{Error, Result};
