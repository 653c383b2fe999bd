//! Writing a connectome.

use std::path::Path;

use crate::container;
use crate::format::{csv_tables, graphml, matrix_market, pt, safetensors, sparse_matrix};
use crate::{Connectome, Error};

/// Writes a connectome: `.safetensors` keeps everything and reads back equal; `.csv` writes a table of edges and, beside
/// it, `neurons.csv`; `.parquet`, with the feature `parquet`, the same as typed columns; `.graphml` keeps all but a lattice;
/// `.mtx` holds the weights alone, as `.npz` (for scipy), `.pt` and `.pth` do. Each but `.parquet` and the last three may end
/// in `.gz`. The file appears whole or not at all.
///
/// # Errors
/// [`Error::UnknownFormat`] for other names, [`Error::Io`], and those of [`csv_tables::write`], [`graphml::write`],
/// [`matrix_market::write`], [`sparse_matrix::write`] and [`pt::write`].
pub fn write(connectome: &Connectome, path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    writer(path)?(connectome, path)
}

/// Tells whether [`write()`](fn@write) knows what a name stands for, before anything is computed that cannot be written.
///
/// # Errors
/// [`Error::UnknownFormat`].
pub fn check_ending(path: impl AsRef<Path>) -> Result<(), Error> {
    writer(path.as_ref()).map(|_| ())
}

type Writer = fn(&Connectome, &Path) -> Result<(), Error>;

/// What writes files of such a name.
fn writer(path: &Path) -> Result<Writer, Error> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let gzipped = name.strip_suffix(".gz");
    let whole = gzipped.is_none();
    let name = gzipped.unwrap_or(&name);
    Ok(if name.ends_with(".safetensors") {
        |connectome, path| safetensors::write(connectome, path)
    } else if name.ends_with(".csv") {
        |connectome, path| csv_tables::write(connectome, path)
    } else if name.ends_with(".graphml") {
        |connectome, path| graphml::write(connectome, path)
    } else if name.ends_with(".mtx") {
        |connectome, path| matrix_market::write(connectome, path)
    } else if whole && name.ends_with(".npz") {
        |connectome, path| sparse_matrix::write(connectome, path)
    } else if whole && (name.ends_with(".pt") || name.ends_with(".pth")) {
        |connectome, path| pt::write(connectome, path)
    } else if whole && name.ends_with(".parquet") {
        |connectome, path| container::write_parquet(connectome, path)
    } else {
        return Err(Error::UnknownFormat {
            path: path.to_path_buf(),
            why: "a connectome is written as .safetensors, .csv, .parquet, .graphml, .mtx, .npz or .pt".to_owned(),
        });
    })
}
