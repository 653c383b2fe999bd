//! The network: cells of types that share parameters, and its simulation.
//!
//! Passive point neurons with graded release (Lappalainen et al., *Nature* 634, 1132 (2024), Methods, eq. (1) to (3)):
//!
//! ```text
//! tau dV/dt = -V + b + sum over presynaptic cells of  sign n_syn strength f(V_pre)  + x
//! ```
//!
//! in explicit Euler steps, `V <- V + dt / max(tau, dt) (-V + b + I + x)`; `f` is a rectifier unless said otherwise.

mod adaptive;
mod balance;
mod currents;
mod engine;
mod files;
mod model;
mod normal;
mod operation;
mod parameters;
mod pretrained;
mod respond;
mod rollout;
mod run;
mod simulate;
mod symmetry;
mod tensors;
mod wiring;

pub use adaptive::Adaptive;
pub use model::{Builder, Compat, EngineKind, Network};
pub use parameters::{Initial, Initials, Parameters, Strength, Training};
pub use pretrained::{N_PRETRAINED, pretrained};
pub use respond::Protocol;
pub use run::{Record, Response, Run, Start, Stimulus};
pub use simulate::Grey;
pub use sparse_ode::Activation;
pub use symmetry::Symmetries;
pub use wiring::{CellType, EdgeGroup, TypePair, Wiring};
