//! Races `io-...`: reading 4.6 million connections from a file.

use super::args::Args;
use super::child::{self, Clock, Measurement};
use super::job::{Check, Contestant, Job};
use crate::tutorial::load;
use crate::{Error, Result};
use connectome_graph::generate::Benchmark;
use connectome_io::format::npy;
use connectome_io::{Array, Connectome, NeuronTable, Orientation, Provenance, ReadOptions, SynapseTable};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SIZE: Benchmark = Benchmark::OPTIC_LOBE;

/// A file and who reads it.
pub(super) struct Reading {
    name: &'static str,
    file: &'static str,
    about: &'static str,
    /// Whether ends are FlyWire's ids.
    ids: bool,
    /// Names of the peers, and what `io_read.py` calls them.
    peers: &'static [(&'static str, &'static str)],
}

pub(super) const PT: Reading = Reading {
    name: "io-pt",
    file: "matrix.pt",
    about: "sparse COO tensor of torch, int64 indices, float64 values, as bioplnn's file",
    ids: false,
    peers: &[("torch.load(weights_only=True)", "torch")],
};

pub(super) const NPZ: Reading = Reading {
    name: "io-npz",
    file: "matrix.npz",
    about: "scipy.sparse.save_npz, CSR, deflated as by default",
    ids: false,
    peers: &[("scipy.sparse.load_npz", "scipy")],
};

pub(super) const CSV: Reading = Reading {
    name: "io-csv",
    file: "edges.csv",
    about: "table pre, post, weight with indices",
    ids: false,
    peers: &[("pandas.read_csv", "pandas_csv"), ("pandas.read_csv, engine pyarrow", "pandas_csv_pyarrow")],
};

pub(super) const CSV_IDS: Reading = Reading {
    name: "io-csv-ids",
    file: "connections.csv",
    about: "table pre_root_id, post_root_id, syn_count with ids of 18 digits",
    ids: true,
    peers: &[
        ("pandas.read_csv", "pandas_csv"),
        ("pandas.read_csv, engine pyarrow", "pandas_csv_pyarrow"),
        ("pandas.read_csv, ids to indices", "pandas_csv_indices"),
    ],
};

pub(super) const PARQUET: Reading = Reading {
    name: "io-parquet",
    file: "connections.parquet",
    about: "the same columns as parquet, snappy",
    ids: true,
    peers: &[
        ("pandas.read_parquet", "pandas_parquet"),
        ("pyarrow.parquet.read_table", "pyarrow_parquet"),
        ("pandas.read_parquet, ids to indices", "pandas_parquet_indices"),
    ],
};

impl Job for Reading {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self, _args: &Args) -> String {
        format!(
            "{}: {}, {} connections of {} neurons; ours to a checked connectome: ends as indices into a table of neurons, no pair \
             twice; the peers to their own table or matrix, and with pandas.factorize to indices where that is said\nerror: largest difference of any end or weight from what was written",
            self.name, self.about, SIZE.synapses, SIZE.neurons
        )
    }

    fn contestants(&self) -> Vec<Contestant> {
        let peers = self.peers.iter().map(|&(name, variant)| Contestant::peer(name, "io_read.py", variant));
        std::iter::once(Contestant::ours("connectome_io::read", self.file)).chain(peers).collect()
    }

    fn prepare(&self, _args: &Args) -> Result<PathBuf> {
        // The libraries' own writers, as most files that users have; ours where there are none.
        let python = child::python();
        let writer = if python.is_some() { "peers" } else { "ours" };
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/race/io").join(writer).join(self.name);
        if !dir.join(self.file).is_file() {
            eprintln!("writing {}", dir.join(self.file).display());
            whole(&dir, |dir| self.write(dir, python.as_deref()))?;
        }
        Ok(dir)
    }

    fn ours(&self, variant: &str, dir: &Path, clock: &mut Clock) -> Result<Measurement> {
        let path = dir.join(variant);
        let options = ReadOptions { threads: Some(rayon::current_num_threads()), ..ReadOptions::default() };
        let timed = clock.run(|| Ok(connectome_io::read_with(&path, &options)?))?;
        let (ids, synapses) = (timed.result.neurons().ids(), timed.result.synapses());
        let ends = |rows: &[u32]| rows.iter().map(|&row| ids[row as usize]).collect::<Vec<i64>>();
        let mut error = 0.0f64;
        for (got, name) in [(ends(synapses.pre()), "pre"), (ends(synapses.post()), "post")] {
            let want = load::<i64>(dir, name)?;
            error = got.iter().zip(&want).fold(error, |error, (a, b)| error.max(a.abs_diff(*b) as f64));
        }
        let want = load::<f64>(dir, "weight")?;
        error = synapses.weight().iter().zip(&want).fold(error, |error, (a, b)| error.max((a - b).abs()));
        Ok(timed.measurement(None, None, error, timed.result.total_weight()))
    }

    fn check(&self, _args: &Args) -> Option<Check> {
        None
    }
}

impl Reading {
    /// Writes the file, and beside it what it holds.
    fn write(&self, dir: &Path, python: Option<&Path>) -> Result<()> {
        let file = dir.join(self.file);
        let connectome = connectome(self.ids)?;
        let (ids, synapses) = (connectome.neurons().ids(), connectome.synapses());
        let ends = |rows: &[u32]| Array::vector(rows.iter().map(|&row| ids[row as usize]).collect::<Vec<i64>>());
        npy::write(dir.join("pre.npy"), &ends(synapses.pre()))?;
        npy::write(dir.join("post.npy"), &ends(synapses.post()))?;
        npy::write(dir.join("weight.npy"), &Array::vector(synapses.weight().to_vec()))?;
        let Some(python) = python else {
            return Ok(connectome_io::write(&connectome, &file)?);
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/io_write.py");
        let status = Command::new(python).args(["-W", "ignore"]).arg(&script).arg(&file).status();
        let status = status.map_err(Error::io("starting", &script))?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Child { who: "io_write.py".into(), status: status.to_string(), output: String::new() })
    }
}

/// Fills a folder beside the wanted one and gives it that one's name when it is whole: files that were cut off are never read.
fn whole(dir: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let part = dir.with_extension("part");
    for old in [&part, dir] {
        if old.exists() {
            fs::remove_dir_all(old).map_err(Error::io("deleting", old))?;
        }
    }
    fs::create_dir_all(&part).map_err(Error::io("making", &part))?;
    fill(&part)?;
    fs::rename(&part, dir).map_err(Error::io("making", dir))
}

/// The benchmark network with whole weights, as counts of synapses are.
fn connectome(ids: bool) -> Result<Connectome> {
    let wiring = SIZE.topology()?;
    let (mut pre, mut post, mut weight) = (Vec::new(), Vec::new(), Vec::new());
    for (row, column, w) in wiring.iter() {
        post.push(row);
        pre.push(column);
        weight.push((w * 1024.0).round().abs().max(1.0));
    }
    let id = |row: i64| if ids { 720_575_940_600_000_000 + 7919 * row } else { row };
    let neurons = NeuronTable::new((0..wiring.n_post() as i64).map(id).collect())?;
    let provenance = Provenance::new("race io", Orientation::EdgeList);
    Ok(Connectome::new(neurons, SynapseTable::new(pre, post, weight)?, provenance)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_whole_or_not_there() {
        let all = std::env::temp_dir().join(format!("io-{}", std::process::id()));
        let dir = all.join("io-csv");
        let fill =
            |path: &Path, text: &str| fs::write(path.join("edges.csv"), text).map_err(Error::io("writing", path));
        let cut_off = whole(&dir, |part| {
            fill(part, "cut")?;
            Err(Error::Usage("interrupted".into()))
        });
        let was_there = dir.exists();
        let again = whole(&dir, |part| fill(part, "all of it"));
        let text = fs::read_to_string(dir.join("edges.csv"));
        fs::remove_dir_all(&all).unwrap();
        assert!(cut_off.is_err() && !was_there);
        again.unwrap();
        assert_eq!(text.unwrap(), "all of it");
    }
}
