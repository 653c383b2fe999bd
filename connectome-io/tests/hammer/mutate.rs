//! Damage to good files: blind, and where it passes checksums and length fields.

use std::io::{Cursor, Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::readers::Form;

/// Pieces that formats react to.
const PIECES: [&[u8]; 24] = [
    b"NaN",
    b"-1",
    b"99999999999999999999",
    b"\"",
    b",",
    b"\n",
    b"{",
    b"[",
    b"\x00",
    b"\xff\xff\xff\xff",
    b"1e999",
    b"(",
    b"null",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"'|O'",
    b"True",
    b"\r",
    b"\xef\xbb\xbf",
    b"data_offsets",
    b"shape",
    b"weight",
    b"18446744073709551615",
];

/// Instructions of pickles, alone and in combinations.
const INSTRUCTIONS: [&[u8]; 32] = [
    b"]",
    b")",
    b"}",
    b"\x8f",
    b"(",
    b"0",
    b"1",
    b"2",
    b"N",
    b"t",
    b"l",
    b"d",
    b"a",
    b"e",
    b"s",
    b"u",
    b"\x85",
    b"\x86",
    b"\x87",
    b"\x93",
    b"\x94",
    b"h\x00",
    b"h\x01",
    b"q\x00",
    b"r\xff\xff\xff\x7f",
    b"R",
    b"\x81",
    b"b",
    b"Q",
    b"cposix\nsystem\n(S'true'\ntR",
    b"\x8c\x05numpy\x8c\x05dtype\x93",
    b"J\xff\xff\xff\xff",
];

/// Integers at the edges of what fields hold.
const INTEGERS: [u64; 20] = [
    0,
    1,
    2,
    7,
    16,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    i64::MAX as u64,
    i64::MAX as u64 + 1,
    u64::MAX - 7,
    u64::MAX,
];

/// Numbers as text.
const NUMBERS: [&str; 22] = [
    "0",
    "1",
    "-1",
    "-0",
    "2",
    "255",
    "65536",
    "2147483647",
    "-2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551616",
    "0.5",
    "1e308",
    "-1e-400",
    "1e999",
    "nan",
    "-Infinity",
];

/// A good file, taken apart as far as its form allows.
pub(crate) struct Seed {
    pub(crate) bytes: Vec<u8>,
    form: Form,
    parts: Parts,
}

enum Parts {
    Whole,
    /// Bytes before the length field, its width, the header and what follows it.
    Header {
        before: Vec<u8>,
        width: usize,
        header: Vec<u8>,
        after: Vec<u8>,
    },
    Members(Vec<(String, Seed)>),
    Inflated(Vec<u8>),
}

impl Seed {
    pub(crate) fn new(bytes: Vec<u8>, form: Form) -> Self {
        let parts = take_apart(&bytes, form).unwrap_or(Parts::Whole);
        Self { bytes, form, parts }
    }

    /// Size of the file, or of what it inflates to.
    pub(crate) fn size(&self) -> usize {
        let inflated = match &self.parts {
            Parts::Whole | Parts::Header { .. } => 0,
            Parts::Members(members) => members.iter().map(|(_, member)| member.bytes.len()).sum(),
            Parts::Inflated(inflated) => inflated.len(),
        };
        inflated.max(self.bytes.len())
    }
}

fn take_apart(bytes: &[u8], form: Form) -> Option<Parts> {
    match form {
        Form::Binary | Form::Text | Form::Pickle => None,
        Form::Npy => header(bytes, 8, if *bytes.get(6)? == 1 { 2 } else { 4 }),
        Form::Safetensors => header(bytes, 0, 8),
        Form::Gzip => {
            let mut inflated = Vec::new();
            MultiGzDecoder::new(bytes).take(1 << 20).read_to_end(&mut inflated).ok()?;
            Some(Parts::Inflated(inflated))
        }
        Form::Zip => {
            let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
            let mut members = Vec::new();
            for i in 0..archive.len() {
                let member = archive.by_index(i).ok()?;
                let name = member.name().ok()?.into_owned();
                let mut content = Vec::new();
                member.take(1 << 20).read_to_end(&mut content).ok()?;
                let form = match name.rsplit_once('.').map(|(_, extension)| extension) {
                    Some("npy") => Form::Npy,
                    Some("pkl") => Form::Pickle,
                    _ => Form::Binary,
                };
                members.push((name, Seed::new(content, form)));
            }
            Some(Parts::Members(members))
        }
    }
}

fn header(bytes: &[u8], before: usize, width: usize) -> Option<Parts> {
    let field = bytes.get(before..before + width)?;
    let length = field.iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte));
    let (header, after) = bytes.get(before + width..)?.split_at_checked(length)?;
    Some(Parts::Header { before: bytes[..before].to_vec(), width, header: header.to_vec(), after: after.to_vec() })
}

/// A damaged copy.
pub(crate) struct Damaged {
    pub(crate) bytes: Vec<u8>,
    /// Its size, or that of what was packed into it, whichever is larger: what its cost is held against.
    pub(crate) size: usize,
}

impl Damaged {
    fn plain(bytes: Vec<u8>) -> Self {
        Self { size: bytes.len(), bytes }
    }
}

/// Damages one of the seeds. If `large`, a piece of it is repeated until there are megabytes.
pub(crate) fn mutate(seeds: &[Seed], large: bool, rng: &mut ChaCha8Rng) -> Damaged {
    let seed = &seeds[rng.random_range(0..seeds.len())];
    if !matches!(seed.parts, Parts::Whole)
        && rng.random_range(0..3) > 0
        && let Some(damaged) = inside(seed, large, rng)
    {
        return damaged;
    }
    let other = &seeds[rng.random_range(0..seeds.len())].bytes;
    let mut bytes = seed.bytes.clone();
    damage(&mut bytes, other, seed.form, rng);
    if large {
        stretch(&mut bytes, rng);
    }
    Damaged::plain(bytes)
}

/// Damages what a container holds and packs it again, with lengths and checksums that are right.
fn inside(seed: &Seed, large: bool, rng: &mut ChaCha8Rng) -> Option<Damaged> {
    match &seed.parts {
        Parts::Whole => None,
        Parts::Header { before, width, header, after } => {
            let (mut header, mut after) = (header.clone(), after.clone());
            if large {
                stretch(&mut header, rng);
            }
            if after.is_empty() || rng.random() {
                damage(&mut header, &after, Form::Text, rng);
            } else {
                let at = rng.random_range(0..after.len());
                poke(&mut after, at, rng);
            }
            let mut bytes = before.clone();
            bytes.extend_from_slice(&(header.len() as u64).to_le_bytes()[..*width]);
            bytes.extend_from_slice(&header);
            bytes.extend_from_slice(&after);
            Some(Damaged::plain(bytes))
        }
        Parts::Inflated(inflated) => {
            let mut inner = inflated.clone();
            damage(&mut inner, inflated, Form::Text, rng);
            if large {
                stretch(&mut inner, rng);
            }
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&inner).ok()?;
            let bytes = encoder.finish().ok()?;
            Some(Damaged { size: inner.len().max(bytes.len()), bytes })
        }
        Parts::Members(members) => repack(members, large, rng),
    }
}

fn repack(members: &[(String, Seed)], large: bool, rng: &mut ChaCha8Rng) -> Option<Damaged> {
    let victim = rng.random_range(0..members.len().max(1));
    let action = rng.random_range(0..16);
    let method = if rng.random() { CompressionMethod::Stored } else { CompressionMethod::Deflated };
    let options = SimpleFileOptions::default().compression_method(method);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut size = 0;
    for (i, (name, member)) in members.iter().enumerate() {
        let mut name = name.clone();
        let mut content = None;
        if i == victim {
            match action {
                0 => continue,
                1 => {
                    let mut bytes = name.into_bytes();
                    damage(&mut bytes, &member.bytes, Form::Text, rng);
                    name = String::from_utf8_lossy(&bytes).into_owned();
                }
                2 => name = members[rng.random_range(0..members.len())].0.clone(),
                _ => content = Some(mutate(std::slice::from_ref(member), large, rng)),
            }
        }
        let content = content.as_ref().map_or(&member.bytes, |damaged| &damaged.bytes);
        size += content.len();
        zip.start_file(name, options).ok()?;
        zip.write_all(content).ok()?;
    }
    let bytes = zip.finish().ok()?.into_inner();
    Some(Damaged { size: size.max(bytes.len()), bytes })
}

/// One to four changes, most often one. Headers are hit as often as data, since the first bytes are a stratum; so are the
/// last, where some formats keep their directory.
fn damage(bytes: &mut Vec<u8>, other: &[u8], form: Form, rng: &mut ChaCha8Rng) {
    let pieces: &[&[u8]] = if form == Form::Pickle { &INSTRUCTIONS } else { &PIECES };
    for _ in 0..[1, 1, 1, 2, 3, 4][rng.random_range(0..6)] {
        let n = bytes.len();
        let at = match rng.random_range(0..4) {
            0 => rng.random_range(0..=n.min(256)),
            1 => n - rng.random_range(0..=n.min(256)),
            _ => rng.random_range(0..=n),
        };
        match rng.random_range(0..if form == Form::Text { 16 } else { 12 }) {
            0..=4 => poke(bytes, at, rng),
            5 => bytes.truncate(at),
            6 => {
                let piece = pieces[rng.random_range(0..pieces.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            7 => overwrite(bytes, at, pieces[rng.random_range(0..pieces.len())]),
            8 => {
                let end = (at + rng.random_range(0..16)).min(n);
                bytes.drain(at..end);
            }
            9 => {
                let end = (at + rng.random_range(0..32)).min(n);
                let copy = bytes[at..end].to_vec();
                let to = rng.random_range(0..=n);
                bytes.splice(to..to, copy);
            }
            10 => {
                let start = rng.random_range(0..=other.len());
                let end = (start + rng.random_range(0..64)).min(other.len());
                let end_here = (at + rng.random_range(0..64)).min(n);
                bytes.splice(at..end_here, other[start..end].iter().copied());
            }
            11 => {
                // The beginning of one and the end of the other.
                bytes.truncate(at);
                bytes.extend_from_slice(&other[rng.random_range(0..=other.len())..]);
            }
            12 | 13 => number(bytes, at, rng),
            14 => line(bytes, at, rng),
            15 => {
                let cells: Vec<usize> = (0..n).filter(|&i| bytes[i] == b',').collect();
                if !cells.is_empty() {
                    let i = rng.random_range(0..cells.len());
                    let end = cells.get(i + 1).copied().unwrap_or(n);
                    let cell = bytes[cells[i]..end].to_vec();
                    if rng.random() {
                        bytes.drain(cells[i]..end);
                    } else {
                        bytes.splice(end..end, cell);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Changes a field in its place.
fn poke(bytes: &mut [u8], at: usize, rng: &mut ChaCha8Rng) {
    let Some(byte) = bytes.get_mut(at) else { return };
    match rng.random_range(0..5) {
        0 => *byte ^= 1 << rng.random_range(0..8),
        1 => *byte = rng.random(),
        // A small step from what is there, as lengths that are wrong by little.
        2 => *byte = byte.wrapping_add(rng.random_range(1..16u8)),
        3 => *byte = byte.wrapping_sub(rng.random_range(1..16u8)),
        _ => {
            let value = INTEGERS[rng.random_range(0..INTEGERS.len())];
            let width = 1 << rng.random_range(0..4);
            let field = if rng.random() { value.to_le_bytes() } else { (value << (64 - 8 * width)).to_be_bytes() };
            overwrite(bytes, at, &field[..width]);
        }
    }
}

fn overwrite(bytes: &mut [u8], at: usize, piece: &[u8]) {
    let end = (at + piece.len()).min(bytes.len());
    bytes[at..end].copy_from_slice(&piece[..end - at]);
}

/// Puts another number in the place of the first after `at`.
fn number(bytes: &mut Vec<u8>, at: usize, rng: &mut ChaCha8Rng) {
    let is_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+');
    if let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let start = at + start;
        let end = bytes[start..].iter().position(|b| !is_number(b)).map_or(bytes.len(), |length| start + length);
        let number = if rng.random() {
            NUMBERS[rng.random_range(0..NUMBERS.len())].to_owned()
        } else {
            rng.random_range(0..5u8).to_string()
        };
        bytes.splice(start..end, number.into_bytes());
    }
}

/// Repeats, moves or removes a line.
fn line(bytes: &mut Vec<u8>, at: usize, rng: &mut ChaCha8Rng) {
    let start = bytes[..at].iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
    let end = bytes[at..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |newline| at + newline + 1);
    let copy = bytes[start..end].to_vec();
    if rng.random() {
        bytes.drain(start..end);
    }
    if rng.random() {
        let to = rng.random_range(0..=bytes.len());
        let to = bytes[..to].iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
        bytes.splice(to..to, copy);
    }
}

/// Repeats a piece until there are one to four megabytes.
fn stretch(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let n = bytes.len();
    let start = rng.random_range(0..=n);
    let end = (start + rng.random_range(1..64)).min(n);
    let piece = if start < end { bytes[start..end].to_vec() } else { b"0,".to_vec() };
    let copies = (1usize << rng.random_range(20..=22)) / piece.len();
    let repeated = piece.repeat(copies);
    bytes.splice(end..end, repeated);
}
