//! Indices of any width, checked and narrowed to 32 bits in passes that vectorise.

use crate::memory::with_room;
use crate::{Array, ArrayData, Error, Location};

/// Indices of `n` things as 32 bits; `name` is what the file calls the array.
///
/// # Errors
/// [`Error::OutOfRange`] names the first index that is negative or not below `n`; [`Error::BadNumber`] for arrays that are
/// not of integers.
pub(crate) fn narrow(array: &Array, n: usize, name: &str, at: &Location) -> Result<Vec<u32>, Error> {
    let mut narrow = with_room(array.len());
    let fits = match array.data() {
        ArrayData::I32(values) => append(values.iter().copied().map(i64::from), n, &mut narrow),
        ArrayData::I64(values) => append(values.iter().copied(), n, &mut narrow),
        ArrayData::U16(values) => append(values.iter().copied().map(i64::from), n, &mut narrow),
        ArrayData::U32(values) => append(values.iter().copied().map(i64::from), n, &mut narrow),
        _ => false,
    };
    if fits {
        return Ok(narrow);
    }
    let values = array.to_i64().map_err(|mut error| {
        error.prefix_key(name);
        error.in_file(at)
    })?;
    let check = |(place, &index): (usize, &i64)| {
        let fits = u32::try_from(index).ok().filter(|&i| (i as usize) < n);
        let at = || at.key(format!("{name}[{place}]"));
        fits.ok_or_else(|| Error::OutOfRange { at: at(), index, n, what: "neurons" })
    };
    values.iter().enumerate().map(check).collect()
}

/// Appends the low halves of indices; whether all are below `n`, without which what was appended means nothing.
pub(crate) fn append(values: impl Iterator<Item = i64> + Clone, n: usize, narrow: &mut Vec<u32>) -> bool {
    let start = narrow.len();
    // Negative numbers are large ones without sign.
    let all = values.clone().fold(0, |all, index| all | index as u64);
    narrow.extend(values.map(|index| index as u32));
    let top = narrow[start..].iter().fold(0, |top, &index| top.max(index));
    narrow.len() == start || (all >> 32 == 0 && (top as usize) < n)
}

/// The row of every entry of a compressed matrix, from row pointers that start at 0, never fall and end at `n_entries`.
///
/// # Errors
/// [`Error::Empty`], [`Error::Malformed`].
pub(crate) fn expand_pointers(pointers: &[i64], n_entries: usize, at: &Location) -> Result<Vec<u32>, Error> {
    let bad = |problem: String| Error::Malformed { at: at.boxed(), problem };
    let (Some(&first), Some(&last)) = (pointers.first(), pointers.last()) else {
        return Err(Error::Empty { at: at.boxed(), what: "row pointers" });
    };
    if first != 0 || last != n_entries as i64 {
        return Err(bad(format!("row pointers run from {first} to {last}, 0 to {n_entries} is wanted")));
    }
    if let Some(row) = pointers.windows(2).position(|pair| pair[0] > pair[1]) {
        return Err(bad(format!("row pointer {} falls from {} to {}", row + 1, pointers[row], pointers[row + 1])));
    }
    let mut rows = with_room(n_entries);
    for (row, pair) in (0u32..).zip(pointers.windows(2)) {
        rows.extend(std::iter::repeat_n(row, (pair[1] - pair[0]) as usize));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_is_narrowed_and_checked() {
        let at = Location::memory();
        let arrays = [
            Array::vector(vec![0i32, 4, 2]),
            Array::vector(vec![0i64, 4, 2]),
            Array::vector(vec![0u16, 4, 2]),
            Array::vector(vec![0u32, 4, 2]),
            Array::vector(vec![0u64, 4, 2]),
            Array::vector(vec![0i8, 4, 2]),
        ];
        for array in &arrays {
            assert_eq!(narrow(array, 5, "row", &at).unwrap(), [0, 4, 2], "{:?}", array.dtype());
            let error = narrow(array, 4, "row", &at).unwrap_err();
            assert!(matches!(error, Error::OutOfRange { index: 4, n: 4, .. }), "{error}");
            assert!(error.to_string().contains("row[1]"), "{error}");
        }
        for bad in [-1, 1 << 32, i64::MIN, (1 << 32) + 1] {
            let n = u32::MAX as usize;
            assert!(narrow(&Array::vector(vec![0, bad]), n, "row", &at).is_err(), "{bad}");
        }
        assert!(narrow(&Array::vector(vec![-1i32]), u32::MAX as usize, "row", &at).is_err());
        assert!(narrow(&Array::vector(vec![0.0]), 1, "row", &at).is_err());
        assert!(narrow(&Array::vector(Vec::<i64>::new()), 0, "row", &at).unwrap().is_empty());
    }

    #[test]
    fn pointers_become_rows() {
        let at = Location::memory();
        assert_eq!(expand_pointers(&[0, 2, 2, 3], 3, &at).unwrap(), [0, 0, 2]);
        for bad in [&[][..], &[1, 3], &[0, 2], &[0, 4, 3]] {
            assert!(expand_pointers(bad, 3, &at).is_err(), "{bad:?}");
        }
    }
}
