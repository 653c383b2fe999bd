//! Runs every golden case: one test per `*.safetensors` file.
//!
//! `cargo test --release -p tests --test conformance -- bioplnn` runs a system, `-- bioplnn/dopri5_vdp` some files of it, and
//! `--nocapture` prints the largest deviation of each array. `CONNECTOME_GOLDEN_DIR` names another directory of cases.

mod bioplnn;
mod case;
mod convgru;
mod faults;
mod flystability;
mod flyvis;
mod pending;
mod report;
mod tensors;

use case::Case;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a runner may return: a sentence about a file that it does not understand or code that refuses.
type Outcome = Result<(), String>;

/// Checks one file.
type Runner = fn(&Case, &mut Report) -> Outcome;

/// A directory of cases, and how to check one.
const SYSTEMS: [(&str, Runner); 4] = [
    ("bioplnn", bioplnn::run),
    ("convgru", convgru::run),
    ("flystability", flystability::run),
    ("flyvis", flyvis::run),
];

/// The cases of this repository.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let directory = std::env::var_os("CONNECTOME_GOLDEN_DIR").map_or_else(|| PathBuf::from(GOLDEN), PathBuf::from);
    let mut trials = Vec::new();
    for (system, runner) in SYSTEMS {
        match files(&directory.join(system)) {
            Ok(files) => trials.extend(files.into_iter().map(|f| trial(system, runner, f, arguments.nocapture))),
            Err(e) => {
                let message = format!(
                    "{}: {e}; CONNECTOME_GOLDEN_DIR names where the cases are",
                    directory.join(system).display()
                );
                trials.push(Trial::test(format!("{system}/"), move || Err(Failed::from(message))));
            }
        }
    }
    trials.extend(faults::trials());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The cases of a directory, by name.
fn files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "safetensors") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() { Err(std::io::Error::other("no *.safetensors here")) } else { Ok(files) }
}

fn trial(system: &'static str, runner: Runner, path: PathBuf, verbose: bool) -> Trial {
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let name = format!("{system}/{stem}");
    let shown = name.clone();
    Trial::ignorable_test(name, move || {
        if let Some(reason) = pending::file(system, &stem) {
            return Ok(Completion::ignored_with(format!("pending: {reason}")));
        }
        let report = check(system, runner, &Case::read(&path, &stem)?)?;
        if verbose {
            eprint!("{shown}\n{}", report.summary());
        }
        report.into_result().map_err(Failed::from)?;
        Ok(Completion::Completed)
    })
}

/// Runs the checks of a file; an array that none of them looked at is a fault unless it is known to wait.
fn check(system: &str, runner: Runner, case: &Case) -> Result<Report, String> {
    let mut report = Report::default();
    runner(case, &mut report)?;
    for key in case.unread() {
        match pending::key(system, case.name(), &key) {
            Some(reason) => report.pending(reason),
            None => report.fail(format!("nothing checks the array {key:?}")),
        }
    }
    Ok(report)
}

fn not_understood(case: &Case, _: &mut Report) -> Outcome {
    Err(format!("no runner understands files named {:?}", case.name()))
}
