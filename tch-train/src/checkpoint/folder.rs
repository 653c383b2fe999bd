//! A folder of checkpoints.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::Checkpoint;
use super::read::peek;
use super::write::{Disk, FileSystem, PARTIAL, write};
use crate::Error;

/// Which checkpoints stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All.
    All,
    /// The newest, at least one, and the best. Default: 3.
    Newest(usize),
}

/// Which score is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Best {
    /// The lowest, as of a loss. The default.
    #[default]
    Lowest,
    /// The highest, as of an accuracy.
    Highest,
}

impl Best {
    /// Whether a score is better than another. NaN is better than none.
    pub fn is_better(self, score: f64, than: f64) -> bool {
        match self {
            Self::Lowest => score < than || (than.is_nan() && !score.is_nan()),
            Self::Highest => score > than || (than.is_nan() && !score.is_nan()),
        }
    }
}

const ENDING: &str = ".safetensors";

/// The step that a file's name tells, if it is one of ours with this ending.
fn step_of(path: &Path, ending: &str) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("step_")?.strip_suffix(ending)?.parse().ok()
}

/// Checkpoints of one run in a folder of their own: `step_000000000100.safetensors`, ...
///
/// A file is written under another name, brought to the disk and then renamed: whenever the process or the machine stops, all files of
/// this name are complete. What is damaged later is noticed by its hash, and the newest one before it is taken.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
    keep: Keep,
    best: Best,
}

impl Checkpoints {
    /// Checkpoints in a folder, which is made by the first [`save`](Self::save).
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), keep: Keep::Newest(3), best: Best::Lowest }
    }

    /// Which ones stay. Default: the newest three, and the best.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// Which score is the best. Default: the lowest.
    #[must_use]
    pub fn best_is(mut self, best: Best) -> Self {
        self.best = best;
        self
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a checkpoint, then removes those that are not to stay; one that cannot be removed is left, with a warning. Returns its file.
    ///
    /// # Errors
    /// [`Error::File`] where something cannot be written; older checkpoints are as they were then.
    pub fn save(&self, checkpoint: &Checkpoint) -> Result<PathBuf, Error> {
        self.make()?;
        self.save_to(&mut FileSystem, checkpoint)
    }

    /// Makes the folder where it is not there.
    pub(crate) fn make(&self) -> Result<(), Error> {
        if !self.folder.is_dir() {
            fs::create_dir_all(&self.folder).map_err(Error::file("make", &self.folder))?;
            let above = self.folder.parent().filter(|above| above.is_dir()).unwrap_or(Path::new("."));
            FileSystem.sync_folder(above).map_err(Error::file("write", above))?;
        }
        Ok(())
    }

    /// Locks the folder, if it is there, for a run, which others are told by [`Error::Busy`], until what it returns is dropped or the process
    /// ends, however it does. Where nothing can be locked, nothing is: some file systems of clusters have locks of one machine alone, or none.
    pub(crate) fn lock(&self) -> Result<Option<File>, Error> {
        if !self.folder.is_dir() {
            return Ok(None);
        }
        // a file, since those of a network are locked for all machines, where it locks at all; it stays, as removing it would race
        let path = self.folder.join(".lock");
        let locked =
            File::options().write(true).create(true).truncate(false).open(&path).map(|file| (file.try_lock(), file));
        match locked {
            Ok((Ok(()), file)) => Ok(Some(file)),
            Ok((Err(TryLockError::WouldBlock), _)) => Err(Error::Busy { folder: self.folder.clone() }),
            Ok((Err(TryLockError::Error(error)), _)) | Err(error) => {
                tracing::debug!("{} is not locked: {error}", path.display());
                Ok(None)
            }
        }
    }

    fn save_to(&self, disk: &mut impl Disk, checkpoint: &Checkpoint) -> Result<PathBuf, Error> {
        let path = self.folder.join(format!("step_{:012}{ENDING}", checkpoint.step));
        write(disk, &path, checkpoint)?;
        // The checkpoint is complete, whatever else is in the folder.
        if let Err(error) = self.tidy(disk, &path) {
            tracing::warn!("{error}");
        }
        Ok(path)
    }

    /// Steps and files, newest first. Files of other names are none of ours.
    ///
    /// # Errors
    /// [`Error::File`] where the folder is there and cannot be read.
    pub fn list(&self) -> Result<Vec<(u64, PathBuf)>, Error> {
        let mut found: Vec<(u64, PathBuf)> =
            self.files()?.into_iter().filter_map(|path| Some((step_of(&path, ENDING)?, path))).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found)
    }

    /// The newest complete checkpoint and its file. A damaged one is passed over, with a warning.
    ///
    /// # Errors
    /// [`Error::File`] where the folder cannot be read; [`Error::Damaged`] where there are checkpoints and all are damaged.
    pub fn latest(&self) -> Result<Option<(PathBuf, Checkpoint)>, Error> {
        self.first_complete(self.list()?)
    }

    /// The checkpoint of the best score and its file, or none where none has a score.
    ///
    /// # Errors
    /// As [`latest`](Self::latest).
    pub fn best(&self) -> Result<Option<(PathBuf, Checkpoint)>, Error> {
        let mut scored: Vec<(f64, (u64, PathBuf))> = self
            .list()?
            .into_iter()
            .filter_map(|(step, path)| Some((peek(&path).ok()?.score?, (step, path))))
            .collect();
        // stable: of equal scores the newest
        scored.sort_by(|(a, _), (b, _)| self.best.is_better(*b, *a).cmp(&self.best.is_better(*a, *b)));
        self.first_complete(scored.into_iter().map(|(_, file)| file).collect())
    }

    /// The best score so far.
    pub(crate) fn best_score(&self) -> Result<Option<f64>, Error> {
        let scores = self.list()?.into_iter().filter_map(|(_, path)| peek(&path).ok()?.score);
        Ok(scores.reduce(|a, b| if self.best.is_better(b, a) { b } else { a }))
    }

    pub(crate) fn is_better(&self, score: f64, than: Option<f64>) -> bool {
        than.is_none_or(|than| self.best.is_better(score, than))
    }

    fn first_complete(&self, files: Vec<(u64, PathBuf)>) -> Result<Option<(PathBuf, Checkpoint)>, Error> {
        let mut first_error = None;
        for (_, path) in files {
            match Checkpoint::read(&path) {
                Ok(checkpoint) => return Ok(Some((path, checkpoint))),
                Err(error) => {
                    tracing::warn!("passed over a damaged checkpoint: {error}");
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(None), Err)
    }

    /// Removes what is not to stay, and what earlier saves left unfinished.
    fn tidy(&self, disk: &mut impl Disk, newest: &Path) -> Result<(), Error> {
        let partial = format!("{ENDING}.{PARTIAL}");
        let unfinished = |path: &PathBuf| step_of(path, &partial).is_some() && !path.is_dir();
        let mut remove: Vec<PathBuf> = self.files()?.into_iter().filter(unfinished).collect();
        if let Keep::Newest(n) = self.keep {
            let complete: Vec<(PathBuf, Option<f64>)> =
                self.list()?.into_iter().filter_map(|(_, p)| peek(&p).ok().map(|c| (p, c.score))).collect();
            let best = complete
                .iter()
                .filter_map(|(path, score)| Some((path, (*score)?)))
                .reduce(|a, b| if self.best.is_better(b.1, a.1) { b } else { a })
                .map(|(path, _)| path.clone());
            let old = complete.into_iter().skip(n.max(1)).map(|(path, _)| path);
            remove.extend(old.filter(|path| Some(path) != best.as_ref() && path != newest));
        }
        let removed = remove.iter().map(|path| disk.remove(path).map_err(Error::file("remove", path)));
        // All are tried; the first failure tells.
        removed.fold(Ok(()), Result::and)
    }

    fn files(&self) -> Result<Vec<PathBuf>, Error> {
        let failed = || Error::file("read", &self.folder);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed()(error)),
        };
        entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed())).collect()
    }
}

#[cfg(test)]
#[path = "faults.rs"]
mod faults;
