//! The cells of a file, and the table that they are.

use std::io::{self, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use super::{Area, AreaTable, OLD_SIZES, SIZES, check_name, check_size};
use crate::error::excerpt;
use crate::format::csv_tables::{MAX_CELLS, explain_csv, parse_f64, without_bom};
use crate::options::Limits;
use crate::source::Source;
use crate::{Error, Location};

/// Bytes of the text; tables of areas are a thousandth of it.
const LARGEST: usize = 64 << 20;

/// The cells of a file, all lines of one length.
pub(super) struct Rows {
    at: Location,
    header: Vec<String>,
    /// Line of the header.
    header_line: u64,
    /// Where each cell ends in `text`.
    ends: Vec<u32>,
    text: Vec<u8>,
    /// Line of each row.
    lines: Vec<u64>,
}

/// Text of at most [`LARGEST`] bytes, whose lines have at most [`MAX_CELLS`] cells, commas in quotes counted too. Empty lines before the
/// first one are left out, for the reader would count that as the first.
struct Narrow<R> {
    inner: R,
    bytes: usize,
    /// Lines that were left out; none more once there is text.
    skipped: u64,
    has_text: bool,
    /// Commas of the line so far.
    cells: usize,
}

impl<R: Read> Read for Narrow<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut n = self.inner.read(buffer)?;
        self.bytes += n;
        while n > 0 && !self.has_text {
            let empty = buffer[..n].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            self.skipped += buffer[..empty].iter().filter(|&&byte| byte == b'\n').count() as u64;
            self.has_text = empty < n;
            buffer.copy_within(empty..n, 0);
            n -= empty;
            if !self.has_text && self.bytes <= LARGEST {
                n = self.inner.read(buffer)?;
                self.bytes += n;
            }
        }
        if self.bytes > LARGEST {
            return Err(io::Error::other("too many bytes"));
        }
        for &byte in &buffer[..n] {
            match byte {
                b',' => self.cells += 1,
                b'\n' | b'\r' => self.cells = 0,
                _ => {}
            }
            if self.cells > MAX_CELLS {
                return Err(io::Error::other("too many cells"));
            }
        }
        Ok(n)
    }
}

impl Rows {
    pub(super) fn read(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let source = Source::open(path, limits)?;
        let at = source.at.clone();
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(Narrow {
            inner: without_bom(source)?,
            bytes: 0,
            skipped: 0,
            has_text: false,
            cells: 0,
        });
        let mut rows =
            Self { at, header: Vec::new(), header_line: 1, ends: Vec::new(), text: Vec::new(), lines: Vec::new() };
        let mut record = ByteRecord::new();
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(rows),
                Err(_) if reader.get_ref().cells > MAX_CELLS => {
                    return Err(Error::Unsupported {
                        at: rows.at.boxed(),
                        what: format!("a line of more than {MAX_CELLS} cells"),
                        remedy: "a network of as many areas cannot be built; is this the right file?",
                    });
                }
                Err(_) if reader.get_ref().bytes > LARGEST => {
                    return Err(Error::TooLarge {
                        at: rows.at.boxed(),
                        what: "the table of areas",
                        size: reader.get_ref().bytes as u64,
                        limit: LARGEST as u64,
                        remedy: "a network of as many areas cannot be built; is this the right file?",
                    });
                }
                Err(error) => return Err(explain_csv(&rows.at, error)),
            }
            let line = reader.get_ref().skipped + record.position().map_or(0, csv::Position::line);
            if record.len() == 1 && record[0].trim_ascii().is_empty() {
                continue;
            }
            if rows.header.is_empty() {
                rows.read_header(&record, line)?;
                continue;
            }
            if record.len() != rows.header.len() {
                let problem = format!("{} cells, the header has {}", record.len(), rows.header.len());
                return Err(Error::Malformed { at: rows.at.line(line), problem });
            }
            for cell in &record {
                rows.text.extend_from_slice(cell);
                rows.ends.push(rows.text.len() as u32);
            }
            rows.lines.push(line);
        }
    }

    fn read_header(&mut self, record: &ByteRecord, line: u64) -> Result<(), Error> {
        for cell in record {
            let text = std::str::from_utf8(cell).map_err(|_| Error::Malformed {
                at: self.at.line(line),
                problem: "the header is no UTF-8 text".to_owned(),
            })?;
            self.header.push(text.to_owned());
        }
        self.header_line = line;
        Ok(())
    }

    /// A cell, by row and column.
    fn cell(&self, row: usize, column: usize) -> &[u8] {
        let i = row * self.header.len() + column;
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        self.text[start as usize..self.ends[i] as usize].trim_ascii()
    }

    fn place(&self, row: usize, column: usize) -> Box<Location> {
        self.at.cell(self.lines[row], &self.header[column])
    }

    /// The number in a cell; infinities and NaN are none.
    fn number(&self, row: usize, column: usize, wanted: &'static str) -> Result<f64, Error> {
        let cell = self.cell(row, column);
        match parse_f64(cell) {
            Some(value) if value.is_finite() => Ok(value),
            Some(value) => Err(Error::NotFinite { at: self.place(row, column), what: wanted, value }),
            None => {
                let text = excerpt(cell);
                Err(Error::BadNumber { at: self.place(row, column), text, wanted })
            }
        }
    }

    /// A connection.
    fn weight(&self, row: usize, column: usize) -> Result<f64, Error> {
        match self.cell(row, column) {
            b"True" | b"TRUE" | b"true" => Ok(1.0),
            b"False" | b"FALSE" | b"false" => Ok(0.0),
            _ => self.number(row, column, "connection (number, True or False)"),
        }
    }

    /// Checks everything, in the order in which [`AreaTable::read`] lists it.
    pub(super) fn into_table(self) -> Result<AreaTable, Error> {
        let n = self.lines.len();
        if n == 0 {
            return Err(Error::Empty { at: self.at.boxed(), what: "rows" });
        }
        let sizes = self.size_columns()?;
        if self.header.len() < n + SIZES.len() {
            return Err(Error::LengthMismatch {
                at: self.at.line(self.header_line),
                what: "the header".to_owned(),
                got: self.header.len(),
                want: n + SIZES.len(),
                reason: "one column of connections per row, and eight of sizes",
            });
        }
        for name in &self.header[..n] {
            check_name(name, || self.at.cell(self.header_line, name))?;
        }
        self.check_surplus(n, &sizes)?;

        let mut adjacency = Vec::with_capacity(n * n);
        for row in 0..n {
            for column in 0..n {
                adjacency.push(self.weight(row, column)?);
            }
        }
        let mut areas = vec![[0; 8]; n];
        for (size, &column) in sizes.iter().enumerate() {
            for (row, area) in areas.iter_mut().enumerate() {
                let value = self.number(row, column, "size (whole number of 32 bits)")?;
                area[size] = check_size(size, value, || self.place(row, column))?;
            }
        }
        let is_further = |column: &usize| !sizes.contains(column);
        let further_columns = (n..self.header.len()).filter(is_further).map(|c| self.header[c].clone()).collect();
        Ok(AreaTable {
            names: self.header[..n].to_vec(),
            adjacency,
            areas: areas.into_iter().map(Area::of_sizes).collect(),
            further_columns,
            source: self.at.source_name(),
        })
    }

    /// The columns of sizes, in the order of [`SIZES`].
    fn size_columns(&self) -> Result<[usize; 8], Error> {
        let all = |name: &str| (0..self.header.len()).filter(|&c| self.header[c] == name).collect::<Vec<_>>();
        let missing: Vec<&str> = SIZES.iter().map(|(name, _)| *name).filter(|name| all(name).is_empty()).collect();
        if !missing.is_empty() {
            return Err(Error::Missing {
                at: self.at.line(self.header_line),
                what: format!("columns {missing:?}"),
                found: self.header.clone(),
                remedy: "there are no defaults, and names are taken as they are, blanks included",
            });
        }
        let mut columns = [0; 8];
        for (column, (name, _)) in columns.iter_mut().zip(SIZES) {
            let found = all(name);
            if found.len() > 1 {
                let name = name.to_owned();
                return Err(Error::DuplicateName { at: self.at.line(self.header_line), what: "column", name });
            }
            *column = found[0];
        }
        Ok(columns)
    }

    /// Refuses columns between the connections and the sizes of which any cell could be a connection: they look like those of areas
    /// without row.
    fn check_surplus(&self, n: usize, sizes: &[usize; 8]) -> Result<(), Error> {
        let first = sizes.iter().copied().min().unwrap_or(n);
        let is_surplus = |column: &usize| {
            !OLD_SIZES.contains(&self.header[*column].as_str()) && (0..n).any(|row| self.weight(row, *column).is_ok())
        };
        let surplus = (n..first).filter(is_surplus).count();
        if surplus == 0 {
            return Ok(());
        }
        Err(Error::LengthMismatch {
            at: self.at.line(self.header_line),
            what: "the block of connections".to_owned(),
            got: n + surplus,
            want: n,
            reason: "one column per row, then the sizes; other columns with numbers, True or False follow those",
        })
    }
}
