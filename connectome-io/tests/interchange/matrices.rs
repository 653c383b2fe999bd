//! scipy's sparse archives and Matrix Market files, numpy's dense matrices.

use std::path::Path;

use connectome_io::{read, write as write_connectome};

use crate::{COUNT, POST, WEIGHT, edges, expected, sample, theirs};

const ROWS: [i64; 5] = [0, 1, 2, 3, 4];

#[test]
fn scipy_archives() {
    let Some(folder) = theirs("matrices") else {
        return;
    };
    for name in ["csr.npz", "csc.npz", "coo.npz", "real.mtx", "dense.npy", "blanks.csv"] {
        let c = read(folder.join(name)).unwrap();
        assert_eq!(edges(&c), expected(&ROWS, &WEIGHT), "{name}");
    }
    assert_eq!(edges(&read(folder.join("integer.mtx")).unwrap()), expected(&ROWS, &COUNT));
    assert_eq!(edges(&read(folder.join("pattern.mtx")).unwrap()), expected(&ROWS, &[1.0; POST.len()]));
    let empty = read(folder.join("empty.npz")).unwrap();
    assert_eq!((empty.n_neurons(), empty.n_synapses()), (5, 0));
}

pub(crate) fn write(folder: &Path) {
    for name in ["w.npz", "w.mtx", "w.mtx.gz"] {
        write_connectome(&sample(), folder.join(name)).unwrap();
    }
}
