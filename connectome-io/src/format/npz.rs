//! Archives of arrays, `.npz`, and the sparse matrices that `scipy.sparse.save_npz` writes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::npy;
use crate::atomic::{WriteSeek, write_atomic};
use crate::options::Limits;
use crate::source::{RAISE_INFLATED, cap_hit, explain};
use crate::{Array, Error, Location};

/// First bytes of an archive; an empty one starts with the second.
pub(crate) const MAGIC: [&[u8; 4]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// An open archive.
pub struct Archive {
    zip: ZipArchive<BufReader<File>>,
    at: Location,
    /// Names without `.npy`, in the order of the archive.
    names: Vec<String>,
    limits: Limits,
    /// Bytes that may still be inflated.
    allowance: u64,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("at", &self.at).field("names", &self.names).finish_non_exhaustive()
    }
}

/// How members are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// As they are, as `numpy.savez` does.
    #[default]
    Stored,
    /// Deflated, as `numpy.savez_compressed` does.
    Deflated,
}

impl Archive {
    /// Opens an archive and checks the names of its members.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Malformed`], [`Error::Truncated`], [`Error::UnsafeName`], [`Error::DuplicateName`],
    /// [`Error::Unsupported`] (encryption), [`Error::Io`].
    pub fn open(path: impl AsRef<Path>, limits: &Limits) -> Result<Self, Error> {
        let path = path.as_ref();
        let at = Location::file(path);
        let io = |source| Error::Io { action: "open", path: path.to_path_buf(), source };
        let mut file = File::open(path).map_err(io)?;
        check_directory(&mut file, &at)?;
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|e| explain_zip(&at, e))?;
        let mut names = Vec::with_capacity(zip.len());
        for index in 0..zip.len() {
            let member = zip.by_index_raw(index).map_err(|e| explain_zip(&at, e))?;
            let name = member.name().map_err(|e| explain_zip(&at, e))?.into_owned();
            if member.enclosed_name().is_none() || name.contains(['\0', '\\']) || name.starts_with('/') {
                return Err(Error::UnsafeName { at: at.boxed(), name });
            }
            if member.encrypted() {
                let what = "an encrypted archive".to_owned();
                return Err(Error::Unsupported { at: at.key(name), what, remedy: "write it without a password" });
            }
            let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
            if names.contains(&name) {
                return Err(Error::DuplicateName { at: at.boxed(), what: "member", name });
            }
            names.push(name);
        }
        Ok(Self { zip, at, names, limits: *limits, allowance: limits.inflated })
    }

    /// Names of the members, without `.npy`, in the order of the archive.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether there is a member of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == name)
    }

    /// Reads a member.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none of this name, [`Error::TooLarge`] beyond the cap on inflation, and those of
    /// [`npy::read_with`].
    pub fn read(&mut self, name: &str) -> Result<Array, Error> {
        let limits = self.limits;
        self.with_member(name, |reader, at| npy::read_stream(reader, None, at, &limits))
    }

    /// Reads a member that is a single text.
    pub(crate) fn read_text(&mut self, name: &str) -> Result<String, Error> {
        let limits = self.limits;
        self.with_member(name, |reader, at| {
            let mut bytes = Vec::new();
            reader.take(limits.npy_header + 1024).read_to_end(&mut bytes).map_err(|e| explain(at, e))?;
            npy::read_text(&bytes, at, &limits)
        })
    }

    fn with_member<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut dyn Read, &Location) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let at = *self.at.key(name);
        let Some(index) = self.names.iter().position(|n| n == name) else {
            return Err(Error::Missing {
                at: self.at.boxed(),
                what: format!("member {name:?}"),
                found: self.names.clone(),
                remedy: "name one that is there",
            });
        };
        let member = self.zip.by_index(index).map_err(|e| explain_zip(&at, e))?;
        if !matches!(member.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            let what = format!("compression {:?}", member.compression());
            let remedy = "write it with numpy.savez or numpy.savez_compressed";
            return Err(Error::Unsupported { at: Box::new(at), what, remedy });
        }
        if member.size() > self.allowance {
            return Err(Error::TooLarge {
                at: Box::new(at),
                what: "the inflated content",
                size: member.size(),
                limit: self.limits.inflated,
                remedy: RAISE_INFLATED,
            });
        }
        let mut capped = Capped { inner: member, allowance: &mut self.allowance, limit: self.limits.inflated };
        read(&mut capped, &at)
    }
}

/// Reads all arrays of an archive with the default [`Limits`].
///
/// # Errors
/// Those of [`Archive::open`] and [`Archive::read`].
pub fn read(path: impl AsRef<Path>) -> Result<BTreeMap<String, Array>, Error> {
    let mut archive = Archive::open(path, &Limits::default())?;
    let names = archive.names.clone();
    names.into_iter().map(|name| archive.read(&name).map(|array| (name, array))).collect()
}

/// Writes arrays in the order of their names. Two runs give the same bytes; the file appears whole or not at all.
///
/// # Errors
/// [`Error::Io`]; [`Error::UnsafeName`] for names that lead out of the archive; [`Error::Unsupported`] for brain floats.
pub fn write(path: impl AsRef<Path>, arrays: &BTreeMap<String, Array>, compression: Compression) -> Result<(), Error> {
    let path = path.as_ref();
    let at = Location::file(path);
    write_atomic(path, |out| {
        let out: &mut dyn WriteSeek = out;
        let mut zip = ZipWriter::new(out);
        let method = match compression {
            Compression::Stored => CompressionMethod::Stored,
            Compression::Deflated => CompressionMethod::Deflated,
        };
        let io = |source| Error::Io { action: "write", path: path.to_path_buf(), source };
        let zip_error = |error: ZipError| io(std::io::Error::other(error));
        for (name, array) in arrays {
            if name.is_empty()
                || name.contains(['\0', '\\'])
                || name.split('/').any(|part| matches!(part, "" | "." | ".."))
            {
                return Err(Error::UnsafeName { at: at.boxed(), name: name.clone() });
            }
            let header = npy::encode_header(array).map_err(|e| e.in_file(&at))?;
            let n_bytes = (array.len() as u64).saturating_mul(array.dtype().size() as u64) + header.len() as u64;
            let options =
                SimpleFileOptions::default().compression_method(method).large_file(n_bytes >= u64::from(u32::MAX) / 2);
            zip.start_file(format!("{name}.npy"), options).map_err(zip_error)?;
            zip.write_all(&header).map_err(io)?;
            npy::write_data(array.data(), &mut zip).map_err(io)?;
        }
        zip.finish().map_err(zip_error)?;
        Ok(())
    })
}

/// Counts what a member inflates to and stops at the cap.
struct Capped<'a, R> {
    inner: R,
    allowance: &'a mut u64,
    limit: u64,
}

impl<R: Read> Read for Capped<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buf)?;
        *self.allowance = self.allowance.checked_sub(n as u64).ok_or_else(|| cap_hit(self.limit))?;
        Ok(n)
    }
}

/// Size of the end record without its comment.
const END_RECORD: usize = 22;

/// Compares the directory that the end record claims with the file, before anything is allocated for it.
fn check_directory(file: &mut File, at: &Location) -> Result<(), Error> {
    let fail = |e| explain(at, e);
    let length = file.seek(SeekFrom::End(0)).map_err(fail)?;
    if length == 0 {
        return Err(Error::Empty { at: at.boxed(), what: "bytes" });
    }
    let mut head = [0; 4];
    file.rewind().map_err(fail)?;
    let got = npy::read_up_to(file, &mut head).map_err(fail)?;
    if got < 4 || !MAGIC.contains(&&head) {
        return Err(Error::Malformed { at: at.byte(0), problem: "does not start as a zip archive does".to_owned() });
    }
    // The end record is followed by a comment of at most 64 KiB.
    let tail_start = length.saturating_sub(END_RECORD as u64 + u64::from(u16::MAX));
    file.seek(SeekFrom::Start(tail_start)).map_err(fail)?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).map_err(fail)?;
    file.rewind().map_err(fail)?;
    let found = tail.windows(4).rposition(|w| w == b"PK\x05\x06").filter(|&p| p + END_RECORD <= tail.len());
    let Some(end) = found else {
        let problem = "no end record: the archive was cut short".to_owned();
        return Err(Error::Malformed { at: at.byte(length), problem });
    };
    let u32_at = |p: usize| u64::from(u32::from_le_bytes([tail[p], tail[p + 1], tail[p + 2], tail[p + 3]]));
    let (entries, size) = (u32_at(end + 8) >> 16, u32_at(end + 12));
    if entries == u64::from(u16::MAX) || size == u64::from(u32::MAX) {
        // The real numbers are in a 64-bit record, which the archive reader holds against the file itself.
        return Ok(());
    }
    let room = tail_start + end as u64;
    // A directory entry has at least 46 bytes.
    let needed = size.max(entries.saturating_mul(46));
    if needed > room {
        return Err(Error::Truncated {
            at: at.byte(tail_start + end as u64),
            what: "the directory of the archive",
            needed,
            available: room,
        });
    }
    Ok(())
}

/// Says what an error of the archive means.
fn explain_zip(at: &Location, error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => explain(at, error),
        ZipError::CompressionMethodNotSupported(method) => Error::Unsupported {
            at: at.boxed(),
            what: format!("compression method {method}"),
            remedy: "write it with numpy.savez or numpy.savez_compressed",
        },
        other => Error::Malformed { at: at.boxed(), problem: other.to_string() },
    }
}
