//! What tables of edges and neurons mean, whatever file they are in.
//!
//! [`columns`] reads a header; [`edge_table`], with [`collector`], and [`neuron_file`] go through the rows of any [`Table`].

pub(crate) mod ahead;
mod apart;
mod collector;
mod columns;
mod edge_table;
mod id_map;
mod keys;
mod neuron_file;
mod pair_sums;
mod plain_rows;

use std::borrow::Cow;

pub(crate) use apart::OneColumn;
pub(crate) use columns::{EdgeColumns, MAX_COLUMNS, NeuronColumns, SignRule};
pub use edge_table::neurons_beside;
pub(crate) use edge_table::{read_edges, sign_text};
pub(crate) use neuron_file::NeuronFile;
pub(crate) use plain_rows::{Numbers, PlainRows};

use crate::error::excerpt;
use crate::{Error, Location, Sign};
use columns::parse_sign;

/// Names of the file of neurons beside a table of edges, in order of preference.
pub(crate) const NEURON_FILES: [&str; 8] = [
    "neurons.csv",
    "neurons.csv.gz",
    "traced-neurons.csv",
    "traced-neurons.csv.gz",
    "areas.csv",
    "areas.csv.gz",
    "neurons.parquet",
    "neurons.feather",
];

/// Names of the file of cell types beside `type_edges.csv`.
pub(crate) const TYPE_FILES: [&str; 2] = ["types.csv", "types.csv.gz"];

/// Names of the table of edges in a folder, in order of preference; the text files also with `.gz`.
pub(crate) const EDGE_FILES: [&str; 12] = [
    "edges.csv",
    "total-connections.csv",
    "traced-total-connections.csv",
    "roi-connections.csv",
    "traced-roi-connections.csv",
    "connections.csv",
    "chemical.csv",
    "type_edges.csv",
    "edges.parquet",
    "edges.feather",
    "connections.parquet",
    "connections.feather",
];

/// A table that is read from its first row to its last.
pub(crate) trait Table {
    /// A row.
    type Row<'a>: Cells
    where
        Self: 'a;

    /// Names of the columns.
    fn header(&self) -> &[String];

    /// The file.
    fn location(&self) -> &Location;

    /// Says which columns will be asked for, so that the others need not be read.
    fn select(&mut self, columns: &[usize]) -> Result<(), Error>;

    /// The next row.
    fn next_row(&mut self) -> Result<Option<Self::Row<'_>>, Error>;

    /// Hands rows on, some at a time, as long as ends and weight are plain numbers; whether there were any. With two
    /// `threads` rows may be found while those before are looked at.
    fn each_plain(&mut self, columns: [usize; 3], threads: usize, each: &mut Each<'_>) -> Result<bool, Error>;

    /// Opens the table once more, for the values of a column alone; `None` where columns do not lie apart.
    fn open_column(&self, _column: usize) -> Option<Box<dyn OneColumn>> {
        None
    }

    /// Bytes of the file read so far.
    fn bytes_read(&self) -> u64;

    /// Rows that there may be by what the file says, as many as take four times its size if each takes so many `bytes`; 0 if
    /// it does not say.
    fn rows_expected(&self, bytes: usize) -> usize;

    /// Whether places are told by rows, counted from 0, or by lines, counted from 1.
    const COUNTS_ROWS: bool;
}

/// What is done with plain rows, which are used up, and with the bytes of the file that have been read.
pub(crate) type Each<'a> = dyn FnMut(&mut PlainRows, u64) -> Result<(), Error> + 'a;

/// A row of a table.
pub(crate) trait Cells {
    /// The cell as the file has it or would print it; empty where there is no value.
    fn bytes(&self, column: usize) -> Cow<'_, [u8]>;

    /// The cell as text; empty where there is no value.
    fn text(&self, column: usize) -> Result<Cow<'_, str>, Error>;

    /// The whole number in a cell.
    fn integer(&self, column: usize, wanted: &'static str) -> Result<i64, Error>;

    /// The finite number in a cell.
    fn number(&self, column: usize, what: &'static str) -> Result<f64, Error>;

    /// The sign that a cell states.
    fn sign(&self, column: usize, rule: SignRule) -> Result<Sign, Error> {
        sign_of_cell(self, column, rule)
    }

    /// The cell for a message.
    fn lossy(&self, column: usize) -> String {
        excerpt(&self.bytes(column))
    }

    /// Line, counted from 1, or row, counted from 0.
    fn number_of_row(&self) -> u64;

    /// Where a cell stands.
    fn at(&self, column: usize) -> Box<Location>;
}

/// The sign that the text of a cell states.
pub(crate) fn sign_of_cell(row: &(impl Cells + ?Sized), column: usize, rule: SignRule) -> Result<Sign, Error> {
    parse_sign(&row.bytes(column), rule).ok_or_else(|| Error::BadValue {
        at: row.at(column),
        what: "sign",
        text: row.lossy(column),
        allowed: "1, -1, 0, +, -, complex, none, empty",
    })
}

/// A cell of a table, named as tables of its kind name places.
fn cell<T: Table>(at: &Location, number: u64, column: &str) -> Box<Location> {
    if T::COUNTS_ROWS { at.key(format!("row {number}, column {column:?}")) } else { at.cell(number, column) }
}
