//! `flybrain data convert`.

use std::path::PathBuf;

use clap::Args;
use connectome_io::format::csv_tables::neurons_beside;
use connectome_io::{Duplicates, ReadOptions, read_with, write};
use serde_json::json;

use super::{is_table, may_write, same_file};
use crate::failure::Failure;
use crate::reading::Reading;
use crate::terminal::Terminal;

/// Write a connectome in another format, chosen by the name of the result, and read it back
///
/// Tables of edges get a neurons.csv beside them.
#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// The file to read
    from: PathBuf,
    /// The file to write
    to: PathBuf,
    /// Replace a file of that name
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    reading: Reading,
}

impl Convert {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        if same_file(&self.from, &self.to) {
            return Err(Failure::SameFile { path: self.from.clone() });
        }
        may_write(&self.to, self.force)?;
        if let Some(neurons) = neurons_beside(&self.to).filter(|_| is_table(&self.to)) {
            may_write(&neurons, self.force)?;
        }
        let connectome = {
            let step = terminal.step(&format!("reading {}", self.from.display()));
            read_with(&self.from, &self.reading.options(step.progress()))?
        };
        {
            let _step = terminal.step(&format!("writing {}", self.to.display()));
            write(&connectome, &self.to)?;
        }
        let (neurons, rows) = (connectome.n_neurons(), connectome.n_synapses());
        let value = json!({ "file": self.to, "neurons": neurons, "connections": rows });
        terminal.result(&value, || format!("{}: {neurons} neurons, {rows} connections\n", self.to.display()))?;
        let kept = ReadOptions { duplicates: Duplicates::Keep, ..ReadOptions::default() };
        if read_with(&self.to, &kept)? != connectome {
            terminal.remark("the format does not hold everything that was read; .safetensors does");
        }
        Ok(())
    }
}
