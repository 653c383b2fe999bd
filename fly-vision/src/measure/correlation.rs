//! Correlation of measures.

use crate::Error;

/// Pearson's correlation of two lists; pairs with a NaN are left out. NaN if fewer than two pairs are left or one list
/// does not vary.
///
/// # Panics
/// If the lists differ in length.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "correlation of {} with {} numbers", x.len(), y.len());
    let pairs = || x.iter().zip(y).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let n = pairs().count() as f64;
    // their sums of squares may be rounding
    let varies = |list: fn((&f64, &f64)) -> f64| pairs().map(list).any(|v| Some(v) != pairs().map(list).next());
    if !(varies(|(a, _)| *a) && varies(|(_, b)| *b)) {
        return f64::NAN;
    }
    let (sum_x, sum_y) = pairs().fold((0.0, 0.0), |(sx, sy), (a, b)| (sx + a, sy + b));
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (a, b) in pairs() {
        let (dx, dy) = (a - mean_x, b - mean_y);
        xy += dx * dy;
        xx += dx * dx;
        yy += dy * dy;
    }
    (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0)
}

/// Correlation of `one`, `[n]`, with each row of `many`, `[rows, n]` row-major: `[rows]`.
///
/// # Errors
/// [`Error::Shape`] if `many` does not hold whole rows.
pub fn correlate_one_to_many(one: &[f64], many: &[f64]) -> Result<Vec<f64>, Error> {
    if one.is_empty() || !many.len().is_multiple_of(one.len()) {
        return Err(Error::shape(
            "what is correlated",
            format!("{} numbers", many.len()),
            format!("rows of {} numbers", one.len()),
        ));
    }
    Ok(many.chunks_exact(one.len()).map(|row| pearson(one, row)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Correlation is symmetric, ignores scale and offset of either list, and follows a negative scale's sign.
        #[test]
        fn laws(
            x in prop::collection::vec(-5.0..5.0, 8),
            y in prop::collection::vec(-5.0..5.0, 8),
            a in 0.1..9.0,
            b in -9.0..9.0,
        ) {
            let r = pearson(&x, &y);
            let moved: Vec<f64> = x.iter().map(|v: &f64| b - a * v).collect();
            prop_assert!((-1.0..=1.0).contains(&r));
            prop_assert!((r - pearson(&y, &x)).abs() < 1e-12);
            prop_assert!((r + pearson(&moved, &y)).abs() < 1e-9);
            prop_assert!((pearson(&moved, &x) + 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn rows_and_gaps() {
        let one = [1.0, 2.0, 3.0];
        assert_eq!(correlate_one_to_many(&one, &[2.0, 4.0, 6.0, 1.0, 0.0, -1.0]).unwrap(), [1.0, -1.0]);
        assert_eq!(pearson(&[1.0, f64::NAN, 2.0, 3.0], &[1.0, 9.0, 2.0, 3.0]), 1.0);
        assert!(pearson(&one, &[5.0; 3]).is_nan() && pearson(&[], &[]).is_nan() && pearson(&[2.0], &[3.0]).is_nan());
        // a third of 0.1 + 0.1 + 0.1 is not 0.1
        assert!(pearson(&[1.0, 2.0, 4.0], &[0.1; 3]).is_nan() && pearson(&[0.1; 3], &[0.1; 3]).is_nan());
        assert!(correlate_one_to_many(&one, &[1.0; 4]).is_err());
    }
}
