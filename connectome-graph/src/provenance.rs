//! What was done to a connectome, written where it came from.

use connectome_io::Provenance;

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
