//! Rows that say nothing but their ends and weight, on the way from a file to where they are kept.

use std::sync::Arc;

use crate::row_numbers::RowNumbers;

/// Numbers of a column: as they are, or places in a list of numbers, of which each needs to be looked at once only.
#[derive(Debug)]
pub(crate) struct Numbers<T> {
    pub(crate) values: Vec<T>,
    pub(crate) codes: Vec<u32>,
    pub(crate) list: Option<Arc<Vec<T>>>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { values: Vec::new(), codes: Vec::new(), list: None }
    }
}

impl<T: Copy> Numbers<T> {
    pub(crate) fn len(&self) -> usize {
        self.values.len() + self.codes.len()
    }

    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.codes.clear();
        self.list = None;
    }

    /// Adds a number to others.
    #[inline]
    pub(crate) fn push(&mut self, number: T) {
        debug_assert!(self.list.is_none(), "numbers among places in a list");
        self.values.push(number);
    }

    /// Adds all numbers to a column.
    pub(crate) fn append_to(&self, column: &mut Vec<T>) {
        match &self.list {
            Some(list) => {
                let list = list.as_slice();
                column.extend(self.codes.iter().map(|&code| list[code as usize]));
            }
            None => column.extend_from_slice(&self.values),
        }
    }

    /// The number of a row.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> T {
        match &self.list {
            Some(list) => list[self.codes[row] as usize],
            None => self.values[row],
        }
    }
}

/// Rows of numbers.
#[derive(Debug, Default)]
pub(crate) struct PlainRows {
    pub(crate) pre: Numbers<i64>,
    pub(crate) post: Numbers<i64>,
    /// All of them finite.
    pub(crate) weight: Numbers<f64>,
    /// Line or number of each row.
    pub(crate) numbers: RowNumbers,
}

impl PlainRows {
    /// Adds a row: both ends and the weight, which is below 2^53.
    #[inline]
    pub(crate) fn push(&mut self, [pre, post, weight]: [u64; 3], number: u32) {
        self.pre.push(pre as i64);
        self.post.push(post as i64);
        self.weight.push(weight as f64);
        self.numbers.push(number);
    }

    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.pre.len()
    }

    /// Forgets all rows.
    pub(crate) fn clear(&mut self) {
        self.pre.clear();
        self.post.clear();
        self.weight.clear();
        self.numbers.clear();
    }
}
