//! What can go wrong, each with what to do next.

use std::{fmt, io, path::Path, path::PathBuf};

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Error {
    /// The command line is wrong.
    Usage(String),
    /// A file or process could not be read, written or started.
    Io { doing: String, source: io::Error },
    /// A program that is needed is not there.
    Missing { what: String, todo: String },
    /// The disk is too full.
    Space { dir: PathBuf, what: &'static str, needed: u64, free: u64, todo: String },
    /// pip could not fetch a wheel.
    Download { wheel: String, output: String },
    /// A wheel arrived, twice, with other contents than the pinned ones.
    Hash { wheel: String, expected: String, found: String },
    /// A wheel whose hash is right could not be unpacked.
    Archive { wheel: PathBuf, detail: String },
    /// The libtorch that was chosen can't be used.
    Libtorch { dir: PathBuf, problem: String, todo: String },
    /// A command that was run did not succeed.
    Failed { command: String, status: String },
}

impl Error {
    /// For `map_err`: an i/o error while `doing` something.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// For `map_err`: an i/o error while `doing` something to the file `path`.
    pub(crate) fn file(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::io(format!("{doing} {}", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::Io { doing, source } => {
                write!(f, "{doing}: {source}")?;
                if source.kind() == io::ErrorKind::StorageFull {
                    f.write_str("; make room and run the command again, it goes on where it was")?;
                }
                Ok(())
            }
            Self::Missing { what, todo } => write!(f, "{what} is missing: {todo}"),
            Self::Space { dir, what, needed, free, todo } => write!(
                f,
                "{} has {:.1} GB free, the set-up of {what} takes up to {:.1} GB: make room, {todo}",
                dir.display(),
                *free as f64 / 1e9,
                *needed as f64 / 1e9,
            ),
            Self::Download { wheel, output } => write!(
                f,
                "pip could not fetch {wheel}:\n{output}\nCheck the network and pip's settings (`python3 -m pip config \
                 list`), then run the command again: finished wheels are kept. Without a network: LIBTORCH_WHEELS=DIR \
                 takes wheels from DIR, `cargo xtask setup --from DIR` an installed libtorch."
            ),
            Self::Hash { wheel, expected, found } => write!(
                f,
                "{wheel} was fetched twice and is not the file that is pinned here ({found}, pinned is sha256 \
                 {expected}): look at the mirror and the find-links in `python3 -m pip config list`"
            ),
            Self::Archive { wheel, detail } => {
                write!(f, "unpacking {}: {detail}; run the command again", wheel.display())
            }
            Self::Libtorch { dir, problem, todo } => {
                write!(f, "{}: {problem}; {todo}", dir.display())
            }
            Self::Failed { command, status } => write!(f, "`{command}` ended with {status}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
