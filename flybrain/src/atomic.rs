//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Replaces a file in one step, and makes its folder: a reader, or a crash, sees the old bytes or the new ones.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (folder, part) = part(path)?;
    let written = File::create_new(&part)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // The first failure is the one to report; the part may not even exist.
        let _ = fs::remove_file(&part);
    }
    written?;
    // Not every file system can sync a folder; the file itself is safe already.
    let _ = File::open(folder).and_then(|f| f.sync_all());
    Ok(())
}

/// Makes the folder of a file, and tries whether a file can be written there.
pub(crate) fn try_folder(path: &Path) -> io::Result<()> {
    let (_, part) = part(path)?;
    File::create_new(&part)?;
    fs::remove_file(&part)
}

/// The folder of a file, which is made, and the name of a file in it that becomes that one.
fn part(path: &Path) -> io::Result<(&Path, PathBuf)> {
    let folder = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    let name =
        path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name"))?;
    fs::create_dir_all(folder)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    // processes on other machines may have the same number
    hidden.push(format!(".{:016x}.part", RandomState::new().build_hasher().finish()));
    Ok((folder, folder.join(hidden)))
}
