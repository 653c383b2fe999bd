//! `flybrain transition-to-chaos`.

use std::process::ExitCode;

use clap::{ArgAction, Args};
use flybrain::rate::{Plan, Transition};
use lyapunov::Activation;

use super::options::{Parameter, Sweeping, Tons, activation, truth, varied};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// The largest exponent of random networks over coupling, beside mean-field theory
#[derive(Debug, Args)]
pub(crate) struct TransitionToChaos {
    /// The smallest value
    #[arg(long, allow_negative_numbers = true)]
    gmin: f64,
    /// The largest value
    #[arg(long, allow_negative_numbers = true)]
    gmax: f64,
    /// Values, evenly spaced
    #[arg(long = "m_g", alias = "m-g", default_value_t = 7)]
    m_g: usize,
    /// Networks at each value
    #[arg(long = "n_samples", alias = "n-samples")]
    n_samples: u64,
    /// What the value is the spread of; may be given several times
    #[arg(long, value_enum, default_value = "weights")]
    parameter: Vec<Parameter>,
    /// std, pos or strech
    #[arg(long, default_value = "std", value_parser = activation)]
    activation: Activation,
    /// Draw pictures and write tables
    #[arg(long, default_value = "True", value_parser = truth, action = ArgAction::Set)]
    save: bool,
    /// Neurons
    #[arg(long, default_value_t = 1000)]
    n: usize,
    /// Time counted, in time constants
    #[arg(long, default_value_t = 200.0, allow_negative_numbers = true)]
    tsim: f64,
    /// Time between orthonormalisations, or `adaptive`
    #[arg(long, default_value = "0.2", allow_negative_numbers = true)]
    tons: Tons,
    #[command(flatten)]
    sweeping: Sweeping,
}

impl TransitionToChaos {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let Self { gmin, gmax, m_g, n_samples, activation, n, tsim, sweeping, .. } = self;
        let plan = Transition {
            gmin: *gmin,
            gmax: *gmax,
            m_g: *m_g,
            n_samples: *n_samples,
            varied: varied(&self.parameter),
            dynamics: sweeping.dynamics(*n, *activation, *tsim, self.tons),
        };
        sweeping.run(&Plan::TransitionToChaos(plan), self.save, terminal)
    }
}
