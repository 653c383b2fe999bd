//! What a table is about.

use std::path::Path;

use super::{CsvTable, parse_f64};
use crate::Error;
use crate::options::Limits;
use crate::tables::{EdgeColumns, NeuronColumns, Table};

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

/// Tells by its header what a table holds.
///
/// # Errors
/// [`Error::Missing`] if the columns are none of those that are known; [`Error::Empty`], [`Error::Malformed`],
/// [`Error::TooLarge`], [`Error::Io`].
pub fn content(path: impl AsRef<Path>, limits: &Limits) -> Result<Content, Error> {
    let table = CsvTable::open(path.as_ref(), limits)?;
    let (header, at) = (table.header(), table.location());
    if is_matrix(header) {
        return Ok(Content::Matrix);
    }
    match EdgeColumns::find(header, None, at) {
        Ok(_) => Ok(Content::Edges),
        Err(no_edges) => NeuronColumns::find(header, at).map(|_| Content::Neurons).map_err(|_| no_edges),
    }
}

/// Whether a header is that of a matrix: numeric, or with an empty first cell.
pub(crate) fn is_matrix(header: &[String]) -> bool {
    header[0].is_empty() || header.iter().all(|cell| parse_f64(cell.as_bytes()).is_some())
}
