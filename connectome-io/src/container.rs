//! Which reader of tables a file goes to.

use std::path::Path;

use crate::format::csv_tables::CsvTable;
use crate::options::{Limits, ReadOptions};
use crate::source::Source;
use crate::tables::NeuronFile;
use crate::{Connectome, Error};

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

/// Reads a table of neurons from a file of any kind.
pub(crate) fn read_neurons(path: &Path, limits: &Limits) -> Result<NeuronFile, Error> {
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
