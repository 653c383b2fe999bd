//! Graphs of networkx.

use std::path::Path;

use connectome_io::{NeuronsFile, ReadOptions, read, read_with, write as write_connectome};

use crate::{IDS, NAMES, WEIGHT, edges, expected, sample, theirs};

#[test]
fn graphs_of_networkx() {
    let Some(folder) = theirs("graphs") else {
        return;
    };
    let c = read(folder.join("networkx.graphml")).unwrap();
    assert_eq!((c.neurons().ids(), c.neurons().names().unwrap()), (&IDS[..], &NAMES.map(str::to_owned)[..]));
    assert_eq!(edges(&c), expected(&IDS, &WEIGHT));
    // networkx writes rows as sources.
    let rows = ReadOptions { rows: connectome_io::Rows::Pre, ..ReadOptions::default() };
    let c = read_with(folder.join("networkx.npz"), &rows).unwrap();
    assert_eq!(edges(&c), expected(&[0, 1, 2, 3, 4], &WEIGHT));
    let named = ReadOptions { neurons: NeuronsFile::None, ..ReadOptions::default() };
    assert_eq!(read_with(folder.join("edge_list.csv"), &named).unwrap().n_synapses(), WEIGHT.len());
}

pub(crate) fn write(folder: &Path) {
    for name in ["w.graphml", "w.graphml.gz"] {
        write_connectome(&sample(), folder.join(name)).unwrap();
    }
}
