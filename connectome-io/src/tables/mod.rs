//! What tables of edges and neurons mean, whatever file they are in.
//!
//! [`columns`] reads a header; [`edge_table`], with [`collector`], and [`neuron_file`] go through the rows of any [`Table`].

mod collector;
mod columns;
mod edge_table;
mod id_map;
mod keys;
mod neuron_file;
mod pair_sums;

use std::borrow::Cow;
use std::sync::Arc;

pub(crate) use columns::{EdgeColumns, MAX_COLUMNS, NeuronColumns, SignRule};
pub use edge_table::neurons_beside;
pub(crate) use edge_table::{read_edges, sign_text};
pub(crate) use neuron_file::NeuronFile;

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

/// Ends of rows: numbers, or places in a list of numbers, which need to be looked up once only.
#[derive(Debug, Default)]
pub(crate) struct RowEnds {
    numbers: Vec<i64>,
    codes: Vec<u32>,
    list: Option<Arc<Vec<i64>>>,
}

impl RowEnds {
    pub(crate) fn len(&self) -> usize {
        self.numbers.len() + self.codes.len()
    }

    pub(crate) fn clear(&mut self) {
        self.numbers.clear();
        self.codes.clear();
        self.list = None;
    }

    /// Adds a number to others.
    #[inline]
    pub(crate) fn push(&mut self, number: i64) {
        debug_assert!(self.list.is_none(), "numbers among places in a list");
        self.numbers.push(number);
    }

    /// Adds numbers to others.
    #[cfg(feature = "parquet")]
    pub(crate) fn extend(&mut self, numbers: &[i64]) {
        debug_assert!(self.list.is_none(), "numbers among places in a list");
        self.numbers.extend_from_slice(numbers);
    }

    /// Adds places in a list to others in the same.
    #[cfg(feature = "parquet")]
    pub(crate) fn extend_coded(&mut self, codes: &[u32], list: &Arc<Vec<i64>>) {
        debug_assert!(self.list.as_ref().is_none_or(|own| Arc::ptr_eq(own, list)), "places in two lists");
        self.codes.extend_from_slice(codes);
        self.list = Some(list.clone());
    }

    /// The number of a row.
    pub(crate) fn get(&self, row: usize) -> i64 {
        match &self.list {
            Some(list) => list[self.codes[row] as usize],
            None => self.numbers[row],
        }
    }
}

/// Rows of numbers.
#[derive(Default)]
pub(crate) struct PlainRows {
    pub(crate) pre: RowEnds,
    pub(crate) post: RowEnds,
    pub(crate) weight: Vec<f64>,
    /// Line or number of each row.
    pub(crate) numbers: Vec<u32>,
}

impl PlainRows {
    /// Adds a row: both ends and the weight, which is below 2^53.
    #[inline]
    pub(crate) fn push(&mut self, [pre, post, weight]: [u64; 3], number: u32) {
        self.pre.push(pre as i64);
        self.post.push(post as i64);
        self.weight.push(weight as f64);
        self.numbers.push(number);
    }

    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.pre.len()
    }

    /// Forgets all rows.
    pub(crate) fn clear(&mut self) {
        self.pre.clear();
        self.post.clear();
        self.weight.clear();
        self.numbers.clear();
    }
}

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
