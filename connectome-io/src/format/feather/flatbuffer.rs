//! FlatBuffers, read with every offset held against the bytes.
//!
//! Source: Google, *FlatBuffers internals*.

use crate::format::columnar::Flaw;

/// A table.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A list of tables or of structures.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    bytes: &'a [u8],
    /// First entry.
    at: usize,
    pub(super) len: usize,
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Flaw> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().ok_or(Flaw::Short)
}

/// Where the offset at `at` leads.
fn follow(bytes: &[u8], at: usize) -> Result<usize, Flaw> {
    let offset = u32::from_le_bytes(number(bytes, at)?) as usize;
    at.checked_add(offset).filter(|&to| to < bytes.len()).ok_or(Flaw::Short)
}

impl<'a> Object<'a> {
    /// The table at the root of a buffer.
    pub(super) fn root(bytes: &'a [u8]) -> Result<Self, Flaw> {
        Ok(Self { bytes, at: follow(bytes, 0)? })
    }

    /// Where a field lies; `None` if it has its default.
    fn field(&self, index: usize) -> Result<Option<usize>, Flaw> {
        let back = i32::from_le_bytes(number(self.bytes, self.at)?);
        let fields = self.at as i64 - i64::from(back);
        let fields = usize::try_from(fields).map_err(|_| Flaw::Short)?;
        let size = usize::from(u16::from_le_bytes(number(self.bytes, fields)?));
        let entry = 4 + 2 * index;
        if entry + 2 > size {
            return Ok(None);
        }
        let offset = usize::from(u16::from_le_bytes(number(self.bytes, fields + entry)?));
        Ok((offset != 0).then_some(self.at + offset))
    }

    pub(super) fn byte(&self, index: usize, default: u8) -> Result<u8, Flaw> {
        self.field(index)?.map_or(Ok(default), |at| Ok(number::<1>(self.bytes, at)?[0]))
    }

    pub(super) fn int16(&self, index: usize) -> Result<i16, Flaw> {
        self.field(index)?.map_or(Ok(0), |at| Ok(i16::from_le_bytes(number(self.bytes, at)?)))
    }

    pub(super) fn int32(&self, index: usize) -> Result<i32, Flaw> {
        self.field(index)?.map_or(Ok(0), |at| Ok(i32::from_le_bytes(number(self.bytes, at)?)))
    }

    pub(super) fn int64(&self, index: usize) -> Result<i64, Flaw> {
        self.field(index)?.map_or(Ok(0), |at| Ok(i64::from_le_bytes(number(self.bytes, at)?)))
    }

    pub(super) fn object(&self, index: usize) -> Result<Option<Self>, Flaw> {
        let Some(at) = self.field(index)? else {
            return Ok(None);
        };
        Ok(Some(Self { bytes: self.bytes, at: follow(self.bytes, at)? }))
    }

    /// A list whose entries have `width` bytes.
    pub(super) fn list(&self, index: usize, width: usize) -> Result<List<'a>, Flaw> {
        let Some(at) = self.field(index)? else {
            return Ok(List { bytes: self.bytes, at: 0, len: 0 });
        };
        let at = follow(self.bytes, at)?;
        let len = u32::from_le_bytes(number(self.bytes, at)?) as usize;
        if len > (self.bytes.len() - at - 4) / width {
            return Err(Flaw::Short);
        }
        Ok(List { bytes: self.bytes, at: at + 4, len })
    }

    pub(super) fn text(&self, index: usize) -> Result<&'a str, Flaw> {
        let list = self.list(index, 1)?;
        std::str::from_utf8(&self.bytes[list.at..list.at + list.len]).map_err(|_| Flaw::Bad("a name is no UTF-8 text"))
    }
}

impl<'a> List<'a> {
    /// An entry of a list of tables.
    pub(super) fn object(&self, index: usize) -> Result<Object<'a>, Flaw> {
        Ok(Object { bytes: self.bytes, at: follow(self.bytes, self.at + 4 * index)? })
    }

    /// The two numbers of a structure of 16 bytes.
    pub(super) fn pair(&self, index: usize) -> Result<[i64; 2], Flaw> {
        let at = self.at + 16 * index;
        Ok([i64::from_le_bytes(number(self.bytes, at)?), i64::from_le_bytes(number(self.bytes, at + 8)?)])
    }

    /// Place, length of the message and of the body of a block of a file.
    pub(super) fn block(&self, index: usize) -> Result<[i64; 3], Flaw> {
        let at = self.at + 24 * index;
        let message = i32::from_le_bytes(number(self.bytes, at + 8)?);
        let body = i64::from_le_bytes(number(self.bytes, at + 16)?);
        Ok([i64::from_le_bytes(number(self.bytes, at)?), i64::from(message), body])
    }
}
