//! Rows of nothing but digits where numbers are wanted, gone through once: the cells are converted as their ends are found.

use super::number::digits;

/// Bytes behind the text, so that the words of a number of eighteen digits may be taken anywhere.
pub(super) const PADDING: usize = 24;

/// Whole numbers below this are exact as floats, and have fifteen digits at most.
const EXACT: u64 = 1_000_000_000_000_000;

/// Digits of a number at most.
const DIGITS: usize = 18;

const ONES: u64 = u64::MAX / 255;
const HIGH_BITS: u64 = ONES * 128;

/// What the cells of a row are.
pub(super) struct Layout {
    wanted: [usize; 3],
    /// For each cell, which of the three numbers it is.
    roles: Vec<Option<u8>>,
    delimiter: u8,
}

impl Layout {
    /// Rows of `cells` cells, of which three are wanted: both ends and the weight.
    pub(super) fn new(cells: usize, wanted: [usize; 3], delimiter: u8) -> Self {
        let role = |cell| wanted.iter().position(|&column| column == cell).map(|role| role as u8);
        Self { wanted, roles: (0..cells).map(role).collect(), delimiter }
    }

    /// The numbers of a row whose cells have been found; `None` unless they are plain.
    pub(super) fn numbers<'a>(&self, cell: impl Fn(usize) -> &'a [u8]) -> Option<[u64; 3]> {
        let [pre, post, weight] = self.wanted.map(|column| digits(cell(column)));
        Some([pre?, post?, weight.filter(|&weight| weight < EXACT)?])
    }

    /// The numbers of the row at `at`, and where the next one begins; `None` unless all of the row has arrived, which is the
    /// text up to `end`, and is plain.
    #[inline]
    pub(super) fn row(&self, text: &[u8], mut at: usize, end: usize) -> Option<([u64; 3], usize)> {
        let mut numbers = [0; 3];
        let (&last, others) = self.roles.split_last()?;
        for &role in others {
            at = self.cell(text, at, role, &mut numbers)?;
            if at >= end || text[at] != self.delimiter {
                return None;
            }
            at += 1;
        }
        at = self.cell(text, at, last, &mut numbers)?;
        let next = match text.get(at..at + 2)? {
            [b'\n', _] => at + 1,
            b"\r\n" => at + 2,
            _ => return None,
        };
        (next <= end && numbers[2] < EXACT).then_some((numbers, next))
    }

    /// The end of the cell at `at`.
    #[inline]
    fn cell(&self, text: &[u8], at: usize, role: Option<u8>, numbers: &mut [u64; 3]) -> Option<usize> {
        let Some(role) = role else {
            let rest = text.get(at..)?;
            let ends = |&byte: &u8| byte == self.delimiter || byte < b' ' || byte == b'"';
            let end = at + rest.iter().position(ends)?;
            return (text[end] != b'"').then_some(end);
        };
        let (number, digits) = number(text.get(at..at + PADDING)?)?;
        numbers[usize::from(role)] = number;
        Some(at + digits)
    }
}

/// The number that text begins with, and how many digits it has: one to eighteen.
#[inline]
fn number(text: &[u8]) -> Option<(u64, usize)> {
    let word = |at: usize| text[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    let (mut value, mut length) = leading(word(0));
    if length == 0 {
        return None;
    }
    for at in [8, 16] {
        if length == at {
            let (low, more) = leading(word(at));
            if length + more > DIGITS {
                return None;
            }
            value = value * POWERS[more] + low;
            length += more;
        }
    }
    Some((value, length))
}

/// Powers of ten.
const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The value of the digits that a word begins with, in its lowest bytes, and their number. Neighbours are joined to pairs,
/// fours, eights.
#[inline]
fn leading(word: u64) -> (u64, usize) {
    let digits = word ^ (ONES * 0x30);
    // The high bit of each byte that is more than nine; none is carried into the next.
    let others = (((digits & (ONES * 0x7f)) + ONES * 0x76) | digits) & HIGH_BITS;
    let length = others.trailing_zeros() as usize / 8;
    if length == 0 {
        return (0, 0);
    }
    // Digits go to the highest bytes, zeros stand before them.
    let digits = digits << (64 - 8 * length);
    let pairs = digits.wrapping_mul(10 * 256 + 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(100 * 65536 + 1) >> 16;
    ((fours & 0x0000_ffff_0000_ffff).wrapping_mul(10_000 * (1 << 32) + 1) >> 32, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(text.len() + PADDING, b'7');
        bytes
    }

    #[test]
    fn numbers_of_every_length() {
        for length in 1..=20 {
            let digits: String = "98765432109876543210"[..length].to_owned();
            for behind in [",", "\n", "\r", "/", ":", "-", ".", "\u{80}", " "] {
                let found = number(&padded(&format!("{digits}{behind}1")));
                let wanted = (length <= DIGITS).then(|| (digits.parse().unwrap(), length));
                assert_eq!(found, wanted, "{digits}{behind}");
            }
        }
        assert_eq!(number(&padded(",1")), None);
        assert_eq!(number(&padded("000000000000000012,")), Some((12, 18)));
    }

    #[test]
    fn rows_that_are_plain() {
        let layout = Layout::new(4, [2, 0, 3], b',');
        let row = |text: &str| layout.row(&padded(text), 0, text.len());
        assert_eq!(row("17,a b,4,999999999999999\n"), Some(([4, 17, 999_999_999_999_999], 25)));
        assert_eq!(row("17,,4,3\r\n5"), Some(([4, 17, 3], 9)));
        for odd in [
            "",
            "\n",
            "17,x,4,3",
            "17,x,4,3\r",
            "17,x,4,3\rb",
            "17,x,4,3,5\n",
            "17,x,4\n",
            "17,\"x\",4,3\n",
            "17,x\ny,4,3\n",
            " 17,x,4,3\n",
            "17,x,4,1000000000000000\n",
            "17,x,4,3.5\n",
            "17,x,-4,3\n",
            "17,x,1234567890123456789,3\n",
            "17,x,,3\n",
        ] {
            assert_eq!(row(odd), None, "{odd:?}");
        }
    }
}
