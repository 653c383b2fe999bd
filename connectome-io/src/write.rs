//! Writing a connectome.

use std::path::Path;

use crate::format::{csv_tables, matrix_market, safetensors};
use crate::{Connectome, Error};

/// Writes a connectome: `.safetensors` keeps everything and reads back equal; `.csv` writes a table of edges and, beside
/// it, `neurons.csv`; `.mtx` holds the weights alone. Each may end in `.gz`. The file appears whole or not at all.
///
/// # Errors
/// [`Error::UnknownFormat`] for other names, [`Error::Io`], and those of [`csv_tables::write`] and [`matrix_market::write`].
pub fn write(connectome: &Connectome, path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    if name.ends_with(".safetensors") {
        safetensors::write(connectome, path)
    } else if name.ends_with(".csv") {
        csv_tables::write(connectome, path)
    } else if name.ends_with(".mtx") {
        matrix_market::write(connectome, path)
    } else {
        Err(Error::UnknownFormat {
            path: path.to_path_buf(),
            why: "a connectome is written as .safetensors, .csv or .mtx".to_owned(),
        })
    }
}
