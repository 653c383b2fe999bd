//! Whole numbers of any size, and the escapes of protocol 0.

use std::borrow::Cow;

/// Bytes of a binary number that are converted to digits, about 4,300 of them: Python's own limit.
pub(super) const MAX_BYTES: usize = 1_785;

/// A whole number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Small(i64),
    /// Decimal digits.
    Big(String),
}

/// A number in two's complement, little-endian, of at most [`MAX_BYTES`] bytes.
pub(super) fn from_twos_complement(bytes: &[u8]) -> Whole {
    let negative = bytes.last().is_some_and(|&top| top >= 0x80);
    let fill = if negative { 0xff } else { 0 };
    let significant = bytes.len() - bytes.iter().rev().take_while(|&&b| b == fill).count();
    if significant <= 8 {
        let mut raw = [fill; 8];
        raw[..significant].copy_from_slice(&bytes[..significant]);
        let small = i64::from_le_bytes(raw);
        // Eight significant bytes may still lack room for the sign.
        if (small < 0) == negative {
            return Whole::Small(small);
        }
    }
    // The magnitude in base 10^9, lowest digit first.
    let mut digits: Vec<u32> = vec![0];
    let mut shift_in = |byte: u8| {
        let mut carry = u64::from(byte);
        for digit in &mut digits {
            let sum = u64::from(*digit) * 256 + carry;
            *digit = (sum % 1_000_000_000) as u32;
            carry = sum / 1_000_000_000;
        }
        if carry > 0 {
            digits.push(carry as u32);
        }
    };
    if negative {
        // -x = !x + 1, and !x is what the loop sees.
        let mut magnitude: Vec<u8> = bytes.iter().map(|b| !b).collect();
        magnitude.push(0);
        for byte in &mut magnitude {
            let (sum, carry) = byte.overflowing_add(1);
            *byte = sum;
            if !carry {
                break;
            }
        }
        magnitude.iter().rev().for_each(|&byte| shift_in(byte));
    } else {
        bytes.iter().rev().for_each(|&byte| shift_in(byte));
    }
    let mut text = if negative { "-".to_owned() } else { String::new() };
    let mut digits = digits.iter().rev();
    text.extend(digits.next().map(u32::to_string));
    text.extend(digits.map(|digit| format!("{digit:09}")));
    Whole::Big(text)
}

/// A number in decimal digits; `None` if it is none or has more than 4,300 digits.
pub(super) fn from_decimal(text: &str) -> Option<Whole> {
    if let Ok(small) = text.parse() {
        return Some(Whole::Small(small));
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if digits.is_empty() || digits.len() > 4_300 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(Whole::Big(format!("{sign}{}", digits.trim_start_matches('0'))))
}

/// The bytes of a Python 2 string literal with its quotes; `None` if it is none.
pub(super) fn unquote(literal: &[u8]) -> Option<Cow<'_, [u8]>> {
    let quote = *literal.first().filter(|&&b| b == b'\'' || b == b'"')?;
    let inner = literal.strip_prefix(&[quote])?.strip_suffix(&[quote])?;
    if !inner.contains(&b'\\') {
        return Some(inner.into());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.iter().copied();
    while let Some(b) = rest.next() {
        if b != b'\\' {
            bytes.push(b);
            continue;
        }
        bytes.push(match rest.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                (high * 16 + char::from(rest.next()?).to_digit(16)?) as u8
            }
            plain @ (b'\\' | b'\'' | b'"') => plain,
            _ => return None,
        });
    }
    Some(bytes.into())
}

/// Bytes that [`unescape`] takes for a line: one of its characters beyond ASCII is two bytes of UTF-8.
pub(super) fn unescaped_size(line: &[u8]) -> usize {
    line.len() + line.iter().filter(|b| !b.is_ascii()).count()
}

/// The text of a raw-unicode-escape line; `None` if an escape is no character.
pub(super) fn unescape(line: &[u8]) -> Option<Cow<'_, str>> {
    if line.is_ascii() && !line.contains(&b'\\') {
        return std::str::from_utf8(line).ok().map(Cow::Borrowed);
    }
    let mut text = String::with_capacity(unescaped_size(line));
    let mut rest = line;
    while let [b, tail @ ..] = rest {
        let width = match (b, tail.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(*b));
                rest = tail;
                continue;
            }
        };
        let digits = tail.get(1..=width)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        text.push(char::from_u32(code)?);
        rest = &tail[1 + width..];
    }
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn big(text: &str) -> Whole {
        Whole::Big(text.to_owned())
    }

    #[test]
    fn binary_numbers_of_any_width() {
        for n in [0, 1, -1, 127, 128, -128, -129, 720_575_940_628_857_210, i64::MIN, i64::MAX] {
            assert_eq!(from_twos_complement(&n.to_le_bytes()), Whole::Small(n));
            let wide = i128::from(n).to_le_bytes();
            assert_eq!(from_twos_complement(&wide), Whole::Small(n), "sign bytes change nothing");
        }
        assert_eq!(from_twos_complement(&[]), Whole::Small(0));
        for n in [i128::MIN, i128::MAX, 1 << 63, -(1 << 63) - 1, 10i128.pow(27), -(10i128.pow(18) * 1_000_007)] {
            assert_eq!(from_twos_complement(&n.to_le_bytes()), big(&n.to_string()));
        }
    }

    #[test]
    fn decimal_numbers() {
        assert_eq!(from_decimal("-12"), Some(Whole::Small(-12)));
        assert_eq!(from_decimal("00123456789012345678901"), Some(big("123456789012345678901")));
        assert_eq!(from_decimal("-99999999999999999999"), Some(big("-99999999999999999999")));
        for bad in ["", "-", "1.5", "1e3", "0x10", &"9".repeat(4_301)] {
            assert_eq!(from_decimal(bad), None, "{bad}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(*unquote(b"'a\\n\\x41\\\\\"'").unwrap(), *b"a\nA\\\"");
        assert_eq!(unquote(b"'a"), None);
        assert_eq!(unquote(b"'\\q'"), None);
        assert_eq!(unquote(b"'"), None);
        assert_eq!(unescape(b"a\\u00e9\\U0001F600\xe9\\n").unwrap(), "aé😀é\\n");
        assert_eq!(unescape(b"\\ud800"), None);
        assert_eq!(unescape(b"\\u12"), None);
        assert_eq!(unescape(b"\\u+123"), None);
    }
}
