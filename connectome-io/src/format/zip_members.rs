//! Members of zip archives, for the formats that are zip archives: `.npz` and `.pt`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::npy::read_up_to;
use crate::options::Limits;
use crate::source::{RAISE_INFLATED, cap_hit, explain};
use crate::{Error, Location};

/// First bytes of an archive; an empty one starts with the second.
pub(crate) const MAGIC: [&[u8; 4]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// Bytes that a member takes in the directory and in the maps of names, measured, beside its name.
const MEMBER: usize = 256;

/// An open archive whose directory and names have been checked.
pub(crate) struct Members {
    zip: ZipArchive<BufReader<File>>,
    at: Location,
    /// Names in the order of the archive.
    names: Vec<String>,
    index: HashMap<String, usize>,
    /// Bytes of the file.
    length: u64,
    limits: Limits,
    /// Bytes that may still be inflated.
    allowance: u64,
    /// What to do about a compression that is not read.
    remedy: &'static str,
}

impl std::fmt::Debug for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Members").field("at", &self.at).field("names", &self.names).finish_non_exhaustive()
    }
}

/// A member being read.
pub(crate) struct Member<'a> {
    pub(crate) reader: &'a mut dyn Read,
    /// Its size as the directory states it.
    pub(crate) size: u64,
    /// Whether the file is large enough for it; what deflated members hold shows when they are inflated.
    pub(crate) certain: bool,
    pub(crate) at: &'a Location,
}

impl Members {
    /// Opens an archive; `rename` gives the name of a member from its name in the directory.
    pub(crate) fn open(
        path: &Path,
        limits: &Limits,
        remedy: &'static str,
        rename: impl Fn(&str) -> &str,
    ) -> Result<Self, Error> {
        let at = Location::file(path);
        let io = |source| Error::Io { action: "open", path: path.to_path_buf(), source };
        let mut file = File::open(path).map_err(io)?;
        let Directory { length, entries } = check_directory(&mut file, &at)?;
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|e| explain_zip(&at, e, remedy))?;
        // A name that stands twice is one name to the archive reader.
        if zip.len() as u64 != entries {
            let problem = format!("the directory counts {entries} members, {} distinct ones are there", zip.len());
            return Err(Error::Malformed { at: at.boxed(), problem });
        }
        let mut names = Vec::with_capacity(zip.len());
        let mut index = HashMap::with_capacity(zip.len());
        for number in 0..zip.len() {
            let member = zip.by_index_raw(number).map_err(|e| explain_zip(&at, e, remedy))?;
            let name = member.name().map_err(|e| explain_zip(&at, e, remedy))?.into_owned();
            if member.enclosed_name().is_none() || name.contains(['\0', '\\']) || name.starts_with('/') {
                return Err(Error::UnsafeName { at: at.boxed(), name });
            }
            if member.encrypted() {
                let what = "an encrypted archive".to_owned();
                return Err(Error::Unsupported { at: at.key(name), what, remedy: "write it without a password" });
            }
            let name = rename(&name).to_owned();
            if index.insert(name.clone(), number).is_some() {
                return Err(Error::DuplicateName { at: at.boxed(), what: "member", name });
            }
            names.push(name);
        }
        Ok(Self { zip, at, names, index, length, limits: *limits, allowance: limits.inflated, remedy })
    }

    /// Bytes of memory that the directory takes, about.
    pub(crate) fn n_bytes(&self) -> usize {
        self.names.iter().map(|name| MEMBER + 4 * name.len()).sum()
    }

    /// Bytes of the file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Names of the members in the order of the archive.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether there is a member of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    /// The archive, for messages.
    pub(crate) fn at(&self) -> &Location {
        &self.at
    }

    /// Hands a member to a reader. Inflated bytes count against the cap, and their checksum is verified by whoever
    /// reads to the end; a checksum of zero stands for none where members are stored, as torch writes on demand.
    pub(crate) fn with<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Member<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let at = *self.at.key(name);
        let Some(&index) = self.index.get(name) else {
            return Err(Error::Missing {
                at: self.at.boxed(),
                what: format!("member {name:?}"),
                found: self.names.clone(),
                remedy: "name one that is there",
            });
        };
        let remedy = self.remedy;
        let raw = self.zip.by_index_raw(index).map_err(|e| explain_zip(&at, e, remedy))?;
        let (method, size, packed, checksum) = (raw.compression(), raw.size(), raw.compressed_size(), raw.crc32());
        drop(raw);
        if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
            let what = format!("compression {method:?}");
            return Err(Error::Unsupported { at: Box::new(at), what, remedy });
        }
        let stored = method == CompressionMethod::Stored;
        if stored && size != packed {
            let problem = format!("a stored member has {packed} bytes, the directory says {size}");
            return Err(Error::Malformed { at: Box::new(at), problem });
        }
        if stored && size > self.length {
            let (needed, available) = (size, self.length);
            return Err(Error::Truncated { at: Box::new(at), what: "a member", needed, available });
        }
        if size > self.allowance {
            return Err(Error::TooLarge {
                at: Box::new(at),
                what: "the inflated content",
                size,
                limit: self.limits.inflated,
                remedy: RAISE_INFLATED,
            });
        }
        let member = if stored && checksum == 0 { self.zip.by_index_raw(index) } else { self.zip.by_index(index) };
        let member = member.map_err(|e| explain_zip(&at, e, remedy))?;
        let mut capped = Capped { inner: member, allowance: &mut self.allowance, limit: self.limits.inflated };
        read(Member { reader: &mut capped, size, certain: stored, at: &at })
    }
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

/// What the end records say.
struct Directory {
    /// Bytes of the file.
    length: u64,
    /// Members.
    entries: u64,
}

/// Compares the directory that the end record claims with the file, before anything is allocated for it.
fn check_directory(file: &mut File, at: &Location) -> Result<Directory, Error> {
    let fail = |e| explain(at, e);
    let length = file.seek(SeekFrom::End(0)).map_err(fail)?;
    if length == 0 {
        return Err(Error::Empty { at: at.boxed(), what: "bytes" });
    }
    let mut head = [0; 4];
    file.rewind().map_err(fail)?;
    let got = read_up_to(file, &mut head).map_err(fail)?;
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
        let record = tail[..end].windows(4).rposition(|w| w == b"PK\x06\x06").and_then(|p| tail[p..].get(32..40));
        let wide = record.and_then(|raw| raw.first_chunk::<8>()).map(|raw| u64::from_le_bytes(*raw));
        return Ok(Directory { length, entries: wide.unwrap_or(entries) });
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
    Ok(Directory { length, entries })
}

/// Says what an error of the archive means.
fn explain_zip(at: &Location, error: ZipError, remedy: &'static str) -> Error {
    match error {
        ZipError::Io(error) => explain(at, error),
        ZipError::CompressionMethodNotSupported(method) => {
            Error::Unsupported { at: at.boxed(), what: format!("compression method {method}"), remedy }
        }
        other => Error::Malformed { at: at.boxed(), problem: other.to_string() },
    }
}
