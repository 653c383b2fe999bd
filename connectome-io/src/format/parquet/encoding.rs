//! Encodings of the values of a page.
//!
//! Every decoder keeps its place in the page and gives as many values as are asked for, so that memory does not depend on
//! what a page claims. Source: Apache Parquet, `Encodings.md`.

use super::thrift::zigzag;
use crate::format::columnar::Flaw;

/// A number of 64 bits at most, seven bits per byte, the lowest first.
fn varint(bytes: &[u8], at: &mut usize) -> Result<u64, Flaw> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).ok_or(Flaw::Short)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Flaw::Bad("a number in a page has more than 64 bits"))
}

/// The `width` bits from bit `bit` on, the lowest first.
#[inline]
fn bits(bytes: &[u8], bit: usize, width: u32) -> Result<u64, Flaw> {
    let (byte, shift) = (bit / 8, bit as u32 % 8);
    if width + shift <= 64
        && let Some(word) = bytes.get(byte..byte + 8).and_then(<[u8]>::first_chunk)
    {
        return Ok((u64::from_le_bytes(*word) >> shift) & mask(width));
    }
    let last = (bit + width as usize).div_ceil(8);
    let some = bytes.get(byte..last).ok_or(Flaw::Short)?;
    let word = some.iter().rev().fold(0u128, |word, &byte| word << 8 | u128::from(byte));
    Ok((word >> shift) as u64 & mask(width))
}

/// Adds `n` numbers of `width` bits, 32 at most, from bit `bit` on.
fn unpack(bytes: &[u8], mut bit: usize, width: u32, mut n: usize, out: &mut Vec<u32>) -> Result<(), Flaw> {
    let step = width as usize;
    let last = n.checked_mul(step).and_then(|length| length.checked_add(bit)).ok_or(Flaw::Short)?.div_ceil(8);
    if last > bytes.len() {
        return Err(Flaw::Short);
    }
    out.reserve(n);
    while n > 0 {
        if bit.is_multiple_of(8) && n >= 8 {
            let done = EIGHTS[step](&bytes[bit / 8..], n / 8, out);
            bit += 8 * done * step;
            n -= 8 * done;
        }
        // before the next whole byte, and at the end of the page
        for _ in 0..n.min(8) {
            out.push(bits(bytes, bit, width)? as u32);
            bit += step;
            n -= 1;
            if bit.is_multiple_of(8) {
                break;
            }
        }
    }
    Ok(())
}

/// Adds groups of eight numbers of `W` bits, as long as each of them lies in eight bytes that are there; how many groups.
fn eights<const W: usize>(mut bytes: &[u8], groups: usize, out: &mut Vec<u32>) -> usize {
    for group in 0..groups {
        let Some(window) = bytes.get(..W + 8) else { return group };
        let number = |i: usize| {
            let word = window[i * W / 8..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
            ((word >> (i * W % 8)) & mask(W as u32)) as u32
        };
        out.extend_from_slice(&std::array::from_fn::<u32, 8, _>(number));
        bytes = &bytes[W..];
    }
    groups
}

type Eights = fn(&[u8], usize, &mut Vec<u32>) -> usize;

/// [`eights`] of each width: with the width known, places and shifts are constants.
const EIGHTS: [Eights; 33] = {
    macro_rules! of_widths {
        ($($width:literal)*) => { [$(eights::<$width>),*] };
    }
    of_widths!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32)
};

fn mask(width: u32) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

/// Runs of equal numbers and stretches of packed ones.
#[derive(Debug)]
pub(super) struct Hybrid {
    at: usize,
    end: usize,
    width: u32,
    /// Values left of the run.
    left: usize,
    /// The value of a run, or the bit where packed values go on.
    run: Run,
}

#[derive(Debug, Clone, Copy)]
enum Run {
    Equal(u32),
    Packed(usize),
}

impl Hybrid {
    /// Numbers of `width` bits in the bytes from `at` to `end`.
    pub(super) fn new(at: usize, end: usize, width: u8) -> Result<Self, Flaw> {
        if width > 32 {
            return Err(Flaw::Bad("indices of a page have more than 32 bits"));
        }
        Ok(Self { at, end, width: u32::from(width), left: 0, run: Run::Equal(0) })
    }

    /// The next `n` numbers.
    pub(super) fn read(&mut self, bytes: &[u8], mut n: usize, out: &mut Vec<u32>) -> Result<(), Flaw> {
        let bytes = bytes.get(..self.end).ok_or(Flaw::Short)?;
        while n > 0 {
            if self.left == 0 {
                self.start(bytes)?;
            }
            let take = n.min(self.left);
            match &mut self.run {
                Run::Equal(value) => out.resize(out.len() + take, *value),
                Run::Packed(bit) => {
                    unpack(bytes, *bit, self.width, take, out)?;
                    *bit += take * self.width as usize;
                }
            }
            self.left -= take;
            n -= take;
        }
        Ok(())
    }

    /// Goes past the next `n` numbers if they are a run of `value`.
    pub(super) fn skip(&mut self, bytes: &[u8], n: usize, value: u32) -> Result<bool, Flaw> {
        if self.left == 0 {
            self.start(bytes.get(..self.end).ok_or(Flaw::Short)?)?;
        }
        let skips = n <= self.left && matches!(self.run, Run::Equal(equal) if equal == value);
        if skips {
            self.left -= n;
        }
        Ok(skips)
    }

    fn start(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        let head = varint(bytes, &mut self.at)?;
        let n = usize::try_from(head >> 1).map_err(|_| Flaw::Short)?;
        if n == 0 {
            return Err(Flaw::Bad("a run of a page is empty"));
        }
        if head & 1 == 1 {
            // Groups of eight; the last may stop with the page.
            self.left = n.checked_mul(8).ok_or(Flaw::Short)?;
            self.run = Run::Packed(8 * self.at);
            let length = n.checked_mul(self.width as usize).ok_or(Flaw::Short)?;
            self.at = self.at.saturating_add(length).min(bytes.len());
        } else {
            let length = self.width.div_ceil(8) as usize;
            let value = bytes.get(self.at..self.at + length).ok_or(Flaw::Short)?;
            self.left = n;
            self.run = Run::Equal(value.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte)));
            self.at += length;
        }
        Ok(())
    }
}

/// Differences of whole numbers in packed blocks.
#[derive(Debug)]
pub(super) struct Delta {
    at: usize,
    block: usize,
    per_mini: usize,
    /// Values left, the first one included.
    left: usize,
    first: bool,
    value: i64,
    least: i64,
    /// Widths of the miniblocks of the block, which begin at `widths`.
    widths: usize,
    mini: usize,
    minis: usize,
    left_in_mini: usize,
    bit: usize,
    width: u32,
}

impl Delta {
    /// Numbers from byte `at` on.
    pub(super) fn new(bytes: &[u8], mut at: usize) -> Result<Self, Flaw> {
        const ODD: Flaw = Flaw::Bad("the blocks of a page have impossible sizes");
        let small = |n: u64| usize::try_from(n).ok().filter(|&n| n <= 1 << 20).ok_or(ODD);
        let block = small(varint(bytes, &mut at)?)?;
        let minis = small(varint(bytes, &mut at)?)?;
        let left = usize::try_from(varint(bytes, &mut at)?).map_err(|_| ODD)?;
        let value = zigzag(varint(bytes, &mut at)?);
        if minis == 0 || block == 0 || block % minis != 0 || !(block / minis).is_multiple_of(8) {
            return Err(ODD);
        }
        Ok(Self {
            at,
            block,
            per_mini: block / minis,
            left,
            first: true,
            value,
            least: 0,
            widths: 0,
            mini: minis,
            minis,
            left_in_mini: 0,
            bit: 0,
            width: 0,
        })
    }

    /// Values that have not been given.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The next number.
    #[inline]
    pub(super) fn next(&mut self, bytes: &[u8]) -> Result<i64, Flaw> {
        self.left = self.left.checked_sub(1).ok_or(Flaw::Short)?;
        if self.first {
            self.first = false;
            return Ok(self.value);
        }
        if self.left_in_mini == 0 {
            self.advance(bytes)?;
        }
        let delta = bits(bytes, self.bit, self.width)?;
        self.bit += self.width as usize;
        self.left_in_mini -= 1;
        self.value = self.value.wrapping_add(self.least).wrapping_add(delta as i64);
        Ok(self.value)
    }

    /// Goes to the next miniblock, and to the next block where that was the last.
    fn advance(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        debug_assert_eq!(self.block, self.per_mini * self.minis);
        if self.mini == self.minis {
            self.least = zigzag(varint(bytes, &mut self.at)?);
            self.widths = self.at;
            self.at += self.minis;
            self.mini = 0;
        }
        self.width = u32::from(*bytes.get(self.widths + self.mini).ok_or(Flaw::Short)?);
        if self.width > 64 {
            return Err(Flaw::Bad("numbers of a page have more than 64 bits"));
        }
        self.mini += 1;
        self.bit = 8 * self.at;
        self.at = self.at.saturating_add(self.per_mini / 8 * self.width as usize);
        self.left_in_mini = self.per_mini;
        Ok(())
    }

    /// Goes past all numbers, and gives the byte behind them.
    pub(super) fn end(mut self, bytes: &[u8]) -> Result<usize, Flaw> {
        while self.left > 0 {
            self.next(bytes)?;
        }
        if self.at > bytes.len() {
            return Err(Flaw::Short);
        }
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_are_unpacked_from_every_bit() {
        let bytes: Vec<u8> = (0..131u32).map(|i| (i * i * 167 + i * 59 + 3) as u8).collect();
        for width in 0..=32 {
            for (bit, n) in [(0, 32), (0, 25), (8, 9), (24, 8), (3, 17), (7, 1), (64, 0)] {
                let mut unpacked = vec![7];
                unpack(&bytes, bit, width, n, &mut unpacked).unwrap();
                let one = |i: usize| bits(&bytes, bit + i * width as usize, width).unwrap() as u32;
                assert_eq!(unpacked[1..], (0..n).map(one).collect::<Vec<_>>(), "{n} of {width} bits from bit {bit}");
            }
            let fit = if width == 0 { 40 } else { 8 * bytes.len() / width as usize };
            let mut unpacked = Vec::new();
            unpack(&bytes, 0, width, fit, &mut unpacked).unwrap();
            assert_eq!(unpacked.len(), fit);
            assert!(width == 0 || unpack(&bytes, 0, width, fit + 1, &mut unpacked).is_err());
        }
    }

    #[test]
    fn only_a_run_of_the_wanted_value_is_skipped() {
        // Ten ones, three zeros, eight packed ones.
        let bytes = [20, 1, 6, 0, 3, 0xff];
        let mut levels = Hybrid::new(0, bytes.len(), 1).unwrap();
        let mut rest = Vec::new();
        assert!(levels.skip(&bytes, 4, 1).unwrap() && !levels.skip(&bytes, 7, 1).unwrap());
        assert!(levels.skip(&bytes, 6, 1).unwrap() && !levels.skip(&bytes, 3, 1).unwrap());
        levels.read(&bytes, 3, &mut rest).unwrap();
        assert!(!levels.skip(&bytes, 8, 1).unwrap());
        levels.read(&bytes, 8, &mut rest).unwrap();
        assert_eq!(rest, [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
        assert!(levels.skip(&bytes, 1, 1).is_err());
    }
}
