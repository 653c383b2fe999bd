//! One row per connection.

use crate::labels::check_count;
use crate::{Error, Labels, Location, Sign};

/// The connections of a connectome: `pre -> post` with a weight.
///
/// `pre` and `post` are rows of the neuron table. A weight is a synapse count or a strength. Counts are positive and
/// their effect is in the signs; weights that come from a signed matrix are negative themselves, and there are no signs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SynapseTable {
    pre: Vec<u32>,
    post: Vec<u32>,
    weight: Vec<f64>,
    signs: Option<Vec<Sign>>,
    kinds: Option<Labels>,
    columns: Vec<(String, Labels)>,
}

impl SynapseTable {
    /// A table of connections.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] if the lengths differ, [`Error::NotFinite`] if a weight is NaN or infinite,
    /// [`Error::TooMany`] beyond 2^32 - 1 rows.
    pub fn new(pre: Vec<u32>, post: Vec<u32>, weight: Vec<f64>) -> Result<Self, Error> {
        let table = Self::of_finite(pre, post, weight)?;
        if let Some(row) = first_not_finite(&table.weight) {
            let at = Location::memory().key(format!("weight of synapse row {row}"));
            return Err(Error::NotFinite { at, what: "weight", value: table.weight[row] });
        }
        Ok(table)
    }

    /// A table of connections whose weights are known to be finite.
    pub(crate) fn of_finite(pre: Vec<u32>, post: Vec<u32>, weight: Vec<f64>) -> Result<Self, Error> {
        check_count(&Location::memory(), "synapse rows", pre.len())?;
        let table = Self { pre, ..Self::default() };
        table.check("post", post.len())?;
        table.check("weight", weight.len())?;
        Ok(Self { post, weight, ..table })
    }

    /// Adds a sign per row.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`].
    pub fn with_signs(mut self, signs: Vec<Sign>) -> Result<Self, Error> {
        self.check("signs", signs.len())?;
        self.signs = Some(signs);
        Ok(self)
    }

    /// Adds the kind of connection per row: [`SynapseTable::CHEMICAL`], [`SynapseTable::ELECTRICAL`], ...
    ///
    /// # Errors
    /// [`Error::LengthMismatch`].
    pub fn with_kinds(mut self, kinds: Labels) -> Result<Self, Error> {
        self.check("kinds", kinds.len())?;
        self.kinds = Some(kinds);
        Ok(self)
    }

    /// Adds a further named column, such as the neuropil; a column of that name is replaced.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`].
    pub fn with_column(mut self, name: impl Into<String>, labels: Labels) -> Result<Self, Error> {
        let name = name.into();
        self.check(&name, labels.len())?;
        match self.columns.iter_mut().find(|(n, _)| *n == name) {
            Some(column) => column.1 = labels,
            None => self.columns.push((name, labels)),
        }
        Ok(self)
    }

    /// Kind of a chemical synapse.
    pub const CHEMICAL: &'static str = "chemical";
    /// Kind of a gap junction.
    pub const ELECTRICAL: &'static str = "electrical";
    /// Kind of a synapse onto muscle.
    pub const NEUROMUSCULAR: &'static str = "neuromuscular";

    fn check(&self, what: &str, got: usize) -> Result<(), Error> {
        if got == self.pre.len() {
            return Ok(());
        }
        Err(Error::LengthMismatch {
            at: Location::memory().key("synapse table"),
            what: what.to_owned(),
            got,
            want: self.pre.len(),
            reason: "one per synapse row",
        })
    }

    /// Refuses rows that point outside a table of `n` neurons.
    pub(crate) fn check_range(&self, n: usize) -> Result<(), Error> {
        for (what, column) in [("pre", &self.pre), ("post", &self.post)] {
            let top = column.iter().fold(0, |top, &index| top.max(index));
            if column.is_empty() || (top as usize) < n {
                continue;
            }
            if let Some(row) = column.iter().position(|&index| index as usize >= n) {
                return Err(Error::OutOfRange {
                    at: Location::memory().key(format!("{what} of synapse row {row}")),
                    index: i64::from(column[row]),
                    n,
                    what: "neurons",
                });
            }
        }
        Ok(())
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pre.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pre.is_empty()
    }

    /// Presynaptic neuron per row.
    #[must_use]
    pub fn pre(&self) -> &[u32] {
        &self.pre
    }

    /// Postsynaptic neuron per row.
    #[must_use]
    pub fn post(&self) -> &[u32] {
        &self.post
    }

    /// Synapse count or strength per row, finite.
    #[must_use]
    pub fn weight(&self) -> &[f64] {
        &self.weight
    }

    /// Sign per row.
    #[must_use]
    pub fn signs(&self) -> Option<&[Sign]> {
        self.signs.as_deref()
    }

    /// Kind per row.
    #[must_use]
    pub fn kinds(&self) -> Option<&Labels> {
        self.kinds.as_ref()
    }

    /// Further columns, in the order in which they were added.
    #[must_use]
    pub fn columns(&self) -> &[(String, Labels)] {
        &self.columns
    }

    /// The further column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Labels> {
        self.columns.iter().find(|(n, _)| n == name).map(|(_, labels)| labels)
    }

    /// The given rows, in their order; rows may repeat.
    ///
    /// # Panics
    /// If a row is out of range.
    #[must_use]
    pub fn select(&self, rows: &[u32]) -> Self {
        fn take<T: Copy>(column: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|&row| column[row as usize]).collect()
        }
        Self {
            pre: take(&self.pre, rows),
            post: take(&self.post, rows),
            weight: take(&self.weight, rows),
            signs: self.signs.as_ref().map(|signs| take(signs, rows)),
            kinds: self.kinds.as_ref().map(|kinds| kinds.select(rows)),
            columns: self.columns.iter().map(|(name, labels)| (name.clone(), labels.select(rows))).collect(),
        }
    }

    /// Exchanges pre and post in every row.
    #[must_use]
    pub fn transpose(mut self) -> Self {
        std::mem::swap(&mut self.pre, &mut self.post);
        self
    }
}

/// The first weight that is NaN or infinite. The usual answer, none, is found in passes that vectorise.
pub(crate) fn first_not_finite(weights: &[f64]) -> Option<usize> {
    let bad = |piece: &&[f64]| piece.iter().fold(false, |bad, weight| bad | !weight.is_finite());
    let piece = weights.chunks(1024).position(|piece| bad(&piece))?;
    weights[1024 * piece..].iter().position(|weight| !weight.is_finite()).map(|row| 1024 * piece + row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_weight_that_is_not_finite() {
        for n in [1, 1023, 1024, 1025, 3000] {
            let mut weights = vec![1.0; n];
            assert_eq!(first_not_finite(&weights), None);
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                weights[n - 1] = bad;
                assert_eq!(first_not_finite(&weights), Some(n - 1));
            }
        }
        assert_eq!(first_not_finite(&[]), None);
    }
}
