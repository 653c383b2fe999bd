//! `flybrain collect`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flybrain::rate::Plan;
use flybrain::vision;

use super::Kind;
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
        let refuse = |problem: String| Err(flybrain::Error::Settings { path: self.folder.clone(), problem }.into());
        match Kind::of(&self.folder) {
            Some(Kind::Sweep) => {}
            Some(Kind::Fly) => return self.models(terminal),
            Some(other) => {
                let name = other.name();
                return refuse(format!("it holds {name}, which needs no putting together: see its report.html"));
            }
            // What is wrong with the settings is told where they are read.
            None if self.folder.join("config.toml").exists() => return self.models(terminal),
            None => return refuse("it holds no sweep (sweep.json) and no models (config.toml)".into()),
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
