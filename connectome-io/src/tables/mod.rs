//! What tables of edges and neurons mean, whatever file they are in.
//!
//! [`columns`] reads a header; [`edge_table`] and [`neuron_file`] go through the rows of any [`Table`].

mod columns;
mod edge_table;
mod id_map;
mod keys;
mod neuron_file;
mod pair_sums;

use std::borrow::Cow;
use std::rc::Rc;

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

    /// Takes rows, at most so many, as long as ends and weight are plain numbers.
    fn take_plain(&mut self, columns: [usize; 3], most: usize, rows: &mut PlainRows) -> Result<Taken, Error>;

    /// Bytes of the file read so far.
    fn bytes_read(&self) -> u64;

    /// Rows that the file says it has, held against its size; 0 if it does not say.
    fn rows_expected(&self) -> usize;

    /// Whether places are told by rows, counted from 0, or by lines, counted from 1.
    const COUNTS_ROWS: bool;
}

/// What was taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// So many rows.
    Rows(usize),
    /// Nothing: the next row has to be looked at, if there is one.
    Nothing,
    /// Nothing: the next rows have their ends from another list than those that were taken before.
    OfAnotherList,
}

/// Ends of rows: numbers, or places in a list of numbers, which need to be looked up once only.
#[derive(Debug, Default)]
pub(crate) struct RowEnds {
    numbers: Vec<i64>,
    codes: Vec<u32>,
    list: Option<Rc<Vec<i64>>>,
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

    /// Whether ends of a list, or of none, can be added.
    pub(crate) fn takes(&self, list: Option<&Rc<Vec<i64>>>) -> bool {
        self.len() == 0
            || match (&self.list, list) {
                (Some(own), Some(list)) => Rc::ptr_eq(own, list),
                (own, list) => own.is_none() && list.is_none(),
            }
    }

    /// Adds a number to others.
    #[inline]
    pub(crate) fn push(&mut self, number: i64) {
        debug_assert!(self.list.is_none(), "numbers among places in a list");
        self.numbers.push(number);
    }

    /// Adds numbers to others.
    pub(crate) fn extend(&mut self, numbers: &[i64]) {
        debug_assert!(self.list.is_none(), "numbers among places in a list");
        self.numbers.extend_from_slice(numbers);
    }

    /// Adds places in a list to others in the same.
    pub(crate) fn extend_coded(&mut self, codes: &[u32], list: &Rc<Vec<i64>>) {
        debug_assert!(self.takes(Some(list)), "places in two lists");
        self.codes.extend_from_slice(codes);
        if self.list.is_none() {
            self.list = Some(list.clone());
        }
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
    /// Whether an end of each is a place in a list.
    pub(crate) fn are_places(&self) -> bool {
        self.pre.list.is_some() || self.post.list.is_some()
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
