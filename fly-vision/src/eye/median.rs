//! The middle of a list.

use std::cmp::Ordering;

/// The smaller of the two middle numbers, as libtorch counts; NaN if there is one. Reorders the list.
///
/// # Panics
/// If the list is empty.
pub(super) fn lower_median<T: PartialOrd + Copy>(values: &mut [T]) -> T {
    assert!(!values.is_empty(), "the median of no numbers");
    // only NaN has no order relative to itself
    if let Some(&nan) = values.iter().find(|value| value.partial_cmp(value).is_none()) {
        return nan;
    }
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(middle, |a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal)).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_middle_counts() {
        assert_eq!(lower_median(&mut [4.0, 1.0, 3.0, 2.0]), 2.0);
        assert_eq!(lower_median(&mut [4.0f32, 1.0, 3.0]), 3.0);
        assert!(lower_median(&mut [4.0, f64::NAN, 3.0]).is_nan());
    }
}
