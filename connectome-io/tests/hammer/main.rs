//! Readers under attack. Each reads thousands of damaged copies of good files, and gives a value that holds what it
//! promises or an error, soon, and for a bounded amount of memory.
//!
//! The inputs follow from `HAMMER_SEED` (default 0) and their number, `HAMMER_INPUTS` (default 2,000), alone:
//!
//! ```sh
//! HAMMER_INPUTS=2000000 cargo test --release -p connectome-io --test hammer -- --nocapture npy
//! ```
//!
//! An input that a reader cannot stand is saved, and named in the message; kept in `fuzz/seeds/READER` as `bad-...` it
//! is tried first from then on.

#[allow(unreachable_pub)] // shared with the fuzz targets, where it is a library
#[path = "../../fuzz/src/readers/mod.rs"]
mod readers;

#[path = "../common/mod.rs"]
mod common;

mod budget;
mod claims;
mod meter;
mod mutate;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use connectome_io::ReadOptions;

use meter::{Cost, measure};
use mutate::{Damaged, Seed, mutate};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use readers::{COST, Content, READERS, Reader, Scratch};

/// Bytes that are not read in one go.
const WORTH_A_THREAD: usize = 256 << 10;
/// One input of so many is of megabytes.
const LARGE: u64 = 4096;
/// Longest time for an input.
const PATIENCE: Duration = Duration::from_secs(1);
/// Memory that any file may cost.
const FREE: usize = 16 << 20;

macro_rules! hammer {
    ($($(#[$attribute:meta])? $reader:ident)*) => {
        $(
            $(#[$attribute])?
            #[test]
            fn $reader() {
                hammer(stringify!($reader));
            }
        )*

        #[test]
        fn every_reader_has_a_test_and_a_fuzz_target() {
            let names: Vec<&str> = READERS.iter().map(|reader| reader.name).collect();
            assert_eq!(names, [$($(#[$attribute])? stringify!($reader)),*]);
            let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
            for name in names {
                let target = format!("fuzz_targets/{name}.rs");
                let text = std::fs::read_to_string(fuzz().join(&target)).expect(&target);
                assert!(text.contains(&format!("run(\"{name}\", ")) && manifest.contains(&target), "{target}");
            }
        }
    };
}

hammer! {
    npy npy_matrix npz scipy safetensors canonical foreign flyvis_json edge_csv neuron_csv array_csv matrix_csv idx gzip
    matrix_market array_mtx graphml area_csv pickle pickle_matrix torch torch_tensors torch_matrix torch_legacy
    roi_folder
    #[cfg(feature = "parquet")] parquet
    #[cfg(feature = "parquet")] parquet_neurons
    #[cfg(feature = "parquet")] feather
    #[cfg(feature = "parquet")] feather_neurons
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

fn hammer(name: &str) {
    let reader = READERS.iter().find(|reader| reader.name == name).unwrap();
    let mut trial = Trial::new(reader);
    let seeds = trial.seeds();
    let (inputs, seed) = (setting("HAMMER_INPUTS", 2_000), setting("HAMMER_SEED", 0));
    let start = Instant::now();
    for number in 0..inputs {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        let input = mutate(&seeds, number % LARGE == LARGE / 4, &mut rng);
        trial.attack(&input, &format!("{seed}-{number}"));
    }
    trial.report(inputs, start.elapsed());
}

/// A reader, and how it fared.
struct Trial<'a> {
    reader: &'a Reader,
    scratch: Scratch,
    accepted: u64,
    refused: BTreeMap<String, u64>,
    slowest: Duration,
    /// Largest peak.
    memory: usize,
    /// Largest multiple of the size that a refused file cost beyond what is free.
    ratio: f64,
    faults: Vec<String>,
}

impl<'a> Trial<'a> {
    fn new(reader: &'a Reader) -> Self {
        let (scratch, faults) = (Scratch::default(), Vec::new());
        let (slowest, refused) = (Duration::ZERO, BTreeMap::new());
        Self { reader, scratch, accepted: 0, refused, slowest, memory: 0, ratio: 0.0, faults }
    }

    /// The files in the folder of seeds, of which those named `bad-...` are refused and all others accepted, and the
    /// fixtures that other programs wrote.
    fn seeds(&mut self) -> Vec<Seed> {
        let mut files = Vec::new();
        list(&fuzz().join("seeds").join(self.reader.name), &mut files);
        files.sort();
        for path in &files {
            let (result, _) = self.read(&std::fs::read(path).unwrap(), 1);
            let bad = path.file_name().unwrap().to_string_lossy().starts_with("bad-");
            assert_eq!(result.is_err(), bad, "{}: {result:?}", path.display());
        }
        let mut fixtures = Vec::new();
        list(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"), &mut fixtures);
        fixtures.retain(|path| self.reader.fixtures.iter().any(|end| path.to_string_lossy().ends_with(end)));
        fixtures.sort();
        let mut seeds = Vec::new();
        for path in files.iter().chain(&fixtures) {
            let seed = Seed::new(std::fs::read(path).unwrap(), self.reader.form);
            self.attack(&Damaged { size: seed.size(), bytes: seed.bytes.clone() }, &path.display().to_string());
            seeds.push(seed);
        }
        assert!(!seeds.is_empty(), "{} has no seeds", self.reader.name);
        seeds
    }

    fn read(&self, bytes: &[u8], threads: usize) -> (Result<Content, connectome_io::Error>, Cost) {
        let path = self.scratch.put(self.reader, bytes);
        let options = ReadOptions { threads: Some(threads), ..readers::options(bytes) };
        measure(|| (self.reader.read)(&path, &options))
    }

    /// Reads an input, and checks what comes of it and what it cost.
    fn attack(&mut self, input: &Damaged, name: &str) {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let (result, mut cost) = self.read(&input.bytes, 1);
            // Memory is counted by thread. Large texts come by another one, if there is one, and come out the same.
            if input.size > WORTH_A_THREAD {
                match (&result, &self.read(&input.bytes, 2).0) {
                    (Ok(Content::Connectome(one)), Ok(Content::Connectome(two))) => assert!(one == two, "they differ"),
                    (Err(one), Err(two)) => assert_eq!(one.to_string(), two.to_string()),
                    (one, two) => assert_eq!(one.is_ok(), two.is_ok()),
                }
            }
            let kind = match &result {
                Ok(content) => {
                    content.check(&self.scratch.check());
                    None
                }
                Err(error) => Some(kind(error)),
            };
            // Others use the machine: the reader itself was slow if it is so three times.
            for _ in 0..2 {
                if cost.time > self.slowest {
                    cost.time = cost.time.min(self.read(&input.bytes, 1).1.time);
                }
            }
            (kind, cost)
        }));
        let Ok((kind, cost)) = outcome else {
            self.fault(input, name, "a panic");
            return;
        };
        self.slowest = self.slowest.max(cost.time);
        self.memory = self.memory.max(cost.memory);
        if cost.time > PATIENCE {
            self.fault(input, name, &format!("{:?}", cost.time));
        }
        match kind {
            None => self.accepted += 1,
            Some(kind) => {
                *self.refused.entry(kind).or_default() += 1;
                let ratio = cost.memory.saturating_sub(FREE) as f64 / input.size.max(1) as f64;
                self.ratio = self.ratio.max(ratio);
                if ratio > COST {
                    self.fault(input, name, &format!("{} bytes of memory for {}", cost.memory, input.size));
                }
            }
        }
    }

    fn fault(&mut self, input: &Damaged, name: &str, what: &str) {
        let name = name.replace(['/', '.'], "_");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", self.reader.name));
        std::fs::write(&path, &input.bytes).unwrap();
        self.faults.push(format!("{}: {what}", path.display()));
        assert!(self.faults.len() < 10, "{:#?}", self.faults);
    }

    /// A row of the table in the README, and what was refused.
    fn report(&self, inputs: u64, time: Duration) {
        let rate = inputs as f64 / time.as_secs_f64();
        let refused: Vec<String> = self.refused.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
        println!(
            "| `{}` | {inputs} | {} | {:.1} | {:.1} | {:.1} |\n    {rate:.0} inputs/s; refused: {}",
            self.reader.name,
            self.accepted,
            self.slowest.as_secs_f64() * 1e3,
            self.memory as f64 / f64::from(1 << 20),
            self.ratio,
            refused.join(", ")
        );
        assert!(self.faults.is_empty(), "{:#?}", self.faults);
        assert!(!self.refused.is_empty(), "no damage was noticed at all");
    }
}

/// Files in a folder and those below, none if it is not there.
fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { list(&path, files) } else { files.push(path) }
    }
}

/// The name of an error's variant.
fn kind(error: &connectome_io::Error) -> String {
    let text = format!("{error:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}
