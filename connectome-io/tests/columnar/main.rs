//! Parquet and Feather: tables that other programs wrote mean what their text twins mean, and damage is refused.
//!
//! `COLUMNAR_INPUTS` (default 2,000) is the number of damaged copies that each reader gets.

#![cfg(feature = "parquet")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../hammer/meter.rs"]
mod meter;

mod damage;
mod streams;

use std::path::{Path, PathBuf};

use common::Folder;
use connectome_io::{
    Connectome, Duplicates, Error, NeuronsFile, ReadOptions, Regions, Sign, SynapseTable, read, read_with, write,
};

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tables").join(name)
}

/// Files of a kind among the fixtures.
pub(crate) fn fixtures(start: &str, end: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(fixture("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(start) && name.ends_with(end)
    });
    files.sort();
    files
}

/// Reads a table of edges alone.
pub(crate) fn alone(path: &Path, change: impl FnOnce(&mut ReadOptions)) -> Result<Connectome, Error> {
    let mut options = ReadOptions { neurons: NeuronsFile::None, ..ReadOptions::default() };
    change(&mut options);
    read_with(path, &options)
}

#[track_caller]
fn same(path: &Path, twin: &Connectome, change: impl FnOnce(&mut ReadOptions)) {
    let read = alone(path, change).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read.neurons(), twin.neurons(), "{}", path.display());
    assert_eq!(read.synapses(), twin.synapses(), "{}", path.display());
}

/// Codecs, dictionaries, both versions of pages, all encodings, several groups and batches, small types, columns that
/// are not read beside those that are.
#[test]
fn tables_are_those_of_the_text() {
    let twin = alone(&fixture("codex.csv"), |_| {}).unwrap();
    assert_eq!((twin.n_neurons(), twin.n_synapses()), (31, 24));
    let files: Vec<PathBuf> = [fixtures("codex", ".parquet"), fixtures("codex", ".feather")].concat();
    assert_eq!(files.len(), 13, "{files:?}");
    for path in &files {
        same(path, &twin, |_| {});
        let regions = |options: &mut ReadOptions| {
            options.regions = Regions::Only(vec!["größer, \"Ω\"".to_owned(), "ME_R".to_owned()]);
        };
        same(path, &alone(&fixture("codex.csv"), regions).unwrap(), regions);
        let keep = |options: &mut ReadOptions| options.duplicates = Duplicates::Keep;
        same(path, &alone(&fixture("codex.csv"), keep).unwrap(), keep);
        // What a file is, its bytes tell.
        let f = Folder::new();
        same(&f.put("table", std::fs::read(path).unwrap()), &twin, |_| {});
    }
}

/// Ids are what neurons are called where there are ids, indices otherwise; the product tells the sign where no column does.
#[test]
fn exports_of_shiu() {
    let whole = alone(&fixture("shiu.csv"), |_| {}).unwrap();
    assert!(whole.neurons().ids().iter().all(|&id| id >= 720_575_940_600_000_000));
    assert!(whole.synapses().weight().iter().all(|&weight| weight > 0.0) && whole.synapses().columns().is_empty());
    same(&fixture("shiu.parquet"), &whole, |_| {});
    let less = alone(&fixture("shiu_index.csv"), |_| {}).unwrap();
    assert!(less.neurons().ids().iter().all(|id| (0..40).contains(id)) && less.synapses().signs().is_none());
    same(&fixture("shiu_index.parquet"), &less, |_| {});
    let signs = whole.synapses().signs().unwrap();
    let effect: Vec<f64> =
        whole.synapses().weight().iter().zip(signs).map(|(weight, sign)| weight * sign.factor()).collect();
    assert_eq!(effect, less.synapses().weight());
}

#[test]
fn neurons_may_lack_texts_and_positions() {
    for name in ["neurons.parquet", "neurons.feather"] {
        let f = Folder::new();
        std::fs::copy(fixture(name), f.path().join(name)).unwrap();
        let ids: Vec<i64> = (0..6).map(|i| 720_575_940_600_000_000 + 7919 * i).collect();
        let text = format!("pre_root_id,post_root_id,weight\n{},{},3\n", ids[5], ids[0]);
        let c = read(f.put("edges.csv", text)).unwrap();
        let neurons = c.neurons();
        assert_eq!(neurons.ids(), ids);
        assert_eq!(neurons.types().unwrap().iter().collect::<Vec<_>>(), ["Mi1", "", "Tm3", "Mi1", "T4a", ""]);
        assert_eq!(neurons.signs().unwrap()[1], Sign::Inhibitory);
        assert_eq!(neurons.positions().unwrap().points()[..3], [Some([1.5, 1.0, 0.5]), None, Some([3.0; 3])]);
        // Truth values are numbers, and the index of pandas is nobody's property.
        let further: Vec<&str> = neurons.columns().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(further, ["left"]);
        assert_eq!(neurons.column("left").unwrap().get(1), "0");
        assert_eq!((c.synapses().pre(), c.synapses().post()), (&[5][..], &[0][..]));
    }
}

#[test]
fn what_is_refused_is_named() {
    let refused = |name: &str| alone(&fixture(name), |_| {}).unwrap_err();
    for name in ["bad_null.parquet", "bad_null.feather", "bad_half.parquet", "bad_large.parquet", "bad_float.parquet"] {
        let error = refused(name);
        assert!(matches!(error, Error::BadNumber { .. }), "{name}: {error}");
        assert!(error.to_string().contains("row 1, column \"pre_root_id\""), "{error}");
    }
    let error = refused("bad_list.parquet");
    assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains("pre_root_id"), "{error}");
    for name in ["none.parquet", "none.feather"] {
        assert!(matches!(refused(name), Error::Empty { .. }));
    }
    let f = Folder::new();
    for bytes in [
        &b"PAR1"[..],
        b"PAR1PAR1",
        b"ARROW1",
        b"FEA1",
        b"PAR1\0\0\0\0\xff\xff\xff\xffPAR1",
        b"PAR1\0\0\0\0\0\0\0\0PARE",
    ] {
        let path = f.put("e.parquet", bytes);
        let error = read(&path).unwrap_err();
        assert!(error.location().is_some_and(|at| at.file.as_deref() == Some(&path)), "{error}");
    }
    let gz = f.gz("e.parquet.gz", &std::fs::read(fixture("codex_gzip.parquet")).unwrap());
    assert!(matches!(read(gz), Err(Error::Unsupported { .. })));
}

/// Another program's readers have been checked by hand; here the file is read back by our own.
#[test]
fn a_written_table_has_groups_and_pages() {
    let n = 200_000u32;
    let labels = connectome_io::Labels::from_values((0..n).map(|i| ["a", "b", "c"][i as usize % 3]));
    let synapses = SynapseTable::new((0..n).rev().collect(), (0..n).map(|i| i / 2).collect(), vec![0.5; n as usize]);
    let synapses = synapses.unwrap().with_kinds(labels).unwrap();
    let neurons = connectome_io::NeuronTable::new((0..i64::from(n)).map(|i| i * i).collect()).unwrap();
    let c = Connectome::new(neurons, synapses, connectome_io::Provenance::default()).unwrap();
    let f = Folder::new();
    let path = f.path().join("edges.parquet");
    write(&c, &path).unwrap();
    let back = read(f.path()).unwrap();
    assert_eq!((back.neurons(), back.synapses()), (c.neurons(), c.synapses()));
    assert!(matches!(write(&c, f.path().join("neurons.parquet")), Err(Error::Unsupported { .. })));
}

/// A group of rows names what it has, and not what others have; texts of which few come twice are written as they come.
#[test]
fn a_written_table_of_many_texts() {
    let n = 1_200_000u32;
    let f = Folder::new();
    let path = f.path().join("edges.parquet");
    let size = |name: fn(u32) -> String, n: u32| {
        let labels = connectome_io::Labels::from_values((0..n).map(name));
        let synapses = SynapseTable::new((0..n).collect(), vec![0; n as usize], vec![1.0; n as usize]);
        let synapses = synapses.unwrap().with_column("note", labels).unwrap();
        let neurons = connectome_io::NeuronTable::numbered(n as usize);
        let c = Connectome::new(neurons, synapses, connectome_io::Provenance::default()).unwrap();
        write(&c, &path).unwrap();
        let back = read(&path).unwrap();
        assert!(back.synapses() == c.synapses());
        std::fs::metadata(&path).unwrap().len()
    };
    // A text per thirty rows, hard to compress: those of a group are in that group alone.
    let text = |i: u32| {
        let word = |k: u64| (u64::from(i / 30) * 4 + k + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        (0..4).map(|k| format!("{:016x}", word(k).wrapping_mul(0xbf58_476d_1ce4_e5b9))).collect::<String>()
    };
    let few = size(text, n);
    let one = size(|_| "text".to_owned(), n);
    let texts = 64 * u64::from(n) / 30;
    assert!(few - one < texts + texts / 4 + 2 * u64::from(n), "{few} {one} {texts}");
    size(|i| format!("{i}"), 300_000);
    size(|i| "x".repeat(3000 + i as usize % 7), 5000);
}

/// Columns that are read by themselves, on any number of threads, say what rows say that are read in turn, as text is.
#[test]
fn plain_columns_say_what_rows_say() {
    let n = 300_000u32;
    let ids: Vec<i64> = (0..6000).map(|i| 720_575_940_000_000_000 + i * i).collect();
    let (pre, post) = (|i: u32| i * 7919 % 5003, |i: u32| 5990 - i / 60);
    let weights = [(0..n).map(|i| f64::from(i % 11)).collect(), (0..n).map(|i| f64::from(i % 11) + 0.5).collect()];
    for weight in weights {
        let synapses = SynapseTable::new((0..n).map(pre).collect(), (0..n).map(post).collect(), weight).unwrap();
        let neurons = connectome_io::NeuronTable::new(ids.clone()).unwrap();
        let c = Connectome::new(neurons, synapses, connectome_io::Provenance::default()).unwrap();
        let f = Folder::new();
        let [text, path] = ["edges.csv", "edges.parquet"].map(|name| f.path().join(name));
        write(&c, &text).unwrap();
        write(&c, &path).unwrap();
        let twin = alone(&text, |_| {}).unwrap();
        // Nobody names two neurons in a thousand.
        assert!(twin.n_neurons() < c.n_neurons() && twin.n_synapses() == n as usize);
        for threads in [1, 2, 4] {
            same(&path, &twin, |options| options.threads = Some(threads));
            let threads = ReadOptions { threads: Some(threads), ..ReadOptions::default() };
            let back = read_with(&path, &threads).unwrap();
            assert_eq!((back.neurons(), back.synapses()), (c.neurons(), c.synapses()));
        }
    }
}

/// A fault in a later column, or far down, is told as where rows are read in turn.
#[test]
fn a_fault_of_plain_columns_has_its_row() {
    let n = 300_000u32;
    let mut ends: [Vec<u32>; 2] = [(0..n).collect(), (0..n).map(|i| i / 2).collect()];
    (ends[0][299_999], ends[1][299_999]) = (ends[0][17], ends[1][17]);
    let [pre, post] = ends;
    let synapses = SynapseTable::new(pre, post, vec![0.5; n as usize]).unwrap();
    let neurons = connectome_io::NeuronTable::numbered(n as usize);
    let c = Connectome::new(neurons, synapses, connectome_io::Provenance::default()).unwrap();
    let f = Folder::new();
    let path = f.path().join("edges.parquet");
    write(&c, &path).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("row 299999") && error.contains("17"), "{error}");
    // Neurons that the table does not know, from row 100,001 on.
    let few = connectome_io::NeuronTable::numbered(100_001);
    let few =
        Connectome::new(few, SynapseTable::new(vec![0], vec![1], vec![1.0]).unwrap(), Default::default()).unwrap();
    let other = Folder::new();
    write(&few, other.path().join("edges.parquet")).unwrap();
    std::fs::copy(&path, other.path().join("edges.parquet")).unwrap();
    let error = read(other.path().join("edges.parquet")).unwrap_err().to_string();
    assert!(error.contains("row 100001"), "{error}");
}
