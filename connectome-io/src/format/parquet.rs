//! Tables of edges and neurons in Apache Parquet, `.parquet`. Columns mean what they mean in [`super::csv_tables`].
//!
//! Read are flat columns of whole numbers of any width, floats, truth values and texts, of pages of both versions, in all
//! encodings of these types, not compressed or by snappy, gzip, zstd or LZ4. Other columns may be there as long as nobody
//! asks for them. Values may be missing where a cell of a text table may be empty: in texts and positions. Only the
//! columns that are needed are read, a few thousand rows at a time.
//!
//! The reader is written for files that nobody vouches for: each length is held against the file before it is believed,
//! chunks may not overlap, checksums of pages are verified where there are any, and memory is asked for as data arrive.
//!
//! ```
//! # fn main() -> Result<(), connectome_io::Error> {
//! use connectome_io::{Connectome, NeuronTable, Provenance, SynapseTable, read, write};
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path();
//! let synapses = SynapseTable::new(vec![0, 1], vec![1, 0], vec![5.0, 2.0])?;
//! let pair = Connectome::new(NeuronTable::new(vec![720_575_940_628_857_210, 7])?, synapses, Provenance::default())?;
//! write(&pair, folder.join("edges.parquet"))?; // and neurons.parquet beside it
//! let back = read(folder.join("edges.parquet"))?;
//! assert_eq!((back.neurons(), back.synapses()), (pair.neurons(), pair.synapses()));
//! # Ok(())
//! # }
//! ```
//!
//! Source: Apache Parquet, <https://github.com/apache/parquet-format>.

mod column;
mod encoding;
mod metadata;
mod thrift;
mod values;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::columnar::{Allowance, BATCH, Batches, Column, ColumnarTable};
use crate::options::{Limits, ReadOptions};
use crate::tables::{NeuronFile, read_edges};
use crate::{Connectome, Error, Location, NeuronTable};
use column::{ChunkReader, Fault};
use metadata::Metadata;

pub use writer::write;

/// Reads a table of edges and, if there is one, the table of neurons.
///
/// # Errors
/// Those of [`super::csv_tables::read`], with row and column; [`Error::Unsupported`] for columns of dates, decimals, lists
/// and for other codecs; [`Error::Truncated`], [`Error::Malformed`].
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let path = path.as_ref();
    read_edges(&mut open(path, &options.limits)?, path, options)
}

/// Reads a table of neurons.
///
/// # Errors
/// Those of [`super::csv_tables::read_neurons`] and of [`read`].
pub fn read_neurons(path: impl AsRef<Path>, limits: &Limits) -> Result<NeuronTable, Error> {
    Ok(NeuronFile::read(&mut open(path.as_ref(), limits)?)?.table)
}

/// Opens a table.
pub(crate) fn open(path: &Path, limits: &Limits) -> Result<ColumnarTable, Error> {
    let io = |source| Error::Io { action: "open", path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let at = Location::file(path);
    let metadata = metadata::read(&mut file, size, path, &at)?;
    let header = metadata.columns.iter().map(|column| column.name.clone()).collect();
    let rows = metadata.rows;
    let reader = Reader {
        path: path.to_path_buf(),
        at,
        file: Arc::new(file),
        metadata: Arc::new(metadata),
        inflated: limits.inflated.max(size.saturating_mul(1024)),
        group: 0,
        left: 0,
        chunks: Vec::new(),
        bytes: 0,
    };
    Ok(ColumnarTable::new(path, header, rows, limits, Box::new(reader)))
}

/// A file being read.
struct Reader {
    path: PathBuf,
    at: Location,
    file: Arc<File>,
    metadata: Arc<Metadata>,
    /// Bytes that all values of the columns may take.
    inflated: u64,
    /// The group to open next.
    group: usize,
    /// Rows of the open group that have not been given.
    left: u64,
    /// The selected columns of the open group.
    chunks: Vec<ChunkReader>,
    /// Bytes of the groups before.
    bytes: u64,
}

impl Reader {
    /// Where a column is.
    fn place(&self, column: usize) -> Box<Location> {
        self.at.key(format!("column {:?}", self.metadata.columns[column].name))
    }

    fn open_group(&mut self, selected: &[usize]) -> Result<(), Error> {
        let group = &self.metadata.groups[self.group];
        self.chunks.clear();
        for &column in selected {
            let ty = &self.metadata.columns[column];
            let chunk = &group.chunks[ty.leaf];
            let unsupported =
                |what: &str, remedy| Error::Unsupported { at: self.place(column), what: what.to_owned(), remedy };
            let kind = ty
                .kind
                .ok_or_else(|| unsupported("a column of this type", "write it as numbers or texts, or leave it out"))?;
            let codec = chunk.codec.ok_or_else(|| {
                unsupported("a column compressed in this way", "compress by snappy, gzip, zstd or LZ4")
            })?;
            self.chunks.push(ChunkReader::new(self.file.clone(), ty, kind, codec, chunk));
        }
        self.left = group.rows;
        // what empty groups say of their chunks was not looked at
        self.bytes = group.chunks.iter().fold(self.bytes, |all, chunk| all.saturating_add(chunk.bytes));
        self.group += 1;
        Ok(())
    }
}

impl Batches for Reader {
    fn select(&mut self, columns: &[usize]) -> Result<(), Error> {
        // Runs of equal numbers take next to nothing: a small file may have any number of rows.
        let size = self.metadata.rows.saturating_mul(8 * columns.len() as u64);
        if size > self.inflated {
            return Err(Error::TooLarge {
                at: self.at.boxed(),
                what: "the table",
                size,
                limit: self.inflated,
                remedy: crate::source::RAISE_INFLATED,
            });
        }
        Ok(())
    }

    fn next(&mut self, selected: &[usize], columns: &mut [Column], allowance: &mut Allowance) -> Result<usize, Error> {
        while self.left == 0 {
            if self.group == self.metadata.groups.len() {
                return Ok(0);
            }
            self.open_group(selected)?;
        }
        let n = BATCH.min(usize::try_from(self.left).unwrap_or(BATCH));
        for (i, &column) in selected.iter().enumerate() {
            if let Err(fault) = self.chunks[i].read(n, &mut columns[column], allowance) {
                return Err(match fault {
                    Fault::Io(source) => Error::Io { action: "read", path: self.path.clone(), source },
                    Fault::Flaw(flaw) => flaw.at(self.place(column)),
                });
            }
        }
        self.left -= n as u64;
        Ok(n)
    }

    fn again(&self) -> Option<Box<dyn Batches>> {
        let file = Arc::new(File::open(&self.path).ok()?);
        let (path, at, metadata) = (self.path.clone(), self.at.clone(), self.metadata.clone());
        Some(Box::new(Self { path, at, file, metadata, group: 0, left: 0, chunks: Vec::new(), bytes: 0, ..*self }))
    }

    fn bytes_read(&self) -> u64 {
        self.bytes
    }
}
