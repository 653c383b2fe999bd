//! How files are read.

use std::path::PathBuf;

use crate::Progress;

/// What a row of a matrix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rows {
    /// The postsynaptic neuron: `W[post, pre]`, `y = W x`.
    #[default]
    Post,
    /// The presynaptic neuron: `W[pre, post]`.
    Pre,
}

/// What to do with a connection that stands in several rows.
///
/// Tables that split a connection by brain region (neuPrint's `roi`, Codex' `neuropil`) or by sub-type (Varshney's `S`
/// and `Sp`) are summed over that column unless the choice is [`Duplicates::Keep`]; that is no duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Duplicates {
    /// Refuse the file and name the row.
    #[default]
    Error,
    /// Add the weights as rows arrive, in memory that grows with the connections and not with the rows: a table with one
    /// row per synapse may be far larger than the memory. The sign of the sum is that of the larger part; equal parts give [`crate::Sign::Unknown`].
    Sum,
    /// Keep every row of the file, rows of regions too.
    Keep,
}

/// What to do with an edge between neurons that the table of neurons lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UnknownNeurons {
    /// Refuse the file and name the row.
    #[default]
    Error,
    /// Leave the edge out.
    Drop,
}

/// Where the neurons of a table of edges, or the ids of a matrix, are described.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum NeuronsFile {
    /// For tables of edges: `neurons.csv`, `traced-neurons.csv` or `areas.csv`, each also with `.gz`, `neurons.parquet` or
    /// `neurons.feather`, in the same folder, if there is one; for matrices: none.
    #[default]
    Sibling,
    /// None: neurons are what the edges name, in ascending order of ids, or the rows of the matrix.
    None,
    /// This file: a CSV table of neurons, or a `.npy` array of ids.
    File(PathBuf),
}

/// Which brain regions count, for tables that tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Regions {
    /// All, summed.
    #[default]
    All,
    /// Those named, summed.
    Only(Vec<String>),
}

/// How gap junctions are read. They conduct both ways, but published lists are not symmetric to the last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GapJunctions {
    /// Rows as they stand in the file.
    #[default]
    AsPublished,
    /// Each row also the other way round; where both are listed with unlike weights, both get the larger.
    Symmetrise,
}

/// What becomes of synapses onto muscle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Muscle {
    /// Left out.
    #[default]
    Drop,
    /// Kept; the muscle becomes a neuron of that name at the end of the table, the kind is
    /// [`crate::SynapseTable::NEUROMUSCULAR`].
    Keep,
}

/// What a `.csv` file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CsvLayout {
    /// A table of areas if the header names their sizes, a matrix if it is numeric or starts with an empty cell, a table
    /// of edges otherwise.
    #[default]
    Auto,
    /// A table of edges.
    Edges,
    /// A square matrix, with or without a line of names and a column of names.
    Matrix,
}

/// Caps that keep hostile files from filling the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bytes that a compressed file may inflate to, all members of an archive together. Of tables in Parquet and Feather the
    /// columns that are read count, with the texts of all rows, and 1024 times the file may come in any case. Default 4 GiB.
    /// Memory grows as data arrive, so a small file costs little whatever it claims.
    pub inflated: u64,
    /// Bytes of the header of a `.npy` array. Default 64 KiB.
    pub npy_header: u64,
    /// Bytes of the header of a `.safetensors` file; beyond 100 MB is never read. Default 100 MB.
    pub safetensors_header: u64,
    /// Bytes of memory that a pickle or a file of torch may take beyond four times its size, the file itself, objects and
    /// arrays together; what is compressed counts with the size that it inflates to, the connectome of a dense matrix does not
    /// count. Default 15 MiB: long lists of small numbers, tuples or texts take more, as do tensors that repeat their elements.
    pub objects: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { inflated: 4 << 30, npy_header: 64 << 10, safetensors_header: 100_000_000, objects: 15 << 20 }
    }
}

/// Options of [`crate::read_with`]; the default of each is what [`crate::read`] does.
///
/// ```
/// use connectome_io::{Duplicates, ReadOptions};
/// let options = ReadOptions { threshold: Some(5.0), duplicates: Duplicates::Sum, ..ReadOptions::default() };
/// # assert_eq!(options.limits.inflated, 4 << 30);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadOptions {
    /// What a row of a matrix is. Default [`Rows::Post`].
    pub rows: Rows,
    /// Repeated connections in tables and sparse matrices. Default [`Duplicates::Error`].
    pub duplicates: Duplicates,
    /// Edges between neurons that are not listed. Default [`UnknownNeurons::Error`].
    pub unknown_neurons: UnknownNeurons,
    /// The table of neurons. Default [`NeuronsFile::Sibling`].
    pub neurons: NeuronsFile,
    /// Number of neurons: of a table of edges without table of neurons, whose ends are then indices 0 to n - 1, or
    /// checked against the matrix or table. Default: as the file says.
    pub n_neurons: Option<usize>,
    /// Smallest absolute weight that is kept, after summing; neurons are kept in any case. Default: all.
    pub threshold: Option<f64>,
    /// Name of the column of weights. Default: the first known name.
    pub weight_column: Option<String>,
    /// Brain regions. Default [`Regions::All`].
    pub regions: Regions,
    /// Smallest `connection_score` of a synapse that counts, for tables of synapses. Default: all.
    pub min_connection_score: Option<f64>,
    /// Smallest `cleft_score` of a synapse that counts, for tables of synapses. Default: all.
    pub min_cleft_score: Option<f64>,
    /// Gap junctions. Default [`GapJunctions::AsPublished`].
    pub gap_junctions: GapJunctions,
    /// Synapses onto muscle. Default [`Muscle::Drop`].
    pub muscle: Muscle,
    /// What a `.csv` holds. Default [`CsvLayout::Auto`].
    pub csv: CsvLayout,
    /// Member of an `.npz` archive, a state dict or a pickle's dict that holds the matrix. Default: a `scipy.sparse` matrix, or
    /// the only square one.
    pub member: Option<String>,
    /// Told how far a table of edges has been read. Default: nothing is told.
    pub progress: Progress,
    /// Threads that a large file may take: of text, one finds rows while another looks neurons up; plain columns of
    /// Parquet and members of `.npz` are shared out. What is read does not depend on it. Default: as many as the machine
    /// has.
    pub threads: Option<usize>,
    /// Caps on sizes.
    pub limits: Limits,
}

impl ReadOptions {
    /// [`ReadOptions::threads`] or as many as the machine has.
    pub(crate) fn threads_or_all(&self) -> usize {
        self.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1)
    }
}
