//! Parquet and feather files of pandas and pyarrow.

use std::path::Path;

use connectome_io::{Sign, read, write as write_connectome};

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

pub(crate) fn write(folder: &Path) {
    write_connectome(&sample(), folder.join("edges.parquet")).unwrap();
}
