//! IDX, the format of MNIST and Fashion-MNIST, plain or gzipped.
//!
//! Two zero bytes, a byte for the type, a byte for the number of dimensions, the dimensions as big-endian 32-bit
//! integers, then the elements, big-endian, last index fastest. Source: LeCun, Cortes, Burges, *The MNIST database of
//! handwritten digits*.

use std::path::Path;

use crate::array::{ArrayData, count_of};
use crate::options::Limits;
use crate::source::Source;
use crate::{Array, Dtype, Error, Location};

/// Reads an array with the default [`Limits`]. Images are `[n, height, width]` of u8, labels `[n]` of u8.
///
/// # Errors
/// As [`read_with`].
pub fn read(path: impl AsRef<Path>) -> Result<Array, Error> {
    read_with(path, &Limits::default())
}

/// Reads an array.
///
/// # Errors
/// [`Error::Malformed`], [`Error::Truncated`], [`Error::TrailingBytes`], [`Error::Overflow`], [`Error::TooLarge`],
/// [`Error::Empty`], [`Error::Io`].
pub fn read_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Array, Error> {
    let mut source = Source::open(path.as_ref(), limits)?;
    let bytes = source.read_all()?;
    parse(&bytes, &source.at)
}

/// Reads an array from bytes in memory, not compressed.
///
/// # Errors
/// As [`read_with`].
pub fn from_bytes(bytes: &[u8]) -> Result<Array, Error> {
    parse(bytes, &Location::memory())
}

fn parse(bytes: &[u8], at: &Location) -> Result<Array, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty { at: at.boxed(), what: "bytes" });
    }
    let truncated = |needed: usize| Error::Truncated {
        at: at.byte(0),
        what: "the header",
        needed: needed as u64,
        available: bytes.len() as u64,
    };
    let Some((&[zero0, zero1, code, n_dims], rest)) = bytes.split_first_chunk::<4>() else {
        return Err(truncated(4));
    };
    if (zero0, zero1) != (0, 0) {
        let problem = "does not start with two zero bytes".to_owned();
        return Err(Error::Malformed { at: at.byte(0), problem });
    }
    let dtype = match code {
        0x08 => Dtype::U8,
        0x09 => Dtype::I8,
        0x0b => Dtype::I16,
        0x0c => Dtype::I32,
        0x0d => Dtype::F32,
        0x0e => Dtype::F64,
        _ => {
            return Err(Error::Malformed { at: at.byte(2), problem: format!("unknown type code {code:#04x}") });
        }
    };
    let header = 4 * usize::from(n_dims);
    let Some((dims, body)) = rest.split_at_checked(header) else {
        return Err(truncated(4 + header));
    };
    let shape: Vec<usize> =
        dims.chunks_exact(4).map(|d| u32::from_be_bytes([d[0], d[1], d[2], d[3]]) as usize).collect();
    let n_bytes = count_of(&shape)
        .and_then(|count| count.checked_mul(dtype.size()))
        .ok_or_else(|| Error::Overflow { at: at.byte(4), what: "size of shape", text: format!("{shape:?}") })?;
    let start = (4 + header) as u64;
    if n_bytes > body.len() {
        let (needed, available) = (n_bytes as u64, body.len() as u64);
        return Err(Error::Truncated { at: at.byte(start), what: "the array", needed, available });
    }
    if n_bytes < body.len() {
        let extra = (body.len() - n_bytes) as u64;
        return Err(Error::TrailingBytes { at: at.byte(start + n_bytes as u64), extra });
    }
    let mut data = ArrayData::with_capacity(dtype, n_bytes / dtype.size());
    data.extend_from_bytes(body, true);
    Array::new(shape, data)
}
