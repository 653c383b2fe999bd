//! Columns of a batch of rows.

use std::sync::Arc;

use crate::labels::LabelsBuilder;

/// A column of a batch.
#[derive(Default)]
pub(in crate::format) struct Column {
    pub(in crate::format) values: Values,
    /// Whether a row has no value; empty if all rows have one.
    pub(in crate::format) null: Vec<bool>,
    /// The distinct texts of all batches so far.
    pub(in crate::format) texts: LabelsBuilder,
}

/// Values of a column, one per row; those of rows without value mean nothing.
pub(in crate::format) enum Values {
    Int(Vec<i64>),
    /// Places in a list of whole numbers, all of them in the list unless the row has no value.
    Coded(Vec<u32>, Arc<Vec<i64>>),
    /// Unsigned numbers of 64 bits.
    Large(Vec<u64>),
    Float(Vec<f64>),
    /// Codes of texts.
    Text(Vec<u32>),
}

impl Default for Values {
    fn default() -> Self {
        Self::Int(Vec::new())
    }
}

impl Values {
    /// Values.
    pub(in crate::format) fn len(&self) -> usize {
        match self {
            Self::Int(values) => values.len(),
            Self::Large(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Text(codes) | Self::Coded(codes, _) => codes.len(),
        }
    }

    /// Whole numbers, added to one by one.
    pub(in crate::format) fn as_int(&mut self) -> Option<&mut Vec<i64>> {
        if let Self::Coded(codes, list) = self {
            *self = Self::Int(codes.iter().map(|&code| number_of(list, code)).collect());
        }
        if let Self::Int(values) = self { Some(values) } else { None }
    }

    /// Forgets all values.
    pub(in crate::format) fn clear(&mut self) {
        match self {
            Self::Int(values) => values.clear(),
            Self::Large(values) => values.clear(),
            Self::Float(values) => values.clear(),
            Self::Text(codes) => codes.clear(),
            Self::Coded(codes, list) => {
                codes.clear();
                *list = Arc::default();
            }
        }
    }

    /// Moves the values from `start` on apart, so that each stands in the row that `present` marks.
    pub(in crate::format) fn spread(&mut self, start: usize, present: &[bool]) {
        fn spread<T: Copy + Default>(values: &mut Vec<T>, start: usize, present: &[bool]) {
            let mut from = values.len();
            values.resize(start + present.len(), T::default());
            for (row, _) in present.iter().enumerate().rev().filter(|(_, present)| **present) {
                from -= 1;
                values[start + row] = values[from];
            }
        }
        match self {
            Self::Int(values) => spread(values, start, present),
            Self::Large(values) => spread(values, start, present),
            Self::Float(values) => spread(values, start, present),
            Self::Text(codes) | Self::Coded(codes, _) => spread(codes, start, present),
        }
    }
}

/// What a code stands for; anything for that of a row without value.
pub(super) fn number_of(list: &[i64], code: u32) -> i64 {
    list.get(code as usize).copied().unwrap_or_default()
}

/// Which numbers a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Signed {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_numbers() {
        let mut values = Values::Coded(vec![1, 0, 1, 9], Arc::new(vec![-5, 7]));
        // the last one is of a row without value
        assert_eq!((values.len(), values.as_int().cloned()), (4, Some(vec![7, -5, 7, 0])));
        assert!(matches!(values, Values::Int(_)) && Values::Text(vec![0]).as_int().is_none());
    }

    #[test]
    fn values_move_to_their_rows() {
        let mut values = Values::Int(vec![9, 1, 2, 3]);
        values.spread(1, &[false, true, false, true, true, false]);
        let Values::Int(values) = values else { unreachable!("the kind stays") };
        assert_eq!((values.len(), values[0], values[2], values[4], values[5]), (7, 9, 1, 2, 3));
    }
}
