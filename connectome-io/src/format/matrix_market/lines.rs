//! Lines of a text file, in place in a large buffer, and the words on them.

use std::io::Read;
use std::ops::Range;

use crate::error::excerpt;
use crate::source::Source;
use crate::{Error, Location, Place};

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;
/// Bytes that a line may have.
const LONGEST: usize = 1 << 20;

/// The lines of a file.
pub(super) struct Lines {
    source: Source,
    buffer: Vec<u8>,
    /// The part of the buffer that is filled and not used yet.
    filled: Range<usize>,
    number: u64,
}

/// A line that has words on it.
pub(super) struct Line<'a> {
    at: &'a Location,
    text: &'a [u8],
    /// Bytes of `text` that were read.
    done: usize,
    /// Counted from 1.
    pub(super) number: u64,
}

impl Lines {
    pub(super) fn new(source: Source) -> Self {
        Self { source, buffer: vec![0; CHUNK], filled: 0..0, number: 0 }
    }

    /// The file.
    pub(super) fn at(&self) -> &Location {
        &self.source.at
    }

    /// The line last read, counted from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Bytes that follow, if known.
    pub(super) fn remaining(&self) -> Option<u64> {
        Some(self.source.remaining()? + self.filled.len() as u64)
    }

    /// The next line that is neither blank nor a comment.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, Error> {
        while let Some(range) = self.advance()? {
            let start = self.buffer[range.clone()].iter().position(|b| !b.is_ascii_whitespace());
            if start.is_some_and(|start| self.buffer[range.start + start] != b'%') {
                return Ok(Some(self.line(range)));
            }
        }
        Ok(None)
    }

    /// The next line, whatever is on it.
    pub(super) fn next_raw(&mut self) -> Result<Option<Line<'_>>, Error> {
        Ok(self.advance()?.map(|range| self.line(range)))
    }

    fn line(&self, range: Range<usize>) -> Line<'_> {
        Line { at: &self.source.at, text: &self.buffer[range], done: 0, number: self.number }
    }

    /// Where the next line lies in the buffer, without its end.
    fn advance(&mut self) -> Result<Option<Range<usize>>, Error> {
        let mut searched = 0;
        loop {
            let start = self.filled.start;
            let unread = &self.buffer[start + searched..self.filled.end];
            if let Some(n) = unread.iter().position(|&b| b == b'\n') {
                let end = start + searched + n;
                self.filled.start = end + 1;
                self.number += 1;
                return Ok(Some(start..end));
            }
            searched += unread.len();
            if self.fill()? == 0 {
                self.filled.start = self.filled.end;
                self.number += u64::from(searched > 0);
                return Ok((searched > 0).then(|| self.filled.end - searched..self.filled.end));
            }
        }
    }

    /// Reads more; 0 at the end of the file.
    fn fill(&mut self) -> Result<usize, Error> {
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        if self.filled.end == self.buffer.len() {
            if self.buffer.len() >= LONGEST {
                return Err(Error::TooLarge {
                    at: self.at().line(self.number + 1),
                    what: "a line",
                    size: self.buffer.len() as u64,
                    limit: LONGEST as u64,
                    remedy: "write one entry per line",
                });
            }
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        let n = loop {
            match self.source.read(&mut self.buffer[self.filled.end..]) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other.map_err(|e| self.source.explain(e))?,
            }
        };
        self.filled.end += n;
        Ok(n)
    }
}

impl<'a> Line<'a> {
    /// The next word and where it begins.
    pub(super) fn word(&mut self) -> Option<(&'a [u8], usize)> {
        let rest = &self.text[self.done..];
        let start = rest.iter().position(|b| !b.is_ascii_whitespace())?;
        let n = rest[start..].iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len() - start);
        let start = self.done + start;
        self.done = start + n;
        Some((&self.text[start..self.done], start))
    }

    /// The next word, which must be there.
    pub(super) fn token(&mut self, what: &str) -> Result<(&'a [u8], usize), Error> {
        self.word().ok_or_else(|| self.malformed(format!("the line ends before its {what}")))
    }

    /// Refuses further words.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        // The usual case ends here.
        if self.done == self.text.len() {
            return Ok(());
        }
        match self.word() {
            None => Ok(()),
            Some((word, place)) => {
                let problem = format!("{:?} after the end of the entry", excerpt(word));
                Err(Error::Malformed { at: self.place(place), problem })
            }
        }
    }

    /// A place on the line.
    pub(super) fn place(&self, byte: usize) -> Box<Location> {
        self.at.at(Place::Text { line: self.number, column: byte as u64 + 1 })
    }

    pub(super) fn malformed(&self, problem: String) -> Error {
        Error::Malformed { at: self.at.line(self.number), problem }
    }

    pub(super) fn bad_number(&self, word: &[u8], place: usize, wanted: &'static str) -> Error {
        Error::BadNumber { at: self.place(place), text: excerpt(word), wanted }
    }
}
