//! The first line and the line of sizes.

use super::BANNER;
use super::lines::{Line, Lines};
use crate::format::csv_tables::parse_i64;
use crate::{Error, Location};

/// How entries are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Row, column, value.
    Coordinate,
    /// All values, column by column.
    Array,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Real,
    Integer,
    /// There are no values.
    Pattern,
}

impl Field {
    pub(super) fn is_integer(self) -> bool {
        self == Self::Integer
    }
}

/// Which entries are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symmetry {
    General,
    /// The lower triangle and the diagonal.
    Symmetric,
    /// The lower triangle; the upper one has the other sign.
    Skew,
}

/// What a file states before its entries.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) layout: Layout,
    pub(super) field: Field,
    pub(super) symmetry: Symmetry,
    pub(super) rows: u64,
    pub(super) columns: u64,
    /// Entries or values that the file lists.
    pub(super) stored: u64,
}

impl Header {
    pub(super) fn read(lines: &mut Lines) -> Result<Self, Error> {
        let at = lines.at().clone();
        let Some(mut line) = lines.next_raw()? else {
            return Err(Error::Empty { at: at.boxed(), what: "bytes" });
        };
        let (layout, field, symmetry) = banner(&mut line, &at)?;
        let Some(mut line) = lines.next()? else {
            let problem = "the file ends before the line of sizes".to_owned();
            return Err(Error::Malformed { at: at.boxed(), problem });
        };
        let [rows, columns] = [size(&mut line)?, size(&mut line)?];
        if symmetry != Symmetry::General && rows != columns {
            return Err(Error::NotSquare { at: at.line(line.number), shape: vec![rows, columns] });
        }
        let overflow = || Error::Overflow {
            at: at.line(line.number),
            what: "number of entries of shape",
            text: format!("{:?}", [rows, columns]),
        };
        let stored = match (layout, symmetry) {
            (Layout::Coordinate, _) => size(&mut line)?,
            (Layout::Array, Symmetry::General) => rows.checked_mul(columns).ok_or_else(overflow)?,
            (Layout::Array, Symmetry::Symmetric) => {
                rows.checked_add(1).and_then(|next| rows.checked_mul(next)).ok_or_else(overflow)? / 2
            }
            (Layout::Array, Symmetry::Skew) => rows.checked_mul(rows.saturating_sub(1)).ok_or_else(overflow)? / 2,
        };
        line.end()?;
        Ok(Self { layout, field, symmetry, rows, columns, stored })
    }
}

/// The words of the first line.
fn banner(line: &mut Line<'_>, at: &Location) -> Result<(Layout, Field, Symmetry), Error> {
    let mut word = || {
        let (word, place) = line.word().unwrap_or((b"", 0));
        (String::from_utf8_lossy(word).to_ascii_lowercase(), line.place(place))
    };
    let unsupported = |what: &str, place, remedy| Err(Error::Unsupported { at: place, what: what.to_owned(), remedy });
    let bad = |text: String, place, what, allowed| Err(Error::BadValue { at: place, what, text, allowed });
    if word().0.as_bytes() != BANNER.to_ascii_lowercase() {
        let problem = "the first line does not begin with %%MatrixMarket".to_owned();
        return Err(Error::Malformed { at: at.line(1), problem });
    }
    let (object, place) = word();
    if object != "matrix" {
        return bad(object, place, "object", "matrix");
    }
    let (layout, place) = word();
    let layout = match layout.as_str() {
        "coordinate" => Layout::Coordinate,
        "array" => Layout::Array,
        _ => return bad(layout, place, "layout", "coordinate, array"),
    };
    let (field, place) = word();
    let field = match field.as_str() {
        "real" | "double" => Field::Real,
        "integer" | "unsigned-integer" => Field::Integer,
        "pattern" if layout == Layout::Array => {
            let problem = "a pattern has no values, which the layout array lists".to_owned();
            return Err(Error::Malformed { at: place, problem });
        }
        "pattern" => Field::Pattern,
        "complex" => return unsupported("a complex matrix", place, "save its real part"),
        _ => return bad(field, place, "type of value", "real, double, integer, unsigned-integer, pattern"),
    };
    let (symmetry, place) = word();
    let symmetry = match symmetry.as_str() {
        "general" => Symmetry::General,
        "symmetric" => Symmetry::Symmetric,
        "skew-symmetric" if field == Field::Pattern => {
            let problem = "a pattern has no values whose sign could change".to_owned();
            return Err(Error::Malformed { at: place, problem });
        }
        "skew-symmetric" => Symmetry::Skew,
        "hermitian" => return unsupported("a Hermitian matrix", place, "save its real part as symmetric"),
        _ => return bad(symmetry, place, "symmetry", "general, symmetric, skew-symmetric"),
    };
    line.end()?;
    Ok((layout, field, symmetry))
}

fn size(line: &mut Line<'_>) -> Result<u64, Error> {
    let (word, place) = line.token("numbers of rows, columns and entries")?;
    let parsed = parse_i64(word).and_then(|n| u64::try_from(n).ok());
    parsed.ok_or_else(|| line.bad_number(word, place, "size (whole number from 0)"))
}
