//! Where in which file something was found, for messages.

use std::fmt;
use std::path::{Path, PathBuf};

/// A place inside a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Place {
    /// The file as a whole.
    #[default]
    Whole,
    /// A byte, counted from 0.
    Byte(u64),
    /// A line, counted from 1.
    Line(u64),
    /// A named column of a line of a table, lines counted from 1.
    Cell {
        /// Line, counted from 1; the header is line 1.
        line: u64,
        /// Name of the column as the header spells it.
        column: String,
    },
    /// A line and a column of a text file, both counted from 1.
    Text {
        /// Line, counted from 1.
        line: u64,
        /// Column, counted from 1.
        column: u64,
    },
    /// A named entry: a JSON path such as `edges[3].alpha`, a tensor, an archive member, a column.
    Key(String),
}

/// A file, or data in memory, and a place in it. Written as `edges.csv, line 7, column "weight"`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Location {
    /// The file; `None` for data in memory.
    pub file: Option<PathBuf>,
    /// The place in it.
    pub place: Place,
}

impl Location {
    /// A whole file.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self { file: Some(path.as_ref().to_path_buf()), place: Place::Whole }
    }

    /// Data that came from no file.
    #[must_use]
    pub fn memory() -> Self {
        Self::default()
    }

    /// The same file, another place.
    #[must_use]
    pub fn at(&self, place: Place) -> Box<Self> {
        Box::new(Self { file: self.file.clone(), place })
    }

    /// A byte of the same file.
    #[must_use]
    pub fn byte(&self, byte: u64) -> Box<Self> {
        self.at(Place::Byte(byte))
    }

    /// A line of the same file, counted from 1.
    #[must_use]
    pub fn line(&self, line: u64) -> Box<Self> {
        self.at(Place::Line(line))
    }

    /// A cell of a table of the same file.
    #[must_use]
    pub fn cell(&self, line: u64, column: &str) -> Box<Self> {
        self.at(Place::Cell { line, column: column.to_owned() })
    }

    /// A named entry of the same file. Inside another named entry the names are joined by a colon.
    #[must_use]
    pub fn key(&self, key: impl fmt::Display) -> Box<Self> {
        match &self.place {
            Place::Key(outer) => self.at(Place::Key(format!("{outer}: {key}"))),
            _ => self.at(Place::Key(key.to_string())),
        }
    }

    /// What a connectome from this file names as its source: the file's name without its folder.
    pub(crate) fn source_name(&self) -> String {
        let name = self.file.as_deref().and_then(Path::file_name);
        name.map_or_else(|| "memory".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// This location, boxed as errors hold it.
    #[must_use]
    pub fn boxed(&self) -> Box<Self> {
        Box::new(self.clone())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(path) => write!(f, "{}", path.display())?,
            None => write!(f, "data in memory")?,
        }
        match &self.place {
            Place::Whole => Ok(()),
            Place::Byte(byte) => write!(f, ", byte {byte}"),
            Place::Line(line) => write!(f, ", line {line}"),
            Place::Cell { line, column } => write!(f, ", line {line}, column {column:?}"),
            Place::Text { line, column } => write!(f, ", line {line}, character {column}"),
            Place::Key(key) => write!(f, ", {key}"),
        }
    }
}
