//! Arrays of NumPy, `.npy`.
//!
//! Versions 1, 2 and 3; truth values, integers of 1 to 8 bytes, floats of 2 to 8 bytes, complex numbers of 8 and 16
//! bytes; both byte orders; C and Fortran order; any number of dimensions, none and zero elements too. Object arrays
//! (which are pickles, hence programs), structured types, text and dates are refused.
//!
//! Source: the format definition in NumPy's documentation, `numpy.lib.format`, NEP 1.

pub(super) mod header;
mod literal;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use crate::array::{ArrayData, count_of};
use crate::atomic::write_atomic;
use crate::options::Limits;
use crate::source::{Source, explain};
use crate::{Array, Error, Location};

use header::Header;
pub(crate) use header::{Descr, parse_descr};

/// First bytes of every file.
pub(crate) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Bytes that are converted at a time.
const CHUNK: usize = 64 << 10;

/// Reads an array with the default [`Limits`]. A gzipped file is inflated on the way.
///
/// # Errors
/// As [`read_with`].
pub fn read(path: impl AsRef<Path>) -> Result<Array, Error> {
    read_with(path, &Limits::default())
}

/// Reads an array.
///
/// # Errors
/// [`Error::Malformed`], [`Error::Truncated`], [`Error::TrailingBytes`], [`Error::TooLarge`], [`Error::Overflow`] for
/// damaged or hostile files; [`Error::Unsupported`] for object, structured and text arrays; [`Error::Io`].
pub fn read_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Array, Error> {
    let mut source = Source::open(path.as_ref(), limits)?;
    let (at, available) = (source.at.clone(), source.remaining());
    read_stream(&mut source, available, &at, limits)
}

/// Reads an array from bytes in memory.
///
/// # Errors
/// As [`read_with`].
pub fn from_bytes(bytes: &[u8]) -> Result<Array, Error> {
    read_stream(&mut &bytes[..], Some(bytes.len() as u64), &Location::memory(), &Limits::default())
}

/// Reads an array from a stream of which `available` bytes are known to be there, if that is known.
pub(crate) fn read_stream(
    reader: &mut dyn Read,
    available: Option<u64>,
    at: &Location,
    limits: &Limits,
) -> Result<Array, Error> {
    let header = Header::read(reader, available, at, limits)?;
    let Descr::Number { dtype, big_endian } = header.descr else {
        return Err(header.unsupported(at));
    };
    let overflow = || Error::Overflow {
        at: at.byte(header.end),
        what: "size of shape",
        text: format!("{:?} of {}-byte elements", header.shape, dtype.size()),
    };
    let shape: Vec<usize> =
        header.shape.iter().map(|&n| usize::try_from(n)).collect::<Result<_, _>>().map_err(|_| overflow())?;
    let count = count_of(&shape).ok_or_else(overflow)?;
    let n_bytes = count.checked_mul(dtype.size()).ok_or_else(overflow)?;
    let available = available.map(|n| n - header.end);
    if let Some(available) = available {
        check_length(at, header.end, n_bytes as u64, available)?;
    }

    // Room for everything is made only when the file is known to hold it.
    let capacity = if available.is_some() { count } else { count.min(CHUNK / dtype.size()) };
    let mut data = ArrayData::with_capacity(dtype, capacity);
    let mut chunk = vec![0; CHUNK.min(n_bytes.max(1))];
    let mut done = 0;
    while done < n_bytes {
        let n = chunk.len().min(n_bytes - done);
        let got = read_up_to(reader, &mut chunk[..n]).map_err(|e| explain(at, e))?;
        if got < n {
            check_length(at, header.end, n_bytes as u64, (done + got) as u64)?;
        }
        if dtype == crate::Dtype::Bool
            && let Some(bad) = chunk[..n].iter().position(|&b| b > 1)
        {
            let problem = format!("{} is no truth value, which are 0 and 1", chunk[bad]);
            return Err(Error::Malformed { at: at.byte(header.end + (done + bad) as u64), problem });
        }
        data.extend_from_bytes(&chunk[..n], big_endian);
        done += n;
    }
    if available.is_none() && read_up_to(reader, &mut chunk[..1]).map_err(|e| explain(at, e))? > 0 {
        return Err(Error::TrailingBytes { at: at.byte(header.end + n_bytes as u64), extra: 1 });
    }
    if header.fortran_order && shape.len() > 1 {
        let reversed = shape.into_iter().rev().collect();
        Ok(Array::new(reversed, data)?.transpose())
    } else {
        Array::new(shape, data)
    }
}

/// Compares the size that the header states with what is there.
fn check_length(at: &Location, start: u64, needed: u64, available: u64) -> Result<(), Error> {
    if needed > available {
        return Err(Error::Truncated { at: at.byte(start), what: "the array", needed, available });
    }
    if needed < available {
        return Err(Error::TrailingBytes { at: at.byte(start + needed), extra: available - needed });
    }
    Ok(())
}

/// Fills the buffer as far as the stream goes.
pub(crate) fn read_up_to(reader: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// The text of a 0-dimensional array of bytes or characters, such as the `format` of a `scipy.sparse` archive.
pub(crate) fn read_text(bytes: &[u8], at: &Location, limits: &Limits) -> Result<String, Error> {
    let header = Header::read(&mut &bytes[..], Some(bytes.len() as u64), at, limits)?;
    let body = &bytes[header.end as usize..];
    let wide = match (&header.descr, header.shape.as_slice()) {
        (Descr::Bytes, []) => false,
        (Descr::Text, []) => true,
        _ => {
            return Err(Error::Malformed { at: at.boxed(), problem: "not a single text".to_owned() });
        }
    };
    let text: String = if wide {
        body.chunks_exact(4).map(|c| char::from(c[0])).collect()
    } else {
        body.iter().map(|&b| char::from(b)).collect()
    };
    Ok(text.trim_end_matches('\0').to_owned())
}

/// Writes an array, version 1, little-endian, C order, as NumPy writes it. The file appears whole or not at all.
///
/// # Errors
/// [`Error::Io`]; [`Error::Unsupported`] for brain floats, which NumPy lacks.
pub fn write(path: impl AsRef<Path>, array: &Array) -> Result<(), Error> {
    let path = path.as_ref();
    let header = header::encode(array).map_err(|e| e.in_file(&Location::file(path)))?;
    let io = |source| Error::Io { action: "write", path: path.to_path_buf(), source };
    write_atomic(path, |out: &mut std::io::BufWriter<&mut File>| {
        out.write_all(&header).map_err(io)?;
        write_data(array.data(), out).map_err(io)
    })
}

/// The bytes of a file that holds the array.
///
/// # Errors
/// [`Error::Unsupported`] for brain floats, which NumPy lacks.
pub fn to_bytes(array: &Array) -> Result<Vec<u8>, Error> {
    let mut bytes = header::encode(array)?;
    array.data().write_bytes(0..array.len(), &mut bytes);
    Ok(bytes)
}

/// Writes elements, little-endian.
pub(crate) fn write_data(data: &ArrayData, out: &mut dyn Write) -> std::io::Result<()> {
    let step = CHUNK / data.dtype().size();
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut start = 0;
    while start < data.len() {
        let end = (start + step).min(data.len());
        chunk.clear();
        data.write_bytes(start..end, &mut chunk);
        out.write_all(&chunk)?;
        start = end;
    }
    Ok(())
}

/// The header of a file that holds the array.
pub(crate) fn encode_header(array: &Array) -> Result<Vec<u8>, Error> {
    header::encode(array)
}
