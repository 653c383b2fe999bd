//! `flybrain train-connectome` and `train-populations`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flybrain::rate::region;
use flybrain::rate::train::{Source, TrainSettings};

use super::Common;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Options of networks of connectomes.
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
struct Network {
    /// Steps of Adam
    #[arg(long, default_value_t = 10)]
    n_epochs: u64,
    /// Learning rate
    #[arg(long, default_value_t = 0.01, allow_negative_numbers = true)]
    lr: f64,
    /// Folder of the regions' folders
    #[arg(long, value_name = "DIR", default_value = "data/connectomics")]
    data: PathBuf,
    /// Whose sign a connection has [default: presynaptic; with --compat postsynaptic]
    #[arg(long, value_parser = ["presynaptic", "postsynaptic", "synapse", "weight"])]
    signs: Option<String>,
    /// What a connection is of which the sign is not known
    #[arg(long, default_value = "error", value_parser = ["error", "excitatory", "inhibitory", "omit"])]
    unknown_signs: String,
    /// Passes over rows and columns by which excitation and inhibition are balanced
    #[arg(long, default_value_t = 10)]
    passes: usize,
    #[command(flatten)]
    common: Common,
}

/// What both commands ask for under defaults of their own.
struct Asked<'a> {
    n_samples: u64,
    nle: usize,
    activation: &'a str,
    loss: &'a str,
    roi: &'a str,
    subpopulation: Option<&'a str>,
}

impl Network {
    fn settings(&self, asked: &Asked<'_>) -> Result<TrainSettings, Failure> {
        let common = &self.common;
        let roi = region(asked.roi, &self.data)?;
        let signs = if common.compat { "postsynaptic" } else { "presynaptic" };
        Ok(TrainSettings {
            n_samples: asked.n_samples,
            n_epochs: self.n_epochs,
            nle: asked.nle,
            activation: asked.activation.into(),
            loss: asked.loss.into(),
            target: common.target,
            tons: common.tons.0,
            tsim: common.tsim,
            dt: common.dt,
            lr: self.lr,
            train_weights: false,
            train_shifts: true,
            train_gains: true,
            number_param: None,
            dale: common.dale,
            spectrum_nle: common.spectrum_nle,
            seed: common.seed.unwrap_or(30),
            compat: common.compat,
            network: Source::Connectome {
                roi: std::fs::canonicalize(&roi).unwrap_or(roi),
                subpopulation: asked.subpopulation.map(str::to_owned),
                signs: self.signs.clone().unwrap_or_else(|| signs.into()),
                unknown_signs: self.unknown_signs.clone(),
                passes: self.passes,
            },
        })
    }
}

/// Train gains and shifts of the neurons of a connectome on its Lyapunov exponents; Ctrl-C saves, --resume goes on
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
pub(crate) struct Connectome {
    /// Starting states
    #[arg(long)]
    n_samples: u64,
    /// Exponents that the loss is of: so many of the largest
    #[arg(long)]
    nle: usize,
    /// Loss on the exponents; Sinai is their entropy, with --compat their sum, both made large
    #[arg(long, value_parser = ["l2", "MSE", "MSE_Custom", "Sinai", "entropy", "expansion"])]
    loss: String,
    /// The region: a folder, a name below --data, or any connectome that `flybrain data info` reads
    #[arg(long, default_value = "EB")]
    roi: String,
    /// Activation
    #[arg(long, value_parser = ["tanh_pos", "tanh_streched", "tanh_stretched"])]
    activation: String,
    #[command(flatten)]
    network: Network,
}

impl Connectome {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let Self { n_samples, nle, loss, roi, activation, network } = self;
        let (n_samples, nle) = (*n_samples, *nle);
        let settings = network.settings(&Asked { n_samples, nle, activation, loss, roi, subpopulation: None })?;
        network.common.run(&settings, "flybrain_RNN", terminal)
    }
}

/// Train gains and shifts that the neurons of a population share, as train-connectome
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
pub(crate) struct Populations {
    /// Starting states
    #[arg(long, default_value_t = 1)]
    n_samples: u64,
    /// Exponents that the loss is of: so many of the largest
    #[arg(long, default_value_t = 1)]
    nle: usize,
    /// Loss on the exponents; Sinai is their entropy, with --compat their sum, both made large
    #[arg(long, default_value = "l2", value_parser = ["l2", "MSE", "MSE_Custom", "Sinai", "entropy", "expansion"])]
    loss: String,
    /// The region: a folder, a name below --data, or any connectome that `flybrain data info` reads
    #[arg(long, default_value = "EB")]
    roi: String,
    /// What neurons are grouped by: neurotransmitter, cell_fibers, type, class, or another column of the table of neurons
    #[arg(long, default_value = "neurotransmitter", value_name = "COLUMN")]
    subpopulation: String,
    /// Activation
    #[arg(long, default_value = "tanh_pos", value_parser = ["tanh_pos", "tanh_streched", "tanh_stretched"])]
    activation: String,
    #[command(flatten)]
    network: Network,
}

impl Populations {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let Self { n_samples, nle, loss, roi, subpopulation, activation, network } = self;
        let (n_samples, nle) = (*n_samples, *nle);
        let subpopulation = Some(subpopulation.as_str());
        let settings = network.settings(&Asked { n_samples, nle, activation, loss, roi, subpopulation })?;
        network.common.run(&settings, "flybrain_RNN_cell", terminal)
    }
}
