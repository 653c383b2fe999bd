//! Bytes of a file, plain or gzip, with a cap on what they inflate to.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::options::Limits;
use crate::{Error, Location};

/// What to do when the cap on inflation is hit.
pub(crate) const RAISE_INFLATED: &str = "if the file is trusted, raise `ReadOptions::limits.inflated`";

type Plain = BufReader<Chain<Cursor<Vec<u8>>, Counted>>;

/// A file that knows how much of it has been read.
struct Counted {
    file: File,
    bytes: u64,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buf)?;
        self.bytes += n as u64;
        Ok(n)
    }
}

/// A file being read.
pub(crate) struct Source {
    /// The file, for messages.
    pub(crate) at: Location,
    reader: Stream,
    /// Bytes not read yet, where the size of the file tells; `None` for compressed data and pipes.
    remaining: Option<u64>,
    /// Bytes that may still arrive where `remaining` is not known.
    allowance: u64,
    limit: u64,
}

enum Stream {
    Plain(Plain),
    Gzip(Box<MultiGzDecoder<Plain>>),
}

/// The cap was hit; travels inside an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("more than {limit} bytes after inflation")]
struct CapHit {
    limit: u64,
}

impl Source {
    /// Opens a file and looks whether it is compressed.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let io = |source| Error::Io { action: "open", path: path.to_path_buf(), source };
        let mut file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if metadata.is_dir() {
            return Err(io(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let mut head = Vec::with_capacity(2);
        (&mut file).take(2).read_to_end(&mut head).map_err(|e| Error::Io {
            action: "read",
            path: path.to_path_buf(),
            source: e,
        })?;
        let gzip = head == [0x1f, 0x8b];
        let file = Counted { file, bytes: head.len() as u64 };
        let plain = BufReader::with_capacity(64 << 10, Cursor::new(head).chain(file));
        let (reader, remaining) = if gzip {
            (Stream::Gzip(Box::new(MultiGzDecoder::new(plain))), None)
        } else {
            (Stream::Plain(plain), metadata.is_file().then_some(metadata.len()))
        };
        let limit = limits.inflated;
        Ok(Self { at: Location::file(path), reader, remaining, allowance: limit, limit })
    }

    /// Bytes not read yet, if known.
    pub(crate) fn remaining(&self) -> Option<u64> {
        self.remaining
    }

    /// Bytes of the file, as it lies on the disc, read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        let plain = match &self.reader {
            Stream::Plain(plain) => plain,
            Stream::Gzip(decoder) => decoder.get_ref(),
        };
        plain.get_ref().get_ref().1.bytes
    }

    /// Everything that is left. Memory grows as data arrive where the size is not known.
    pub(crate) fn read_all(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        if let Some(n) = self.remaining {
            let n = usize::try_from(n).map_err(|_| Error::Overflow {
                at: self.at.boxed(),
                what: "size of the file",
                text: n.to_string(),
            })?;
            bytes.reserve_exact(n);
        }
        let result = self.read_to_end(&mut bytes);
        result.map_err(|e| self.explain(e))?;
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    /// The first bytes, at most `n`; fewer if the file ends.
    pub(crate) fn peek(path: &Path, limits: &Limits, n: u64) -> Result<(Vec<u8>, bool), Error> {
        let mut source = Self::open(path, limits)?;
        let gzip = matches!(source.reader, Stream::Gzip(_));
        let mut head = Vec::new();
        let result = (&mut source).take(n).read_to_end(&mut head);
        result.map_err(|e| source.explain(e))?;
        Ok((head, gzip))
    }

    /// Says what a failed read of this file means.
    pub(crate) fn explain(&self, error: io::Error) -> Error {
        explain(&self.at, error)
    }
}

/// Says what a failed read means: a damaged stream, the cap, or the operating system.
pub(crate) fn explain(at: &Location, error: io::Error) -> Error {
    if let Some(hit) = error.get_ref().and_then(|inner| inner.downcast_ref::<CapHit>()) {
        return Error::TooLarge {
            at: at.boxed(),
            what: "the inflated content",
            size: hit.limit.saturating_add(1),
            limit: hit.limit,
            remedy: RAISE_INFLATED,
        };
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Error::Malformed {
            at: at.boxed(),
            problem: format!("the compressed data are damaged or cut short ({error})"),
        },
        _ => Error::Io { action: "read", path: at.file.clone().unwrap_or_default(), source: error },
    }
}

/// The error that a reader returns when `limit` is passed.
pub(crate) fn cap_hit(limit: u64) -> io::Error {
    io::Error::other(CapHit { limit })
}

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = match &mut self.reader {
            Stream::Plain(reader) => reader.read(buf)?,
            Stream::Gzip(reader) => reader.read(buf)?,
        };
        match &mut self.remaining {
            Some(left) => *left = left.saturating_sub(n as u64),
            None => {
                self.allowance = self.allowance.checked_sub(n as u64).ok_or_else(|| cap_hit(self.limit))?;
            }
        }
        Ok(n)
    }
}
