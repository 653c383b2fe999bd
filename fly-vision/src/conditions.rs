//! What was varied from sample to sample.

use crate::Error;

/// Arguments of a set of stimuli: a row per sample, a named column per argument.
///
/// ```
/// use fly_vision::Conditions;
///
/// let edges = Conditions::product(&[("angle", &[0.0, 90.0]), ("intensity", &[0.0, 1.0])]);
/// assert_eq!(edges.len(), 4);
/// assert_eq!(edges.column("angle")?, [0.0, 0.0, 90.0, 90.0]); // the first argument varies slowest
/// assert_eq!(edges.samples_where("intensity", 1.0)?, [1, 3]);
/// # Ok::<(), fly_vision::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions {
    names: Vec<&'static str>,
    columns: Vec<Vec<f64>>,
    len: usize,
}

impl Conditions {
    /// Every combination of values; the first argument varies slowest.
    pub fn product(arguments: &[(&'static str, &[f64])]) -> Self {
        let len = arguments.iter().map(|(_, values)| values.len()).product();
        let mut run = len;
        let mut columns = Vec::with_capacity(arguments.len());
        for (_, values) in arguments {
            run /= values.len().max(1);
            let column = (0..len).map(|row| values[row / run.max(1) % values.len()]).collect();
            columns.push(column);
        }
        Self { names: arguments.iter().map(|(name, _)| *name).collect(), columns, len }
    }

    /// Of columns that are there already.
    ///
    /// # Errors
    /// [`Error::Shape`] if they differ in length.
    pub fn from_columns(columns: Vec<(&'static str, Vec<f64>)>) -> Result<Self, Error> {
        let len = columns.first().map_or(0, |(_, values)| values.len());
        if let Some((_, other)) = columns.iter().find(|(_, values)| values.len() != len) {
            return Err(Error::shape("a column of conditions", format!("{} rows", other.len()), format!("{len}")));
        }
        let (names, columns) = columns.into_iter().unzip();
        Ok(Self { names, columns, len })
    }

    /// Adds a column computed from each row.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Fn(usize, &Self) -> f64) -> Self {
        let column = (0..self.len).map(|row| value(row, &self)).collect();
        self.names.push(name);
        self.columns.push(column);
        self
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Names of the arguments.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Values of an argument, `[samples]`.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such argument.
    pub fn column(&self, name: &str) -> Result<&[f64], Error> {
        match self.names.iter().position(|n| *n == name) {
            Some(index) => Ok(&self.columns[index]),
            None => Err(Error::unknown("argument", name, self.names.iter().copied())),
        }
    }

    /// Value of an argument in a sample.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such argument.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn value(&self, name: &str, sample: usize) -> Result<f64, Error> {
        Ok(self.column(name)?[sample])
    }

    /// The different values of an argument, in order of first appearance.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such argument.
    pub fn distinct(&self, name: &str) -> Result<Vec<f64>, Error> {
        let mut seen = Vec::new();
        for &value in self.column(name)? {
            if !seen.contains(&value) {
                seen.push(value);
            }
        }
        Ok(seen)
    }

    /// Samples in which an argument has a value.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such argument.
    pub fn samples_where(&self, name: &str, value: f64) -> Result<Vec<usize>, Error> {
        Ok(self.column(name)?.iter().enumerate().filter(|(_, v)| **v == value).map(|(row, _)| row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_count_and_columns_are_checked() {
        let all = Conditions::product(&[("a", &[1.0, 2.0, 3.0]), ("b", &[0.0, 1.0]), ("c", &[5.0])]);
        assert_eq!(all.len(), 6);
        assert_eq!(all.column("b").unwrap(), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
        assert_eq!(all.distinct("a").unwrap(), [1.0, 2.0, 3.0]);
        let sum = all.with("sum", |row, c| c.columns[0][row] + c.columns[1][row]);
        assert_eq!(sum.value("sum", 5).unwrap(), 4.0);
        assert!(sum.column("d").unwrap_err().to_string().contains("a, b, c, sum"));
        assert!(Conditions::product(&[("a", &[])]).is_empty());
        assert!(Conditions::from_columns(vec![("a", vec![1.0]), ("b", vec![])]).is_err());
    }
}
