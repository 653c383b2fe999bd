//! Networks against the reference results in `tests/golden`.

mod generators;
mod hex;
mod normalise;
mod reader;
