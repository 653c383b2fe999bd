//! `flybrain lyapunov-convergence`, `lyapunov-benchmark`, `transition-to-chaos`, `spectrum`, `collect`: exponents of rate networks.

mod benchmark;
mod collect;
mod convergence;
mod kind;
mod options;
mod spectrum;
mod transition;

pub(crate) use benchmark::LyapunovBenchmark;
pub(crate) use collect::Collect;
pub(crate) use convergence::LyapunovConvergence;
pub(crate) use kind::Kind;
pub(crate) use spectrum::Spectrum;
pub(crate) use transition::TransitionToChaos;
