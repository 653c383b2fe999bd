//! Which reader of tables a file goes to, and what a table is about.

use std::path::Path;

use crate::format::csv_tables::{CsvTable, parse_f64};
use crate::options::{Limits, ReadOptions};
use crate::source::Source;
use crate::tables::{EdgeColumns, NeuronColumns, NeuronFile, Table};
use crate::{Connectome, Error, NeuronTable};

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// Connections.
    Edges,
    /// Neurons.
    Neurons,
    /// Rows of a connectivity matrix.
    Matrix,
}

/// Tells by its header what a table holds, text or typed columns alike.
///
/// # Errors
/// [`Error::Missing`] if the columns are none of those that are known, and those of the module in [`crate::format`] that
/// reads the file.
pub fn content(path: impl AsRef<Path>, limits: &Limits) -> Result<Content, Error> {
    let path = path.as_ref();
    match Columnar::of(&Source::peek(path, limits, 8)?.0) {
        None => {
            let table = CsvTable::open(path, limits)?;
            if is_matrix(table.header()) { Ok(Content::Matrix) } else { content_of(&table) }
        }
        Some(kind) => columnar::content(path, kind, limits),
    }
}

fn content_of(table: &impl Table) -> Result<Content, Error> {
    let (header, at) = (table.header(), table.location());
    match EdgeColumns::find(header, None, at) {
        Ok(_) => Ok(Content::Edges),
        Err(no_edges) => NeuronColumns::find(header, at).map(|_| Content::Neurons).map_err(|_| no_edges),
    }
}

/// Whether the header of a text is that of a matrix: numeric, or with an empty first cell.
pub(crate) fn is_matrix(header: &[String]) -> bool {
    header[0].is_empty() || header.iter().all(|cell| parse_f64(cell.as_bytes()).is_some())
}

/// Tables with typed columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columnar {
    Parquet,
    Feather,
}

impl Columnar {
    /// By the first bytes of a file.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"PAR1") || head.starts_with(b"PARE") {
            Some(Self::Parquet)
        } else if head.starts_with(b"ARROW1") || head.starts_with(b"FEA1") {
            Some(Self::Feather)
        } else {
            None
        }
    }

    /// By the extension of a file, in lower case.
    pub(crate) fn by_extension(extension: &str) -> Option<Self> {
        match extension {
            "parquet" | "pq" => Some(Self::Parquet),
            "feather" | "arrow" => Some(Self::Feather),
            _ => None,
        }
    }
}

/// Reads a table of neurons, text or typed columns alike; [`crate::format::csv_tables`] lists the columns.
///
/// # Errors
/// Those of the module in [`crate::format`] that reads the file.
pub fn read_neurons(path: impl AsRef<Path>, limits: &Limits) -> Result<NeuronTable, Error> {
    Ok(read_neuron_file(path.as_ref(), limits)?.table)
}

/// As [`read_neurons`], with what index tables call the neurons.
pub(crate) fn read_neuron_file(path: &Path, limits: &Limits) -> Result<NeuronFile, Error> {
    match Columnar::of(&Source::peek(path, limits, 8)?.0) {
        None => NeuronFile::read(&mut CsvTable::open(path, limits)?),
        Some(kind) => columnar::read_neurons(path, kind, limits),
    }
}

/// Reads a table of edges with typed columns.
pub(crate) fn read_columnar(path: &Path, kind: Columnar, options: &ReadOptions) -> Result<Connectome, Error> {
    columnar::read(path, kind, options)
}

/// Writes a connectome as tables with typed columns.
pub(crate) fn write_parquet(connectome: &Connectome, path: &Path) -> Result<(), Error> {
    columnar::write(connectome, path)
}

#[cfg(feature = "parquet")]
mod columnar {
    use super::*;
    use crate::format::{feather, parquet};
    use crate::tables::read_edges;

    pub(super) fn read_neurons(path: &Path, kind: Columnar, limits: &Limits) -> Result<NeuronFile, Error> {
        NeuronFile::read(&mut match kind {
            Columnar::Parquet => parquet::open(path, limits)?,
            Columnar::Feather => feather::open(path, limits)?,
        })
    }

    pub(super) fn content(path: &Path, kind: Columnar, limits: &Limits) -> Result<Content, Error> {
        content_of(&match kind {
            Columnar::Parquet => parquet::open(path, limits)?,
            Columnar::Feather => feather::open(path, limits)?,
        })
    }

    pub(super) fn read(path: &Path, kind: Columnar, options: &ReadOptions) -> Result<Connectome, Error> {
        let mut table = match kind {
            Columnar::Parquet => parquet::open(path, &options.limits)?,
            Columnar::Feather => feather::open(path, &options.limits)?,
        };
        read_edges(&mut table, path, options)
    }

    pub(super) fn write(connectome: &Connectome, path: &Path) -> Result<(), Error> {
        parquet::write(connectome, path)
    }
}

#[cfg(not(feature = "parquet"))]
mod columnar {
    use super::*;
    use crate::Location;

    fn switched_off(path: &Path, kind: Columnar) -> Error {
        let what = match kind {
            Columnar::Parquet => "a Parquet file",
            Columnar::Feather => "an Arrow or Feather file",
        };
        Error::Unsupported {
            at: Location::file(path).boxed(),
            what: what.to_owned(),
            remedy: "switch on the feature `parquet` of connectome-io",
        }
    }

    pub(super) fn read_neurons(path: &Path, kind: Columnar, _: &Limits) -> Result<NeuronFile, Error> {
        Err(switched_off(path, kind))
    }

    pub(super) fn content(path: &Path, kind: Columnar, _: &Limits) -> Result<Content, Error> {
        Err(switched_off(path, kind))
    }

    pub(super) fn read(path: &Path, kind: Columnar, _: &ReadOptions) -> Result<Connectome, Error> {
        Err(switched_off(path, kind))
    }

    pub(super) fn write(_: &Connectome, path: &Path) -> Result<(), Error> {
        Err(Error::Unsupported {
            at: Location::file(path).boxed(),
            what: "what is written as Parquet".to_owned(),
            remedy: "switch on the feature `parquet` of connectome-io",
        })
    }
}
