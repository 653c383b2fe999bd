//! Connectomes from the tables of another one, and what was done to it written where it came from.

use connectome_io::{Provenance, SynapseTable};

use crate::Error;

/// The same synapses, with all that belongs to them, between other neurons.
pub(crate) fn with_ends(table: &SynapseTable, pre: Vec<u32>, post: Vec<u32>) -> Result<SynapseTable, Error> {
    with_columns_of(SynapseTable::new(pre, post, table.weight().to_vec())?, table)
}

/// The same synapses with other weights.
pub(crate) fn with_weights(table: &SynapseTable, weight: Vec<f64>) -> Result<SynapseTable, Error> {
    with_columns_of(SynapseTable::new(table.pre().to_vec(), table.post().to_vec(), weight)?, table)
}

fn with_columns_of(mut table: SynapseTable, from: &SynapseTable) -> Result<SynapseTable, Error> {
    if let Some(signs) = from.signs() {
        table = table.with_signs(signs.to_vec())?;
    }
    with_labels_of(table, from)
}

/// Adds kinds and further columns of another table with the same rows.
pub(crate) fn with_labels_of(mut table: SynapseTable, from: &SynapseTable) -> Result<SynapseTable, Error> {
    if let Some(kinds) = from.kinds() {
        table = table.with_kinds(kinds.clone())?;
    }
    for (name, column) in from.columns() {
        table = table.with_column(name, column.clone())?;
    }
    Ok(table)
}

/// The provenance with `; note` behind the source; all else as it was.
pub(crate) fn noted(provenance: &Provenance, note: &str) -> Provenance {
    let mut noted = Provenance::new(format!("{}; {note}", provenance.source()), provenance.orientation());
    if let Some(version) = provenance.version() {
        noted = noted.with_version(version);
    }
    if let Some(threshold) = provenance.threshold() {
        noted = noted.with_threshold(threshold);
    }
    if let Some(licence) = provenance.licence() {
        noted = noted.with_licence(licence);
    }
    if let Some(reference) = provenance.reference() {
        noted = noted.with_reference(reference);
    }
    noted.with_inputs(provenance.inputs().to_vec())
}
