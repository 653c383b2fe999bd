//! Matrices of numbers as text, `.csv`, with or without a line of names and a column of names.

use std::path::Path;

use super::csv_tables::{CsvTable, parse_f64};
use crate::error::excerpt;
use crate::memory::with_room;
use crate::options::Limits;
use crate::tables::{Cells, Table};
use crate::{Array, Error};

/// A matrix and the names that its header gives to the columns.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedMatrix {
    /// Elements `[rows, columns]`, f64.
    pub array: Array,
    /// Names of the columns, if the first line holds names.
    pub columns: Option<Vec<String>>,
}

/// Reads a matrix. The first line is one of names if any of its cells is no number; a first column whose name is empty,
/// as pandas writes its index, is dropped.
///
/// # Errors
/// [`Error::BadNumber`] for text among numbers, [`Error::Malformed`] for lines of unequal length, [`Error::Empty`],
/// [`Error::TooLarge`], [`Error::Io`].
pub fn read(path: impl AsRef<Path>, limits: &Limits) -> Result<NamedMatrix, Error> {
    let path = path.as_ref();
    let mut table = CsvTable::open(path, limits)?;
    let first = table.header().to_vec();
    let numbers: Vec<Option<f64>> = first.iter().map(|cell| parse_f64(cell.as_bytes())).collect();
    let skip = usize::from(first[0].is_empty());
    let named = numbers[skip..].iter().any(Option::is_none) || skip == 1;
    let width = first.len() - skip;
    let rows = match table.rows_expected(size_of::<f64>() * first.len()) {
        0 => count_rows(path, limits),
        rows => rows,
    };
    let mut data: Vec<f64> = with_room(width.saturating_mul(1 + rows));
    data.extend(numbers.into_iter().flatten().filter(|_| !named));
    let mut height = usize::from(!named);
    while let Some(row) = table.next_row()? {
        for (column, cell) in row.cells().enumerate().skip(skip) {
            let value = parse_f64(cell).ok_or_else(|| Error::BadNumber {
                at: row.at(column),
                text: excerpt(cell),
                wanted: "number",
            })?;
            data.push(value);
        }
        height += 1;
    }
    if height == 0 || width == 0 {
        return Err(Error::Empty { at: table.location().boxed(), what: "numbers" });
    }
    let columns = named.then(|| first[skip..].to_vec());
    Ok(NamedMatrix { array: Array::new(vec![height, width], data)?, columns })
}

/// Rows up to the end or the first that is damaged, of a file that can be read twice. Where text is compressed nobody knows
/// its length, and numbers that have to be moved to make room take twice as much.
fn count_rows(path: &Path, limits: &Limits) -> usize {
    let mut rows = 0;
    if path.is_file()
        && let Ok(mut table) = CsvTable::open(path, limits)
    {
        while let Ok(Some(_)) = table.next_row() {
            rows += 1;
        }
    }
    rows
}
