//! `flybrain areas scenarios`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flybrain::areas::TrainOptions;
use flybrain::areas::multimodal::{Sets, Settings, train};
use tch::Device;
use tch_train::{OnSignal, Progress};

use super::set_threads;
use super::train::cuda;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::threads::threads;

/// Train a network on the paper's audiovisual tasks and look into it; Ctrl-C saves, --resume goes on
#[derive(Debug, Args)]
pub(crate) struct Scenarios {
    /// Settings, TOML or YAML [default: the paper's networks; the config.toml of a run lists all keys that are set; process_time has no default]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, over the file's: tasks=four, wiring=mpc, topdown=false, steps=1000, seed=2, ...; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder of the images' IDX files
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Recordings of digits: a folder of WAV files, a .safetensors file, or a folder with train.safetensors.gz and test.safetensors.gz
    #[arg(long, value_name = "PATH")]
    sounds: PathBuf,
    /// Folder of the run
    #[arg(long, value_name = "DIR", default_value = "scenarios-run")]
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

impl Scenarios {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let mut settings = match &self.config {
            Some(path) => Settings::read(path)?,
            None => Settings::default(),
        };
        for setting in &self.set {
            settings = settings.with(setting)?;
        }
        set_threads(self.threads);
        let options = TrainOptions {
            resume: self.resume,
            progress: if terminal.is_quiet() { Progress::Silent } else { Progress::Auto },
            on_signal: OnSignal::SaveAndStop,
            device: if self.cuda { cuda()? } else { Device::Cpu },
        };
        let sets = Sets::read(&settings, &self.images, &self.sounds)?;
        let results = train(&settings, &sets, &self.out, &options)?;
        terminal.result(&results, || {
            let mut text = format!("{} steps in {:.0} s; of held-out items are told\n", results.steps, results.seconds);
            for answers in &results.answers {
                let [right, image, sound, other] =
                    [answers.right, answers.by_image, answers.by_sound, answers.by_other_reading]
                        .map(|part| 100.0 * part);
                let _ = writeln!(
                    text,
                    "{:<9}  {right:5.1} % rightly; {image:.1} % by the image, {sound:.1} % by the sound, {other:.1} % by the other reading",
                    answers.question.to_string(),
                );
            }
            let folder = self.out.display();
            text + &if results.interrupted {
                format!("interrupted: the same command with --resume goes on in {folder}\n")
            } else {
                format!("run: {folder} (report.html, scenarios.svg, neighborhood.svg, network.pt, run.json)\n")
            }
        })?;
        Ok(if results.interrupted { ExitCode::from(130) } else { ExitCode::SUCCESS })
    }
}
