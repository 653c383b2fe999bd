//! Numbers in cells.

/// A whole number of 64 bits, exact, with spaces around it; `None` for anything else, fractions included.
#[inline]
pub(crate) fn parse_i64(cell: &[u8]) -> Option<i64> {
    // Plain digits, the usual case.
    if let Some(value) = digits(cell) {
        return Some(value as i64);
    }
    let cell = cell.trim_ascii();
    let (negative, digits) = match cell.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, cell),
    };
    if digits.is_empty() {
        return None;
    }
    // Downwards, since i64 reaches one further there.
    let value = digits.iter().try_fold(0i64, |value, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_sub(i64::from(digit))
    })?;
    if negative { Some(value) } else { value.checked_neg() }
}

/// A number, NaN and infinity included, with spaces around it.
#[inline]
pub(crate) fn parse_f64(cell: &[u8]) -> Option<f64> {
    // Counts, the usual case: integers below 2^53 are exact.
    if cell.len() <= 15
        && let Some(value) = digits(cell)
    {
        return Some(value as f64);
    }
    std::str::from_utf8(cell.trim_ascii()).ok()?.parse().ok()
}

/// The value of one to eighteen digits; `None` for anything else.
#[inline]
pub(super) fn digits(cell: &[u8]) -> Option<u64> {
    if cell.is_empty() || cell.len() > 18 {
        return None;
    }
    let (mut value, mut rest) = (0u64, cell);
    while let Some((eight, tail)) = rest.split_first_chunk() {
        value = value * 100_000_000 + eight_digits(u64::from_le_bytes(*eight))?;
        rest = tail;
    }
    for &byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// The value of eight digits, the first in the lowest byte: neighbours are joined to pairs, fours, eights.
#[inline]
pub(super) fn eight_digits(word: u64) -> Option<u64> {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let above_nine = word.wrapping_add(0x0606_0606_0606_0606) & HIGH;
    if (word & HIGH) != 0x3030_3030_3030_3030 || above_nine != 0x3030_3030_3030_3030 {
        return None;
    }
    let pairs = ((word & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(10 * 256 + 1)) >> 8;
    let fours = ((pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(100 * 65536 + 1)) >> 16;
    Some(((fours & 0x0000_ffff_0000_ffff).wrapping_mul(10_000 * (1 << 32) + 1)) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_exact(value in any::<i64>(), small in 0u64..1_000_000_000_000_000, zeros in 0usize..12) {
            prop_assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
            let padded = format!("{}{small}", "0".repeat(zeros));
            prop_assert_eq!(parse_i64(padded.as_bytes()), Some(small as i64));
            prop_assert_eq!(parse_f64(padded.as_bytes()), Some(small as f64));
        }

        /// A byte that is no digit is never taken for one, wherever it stands.
        #[test]
        fn other_bytes_are_no_digits(at in 0usize..17, byte in any::<u8>()) {
            let mut cell = b"12345678901234567".to_vec();
            cell[at] = byte;
            prop_assert_eq!(digits(&cell).is_some(), byte.is_ascii_digit());
        }
    }
}
