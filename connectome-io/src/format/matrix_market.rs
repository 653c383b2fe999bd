//! Matrices as text, `.mtx`: Matrix Market, which `scipy.io`, MATLAB and SuiteSparse exchange.
//!
//! | read | as |
//! | --- | --- |
//! | `coordinate` | one `row column value` per line, counted from 1; entries that are zero are kept |
//! | `array` | one value per line, column by column |
//! | `real`, `double`, `integer`, `unsigned-integer` | weights; integers beyond 2^53 are rounded in a connectome, never in an array |
//! | `pattern` | weight 1 |
//! | `general`, `symmetric`, `skew-symmetric` | of the last two one triangle is stored, the other is added behind it |
//! | `complex`, `hermitian`, objects other than `matrix` | refused |
//!
//! Blank lines and comments (`%`) may stand anywhere after the first line. A connectome is a square matrix
//! `[post, pre]`; [`ReadOptions::rows`] says otherwise, and [`ReadOptions::duplicates`] what becomes of entries that stand
//! twice. Source: Boisvert, Pozo, Remington, *The Matrix Market Exchange Formats*, NISTIR 5935 (1996).

mod header;
mod lines;
mod writer;

use std::path::Path;

use super::csv_tables::{parse_f64, parse_i64};
use super::matrix::{assemble, check_plausible, from_array_at, side};
use crate::edges::Edges;
use crate::options::{Limits, ReadOptions};
use crate::source::Source;
use crate::{Array, ArrayData, Connectome, Error};

use header::{Field, Header, Layout, Symmetry};
use lines::{Line, Lines};

pub use writer::{write, write_array};

/// First bytes of every file; capitals do not matter.
pub(crate) const BANNER: &[u8] = b"%%MatrixMarket";

/// Reads a connectivity matrix.
///
/// # Errors
/// [`Error::Unsupported`] for complex matrices; [`Error::NotSquare`]; [`Error::BadNumber`], [`Error::BadValue`] (an index
/// out of range), [`Error::NotFinite`] with line and character; [`Error::Truncated`] and [`Error::Malformed`] for too few
/// and too many entries; [`Error::DuplicateSynapse`], [`Error::Empty`], [`Error::TooLarge`], [`Error::Io`].
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let mut lines = Lines::new(Source::open(path.as_ref(), &options.limits)?);
    let header = Header::read(&mut lines)?;
    let at = lines.at().clone();
    let n = side(&[header.rows, header.columns], &at)?;
    match header.layout {
        Layout::Array => from_array_at(&read_values(&mut lines, &header)?, None, options, &at),
        Layout::Coordinate => {
            let entries = read_entries(&mut lines, &header, n)?;
            check_plausible(n, entries.rows.len(), options, &at)?;
            let Entries { rows, columns, weight, lines } = entries;
            assemble(rows, columns, Edges { weight, lines: lines.into(), ..Edges::default() }, n, None, options, &at)
        }
    }
}

/// Reads a matrix of the layout `array`, square or not: `[rows, columns]` of f64, or of i64 if the file says `integer`.
///
/// # Errors
/// As [`read`]; [`Error::Unsupported`] for the layout `coordinate`, whose matrix may be larger than the memory.
pub fn read_array(path: impl AsRef<Path>, limits: &Limits) -> Result<Array, Error> {
    let mut lines = Lines::new(Source::open(path.as_ref(), limits)?);
    let header = Header::read(&mut lines)?;
    if header.layout == Layout::Coordinate {
        let what = "a sparse matrix as an array".to_owned();
        let remedy = "read it as a connectome, or store it in the layout array";
        return Err(Error::Unsupported { at: lines.at().boxed(), what, remedy });
    }
    read_values(&mut lines, &header)
}

/// Entries of a sparse matrix.
#[derive(Default)]
struct Entries {
    rows: Vec<u32>,
    columns: Vec<u32>,
    weight: Vec<f64>,
    /// Line of each entry.
    lines: Vec<u32>,
}

/// Reads the entries of a matrix of side `n`, both triangles.
fn read_entries(lines: &mut Lines, header: &Header, n: usize) -> Result<Entries, Error> {
    let mut entries = Entries::default();
    let pattern = header.field == Field::Pattern;
    // "1 1\n" and "1 1 1\n" are the shortest; the count in the header is believed no further than the file can hold.
    let shortest = if pattern { 4 } else { 6 };
    let capacity = lines.remaining().map_or(0, |bytes| header.stored.min(bytes / shortest + 1)) as usize;
    entries.rows.reserve_exact(capacity);
    entries.columns.reserve_exact(capacity);
    entries.lines.reserve_exact(capacity);
    entries.weight.reserve_exact(if pattern { 0 } else { capacity });
    let mut done = 0;
    while let Some(mut line) = lines.next()? {
        if done == header.stored {
            return Err(line.malformed(format!("an entry after the {} of the size line", header.stored)));
        }
        let row = index(&mut line, n, "row of the matrix")?;
        let column = index(&mut line, n, "column of the matrix")?;
        if header.symmetry == Symmetry::Skew && row == column {
            return Err(line.malformed("an entry on the diagonal of a skew-symmetric matrix".to_owned()));
        }
        if !pattern {
            entries.weight.push(weight(&mut line, header.field)?);
        }
        line.end()?;
        entries.rows.push(row);
        entries.columns.push(column);
        entries.lines.push(u32::try_from(line.number).unwrap_or(u32::MAX));
        done += 1;
    }
    check_count(lines, header, done)?;
    if pattern {
        entries.weight = vec![1.0; entries.rows.len()];
    }
    if header.symmetry != Symmetry::General {
        entries.mirror(if header.symmetry == Symmetry::Skew { -1.0 } else { 1.0 });
    }
    Ok(entries)
}

impl Entries {
    /// Adds the other triangle, with weights times `factor`.
    fn mirror(&mut self, factor: f64) {
        for entry in 0..self.rows.len() {
            let (row, column) = (self.rows[entry], self.columns[entry]);
            if row != column {
                self.rows.push(column);
                self.columns.push(row);
                self.weight.push(factor * self.weight[entry]);
                self.lines.push(self.lines[entry]);
            }
        }
    }
}

/// Reads the values of a dense matrix.
fn read_values(lines: &mut Lines, header: &Header) -> Result<Array, Error> {
    let at = lines.at().clone();
    let size = |n: u64| usize::try_from(n).ok();
    let overflow = || Error::Overflow {
        at: at.boxed(),
        what: "size of shape",
        text: format!("{:?}", [header.rows, header.columns]),
    };
    let shape = [size(header.rows).ok_or_else(overflow)?, size(header.columns).ok_or_else(overflow)?];
    if let Some(bytes) = lines.remaining()
        && header.stored > bytes / 2 + 1
    {
        let needed = header.stored.saturating_mul(2) - 1;
        return Err(Error::Truncated { at: at.boxed(), what: "the matrix", needed, available: bytes });
    }
    let capacity = lines.remaining().map_or(0, |_| header.stored) as usize;
    let data = if header.field.is_integer() {
        let values = values(lines, header, capacity, |line| {
            let (cell, place) = line.token("value")?;
            parse_i64(cell).ok_or_else(|| line.bad_number(cell, place, "whole number of 64 bits"))
        })?;
        ArrayData::from(unfold(values, shape, header.symmetry, i64::wrapping_neg))
    } else {
        let values = values(lines, header, capacity, |line| weight(line, header.field))?;
        ArrayData::from(unfold(values, shape, header.symmetry, |value: f64| -value))
    };
    Ok(Array::new(vec![shape[1], shape[0]], data)?.transpose())
}

/// The values that are stored, one per line.
fn values<T>(
    lines: &mut Lines,
    header: &Header,
    capacity: usize,
    mut parse: impl FnMut(&mut Line<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut values = Vec::with_capacity(capacity);
    while let Some(mut line) = lines.next()? {
        if values.len() as u64 == header.stored {
            return Err(line.malformed(format!("a value after the {} of the matrix", header.stored)));
        }
        values.push(parse(&mut line)?);
        line.end()?;
    }
    check_count(lines, header, values.len() as u64)?;
    Ok(values)
}

/// Both triangles, column by column, of values of which one is stored.
fn unfold<T: Copy + Default>(
    values: Vec<T>,
    [rows, columns]: [usize; 2],
    symmetry: Symmetry,
    negate: impl Fn(T) -> T,
) -> Vec<T> {
    let first = match symmetry {
        Symmetry::General => return values,
        Symmetry::Symmetric => 0,
        Symmetry::Skew => 1,
    };
    let mut full = vec![T::default(); rows * columns];
    let mut values = values.into_iter();
    for column in 0..columns {
        for (row, value) in (column + first..rows).zip(&mut values) {
            full[column * rows + row] = value;
            full[row * rows + column] = if symmetry == Symmetry::Skew { negate(value) } else { value };
        }
    }
    full
}

/// Refuses a file with fewer entries than it states.
fn check_count(lines: &Lines, header: &Header, done: u64) -> Result<(), Error> {
    if done == header.stored {
        return Ok(());
    }
    let problem = format!("the file ends after {done} entries, its size line states {}", header.stored);
    Err(Error::Malformed { at: lines.at().line(lines.number()), problem })
}

/// An index, from 1 in the file and from 0 in memory.
fn index(line: &mut Line<'_>, n: usize, what: &'static str) -> Result<u32, Error> {
    let (cell, place) = line.token("index")?;
    let parsed = parse_i64(cell).ok_or_else(|| line.bad_number(cell, place, "index (whole number from 1)"))?;
    if parsed < 1 || parsed as u64 > n as u64 {
        let text = format!("{parsed} of {n}");
        let allowed = "1 to the number of rows that the size line states";
        return Err(Error::BadValue { at: line.place(place), what, text, allowed });
    }
    Ok((parsed - 1) as u32)
}

/// A finite value.
fn weight(line: &mut Line<'_>, field: Field) -> Result<f64, Error> {
    let (cell, place) = line.token("value")?;
    if field.is_integer()
        && !cell.iter().enumerate().all(|(i, &b)| b.is_ascii_digit() || (i == 0 && b"+-".contains(&b)))
    {
        return Err(line.bad_number(cell, place, "whole number, as the first line says"));
    }
    match parse_f64(cell) {
        Some(value) if value.is_finite() => Ok(value),
        Some(value) => Err(Error::NotFinite { at: line.place(place), what: "weight", value }),
        None => Err(line.bad_number(cell, place, "number")),
    }
}
