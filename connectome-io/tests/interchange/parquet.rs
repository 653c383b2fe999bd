//! Parquet and feather files of pandas and pyarrow.

use std::path::Path;

use connectome_io::format::parquet;
use connectome_io::{Duplicates, Limits, NeuronsFile, ReadOptions, Sign, read, read_with, write as write_connectome};

use crate::{COUNT, IDS, WEIGHT, edges, expected, sample, theirs};

#[test]
fn every_codec() {
    let Some(folder) = theirs("tables") else {
        return;
    };
    let parquet = ["pandas", "indexed", "none", "snappy", "gzip", "zstd", "lz4"].map(|name| format!("{name}.parquet"));
    let feather = ["uncompressed", "lz4", "zstd"].map(|name| format!("{name}.feather"));
    for name in parquet.iter().chain(&feather) {
        let c = read(folder.join(name)).unwrap();
        assert_eq!(edges(&c), expected(&IDS, &WEIGHT), "{name}");
    }
    assert!(read(folder.join("no_rows.parquet")).unwrap_err().to_string().contains("no rows"));
    let shiu = read(folder.join("shiu.parquet")).unwrap();
    assert_eq!(edges(&shiu), expected(&IDS, &COUNT));
    let signs = shiu.synapses().signs().unwrap();
    assert_eq!(signs.iter().filter(|&&sign| sign == Sign::Inhibitory).count(), 3);
}

/// What texts share with those before takes next to nothing in the file: as much as is plausible is read.
#[test]
fn texts_that_share_their_beginnings() {
    let Some(folder) = theirs("tables") else {
        return;
    };
    for (name, length, repeats) in [("alike", 60, 1), ("same", 60, 500)] {
        let neurons = parquet::read_neurons(folder.join(format!("shared_{name}.parquet")), &Limits::default()).unwrap();
        let wanted = (0..3000).map(|row| format!("{}{}", "x".repeat(length), row / repeats));
        assert!(neurons.types().unwrap().iter().eq(wanted), "{name}");
    }
    let path = folder.join("shared_endless.parquet");
    assert!(std::fs::metadata(&path).unwrap().len() < 100_000);
    let error = parquet::read_neurons(&path, &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("column \"type\"") && error.contains("64 times the file"), "{error}");
}

/// Dictionaries of several groups, whole and given up halfway, mean what the text means; whoever does not look for sums gets the same
/// as who does.
#[test]
fn dictionaries_that_change() {
    let Some(folder) = theirs("tables") else {
        return;
    };
    let text = read(folder.join("many.csv")).unwrap();
    assert_eq!(text.n_synapses(), 20_000);
    for limit in [4000, 1 << 20] {
        let path = folder.join(format!("many_{limit}.parquet"));
        for duplicates in [Duplicates::Error, Duplicates::Sum, Duplicates::Keep] {
            let options = ReadOptions { duplicates, ..ReadOptions::default() };
            let c = read_with(&path, &options).unwrap();
            assert_eq!((c.neurons(), c.synapses()), (text.neurons(), text.synapses()), "{limit}, {duplicates:?}");
        }
        // an end that no table has, met in a later group
        let (pre, post) = (text.synapses().pre(), text.synapses().post());
        let is_first = |row: &usize| !pre[..=*row].contains(&post[*row]) && !post[..*row].contains(&post[*row]);
        let row = (7001..20_000).find(is_first).unwrap();
        let ids = text.neurons().ids();
        let others: Vec<String> = ids.iter().filter(|id| **id != ids[post[row] as usize]).map(i64::to_string).collect();
        let table = folder.join("others.csv");
        std::fs::write(&table, format!("id\n{}\n", others.join("\n"))).unwrap();
        let options = ReadOptions { neurons: NeuronsFile::File(table), ..ReadOptions::default() };
        let error = read_with(&path, &options).unwrap_err().to_string();
        let missing = ids[post[row] as usize].to_string();
        assert!(error.contains(&format!("row {row},")) && error.contains(&missing), "{error}");
    }
}

pub(crate) fn write(folder: &Path) {
    write_connectome(&sample(), folder.join("edges.parquet")).unwrap();
}
