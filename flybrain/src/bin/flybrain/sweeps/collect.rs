//! `flybrain collect`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flybrain::rate::Plan;
use flybrain::rate::train::TrainSettings;
use flybrain::vision;

use super::options::text;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::vision::listed;

/// Put together what several processes did, points of a sweep or models of `vision train`, and say what is missing
#[derive(Debug, Args)]
pub(crate) struct Collect {
    /// Folder of the sweep or of the models
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Collect {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let has = |name: &str| self.folder.join(name).exists();
        match (has("sweep.json"), has("config.toml")) {
            (true, _) => {}
            (false, true) if TrainSettings::read(&self.folder).is_ok() => {
                let problem = "it holds a training on exponents, which needs no putting together: see its report.html";
                return Err(flybrain::Error::Settings { path: self.folder.clone(), problem: problem.into() }.into());
            }
            (false, true) => return self.models(terminal),
            (false, false) => {
                let problem = "it holds no sweep (sweep.json) and no models (config.toml)".into();
                return Err(flybrain::Error::Settings { path: self.folder.clone(), problem }.into());
            }
        }
        let collected = Plan::read(&self.folder)?.collect(&self.folder)?;
        terminal.result(&collected, || text(&collected, &self.folder))?;
        Ok(if collected.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) })
    }

    fn models(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let trained = vision::collect(&self.folder)?;
        terminal.result(&trained, || match trained.missing {
            0 => listed(&trained),
            n => listed(&trained) + &format!("missing: {n} of {} models\n", n + trained.models.len()),
        })?;
        Ok(if trained.missing == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
    }
}
