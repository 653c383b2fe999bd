//! Thrift's compact protocol, as much of it as the metadata of Parquet need.
//!
//! Source: Apache Thrift, `doc/specs/thrift-compact-protocol.md`.

use crate::format::columnar::Flaw;

/// Structures within structures beyond this are refused.
const DEPTH: u8 = 24;

/// Kinds of a field.
pub(super) const TRUE: u8 = 1;
pub(super) const FALSE: u8 = 2;
pub(super) const I32: u8 = 5;
pub(super) const I64: u8 = 6;
pub(super) const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// Bytes being read.
#[derive(Clone)]
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Thrift<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes used so far.
    pub(super) fn used(&self) -> usize {
        self.at
    }

    /// Bytes not used yet.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn byte(&mut self) -> Result<u8, Flaw> {
        let byte = *self.bytes.get(self.at).ok_or(Flaw::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn skip_bytes(&mut self, n: u64) -> Result<&'a [u8], Flaw> {
        let n = usize::try_from(n).map_err(|_| Flaw::Short)?;
        let bytes = self.bytes[self.at..].get(..n).ok_or(Flaw::Short)?;
        self.at += n;
        Ok(bytes)
    }

    fn varint(&mut self) -> Result<u64, Flaw> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Flaw::Bad("a number in the metadata has more than 64 bits"))
    }

    /// The fields of a structure. `visit` gets number and kind, and says whether it has read the value.
    pub(super) fn fields(
        &mut self,
        mut visit: impl FnMut(&mut Self, i16, u8) -> Result<bool, Flaw>,
    ) -> Result<(), Flaw> {
        let mut number = 0i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            number = match head >> 4 {
                0 => i16::try_from(zigzag(self.varint()?)).map_err(|_| Flaw::Bad("a field number is too large"))?,
                step => number.checked_add(i16::from(step)).ok_or(Flaw::Bad("a field number is too large"))?,
            };
            if !visit(self, number, head & 15)? {
                self.skip(head & 15, 0)?;
            }
        }
    }

    /// A whole number of any width.
    pub(super) fn integer(&mut self, kind: u8) -> Result<i64, Flaw> {
        match kind {
            3 => Ok(i64::from(self.byte()? as i8)),
            4..=6 => Ok(zigzag(self.varint()?)),
            _ => Err(Flaw::Bad("a number in the metadata is none")),
        }
    }

    /// A whole number that must not be negative.
    pub(super) fn count(&mut self, kind: u8) -> Result<u64, Flaw> {
        u64::try_from(self.integer(kind)?).map_err(|_| Flaw::Bad("a size in the metadata is negative"))
    }

    /// Bytes or text.
    pub(super) fn binary(&mut self, kind: u8) -> Result<&'a [u8], Flaw> {
        if kind != BINARY {
            return Err(Flaw::Bad("a text in the metadata is none"));
        }
        let n = self.varint()?;
        self.skip_bytes(n)
    }

    /// The number of entries of a list of structures, which take at least a byte each.
    pub(super) fn structs(&mut self, kind: u8) -> Result<usize, Flaw> {
        let (n, entry) = self.list(kind)?;
        if n > 0 && entry != STRUCT {
            return Err(Flaw::Bad("a list in the metadata has entries of another kind"));
        }
        Ok(n)
    }

    fn list(&mut self, kind: u8) -> Result<(usize, u8), Flaw> {
        if kind != LIST {
            return Err(Flaw::Bad("a list in the metadata is none"));
        }
        let head = self.byte()?;
        let n = match head >> 4 {
            15 => self.varint()?,
            n => u64::from(n),
        };
        let n = usize::try_from(n).ok().filter(|&n| n <= self.left()).ok_or(Flaw::Short)?;
        Ok((n, head & 15))
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Result<(), Flaw> {
        if depth > DEPTH {
            return Err(Flaw::Bad("the metadata are nested too deeply"));
        }
        match kind {
            TRUE | FALSE => {}
            3 => drop(self.byte()?),
            4..=6 => drop(self.varint()?),
            7 => drop(self.skip_bytes(8)?),
            BINARY => drop(self.binary(kind)?),
            LIST | 10 => {
                let (n, entry) = self.list(LIST)?;
                for _ in 0..n {
                    self.skip_entry(entry, depth)?;
                }
            }
            11 => {
                let n = self.varint()?;
                if n > self.left() as u64 {
                    return Err(Flaw::Short);
                }
                if n > 0 {
                    let kinds = self.byte()?;
                    for _ in 0..n {
                        self.skip_entry(kinds >> 4, depth)?;
                        self.skip_entry(kinds & 15, depth)?;
                    }
                }
            }
            STRUCT => loop {
                let head = self.byte()?;
                if head == 0 {
                    break;
                }
                if head >> 4 == 0 {
                    self.varint()?;
                }
                self.skip(head & 15, depth + 1)?;
            },
            13 => drop(self.skip_bytes(16)?),
            _ => return Err(Flaw::Bad("the metadata hold a field of an unknown kind")),
        }
        Ok(())
    }

    /// An entry of a list: unlike a field, a truth value takes a byte.
    fn skip_entry(&mut self, kind: u8, depth: u8) -> Result<(), Flaw> {
        match kind {
            TRUE | FALSE => self.byte().map(drop),
            _ => self.skip(kind, depth + 1),
        }
    }
}

/// Signs in the lowest bit.
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Metadata being written.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    /// Number of the field before, of each structure that is open.
    last: Vec<i16>,
}

impl Writer {
    /// A structure at the top.
    pub(super) fn structure(write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut writer = Self::default();
        writer.entry(write);
        writer.bytes
    }

    /// A structure as an entry of a list.
    pub(super) fn entry(&mut self, write: impl FnOnce(&mut Self)) {
        self.last.push(0);
        write(self);
        self.last.pop();
        self.bytes.push(0);
    }

    /// A structure as a field.
    pub(super) fn field(&mut self, number: i16, write: impl FnOnce(&mut Self)) {
        self.head(number, STRUCT);
        self.entry(write);
    }

    pub(super) fn int32(&mut self, number: i16, value: i32) {
        self.head(number, I32);
        self.signed(i64::from(value));
    }

    pub(super) fn int64(&mut self, number: i16, value: i64) {
        self.head(number, I64);
        self.signed(value);
    }

    pub(super) fn text(&mut self, number: i16, value: &str) {
        self.head(number, BINARY);
        self.text_entry(value);
    }

    pub(super) fn text_entry(&mut self, value: &str) {
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value.as_bytes());
    }

    /// The head of a list, whose entries follow.
    pub(super) fn list(&mut self, number: i16, kind: u8, n: usize) {
        self.head(number, LIST);
        if n < 15 {
            self.bytes.push((n as u8) << 4 | kind);
        } else {
            self.bytes.push(0xf0 | kind);
            self.varint(n as u64);
        }
    }

    /// A number as an entry of a list.
    pub(super) fn signed(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// Fields come in ascending order, at most fifteen apart.
    fn head(&mut self, number: i16, kind: u8) {
        if let Some(last) = self.last.last_mut() {
            self.bytes.push(((number - *last) as u8) << 4 | kind);
            *last = number;
        }
    }
}
