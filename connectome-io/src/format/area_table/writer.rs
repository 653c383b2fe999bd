//! A table of areas as pandas reads it.

use std::path::Path;

use csv::Writer;

use super::{AreaTable, SIZES};
use crate::Error;
use crate::atomic::write_atomic_gz;

pub(super) fn write(table: &AreaTable, path: &Path) -> Result<(), Error> {
    write_atomic_gz(path, |out| {
        let mut out = Writer::from_writer(out);
        out.write_record(table.names().iter().map(String::as_str).chain(SIZES.iter().map(|(name, _)| *name)))?;
        for (connections, area) in table.adjacency().chunks_exact(table.n_areas()).zip(table.areas()) {
            let sizes = area.sizes();
            out.write_record(connections.iter().map(f64::to_string).chain(sizes.iter().map(u32::to_string)))?;
        }
        out.flush()
    })
}
