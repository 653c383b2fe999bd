//! Small files in which something long is said once and meant many times.

use connectome_io::format::{npy, pickle};
use connectome_io::{Connectome, Error, NeuronTable, Provenance, SynapseTable, read, write};

use crate::common::{Folder, npy_with_header};
use crate::refuse;

/// A text of a pickle, remembered.
fn text(text: &str) -> Vec<u8> {
    [b"X", (text.len() as u32).to_le_bytes().as_slice(), text.as_bytes(), b"q\0"].concat()
}

#[test]
fn arrays_of_many_dimensions() {
    let f = Folder::new();
    for dimensions in [64, 65] {
        let shape = format!("({})", "1,".repeat(dimensions));
        let header = format!("{{'descr': '|u1', 'fortran_order': True, 'shape': {shape}, }}");
        let path = f.put("many.npy", npy_with_header(2, &header, &[7]));
        match npy::read(&path) {
            Ok(array) => assert_eq!((dimensions, array.shape().len()), (64, 64)),
            Err(error) => assert!(dimensions == 65 && matches!(error, Error::Malformed { .. }), "{error}"),
        }
    }
}

/// A default of an attribute, for each of many nodes.
#[test]
fn defaults_of_graphs() {
    let f = Folder::new();
    let graph = |default: usize, nodes: usize| {
        let nodes: String = (0..nodes).map(|i| format!("<node id=\"{i}\"/>")).collect();
        format!(
            "<graphml><key id=\"d\" for=\"node\" attr.name=\"name\"><default>{}</default></key>\
             <graph edgedefault=\"directed\">{nodes}<edge source=\"0\" target=\"1\"/></graph></graphml>",
            "x".repeat(default)
        )
    };
    assert_eq!(read(f.put("fair.graphml", graph(100, 200))).unwrap().n_neurons(), 200);
    refuse(&f.put("repeats.graphml", graph(100_000, 2000)), is!(Error::Malformed { .. }));
}

/// One long key, for each of many dicts: looked at once, and refused where it would be a name each time.
#[test]
fn keys_of_many_dicts() {
    let f = Folder::new();
    let (key, dicts) = (text(&"k".repeat(100_000)), 20_000);
    let first = [b"\x80\x02](}".as_slice(), &key, b"Ns"].concat();
    let path = f.put("keys.pkl", [first, b"}h\0Ns".repeat(dicts), b"e.".to_vec()].concat());
    let pickle::Value::List(items) = pickle::read(&path).unwrap() else { panic!("no list") };
    assert_eq!(items.len(), dicts + 1);
    refuse(&path, is!(Error::TooLarge { what: "all flat names together", .. }));
}

#[test]
fn parts_of_a_table() {
    let f = Folder::new();
    let neurons = NeuronTable::numbered(2).with_names(vec!["a".into(), "b".into()]).unwrap();
    let synapses = SynapseTable::new(vec![0], vec![1], vec![1.0]).unwrap();
    let path = f.path().join("c.safetensors");
    write(&Connectome::new(neurons, synapses, Provenance::default()).unwrap(), &path).unwrap();
    let good = std::fs::read(&path).unwrap();
    let length = u64::from_le_bytes(*good.first_chunk().unwrap()) as usize;
    let header = std::str::from_utf8(&good[8..8 + length]).unwrap();
    assert!(header.contains(r#"[\"names\"]"#), "{header}");
    let header = header.trim_end().replace(r#"[\"names\"]"#, r#"[\"names\",\"names\"]"#);
    let bad = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &good[8 + length..]].concat();
    refuse(&f.put("bad.safetensors", bad), is!(Error::DuplicateName { what: "part of a table", .. }));
}
