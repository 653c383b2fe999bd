//! `flybrain areas init`.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Write a file of settings with every key, its default and what it means
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The file to write
    #[arg(default_value = "areas.toml")]
    file: PathBuf,
    /// Replace a file of that name
    #[arg(long)]
    force: bool,
}

/// The settings of the reference's example, commented.
const SETTINGS: &str = include_str!("settings.toml");

impl Init {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        if self.file.exists() && !self.force {
            return Err(Failure::Exists { path: self.file.clone() });
        }
        std::fs::write(&self.file, SETTINGS)
            .map_err(|source| flybrain::Error::Write { path: self.file.clone(), source })?;
        let path = self.file.display().to_string();
        terminal.result(&serde_json::json!({ "written": path }), || format!("written: {path}\n"))
    }
}
