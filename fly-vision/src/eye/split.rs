//! Parts of wide images.

use std::ops::Range;

use crate::Error;

/// The middle of `n` elements: a fraction of them, rounded down.
///
/// # Errors
/// [`Error::Setting`] unless the fraction lies between 0 and 1.
pub fn centre_crop(n: usize, fraction: f64) -> Result<Range<usize>, Error> {
    if !(0.0..=1.0).contains(&fraction) {
        return Err(Error::setting("fraction of a crop", format!("{fraction}, which must lie between 0 and 1")));
    }
    let kept = (fraction * n as f64) as usize;
    Ok((n - kept) / 2..(n + kept) / 2)
}

/// Parts of at least `length` that cover `n` elements from left to right at equal distances; neighbours overlap where
/// they must. One part is everything.
///
/// # Errors
/// [`Error::Setting`] for no parts, or for parts longer than there are elements.
pub fn overlapping_parts(n: usize, length: usize, parts: usize) -> Result<Vec<Range<usize>>, Error> {
    if parts == 0 || length == 0 || length > n {
        return Err(Error::setting("parts", format!("{parts} parts of {length} elements of {n}")));
    }
    if parts == 1 {
        return Ok(std::iter::once(0..n).collect());
    }
    let length = length.max(n / parts);
    let overlap = (length * parts - n.min(length * parts)).div_ceil(parts - 1);
    Ok((0..parts).map(|i| i * (length - overlap)..i * (length - overlap) + length).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_frames_are_split_in_three() {
        let crop = centre_crop(1024, 0.7).unwrap();
        assert_eq!(crop, 154..870);
        assert_eq!(overlapping_parts(crop.len(), 417, 3).unwrap(), [0..417, 149..566, 298..715]);
        assert_eq!(overlapping_parts(10, 3, 1).unwrap().first(), Some(&(0..10)));
        assert_eq!(overlapping_parts(11, 2, 3).unwrap(), [0..3, 3..6, 6..9]);
        assert!(overlapping_parts(3, 4, 2).is_err());
        assert!(overlapping_parts(3, 2, 0).is_err());
        assert!(centre_crop(3, f64::NAN).is_err());
    }
}
