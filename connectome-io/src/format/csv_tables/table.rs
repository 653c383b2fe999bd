//! Rows of a delimited text file.
//!
//! Text is searched for separators eight bytes at a time. A row with quoted cells is gone through byte by byte instead; a
//! quote that does not open a cell is text, as is what follows a closing quote.

use std::borrow::Cow;
use std::io::{Chain, Cursor, Read};
use std::path::Path;

use csv::ErrorKind;

use super::number::{parse_f64, parse_i64};
use super::plain::{Layout, PADDING};
use crate::format::npy::read_up_to;
use crate::options::Limits;
use crate::source::{Source, explain};
use crate::tables::{Cells, Each, PlainRows, Table, ahead};
use crate::{Error, Location};

/// Bytes that are read at a time.
const CHUNK: usize = 256 << 10;
/// Plain rows that are handed on at a time, within a thread and between two.
const SMALL_BATCH: usize = 1 << 11;
const BATCH: usize = 1 << 14;
/// Bytes of a row: sixty-four for each of as many cells as it may have.
const LONGEST: usize = MAX_CELLS << 6;
/// Cells of a line; a matrix of that many neurons is no longer text. Places of cells take four times their bytes and more.
pub(crate) const MAX_CELLS: usize = 1 << 16;

/// A table being read.
pub(crate) struct CsvTable {
    source: Source,
    at: Location,
    delimiter: u8,
    header: Vec<String>,
    /// Text that has arrived, up to `end`; what lies before `next` is used up.
    text: Vec<u8>,
    next: usize,
    end: usize,
    complete: bool,
    /// Line at `next`, counted from 1.
    line: u64,
    row: Found,
    /// Whether rows have been taken by a thread, up to one that was not plain.
    interrupted: bool,
    /// Cells of a row with quotes, each followed by one byte.
    unquoted: Vec<u8>,
}

/// The row found last.
#[derive(Default)]
struct Found {
    line: u64,
    /// Where it begins in the text.
    begin: usize,
    /// Where its first cell begins in the text, or in the cells without quotes.
    start: usize,
    /// Where the cells end; the next one begins a byte later.
    ends: Vec<usize>,
    quoted: bool,
}

/// What a look for a row comes to.
enum Look {
    /// The row ends before the terminator, the next line begins at `next`, `lines` lines later.
    Row { next: usize, lines: u64 },
    /// A line without anything.
    Blank { next: usize },
    /// The text goes on beyond what has arrived.
    More,
    /// A cell is quoted.
    Quoted,
    /// There are more than [`MAX_CELLS`] cells.
    Wide,
}

/// A row of a table.
pub(crate) struct Row<'a> {
    table: &'a CsvTable,
    bytes: &'a [u8],
}

impl CsvTable {
    /// Opens a table and reads its first line. The delimiter is a tab if the first line has one and no comma, and a single
    /// blank, as `numpy.savetxt` writes it, if it has neither and is all numbers.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let source = Source::open(path, limits)?;
        let at = source.at.clone();
        let mut table = Self {
            source,
            at,
            delimiter: b',',
            header: Vec::new(),
            text: Vec::new(),
            next: 0,
            end: 0,
            complete: false,
            line: 1,
            row: Found::default(),
            interrupted: false,
            unquoted: Vec::new(),
        };
        table.fill()?;
        if table.text[..table.end].starts_with(b"\xef\xbb\xbf") {
            table.next = 3;
        }
        let line = table.text[table.next..table.end].split(|&b| matches!(b, b'\n' | b'\r')).next().unwrap_or_default();
        table.delimiter = delimiter_of(line);
        if !table.find_row()? {
            return Err(Error::Empty { at: table.at.boxed(), what: "header" });
        }
        let problem = "the header is no UTF-8 text".to_owned();
        let names: Option<Vec<String>> = Row::of(&table)
            .cells()
            .map(|cell| Some(std::str::from_utf8(cell).ok()?.trim_start_matches('\u{feff}').trim().to_owned()))
            .collect();
        table.header = names.ok_or_else(|| Error::Malformed { at: table.at.line(1), problem })?;
        Ok(table)
    }

    /// Makes room and reads on. What has not been used up moves to the front.
    fn fill(&mut self) -> Result<(), Error> {
        self.text.copy_within(self.next..self.end, 0);
        self.end -= self.next;
        self.next = 0;
        let room = self.text.len().saturating_sub(PADDING);
        if self.end == room {
            if self.end >= LONGEST {
                return Err(Error::Unsupported {
                    at: self.at.line(self.line),
                    what: format!("a row of more than {LONGEST} bytes"),
                    remedy: "a quote that is not closed makes one row of all that follows",
                });
            }
            // A row of this length: go on as far as the file can.
            let longest =
                self.source.remaining().map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
            let more = room.max(CHUNK).min(longest.saturating_add(1));
            self.text.reserve_exact(room + more + PADDING - self.text.len());
            self.text.resize(room + more + PADDING, 0);
        }
        let room = self.text.len() - PADDING;
        while self.end < room {
            match self.source.read(&mut self.text[self.end..room]) {
                Ok(0) => {
                    self.complete = true;
                    return Ok(());
                }
                Ok(n) => self.end += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(explain(&self.at, error)),
            }
        }
        Ok(())
    }

    /// Finds the next row that is not blank.
    fn find_row(&mut self) -> Result<bool, Error> {
        loop {
            if self.next == self.end && self.complete {
                return Ok(false);
            }
            let mut look = self.look();
            if matches!(look, Look::Quoted) {
                look = self.look_quoted();
            }
            match look {
                Look::Row { next, lines } => {
                    self.row.line = self.line;
                    self.row.begin = self.next;
                    self.row.start = if self.row.quoted { 0 } else { self.next };
                    self.next = next;
                    self.line += lines;
                    return Ok(true);
                }
                Look::Blank { next } => {
                    self.next = next;
                    self.line += 1;
                }
                Look::More | Look::Quoted => self.fill()?,
                Look::Wide => {
                    return Err(Error::Unsupported {
                        at: self.at.line(self.line),
                        what: format!("a line of more than {MAX_CELLS} cells"),
                        remedy: "keep a matrix of this size as .npz, .npy or .mtx",
                    });
                }
            }
        }
    }

    /// Where the text goes on behind a terminator at `at`; `None` if the text ends between the two of a pair.
    fn behind(&self, at: usize) -> Option<usize> {
        match self.text[at] {
            b'\r' if at + 1 < self.end => Some(at + 1 + usize::from(self.text[at + 1] == b'\n')),
            b'\r' if !self.complete => None,
            _ => Some(at + 1),
        }
    }

    /// Looks for a row without quoted cells.
    #[inline]
    fn look(&mut self) -> Look {
        self.row.quoted = false;
        self.row.ends.clear();
        let (mut at, mut cell) = (self.next, self.next);
        while at < self.end {
            let word = self.text[at..at + 8].first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk));
            let mut hits = below_minus(word);
            while hits != 0 {
                let hit = at + hits.trailing_zeros() as usize / 8;
                if hit >= self.end {
                    break;
                }
                match self.text[hit] {
                    byte if byte == self.delimiter => {
                        self.row.ends.push(hit);
                        cell = hit + 1;
                    }
                    b'\n' | b'\r' => {
                        let Some(next) = self.behind(hit) else {
                            return Look::More;
                        };
                        if hit == self.next {
                            return Look::Blank { next };
                        }
                        self.row.ends.push(hit);
                        return Look::Row { next, lines: 1 };
                    }
                    b'"' if hit == cell => return Look::Quoted,
                    _ => {}
                }
                hits &= hits - 1;
            }
            if self.row.ends.len() > MAX_CELLS {
                return Look::Wide;
            }
            at += 8;
        }
        if !self.complete {
            return Look::More;
        }
        self.row.ends.push(self.end);
        Look::Row { next: self.end, lines: 0 }
    }

    /// Looks for a row with quoted cells.
    fn look_quoted(&mut self) -> Look {
        self.row.quoted = true;
        self.row.ends.clear();
        self.unquoted.clear();
        let (mut at, mut lines) = (self.next, 0);
        loop {
            let mut quoted = at < self.end && self.text[at] == b'"';
            at += usize::from(quoted);
            let end = loop {
                if at >= self.end {
                    if !self.complete {
                        return Look::More;
                    }
                    break self.end;
                }
                let byte = self.text[at];
                if quoted {
                    if byte != b'"' {
                        lines += u64::from(byte == b'\n');
                        self.unquoted.push(byte);
                    } else if at + 1 < self.end && self.text[at + 1] == b'"' {
                        self.unquoted.push(byte);
                        at += 1;
                    } else if at + 1 >= self.end && !self.complete {
                        return Look::More;
                    } else {
                        quoted = false;
                    }
                } else if byte == self.delimiter || byte == b'\n' || byte == b'\r' {
                    break at;
                } else {
                    self.unquoted.push(byte);
                }
                at += 1;
            };
            self.row.ends.push(self.unquoted.len());
            self.unquoted.push(0);
            if self.row.ends.len() > MAX_CELLS {
                return Look::Wide;
            }
            if end == self.end {
                return Look::Row { next: end, lines };
            }
            if self.text[end] != self.delimiter {
                return self.behind(end).map_or(Look::More, |next| Look::Row { next, lines: lines + 1 });
            }
            at = end + 1;
        }
    }
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

/// Drops a byte order mark, which would hide the quotes of the first cell from the parser of the `csv` crate.
pub(crate) fn without_bom(mut source: Source) -> Result<Chain<Cursor<Vec<u8>>, Source>, Error> {
    let mut head = vec![0; 3];
    let n = read_up_to(&mut source, &mut head).map_err(|e| source.explain(e))?;
    head.truncate(if head == b"\xef\xbb\xbf" { 0 } else { n });
    Ok(Cursor::new(head).chain(source))
}

/// Says what the `csv` crate finds wrong with a line.
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

/// Marks the bytes of a word that are below `-`: all separators, but no digit, letter, point or minus.
///
/// After the bit tricks of S. E. Anderson, "Bit Twiddling Hacks", on bytes less than a number.
#[inline]
fn below_minus(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const LEAST: u64 = 0x2d;
    (ONES * (127 + LEAST)).wrapping_sub(word & (ONES * 127)) & !word & (ONES * 128)
}

impl Table for CsvTable {
    type Row<'a> = Row<'a>;
    const COUNTS_ROWS: bool = false;

    fn header(&self) -> &[String] {
        &self.header
    }

    fn location(&self) -> &Location {
        &self.at
    }

    fn select(&mut self, _: &[usize]) -> Result<(), Error> {
        Ok(())
    }

    /// The next row; all rows have as many cells as the first line.
    #[inline]
    fn next_row(&mut self) -> Result<Option<Row<'_>>, Error> {
        if !self.find_row()? {
            return Ok(None);
        }
        let (got, want) = (self.row.ends.len(), self.header.len());
        if got != want {
            let problem = format!("{got} cells, the header has {want}");
            return Err(Error::Malformed { at: self.at.line(self.row.line), problem });
        }
        Ok(Some(Row::of(self)))
    }

    fn each_plain(&mut self, columns: [usize; 3], threads: usize, each: &mut Each<'_>) -> Result<bool, Error> {
        let layout = Layout::new(self.header.len(), columns, self.delimiter);
        // A text that is all there is not worth a thread, nor is one whose rows change.
        let ahead = threads > 1 && !self.complete && !self.interrupted;
        self.interrupted |= ahead;
        let batch = if ahead { BATCH } else { SMALL_BATCH };
        let take = |rows: &mut PlainRows| {
            let taken = self.take_plain(&layout, batch, rows);
            (self.source.bytes_read(), taken)
        };
        if ahead { ahead::each_batch(take, each) } else { ahead::in_turn(take, each) }
    }

    fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }

    /// As many as there are if they go on like those that have arrived.
    fn rows_expected(&self, bytes: usize) -> usize {
        let text = &self.text[self.next..self.end];
        let lines = text.iter().filter(|&&byte| byte == b'\n').count();
        let Some(left) = self.source.remaining().filter(|_| lines > 0) else { return 0 };
        let size = usize::try_from(left).map_or(usize::MAX, |left| left.saturating_add(text.len()));
        let rows = size / (text.len() / lines);
        rows.saturating_add(rows / 16).min(size.saturating_mul(4) / bytes.max(1))
    }
}

impl CsvTable {
    /// Takes rows, `most` at most, up to the first that is not plain.
    fn take_plain(&mut self, layout: &Layout, most: usize, rows: &mut PlainRows) -> Result<(), Error> {
        while rows.len() < most {
            if let Some((numbers, next)) = layout.row(&self.text, self.next, self.end) {
                rows.push(numbers, u32::try_from(self.line).unwrap_or(u32::MAX));
                self.next = next;
                self.line += 1;
                continue;
            }
            // At the end of what has arrived, or not as plain as it might be.
            if !self.find_row()? {
                break;
            }
            let row = Row::of(self);
            let regular = self.row.ends.len() == self.header.len();
            let numbers = if regular { layout.numbers(|column| row.get(column)) } else { None };
            let Some(numbers) = numbers else {
                // The row is found once more by whoever looks at it.
                (self.next, self.line) = (self.row.begin, self.row.line);
                break;
            };
            rows.push(numbers, u32::try_from(self.row.line).unwrap_or(u32::MAX));
        }
        Ok(())
    }
}

impl<'a> Row<'a> {
    fn of(table: &'a CsvTable) -> Self {
        Self { table, bytes: if table.row.quoted { &table.unquoted } else { &table.text } }
    }

    /// Where a cell begins and ends.
    #[inline]
    fn span(&self, column: usize) -> (usize, usize) {
        let row = &self.table.row;
        (if column == 0 { row.start } else { row.ends[column - 1] + 1 }, row.ends[column])
    }

    /// The cell of a column.
    #[inline]
    fn get(&self, column: usize) -> &'a [u8] {
        let (start, end) = self.span(column);
        &self.bytes[start..end]
    }

    /// All cells.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.table.row.ends.len()).map(|column| self.get(column))
    }
}

impl Cells for Row<'_> {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.get(column))
    }

    fn text(&self, column: usize) -> Result<Cow<'_, str>, Error> {
        let text = std::str::from_utf8(self.get(column)).map_err(|_| Error::Malformed {
            at: self.at(column),
            problem: format!("{:?} is no UTF-8 text", self.lossy(column)),
        })?;
        Ok(Cow::Borrowed(text))
    }

    #[inline]
    fn integer(&self, column: usize, wanted: &'static str) -> Result<i64, Error> {
        parse_i64(self.get(column)).ok_or_else(|| Error::BadNumber {
            at: self.at(column),
            text: self.lossy(column),
            wanted,
        })
    }

    #[inline]
    fn number(&self, column: usize, what: &'static str) -> Result<f64, Error> {
        match parse_f64(self.get(column)) {
            Some(value) if value.is_finite() => Ok(value),
            Some(value) => Err(Error::NotFinite { at: self.at(column), what, value }),
            None => Err(Error::BadNumber { at: self.at(column), text: self.lossy(column), wanted: what }),
        }
    }

    fn number_of_row(&self) -> u64 {
        self.table.row.line
    }

    fn at(&self, column: usize) -> Box<Location> {
        self.table.at.cell(self.table.row.line, &self.table.header[column])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// All rows as the reader finds them, the header first; `None` for rows of another length.
    fn rows(text: &[u8]) -> Vec<Option<Vec<Vec<u8>>>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        let Ok(mut table) = CsvTable::open(&path, &Limits::default()) else {
            return Vec::new();
        };
        let cells = |row: Row<'_>| Some(row.cells().map(<[u8]>::to_vec).collect());
        let mut rows = vec![cells(Row::of(&table))];
        loop {
            match table.next_row() {
                Ok(Some(row)) => rows.push(cells(row)),
                Ok(None) => return rows,
                Err(_) => rows.push(None),
            }
        }
    }

    proptest! {
        /// Quotes, terminators and blank lines are understood as the `csv` crate understands them.
        #[test]
        fn rows_are_those_of_another_reader(
            pieces in vec(prop_oneof![
                Just(","), Just("\n"), Just("\r\n"), Just("\r"), Just("\""), Just("\"\""), Just("1"), Just("-20,3\n"),
                Just("720575940628857210,17,4\n"), Just(" a b"), Just("\"x,\ny\","), Just("é")
            ], 0..40)
        ) {
            let text = format!("a,b,c\n{}", pieces.concat());
            let mut other = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let wanted: Vec<_> = other
                .byte_records()
                .map(|record| Some(record.unwrap().iter().map(<[u8]>::to_vec).collect::<Vec<_>>()).filter(|r| r.len() == 3))
                .collect();
            prop_assert_eq!(rows(text.as_bytes()), wanted);
        }

        /// Plain rows are those that the cells tell, and the first that is not plain is left where it is.
        #[test]
        fn plain_rows_are_rows(
            lines in vec((any::<u32>(), 0u64..1_000_000_000_000_000_000, 0u64..2_000_000_000_000_000, 0u8..40), 0..60)
        ) {
            let line = |&(a, b, c, odd): &(u32, u64, u64, u8)| match odd {
                0 => format!("\"{a}\",{b},{c}\r\n"),
                1 => format!("\n{a},{b},-{c}\n"),
                2 => format!(" {a},{b},{c}\n"),
                3 => format!("{a},{b},{c}.5\n"),
                _ => format!("{a},{b},{c}\n"),
            };
            let text = format!("pre,post,weight\n{}", lines.iter().map(line).collect::<String>());
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t.csv");
            std::fs::write(&path, text).unwrap();
            let open = || CsvTable::open(&path, &Limits::default()).unwrap();
            let (mut table, mut slow) = (open(), open());
            let mut rows = PlainRows::default();
            loop {
                let layout = Layout::new(3, [0, 1, 2], b',');
                let before = rows.len();
                table.take_plain(&layout, before + 7, &mut rows).unwrap();
                if rows.len() > before {
                    continue;
                }
                let Some(row) = table.next_row().unwrap() else { break };
                rows.pre.push(row.integer(0, "").unwrap());
                rows.post.push(row.integer(1, "").unwrap());
                rows.weight.push(row.number(2, "").unwrap());
                rows.numbers.push(row.number_of_row() as u32);
            }
            for i in 0..lines.len() {
                let row = slow.next_row().unwrap().unwrap();
                prop_assert_eq!(rows.pre.get(i), row.integer(0, "").unwrap());
                prop_assert_eq!(rows.post.get(i), row.integer(1, "").unwrap());
                prop_assert_eq!(rows.weight.get(i).to_bits(), row.number(2, "").unwrap().to_bits());
                prop_assert_eq!(rows.numbers.get(i).map_or(0, u64::from), row.number_of_row());
            }
            prop_assert_eq!(rows.pre.len(), lines.len());
        }
    }

    #[test]
    fn rows_longer_than_a_chunk_and_lines_across_chunks() {
        let long = "x".repeat(3 * CHUNK);
        let text = format!("a,b\r\n{long},1\r\n\r\n\"{long}\"\"\n\",2\r\n3,4");
        let wanted = [["a", "b"], [&long, "1"], [&format!("{long}\"\n"), "2"], ["3", "4"]];
        let wanted = wanted.map(|row| Some(row.map(|cell| cell.as_bytes().to_vec()).to_vec()));
        assert!(rows(text.as_bytes()) == wanted);
        let many: String = (0..100_000u64).map(|i| format!("{i},{}\n", i * i)).collect();
        let found = rows(format!("a,b\n{many}").as_bytes());
        assert!(found.len() == 100_001 && found[77_778] == Some(vec![b"77777".to_vec(), b"6049261729".to_vec()]));
    }

    /// A line is that where the row begins, whatever blank lines, quoted ends of lines and terminators stand before.
    #[test]
    fn lines_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, "a,b\r\n1,2\r\n\r\n\n\"3\n\",4\n5,6\r7,8\n").unwrap();
        let mut table = CsvTable::open(&path, &Limits::default()).unwrap();
        let mut lines = Vec::new();
        while let Some(row) = table.next_row().unwrap() {
            lines.push(row.number_of_row());
        }
        assert_eq!(lines, [2, 5, 7, 8]);
    }
}
