//! Files that are either there whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};

use crate::Error;

/// Writes a file: temporary file in the same folder, fsync, rename, fsync of the folder.
///
/// A reader sees the old content or the new, never a part; an error leaves the old content.
pub(crate) fn write_atomic<T>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, Error>,
) -> Result<T, Error> {
    let io = |source| Error::Io { action: "write", path: path.to_path_buf(), source };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    // Otherwise the file would be readable by its owner alone; the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(folder).map_err(io)?;
    let value = {
        let mut writer = BufWriter::with_capacity(256 << 10, temporary.as_file_mut());
        let value = write(&mut writer)?;
        writer.flush().map_err(io)?;
        value
    };
    temporary.as_file().sync_all().map_err(io)?;
    temporary.persist(path).map_err(|e| io(e.error))?;
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(value)
}

/// As [`write_atomic`], compressed without a time stamp if the name ends in `.gz`.
pub(crate) fn write_atomic_gz(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let io = |source| Error::Io { action: "write", path: path.to_path_buf(), source };
    let gzip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    write_atomic(path, |out| {
        if gzip {
            let mut encoder = GzBuilder::new().mtime(0).write(out, Compression::default());
            write(&mut encoder).map_err(io)?;
            encoder.finish().map_err(io)?;
        } else {
            write(out).map_err(io)?;
        }
        Ok(())
    })
}

/// What an archive writer needs.
pub(crate) trait WriteSeek: Write + Seek {}
impl<T: Write + Seek> WriteSeek for T {}
