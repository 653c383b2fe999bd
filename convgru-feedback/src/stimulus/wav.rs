//! Recordings in WAV files.
//!
//! A `RIFF` file of form `WAVE`: chunks of an identifier, a length and as many bytes, padded to even length; `fmt ` describes the samples
//! that `data` holds, little-endian, channels interleaved. Source: Microsoft and IBM, *Multimedia Programming Interface and Data
//! Specifications 1.0*, 1991, pp. 56-65; for `WAVE_FORMAT_EXTENSIBLE` Microsoft's documentation of `WAVEFORMATEXTENSIBLE`.

use crate::Error;
use connectome_io::{Error as FileError, Location};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Larger files are refused: no stimulus is longer than a quarter of an hour.
const MAX_BYTES: u64 = 256 << 20;

/// A sound of one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Samples from -1 to 1.
    pub samples: Vec<f32>,
    /// Samples per second.
    pub sample_rate: u32,
}

/// Reads a file: integers of 8, 16, 24 or 32 bits, which become -1 to 1, or floats of 32 bits, which stay as they are. The channels of
/// a stereo file are averaged. Chunks other than `fmt ` and `data`, and what follows the `RIFF` chunk, are passed over.
///
/// # Errors
/// [`Error::File`] for files that are larger than 256 MiB, cut short, damaged, empty or in another encoding, and for samples that are not
/// finite.
pub fn read(path: impl AsRef<Path>) -> Result<Recording, Error> {
    let (path, at) = (path.as_ref(), Location::file(&path));
    let io = |action| move |source| FileError::Io { action, path: path.to_path_buf(), source };
    let file = File::open(path).map_err(io("open"))?;
    let size = file.metadata().map_err(io("open"))?.len();
    let mut bytes = Vec::new();
    if size <= MAX_BYTES {
        bytes.reserve_exact(size as usize);
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io("read"))?;
    }
    let size = size.max(bytes.len() as u64);
    if size > MAX_BYTES {
        let remedy = "cut the recording into shorter ones";
        return Err(
            FileError::TooLarge { at: at.boxed(), what: "the recording", size, limit: MAX_BYTES, remedy }.into()
        );
    }
    Ok(parse(&bytes, &at)?)
}

/// Reads a file in memory.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: &[u8]) -> Result<Recording, Error> {
    Ok(parse(bytes, &Location::memory())?)
}

fn parse(bytes: &[u8], at: &Location) -> Result<Recording, FileError> {
    if bytes.is_empty() {
        return Err(FileError::Empty { at: at.boxed(), what: "bytes" });
    }
    let truncated = |place: usize, what, needed: u64, available: usize| {
        Err(FileError::Truncated { at: at.byte(place as u64), what, needed, available: available as u64 })
    };
    let Some((head, _)) = bytes.split_first_chunk::<12>() else {
        return truncated(0, "the header", 12, bytes.len());
    };
    match (&head[..4], &head[8..]) {
        (b"RIFF", b"WAVE") => {}
        (b"RIFX" | b"RF64" | b"BW64", b"WAVE") => {
            let what = format!("a {} file", String::from_utf8_lossy(&head[..4]));
            return Err(FileError::Unsupported { at: at.byte(0), what, remedy: "save it as a plain WAV file" });
        }
        _ => {
            let problem = "does not start with RIFF and WAVE".to_owned();
            return Err(FileError::Malformed { at: at.byte(0), problem });
        }
    }
    let end = 8 + u64::from(u32_at(head, 4));
    if end > bytes.len() as u64 {
        return truncated(4, "the RIFF chunk", end, bytes.len());
    }
    let end = end as usize;
    let (mut format, mut data, mut place) = (None, None, 12);
    while place < end {
        let Some((head, rest)) = bytes[place..end].split_first_chunk::<8>() else {
            return truncated(place, "the head of a chunk", 8, end - place);
        };
        let length = u32_at(head, 4) as usize;
        let Some(body) = rest.get(..length) else {
            return truncated(place, "a chunk", length as u64, rest.len());
        };
        let seen = match &head[..4] {
            b"fmt " => format.replace(Format::parse(body, at, place + 8)?).is_some(),
            b"data" => data.replace((body, place + 8)).is_some(),
            _ => false,
        };
        if seen {
            let name = String::from_utf8_lossy(&head[..4]).trim_end().to_owned();
            return Err(FileError::DuplicateName { at: at.byte(place as u64), what: "chunk", name });
        }
        place += 8 + length + length % 2;
    }
    let missing = |what: &str| FileError::Missing {
        at: at.boxed(),
        what: format!("the {what:?} chunk"),
        found: Vec::new(),
        remedy: "was the recording written to its end?",
    };
    let format = format.ok_or_else(|| missing("fmt "))?;
    let (data, place) = data.ok_or_else(|| missing("data"))?;
    Ok(Recording { samples: format.decode(data, at, place)?, sample_rate: format.sample_rate })
}

/// How samples lie in the data.
#[derive(Debug, Clone, Copy)]
struct Format {
    encoding: Encoding,
    channels: usize,
    sample_rate: u32,
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    /// Signed integers of so many bytes, unsigned if it is one.
    Integer(usize),
    Float,
}

impl Format {
    fn parse(body: &[u8], at: &Location, place: usize) -> Result<Self, FileError> {
        let at = at.byte(place as u64);
        if body.len() < 16 {
            let (needed, available) = (16, body.len() as u64);
            return Err(FileError::Truncated { at, what: "the \"fmt \" chunk", needed, available });
        }
        let (mut tag, channels, sample_rate) = (u16_at(body, 0), usize::from(u16_at(body, 2)), u32_at(body, 4));
        let (block, bits) = (usize::from(u16_at(body, 12)), u16_at(body, 14));
        // the encoding of an extensible file is the first word of its identifier; the rest is the same for all
        if tag == 0xfffe && body.len() >= 40 && body[26..40] == *b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71" {
            tag = u16_at(body, 24);
        }
        let encoding = match (tag, bits) {
            (1, 8 | 16 | 24 | 32) => Encoding::Integer(usize::from(bits) / 8),
            (3, 32) => Encoding::Float,
            _ => {
                let what = format!("samples of {bits} bits in encoding {tag:#06x}");
                return Err(FileError::Unsupported { at, what, remedy: "save it as 16-bit PCM" });
            }
        };
        if channels == 0 || sample_rate == 0 || block != channels * usize::from(bits) / 8 {
            let problem =
                format!("{channels} channels of {bits} bits in blocks of {block} bytes, {sample_rate} per second");
            return Err(FileError::Malformed { at, problem });
        }
        Ok(Self { encoding, channels, sample_rate })
    }

    fn decode(&self, data: &[u8], at: &Location, place: usize) -> Result<Vec<f32>, FileError> {
        let width = match self.encoding {
            Encoding::Integer(bytes) => bytes,
            Encoding::Float => 4,
        };
        let block = width * self.channels;
        if data.is_empty() {
            return Err(FileError::Empty { at: at.byte(place as u64), what: "samples" });
        }
        if !data.len().is_multiple_of(block) {
            let problem = format!("{} bytes of samples in blocks of {block}", data.len());
            return Err(FileError::Malformed { at: at.byte(place as u64), problem });
        }
        let sample = |bytes: &[u8]| -> f64 {
            match self.encoding {
                Encoding::Integer(1) => f64::from(bytes[0]) / 128.0 - 1.0,
                Encoding::Integer(n) => {
                    let mut high = [0; 4];
                    high[4 - n..].copy_from_slice(bytes);
                    f64::from(i32::from_le_bytes(high)) / 2f64.powi(31)
                }
                Encoding::Float => f64::from(f32::from_bits(u32_at(bytes, 0))),
            }
        };
        let mut samples = Vec::with_capacity(data.len() / block);
        for (i, bytes) in data.chunks_exact(block).enumerate() {
            let value = bytes.chunks_exact(width).map(sample).sum::<f64>() / self.channels as f64;
            if !value.is_finite() {
                return Err(FileError::NotFinite { at: at.byte((place + i * block) as u64), what: "sample", value });
            }
            samples.push(value as f32);
        }
        Ok(samples)
    }
}

/// Two bytes of a slice that is long enough.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// Four bytes of a slice that is long enough.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
