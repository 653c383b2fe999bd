//! Arguments of instructions, as they stand in the pickle.

use std::borrow::Cow;

use super::super::number::{self, Whole};
use super::super::{Node, Slot};
use super::{Machine, brief};
use crate::Error;

impl<'a> Machine<'a, '_> {
    pub(super) fn left(&self) -> usize {
        self.input.len() - self.position
    }

    pub(super) fn truncated(&self, what: &'static str, needed: u64) -> Error {
        Error::Truncated { at: self.place(), what, needed, available: self.left() as u64 }
    }

    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8], Error> {
        let bytes = usize::try_from(count).ok().and_then(|n| self.input[self.position..].get(..n));
        let bytes = bytes.ok_or_else(|| self.truncated("the pickle", count))?;
        self.position += bytes.len();
        Ok(bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut raw = [0; N];
        raw.copy_from_slice(self.take(N as u64)?);
        Ok(raw)
    }

    /// A length of 1, 4 or 8 bytes.
    pub(super) fn length(&mut self, width: usize) -> Result<u64, Error> {
        let mut raw = [0; 8];
        raw[..width].copy_from_slice(self.take(width as u64)?);
        Ok(u64::from_le_bytes(raw))
    }

    pub(super) fn counted(&mut self, width: usize) -> Result<&'a [u8], Error> {
        let length = self.length(width)?;
        self.take(length)
    }

    /// The bytes before the next end of line.
    pub(super) fn line(&mut self) -> Result<&'a [u8], Error> {
        let rest = &self.input[self.position..];
        let Some(end) = rest.iter().position(|&b| b == b'\n') else {
            return Err(self.truncated("a line", rest.len() as u64 + 1));
        };
        self.position += end + 1;
        Ok(&rest[..end])
    }

    pub(super) fn utf8_line(&mut self) -> Result<&'a str, Error> {
        let line = self.line()?;
        std::str::from_utf8(line).map_err(|_| self.malformed("a line is not UTF-8"))
    }

    pub(super) fn decimal_index(&mut self) -> Result<usize, Error> {
        let line = self.utf8_line()?;
        line.parse().map_err(|_| self.malformed(format!("{:?} is no place in the memo", brief(line))))
    }

    pub(super) fn long(&mut self, length: u64) -> Result<(), Error> {
        let bytes = self.take(length)?;
        if bytes.len() > number::MAX_BYTES {
            return Err(self.unsupported(format!("a whole number of {} bytes", bytes.len())));
        }
        let number = number::from_twos_complement(bytes);
        self.push_whole(number)
    }

    pub(super) fn push_whole(&mut self, number: Whole) -> Result<(), Error> {
        match number {
            Whole::Small(number) => self.push(Slot::int(number)),
            Whole::Big(digits) => self.add(Node::BigInt(digits)),
        }
    }

    pub(super) fn text_number(&mut self, code: u8) -> Result<(), Error> {
        let line = self.utf8_line()?;
        let bad = || self.malformed(format!("{:?} is no number", brief(line)));
        if code == b'F' {
            let number = line.parse().map_err(|_| bad())?;
            self.push(Slot::float(number))
        } else if code == b'I' && (line == "00" || line == "01") {
            self.push(Slot::Bool(line == "01"))
        } else {
            let digits = if code == b'L' { line.strip_suffix('L').unwrap_or(line) } else { line };
            let number = number::from_decimal(digits).ok_or_else(bad)?;
            self.push_whole(number)
        }
    }

    /// A `str` of Python 2, which is text where it is ASCII, as Python 3 takes it, and bytes elsewhere.
    pub(super) fn python_2_string(&mut self, code: u8) -> Result<(), Error> {
        let bytes: Cow<'a, [u8]> = if code == b'S' {
            let line = self.line()?;
            self.budget.fits(line.len())?;
            number::unquote(line).ok_or_else(|| self.malformed("a string has no quotes or odd escapes"))?
        } else {
            self.counted(if code == b'T' { 4 } else { 1 })?.into()
        };
        let node = match bytes {
            Cow::Borrowed(bytes) if bytes.is_ascii() => {
                Node::Text(std::str::from_utf8(bytes).map_err(|_| self.malformed("not ASCII"))?.into())
            }
            Cow::Owned(bytes) if bytes.is_ascii() => {
                Node::Text(String::from_utf8(bytes).map_err(|_| self.malformed("not ASCII"))?.into())
            }
            bytes => Node::Bytes(bytes),
        };
        self.add(node)
    }
}
