//! The values of a column, page by page.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use super::encoding::{Delta, Hybrid};
use super::metadata::{Chunk, ColumnType, Kind};
use super::thrift::{FALSE, STRUCT, Thrift};
use super::values::{check_codes, codes_of, fixed, pick, utf8};
use crate::format::columnar::codec::{Codec, inflate};
use crate::format::columnar::{Allowance, Column, Flaw, Signed, Values};

/// Bytes of a page's header beyond this are refused; statistics make most of them.
const LONGEST_HEADER: usize = 1 << 20;

/// A chunk of a column being read.
pub(super) struct ChunkReader {
    file: Arc<File>,
    kind: Kind,
    optional: bool,
    codec: Codec,
    /// Where the next page begins, and where the chunk ends.
    at: u64,
    end: u64,
    /// Values in pages that have not been opened.
    unopened: u64,
    dictionary: Option<Dictionary>,
    packed: Vec<u8>,
    page: Vec<u8>,
    /// Values of the page that have not been given.
    left: usize,
    levels: Option<Hybrid>,
    values: Decoder,
    scratch: Vec<u32>,
}

/// Values that pages refer to.
enum Dictionary {
    Int(Arc<Vec<i64>>),
    Large(Vec<u64>),
    Float(Vec<f64>),
    /// Codes of texts in the column.
    Text(Vec<u32>),
}

/// How the values of the page are stored, and where they go on.
enum Decoder {
    Plain(usize),
    Bits(Hybrid),
    PlainBits(usize),
    Indices(Hybrid),
    Delta(Delta),
    /// Lengths of texts, and where their bytes go on.
    Lengths(Delta, usize),
    /// Lengths of what texts share with the one before, lengths of the rest, where its bytes go on, the text before and its
    /// code.
    Prefixes(Delta, Delta, usize, Vec<u8>, Option<u32>),
    /// Bytes of numbers apart, the lowest of all first: where they begin, numbers in the page, the next one.
    Split(usize, usize, usize),
}

/// What precedes a page.
#[derive(Default)]
struct Header {
    kind: i64,
    inflated: u64,
    packed: u64,
    checksum: Option<u32>,
    values: Option<u64>,
    encoding: i64,
    /// Of pages of the second version: bytes of the levels, which stand before the values and are never compressed.
    levels: [u64; 2],
    compressed: bool,
}

impl ChunkReader {
    pub(super) fn new(file: Arc<File>, column: &ColumnType, kind: Kind, codec: Codec, chunk: &Chunk) -> Self {
        Self {
            file,
            kind,
            optional: column.optional,
            codec,
            at: chunk.start,
            end: chunk.start + chunk.bytes,
            unopened: chunk.values,
            dictionary: None,
            packed: Vec::new(),
            page: Vec::new(),
            left: 0,
            levels: None,
            values: Decoder::Plain(0),
            scratch: Vec::new(),
        }
    }

    /// Adds the next `n` values to a column.
    pub(super) fn read(&mut self, mut n: usize, out: &mut Column, allowance: &mut Allowance) -> Result<(), Fault> {
        self.take_kind(out);
        while n > 0 {
            if self.left == 0 {
                self.next_page(out, allowance)?;
                continue;
            }
            let take = n.min(self.left);
            self.read_page(take, out, allowance)?;
            self.left -= take;
            n -= take;
        }
        Ok(())
    }

    /// Gives the column values of the right kind.
    fn take_kind(&self, out: &mut Column) {
        match (self.kind, &out.values) {
            (Kind::Int64(Signed::No), Values::Large(_)) | (Kind::Text, Values::Text(_)) => {}
            (Kind::Float | Kind::Double, Values::Float(_)) => {}
            (Kind::Bool | Kind::Int32(_) | Kind::Int64(Signed::Yes), Values::Int(_) | Values::Coded(..)) => {}
            (Kind::Int64(Signed::No), _) => out.values = Values::Large(Vec::new()),
            (Kind::Text, _) => out.values = Values::Text(Vec::new()),
            (Kind::Float | Kind::Double, _) => out.values = Values::Float(Vec::new()),
            (Kind::Bool | Kind::Int32(_) | Kind::Int64(_), _) => out.values = Values::Int(Vec::new()),
        }
    }

    /// Values of the page, which has as many.
    fn read_page(&mut self, n: usize, out: &mut Column, allowance: &mut Allowance) -> Result<(), Flaw> {
        let start = out.values.len();
        // Columns that may have gaps mostly have none.
        let full = match &mut self.levels {
            Some(levels) => levels.skip(&self.page, n, 1)?,
            None => true,
        };
        let Some(levels) = self.levels.as_mut().filter(|_| !full) else {
            self.decode(n, out, allowance)?;
            if !out.null.is_empty() {
                out.null.resize(start + n, false);
            }
            return Ok(());
        };
        self.scratch.clear();
        levels.read(&self.page, n, &mut self.scratch)?;
        let present: Vec<bool> = self.scratch.iter().map(|&level| level == 1).collect();
        let there = present.iter().filter(|&&present| present).count();
        self.decode(there, out, allowance)?;
        if there < n {
            out.values.spread(start, &present);
            out.null.resize(start, false);
            out.null.extend(present.iter().map(|present| !present));
        } else if !out.null.is_empty() {
            out.null.resize(start + n, false);
        }
        Ok(())
    }

    /// Opens the next page of values; a dictionary before it is kept.
    fn next_page(&mut self, out: &mut Column, allowance: &mut Allowance) -> Result<(), Fault> {
        let header = self.header()?;
        let packed = usize::try_from(header.packed).map_err(|_| Flaw::Short)?;
        let size = usize::try_from(header.inflated).map_err(|_| Flaw::Short)?;
        if header.packed > self.end - self.at {
            return Err(Flaw::Short.into());
        }
        if !matches!(header.kind, 0 | 2 | 3) {
            self.at += header.packed;
            return Ok(());
        }
        allowance.take(size)?;
        fetch(&self.file, self.at, packed, &mut self.packed)?;
        self.at += header.packed;
        if let Some(wanted) = header.checksum {
            let mut crc = flate2::Crc::new();
            crc.update(&self.packed);
            if crc.sum() != wanted {
                return Err(Flaw::Bad("the checksum of a page is wrong").into());
            }
        }
        let n = header.values.and_then(|n| usize::try_from(n).ok()).ok_or(Flaw::Bad("a page has no header"))?;
        match header.kind {
            2 => {
                inflate(self.codec, &self.packed, size, &mut self.page)?;
                return Ok(self.keep_dictionary(n, header.encoding, out, allowance)?);
            }
            0 => inflate(self.codec, &self.packed, size, &mut self.page)?,
            _ => self.inflate_second(&header, size)?,
        }
        self.unopened =
            self.unopened.checked_sub(n as u64).ok_or(Flaw::Bad("a page has more values than its column"))?;
        Ok(self.open_values(n, &header)?)
    }

    /// A page of the second version, whose levels are not compressed.
    fn inflate_second(&mut self, header: &Header, size: usize) -> Result<(), Flaw> {
        let levels = header.levels[0].checked_add(header.levels[1]).and_then(|n| usize::try_from(n).ok());
        let levels = levels.filter(|&n| n <= size && n <= self.packed.len()).ok_or(Flaw::Short)?;
        let (before, values) = self.packed.split_at(levels);
        let codec = if header.compressed && !values.is_empty() { self.codec } else { Codec::Plain };
        let mut inflated = Vec::new();
        inflate(codec, values, size - levels, &mut inflated)?;
        self.page.clear();
        self.page.extend_from_slice(before);
        self.page.append(&mut inflated);
        Ok(())
    }

    fn header(&mut self) -> Result<Header, Fault> {
        let mut room = 256;
        loop {
            let there = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            fetch(&self.file, self.at, room.min(there), &mut self.packed)?;
            let mut thrift = Thrift::new(&self.packed);
            match parse(&mut thrift) {
                Ok(header) => {
                    self.at += thrift.used() as u64;
                    return Ok(header);
                }
                Err(Flaw::Short) if room < there && room < LONGEST_HEADER => room *= 8,
                Err(flaw) => return Err(flaw.into()),
            }
        }
    }

    fn keep_dictionary(
        &mut self,
        n: usize,
        encoding: i64,
        out: &mut Column,
        allowance: &mut Allowance,
    ) -> Result<(), Flaw> {
        if !matches!(encoding, 0 | 2) {
            return Err(Flaw::Bad("a dictionary is in an encoding that is not read"));
        }
        // Every value takes a byte at least.
        if n > self.page.len() {
            return Err(Flaw::Short);
        }
        self.values = Decoder::Plain(0);
        let mut column = Column { texts: std::mem::take(&mut out.texts), ..Column::default() };
        self.take_kind(&mut column);
        let decoded = self.decode(n, &mut column, allowance);
        out.texts = column.texts;
        decoded?;
        self.dictionary = Some(match column.values {
            Values::Int(values) => Dictionary::Int(Arc::new(values)),
            // values of a dictionary are plain
            Values::Coded(..) => return Err(Flaw::Short),
            Values::Large(values) => Dictionary::Large(values),
            Values::Float(values) => Dictionary::Float(values),
            Values::Text(codes) => Dictionary::Text(codes),
        });
        Ok(())
    }

    /// Finds the levels and the values of a page.
    fn open_values(&mut self, n: usize, header: &Header) -> Result<(), Flaw> {
        let page = &self.page;
        let mut at = 0;
        self.levels = None;
        if header.kind == 3 {
            let [repetition, definition] = header.levels.map(|n| n as usize);
            at = repetition + definition;
            if self.optional {
                self.levels = Some(Hybrid::new(repetition, at, 1)?);
            }
        } else if self.optional {
            let length = u32::from_le_bytes(*page.first_chunk().ok_or(Flaw::Short)?) as usize;
            at = length.checked_add(4).filter(|&end| end <= page.len()).ok_or(Flaw::Short)?;
            self.levels = Some(Hybrid::new(4, at, 1)?);
        }
        let some_delta = |at| {
            let delta = Delta::new(page, at)?;
            if delta.left() > n { Err(Flaw::Bad("a page has more values than it says")) } else { Ok(delta) }
        };
        self.values = match (header.encoding, self.kind) {
            (0, Kind::Bool) => Decoder::PlainBits(8 * at),
            (0, _) => Decoder::Plain(at),
            (2 | 8, _) if self.dictionary.is_some() => match page.get(at) {
                Some(&width) => Decoder::Indices(Hybrid::new(at + 1, page.len(), width)?),
                None => Decoder::Indices(Hybrid::new(at, at, 0)?),
            },
            (3, Kind::Bool) => {
                let length = page.get(at..).and_then(<[u8]>::first_chunk).ok_or(Flaw::Short)?;
                let end = (at + 4).checked_add(u32::from_le_bytes(*length) as usize).ok_or(Flaw::Short)?;
                Decoder::Bits(Hybrid::new(at + 4, end, 1)?)
            }
            (5, Kind::Int32(_) | Kind::Int64(_)) => Decoder::Delta(some_delta(at)?),
            (6, Kind::Text) => {
                let bytes = some_delta(at)?.end(page)?;
                Decoder::Lengths(some_delta(at)?, bytes)
            }
            (7, Kind::Text) => {
                let second = some_delta(at)?.end(page)?;
                let bytes = some_delta(second)?.end(page)?;
                Decoder::Prefixes(some_delta(at)?, some_delta(second)?, bytes, Vec::new(), None)
            }
            (9, Kind::Int32(_) | Kind::Int64(_) | Kind::Float | Kind::Double) => {
                let width = if matches!(self.kind, Kind::Int32(_) | Kind::Float) { 4 } else { 8 };
                Decoder::Split(at, (page.len() - at) / width, 0)
            }
            _ => return Err(Flaw::Bad("the values of a page are in an encoding that is not read")),
        };
        self.left = n;
        Ok(())
    }

    /// Adds `n` values of the page.
    fn decode(&mut self, n: usize, out: &mut Column, allowance: &mut Allowance) -> Result<(), Flaw> {
        let page = &self.page;
        let Column { values, texts, .. } = out;
        if !matches!(self.values, Decoder::Indices(_)) {
            // after a dictionary that grew too large
            values.as_int();
        }
        match &mut self.values {
            Decoder::Indices(indices) => {
                if let Some(Dictionary::Int(all)) = &self.dictionary
                    && let Some(codes) = codes_of(all, values)
                {
                    let start = codes.len();
                    indices.read(page, n, codes)?;
                    return check_codes(&codes[start..], all.len());
                }
                self.scratch.clear();
                indices.read(page, n, &mut self.scratch)?;
                match (&self.dictionary, values) {
                    (Some(Dictionary::Int(all)), values) => {
                        pick(all, &self.scratch, values.as_int().ok_or(Flaw::Short)?)?;
                    }
                    (Some(Dictionary::Large(all)), Values::Large(out)) => pick(all, &self.scratch, out)?,
                    (Some(Dictionary::Float(all)), Values::Float(out)) => pick(all, &self.scratch, out)?,
                    (Some(Dictionary::Text(all)), Values::Text(out)) => pick(all, &self.scratch, out)?,
                    _ => return Err(Flaw::Bad("a page refers to a dictionary that is not there")),
                }
            }
            Decoder::Plain(at) => {
                let rest = page.get(*at..).ok_or(Flaw::Short)?;
                *at += match (self.kind, values) {
                    (Kind::Int32(Signed::Yes), Values::Int(out)) => {
                        fixed(rest, n, out, |b| i64::from(i32::from_le_bytes(b)))?
                    }
                    (Kind::Int32(Signed::No), Values::Int(out)) => {
                        fixed(rest, n, out, |b| i64::from(u32::from_le_bytes(b)))?
                    }
                    (Kind::Int64(_), Values::Int(out)) => fixed(rest, n, out, i64::from_le_bytes)?,
                    (Kind::Int64(_), Values::Large(out)) => fixed(rest, n, out, u64::from_le_bytes)?,
                    (Kind::Float, Values::Float(out)) => fixed(rest, n, out, |b| f64::from(f32::from_le_bytes(b)))?,
                    (Kind::Double, Values::Float(out)) => fixed(rest, n, out, f64::from_le_bytes)?,
                    (Kind::Text, Values::Text(out)) => {
                        let mut used = 0;
                        for _ in 0..n {
                            let length = rest.get(used..).and_then(<[u8]>::first_chunk).ok_or(Flaw::Short)?;
                            used += 4;
                            let length = u32::from_le_bytes(*length) as usize;
                            let text = rest[used..].get(..length).ok_or(Flaw::Short)?;
                            out.push(texts.code(utf8(text)?));
                            used += length;
                        }
                        used
                    }
                    _ => return Err(Flaw::Bad("a page is in an encoding that its type does not have")),
                };
            }
            Decoder::PlainBits(bit) => {
                let Values::Int(out) = values else { return Err(Flaw::Short) };
                for _ in 0..n {
                    let byte = page.get(*bit / 8).ok_or(Flaw::Short)?;
                    out.push(i64::from(byte >> (*bit % 8) & 1));
                    *bit += 1;
                }
            }
            Decoder::Bits(bits) => {
                let Values::Int(out) = values else { return Err(Flaw::Short) };
                self.scratch.clear();
                bits.read(page, n, &mut self.scratch)?;
                out.extend(self.scratch.iter().map(|&bit| i64::from(bit)));
            }
            Decoder::Delta(delta) => {
                for _ in 0..n {
                    let value = delta.next(page)?;
                    match (&mut *values, self.kind) {
                        (Values::Int(out), Kind::Int32(Signed::Yes)) => out.push(i64::from(value as i32)),
                        (Values::Int(out), Kind::Int32(Signed::No)) => out.push(i64::from(value as u32)),
                        (Values::Int(out), _) => out.push(value),
                        (Values::Large(out), _) => out.push(value as u64),
                        _ => return Err(Flaw::Short),
                    }
                }
            }
            Decoder::Lengths(lengths, at) => {
                let Values::Text(out) = values else { return Err(Flaw::Short) };
                for _ in 0..n {
                    let length = usize::try_from(lengths.next(page)?).map_err(|_| Flaw::Short)?;
                    let text = page.get(*at..).and_then(|rest| rest.get(..length)).ok_or(Flaw::Short)?;
                    out.push(texts.code(utf8(text)?));
                    *at += length;
                }
            }
            Decoder::Prefixes(shared, lengths, at, before, last) => {
                let Values::Text(out) = values else { return Err(Flaw::Short) };
                for _ in 0..n {
                    let shared = usize::try_from(shared.next(page)?).map_err(|_| Flaw::Short)?;
                    let length = usize::try_from(lengths.next(page)?).map_err(|_| Flaw::Short)?;
                    let rest = page.get(*at..).and_then(|rest| rest.get(..length)).ok_or(Flaw::Short)?;
                    if shared > before.len() {
                        return Err(Flaw::Short);
                    }
                    // The same text once more is not looked at again.
                    let same = last.filter(|_| length == 0 && shared == before.len());
                    let code = match same {
                        Some(code) => code,
                        None => {
                            before.truncate(shared);
                            before.extend_from_slice(rest);
                            allowance.take_shared(before.len())?;
                            texts.code(utf8(before)?)
                        }
                    };
                    out.push(code);
                    *last = Some(code);
                    *at += length;
                }
            }
            Decoder::Split(at, all, next) => {
                if n > *all - *next {
                    return Err(Flaw::Short);
                }
                for place in *next..*next + n {
                    let mut word = [0; 8];
                    let width = if matches!(self.kind, Kind::Int32(_) | Kind::Float) { 4 } else { 8 };
                    for (byte, part) in word[..width].iter_mut().enumerate() {
                        *part = page[*at + byte * *all + place];
                    }
                    let low = [word[0], word[1], word[2], word[3]];
                    match (&mut *values, self.kind) {
                        (Values::Int(out), Kind::Int32(Signed::Yes)) => out.push(i64::from(i32::from_le_bytes(low))),
                        (Values::Int(out), Kind::Int32(Signed::No)) => out.push(i64::from(u32::from_le_bytes(low))),
                        (Values::Int(out), _) => out.push(i64::from_le_bytes(word)),
                        (Values::Large(out), _) => out.push(u64::from_le_bytes(word)),
                        (Values::Float(out), Kind::Float) => out.push(f64::from(f32::from_le_bytes(low))),
                        (Values::Float(out), _) => out.push(f64::from_le_bytes(word)),
                        (Values::Text(_) | Values::Coded(..), _) => return Err(Flaw::Short),
                    }
                }
                *next += n;
            }
        }
        Ok(())
    }
}

/// What can go wrong with a chunk.
pub(super) enum Fault {
    /// The operating system.
    Io(std::io::Error),
    /// The bytes.
    Flaw(Flaw),
}

impl From<Flaw> for Fault {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

/// Bytes of the file, in place of those of `out`.
fn fetch(mut file: &File, at: u64, n: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    out.clear();
    out.reserve_exact(n);
    file.seek(SeekFrom::Start(at)).map_err(Fault::Io)?;
    file.take(n as u64).read_to_end(out).map_err(Fault::Io)?;
    if out.len() < n { Err(Flaw::Short.into()) } else { Ok(()) }
}

fn parse(thrift: &mut Thrift<'_>) -> Result<Header, Flaw> {
    let mut header = Header { compressed: true, ..Header::default() };
    thrift.fields(|thrift, number, kind| {
        match number {
            1 => header.kind = thrift.integer(kind)?,
            2 => header.inflated = thrift.count(kind)?,
            3 => header.packed = thrift.count(kind)?,
            4 => header.checksum = Some(thrift.integer(kind)? as u32),
            5 | 7 if kind == STRUCT => thrift.fields(|thrift, number, kind| {
                match number {
                    1 => header.values = Some(thrift.count(kind)?),
                    2 => header.encoding = thrift.integer(kind)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?,
            8 if kind == STRUCT => thrift.fields(|thrift, number, kind| {
                match number {
                    1 => header.values = Some(thrift.count(kind)?),
                    4 => header.encoding = thrift.integer(kind)?,
                    5 => header.levels[1] = thrift.count(kind)?,
                    6 => header.levels[0] = thrift.count(kind)?,
                    7 => {
                        header.compressed = kind != FALSE;
                        return Ok(matches!(kind, FALSE | super::thrift::TRUE));
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(header)
}
