//! Folders of a brain region.

use std::path::Path;

use connectome_io::format::{npy, roi_folder};
use connectome_io::{Array, ArrayData, Error, Orientation, ReadOptions, Sign, UnknownNeurons, read, read_with};

use crate::common::Folder;
use crate::{check, fixture, rows};

/// Copies the fixture but for the files named.
fn copy(f: &Folder, but: &[&str]) {
    for entry in std::fs::read_dir(fixture("roi")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !but.contains(&name) {
            f.put(name, std::fs::read(&path).unwrap());
        }
    }
}

fn put(f: &Folder, name: &str, shape: Vec<usize>, data: impl Into<ArrayData>) {
    f.put(name, npy::to_bytes(&Array::new(shape, data).unwrap()).unwrap());
}

#[test]
fn a_folder_is_a_connectome() {
    let c = read(fixture("roi")).unwrap();
    let neurons = c.neurons();
    assert_eq!(neurons.ids(), [5_813_105_172, 7, 1 << 62]);
    // Row 0, column 1 is 0 -> 1.
    assert_eq!(rows(&c), [(0, 1, 12.0), (1, 1, 1.0), (1, 2, 300.0), (2, 0, 5.0)]);
    assert_eq!(neurons.signs().unwrap(), [Sign::Excitatory, Sign::Inhibitory, Sign::Excitatory]);
    assert!(neurons.transmitters().unwrap().iter().eq(["acetylcholine", "gaba", "neither"]));
    assert!(neurons.column("cell_body_fiber").unwrap().iter().eq(["PDM00", "PDM01", "PDM02"]));
    assert_eq!((c.provenance().source(), c.provenance().orientation()), ("roi", Orientation::PrePost));
    let strong = ReadOptions { threshold: Some(10.0), ..ReadOptions::default() };
    assert_eq!(rows(&read_with(fixture("roi"), &strong).unwrap()), [(0, 1, 12.0), (1, 2, 300.0)]);
}

#[test]
fn types_of_neurons_in_any_guise() {
    let signs = |f: &Folder| read(f.path()).unwrap().neurons().signs().unwrap().to_vec();
    let wanted = [Sign::Inhibitory, Sign::Excitatory, Sign::Excitatory];
    let f = Folder::new();
    copy(&f, &["ei_neuron.npy"]);
    assert!(read(f.path()).unwrap().neurons().signs().is_none());
    for data in [ArrayData::from(vec![0u8, 1, 1]), vec![0i64, 1, 1].into(), vec![0.0f32, 1.0, 1.0].into()] {
        put(&f, "ei_neuron_types.npy", vec![3], data);
        assert_eq!(signs(&f), wanted);
    }
    std::fs::remove_file(f.path().join("ei_neuron_types.npy")).unwrap();
    f.put("ei_neuron_types.pkl", "(lI0\naI1\naI01\na.");
    assert_eq!(signs(&f), wanted);
    f.put("ei_neuron_types.pkl", "(dL4611686018427387904L\nI1\nsI7\nI1\nsL5813105172L\nI00\ns.");
    assert_eq!(signs(&f), wanted);
    f.put("ei_neuron_types.pkl", "(dI7\nI1\nsL5813105172L\nI00\ns.");
    let error = read(f.path()).unwrap_err();
    check(&error, |e| matches!(e, Error::UnknownNeuron { .. }), "4611686018427387904");
    let drop = ReadOptions { unknown_neurons: UnknownNeurons::Drop, ..ReadOptions::default() };
    assert_eq!(read_with(f.path(), &drop).unwrap().neurons().signs().unwrap()[2], Sign::Unknown);
}

#[test]
fn the_matrix_alone_is_enough() {
    let f = Folder::new();
    put(&f, "adjacency_scc.npy", vec![2, 2], vec![false, true, false, false]);
    let c = roi_folder::read(f.path(), &ReadOptions::default()).unwrap();
    assert_eq!(rows(&c), [(0, 1, 1.0)]);
    assert_eq!(c.neurons().ids(), [0, 1]);
}

#[test]
fn folders_that_are_refused() {
    let refuse = |change: &dyn Fn(&Folder), kind: fn(&Error) -> bool, words: &str| {
        let f = Folder::new();
        copy(&f, &[]);
        change(&f);
        check(&read(f.path()).unwrap_err(), kind, words);
    };
    let remove = |f: &Folder, name: &str| std::fs::remove_file(f.path().join(name)).unwrap();
    let value: fn(&Error) -> bool = |e| matches!(e, Error::BadValue { .. });
    let length: fn(&Error) -> bool = |e| matches!(e, Error::LengthMismatch { .. });
    refuse(
        &|f| put(f, "adjacency_scc.npy", vec![2, 3], vec![1i32; 6]),
        |e| matches!(e, Error::NotSquare { .. }),
        "adjacency_scc.npy",
    );
    refuse(&|f| put(f, "adjacency_scc.npy", vec![3, 3], vec![-1i8; 9]), value, "entry [0, 0]");
    refuse(
        &|f| put(f, "adjacency_scc.npy", vec![3, 3], vec![f64::NAN; 9]),
        |e| matches!(e, Error::NotFinite { .. }),
        "entry [0, 0]",
    );
    refuse(&|f| put(f, "adjacency_scc.npy", vec![2, 2], vec![1i32; 4]), length, "nid_scc.npy");
    refuse(
        &|f| put(f, "nid_scc.npy", vec![3], vec![1.0, 2.0, 3.0]),
        |e| matches!(e, Error::BadNumber { .. }),
        "nid_scc",
    );
    refuse(&|f| put(f, "nid_scc.npy", vec![3], vec![u64::MAX; 3]), |e| matches!(e, Error::BadNumber { .. }), "nid_scc");
    refuse(&|f| put(f, "nid_scc.npy", vec![3], vec![7; 3]), |e| matches!(e, Error::DuplicateNeuron { .. }), "nid_scc");
    refuse(&|f| put(f, "ei_neuron.npy", vec![2], vec![1u8; 2]), length, "ei_neuron.npy");
    refuse(&|f| put(f, "ei_neuron.npy", vec![3], vec![1i8, -1, 1]), value, "neuron 1 (id 7)");
    refuse(&|f| remove(f, "nid_scc.npy"), |e| matches!(e, Error::Missing { .. }), "nid_scc.npy");
    let dict = "neurotransmitter_assignments.pkl";
    for (content, kind, words) in [
        ("(dI7\nVgaba\ns.", (|e| matches!(e, Error::UnknownNeuron { .. })) as fn(&Error) -> bool, "body id 5813105172"),
        ("(dI7\nI1\ns.", value, "entry of 7"),
        ("(dV7\nVgaba\ns.", |e| matches!(e, Error::BadNumber { .. }), "key 0"),
        ("(lI7\na.", |e| matches!(e, Error::Malformed { .. }), "a list"),
        ("cos\nsystem\n(Vtrue\ntR.", |e| matches!(e, Error::Unsupported { .. }), "system"),
    ] {
        refuse(&|f| drop(f.put(dict, content)), kind, words);
        refuse(&|f| drop(f.put(dict, content)), kind, dict);
    }
    // By option, neurons without assignment have an empty one.
    let f = Folder::new();
    copy(&f, &[]);
    f.put(dict, "(dI7\nVgaba\ns.");
    let drop = ReadOptions { unknown_neurons: UnknownNeurons::Drop, ..ReadOptions::default() };
    let c = read_with(f.path(), &drop).unwrap();
    assert!(c.neurons().transmitters().unwrap().iter().eq(["", "gaba", ""]));
    let empty = Folder::new();
    let error = read(Path::new(empty.path())).unwrap_err();
    check(&error, |e| matches!(e, Error::UnknownFormat { .. }), "adjacency_scc.npy");
}
