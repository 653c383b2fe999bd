//! Tables of results, in Markdown, aligned for reading as they are.

use std::fmt;

/// A table: the first column to the left, numbers to the right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no rows.
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// Unless it has a cell for each column.
    pub fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.head.len(), "cells {cells:?} for the columns {:?}", self.head);
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || std::iter::once(&self.head).chain(&self.rows);
        let widths: Vec<usize> =
            (0..self.head.len()).map(|i| lines().map(|cells| cells[i].chars().count()).max().unwrap_or(0)).collect();
        for (at, cells) in lines().enumerate() {
            for (i, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
                if i == 0 {
                    write!(f, "| {cell:<width$} |")?;
                } else {
                    write!(f, " {cell:>width$} |")?;
                }
            }
            writeln!(f)?;
            if at == 0 {
                for (i, &width) in widths.iter().enumerate() {
                    match i {
                        0 => write!(f, "| {} |", "-".repeat(width))?,
                        _ => write!(f, " {}: |", "-".repeat(width.saturating_sub(1)))?,
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// A number with three significant digits, plain between a thousandth and a million; "-" where there is none.
pub fn number(x: f64) -> String {
    let size = x.abs();
    if x.is_nan() {
        "-".into()
    } else if x == 0.0 {
        "0".into()
    } else if !(1e-3..1e6).contains(&size) {
        format!("{x:.2e}")
    } else {
        let whole = size.log10().floor() as i32 + 1;
        format!("{x:.*}", (3 - whole).max(0) as usize)
    }
}

/// An error: one digit and its power of ten; "-" where it is not a number.
pub fn error(x: f64) -> String {
    if x.is_nan() { "-".into() } else { format!("{x:.1e}") }
}

/// How many times as much: two digits behind the point below ten, fewer above.
pub fn ratio(x: f64) -> String {
    if x.is_nan() {
        "-".into()
    } else if x < 9.995 {
        format!("{x:.2}x")
    } else {
        format!("{x:.1}x")
    }
}

/// A count; "-" where it is not known.
pub fn count(n: Option<u64>) -> String {
    n.map_or_else(|| "-".into(), |n| n.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["implementation", "wall s"]);
        table.row(vec!["ours".into(), "0.25".into()]);
        table.row(vec!["Dormand–Prince".into(), "12345.67".into()]);
        assert_eq!(
            table.to_string(),
            "| implementation |   wall s |\n\
             | -------------- | -------: |\n\
             | ours           |     0.25 |\n\
             | Dormand–Prince | 12345.67 |\n"
        );
    }

    #[test]
    #[should_panic(expected = "for the columns")]
    fn rows_must_fit() {
        Table::new(&["a", "b"]).row(vec!["1".into()]);
    }

    #[test]
    fn numbers_are_short() {
        for (x, want) in [
            (0.0, "0"),
            (0.5934, "0.593"),
            (12.345, "12.3"),
            (917.3, "917"),
            (47521.0, "47521"),
            (1.234e-7, "1.23e-7"),
            (f64::NAN, "-"),
        ] {
            assert_eq!(number(x), want);
        }
        assert_eq!(error(1.26e-6), "1.3e-6");
        assert_eq!(ratio(1.444), "1.44x");
        assert_eq!(ratio(55.55), "55.5x");
        assert_eq!(ratio(f64::NAN), "-");
        assert_eq!(count(None), "-");
        assert_eq!(count(Some(38)), "38");
    }

    proptest! {
        /// A number that is read back differs by less than the third digit.
        #[test]
        fn three_digits_are_right(x in prop_oneof![1e-9..1e9f64, -1e9..-1e-9f64]) {
            let back: f64 = number(x).parse().unwrap();
            prop_assert!((back - x).abs() <= 0.0051 * x.abs(), "{x} became {back}");
        }
    }
}
