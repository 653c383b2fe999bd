//! `flybrain data import`.

use std::path::PathBuf;

use clap::Args;
use connectome_io::write;
use flybrain::{catalog, import, recognise_file};
use serde_json::json;

use super::{check_folder, make_folder, may_write, same_file};
use crate::failure::Failure;
use crate::reading::Reading;
use crate::terminal::Terminal;

/// Read the files of a data set into one canonical NAME.safetensors with provenance
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Tables of connections or matrices (united) and tables of neurons (joined), by id or by name, in any format
    /// that can be read
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Name of the result; that of a data set of `flybrain data list` adds its version, licence and reference
    #[arg(long = "as", value_name = "NAME")]
    name: String,
    /// Folder of the result
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Replace a file of that name
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    reading: Reading,
}

impl Import {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.name.is_empty() || self.name.starts_with('.') || !self.name.chars().all(allowed) {
            return Err(Failure::BadName { name: self.name.clone() });
        }
        let path = self.out.join(format!("{}.safetensors", self.name));
        check_folder(&self.out)?;
        may_write(&path, self.force)?;
        let beside = self.files.iter().filter_map(|file| self.reading.neurons_of(file));
        if self.files.iter().cloned().chain(beside).any(|read| same_file(&read, &path)) {
            return Err(Failure::SameFile { path });
        }
        let set = catalog::find(&self.name);
        let connectome = {
            let step = terminal.step(&format!("reading {} file(s)", self.files.len()));
            import(&self.files, &self.reading.options(step.progress()), set)?
        };
        for file in self.files.iter().filter(|file| file.is_file()) {
            let file_name = file.display();
            terminal.remark(&match recognise_file(file)? {
                Some((set, file)) => format!("{file_name} is {} of {}, unaltered", file.name, set.name),
                None => format!("{file_name} is no file whose SHA-256 is known"),
            });
        }
        {
            let _step = terminal.step(&format!("writing {}", path.display()));
            make_folder(&self.out)?;
            write(&connectome, &path)?;
        }
        let (neurons, rows) = (connectome.n_neurons(), connectome.n_synapses());
        let synapses = connectome.total_weight();
        let result = json!({
            "file": path, "neurons": neurons, "connections": rows, "synapses": synapses,
            "inputs": connectome.provenance().inputs(), "data_set": set.map(|set| &set.name),
        });
        terminal.result(&result, || {
            format!("{}: {neurons} neurons, {rows} connections, {synapses} synapses\n", path.display())
        })
    }
}
