//! Hashes of what a training is built on.

use sha2::{Digest, Sha256};

use crate::Error;
use crate::network::{Network, Wiring};
use crate::task::FlowData;

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of cells, edges and what they share.
pub(super) fn of_wiring(wiring: &Wiring) -> String {
    let mut hash = Sha256::new();
    for list in [wiring.cell_types(), wiring.source(), wiring.target(), wiring.edge_groups()] {
        hash.update((list.len() as u64).to_le_bytes());
        list.iter().for_each(|number| hash.update(number.to_le_bytes()));
    }
    for t in wiring.types() {
        hash.update((t.name.len() as u64).to_le_bytes());
        hash.update(t.name.as_bytes());
    }
    for group in wiring.groups() {
        hash.update(group.pair.to_le_bytes());
        hash.update(group.mean_n_syn.to_le_bytes());
    }
    for pair in wiring.pairs() {
        hash.update(pair.sign.to_le_bytes());
    }
    hex(hash)
}

/// Of which parameters of a network are kept equal and which cells are held; `None` if none are.
pub(super) fn of_bonds(network: &Network) -> Option<String> {
    network.bonds().map(|bonds| hex(Sha256::new_with_prefix(bonds)))
}

/// SHA-256 of sequences as an eye sees them, with their flow and frame rate.
///
/// # Errors
/// What the data return.
pub fn data_hash(data: &dyn FlowData, sequences: impl IntoIterator<Item = usize>) -> Result<String, Error> {
    let mut hash = Sha256::new();
    hash.update(data.frame_rate().to_le_bytes());
    for sequence in sequences {
        let sample = data.sample(sequence)?;
        hash.update((sample.frames() as u64).to_le_bytes());
        for number in sample.luminance().luminance().iter().chain(sample.flow()) {
            hash.update(number.to_le_bytes());
        }
    }
    Ok(hex(hash))
}
