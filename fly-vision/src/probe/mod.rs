//! Asking a network what its cells want to see.

mod optimal;
mod search;

pub use optimal::{FromNoise, NoiseSearch, Regularised, RegularisedSearch, from_noise, most_exciting, regularised};
pub use search::{Bounds, Found, Search, Seen};
