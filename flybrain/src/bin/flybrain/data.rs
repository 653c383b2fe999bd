//! `flybrain data`: find, import, look at, convert and check connectomes.

mod check;
mod convert;
mod import;
mod info;
mod list;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use connectome_io::{Array, read_array};
use flybrain::catalog::{self, DataSet};

use crate::failure::Failure;
use crate::terminal::Terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::List),
    Import(import::Import),
    Info(info::Info),
    Convert(convert::Convert),
    Check(check::Check),
}

impl Command {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        match self {
            Self::List(list) => list.run(terminal).map(|()| ExitCode::SUCCESS),
            Self::Import(import) => import.run(terminal).map(|()| ExitCode::SUCCESS),
            Self::Info(info) => info.run(terminal).map(|()| ExitCode::SUCCESS),
            Self::Convert(convert) => convert.run(terminal).map(|()| ExitCode::SUCCESS),
            Self::Check(check) => check.run(terminal),
        }
    }
}

/// The data set of a name, or an error that names all.
fn find_set(name: &str) -> Result<&'static DataSet, Failure> {
    catalog::find(name).ok_or_else(|| Failure::UnknownSet {
        name: name.to_owned(),
        known: catalog::all().iter().map(|set| set.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// Refuses to write over a file unless that is asked for, and over a folder in any case.
fn may_write(path: &Path, force: bool) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(Failure::IsFolder { path: path.to_path_buf() });
    }
    if path.exists() && !force { Err(Failure::Exists { path: path.to_path_buf() }) } else { Ok(()) }
}

/// Refuses a place for a result that is in no folder, before anything is read for it.
fn check_folder(folder: &Path) -> Result<(), Failure> {
    let there = folder.ancestors().find(|folder| folder.exists());
    match there.filter(|there| !there.is_dir()) {
        Some(there) => Err(Failure::NoFolder { folder: there.to_path_buf() }),
        None => Ok(()),
    }
}

/// Makes a folder for a result that is about to be written.
fn make_folder(folder: &Path) -> Result<(), Failure> {
    // The folder of a bare name is here.
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    let failed = |source| flybrain::Error::Write { path: folder.to_path_buf(), source };
    Ok(std::fs::create_dir_all(folder).map_err(failed)?)
}

/// Whether the name is that of a table; one of edges is read and written with a table of neurons beside it.
fn is_table(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".csv", ".tsv", ".parquet", ".pq", ".feather", ".arrow"].iter().any(|extension| name.ends_with(extension))
}

/// Whether two paths are one file.
fn same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| -> Option<PathBuf> { path.canonicalize().ok() };
    a == b || real(a).is_some_and(|a| real(b) == Some(a))
}

/// The array in a file that is no connectome: images, labels, projections between populations.
fn array_instead(path: &Path, error: connectome_io::Error) -> Result<Array, Failure> {
    let may_be = matches!(error, connectome_io::Error::UnknownFormat { .. } | connectome_io::Error::NotSquare { .. });
    if may_be && let Ok(array) = read_array(path) { Ok(array) } else { Err(error.into()) }
}
