//! Compressed stretches of bytes whose inflated size the file states.

use std::io::{self, Read};

use super::Flaw;

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Codec {
    Plain,
    Snappy,
    Gzip,
    Zstd,
    /// A bare block of LZ4.
    Lz4Block,
    /// Blocks of LZ4, each after both of its sizes as Hadoop writes them, or a bare block.
    Lz4Hadoop,
    /// The frame format of LZ4.
    Lz4Frame,
}

/// Inflated size that is believed without a look at the data.
const BELIEVED: usize = 1 << 20;

/// The largest window of a zstd stream.
const ZSTD_WINDOW: u64 = 8 << 20;

/// Inflates to exactly `size` bytes, which replace those of `out`. Memory is asked for as the data justify it.
pub(in crate::format) fn inflate(codec: Codec, data: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), Flaw> {
    const DAMAGED: Flaw = Flaw::Bad("the compressed data are damaged");
    const OTHER_SIZE: Flaw = Flaw::Bad("the compressed data do not have the size that is stated");
    out.clear();
    let believed = size <= BELIEVED.max(4 * data.len());
    match codec {
        Codec::Plain => {
            if data.len() != size {
                return Err(OTHER_SIZE);
            }
            out.extend_from_slice(data);
        }
        Codec::Snappy => {
            if snap::raw::decompress_len(data).map_err(|_| DAMAGED)? != size
                || !(believed || snappy_size(data) == Some(size))
            {
                return Err(OTHER_SIZE);
            }
            out.resize(size, 0);
            snap::raw::Decoder::new().decompress(data, out).map_err(|_| DAMAGED)?;
        }
        Codec::Lz4Block => {
            if !(believed || lz4_size(data) == Some(size)) {
                return Err(OTHER_SIZE);
            }
            out.resize(size, 0);
            if lz4_flex::block::decompress_into(data, out).map_err(|_| DAMAGED)? != size {
                return Err(OTHER_SIZE);
            }
        }
        Codec::Lz4Hadoop => {
            if hadoop_blocks(data, size, out).is_none() {
                return inflate(Codec::Lz4Block, data, size, out);
            }
        }
        Codec::Gzip => stream(flate2::read::MultiGzDecoder::new(data), data, size, out)?,
        Codec::Lz4Frame => stream(lz4_flex::frame::FrameDecoder::new(data), data, size, out)?,
        Codec::Zstd => {
            let window = (2 * size as u64).clamp(BELIEVED as u64, ZSTD_WINDOW);
            let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(data, window);
            stream(decoder.map_err(|_| DAMAGED)?, data, size, out)?;
        }
    }
    Ok(())
}

/// Takes all that a decoder gives, which must be `size` bytes.
fn stream(decoder: impl Read, data: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), Flaw> {
    out.reserve_exact(size.min(BELIEVED.max(4 * data.len())));
    let read = decoder.take(size as u64 + 1).read_to_end(out);
    match read {
        Ok(_) if out.len() == size => Ok(()),
        Ok(_) => Err(Flaw::Bad("the compressed data do not have the size that is stated")),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Flaw::Short),
        Err(_) => Err(Flaw::Bad("the compressed data are damaged")),
    }
}

/// What a block of snappy inflates to, from its elements alone.
fn snappy_size(data: &[u8]) -> Option<usize> {
    let mut at = 1 + data.iter().position(|byte| byte & 0x80 == 0)?;
    let mut size = 0usize;
    while let Some(&tag) = data.get(at) {
        let short = usize::from(tag >> 2);
        let (length, bytes) = match tag & 3 {
            0 if short < 60 => (short + 1, short + 2),
            0 => {
                let digits = data.get(at + 1..at + 1 + (short - 59))?;
                let length = digits.iter().rev().fold(0, |n, &digit| n << 8 | usize::from(digit)) + 1;
                (length, 1 + digits.len() + length)
            }
            1 => ((short & 7) + 4, 2),
            2 => (short + 1, 3),
            _ => (short + 1, 5),
        };
        at = at.checked_add(bytes)?;
        size = size.checked_add(length)?;
    }
    Some(size)
}

/// What a block of LZ4 inflates to, from its sequences alone.
fn lz4_size(data: &[u8]) -> Option<usize> {
    let mut rest = data.iter().copied();
    let mut size = 0usize;
    let extended = |rest: &mut dyn Iterator<Item = u8>, nibble: u8| {
        let mut length = usize::from(nibble);
        if nibble == 15 {
            loop {
                let more = rest.next()?;
                length += usize::from(more);
                if more != 255 {
                    break;
                }
            }
        }
        Some(length)
    };
    while let Some(token) = rest.next() {
        let literals = extended(&mut rest, token >> 4)?;
        size += literals;
        if literals > rest.len() {
            return None;
        }
        rest = data[data.len() - rest.len() + literals..].iter().copied();
        if rest.len() == 0 {
            break;
        }
        rest.next()?;
        rest.next()?;
        size += extended(&mut rest, token & 15)? + 4;
    }
    Some(size)
}

/// Blocks after their sizes; `None` if the data are not of this kind.
fn hadoop_blocks(data: &[u8], size: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut rest = data;
    while !rest.is_empty() {
        let (sizes, tail) = rest.split_first_chunk::<8>()?;
        let inflated = u32::from_be_bytes(*sizes.first_chunk()?) as usize;
        let packed = u32::from_be_bytes(*sizes.last_chunk()?) as usize;
        let block = tail.get(..packed)?;
        let start = out.len();
        if inflated > size - start || !(inflated <= BELIEVED || lz4_size(block) == Some(inflated)) {
            return None;
        }
        out.resize(start + inflated, 0);
        if lz4_flex::block::decompress_into(block, &mut out[start..]).ok()? != inflated {
            return None;
        }
        rest = &tail[packed..];
    }
    (out.len() == size).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Sizes from the elements alone are those that decoders arrive at.
        #[test]
        fn sizes_are_known_beforehand(text in "[ab]{0,9}", times in 0usize..3000) {
            let text = text.repeat(times).into_bytes();
            let packed = snap::raw::Encoder::new().compress_vec(&text).unwrap();
            prop_assert_eq!(snappy_size(&packed), Some(text.len()));
            let mut out = Vec::new();
            inflate(Codec::Snappy, &packed, text.len(), &mut out).unwrap();
            prop_assert_eq!(&out, &text);
            let packed = lz4_flex::block::compress(&text);
            prop_assert_eq!(lz4_size(&packed), Some(text.len()));
            for codec in [Codec::Lz4Block, Codec::Lz4Hadoop] {
                inflate(codec, &packed, text.len(), &mut out).unwrap();
                prop_assert_eq!(&out, &text);
            }
            let mut block = (text.len() as u32).to_be_bytes().to_vec();
            block.extend_from_slice(&(packed.len() as u32).to_be_bytes());
            block.extend_from_slice(&packed);
            inflate(Codec::Lz4Hadoop, &block, text.len(), &mut out).unwrap();
            prop_assert_eq!(&out, &text);
            prop_assert!(inflate(Codec::Snappy, &packed, text.len() + 1, &mut out).is_err());
        }
    }
}
