//! Tables of edges and neurons, `.csv` or `.tsv`, plain or gzipped. The header decides what a column means; the order of
//! columns is free; a byte order mark, CRLF and quoted cells are accepted.
//!
//! | columns of the edges | what it is | ends are |
//! | --- | --- | --- |
//! | `bodyId_pre`, `bodyId_post`, `weight`, perhaps `roi` | neuPrint, `total-connections.csv`, `roi-connections.csv` | ids |
//! | `pre_root_id`, `post_root_id`, `neuropil`, `syn_count`, `nt_type` | FlyWire Codex, `connections.csv` | ids |
//! | `Presynaptic_ID`, `Postsynaptic_ID`, `Connectivity`, `Excitatory` | export of Shiu et al. 2024 | ids |
//! | `pre`, `post`, `weight`, perhaps `polarity` or `sign`, `kind` | index table; what [`write()`] writes | `idx` of the neurons, else ids |
//! | `a`, `b`, `weight` | gap junctions, kind electrical | as above |
//! | `n1`, `n2`, `type`, `count` | Varshney et al. 2011: `S`, `Sp` sent (read), `R`, `Rp` received (the mirror image, skipped), `EJ` electrical, `NMJ` onto muscle | names |
//! | `source`, `target`, perhaps `weight`, `type` (kind of connection) | other software, the *C. elegans* list of c302 | names, blanks around them do not count |
//!
//! Weights stand in `weight`, `syn_count`, `Connectivity`, `count`, `n_syn`, `syn_right`, else in the first column whose name begins
//! with `weight`; [`ReadOptions::weight_column`](crate::ReadOptions::weight_column) overrules. `nt_type` gives a sign per connection: `ACH` excitatory,
//! `GABA` and `GLUT` inhibitory (glutamate acts on chloride channels in the fly's brain), all others unknown.
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

mod columns;
mod content;
mod edge_table;
mod keys;
mod neuron_file;
mod table;
mod writer;

pub(crate) use content::is_matrix;
pub use content::{Content, content};
pub use edge_table::{neurons_beside, read};
pub use neuron_file::read_neurons;
pub(crate) use table::{Table, explain_csv, parse_f64, parse_i64, without_bom};
pub use writer::write;

/// Names of the file of neurons beside a table of edges, in order of preference.
pub(crate) const NEURON_FILES: [&str; 6] =
    ["neurons.csv", "neurons.csv.gz", "traced-neurons.csv", "traced-neurons.csv.gz", "areas.csv", "areas.csv.gz"];

/// Names of the file of cell types beside `type_edges.csv`.
pub(crate) const TYPE_FILES: [&str; 2] = ["types.csv", "types.csv.gz"];

/// Names of the table of edges in a folder, in order of preference, without `.gz`.
pub(crate) const EDGE_FILES: [&str; 8] = [
    "edges.csv",
    "total-connections.csv",
    "traced-total-connections.csv",
    "roi-connections.csv",
    "traced-roi-connections.csv",
    "connections.csv",
    "chemical.csv",
    "type_edges.csv",
];
