//! Tables of text.

use std::fmt;

/// A table with the first column to the left and the others to the right.
///
/// ```
/// let mut table = examples::Table::new(["animal", "neurons"]);
/// table.row(["worm", "302"]).row(["fly", "45,669"]);
/// assert_eq!(table.to_string(), "  animal  neurons\n  worm        302\n  fly      45,669\n");
/// ```
#[derive(Debug, Clone)]
pub struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table with this heading.
    pub fn new<S: Into<String>>(heading: [S; N]) -> Self {
        Self { rows: vec![heading.map(Into::into)] }
    }

    /// Adds a row.
    pub fn row<S: Into<String>>(&mut self, cells: [S; N]) -> &mut Self {
        self.rows.push(cells.map(Into::into));
        self
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width: [usize; N] = std::array::from_fn(|column| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        });
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(width).enumerate() {
                line += &match column {
                    0 => format!("  {cell:<width$}"),
                    _ => format!("  {cell:>width$}"),
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A number with commas between groups of three digits: `45,669`.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A fraction in percent, with three digits that count.
pub fn percent(fraction: f64) -> String {
    let percent = 100.0 * fraction;
    match percent.abs() {
        p if p >= 99.95 || p == 0.0 => format!("{percent:.0} %"),
        p if p >= 9.995 => format!("{percent:.1} %"),
        p if p >= 0.9995 => format!("{percent:.2} %"),
        _ => format!("{percent:.3} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_stand_between_groups_of_three() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (45_669, "45,669"), (1_513_231, "1,513,231")] {
            assert_eq!(count(n), text);
        }
    }

    #[test]
    fn percentages_keep_three_digits() {
        for (fraction, text) in
            [(0.0, "0 %"), (0.000_726, "0.073 %"), (0.03989, "3.99 %"), (0.65, "65.0 %"), (1.0, "100 %")]
        {
            assert_eq!(percent(fraction), text);
        }
    }

    /// Widths count characters, and no line ends in blanks.
    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["", "µ", "x"]);
        table.row(["é", "1.5", ""]);
        assert_eq!(table.to_string(), "       µ  x\n  é  1.5\n");
    }
}
