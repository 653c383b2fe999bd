//! Spoken digits.

use crate::data::{shared, spoken};
use connectome_io::Array;
use connectome_io::format::safetensors::{Tensors, write_tensors};
use convgru_feedback::analysis::neighborhood_hit;
use convgru_feedback::stimulus::mel::MelSpectrogram;
use convgru_feedback::stimulus::spoken::{Spoken, SpokenDigits};
use tempfile::TempDir;

/// Three recordings in a file, after a change.
fn packed(change: impl FnOnce(&mut Tensors)) -> (TempDir, Result<SpokenDigits, String>) {
    let mut tensors = Tensors::default();
    tensors.metadata.insert("info".into(), r#"{"rate": 8000, "speakers": ["ann", "bob"]}"#.into());
    for (name, array) in [
        ("audio", Array::vector(vec![0i16, -32768, 16384, 1, 2])),
        ("offsets", Array::vector(vec![0i64, 2, 3, 5])),
        ("label", Array::vector(vec![7u8, 0, 9])),
        ("speaker", Array::vector(vec![1u8, 0, 1])),
        ("take", Array::vector(vec![4u8, 5, 49])),
    ] {
        tensors.arrays.insert(name.into(), array);
    }
    change(&mut tensors);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("digits.safetensors.gz");
    write_tensors(&path, &tensors).expect("a file");
    let read = SpokenDigits::read(&path).map_err(|e| e.to_string());
    (folder, read)
}

#[test]
fn a_file_comes_back() {
    let digits = packed(|_| ()).1.expect("spoken digits");
    assert_eq!((digits.len(), digits.sample_rate()), (3, 8000));
    assert_eq!([digits.recording(0), digits.recording(1)], [&[0.0, -1.0][..], &[0.5]]);
    assert_eq!((digits.labels(), digits.speakers(), digits.takes()), (&[7, 0, 9][..], &[1, 0, 1][..], &[4, 5, 49][..]));
    let split = digits.official_split();
    assert_eq!((split.train, split.test), (vec![1, 2], vec![0]));
    let two = digits.subset(&[2, 0]).expect("a subset");
    assert_eq!((two.labels(), two.takes(), two.recording(1)), (&[9, 7][..], &[49, 4][..], digits.recording(0)));
}

#[test]
fn what_is_no_set_of_digits_is_refused() {
    let with = |name: &'static str, array: Array| {
        packed(move |t| {
            t.arrays.insert(name.into(), array);
        })
        .1
        .expect_err("damaged")
    };
    for (name, array, words) in [
        ("audio", Array::vector(vec![0i16; 4]), "samples 0 to 4"),
        ("audio", Array::vector(vec![0.0f64; 5]), "store 16-bit integers or f32"),
        ("audio", Array::vector(vec![0.0, 0.0, f32::NAN, 0.0, 0.0]), "sample 2 is NaN"),
        ("audio", Array::new(vec![1, 5], vec![0i16; 5]).expect("an array"), "[1, 5]"),
        ("offsets", Array::vector(vec![0i64, 3, 2, 5]), "recording 1 goes from sample 3 to 2"),
        ("offsets", Array::vector(vec![0i64, 2, 5]), "3 offsets"),
        ("offsets", Array::vector(vec![0i64, -2, 3, 5]), "offset of 32 bits"),
        ("offsets", Array::vector(vec![0i64, 2, 1 << 40, 5]), "offset of 32 bits"),
        ("label", Array::vector(vec![7u8, 0, 10]), "digit from 0 to 9"),
        ("label", Array::vector(vec![7.0f32, 0.0, 1.0]), "F32"),
        ("speaker", Array::vector(vec![0u8, 0, 2]), "speaker 2 of 2"),
        ("take", Array::vector(vec![0u8; 2]), "2 takes"),
    ] {
        let error = with(name, array);
        assert!(error.contains(words) && error.contains("digits.safetensors.gz"), "{name}: {error}");
    }
    for name in ["audio", "offsets", "label", "speaker", "take"] {
        let error = packed(|t| drop(t.arrays.remove(name))).1.expect_err("damaged");
        assert!(error.contains(name), "{error}");
    }
    for info in ["", "{}", r#"{"rate": -1, "speakers": []}"#, r#"{"rate": 0, "speakers": ["ann", "bob"]}"#] {
        let bad = packed(|t| drop(t.metadata.insert("info".into(), info.into()))).1;
        assert!(bad.is_err(), "{info}");
    }
    assert!(packed(|t| t.metadata.clear()).1.expect_err("damaged").contains("info"));
    assert!(SpokenDigits::new(8000, &[]).is_err());
    let eleven = Spoken { digit: 11, speaker: "ann".to_owned(), take: 0 };
    assert!(SpokenDigits::new(8000, &[(eleven, vec![0.0])]).is_err());
}

/// A file of 16-bit samples.
fn sound(rate: u32) -> Vec<u8> {
    let mut bytes = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    bytes.extend_from_slice(&rate.to_le_bytes());
    bytes.extend_from_slice(&(2 * rate).to_le_bytes());
    bytes.extend_from_slice(b"\x02\0\x10\0data\x08\0\0\0\0\0\0\x40\0\0\0\xc0");
    bytes
}

#[test]
fn a_folder_is_read_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, rate: u32| std::fs::write(folder.path().join(name), sound(rate)).expect("a file");
    let error = |words: &str| {
        let error = SpokenDigits::read(folder.path()).expect_err("damaged").to_string();
        assert!(error.contains(words), "{error}");
    };
    error("no .wav file");
    for name in ["9_bob_0.wav", "1_de_witt_10.wav", "1_de_witt_2.WAV", "README.md"] {
        write(name, 8000);
    }
    let digits = SpokenDigits::read(folder.path()).expect("spoken digits");
    assert_eq!((digits.labels(), digits.takes()), (&[1, 1, 9][..], &[2, 10, 0][..]));
    assert_eq!((digits.speakers(), digits.names()), (&[1, 1, 0][..], &["bob".to_owned(), "de_witt".to_owned()][..]));
    assert_eq!(digits.recording(2), [0.0, 0.5, 0.0, -0.5]);
    write("9_bob_00.wav", 8000);
    error("is the same recording as");
    std::fs::remove_file(folder.path().join("9_bob_00.wav")).expect("the file");
    write("8_bob_0.wav", 16_000);
    error("resample it");
    std::fs::remove_file(folder.path().join("8_bob_0.wav")).expect("the file");
    write("noise.wav", 8000);
    error("{digit}_{speaker}_{take}.wav");
}

/// Counts of the data set, its ten WAV files among the packed ones, and what the spectrograms are good for.
#[test]
fn spoken_digits_are_those_of_the_data_set() {
    let (Some(test), Some(path), Some(folder)) = (spoken(), shared("fsdd/train.safetensors.gz"), shared("fsdd/wav"))
    else {
        return;
    };
    let train = SpokenDigits::read(path).expect("spoken digits");
    for (digits, n, takes) in [(&train, 600, 5..15), (&test, 300, 0..5)] {
        assert_eq!((digits.len(), digits.sample_rate(), digits.names().len()), (n, 8000, 6));
        for label in 0..10 {
            assert_eq!(digits.labels().iter().filter(|&&l| l == label).count(), n / 10);
        }
        assert!(digits.takes().iter().all(|take| takes.contains(take)));
    }
    assert_eq!((train.official_split().test.len(), test.official_split().test.len()), (0, 300));
    let files = SpokenDigits::read(folder).expect("WAV files");
    assert_eq!((files.labels(), files.names()), (&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9][..], &["jackson".to_owned()][..]));
    for i in 0..10 {
        let same = |j: &usize| {
            test.labels()[*j] == i as u8
                && test.takes()[*j] == 0
                && test.names()[usize::from(test.speakers()[*j])] == "jackson"
        };
        let packed = (0..test.len()).find(same).expect("the recording");
        assert_eq!(files.recording(i), test.recording(packed), "{i}");
    }

    let mel = MelSpectrogram::builder().build().expect("settings");
    let shown = test.to_tensor(&mel).expect("spectrograms");
    assert_eq!(shown.size(), [300, 1, 64, 64]);
    let hit = neighborhood_hit(&shown.flatten(1, -1), &test.label_tensor().expect("labels"), 5).expect("a measure");
    assert!(hit > 0.45, "{hit}: by chance 0.1 of the neighbours say the same");
    assert!(test.to_tensor(&MelSpectrogram::builder().sample_rate(16_000).build().expect("settings")).is_err());
}
