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

/// Parts of at least `length` of `n` elements, from left to right at equal distances; neighbours overlap where they must.
/// As distances are whole, up to `parts - 1` elements may be left over at the end. One part is everything.
///
/// # Errors
/// [`Error::Setting`] for no parts, for parts longer than there are elements, or for so many that they would begin at
/// the same place.
pub fn overlapping_parts(n: usize, length: usize, parts: usize) -> Result<Vec<Range<usize>>, Error> {
    if parts == 0 || length == 0 || length > n {
        return Err(Error::setting("parts", format!("{parts} parts of {length} elements of {n}")));
    }
    if parts == 1 {
        return Ok(std::iter::once(0..n).collect());
    }
    let length = length.max(n / parts);
    let all = length.saturating_mul(parts);
    let step = length.saturating_sub((all - n.min(all)).div_ceil(parts - 1));
    if step == 0 {
        return Err(Error::setting(
            "parts",
            format!("{parts} parts of {length} elements of {n} begin at the same place; take fewer"),
        ));
    }
    Ok((0..parts).map(|i| i * step..i * step + length).collect())
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
        for (n, length, parts) in [(716, 417, 3), (100, 37, 5), (64, 10, 7), (50, 49, 2)] {
            let all = overlapping_parts(n, length, parts).unwrap();
            assert!(all.windows(2).all(|pair| pair[0].start < pair[1].start && pair[1].start <= pair[0].end));
            assert!(all[parts - 1].end <= n && all[parts - 1].end + parts > n, "{all:?}");
        }
        for (n, parts) in [(417, 3), (418, 3)] {
            assert!(overlapping_parts(n, 417, parts).unwrap_err().to_string().contains("same place"));
        }
        assert!(overlapping_parts(3, 4, 2).is_err());
        assert!(overlapping_parts(3, 2, 0).is_err());
        assert!(centre_crop(3, f64::NAN).is_err());
    }
}
