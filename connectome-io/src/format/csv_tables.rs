//! Tables of edges and neurons, `.csv` or `.tsv`, plain or gzipped. The header decides what a column means; the order of
//! columns is free; a byte order mark, CRLF and quoted cells are accepted.
//!
//! | columns of the edges | what it is | ends are |
//! | --- | --- | --- |
//! | `bodyId_pre`, `bodyId_post`, `weight`, perhaps `roi` | neuPrint, `total-connections.csv`, `roi-connections.csv` | ids |
//! | `pre_root_id`, `post_root_id`, `neuropil`, `syn_count`, `nt_type` | FlyWire Codex, `connections.csv` | ids |
//! | `pre_pt_root_id`, `post_pt_root_id`, perhaps `connection_score`, `cleft_score`, `gaba`, `ach`, ... | FlyWire's list of synapses, a row each; connections are counted | ids |
//! | `Presynaptic_ID`, `Postsynaptic_ID`, `Connectivity`, `Excitatory` | export of Shiu et al. 2024 | ids |
//! | `Presynaptic_Index`, `Postsynaptic_Index`, `Excitatory x Connectivity` | the same where ids or signs are left out; the product is the weight | `idx` of the neurons |
//! | `pre`, `post`, `weight`, perhaps `polarity` or `sign`, `kind` | index table; what [`write()`] writes | `idx` of the neurons, else ids |
//! | `a`, `b`, `weight` | gap junctions, kind electrical | as above |
//! | `n1`, `n2`, `type`, `count` | Varshney et al. 2011: `S`, `Sp` sent (read), `R`, `Rp` received (the mirror image, skipped), `EJ` electrical, `NMJ` onto muscle | names |
//! | `source`, `target`, perhaps `weight`, `type` (kind of connection) | other software, the *C. elegans* list of c302 | names, blanks around them do not count |
//!
//! Weights stand in `weight`, `syn_count`, `Connectivity`, `count`, `n_syn`, `syn_right`, else in the first column whose name begins
//! with `weight`; [`ReadOptions::weight_column`](crate::ReadOptions::weight_column) overrules. `nt_type` gives a sign per connection: `ACH` excitatory,
//! `GABA` and `GLUT` inhibitory (glutamate acts on chloride channels in the fly's brain), all others unknown.
//!
//! A table without weights is one of synapses if it has `pre_pt_root_id`, `connection_score`, `cleft_score`,
//! `synapse_id`, `connector_id`, `confidence_pre` or positions of synapses; its rows are summed unless the choice is
//! [`Duplicates::Keep`](crate::Duplicates::Keep). Where it has the six probabilities of transmitters and there is no table
//! of neurons, each neuron gets the transmitter that is the likeliest on average over the synapses it sends.
//!
//! | columns of the neurons | meaning |
//! | --- | --- |
//! | `idx` | what index tables call the neuron |
//! | `id`, `bodyId`, `root_id`, `skid` | id; without one, `idx` |
//! | `name`, else `instance`, else `area` in a table without `id` | name |
//! | `type`, else `primary_type`, `cell_type` | cell type |
//! | `class`, else `super_class`, `role` | class |
//! | `transmitter`, else `nt`, `nt_type`, `predictedNt` | transmitter |
//! | `sign` | sign of all outgoing synapses |
//! | `x`, `y`, `z`, or `x [unit]`, ... | position; all three empty: not known |
//! | any other | further column of that name |

mod number;
mod plain;
mod table;
mod writer;

use std::path::Path;

use crate::options::{Limits, ReadOptions};
use crate::tables::{NeuronFile, read_edges};
use crate::{Connectome, Error, NeuronTable};

pub use crate::tables::neurons_beside;
pub(crate) use number::{parse_f64, parse_i64};
pub(crate) use table::{CsvTable, MAX_CELLS, explain_csv, without_bom};
#[cfg(feature = "parquet")]
pub(crate) use writer::headers;
pub use writer::write;

/// Reads a table of edges and, if there is one, the table of neurons; the module's documentation lists the columns.
///
/// # Errors
/// [`Error::Missing`] if the header lacks a column; [`Error::BadNumber`], [`Error::NotFinite`], [`Error::BadValue`],
/// [`Error::UnknownNeuron`], [`Error::OutOfRange`], [`Error::DuplicateSynapse`] with line and column;
/// [`Error::Malformed`], [`Error::Empty`], [`Error::TooLarge`], [`Error::Io`]; and those of [`read_neurons`].
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let path = path.as_ref();
    read_edges(&mut CsvTable::open(path, &options.limits)?, path, options)
}

/// Reads a table of neurons; the module's documentation lists the columns.
///
/// # Errors
/// [`Error::Missing`] if no column identifies the neurons, [`Error::DuplicateNeuron`], [`Error::BadNumber`],
/// [`Error::NotFinite`], [`Error::BadValue`], [`Error::Malformed`], [`Error::Empty`], [`Error::TooLarge`], [`Error::Io`].
pub fn read_neurons(path: impl AsRef<Path>, limits: &Limits) -> Result<NeuronTable, Error> {
    Ok(NeuronFile::read(&mut CsvTable::open(path.as_ref(), limits)?)?.table)
}
