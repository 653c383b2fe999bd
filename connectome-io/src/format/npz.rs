//! Archives of arrays, `.npz`, and the sparse matrices that `scipy.sparse.save_npz` writes.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::npy;
use super::zip_members::{Member, Members};
use crate::atomic::{WriteSeek, write_atomic};
use crate::options::Limits;
use crate::source::explain;
use crate::{Array, Error, Location};

/// An open archive.
#[derive(Debug)]
pub struct Archive {
    /// Named without `.npy`.
    members: Members,
    limits: Limits,
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
        let remedy = "write it with numpy.savez or numpy.savez_compressed";
        let members = Members::open(path.as_ref(), limits, remedy, |name| name.strip_suffix(".npy").unwrap_or(name))?;
        Ok(Self { members, limits: *limits })
    }

    /// Names of the members, without `.npy`, in the order of the archive.
    #[must_use]
    pub fn names(&self) -> &[String] {
        self.members.names()
    }

    /// Whether there is a member of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.members.contains(name)
    }

    /// Bytes of the file.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.members.length()
    }

    /// Bytes that a member inflates to, as the directory has it.
    pub(crate) fn inflated_size(&mut self, name: &str) -> Result<u64, Error> {
        self.members.with(name, |member| Ok(member.size))
    }

    /// Reads a member.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none of this name, [`Error::TooLarge`] beyond the cap on inflation, and those of
    /// [`npy::read_with`].
    pub fn read(&mut self, name: &str) -> Result<Array, Error> {
        let limits = self.limits;
        self.members.with(name, |member| npy::read_stream(member.reader, None, member.at, &limits))
    }

    /// Reads a member that is a single text.
    pub(crate) fn read_text(&mut self, name: &str) -> Result<String, Error> {
        let limits = self.limits;
        self.members.with(name, |Member { reader, at, .. }| {
            let mut bytes = Vec::new();
            reader.take(limits.npy_header + 1024).read_to_end(&mut bytes).map_err(|e| explain(at, e))?;
            npy::read_text(&bytes, at, &limits)
        })
    }
}

/// Reads all arrays of an archive with the default [`Limits`].
///
/// # Errors
/// Those of [`Archive::open`] and [`Archive::read`].
pub fn read(path: impl AsRef<Path>) -> Result<BTreeMap<String, Array>, Error> {
    let mut archive = Archive::open(path, &Limits::default())?;
    let names = archive.names().to_vec();
    names.into_iter().map(|name| archive.read(&name).map(|array| (name, array))).collect()
}

/// Writes arrays in the order of their names. Two runs give the same bytes; the file appears whole or not at all.
///
/// # Errors
/// [`Error::Io`]; [`Error::UnsafeName`] for names that lead out of the archive; [`Error::Unsupported`] for brain floats.
pub fn write(path: impl AsRef<Path>, arrays: &BTreeMap<String, Array>, compression: Compression) -> Result<(), Error> {
    write_with_text(path.as_ref(), arrays, None, compression)
}

/// As [`write`](fn@write), with a member of text at the end: name and ASCII letters, as numpy's type `S`.
pub(crate) fn write_with_text(
    path: &Path,
    arrays: &BTreeMap<String, Array>,
    text: Option<(&str, &str)>,
    compression: Compression,
) -> Result<(), Error> {
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
        if let Some((name, text)) = text {
            zip.start_file(format!("{name}.npy"), SimpleFileOptions::default().compression_method(method))
                .map_err(zip_error)?;
            zip.write_all(&npy::header::encode_text(text)).map_err(io)?;
        }
        zip.finish().map_err(zip_error)?;
        Ok(())
    })
}
