//! The schema of an Arrow file.
//!
//! Source: Apache Arrow, `format/Schema.fbs`.

use super::flatbuffer::Object;
use crate::format::columnar::{Flaw, Signed};

/// Columns of a table beyond this are refused.
const MOST_COLUMNS: usize = 1 << 14;
/// Types within types beyond this are refused.
const DEPTH: u8 = 24;

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    /// What its values are; `None` for what is not read, such as lists and dates.
    pub(super) kind: Option<Kind>,
    /// Its first node and first buffer in a batch.
    pub(super) node: usize,
    pub(super) buffer: usize,
    /// Number of the dictionary that its values point into, and what the indices are.
    pub(super) dictionary: Option<(i64, Kind)>,
}

/// Values that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    /// Whole numbers of so many bytes.
    Int(usize, Signed),
    /// Floats of so many bytes.
    Float(usize),
    /// Texts with offsets of so many bytes.
    Text(usize),
}

/// Columns of a schema, with their places among nodes and buffers.
pub(super) fn fields(schema: Object<'_>) -> Result<Vec<Field>, Flaw> {
    if schema.int16(0)? != 0 {
        return Err(Flaw::Bad("the numbers are big-endian"));
    }
    let list = schema.list(1, 4)?;
    if list.len > MOST_COLUMNS {
        return Err(Flaw::Bad("the table has more than 16384 columns"));
    }
    let mut fields = Vec::with_capacity(list.len);
    let mut places = Places { node: 0, buffer: 0, types: 0 };
    let mut letters = 0;
    for index in 0..list.len {
        let object = list.object(index)?;
        let (node, buffer) = (places.node, places.buffer);
        let name = object.text(0)?;
        // Fields may share their bytes: without caps a few would stand for any number.
        letters += name.len();
        if letters > 1 << 20 {
            return Err(Flaw::Bad("the names of the columns are too long"));
        }
        let dictionary = match object.object(4)? {
            None => None,
            Some(encoding) => {
                let indices = match encoding.object(1)? {
                    Some(int) => integer(int)?,
                    None => Some(Kind::Int(4, Signed::Yes)),
                };
                let indices = indices.ok_or(Flaw::Bad("the indices of a dictionary are no integers"))?;
                Some((encoding.int64(0)?, indices))
            }
        };
        places.pass(object, 0)?;
        fields.push(Field { name: name.to_owned(), kind: kind(object)?, node, buffer, dictionary });
    }
    Ok(fields)
}

fn kind(field: Object<'_>) -> Result<Option<Kind>, Flaw> {
    let Some(ty) = field.object(3)? else {
        return Ok(None);
    };
    Ok(match field.byte(2, 0)? {
        2 => integer(ty)?,
        3 => match ty.int16(0)? {
            1 => Some(Kind::Float(4)),
            2 => Some(Kind::Float(8)),
            _ => None,
        },
        5 => Some(Kind::Text(4)),
        6 => Some(Kind::Bool),
        20 => Some(Kind::Text(8)),
        _ => None,
    })
}

fn integer(ty: Object<'_>) -> Result<Option<Kind>, Flaw> {
    let signed = if ty.byte(1, 0)? == 0 { Signed::No } else { Signed::Yes };
    Ok(match ty.int32(0)? {
        bits @ (8 | 16 | 32 | 64) => Some(Kind::Int(bits as usize / 8, signed)),
        _ => None,
    })
}

/// Nodes and buffers passed.
struct Places {
    node: usize,
    buffer: usize,
    types: usize,
}

impl Places {
    /// Counts those of a field and of the fields within it.
    fn pass(&mut self, field: Object<'_>, depth: u8) -> Result<(), Flaw> {
        self.types += 1;
        if depth > DEPTH || self.types > 4 * MOST_COLUMNS {
            return Err(Flaw::Bad("the columns are nested too deeply"));
        }
        self.node += 1;
        if field.object(4)?.is_some() {
            self.buffer += 2;
            return Ok(());
        }
        self.buffer += match field.byte(2, 0)? {
            // Null and run-ends have none; structures and lists of fixed length have validity alone.
            1 | 22 => 0,
            13 | 16 => 1,
            // Unions have types, dense ones offsets too.
            14 => {
                let dense = field.object(3)?.map_or(Ok(0), |union| union.int16(0))? == 1;
                1 + usize::from(dense)
            }
            4 | 5 | 19 | 20 => 3,
            // Views have any number of buffers, and lists of views sizes too.
            23..=26 => return Err(Flaw::Bad("a column is of views, which are not read")),
            _ => 2,
        };
        let children = field.list(5, 4)?;
        for child in 0..children.len {
            self.pass(children.object(child)?, depth + 1)?;
        }
        Ok(())
    }
}
