//! Attributes of nodes or edges, collected column by column as text.

use crate::format::csv_tables::{parse_f64, parse_i64};
use crate::{Error, Labels, Location, Sign};

/// What the texts of a key are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Float,
    Boolean,
}

impl Kind {
    /// The type of a key by its name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::Text,
            "int" | "integer" | "long" => Self::Integer,
            "float" | "double" | "real" => Self::Float,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Float)
    }

    /// The text of a value, checked.
    pub(super) fn check<'a>(self, text: &'a str, at: &Location) -> Result<&'a str, Error> {
        let trimmed = text.trim_ascii();
        let truth = || ["true", "false", "1", "0"].contains(&trimmed.to_ascii_lowercase().as_str());
        let (good, wanted) = match self {
            Self::Text => return Ok(text),
            Self::Integer => (parse_i64(trimmed.as_bytes()).is_some(), "whole number, as its key says"),
            Self::Float => (parse_f64(trimmed.as_bytes()).is_some(), "number, as its key says"),
            Self::Boolean => (truth(), "truth value, as its key says"),
        };
        if good {
            return Ok(trimmed);
        }
        Err(Error::BadNumber { at: at.boxed(), text: text.to_owned(), wanted })
    }
}

/// The rows of a table: where each stands, and the columns that it has.
#[derive(Default)]
pub(super) struct Table {
    /// Line of each row.
    pub(super) lines: Vec<u32>,
    columns: Vec<Column>,
}

/// A column, of which rows may lack a value.
pub(super) struct Column {
    pub(super) name: String,
    /// Whether all its keys are of numbers.
    pub(super) is_numeric: bool,
    /// Whether a key is for this table, and not for all.
    declared: bool,
    default: Option<String>,
    /// Rows that have a value, ascending.
    rows: Vec<u32>,
    /// Where each value ends in `text`.
    ends: Vec<usize>,
    text: String,
}

impl Table {
    /// The column of a name, added if it is new: software that types its attributes by value has several keys of a name.
    pub(super) fn add(&mut self, name: &str, kind: Kind, declared: bool, default: Option<&str>) -> usize {
        let place = self.columns.iter().position(|column| column.name == name).unwrap_or_else(|| {
            self.columns.push(Column {
                name: name.to_owned(),
                is_numeric: true,
                declared: false,
                default: None,
                rows: Vec::new(),
                ends: Vec::new(),
                text: String::new(),
            });
            self.columns.len() - 1
        });
        let column = &mut self.columns[place];
        column.declared |= declared;
        column.is_numeric &= kind.is_number();
        if column.default.is_none() {
            column.default = default.map(str::to_owned);
        }
        place
    }

    /// Puts a value into a column of the last row.
    pub(super) fn push(&mut self, column: usize, text: &str, at: &Location) -> Result<(), Error> {
        let row = self.lines.len() as u32 - 1;
        let column = &mut self.columns[column];
        if column.rows.last() == Some(&row) {
            let name = column.name.clone();
            return Err(Error::DuplicateName { at: at.boxed(), what: "attribute", name });
        }
        column.text.push_str(text);
        column.rows.push(row);
        column.ends.push(column.text.len());
        Ok(())
    }

    /// Rows times columns, and the bytes that defaults take in rows without value.
    pub(super) fn n_cells(&self) -> u64 {
        let rows = self.lines.len() as u64;
        let defaults = |column: &Column| {
            let length = column.default.as_ref().map_or(0, String::len) as u64;
            length.saturating_mul(rows - column.rows.len() as u64)
        };
        self.columns.iter().fold(0, |all: u64, column| all.saturating_add(rows).saturating_add(defaults(column)))
    }

    /// The column of a name.
    pub(super) fn find(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name && column.is_used())
    }

    /// The columns that have none of the given names.
    pub(super) fn further<'a>(&'a self, but: &'a [&str]) -> impl Iterator<Item = &'a Column> {
        self.columns.iter().filter(|column| column.is_used() && !but.contains(&column.name.as_str()))
    }

    /// Where a row stands.
    pub(super) fn place(&self, row: usize, at: &Location) -> Box<Location> {
        at.line(u64::from(self.lines[row]))
    }

    /// A column of one name of a few per row.
    pub(super) fn labels(&self, column: &Column) -> Labels {
        Labels::from_values(self.cells(column).map(Option::unwrap_or_default))
    }

    /// One text per row, empty where there is none.
    pub(super) fn texts(&self, column: &Column) -> Vec<String> {
        self.cells(column).map(|cell| cell.unwrap_or_default().to_owned()).collect()
    }

    /// One finite number per row, `None` where there is none.
    pub(super) fn numbers(
        &self,
        column: &Column,
        what: &'static str,
        at: &Location,
    ) -> Result<Vec<Option<f64>>, Error> {
        let parse = |(row, cell): (usize, Option<&str>)| {
            let Some(text) = cell else {
                return Ok(None);
            };
            match parse_f64(text.as_bytes()) {
                Some(value) if value.is_finite() => Ok(Some(value)),
                Some(value) => Err(Error::NotFinite { at: self.place(row, at), what, value }),
                None => Err(Error::BadNumber { at: self.place(row, at), text: text.to_owned(), wanted: what }),
            }
        };
        self.cells(column).enumerate().map(parse).collect()
    }

    /// One sign per row, unknown where there is none.
    pub(super) fn signs(&self, column: &Column, at: &Location) -> Result<Vec<Sign>, Error> {
        let parse = |(row, cell): (usize, Option<&str>)| match cell.unwrap_or_default().trim_ascii() {
            "1" | "+1" | "1.0" | "+" => Ok(Sign::Excitatory),
            "-1" | "-1.0" | "-" => Ok(Sign::Inhibitory),
            "0" | "0.0" | "" => Ok(Sign::Unknown),
            text => Err(Error::BadValue {
                at: self.place(row, at),
                what: "sign",
                text: text.to_owned(),
                allowed: "1, -1, 0, +, -, empty",
            }),
        };
        self.cells(column).enumerate().map(parse).collect()
    }

    /// The value of every row, that of the key where a row has none.
    fn cells<'a>(&'a self, column: &'a Column) -> impl Iterator<Item = Option<&'a str>> {
        let mut next = 0;
        (0..self.lines.len() as u32).map(move |row| {
            if column.rows.get(next) != Some(&row) {
                return column.default.as_deref();
            }
            let start = if next == 0 { 0 } else { column.ends[next - 1] };
            next += 1;
            Some(&column.text[start..column.ends[next - 1]])
        })
    }
}

impl Column {
    /// Keys for all elements also make columns that no element of this table has.
    fn is_used(&self) -> bool {
        self.declared || !self.rows.is_empty()
    }
}
