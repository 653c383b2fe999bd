//! What can be wrong with a file or a table, each with its place and the next thing to try.

use std::io;
use std::path::PathBuf;

use crate::{Location, Place};

/// Everything that reading, checking or writing wiring can report.
///
/// Every variant that concerns a file carries a [`Location`]: the file and the row, column, byte or key in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}; check the path, the permissions and the free space", path.display())]
    Io {
        /// What was tried: "open", "read", "write", ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// Neither name nor content says what the file is.
    #[error(
        "{}: {why}; known are .csv, .graphml, .mtx, .npy, .npz, .json, .pt, .pkl, .safetensors, most also with .gz, .parquet, .feather, and folders that hold a table of edges",
        path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What was seen instead.
        why: String,
    },
    /// There is nothing in it.
    #[error("{at}: no {what}; is the file the right one, and was it written to the end?")]
    Empty {
        /// Where.
        at: Box<Location>,
        /// What is missing: "bytes", "rows", "neurons", ...
        what: &'static str,
    },
    /// The file ends before what it promises.
    #[error(
        "{at}: {what} needs {needed} bytes, {available} are there; the file was cut short or its header is wrong: get it again"
    )]
    Truncated {
        /// Where.
        at: Box<Location>,
        /// What was being read.
        what: &'static str,
        /// Bytes that the header promises.
        needed: u64,
        /// Bytes that the file has.
        available: u64,
    },
    /// The file goes on after its end.
    #[error(
        "{at}: {extra} bytes follow the end of the data; the header is wrong, or several arrays lie in one file: write one array per file"
    )]
    TrailingBytes {
        /// Where the data end.
        at: Box<Location>,
        /// Bytes in excess; at least this many where the length is not known beforehand.
        extra: u64,
    },
    /// A size is beyond the cap that protects the memory.
    #[error("{at}: {what} has {size} bytes, the cap is {limit}; {remedy}")]
    TooLarge {
        /// Where.
        at: Box<Location>,
        /// What is too large.
        what: &'static str,
        /// Its size in bytes, or the size reached when reading was stopped.
        size: u64,
        /// The cap in bytes.
        limit: u64,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A size that the header states does not fit the machine's integers.
    #[error("{at}: the {what} {text} overflows; the header is wrong or hostile")]
    Overflow {
        /// Where.
        at: Box<Location>,
        /// What was being computed.
        what: &'static str,
        /// The numbers.
        text: String,
    },
    /// The bytes do not follow the format.
    #[error("{at}: {problem}; the file is damaged or not in this format")]
    Malformed {
        /// Where.
        at: Box<Location>,
        /// What is wrong.
        problem: String,
    },
    /// The format allows it, this crate does not read it.
    #[error("{at}: {what} cannot be read; {remedy}")]
    Unsupported {
        /// Where.
        at: Box<Location>,
        /// The thing.
        what: String,
        /// What to do instead.
        remedy: &'static str,
    },
    /// A name in an archive that leads out of it.
    #[error("{at}: the member name {name:?} leads out of the archive; do not trust this file")]
    UnsafeName {
        /// Where.
        at: Box<Location>,
        /// The name.
        name: String,
    },
    /// A table lacks a column, an archive a member, a container a tensor.
    #[error("{at}: no {what}; found are {}; {remedy}", listed(found))]
    Missing {
        /// Where.
        at: Box<Location>,
        /// What is wanted.
        what: String,
        /// What is there.
        found: Vec<String>,
        /// What to do.
        remedy: &'static str,
    },
    /// A name stands twice where names must be distinct.
    #[error("{at}: the {what} {name:?} stands twice; rename or remove one")]
    DuplicateName {
        /// Where the second one stands.
        at: Box<Location>,
        /// What the name names.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A cell or value is not the number that is wanted.
    #[error("{at}: {text:?} is no {wanted}; correct the value")]
    BadNumber {
        /// Where.
        at: Box<Location>,
        /// The text found.
        text: String,
        /// What is wanted: "neuron id (whole number)", "weight", ...
        wanted: &'static str,
    },
    /// NaN or infinity where a finite number is wanted.
    #[error("{at}: the {what} is {value}, which is not finite; remove or replace the entry before reading")]
    NotFinite {
        /// Where.
        at: Box<Location>,
        /// What the number is.
        what: &'static str,
        /// The value found.
        value: f64,
    },
    /// A value that is none of the allowed ones.
    #[error("{at}: {text:?} is no {what}; allowed are {allowed}")]
    BadValue {
        /// Where.
        at: Box<Location>,
        /// What is wanted.
        what: &'static str,
        /// What was found.
        text: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The same neuron stands twice in the neuron table.
    #[error("{at}: neuron id {id} stands in rows {first} and {second}; ids must be unique: remove one of the rows")]
    DuplicateNeuron {
        /// Where the second one stands.
        at: Box<Location>,
        /// The id.
        id: i64,
        /// Row of the first, counted from 0.
        first: usize,
        /// Row of the second, counted from 0.
        second: usize,
    },
    /// The same connection stands twice in the table of edges.
    #[error(
        "{at}: the connection {pre} -> {post} stands a second time; choose `Duplicates::Sum` or `Duplicates::Keep` if that is meant"
    )]
    DuplicateSynapse {
        /// Where the second one stands.
        at: Box<Location>,
        /// Presynaptic neuron, as the file names it.
        pre: String,
        /// Postsynaptic neuron, as the file names it.
        post: String,
    },
    /// An edge names a neuron or cell type that is not in the table of neurons.
    #[error(
        "{at}: {name} is not among the {n} neurons; check that both files are of one version, or choose `UnknownNeurons::Drop` or another `NeuronsFile`"
    )]
    UnknownNeuron {
        /// Where.
        at: Box<Location>,
        /// Id or name.
        name: String,
        /// Neurons that are known.
        n: usize,
    },
    /// An edge of a cell-type graph names a type that is not among the nodes.
    #[error("{at}: the cell type {name:?} is not among the {n} nodes; correct the spelling or add the node")]
    UnknownType {
        /// Where.
        at: Box<Location>,
        /// The name.
        name: String,
        /// Nodes that are known.
        n: usize,
    },
    /// An index points outside its table.
    #[error("{at}: index {index} is out of range for {n} {what}; indices count from 0")]
    OutOfRange {
        /// Where.
        at: Box<Location>,
        /// The index.
        index: i64,
        /// Entries of the table.
        n: usize,
        /// What the entries are.
        what: &'static str,
    },
    /// A connectivity matrix has unequal sides or the wrong number of dimensions.
    #[error(
        "{at}: the shape is {shape:?}, a connectivity matrix is square [post, pre]; for a projection between two populations read it as an array"
    )]
    NotSquare {
        /// Where.
        at: Box<Location>,
        /// The shape found.
        shape: Vec<u64>,
    },
    /// Two parts that must have equal length do not.
    #[error(
        "{at}: {what} has {got} entries, {want} are wanted ({reason}); check that all parts are of one version and complete"
    )]
    LengthMismatch {
        /// Where.
        at: Box<Location>,
        /// The part.
        what: String,
        /// Its length.
        got: usize,
        /// The length wanted.
        want: usize,
        /// What sets the length.
        reason: &'static str,
    },
    /// More rows than 32-bit indices can count.
    #[error("{at}: {n} {what} are more than {limit}, the largest number that 32-bit indices allow; split the data")]
    TooMany {
        /// Where.
        at: Box<Location>,
        /// What is counted.
        what: &'static str,
        /// How many.
        n: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// The file was written by a later version of this crate.
    #[error("{at}: layout version {found}, this program reads up to {supported}; use a newer version of it")]
    Version {
        /// Where.
        at: Box<Location>,
        /// Version in the file.
        found: u64,
        /// Newest version known here.
        supported: u64,
    },
}

/// The first names of a list; hostile files have millions.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| excerpt(name.as_bytes())).collect();
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => format!("{shown:?}"),
        Some(more) => format!("{shown:?} and {more} more"),
    }
}

/// The beginning of a text, for messages.
pub(crate) fn excerpt(text: &[u8]) -> String {
    const LENGTH: usize = 80;
    let shown = String::from_utf8_lossy(&text[..text.len().min(LENGTH)]).into_owned();
    if text.len() > LENGTH { shown + "..." } else { shown }
}

impl Error {
    /// The place that the error concerns; `None` for errors of the operating system and unknown formats.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Io { .. } | Self::UnknownFormat { .. } => None,
            Self::Empty { at, .. }
            | Self::Truncated { at, .. }
            | Self::TrailingBytes { at, .. }
            | Self::TooLarge { at, .. }
            | Self::Overflow { at, .. }
            | Self::Malformed { at, .. }
            | Self::Unsupported { at, .. }
            | Self::UnsafeName { at, .. }
            | Self::Missing { at, .. }
            | Self::DuplicateName { at, .. }
            | Self::BadNumber { at, .. }
            | Self::NotFinite { at, .. }
            | Self::BadValue { at, .. }
            | Self::DuplicateNeuron { at, .. }
            | Self::DuplicateSynapse { at, .. }
            | Self::UnknownNeuron { at, .. }
            | Self::UnknownType { at, .. }
            | Self::OutOfRange { at, .. }
            | Self::NotSquare { at, .. }
            | Self::LengthMismatch { at, .. }
            | Self::TooMany { at, .. }
            | Self::Version { at, .. } => Some(at),
        }
    }

    /// Puts the file's name into an error that arose from data in memory.
    pub(crate) fn in_file(mut self, file: &Location) -> Self {
        if let Some(at) = self.location_mut()
            && at.file.is_none()
        {
            at.file.clone_from(&file.file);
        }
        self
    }

    /// Puts a name before the place of an error that arose from data in memory: `row 3` becomes `neurons.ids: row 3`.
    pub(crate) fn prefix_key(&mut self, name: &str) {
        if let Some(at) = self.location_mut()
            && at.file.is_none()
        {
            at.place = match std::mem::take(&mut at.place) {
                Place::Whole => Place::Key(name.to_owned()),
                Place::Key(key) => Place::Key(format!("{name}: {key}")),
                other => other,
            };
        }
    }

    fn location_mut(&mut self) -> Option<&mut Location> {
        match self {
            Self::Io { .. } | Self::UnknownFormat { .. } => None,
            Self::Empty { at, .. }
            | Self::Truncated { at, .. }
            | Self::TrailingBytes { at, .. }
            | Self::TooLarge { at, .. }
            | Self::Overflow { at, .. }
            | Self::Malformed { at, .. }
            | Self::Unsupported { at, .. }
            | Self::UnsafeName { at, .. }
            | Self::Missing { at, .. }
            | Self::DuplicateName { at, .. }
            | Self::BadNumber { at, .. }
            | Self::NotFinite { at, .. }
            | Self::BadValue { at, .. }
            | Self::DuplicateNeuron { at, .. }
            | Self::DuplicateSynapse { at, .. }
            | Self::UnknownNeuron { at, .. }
            | Self::UnknownType { at, .. }
            | Self::OutOfRange { at, .. }
            | Self::NotSquare { at, .. }
            | Self::LengthMismatch { at, .. }
            | Self::TooMany { at, .. }
            | Self::Version { at, .. } => Some(at),
        }
    }
}
