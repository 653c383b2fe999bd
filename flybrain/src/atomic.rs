//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// Replaces a file in one step, and makes its folder: a reader, or a crash, sees the old bytes or the new ones.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = Writing::create(path)?;
    file.write(bytes)?;
    file.finish()
}

/// A file that is written bit by bit under another name, and replaces what was there once it is finished.
#[derive(Debug)]
pub(crate) struct Writing {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
    finished: bool,
}

impl Writing {
    /// Begins a file, and makes its folder.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let (_, part) = part(path)?;
        let file = BufWriter::new(File::create_new(&part)?);
        Ok(Self { path: path.to_path_buf(), part, file, finished: false })
    }

    /// Adds bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Brings all to the disk and gives the file its name.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.part, &self.path)?;
        self.finished = true;
        // Not every file system can sync a folder; the file itself is safe already.
        let _ = File::open(folder_of(&self.path)).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.finished {
            // What went wrong before is what is reported.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Makes the folder of a file, and tries whether a file can be written there.
pub(crate) fn try_folder(path: &Path) -> io::Result<()> {
    let (_, part) = part(path)?;
    File::create_new(&part)?;
    fs::remove_file(&part)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}

/// The folder of a file, which is made, and the name of a file in it that becomes that one.
fn part(path: &Path) -> io::Result<(&Path, PathBuf)> {
    let folder = folder_of(path);
    let name =
        path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name"))?;
    fs::create_dir_all(folder)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    // processes on other machines may have the same number
    hidden.push(format!(".{:016x}.part", RandomState::new().build_hasher().finish()));
    Ok((folder, folder.join(hidden)))
}
