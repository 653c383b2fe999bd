//! Tables of pandas.

use std::path::Path;

use connectome_io::{Sign, read, write as write_connectome};

use crate::{COUNT, IDS, NAMES, PRE, WEIGHT, edges, expected, sample, theirs};

#[test]
fn tables_of_pandas() {
    let Some(folder) = theirs("tables") else {
        return;
    };
    let c = read(folder.join("csv")).unwrap();
    assert_eq!((c.neurons().ids(), c.neurons().names().unwrap()), (&IDS[..], &NAMES.map(str::to_owned)[..]));
    assert_eq!(edges(&c), expected(&IDS, &WEIGHT));
    let shiu = read(folder.join("shiu.csv")).unwrap();
    assert_eq!(edges(&shiu), expected(&IDS, &COUNT));
    let inhibitory = shiu.synapses().signs().unwrap().iter().filter(|&&sign| sign == Sign::Inhibitory).count();
    assert_eq!((inhibitory, shiu.n_synapses()), (3, PRE.len()));
}

pub(crate) fn write(folder: &Path) {
    std::fs::create_dir(folder.join("gz")).unwrap();
    for name in ["edges.csv", "gz/edges.csv.gz"] {
        write_connectome(&sample(), folder.join(name)).unwrap();
    }
}
