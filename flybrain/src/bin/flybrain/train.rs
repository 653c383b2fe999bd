//! `flybrain train-random`, `train-random-fixed`, `train-connectome`, `train-populations`: training on Lyapunov exponents.

mod connectome;
mod random;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ArgAction::Set;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use flybrain::rate::train::{RunOptions, TrainSettings, train};
use tch_train::{OnSignal, Progress};

pub(crate) use connectome::{Connectome, Populations};
pub(crate) use random::{Random, RandomFixed};

use crate::failure::Failure;
use crate::sharing::{alone, warn_of_array};
use crate::terminal::Terminal;
use crate::threads::threads;

/// Options of all trainings.
#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
struct Common {
    /// Value that exponents are to have, for l2 and MSE
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    target: f64,
    /// Time between orthonormalisations of tangents, in time constants, or `none`: as seldom as rounding allows
    #[arg(long, default_value = "0.2", value_parser = time_or_none, allow_negative_numbers = true)]
    tons: OrNone,
    /// Time in which growth is counted, in time constants
    #[arg(long, default_value_t = 200.0, allow_negative_numbers = true)]
    tsim: f64,
    /// Length of a step of Euler's method, in time constants
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    dt: f64,
    /// Hold weights at 0 or more, so that Dale's law stays
    #[arg(long, action = Set, value_parser = truth(), default_value = "False", num_args = 0..=1, default_missing_value = "True")]
    dale: bool,
    /// Exponents of the spectra that are looked at every ten epochs [default: all, but at most 1000; with --compat all but one]
    #[arg(long, value_name = "K")]
    spectrum_nle: Option<usize>,
    /// Seed of networks, starting states and masks [default: 29 for train-random, else 30]
    #[arg(long)]
    seed: Option<u64>,
    /// Do as FlyStability does, where that is wrong too: its derivative and counts, signs of postsynaptic neurons, a start at 0, ...
    #[arg(long)]
    compat: bool,
    /// Folder of the run [default: by the settings, such as rd_RNN/tanh_pos_WeightsTrue_...]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with samples that were interrupted, and with finished ones where more epochs are asked for
    #[arg(long)]
    resume: bool,
    /// Threads [default: all cores]; results do not depend on them
    #[arg(long, value_parser = threads())]
    threads: Option<usize>,
}

/// A time, or none.
#[derive(Debug, Clone, Copy)]
struct OrNone(Option<f64>);

fn time_or_none(text: &str) -> Result<OrNone, String> {
    match text {
        "none" | "None" => Ok(OrNone(None)),
        number => number.parse().map(|x| OrNone(Some(x))).map_err(|_| "a time or none is wanted".into()),
    }
}

/// `True` and `False`, as the seed's commands have them.
fn truth() -> impl clap::builder::TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["True", "False", "true", "false", "1", "0"])
        .map(|text| matches!(text.as_str(), "True" | "true" | "1"))
}

impl Common {
    /// Trains and tells what came of it. `place` is the folder in which unnamed runs lie.
    fn run(&self, settings: &TrainSettings, place: &str, terminal: &Terminal) -> Result<ExitCode, Failure> {
        alone()?;
        if self.seed.is_none() || self.out.is_none() {
            warn_of_array();
        }
        if let Some(threads) = self.threads {
            tch_sparse::parallel::set_threads(threads).map_err(|e| flybrain::Error::from(lyapunov::Error::from(e)))?;
        }
        let options = RunOptions {
            resume: self.resume,
            progress: if terminal.is_quiet() { Progress::Silent } else { Progress::Auto },
            on_signal: OnSignal::SaveAndStop,
        };
        let folder = self.out.clone().unwrap_or_else(|| Path::new(place).join(settings.name()));
        let trained = train(settings, &folder, &options)?;
        terminal.result(&trained, || {
            let mut text = String::new();
            for sample in &trained.samples {
                let ([l0, l1], [e0, e1]) = (sample.loss, sample.lambda_max);
                let kept = if sample.kept { " (done before)" } else { "" };
                text += &format!(
                    "sample {}: {} epochs, loss {l0:.4} -> {l1:.4}, largest exponent {e0:.4} -> {e1:.4}{kept}\n",
                    sample.sample, sample.epochs
                );
            }
            let folder = folder.display();
            text + &if trained.interrupted {
                format!("interrupted: the same command with --resume goes on in {folder}\n")
            } else {
                format!("run: {folder} (report.html, learning.svg, spectrum.svg, sample_0/log.json, sample_0/network.safetensors)\n")
            }
        })?;
        Ok(if trained.interrupted { ExitCode::from(130) } else { ExitCode::SUCCESS })
    }
}
