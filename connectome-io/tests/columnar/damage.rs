//! Damaged copies give an error or a table, soon and for little memory, and never a panic.

use std::time::Duration;

use connectome_io::format::parquet;
use connectome_io::{
    Connectome, Duplicates, Error, Labels, Limits, NeuronTable, Provenance, ReadOptions, SynapseTable, write,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::Folder;
use crate::meter::measure;
use crate::{alone, fixture, fixtures};

/// A copy with one to four bytes or stretches changed, inserted, removed, repeated or cut off; the end of a file, which
/// says where all else lies, is hit as often as the rest.
fn mutate(good: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        let n = bytes.len();
        let from = if rng.random() { n.saturating_sub(1200) } else { 0 };
        let at = rng.random_range(from..=n);
        match rng.random_range(0..8) {
            0 | 1 if at < n => bytes[at] ^= 1 << rng.random_range(0..8),
            2 | 3 if at < n => bytes[at] = rng.random(),
            4 if at + 4 <= n => {
                let value = [0u32, 1, 0x7fff_ffff, 0xffff_ffff, 0x8000_0000, rng.random()][rng.random_range(0..6)];
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            5 => bytes.truncate(at),
            6 => {
                let end = (at + rng.random_range(0..16)).min(n);
                bytes.drain(at..end);
            }
            _ => {
                let end = (at + rng.random_range(0..32)).min(n);
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
    bytes
}

fn survive(end: &str, seed: u64) {
    let inputs: u64 = std::env::var("COLUMNAR_INPUTS").map_or(2_000, |n| n.parse().unwrap());
    let seeds: Vec<Vec<u8>> = ["codex", "shiu", "synapses", "neurons", "none", "bad"]
        .iter()
        .flat_map(|start| fixtures(start, end))
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    let folder = Folder::new();
    let (mut accepted, mut slowest, mut most) = (0, Duration::ZERO, 0);
    for number in 0..inputs {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        let bytes = mutate(&seeds[rng.random_range(0..seeds.len())], &mut rng);
        let path = folder.put(&format!("e{end}"), &bytes);
        let duplicates = [Duplicates::Error, Duplicates::Sum, Duplicates::Keep][rng.random_range(0..3)];
        let change = |options: &mut ReadOptions| options.duplicates = duplicates;
        let (result, mut cost) = measure(|| alone(&path, change));
        for _ in 0..2 {
            if cost.time > Duration::from_secs(1) {
                cost.time = cost.time.min(measure(|| alone(&path, change)).1.time);
            }
        }
        assert!(cost.time < Duration::from_secs(1), "input {number} took {:?}", cost.time);
        if result.is_err() {
            assert!(cost.memory <= 4 * bytes.len() + (16 << 20), "input {number} cost {} bytes", cost.memory);
        }
        accepted += u64::from(result.is_ok());
        (slowest, most) = (slowest.max(cost.time), most.max(cost.memory));
    }
    println!("{end}: {inputs} inputs, {accepted} accepted, slowest {slowest:?}, most memory {most}");
    assert!(accepted > 0 && accepted < inputs);
}

#[test]
fn damaged_parquet() {
    survive(".parquet", 1);
}

#[test]
fn damaged_feather() {
    survive(".feather", 2);
}

/// Sizes in the footer and in the pages, each in turn, made as large as it can be.
#[test]
fn a_claim_costs_little_memory() {
    let folder = Folder::new();
    for name in [
        "codex_snappy.parquet",
        "codex_gzip.parquet",
        "codex_lz4.parquet",
        "codex_second.parquet",
        "codex_lz4.feather",
        "codex_zstd.feather",
    ] {
        let good = std::fs::read(fixture(name)).unwrap();
        for at in 4..good.len() - 12 {
            let mut bytes = good.clone();
            // The largest number of five bytes in the metadata of Parquet, and of four in those of Arrow.
            bytes[at..at + 5].copy_from_slice(&[0xfe, 0xff, 0xff, 0xff, 0x0f]);
            let path = folder.put("claim", &bytes);
            let (result, cost) = measure(|| alone(&path, |_| {}));
            assert!(
                result.is_ok() || cost.memory <= 4 * bytes.len() + (16 << 20),
                "{name}, byte {at}: {} bytes",
                cost.memory
            );
        }
    }
}

/// Room for columns that are read apart is asked for within the bound, also where the last of them is damaged.
#[test]
fn damage_behind_good_columns() {
    let n = 4_000_000u32;
    // Four bytes each, as long as they do not follow on each other.
    let pre = (0..n).map(|i| if i < 2_250_000 { (i.wrapping_mul(2_654_435_761) >> 8) % 49_000 } else { 7 }).collect();
    // An index that no other end has.
    let mark = 49_999u32;
    let post = (0..n).map(|i| if i == 0 { mark } else { 0 }).collect();
    let synapses = SynapseTable::new(pre, post, vec![0.5; n as usize]).unwrap();
    let pair = Connectome::new(NeuronTable::numbered(50_000), synapses, Provenance::default()).unwrap();
    let folder = Folder::new();
    let path = folder.path().join("edges.parquet");
    write(&pair, &path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let first = bytes.windows(3).position(|window| *window == mark.to_le_bytes()[..3]).unwrap();
    bytes[first + 3..first + 40].fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    let (result, cost) = measure(|| alone(&path, |options| options.threads = Some(1)));
    let error = result.unwrap_err().to_string();
    assert!(error.contains("\"post\""), "{error}");
    assert!(cost.memory <= 4 * bytes.len() + (16 << 20), "{} bytes for {}", cost.memory, bytes.len());
}

/// A text that stands in the dictionary once and in each of many rows counts each time.
#[test]
fn long_texts_of_many_rows() {
    let folder = Folder::new();
    let types = |length: usize| Labels::from_values(std::iter::repeat_n("x".repeat(length), 50_000));
    for length in [20, 100_000] {
        let neurons = NeuronTable::numbered(50_000).with_types(types(length)).unwrap();
        let synapses = SynapseTable::new(vec![0], vec![1], vec![1.0]).unwrap();
        let pair = Connectome::new(neurons, synapses, Provenance::default()).unwrap();
        write(&pair, folder.path().join("edges.parquet")).unwrap();
        let path = folder.path().join("neurons.parquet");
        let size = std::fs::metadata(&path).unwrap().len() as usize;
        let (result, cost) =
            measure(|| parquet::read_neurons(&path, &Limits { inflated: 1 << 20, ..Limits::default() }));
        match result {
            Ok(neurons) => assert_eq!((length, &neurons), (20, pair.neurons())),
            Err(error) => {
                assert!(length > 20 && matches!(error, Error::TooLarge { .. }), "{error}");
                assert!(cost.memory <= 4 * size + (16 << 20), "{} bytes for {size}", cost.memory);
            }
        }
    }
}
