//! `flybrain areas eval`.

use std::path::PathBuf;

use clap::Args;
use flybrain::areas::{Run, Task, evaluate};
use tch::Device;

use super::set_threads;
use crate::failure::Failure;
use crate::sweeps::Kind;
use crate::terminal::Terminal;
use crate::threads::threads;

/// How well a trained network tells held-out images apart
#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Folder of the images' IDX files [default: that of the run]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Threads of libtorch [default: all cores]
    #[arg(long, value_parser = threads())]
    threads: Option<usize>,
}

impl Eval {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        set_threads(self.threads);
        if let Some(other) = Kind::of(&self.run).filter(|kind| *kind != Kind::Areas) {
            let problem = format!("it holds {}; name the folder of a run of `areas train`", other.name());
            return Err(flybrain::Error::Settings { path: self.run.clone(), problem }.into());
        }
        let model = Run::open(&self.run, Device::Cpu)?;
        let mut config = model.config().clone();
        if let Some(data) = &self.data {
            config.data_path.clone_from(data);
        }
        let found = evaluate(&model, &Task::held_out(&config, Device::Cpu)?)?;
        terminal.result(&found, || {
            let rows = found.confusion.iter().enumerate().map(|(class, row)| {
                let (all, right) = (row.iter().sum::<u64>().max(1), row[class]);
                format!("class {class}: {right} of {all}, {:.1} %\n", 100.0 * right as f64 / all as f64)
            });
            let rows: String = rows.collect();
            let (images, loss) = (found.images, found.loss);
            format!("{images} images, {:.2} % told rightly, loss {loss:.4}\n{rows}", 100.0 * found.accuracy)
        })
    }
}
