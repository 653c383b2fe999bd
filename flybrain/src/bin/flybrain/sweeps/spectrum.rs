//! `flybrain spectrum`.

use std::process::ExitCode;

use clap::{ArgAction, Args};
use flybrain::rate::{Plan, SpectrumScan};
use lyapunov::Activation;

use super::options::{Parameter, Sweeping, Tons, activation, truth, varied};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// All exponents of random networks at spreads of 1, 2, 4, and so on: dimension and entropy of attractors
#[derive(Debug, Args)]
pub(crate) struct Spectrum {
    /// Neurons
    #[arg(long, default_value_t = 100)]
    n: usize,
    /// Networks at each value
    #[arg(long = "n_samples", alias = "n-samples")]
    n_samples: u64,
    /// Values of the spread
    #[arg(long = "variance_max", alias = "variance-max", default_value_t = 12)]
    variance_max: u32,
    /// What the value is the spread of; may be given several times
    #[arg(long, value_enum, required = true)]
    parameter: Vec<Parameter>,
    /// std, pos or strech
    #[arg(long, default_value = "std", value_parser = activation)]
    activation: Activation,
    /// Draw pictures and write tables
    #[arg(long, default_value = "True", value_parser = truth, action = ArgAction::Set)]
    save: bool,
    /// Time counted, in time constants
    #[arg(long, default_value_t = 200.0, allow_negative_numbers = true)]
    tsim: f64,
    /// Time between orthonormalisations, or `adaptive`
    #[arg(long, default_value = "0.2", allow_negative_numbers = true)]
    tons: Tons,
    #[command(flatten)]
    sweeping: Sweeping,
}

impl Spectrum {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let plan = SpectrumScan {
            variance_max: self.variance_max,
            n_samples: self.n_samples,
            varied: varied(&self.parameter),
            dynamics: self.sweeping.dynamics(self.n, self.activation, self.tsim, self.tons),
        };
        self.sweeping.run(&Plan::Spectrum(plan), self.save, terminal)
    }
}
