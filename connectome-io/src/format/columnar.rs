//! Tables with typed columns: rows of [`super::parquet`] and [`super::feather`] for the readers of tables.

pub(super) mod codec;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use crate::error::excerpt;
use crate::labels::LabelsBuilder;
use crate::options::Limits;
use crate::source::RAISE_INFLATED;
use crate::tables::{Cells, Each, PlainRows, RowEnds, SignRule, Table};
use crate::{Error, Location, Sign};

/// Rows that are unpacked at a time.
pub(super) const BATCH: usize = 1 << 13;

/// Bytes that a file of any size may ask for.
const FREE: u64 = 8 << 20;

/// Plain rows that are handed on at a time.
const PLAIN: usize = 1 << 11;

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
}

impl Allowance {
    /// What limits and the size of a file allow.
    pub(super) fn new(limits: &Limits, size: u64) -> Self {
        Self { used: 0, limit: limits.inflated.max(size.saturating_mul(1024)) }
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

/// A column of a batch.
#[derive(Default)]
pub(super) struct Column {
    pub(super) values: Values,
    /// Whether a row has no value; empty if all rows have one.
    pub(super) null: Vec<bool>,
    /// The distinct texts of all batches so far.
    pub(super) texts: LabelsBuilder,
}

/// Values of a column, one per row; those of rows without value mean nothing.
pub(super) enum Values {
    Int(Vec<i64>),
    /// Places in a list of whole numbers, all of them in the list unless the row has no value.
    Coded(Vec<u32>, Arc<Vec<i64>>),
    /// Unsigned numbers of 64 bits.
    Large(Vec<u64>),
    Float(Vec<f64>),
    /// Codes of texts.
    Text(Vec<u32>),
}

impl Default for Values {
    fn default() -> Self {
        Self::Int(Vec::new())
    }
}

impl Values {
    /// Values.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Int(values) => values.len(),
            Self::Large(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Text(codes) | Self::Coded(codes, _) => codes.len(),
        }
    }

    /// Whole numbers, added to one by one.
    pub(super) fn as_int(&mut self) -> Option<&mut Vec<i64>> {
        if let Self::Coded(codes, list) = self {
            *self = Self::Int(codes.iter().map(|&code| number_of(list, code)).collect());
        }
        if let Self::Int(values) = self { Some(values) } else { None }
    }

    /// Forgets all values.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Int(values) => values.clear(),
            Self::Large(values) => values.clear(),
            Self::Float(values) => values.clear(),
            Self::Text(codes) => codes.clear(),
            // and lets go of the list
            Self::Coded(..) => *self = Self::Int(Vec::new()),
        }
    }

    /// Moves the values from `start` on apart, so that each stands in the row that `present` marks.
    pub(super) fn spread(&mut self, start: usize, present: &[bool]) {
        fn spread<T: Copy + Default>(values: &mut Vec<T>, start: usize, present: &[bool]) {
            let mut from = values.len();
            values.resize(start + present.len(), T::default());
            for (row, _) in present.iter().enumerate().rev().filter(|(_, present)| **present) {
                from -= 1;
                values[start + row] = values[from];
            }
        }
        match self {
            Self::Int(values) => spread(values, start, present),
            Self::Large(values) => spread(values, start, present),
            Self::Float(values) => spread(values, start, present),
            Self::Text(codes) | Self::Coded(codes, _) => spread(codes, start, present),
        }
    }
}

/// What a code stands for; anything for that of a row without value.
fn number_of(list: &[i64], code: u32) -> i64 {
    list.get(code as usize).copied().unwrap_or_default()
}

/// A file that gives its rows in batches.
pub(super) trait Batches {
    /// Checks that columns can be read.
    fn select(&mut self, columns: &[usize]) -> Result<(), Error>;

    /// Puts the next rows into the selected ones of `columns`, which come empty; 0 at the end.
    fn next(&mut self, selected: &[usize], columns: &mut [Column], allowance: &mut Allowance) -> Result<usize, Error>;

    /// Bytes of the file used so far.
    fn bytes_read(&self) -> u64;
}

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
        let mut rows = PlainRows::default();
        let mut any = false;
        while self.go_on()? && self.take_plain(columns, &mut rows) {
            each(&mut rows, self.batches.bytes_read())?;
            any = true;
        }
        Ok(any)
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
    /// Takes rows of the batch if they are plain.
    fn take_plain(&mut self, columns: [usize; 3], rows: &mut PlainRows) -> bool {
        let taken = self.next..self.rows.min(self.next + PLAIN);
        let [pre, post, weight] = columns.map(|column| &self.columns[column]);
        if !(pre.null.is_empty() && post.null.is_empty() && weight.null.is_empty()) {
            return false;
        }
        let is_whole = |values: &Values| matches!(values, Values::Int(_) | Values::Coded(..));
        if !(is_whole(&pre.values) && is_whole(&post.values)) {
            return false;
        }
        match &weight.values {
            Values::Int(values) => rows.weight.extend(values[taken.clone()].iter().map(|&weight| weight as f64)),
            Values::Coded(codes, list) => {
                rows.weight.extend(codes[taken.clone()].iter().map(|&code| number_of(list, code) as f64));
            }
            Values::Float(values) if values[taken.clone()].iter().all(|weight| weight.is_finite()) => {
                rows.weight.extend_from_slice(&values[taken.clone()]);
            }
            _ => return false,
        }
        let extend = |ends: &mut RowEnds, values: &Values| match values {
            Values::Int(values) => ends.extend(&values[taken.clone()]),
            Values::Coded(codes, list) => ends.extend_coded(&codes[taken.clone()], list),
            _ => {}
        };
        extend(&mut rows.pre, &pre.values);
        extend(&mut rows.post, &post.values);
        let number = |row: usize| u32::try_from(self.before + row as u64).unwrap_or(u32::MAX);
        rows.numbers.extend(taken.clone().map(number));
        self.next = taken.end;
        true
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

/// A row of a table.
pub(crate) struct Row<'a> {
    table: &'a ColumnarTable,
    row: usize,
}

impl Row<'_> {
    #[inline]
    fn column(&self, column: usize) -> Option<&Column> {
        let column = &self.table.columns[column];
        let null = !column.null.is_empty() && column.null[self.row];
        (!null).then_some(column)
    }
}

impl Cells for Row<'_> {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        let Some(column) = self.column(column) else {
            return Cow::Borrowed(b"");
        };
        let row = self.row;
        match &column.values {
            Values::Int(values) => Cow::Owned(values[row].to_string().into_bytes()),
            Values::Coded(codes, list) => Cow::Owned(number_of(list, codes[row]).to_string().into_bytes()),
            Values::Large(values) => Cow::Owned(values[row].to_string().into_bytes()),
            Values::Float(values) => Cow::Owned(values[row].to_string().into_bytes()),
            Values::Text(codes) => Cow::Borrowed(column.texts.name(codes[row]).as_bytes()),
        }
    }

    fn text(&self, column: usize) -> Result<Cow<'_, str>, Error> {
        if let Some(column) = self.column(column)
            && let Values::Text(codes) = &column.values
        {
            return Ok(Cow::Borrowed(column.texts.name(codes[self.row])));
        }
        Ok(Cow::Owned(String::from_utf8_lossy(&self.bytes(column)).into_owned()))
    }

    #[inline]
    fn integer(&self, column: usize, wanted: &'static str) -> Result<i64, Error> {
        // Beyond 2^53 a float is not the number that was meant.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let row = self.row;
        let value = self.column(column).and_then(|column| match &column.values {
            Values::Int(values) => Some(values[row]),
            Values::Coded(codes, list) => Some(number_of(list, codes[row])),
            Values::Large(values) => i64::try_from(values[row]).ok(),
            Values::Float(values) => {
                Some(values[row]).filter(|value| value.fract() == 0.0 && value.abs() < EXACT).map(|value| value as i64)
            }
            Values::Text(codes) => super::csv_tables::parse_i64(column.texts.name(codes[row]).as_bytes()),
        });
        value.ok_or_else(|| Error::BadNumber { at: self.at(column), text: self.lossy(column), wanted })
    }

    #[inline]
    fn number(&self, column: usize, what: &'static str) -> Result<f64, Error> {
        let row = self.row;
        let value = self.column(column).and_then(|column| match &column.values {
            Values::Int(values) => Some(values[row] as f64),
            Values::Coded(codes, list) => Some(number_of(list, codes[row]) as f64),
            Values::Large(values) => Some(values[row] as f64),
            Values::Float(values) => Some(values[row]),
            Values::Text(codes) => super::csv_tables::parse_f64(column.texts.name(codes[row]).as_bytes()),
        });
        match value {
            Some(value) if value.is_finite() => Ok(value),
            Some(value) => Err(Error::NotFinite { at: self.at(column), what, value }),
            None => Err(Error::BadNumber { at: self.at(column), text: self.lossy(column), wanted: what }),
        }
    }

    fn sign(&self, column: usize, rule: SignRule) -> Result<Sign, Error> {
        let number = self.column(column).and_then(|column| match &column.values {
            Values::Int(values) => Some(values[self.row]),
            Values::Coded(codes, list) => Some(number_of(list, codes[self.row])),
            _ => None,
        });
        if rule == SignRule::Polarity
            && let Some(sign) = number.and_then(|n| i8::try_from(n).ok()).and_then(Sign::from_value)
        {
            return Ok(sign);
        }
        crate::tables::sign_of_cell(self, column, rule)
    }

    fn lossy(&self, column: usize) -> String {
        match self.column(column) {
            Some(_) => excerpt(&self.bytes(column)),
            None => "null".to_owned(),
        }
    }

    fn number_of_row(&self) -> u64 {
        self.table.before + self.row as u64
    }

    fn at(&self, column: usize) -> Box<Location> {
        self.table.at.key(format!("row {}, column {:?}", self.number_of_row(), self.table.header[column]))
    }
}

/// Which numbers a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_numbers() {
        let mut values = Values::Coded(vec![1, 0, 1, 9], Arc::new(vec![-5, 7]));
        // the last one is of a row without value
        assert_eq!((values.len(), values.as_int().cloned()), (4, Some(vec![7, -5, 7, 0])));
        assert!(matches!(values, Values::Int(_)) && Values::Text(vec![0]).as_int().is_none());
    }

    #[test]
    fn values_move_to_their_rows() {
        let mut values = Values::Int(vec![9, 1, 2, 3]);
        values.spread(1, &[false, true, false, true, true, false]);
        let Values::Int(values) = values else { unreachable!("the kind stays") };
        assert_eq!((values.len(), values[0], values[2], values[4], values[5]), (7, 9, 1, 2, 3));
    }
}
