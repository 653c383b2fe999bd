//! `flybrain lyapunov-benchmark`.

use std::process::ExitCode;

use clap::Args;
use flybrain::rate::{Benchmark, Plan};
use lyapunov::Activation;

use super::options::{Sweeping, Tons};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// How long exponents take, by their number, duration and neurons; what the orthonormalisation interval changes
#[derive(Debug, Args)]
pub(crate) struct LyapunovBenchmark {
    /// Neurons
    #[arg(long, default_value_t = 200)]
    n: usize,
    /// Times that each computation is done; the shortest counts. More may be asked for later: points with fewer are computed again
    #[arg(long, default_value_t = 3)]
    repeats: u64,
    /// Time counted, in time constants
    #[arg(long, default_value_t = 200.0, allow_negative_numbers = true)]
    tsim: f64,
    /// Time between orthonormalisations, or `adaptive`
    #[arg(long, default_value = "0.2", allow_negative_numbers = true)]
    tons: Tons,
    #[command(flatten)]
    sweeping: Sweeping,
}

impl LyapunovBenchmark {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let dynamics = self.sweeping.dynamics(self.n, Activation::Tanh, self.tsim, self.tons);
        let plan = Benchmark { repeats: self.repeats, dynamics };
        self.sweeping.run(&Plan::LyapunovBenchmark(plan), true, terminal)
    }
}
