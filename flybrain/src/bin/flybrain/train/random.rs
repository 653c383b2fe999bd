//! `flybrain train-random` and `train-random-fixed`.

use std::process::ExitCode;

use clap::ArgAction::Set;
use clap::Args;
use flybrain::rate::train::{Source, TrainSettings};

use super::{Common, truth};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Options of random networks.
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
struct Network {
    /// Neurons
    #[arg(long)]
    n: usize,
    /// Networks
    #[arg(long)]
    n_samples: u64,
    /// Exponents that the loss is of: so many of the largest
    #[arg(long)]
    nle: usize,
    /// Coupling: connections are normal with deviation g / sqrt(n)
    #[arg(long, allow_negative_numbers = true)]
    g: f64,
    /// Steps of Adam
    #[arg(long, default_value_t = 10)]
    n_epochs: u64,
    /// Activation
    #[arg(long, value_parser = ["tanh", "tanh_pos", "tanh_streched", "tanh_stretched"])]
    activation: String,
    /// Train connections
    #[arg(long, action = Set, value_parser = truth(), default_value = "True", num_args = 0..=1, default_missing_value = "True")]
    train_weights: bool,
    /// Train shifts of the activation
    #[arg(long, action = Set, value_parser = truth(), default_value = "False", num_args = 0..=1, default_missing_value = "True")]
    train_shifts: bool,
    /// Train gains of the activation
    #[arg(long, action = Set, value_parser = truth(), default_value = "False", num_args = 0..=1, default_missing_value = "True")]
    train_gains: bool,
    /// Learning rate
    #[arg(long, default_value_t = 1e-3, allow_negative_numbers = true)]
    lr: f64,
    #[command(flatten)]
    common: Common,
}

impl Network {
    fn settings(&self, loss: &str, number_param: Option<[usize; 3]>) -> TrainSettings {
        let common = &self.common;
        TrainSettings {
            n_samples: self.n_samples,
            n_epochs: self.n_epochs,
            nle: self.nle,
            activation: self.activation.clone(),
            loss: loss.into(),
            target: common.target,
            tons: common.tons.0,
            tsim: common.tsim,
            dt: common.dt,
            lr: self.lr,
            train_weights: self.train_weights,
            train_shifts: self.train_shifts,
            train_gains: self.train_gains,
            number_param,
            dale: common.dale,
            spectrum_nle: common.spectrum_nle,
            seed: common.seed.unwrap_or(if number_param.is_some() { 30 } else { 29 }),
            compat: common.compat,
            network: Source::Random { n: self.n, g: self.g },
        }
    }
}

/// Train random rate networks on their Lyapunov exponents; Ctrl-C saves, --resume goes on
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
pub(crate) struct Random {
    #[command(flatten)]
    network: Network,
    /// Loss on the exponents; Sinai is their entropy, with --compat their sum, both made large
    #[arg(long, value_parser = ["l2", "MSE", "Sinai", "MSE_Custom", "entropy", "expansion"])]
    loss: String,
}

impl Random {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        self.network.common.run(&self.network.settings(&self.loss, None), "rd_RNN", terminal)
    }
}

/// Train a fixed number of the parameters of random rate networks; Ctrl-C saves, --resume goes on
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
pub(crate) struct RandomFixed {
    #[command(flatten)]
    network: Network,
    /// Loss on the exponents; Sinai is their entropy, with --compat their sum, both made large
    #[arg(long, value_parser = ["l2", "MSE", "Sinai", "entropy", "expansion"])]
    loss: String,
    /// Weights, gains and shifts that are trained, of those that are; drawn at random
    #[arg(long, num_args = 3, value_names = ["WEIGHTS", "GAINS", "SHIFTS"], default_values_t = [100, 0, 0])]
    number_param: Vec<usize>,
}

impl RandomFixed {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let counts = [0, 1, 2].map(|i| self.number_param.get(i).copied().unwrap_or(0));
        let settings = self.network.settings(&self.loss, Some(counts));
        self.network.common.run(&settings, "rd_RNN_fixed_param", terminal)
    }
}
