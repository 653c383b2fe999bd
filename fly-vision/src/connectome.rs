//! The connectome that comes with this crate.

use std::io::Read;

use connectome_io::Connectome;
use connectome_io::format::flyvis_json;

use crate::Error;

/// Wiring of the 65 cell types of the fly's motion pathways, from FIB-25 and FIB-19: 605 pairs of types, 2,140 displacements.
///
/// [`connectome_graph::hex::expand`] makes cells of it.
///
/// # Errors
/// None with the file that this crate was built with.
///
/// Source: Lappalainen et al., *Nature* 634, 1132 (2024), doi:10.1038/s41586-024-07939-3, file `fib25-fib19_v2.2.json` of flyvis 1.2.0.
pub fn connectome() -> Result<Connectome, Error> {
    let mut json = Vec::new();
    let packed = &include_bytes!("../data/fib25-fib19_v2.2.json.gz")[..];
    flate2::read::GzDecoder::new(packed).read_to_end(&mut json).map_err(|source| Error::Io {
        path: "fib25-fib19_v2.2.json.gz".into(),
        doing: "inflating the connectome within the program",
        source,
    })?;
    Ok(flyvis_json::from_bytes(&json)?)
}
