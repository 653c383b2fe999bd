//! Tables of a report.

use serde_json::Value;

/// A table with named columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    caption: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new<S: AsRef<str>>(caption: impl Into<String>, columns: &[S]) -> Self {
        let columns = columns.iter().map(|c| c.as_ref().to_owned()).collect();
        Self { caption: caption.into(), columns, rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If it has not a cell for each column.
    #[must_use]
    pub fn row<S: AsRef<str>>(mut self, cells: &[S]) -> Self {
        assert_eq!(
            cells.len(),
            self.columns.len(),
            "a row has {} cells, the table {} columns",
            cells.len(),
            self.columns.len()
        );
        self.rows.push(cells.iter().map(|c| c.as_ref().to_owned()).collect());
        self
    }

    /// The first rows, `most` of them, of a table of comma-separated values without quotes; the caption says what was left out.
    pub fn csv(caption: impl Into<String>, text: &str, most: usize) -> Self {
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        let columns = lines.next().unwrap_or_default();
        let mut rows: Vec<Vec<String>> = lines.collect();
        for row in &mut rows {
            row.resize(columns.len(), String::new());
        }
        let mut caption = caption.into();
        if rows.len() > most {
            caption = format!("{caption}: the first {most} of {} rows", rows.len());
            rows.truncate(most);
        }
        Self { caption, columns, rows }
    }

    /// Tables of a list of JSON objects: one for each run of objects with the same keys. Numbers are rounded to six digits; lists and
    /// objects within are left out.
    pub fn of_records(list: &Value) -> Vec<Self> {
        let mut tables: Vec<Self> = Vec::new();
        for record in list.as_array().into_iter().flatten().filter_map(Value::as_object) {
            let plain = record.iter().filter(|(_, value)| !value.is_array() && !value.is_object());
            let (columns, row): (Vec<String>, Vec<String>) =
                plain.map(|(key, value)| (key.replace('_', " "), text(value))).unzip();
            match tables.last_mut() {
                Some(table) if table.columns == columns => table.rows.push(row),
                _ => tables.push(Self { caption: String::new(), columns, rows: vec![row] }),
            }
        }
        tables
    }

    pub(super) fn caption(&self) -> &str {
        &self.caption
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }
}

/// A value for people.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => number.as_f64().map_or_else(|| number.to_string(), six_digits),
        other => other.to_string(),
    }
}

/// Six significant digits, without idle zeros.
pub(super) fn six_digits(x: f64) -> String {
    let size = x.abs();
    if size != 0.0 && !(1e-4..1e9).contains(&size) {
        return format!("{x:.5e}");
    }
    let decimals = if size == 0.0 { 0 } else { (5 - size.log10().floor() as i32).max(0) as usize };
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_have_six_digits() {
        for (x, text) in
            [(0.0, "0"), (1.0 / 3.0, "0.333333"), (-45_669.25, "-45669.2"), (1e-7, "1.00000e-7"), (2.5, "2.5")]
        {
            assert_eq!(six_digits(x), text);
        }
    }

    #[test]
    fn records_with_equal_keys_are_one_table() {
        let list = json!([{ "g": 1, "mean_field": null }, { "g": 2, "mean_field": 0.5 }, { "n": 3, "all": [1] }]);
        let tables = Table::of_records(&list);
        assert_eq!(
            (tables.len(), &tables[0].columns[1], &tables[0].rows[1][1]),
            (2, &"mean field".into(), &"0.5".into())
        );
        assert_eq!((&tables[0].rows[0][1][..], tables[1].columns.len()), ("–", 1));
    }

    #[test]
    fn long_tables_are_cut() {
        let table = Table::csv("points", "a,b\n1,2\n3\n5,6\n", 2);
        assert_eq!((table.caption(), table.rows()[1].len()), ("points: the first 2 of 3 rows", 2));
    }
}
