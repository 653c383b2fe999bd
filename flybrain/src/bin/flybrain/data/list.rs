//! `flybrain data list`.

use clap::Args;
use flybrain::catalog::{self, DataSet};

use super::find_set;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Public data sets: sources, licences, sizes, SHA-256 of their files
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Everything about this data set
    name: Option<String>,
}

impl List {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        match &self.name {
            Some(name) => {
                let set = find_set(name)?;
                terminal.result(set, || set.describe())
            }
            None => terminal.result(&catalog::all(), table),
        }
    }
}

fn table() -> String {
    let name = catalog::all().iter().map(|set| set.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for set in catalog::all() {
        text += &format!("{:<name$}  {}\n", set.name, set.title);
        text += &format!("{:name$}  {}; {}\n", "", set.licence, files(set));
    }
    text + "\n`flybrain data list NAME` tells sources, files with SHA-256, what to cite and how to import.\n"
}

fn files(set: &DataSet) -> String {
    let n = set.files.len();
    let files = if n == 1 { "1 file".to_owned() } else { format!("{n} files") };
    match set.bytes() {
        (0, _) => files,
        (bytes, true) => format!("{files}, {}", size(bytes)),
        (bytes, false) => format!("{files}, {} and more", size(bytes)),
    }
}

fn size(bytes: u64) -> String {
    if bytes < 1_000_000 { format!("{} kB", bytes.div_ceil(1000)) } else { format!("{:.1} MB", bytes as f64 / 1e6) }
}
