//! Categorical columns: one of a few names per row.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::memory::with_room;
use crate::{Error, Location};

/// One name per row, stored as codes into a list of distinct names.
///
/// [`Labels::from_values`] orders the names by first appearance. A missing value is the empty name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    names: Vec<String>,
    codes: Vec<u32>,
}

impl Labels {
    /// Takes distinct names and one code per row.
    ///
    /// # Errors
    /// [`Error::DuplicateName`] if a name stands twice, [`Error::OutOfRange`] if a code points outside the names,
    /// [`Error::TooMany`] beyond 2^32 - 1 names.
    pub fn new(names: Vec<String>, codes: Vec<u32>) -> Result<Self, Error> {
        let here = Location::memory();
        check_count(&here, "labels", names.len())?;
        let mut seen = HashMap::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            if seen.insert(name.as_str(), index).is_some() {
                return Err(Error::DuplicateName {
                    at: here.key(format!("label {index}")),
                    what: "label",
                    name: name.clone(),
                });
            }
        }
        if let Some(row) = codes.iter().position(|&code| code as usize >= names.len()) {
            return Err(Error::OutOfRange {
                at: here.key(format!("code of row {row}")),
                index: i64::from(codes[row]),
                n: names.len(),
                what: "labels",
            });
        }
        Ok(Self { names, codes })
    }

    /// Builds a column from one name per row; codes count distinct names in order of first appearance.
    pub fn from_values<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Self {
        let mut builder = LabelsBuilder::default();
        for value in values {
            builder.push(value.as_ref());
        }
        builder.finish()
    }

    /// The distinct names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// One code per row.
    #[must_use]
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Distinct names.
    #[must_use]
    pub fn n_names(&self) -> usize {
        self.names.len()
    }

    /// The name of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn get(&self, row: usize) -> &str {
        &self.names[self.codes[row] as usize]
    }

    /// The name of every row, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.codes.iter().map(|&code| self.names[code as usize].as_str())
    }

    /// The code of a name.
    #[must_use]
    pub fn code_of(&self, name: &str) -> Option<u32> {
        self.names.iter().position(|n| n == name).map(|code| code as u32)
    }

    /// The rows with this name, ascending; empty if no row has it.
    #[must_use]
    pub fn rows_of(&self, name: &str) -> Vec<u32> {
        let Some(wanted) = self.code_of(name) else {
            return Vec::new();
        };
        (0u32..).zip(&self.codes).filter(|&(_, &code)| code == wanted).map(|(row, _)| row).collect()
    }

    /// Rows per name, in the order of [`Labels::names`].
    #[must_use]
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.names.len()];
        for &code in &self.codes {
            counts[code as usize] += 1;
        }
        counts
    }

    /// Other rows of the same names.
    pub(crate) fn with_codes(self, codes: Vec<u32>) -> Self {
        debug_assert!(codes.iter().all(|&code| (code as usize) < self.names.len()));
        Self { names: self.names, codes }
    }

    /// The column at the given rows, in their order; all names are kept.
    ///
    /// # Panics
    /// If a row is out of range.
    #[must_use]
    pub fn select(&self, rows: &[u32]) -> Self {
        let codes = rows.iter().map(|&row| self.codes[row as usize]).collect();
        Self { names: self.names.clone(), codes }
    }
}

/// Collects a column value by value. Names stand one behind the other: many short ones take a fraction of what as many strings
/// do, in a table that may be refused yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelsBuilder {
    names: String,
    /// Where each name ends.
    ends: Vec<usize>,
    /// One more than the code of a name, by its hash; 0 where there is none. Half of it is empty.
    table: Vec<u32>,
    hash: RandomState,
    codes: Vec<u32>,
}

impl LabelsBuilder {
    /// For a number of rows.
    pub(crate) fn with_room(rows: usize) -> Self {
        Self { codes: with_room(rows), ..Self::default() }
    }

    /// Adds a row and gives the code of its name.
    pub(crate) fn push(&mut self, name: &str) {
        let code = self.code(name);
        self.push_code(code);
    }

    /// Adds a row of which [`LabelsBuilder::code`] gave the code.
    pub(crate) fn push_code(&mut self, code: u32) {
        self.codes.push(code);
    }

    /// The code of a name, which is added if it is new.
    pub(crate) fn code(&mut self, name: &str) -> u32 {
        // Rows often repeat the name before.
        if let Some(&last) = self.codes.last()
            && self.name(last) == name
        {
            return last;
        }
        if 2 * self.ends.len() >= self.table.len() {
            self.table = vec![0; (2 * self.table.len()).max(16)];
            for code in 0..self.ends.len() as u32 {
                let place = self.find(self.name(code)).unwrap_or_else(|free| free);
                self.table[place] = code + 1;
            }
        }
        match self.find(name) {
            Ok(place) => self.table[place] - 1,
            Err(free) => {
                let code = self.ends.len() as u32;
                self.names.push_str(name);
                self.ends.push(self.names.len());
                self.table[free] = code + 1;
                code
            }
        }
    }

    /// The place of a name in the table, or that where it goes.
    fn find(&self, name: &str) -> Result<usize, usize> {
        let mask = self.table.len() - 1;
        let mut place = self.hash.hash_one(name) as usize & mask;
        while self.table[place] != 0 {
            if self.name(self.table[place] - 1) == name {
                return Ok(place);
            }
            place = (place + 1) & mask;
        }
        Err(place)
    }

    /// The name of a code.
    pub(crate) fn name(&self, code: u32) -> &str {
        let code = code as usize;
        let start = if code == 0 { 0 } else { self.ends[code - 1] };
        &self.names[start..self.ends[code]]
    }

    /// The distinct names.
    pub(crate) fn names(&self) -> Vec<String> {
        (0..self.ends.len() as u32).map(|code| self.name(code).to_owned()).collect()
    }

    /// The finished column.
    pub(crate) fn finish(self) -> Labels {
        Labels { names: self.names(), codes: self.codes }
    }
}

/// Refuses counts that 32-bit indices cannot hold.
pub(crate) fn check_count(at: &Location, what: &'static str, n: usize) -> Result<(), Error> {
    let limit = u64::from(u32::MAX);
    if n as u64 > limit {
        return Err(Error::TooMany { at: at.boxed(), what, n: n as u64, limit });
    }
    Ok(())
}
