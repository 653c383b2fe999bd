//! The footer of a Parquet file: columns, row groups, and where their chunks lie.
//!
//! Source: Apache Parquet, `parquet.thrift`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::thrift::{BINARY, STRUCT, Thrift};
use crate::format::columnar::codec::Codec;
use crate::format::columnar::{Flaw, Signed};
use crate::{Error, Location};

/// First and last bytes of a file.
pub(super) const MAGIC: &[u8; 4] = b"PAR1";

/// Columns of a table beyond this are refused.
const MOST_COLUMNS: usize = 1 << 14;

/// Bytes that the description of a chunk takes at least: five fields of two bytes, and the ends of two structures.
const LEAST_CHUNK: usize = 12;

/// What a file says of itself.
pub(super) struct Metadata {
    pub(super) columns: Vec<ColumnType>,
    pub(super) rows: u64,
    pub(super) groups: Vec<Group>,
}

/// A column at the top of the schema.
#[derive(Debug, Clone)]
pub(super) struct ColumnType {
    pub(super) name: String,
    /// What its values are; `None` for what is not read, such as lists and dates.
    pub(super) kind: Option<Kind>,
    /// Whether values may be missing.
    pub(super) optional: bool,
    /// Its place among the columns of values.
    pub(super) leaf: usize,
}

/// Values that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int32(Signed),
    Int64(Signed),
    Float,
    Double,
    Text,
}

/// Rows that are stored together.
pub(super) struct Group {
    pub(super) rows: u64,
    pub(super) chunks: Vec<Chunk>,
}

/// The values of a column in a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    /// First byte in the file.
    pub(super) start: u64,
    pub(super) bytes: u64,
    pub(super) values: u64,
    /// `None` for codecs that are not read.
    pub(super) codec: Option<Codec>,
}

/// Reads the footer of a file of `size` bytes.
pub(super) fn read(file: &mut File, size: u64, path: &Path, at: &Location) -> Result<Metadata, Error> {
    let io = |source| Error::Io { action: "read", path: path.to_path_buf(), source };
    let short = |needed| Error::Truncated { at: at.boxed(), what: "a Parquet file", needed, available: size };
    if size < 12 {
        return Err(short(12));
    }
    let mut tail = [0; 8];
    file.seek(SeekFrom::Start(size - 8)).and_then(|_| file.read_exact(&mut tail)).map_err(io)?;
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if tail[4..] == *b"PARE" {
        return Err(Error::Unsupported {
            at: at.boxed(),
            what: "an encrypted file".to_owned(),
            remedy: "write it without encryption",
        });
    }
    if tail[4..] != *MAGIC {
        return Err(Error::Malformed {
            at: at.byte(size - 4),
            problem: "the file does not end as Parquet files do; it was cut short".to_owned(),
        });
    }
    if length > size - 12 {
        return Err(short(length + 12));
    }
    let start = size - 8 - length;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start)).map_err(io)?;
    bytes.reserve_exact(length as usize);
    file.take(length).read_to_end(&mut bytes).map_err(io)?;
    let metadata = parse(&bytes).and_then(|metadata| metadata.check(start).map(|()| metadata));
    metadata.map_err(|flaw| flaw.at(at.key("footer")))
}

impl Metadata {
    /// Holds all counts and places against each other and against the bytes before the footer.
    fn check(&self, end: u64) -> Result<(), Flaw> {
        let leaves = self.columns.last().map_or(0, |column| column.leaf + 1);
        let (mut rows, mut bytes) = (0u64, 0u64);
        for group in &self.groups {
            if group.chunks.len() < leaves {
                return Err(Flaw::Bad("a row group lacks columns"));
            }
            rows = rows.checked_add(group.rows).ok_or(Flaw::Bad("the number of rows overflows"))?;
            // A group without rows has no pages, and says anything about where they are.
            for chunk in group.chunks.iter().filter(|_| group.rows > 0) {
                // Chunks do not overlap, so all of them together are no longer than the file.
                bytes = bytes.saturating_add(chunk.bytes);
                let within = chunk.start.checked_add(chunk.bytes).is_some_and(|last| last <= end);
                if !within || chunk.start < 4 || bytes > end {
                    return Err(Flaw::Bad("a column lies outside the file or upon another"));
                }
            }
            for column in self.columns.iter().filter(|column| column.kind.is_some()) {
                if group.chunks[column.leaf].values != group.rows {
                    return Err(Flaw::Bad("a column does not have one value per row"));
                }
            }
        }
        if rows != self.rows {
            return Err(Flaw::Bad("the rows of the groups are not those of the file"));
        }
        Ok(())
    }
}

fn parse(bytes: &[u8]) -> Result<Metadata, Flaw> {
    let mut thrift = Thrift::new(bytes);
    let (mut columns, mut rows, mut groups) = (None, None, None);
    thrift.fields(|thrift, number, kind| {
        match number {
            2 => columns = Some(schema(thrift, kind)?),
            3 => rows = Some(thrift.count(kind)?),
            4 => {
                let n = thrift.structs(kind)?;
                let mut all = Vec::new();
                for _ in 0..n {
                    all.push(group(thrift)?);
                }
                groups = Some(all);
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    match (columns, rows, groups) {
        (Some(columns), Some(rows), Some(groups)) => Ok(Metadata { columns, rows, groups }),
        _ => Err(Flaw::Bad("schema, rows or row groups are missing")),
    }
}

/// An element of the schema.
#[derive(Default)]
struct Element {
    physical: Option<i64>,
    repetition: i64,
    name: String,
    children: u64,
    converted: Option<i64>,
    /// Width and sign of a logical integer.
    integer: Option<Signed>,
    /// A logical type that is neither integer nor text.
    other: bool,
}

fn schema(thrift: &mut Thrift<'_>, kind: u8) -> Result<Vec<ColumnType>, Flaw> {
    let n = thrift.structs(kind)?;
    if n == 0 {
        return Err(Flaw::Bad("the schema is empty"));
    }
    if n > MOST_COLUMNS {
        return Err(Flaw::Bad("the table has more than 16384 columns"));
    }
    let elements = (0..n).map(|_| element(thrift)).collect::<Result<Vec<_>, _>>()?;
    let mut rest = elements.into_iter();
    let root = rest.next().map_or(0, |root| root.children);
    let (mut columns, mut leaf) = (Vec::new(), 0);
    for _ in 0..root {
        let top = rest.next().ok_or(Flaw::Bad("the schema lacks columns"))?;
        columns.push(ColumnType { kind: top.kind(), name: top.name, optional: top.repetition == 1, leaf });
        // What is nested in the column is passed over; only its columns of values count.
        let mut within = top.children;
        leaf += usize::from(within == 0);
        while within > 0 {
            let inner = rest.next().ok_or(Flaw::Bad("the schema lacks columns"))?;
            leaf += usize::from(inner.children == 0);
            within = (within - 1).saturating_add(inner.children);
        }
    }
    if rest.next().is_some() {
        return Err(Flaw::Bad("the schema has columns outside the table"));
    }
    if let (Some(last), true) = (columns.last_mut(), leaf > 0)
        && last.kind.is_none()
    {
        // The last place of a nested column, so that the number of places is known.
        last.leaf = leaf - 1;
    }
    Ok(columns)
}

fn element(thrift: &mut Thrift<'_>) -> Result<Element, Flaw> {
    let mut element = Element::default();
    let mut named = false;
    thrift.fields(|thrift, number, kind| {
        match number {
            1 => element.physical = Some(thrift.integer(kind)?),
            3 => element.repetition = thrift.integer(kind)?,
            4 => {
                let name = std::str::from_utf8(thrift.binary(kind)?);
                element.name = name.map_err(|_| Flaw::Bad("a column's name is no UTF-8 text"))?.to_owned();
                named = true;
            }
            5 => element.children = thrift.count(kind)?,
            6 => element.converted = Some(thrift.integer(kind)?),
            10 if kind == STRUCT => logical(thrift, &mut element)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if named { Ok(element) } else { Err(Flaw::Bad("a column has no name")) }
}

/// A logical type: integers and texts are told apart from dates, decimals and others.
fn logical(thrift: &mut Thrift<'_>, element: &mut Element) -> Result<(), Flaw> {
    thrift.fields(|thrift, number, kind| {
        match number {
            10 if kind == STRUCT => {
                element.integer = Some(Signed::Yes);
                thrift.fields(|_, number, kind| {
                    if number == 2 && kind == super::thrift::FALSE {
                        element.integer = Some(Signed::No);
                    }
                    Ok(matches!(kind, super::thrift::TRUE | super::thrift::FALSE))
                })?;
                return Ok(true);
            }
            // Text, names of an enumeration, null, JSON.
            1 | 4 | 11 | 12 => {}
            _ => element.other = true,
        }
        Ok(false)
    })
}

impl Element {
    fn kind(&self) -> Option<Kind> {
        if self.children > 0 || self.repetition == 2 || self.other {
            return None;
        }
        let signed = match (self.integer, self.converted) {
            (Some(signed), _) => signed,
            (None, Some(11..=14)) => Signed::No,
            _ => Signed::Yes,
        };
        match (self.physical?, self.converted) {
            (0, None) => Some(Kind::Bool),
            (1, None | Some(11..=18)) => Some(Kind::Int32(signed)),
            (2, None | Some(11..=18)) => Some(Kind::Int64(signed)),
            (4, None) => Some(Kind::Float),
            (5, None) => Some(Kind::Double),
            (6, None | Some(0 | 4 | 19)) => Some(Kind::Text),
            _ => None,
        }
    }
}

fn group(thrift: &mut Thrift<'_>) -> Result<Group, Flaw> {
    let (mut rows, mut chunks) = (None, None);
    thrift.fields(|thrift, number, kind| {
        match number {
            1 => {
                let n = thrift.structs(kind)?;
                if n > thrift.left() / LEAST_CHUNK {
                    return Err(Flaw::Short);
                }
                let mut all = Vec::with_capacity(n);
                for _ in 0..n {
                    all.push(chunk(thrift)?);
                }
                chunks = Some(all);
            }
            3 => rows = Some(thrift.count(kind)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    match (rows, chunks) {
        (Some(rows), Some(chunks)) => Ok(Group { rows, chunks }),
        _ => Err(Flaw::Bad("a row group lacks its size or its columns")),
    }
}

fn chunk(thrift: &mut Thrift<'_>) -> Result<Chunk, Flaw> {
    let (mut codec, mut values, mut bytes, mut data, mut dictionary) = (None, None, None, None, None);
    thrift.fields(|thrift, number, kind| {
        match number {
            1 if kind == BINARY => {
                thrift.binary(kind)?;
                return Err(Flaw::Bad("a column lies in another file"));
            }
            3 if kind == STRUCT => thrift.fields(|thrift, number, kind| {
                match number {
                    4 => codec = Some(thrift.integer(kind)?),
                    5 => values = Some(thrift.count(kind)?),
                    7 => bytes = Some(thrift.count(kind)?),
                    9 => data = Some(thrift.count(kind)?),
                    11 => dictionary = Some(thrift.count(kind)?),
                    _ => return Ok(false),
                }
                Ok(true)
            })?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let (Some(codec), Some(values), Some(bytes), Some(data)) = (codec, values, bytes, data) else {
        return Err(Flaw::Bad("the description of a column is not complete"));
    };
    let codec = match codec {
        0 => Some(Codec::Plain),
        1 => Some(Codec::Snappy),
        2 => Some(Codec::Gzip),
        5 => Some(Codec::Lz4Hadoop),
        6 => Some(Codec::Zstd),
        7 => Some(Codec::Lz4Block),
        _ => None,
    };
    // Some writers name a dictionary at 0 where there is none.
    let start = dictionary.filter(|&dictionary| dictionary > 0).map_or(data, |dictionary| dictionary.min(data));
    Ok(Chunk { start, bytes, values, codec })
}
