//! `flybrain data check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use connectome_io::{Duplicates, Error, check_options, read_with};
use flybrain::review::{Finding, Level, review};
use flybrain::summary::{Summary, magnitudes};
use flybrain::{input_file, recognise_file};
use serde_json::json;

use super::{array_instead, find_set};
use crate::failure::Failure;
use crate::reading::{Reading, in_options};
use crate::terminal::Terminal;

/// The exit code of a file that can be read but is not what it should be.
const PROBLEMS: u8 = 3;

/// Read a file to its end and say what is odd about it; exit code 3 if it is not what it should be
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// A file, or a folder with tables
    file: PathBuf,
    /// The data set of `flybrain data list` that it should be from, with whose published counts it is compared; known
    /// without this if the file is unaltered
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

impl Check {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let set = self.name.as_deref().map(find_set).transpose()?;
        let mut findings = Vec::new();
        let mut input = None;
        let mut file = None;
        if !self.file.is_dir() {
            let hashed = input_file(&self.file)?;
            let known = recognise_file(&self.file)?;
            let text = match known {
                Some((set, file)) => format!("{} of {}, unaltered (sha256 {})", file.name, set.name, hashed.sha256),
                None => format!("{} bytes, sha256 {}", hashed.bytes, hashed.sha256),
            };
            findings.push(Finding { level: Level::Note, text });
            if let (Some((known, _)), Some(set)) = (known, set)
                && known.name != set.name
            {
                let text = format!("it is a file of {}, not of {}", known.name, set.name);
                findings.push(Finding { level: Level::Problem, text });
            }
            file = known.map(|(_, file)| file).or_else(|| set.and_then(|set| set.file(&hashed.name)));
            input = Some(hashed);
        }
        if let (Some(set), None) = (set, file) {
            let text = format!("{} has no file of this name, hence no counts to compare", set.name);
            findings.push(Finding { level: Level::Warning, text });
        }
        let step = terminal.step(&format!("reading {}", self.file.display()));
        let mut options = self.reading.options(step.progress());
        let mut result = read_with(&self.file, &options);
        if let Err(error @ Error::DuplicateSynapse { .. }) = &result {
            findings.push(Finding { level: Level::Warning, text: in_options(&error.to_string()) });
            options.duplicates = Duplicates::Sum;
            result = read_with(&self.file, &options);
        }
        match result {
            Ok(connectome) => {
                check_options(&self.file, &options)?;
                let summary = Summary::of(&connectome, &magnitudes(&connectome)?);
                let mut published = file.and_then(|file| file.published.as_ref());
                if published.is_some() && self.reading.selects() {
                    published = None;
                    let text = "only a part of it was read, hence no counts to compare".to_owned();
                    findings.push(Finding { level: Level::Warning, text });
                }
                findings.extend(review(&connectome, &summary, published));
            }
            Err(error) => {
                let array = array_instead(&self.file, error)?;
                let text = format!("an array of {:?} {:?}, no connectome", array.dtype(), array.shape());
                findings.push(Finding { level: Level::Note, text });
            }
        }
        drop(step);
        let worst = findings.iter().map(|finding| finding.level).max();
        let value = json!({ "file": self.file, "input": input, "findings": findings });
        terminal.result(&value, || findings.iter().map(|finding| format!("{finding}\n")).collect())?;
        Ok(if worst == Some(Level::Problem) { ExitCode::from(PROBLEMS) } else { ExitCode::SUCCESS })
    }
}
