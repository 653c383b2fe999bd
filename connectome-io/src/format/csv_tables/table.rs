//! Rows of a delimited text file, byte by byte.

use std::io::{Chain, Cursor, Read};
use std::path::Path;

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use crate::format::npy::read_up_to;
use crate::options::Limits;
use crate::source::{Source, explain};
use crate::{Error, Location};

/// A table being read.
pub(crate) struct Table {
    reader: Reader<Chain<Cursor<Vec<u8>>, Source>>,
    at: Location,
    header: Vec<String>,
    record: ByteRecord,
}

/// A row of a table.
pub(crate) struct Row<'a> {
    record: &'a ByteRecord,
    header: &'a [String],
    at: &'a Location,
}

impl Table {
    /// Opens a table and reads its first line. The delimiter is a tab if the first line has one and no comma, and a single
    /// blank, as `numpy.savetxt` writes it, if it has neither and is all numbers.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let (head, _) = Source::peek(path, limits, 64 << 10)?;
        let line = head.split(|&b| b == b'\n').next().unwrap_or_default();
        let delimiter = delimiter_of(line);
        let source = Source::open(path, limits)?;
        let at = source.at.clone();
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .delimiter(delimiter)
            .buffer_capacity(256 << 10)
            .from_reader(without_bom(source)?);
        let mut record = ByteRecord::new();
        if !reader.read_byte_record(&mut record).map_err(|e| explain_csv(&at, e))? {
            return Err(Error::Empty { at: at.boxed(), what: "header" });
        }
        let mut header = Vec::with_capacity(record.len());
        for cell in &record {
            let text = std::str::from_utf8(cell)
                .map_err(|_| Error::Malformed { at: at.line(1), problem: "the header is no UTF-8 text".to_owned() })?;
            header.push(text.trim().to_owned());
        }
        Ok(Self { reader, at, header, record })
    }

    /// Cells of the first line.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// The file.
    pub(crate) fn location(&self) -> &Location {
        &self.at
    }

    /// The next row; all rows have as many cells as the first line.
    pub(crate) fn next_row(&mut self) -> Result<Option<Row<'_>>, Error> {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => Ok(Some(Row { record: &self.record, header: &self.header, at: &self.at })),
            Ok(false) => Ok(None),
            Err(e) => Err(explain_csv(&self.at, e)),
        }
    }
}

/// Drops a byte order mark, which would hide the quotes of the first cell from the parser.
pub(crate) fn without_bom(mut source: Source) -> Result<Chain<Cursor<Vec<u8>>, Source>, Error> {
    let mut head = vec![0; 3];
    let n = read_up_to(&mut source, &mut head).map_err(|e| source.explain(e))?;
    head.truncate(if head == b"\xef\xbb\xbf" { 0 } else { n });
    Ok(Cursor::new(head).chain(source))
}

fn delimiter_of(line: &[u8]) -> u8 {
    if line.contains(&b',') {
        return b',';
    }
    if line.contains(&b'\t') {
        return b'\t';
    }
    let mut cells = line.trim_ascii_end().split(|&b| b == b' ');
    if line.contains(&b' ') && cells.all(|cell| parse_f64(cell).is_some()) { b' ' } else { b',' }
}

impl<'a> Row<'a> {
    /// The cell of a column.
    pub(crate) fn get(&self, column: usize) -> &'a [u8] {
        &self.record[column]
    }

    /// All cells.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &'a [u8]> {
        self.record.iter()
    }

    /// The cell of a column as text.
    pub(crate) fn text(&self, column: usize) -> Result<&'a str, Error> {
        std::str::from_utf8(self.get(column)).map_err(|_| Error::Malformed {
            at: self.at(column),
            problem: format!("{:?} is no UTF-8 text", String::from_utf8_lossy(self.get(column))),
        })
    }

    /// The cell of a column for a message.
    pub(crate) fn lossy(&self, column: usize) -> String {
        String::from_utf8_lossy(self.get(column)).into_owned()
    }

    /// The whole number in a cell.
    pub(crate) fn integer(&self, column: usize, wanted: &'static str) -> Result<i64, Error> {
        parse_i64(self.get(column)).ok_or_else(|| Error::BadNumber {
            at: self.at(column),
            text: self.lossy(column),
            wanted,
        })
    }

    /// The finite number in a cell.
    pub(crate) fn number(&self, column: usize, what: &'static str) -> Result<f64, Error> {
        match parse_f64(self.get(column)) {
            Some(value) if value.is_finite() => Ok(value),
            Some(value) => Err(Error::NotFinite { at: self.at(column), what, value }),
            None => Err(Error::BadNumber { at: self.at(column), text: self.lossy(column), wanted: what }),
        }
    }

    /// Line in the file, counted from 1.
    pub(crate) fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    /// Where a cell stands.
    pub(crate) fn at(&self, column: usize) -> Box<Location> {
        self.at.cell(self.line(), &self.header[column])
    }
}

/// Says what is wrong with a line.
pub(crate) fn explain_csv(at: &Location, error: csv::Error) -> Error {
    let place = error.position().map_or_else(|| at.boxed(), |position| at.line(position.line()));
    match error.into_kind() {
        ErrorKind::Io(error) => explain(at, error),
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            Error::Malformed { at: place, problem: format!("{len} cells, the header has {expected_len}") }
        }
        other => Error::Malformed { at: place, problem: format!("{other:?}") },
    }
}

/// A whole number of 64 bits, exact, with spaces around it; `None` for anything else, fractions included.
pub(crate) fn parse_i64(cell: &[u8]) -> Option<i64> {
    let cell = cell.trim_ascii();
    let (negative, digits) = match cell.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, cell),
    };
    if digits.is_empty() {
        return None;
    }
    // Downwards, since i64 reaches one further there.
    let value = digits.iter().try_fold(0i64, |value, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_sub(i64::from(digit))
    })?;
    if negative { Some(value) } else { value.checked_neg() }
}

/// A number, NaN and infinity included, with spaces around it.
pub(crate) fn parse_f64(cell: &[u8]) -> Option<f64> {
    let cell = cell.trim_ascii();
    // Counts, the usual case: integers below 2^53 are exact.
    if !cell.is_empty() && cell.len() <= 15 && cell.iter().all(u8::is_ascii_digit) {
        return Some(cell.iter().fold(0u64, |value, &digit| 10 * value + u64::from(digit - b'0')) as f64);
    }
    std::str::from_utf8(cell).ok()?.parse().ok()
}
