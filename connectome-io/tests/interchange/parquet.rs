//! Parquet and feather files of pandas and pyarrow.

use std::path::Path;

use connectome_io::{Duplicates, NeuronsFile, ReadOptions, Sign, read, read_with, write as write_connectome};

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
        // the first row with an end that no table has
        let ids = folder.join("few.csv");
        let known: Vec<String> = text.neurons().ids()[..1500].iter().map(i64::to_string).collect();
        std::fs::write(&ids, format!("id\n{}\n", known.join("\n"))).unwrap();
        let options = ReadOptions { neurons: NeuronsFile::File(ids), ..ReadOptions::default() };
        let error = |path: &Path| read_with(path, &options).unwrap_err().to_string();
        let (ours, theirs) = (error(&path), error(&folder.join("many.csv")));
        let id =
            |text: &str| text.split(|c: char| !c.is_ascii_digit()).find(|part| part.len() == 18).map(str::to_owned);
        assert!(ours.contains("row ") && id(&ours).is_some() && id(&ours) == id(&theirs), "{ours}\n{theirs}");
    }
}

pub(crate) fn write(folder: &Path) {
    write_connectome(&sample(), folder.join("edges.parquet")).unwrap();
}
