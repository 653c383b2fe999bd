//! WAV files, sound ones and others.

use connectome_io::Error as FileError;
use convgru_feedback::Error;
use convgru_feedback::stimulus::wav::{self, Recording};
use proptest::prelude::*;

/// A file of chunks.
fn riff(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    for (name, bytes) in chunks {
        body.extend_from_slice(*name);
        body.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        body.extend_from_slice(bytes);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    [b"RIFF", (body.len() as u32).to_le_bytes().as_slice(), &body].concat()
}

fn format(tag: u16, channels: u16, rate: u32, bits: u16) -> (&'static [u8; 4], Vec<u8>) {
    let block = channels * bits.div_ceil(8);
    let mut bytes = Vec::new();
    for part in [
        &tag.to_le_bytes()[..],
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &(rate * u32::from(block)).to_le_bytes(),
        &block.to_le_bytes(),
        &bits.to_le_bytes(),
    ] {
        bytes.extend_from_slice(part);
    }
    (b"fmt ", bytes)
}

/// As `format`, but with the encoding in an identifier.
fn extensible(tag: u16, channels: u16, rate: u32, bits: u16) -> (&'static [u8; 4], Vec<u8>) {
    let (name, mut bytes) = format(0xfffe, channels, rate, bits);
    bytes.extend_from_slice(&[22, 0, bits as u8, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&tag.to_le_bytes());
    bytes.extend_from_slice(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
    (name, bytes)
}

fn file_error(bytes: &[u8]) -> FileError {
    match wav::from_bytes(bytes) {
        Err(Error::File(error)) => error,
        other => panic!("{other:?}"),
    }
}

proptest! {
    /// Samples of every encoding come back, channels averaged, whatever chunks stand between.
    #[test]
    fn samples_come_back(
        values in prop::collection::vec(-1.0f64..1.0, 1..60),
        (tag, bits) in prop::sample::select(vec![(1u16, 8u16), (1, 16), (1, 24), (1, 32), (3, 32)]),
        channels in 1usize..3,
        rate in 1u32..96_000,
        extended in any::<bool>(),
        list in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let values = &values[..(values.len() / channels * channels).max(channels).min(values.len())];
        prop_assume!(values.len() % channels == 0);
        let steps = 2f64.powi(i32::from(bits) - 1);
        let mut data = Vec::new();
        for v in values {
            let whole = (v * steps) as i32;
            match (tag, bits) {
                (3, _) => data.extend_from_slice(&(*v as f32).to_le_bytes()),
                (_, 8) => data.push((whole + 128) as u8),
                _ => data.extend_from_slice(&whole.to_le_bytes()[..usize::from(bits) / 8]),
            }
        }
        let head = if extended { extensible } else { format }(tag, channels as u16, rate, bits);
        let mut bytes = riff(&[(b"LIST", list), head, (b"data", data)]);
        bytes.extend_from_slice(b"TAG of some player");
        let Recording { samples, sample_rate } = wav::from_bytes(&bytes).expect("a sound file");
        prop_assert_eq!(sample_rate, rate);
        prop_assert_eq!(samples.len(), values.len() / channels);
        for (got, want) in samples.iter().zip(values.chunks(channels)) {
            let want = want.iter().sum::<f64>() / channels as f64;
            prop_assert!((f64::from(*got) - want).abs() <= 1.0 / steps + 1e-7, "{got} for {want}");
        }
    }

    /// A damaged file is an error or a sound of no more samples than it has bytes.
    #[test]
    fn damage_does_no_harm(at in 0usize..60, byte in any::<u8>(), keep in 0usize..=60) {
        let mut bytes = riff(&[format(1, 1, 8000, 16), (b"data", vec![1; 16])]);
        prop_assert_eq!(bytes.len(), 60);
        bytes[at] = byte;
        bytes.truncate(keep);
        if let Ok(sound) = wav::from_bytes(&bytes) {
            prop_assert!(sound.samples.len() <= bytes.len());
        }
    }

    /// Nor do bytes that are no file at all.
    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(wav::from_bytes(&bytes).is_err());
    }
}

#[test]
fn each_fault_has_its_error() {
    let head = || format(1, 1, 8000, 16);
    let sound = riff(&[head(), (b"data", vec![0; 8])]);
    assert!(wav::from_bytes(&sound).is_ok());
    for end in 1..sound.len() {
        assert!(matches!(file_error(&sound[..end]), FileError::Truncated { .. }), "{end} bytes");
    }
    assert!(matches!(file_error(&[]), FileError::Empty { .. }));
    assert!(matches!(file_error(&[b"RIFX", &sound[4..]].concat()), FileError::Unsupported { .. }));
    assert!(matches!(file_error(&[b"junk", &sound[4..]].concat()), FileError::Malformed { .. }));
    let refused = |chunks: &[(&[u8; 4], Vec<u8>)]| file_error(&riff(chunks));
    let data = |n| (b"data", vec![0; n]);
    assert!(matches!(refused(&[data(8)]), FileError::Missing { .. }));
    assert!(matches!(refused(&[head()]), FileError::Missing { .. }));
    assert!(matches!(refused(&[head(), data(0)]), FileError::Empty { .. }));
    assert!(matches!(refused(&[head(), data(7)]), FileError::Malformed { .. }));
    assert!(matches!(refused(&[head(), data(8), data(8)]), FileError::DuplicateName { .. }));
    assert!(matches!(refused(&[head(), head(), data(8)]), FileError::DuplicateName { .. }));
    assert!(matches!(refused(&[(b"fmt ", vec![0; 15]), data(8)]), FileError::Truncated { .. }));
    for odd in [format(1, 1, 8000, 12), format(2, 1, 8000, 16), format(3, 1, 8000, 64), extensible(7, 1, 8000, 8)] {
        assert!(matches!(refused(&[odd, data(8)]), FileError::Unsupported { .. }));
    }
    for odd in [format(1, 0, 8000, 16), format(1, 1, 0, 16)] {
        assert!(matches!(refused(&[odd, data(8)]), FileError::Malformed { .. }));
    }
    let nan = [0f32.to_le_bytes(), f32::NAN.to_le_bytes()].concat();
    let error = refused(&[format(3, 1, 8000, 32), (b"data", nan)]);
    assert!(matches!(error, FileError::NotFinite { .. }) && error.to_string().contains("byte 48"), "{error}");
}

#[test]
fn files_that_are_none_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for path in [folder.path().to_path_buf(), folder.path().join("missing.wav")] {
        let error = wav::read(&path).expect_err("no file");
        assert!(matches!(error, Error::File(FileError::Io { .. })), "{error}");
    }
    let large = folder.path().join("large.wav");
    std::fs::File::create(&large).and_then(|file| file.set_len(1 << 40)).expect("a file with a hole");
    let error = wav::read(&large).expect_err("too large");
    assert!(
        matches!(error, Error::File(FileError::TooLarge { .. })) && error.to_string().contains("large.wav"),
        "{error}"
    );
}
