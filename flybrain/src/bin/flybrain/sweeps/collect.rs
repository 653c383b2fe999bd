//! `flybrain collect`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flybrain::rate::Plan;

use super::options::text;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Put the points of a sweep together, tables and pictures, and say what is missing
#[derive(Debug, Args)]
pub(crate) struct Collect {
    /// Folder of the sweep
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Collect {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let collected = Plan::read(&self.folder)?.collect(&self.folder)?;
        terminal.result(&collected, || text(&collected, &self.folder))?;
        Ok(if collected.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) })
    }
}
