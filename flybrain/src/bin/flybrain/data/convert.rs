//! `flybrain data convert`.

use std::path::{Path, PathBuf};

use clap::Args;
use connectome_io::format::csv_tables::neurons_beside;
use connectome_io::{Duplicates, ReadOptions, check_ending, check_options, read_with, write};
use serde_json::json;

use super::{check_folder, is_table, make_folder, may_write, same_file};
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
    /// The files that are read: the source, tables in it where it is a folder, and a table of neurons.
    fn read_files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.from).into_iter().flatten();
        let tables = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_table(path));
        let neurons = self.reading.neurons_of(&self.from).filter(|_| is_table(&self.from));
        tables.chain(neurons).chain([self.from.clone()]).collect()
    }

    pub(crate) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        check_ending(&self.to)?;
        let folder = self.to.parent().unwrap_or(Path::new(""));
        check_folder(folder)?;
        let neurons = neurons_beside(&self.to).filter(|_| is_table(&self.to));
        let read = self.read_files();
        for path in [&self.to].into_iter().chain(&neurons) {
            if read.iter().any(|read| same_file(read, path)) {
                return Err(Failure::SameFile { path: path.clone() });
            }
            may_write(path, self.force)?;
        }
        let connectome = {
            let step = terminal.step(&format!("reading {}", self.from.display()));
            let options = self.reading.options(step.progress());
            check_options(&self.from, &options)?;
            read_with(&self.from, &options)?
        };
        {
            let _step = terminal.step(&format!("writing {}", self.to.display()));
            make_folder(folder)?;
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
