//! Tables with typed columns: rows of [`super::parquet`] and [`super::feather`] for the readers of tables.

pub(super) mod codec;
mod column;
mod row;

use std::path::Path;
use std::sync::Arc;

use crate::options::Limits;
use crate::source::RAISE_INFLATED;
use crate::tables::{Each, Numbers, OneColumn, PlainRows, Table, ahead};
use crate::{Error, Location};
pub(super) use column::{Column, Signed, Values};
pub(crate) use row::Row;

/// Rows that are unpacked at a time.
pub(super) const BATCH: usize = 1 << 12;

/// Bytes that a file of any size may ask for.
const FREE: u64 = 8 << 20;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// They end too early.
    Short,
    /// What is wrong.
    Bad(&'static str),
    /// More has come than an [`Allowance`] allows.
    Large { size: u64, limit: u64 },
}

impl Flaw {
    /// The flaw as an error at a place.
    pub(super) fn at(self, at: Box<Location>) -> Error {
        let problem = match self {
            Self::Short => "the data end too early",
            Self::Bad(problem) => problem,
            Self::Large { size, limit } => {
                return Error::TooLarge { at, what: "what the file inflates to", size, limit, remedy: RAISE_INFLATED };
            }
        };
        Error::Malformed { at, problem: problem.to_owned() }
    }
}

/// Bytes that may come out of a file: pages and buffers as they inflate, and the texts of all rows.
pub(super) struct Allowance {
    used: u64,
    limit: u64,
    /// Bytes left for texts that share their beginning with the one before.
    shared: u64,
}

impl Allowance {
    /// What limits and the size of a file allow.
    pub(super) fn new(limits: &Limits, size: u64) -> Self {
        let limit = limits.inflated.max(size.saturating_mul(1024));
        Self { used: 0, limit, shared: size.saturating_mul(64).saturating_add(FREE) }
    }

    /// Takes a text that shares its beginning with the one before, of which next to nothing need be in the file.
    pub(super) fn take_shared(&mut self, bytes: usize) -> Result<(), Flaw> {
        const MANY: Flaw = Flaw::Bad(
            "texts that share their beginnings take more than 64 times the file; write the column as a dictionary, or plain",
        );
        self.shared = self.shared.checked_sub(bytes as u64).ok_or(MANY)?;
        self.take(bytes)
    }

    /// Takes bytes, before there is memory for them.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Flaw> {
        self.used = self.used.saturating_add(bytes as u64);
        if self.used > self.limit {
            return Err(Flaw::Large { size: self.used, limit: self.limit });
        }
        Ok(())
    }
}

/// A file that gives its rows in batches.
pub(super) trait Batches: Send {
    /// Checks that columns can be read.
    fn select(&mut self, columns: &[usize]) -> Result<(), Error>;

    /// Puts the next rows into the selected ones of `columns`, which come empty; 0 at the end.
    fn next(&mut self, selected: &[usize], columns: &mut [Column], allowance: &mut Allowance) -> Result<usize, Error>;

    /// The same file from its beginning, if it is worth reading again for each column.
    fn again(&self) -> Option<Box<dyn Batches>>;

    /// Bytes of the file used so far.
    fn bytes_read(&self) -> u64;
}

/// Whole numbers, and the same as floats.
type WithFloats = (Arc<Vec<i64>>, Arc<Vec<f64>>);

/// A table being read.
pub(crate) struct ColumnarTable {
    batches: Box<dyn Batches>,
    at: Location,
    header: Vec<String>,
    selected: Vec<usize>,
    columns: Vec<Column>,
    /// Rows of the batch.
    rows: usize,
    /// The row within the batch that comes next.
    next: usize,
    /// Rows of earlier batches.
    before: u64,
    /// Bytes of the file, and the rows that it claims.
    size: u64,
    claimed: u64,
    allowance: Allowance,
    /// The list of weights that was met last, and its numbers.
    weights: Option<WithFloats>,
}

impl ColumnarTable {
    /// A table of these columns; `rows` is what the file claims.
    pub(super) fn new(path: &Path, header: Vec<String>, rows: u64, limits: &Limits, batches: Box<dyn Batches>) -> Self {
        let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        Self {
            batches,
            at: Location::file(path),
            columns: header.iter().map(|_| Column::default()).collect(),
            header,
            selected: Vec::new(),
            rows: 0,
            next: 0,
            before: 0,
            size,
            claimed: rows,
            allowance: Allowance::new(limits, size),
            weights: None,
        }
    }
}

impl Table for ColumnarTable {
    type Row<'a> = Row<'a>;
    const COUNTS_ROWS: bool = true;

    fn header(&self) -> &[String] {
        &self.header
    }

    fn location(&self) -> &Location {
        &self.at
    }

    fn select(&mut self, columns: &[usize]) -> Result<(), Error> {
        self.selected = columns.to_vec();
        self.selected.sort_unstable();
        self.selected.dedup();
        self.batches.select(&self.selected)
    }

    #[inline]
    fn next_row(&mut self) -> Result<Option<Row<'_>>, Error> {
        if !self.go_on()? {
            return Ok(None);
        }
        self.next += 1;
        Ok(Some(Row { table: self, row: self.next - 1 }))
    }

    fn each_plain(&mut self, columns: [usize; 3], _threads: usize, each: &mut Each<'_>) -> Result<bool, Error> {
        let take = |rows: &mut PlainRows| {
            let taken = self.go_on().map(|any| {
                if any {
                    self.take_plain(columns, rows);
                }
            });
            (self.batches.bytes_read(), taken)
        };
        ahead::in_turn(take, each)
    }

    /// A small file may claim any number of rows: which of the columns is damaged shows soon where rows come in turn.
    fn open_column(&self, column: usize) -> Option<Box<dyn OneColumn>> {
        // Of a weight, of one end, and a quarter of the other.
        const ROW: usize = size_of::<f64>() + size_of::<u32>() + 1;
        if self.rows_expected(ROW) as u64 != self.claimed {
            return None;
        }
        let batches = self.batches.again()?;
        // Both ends and the weight share what the file may inflate to.
        let allowance = Allowance { used: 0, limit: self.allowance.limit / 3, ..self.allowance };
        let columns = self.header.iter().map(|_| Column::default()).collect();
        let (at, header) = (self.at.clone(), self.header.clone());
        let mut table = Self {
            batches,
            at,
            header,
            selected: Vec::new(),
            columns,
            rows: 0,
            next: 0,
            before: 0,
            allowance,
            weights: None,
            ..*self
        };
        table.select(&[column]).ok()?;
        Some(Box::new(table))
    }

    fn bytes_read(&self) -> u64 {
        self.batches.bytes_read()
    }

    /// As many as the file claims, or half of that, or of that: room is doubled when rows turn out to be there.
    fn rows_expected(&self, bytes: usize) -> usize {
        let most = self.size.saturating_mul(4).saturating_add(FREE) / bytes.max(1) as u64;
        let mut expected = self.claimed;
        while expected > most {
            expected = expected.div_ceil(2);
        }
        usize::try_from(expected).unwrap_or(0)
    }
}

impl ColumnarTable {
    /// Takes the rows of the batch if they are plain.
    fn take_plain(&mut self, [pre, post, weight]: [usize; 3], rows: &mut PlainRows) {
        if !(self.is_whole(pre) && self.is_whole(post) && self.is_finite(weight)) {
            return;
        }
        self.take_whole(pre, &mut rows.pre);
        self.take_whole(post, &mut rows.post);
        self.take_finite(weight, &mut rows.weight);
        let first = self.before + self.next as u64;
        match u32::try_from(first + rows.len() as u64) {
            Ok(_) => rows.numbers.count(first as u32, rows.len()),
            Err(_) => (0..rows.len()).for_each(|_| rows.numbers.push(u32::MAX)),
        }
        self.next = self.rows;
    }

    /// Whether a column has nothing but whole numbers in this batch.
    fn is_whole(&self, column: usize) -> bool {
        let Column { values, null, .. } = &self.columns[column];
        null.is_empty() && matches!(values, Values::Int(_) | Values::Coded(..))
    }

    /// Whether a column has nothing but finite numbers in this batch.
    fn is_finite(&self, column: usize) -> bool {
        let Column { values, null, .. } = &self.columns[column];
        let finite = || matches!(values, Values::Float(all) if all[self.next..].iter().all(|value| value.is_finite()));
        self.is_whole(column) || (null.is_empty() && finite())
    }

    /// Hands whole numbers on.
    fn take_whole(&mut self, column: usize, numbers: &mut Numbers<i64>) {
        match &mut self.columns[column].values {
            Values::Int(values) => hand_on(values, self.next, &mut numbers.values),
            Values::Coded(codes, list) => {
                hand_on(codes, self.next, &mut numbers.codes);
                numbers.list = Some(list.clone());
            }
            Values::Large(_) | Values::Float(_) | Values::Text(_) => {}
        }
    }

    /// Hands finite numbers on.
    fn take_finite(&mut self, column: usize, numbers: &mut Numbers<f64>) {
        match &mut self.columns[column].values {
            Values::Int(values) => numbers.values.extend(values[self.next..].iter().map(|&value| value as f64)),
            Values::Float(values) => hand_on(values, self.next, &mut numbers.values),
            Values::Coded(codes, list) => {
                hand_on(codes, self.next, &mut numbers.codes);
                let known = self.weights.take().filter(|(known, _)| Arc::ptr_eq(known, list));
                let floats = |list: &[i64]| Arc::new(list.iter().map(|&value| value as f64).collect());
                let (_, floats) = self.weights.insert(known.unwrap_or_else(|| (list.clone(), floats(list))));
                numbers.list = Some(floats.clone());
            }
            Values::Large(_) | Values::Text(_) => {}
        }
    }

    /// Goes past the batch; its rows.
    fn pass(&mut self) -> usize {
        let rows = self.rows - self.next;
        self.next = self.rows;
        rows
    }

    /// Whether there is a row, which may be in the next batch.
    fn go_on(&mut self) -> Result<bool, Error> {
        if self.next == self.rows {
            self.before += self.rows as u64;
            for &column in &self.selected {
                self.columns[column].values.clear();
                self.columns[column].null.clear();
            }
            self.next = 0;
            self.rows = self.batches.next(&self.selected, &mut self.columns, &mut self.allowance)?;
            for i in 0..self.selected.len() {
                self.take_texts(self.selected[i])?;
            }
        }
        Ok(self.rows > 0)
    }

    /// A long text may stand in any number of rows at no cost to the file.
    fn take_texts(&mut self, column: usize) -> Result<(), Error> {
        let Column { values: Values::Text(codes), texts, .. } = &self.columns[column] else {
            return Ok(());
        };
        let bytes = codes.iter().map(|&code| texts.name(code).len()).sum();
        self.allowance.take(bytes).map_err(|flaw| flaw.at(self.at.key(format!("column {:?}", self.header[column]))))
    }
}

impl OneColumn for ColumnarTable {
    fn next_whole(&mut self, numbers: &mut Numbers<i64>) -> Option<usize> {
        let column = *self.selected.first()?;
        numbers.clear();
        if self.go_on().ok()? {
            self.is_whole(column).then(|| self.take_whole(column, numbers))?;
        }
        Some(self.pass())
    }

    fn next_finite(&mut self, numbers: &mut Numbers<f64>) -> Option<usize> {
        let column = *self.selected.first()?;
        numbers.clear();
        if self.go_on().ok()? {
            self.is_finite(column).then(|| self.take_finite(column, numbers))?;
        }
        Some(self.pass())
    }

    fn bytes_read(&self) -> u64 {
        self.batches.bytes_read()
    }
}

/// Hands on what stands from place `start` on: all there is, mostly.
fn hand_on<T: Copy>(from: &mut Vec<T>, start: usize, to: &mut Vec<T>) {
    debug_assert!(to.is_empty(), "rows are handed on among others");
    if start == 0 {
        std::mem::swap(from, to);
    } else {
        to.extend_from_slice(&from[start..]);
    }
}
