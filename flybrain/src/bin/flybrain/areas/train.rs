//! `flybrain areas train`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flybrain::areas::{TrainOptions, train};
use tch::Device;
use tch_train::{OnSignal, Progress};

use super::{Settings, set_threads};
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::threads::threads;

/// Train a network of areas to tell images apart; Ctrl-C saves, --resume goes on
#[derive(Debug, Args)]
pub(crate) struct Train {
    #[command(flatten)]
    settings: Settings,
    /// Folder of the images' IDX files; over the settings' `data_path`
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Times that all images are gone through; over the settings' `epochs`
    #[arg(long)]
    epochs: Option<u64>,
    /// Folder of the run
    #[arg(long, value_name = "DIR", default_value = "areas-run")]
    out: PathBuf,
    /// Go on from the newest checkpoint in the folder of the run
    #[arg(long)]
    resume: bool,
    /// Threads of libtorch; results depend on their number in the last digits [default: all cores]
    #[arg(long, value_parser = threads())]
    threads: Option<usize>,
    /// Compute on the first CUDA device
    #[arg(long)]
    cuda: bool,
}

impl Train {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let mut config = self.settings.read()?;
        if let Some(data) = &self.data {
            config.data_path.clone_from(data);
        }
        config.epochs = self.epochs.unwrap_or(config.epochs);
        set_threads(self.threads);
        let options = TrainOptions {
            resume: self.resume,
            progress: if terminal.is_quiet() { Progress::Silent } else { Progress::Auto },
            on_signal: OnSignal::SaveAndStop,
            device: if self.cuda { cuda()? } else { Device::Cpu },
        };
        let trained = train(&config, &self.out, &options)?;
        terminal.result(&trained, || {
            let (folder, held_out) = (self.out.display(), &trained.held_out);
            let next = if trained.interrupted {
                format!("interrupted: the same command with --resume goes on in {folder}")
            } else {
                format!("run: {folder} (report.html, learning.svg, confusion.svg, network.pt, run.json)")
            };
            format!(
                "{:.2} epochs over {} images in {:.0} s; of {} held out {:.2} % are told rightly, loss {:.4}\n{next}\n",
                trained.epochs,
                trained.learned,
                trained.seconds,
                held_out.images,
                100.0 * held_out.accuracy,
                held_out.loss,
            )
        })?;
        Ok(if trained.interrupted { ExitCode::from(130) } else { ExitCode::SUCCESS })
    }
}

/// The first CUDA device.
pub(super) fn cuda() -> Result<Device, Failure> {
    if tch_function::cuda::is_available() { Ok(Device::Cuda(0)) } else { Err(Failure::NoCuda) }
}
