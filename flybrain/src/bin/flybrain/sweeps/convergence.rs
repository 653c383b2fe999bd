//! `flybrain lyapunov-convergence`.

use std::process::ExitCode;

use clap::Args;
use flybrain::rate::{Convergence, Plan};
use lyapunov::Activation;

use super::options::{Sweeping, Tons, activation};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Running exponents of one random network from several starting states
#[derive(Debug, Args)]
pub(crate) struct LyapunovConvergence {
    /// Time between orthonormalisations, or `adaptive`
    #[arg(long, allow_negative_numbers = true)]
    tons: Tons,
    /// tanh, tanh_pos or tanh_streched
    #[arg(long, value_parser = activation)]
    activation: Activation,
    /// Coupling strength
    #[arg(long, default_value_t = 1.5, allow_negative_numbers = true)]
    g: f64,
    /// Starting states; the first 24 are drawn
    #[arg(long = "n_samples", alias = "n-samples", default_value_t = 5)]
    n_samples: u64,
    /// Neurons
    #[arg(long, default_value_t = 100)]
    n: usize,
    /// Exponents
    #[arg(long, default_value_t = 20)]
    nle: usize,
    /// Time counted, in time constants
    #[arg(long, default_value_t = 700.0, allow_negative_numbers = true)]
    tsim: f64,
    #[command(flatten)]
    sweeping: Sweeping,
}

impl LyapunovConvergence {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let plan = Convergence {
            g: self.g,
            n_samples: self.n_samples,
            nle: self.nle,
            dynamics: self.sweeping.dynamics(self.n, self.activation, self.tsim, self.tons),
        };
        self.sweeping.run(&Plan::LyapunovConvergence(plan), true, terminal)
    }
}
