//! What operations do, and what they refuse.

mod derivatives;
mod graph;
mod ops;
mod refusals;
mod threads;
mod versions;
