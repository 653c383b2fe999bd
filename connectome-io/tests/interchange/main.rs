//! Files of numpy, scipy, pandas, pyarrow, networkx and torch themselves, and ours read by them.
//!
//! `PEERS_PYTHON` names the Python that has them; `cargo xtask test` sets it. Without it the environment of
//! `cargo xtask race` under `target/peers` is looked for, and without that nothing is tested, which is said.

mod arrays;
mod graphs;
mod matrices;
#[cfg(feature = "parquet")]
mod parquet;
mod pickles;
mod tables;
mod torch;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use connectome_io::{Array, ArrayData, Connectome, NeuronTable, Orientation, Provenance, SynapseTable};
use tempfile::TempDir;

/// The sample of `interchange.py`.
const IDS: [i64; 5] = [i64::MIN, -7, 0, 720_575_940_628_857_210, i64::MAX];
const NAMES: [&str; 5] = ["Mi1", "näme", "神経, \"quoted\"", "🧠 line\nbreak", "<&>'"];
const PRE: [u32; 7] = [0, 1, 2, 3, 4, 0, 3];
const POST: [u32; 7] = [1, 2, 3, 4, 0, 0, 1];
const WEIGHT: [f64; 7] = [1.0, 2.5, -3.0, 1e-300, 1e300, 7.0, 0.1];
const COUNT: [f64; 7] = [1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 9.0];

fn sample() -> Connectome {
    let neurons = NeuronTable::new(IDS.to_vec()).unwrap();
    let neurons = neurons.with_names(NAMES.map(str::to_owned).to_vec()).unwrap();
    let synapses = SynapseTable::new(PRE.to_vec(), POST.to_vec(), WEIGHT.to_vec()).unwrap();
    Connectome::new(neurons, synapses, Provenance::new("sample", Orientation::EdgeList)).unwrap()
}

/// Connections in one order for all files: `(pre, post, weight)`, ends by id, weights by their bits.
fn edges(c: &Connectome) -> Vec<(i64, i64, u64)> {
    let (ids, s) = (c.neurons().ids(), c.synapses());
    let id = |end: u32| ids[end as usize];
    let mut edges: Vec<_> = (0..s.len()).map(|e| (id(s.pre()[e]), id(s.post()[e]), s.weight()[e].to_bits())).collect();
    edges.sort_unstable();
    edges
}

fn expected(ids: &[i64], weight: &[f64]) -> Vec<(i64, i64, u64)> {
    let edge = |e: usize| (ids[PRE[e] as usize], ids[POST[e] as usize], weight[e].to_bits());
    let mut edges: Vec<_> = (0..PRE.len()).map(edge).collect();
    edges.sort_unstable();
    edges
}

/// `[2, 3, 4]`: 0 to 23, every other true for bool.
fn ramp<T>(of: impl Fn(u8) -> T) -> Array
where
    Vec<T>: Into<ArrayData>,
{
    Array::new(vec![2, 3, 4], (0..24).map(of).collect::<Vec<T>>()).unwrap()
}

/// Python with the libraries; `None`, which is said once, where there is none.
fn python() -> Option<&'static Path> {
    static PYTHON: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers/bin/python");
        let python = std::env::var_os("PEERS_PYTHON").map_or(beside, PathBuf::from);
        if run(&python, &["-c", "import numpy, scipy, pandas, pyarrow, networkx, torch"]).is_ok() {
            return Some(python);
        }
        eprintln!("skipped: {} lacks the libraries; `cargo xtask test` installs them", python.display());
        None
    });
    PYTHON.as_deref()
}

fn run(python: &Path, arguments: &[&str]) -> Result<(), String> {
    // torch comes without its CUDA libraries: nothing of them is to be bound at the start.
    let settings = [("TORCH_USE_RTLD_GLOBAL", "1"), ("CUDA_VISIBLE_DEVICES", "")];
    let output = Command::new(python).args(["-W", "ignore"]).args(arguments).envs(settings).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn script(command: &str, folder: &Path) -> bool {
    let Some(python) = python() else {
        return false;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interchange/interchange.py");
    if let Err(error) = run(python, &[script, command, folder.to_str().unwrap()]) {
        panic!("interchange.py {command}: {error}");
    }
    true
}

/// What the libraries wrote; `None` without Python.
fn theirs(part: &str) -> Option<PathBuf> {
    static FOLDER: LazyLock<Option<TempDir>> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        script("write", folder.path()).then_some(folder)
    });
    Some(FOLDER.as_ref()?.path().join(part))
}

#[test]
fn the_libraries_read_what_we_write() {
    if python().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let part = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    arrays::write(&part("arrays"));
    matrices::write(&part("matrices"));
    tables::write(&part("tables"));
    torch::write(&part("torch"));
    graphs::write(&part("graphs"));
    #[cfg(feature = "parquet")]
    parquet::write(&part("parquet"));
    assert!(script("check", folder.path()));
}
