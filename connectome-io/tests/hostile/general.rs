//! What every format must refuse, and tables in memory.

use std::collections::BTreeMap;
use std::path::Path;

use connectome_io::format::{idx, npy, npz, safetensors};
use connectome_io::{
    Array, Connectome, Error, LatticeWiring, Limits, NeuronTable, Orientation, Placement, Provenance, ReadOptions,
    Sign, SynapseTable, TypePair, read, read_with,
};

use crate::common::{Folder, gzip, npy_with_header, safetensors_with_header};
use crate::{check, refuse};

#[test]
fn empty_files() {
    let f = Folder::new();
    for name in ["a.csv", "a.npy", "a.npz", "a.json", "a.safetensors", "a-ubyte", "noname"] {
        refuse(&f.put(name, ""), is!(Error::Empty { .. }));
        refuse(&f.gz(&format!("{name}.gz"), b""), is!(Error::Empty { .. }));
    }
    for name in ["b.npy", "b.npz", "b.safetensors"] {
        let path = f.put(name, "");
        let error = match name {
            "b.npy" => npy::read(&path).unwrap_err(),
            "b.npz" => npz::read(&path).unwrap_err(),
            _ => safetensors::read_tensors(&path).unwrap_err(),
        };
        check(error, &path, is!(Error::Empty { .. }));
    }
    check(idx::read(f.put("i", "")).unwrap_err(), Path::new("i"), is!(Error::Empty { .. }));
    refuse(&f.put("header.csv", "pre,post,weight\n"), is!(Error::Empty { .. }));
    refuse(&f.put("blank.json", " \n "), is!(Error::Empty { .. }));
    refuse(&f.put("types.json", r#"{"nodes": [], "edges": []}"#), is!(Error::Empty { what: "cell types", .. }));
    let f = Folder::new();
    f.put("neurons.csv", "id,name\n");
    let edges = f.put("edges.csv", "pre,post,weight\n0,1,1\n");
    check(read(edges).unwrap_err(), Path::new("neurons.csv"), is!(Error::Empty { what: "neurons", .. }));
    let empty_matrix =
        f.put("e.npy", npy_with_header(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 0)}", &[]));
    refuse(&empty_matrix, is!(Error::Empty { .. }));
}

#[test]
fn truncation_at_every_length_is_an_error() {
    let f = Folder::new();
    let array = Array::new(vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let c = read(f.put("m.npy", npy::to_bytes(&array).unwrap())).unwrap();
    connectome_io::write(&c, f.path().join("m.safetensors")).unwrap();
    npz::write(f.path().join("m.npz"), &BTreeMap::from([("W".to_owned(), array)]), npz::Compression::Deflated).unwrap();
    f.gz("g.npy.gz", &std::fs::read(f.path().join("m.npy")).unwrap());
    f.put("m-ubyte", [0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]);
    for name in ["m.npy", "m.npz", "m.safetensors", "g.npy.gz"] {
        let bytes = std::fs::read(f.path().join(name)).unwrap();
        for n in 0..bytes.len() {
            let cut = f.put(&format!("cut-{name}"), &bytes[..n]);
            // NumPy's arrays in cut gzip streams differ in kind by where the cut is; all are errors.
            let error = read(&cut).expect_err(name);
            check(error, &cut, |_| true);
        }
    }
    let bytes = std::fs::read(f.path().join("m-ubyte")).unwrap();
    for n in 1..bytes.len() {
        let cut = f.put("cut", &bytes[..n]);
        check(idx::read(&cut).unwrap_err(), &cut, is!(Error::Truncated { .. }));
    }
}

#[test]
fn inflation_is_capped() {
    let f = Folder::new();
    let limits = Limits { inflated: 1 << 20, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let square = npy::to_bytes(&Array::new(vec![512, 512], vec![0.0; 512 * 512]).unwrap()).unwrap();
    let mut csv = b"pre,post,weight\n".to_vec();
    (0..200_000).for_each(|i| csv.extend_from_slice(format!("0,{i},1\n").as_bytes()));
    let mut json = br#"{"nodes": [], "edges": []}"#.to_vec();
    json.resize(2 << 20, b' ');
    for path in [
        f.gz("a.npy.gz", &square),
        f.gz("a.csv.gz", &csv),
        f.gz("a.json.gz", &json),
        f.gz("a.safetensors.gz", &safetensors_with_header("{}", &vec![0; 2 << 20])),
        f.zip("a.npz", &[("W.npy", &square)], zip::CompressionMethod::Deflated),
    ] {
        check(read_with(&path, &options).unwrap_err(), &path, is!(Error::TooLarge { limit: 1_048_576, .. }));
    }
    let path = f.gz("a-idx1-ubyte.gz", &vec![0; 2 << 20]);
    check(idx::read_with(&path, &limits).unwrap_err(), &path, is!(Error::TooLarge { .. }));
    // The cap holds for all members together.
    let (half, stored) = (&square[..], zip::CompressionMethod::Stored);
    let both = f.zip("both.npz", &[("a.npy", half), ("b.npy", half)], stored);
    let mut archive = npz::Archive::open(&both, &Limits { inflated: 3 << 20, ..limits }).unwrap();
    archive.read("a").unwrap();
    check(archive.read("b").unwrap_err(), &both, is!(Error::TooLarge { .. }));
}

#[test]
fn gzip_streams() {
    let f = Folder::new();
    let good = gzip(b"pre,post,weight\n0,1,1\n");
    let mut broken = good.clone();
    let last = broken.len() - 6;
    broken[last] ^= 0xff;
    refuse(&f.put("crc.csv.gz", &broken), is!(Error::Malformed { .. }));
    refuse(&f.put("cut.csv.gz", &good[..good.len() - 9]), is!(Error::Malformed { .. }));
    refuse(&f.put("junk.csv.gz", [&good[..], b"junk"].concat()), is!(Error::Malformed { .. }));
    // Several members one after the other are one stream.
    let path = f.put("two.csv.gz", [good, gzip(b"1,0,2\n")].concat());
    assert_eq!(read(path).unwrap().n_synapses(), 2);
}

#[test]
fn tables_in_memory_are_checked_at_construction() {
    let kind = |error: Error, kind: fn(&Error) -> bool| assert!(kind(&error), "{error:?}");
    let table = || NeuronTable::numbered(2);
    kind(NeuronTable::new(vec![3, 1, 3]).unwrap_err(), is!(Error::DuplicateNeuron { id: 3, first: 0, second: 2, .. }));
    kind(table().with_names(vec![]).unwrap_err(), is!(Error::LengthMismatch { got: 0, want: 2, .. }));
    kind(SynapseTable::new(vec![0], vec![], vec![1.0]).unwrap_err(), is!(Error::LengthMismatch { .. }));
    kind(SynapseTable::new(vec![0], vec![0], vec![f64::NAN]).unwrap_err(), is!(Error::NotFinite { .. }));
    let synapses = SynapseTable::new(vec![0], vec![2], vec![1.0]).unwrap();
    let provenance = || Provenance::new("test", Orientation::EdgeList);
    kind(Connectome::new(table(), synapses, provenance()).unwrap_err(), is!(Error::OutOfRange { index: 2, n: 2, .. }));

    let pair = TypePair { pre: 0, post: 1, sign: Sign::Excitatory, certainty: 1.0 };
    let every = vec![Placement::Stride([1, 1]); 2];
    let wiring = |pairs, pair, offset| LatticeWiring::new(every.clone(), pairs, pair, offset);
    kind(wiring(vec![pair, pair], vec![], vec![]).unwrap_err(), is!(Error::DuplicateSynapse { .. }));
    kind(wiring(vec![TypePair { post: 2, ..pair }], vec![], vec![]).unwrap_err(), is!(Error::OutOfRange { .. }));
    kind(wiring(vec![pair], vec![1], vec![[0, 0]]).unwrap_err(), is!(Error::OutOfRange { .. }));
    kind(wiring(vec![pair], vec![0], vec![]).unwrap_err(), is!(Error::LengthMismatch { .. }));
    let nan = TypePair { certainty: f32::NAN, ..pair };
    kind(wiring(vec![nan], vec![], vec![]).unwrap_err(), is!(Error::NotFinite { .. }));
    kind(
        LatticeWiring::new(vec![Placement::Stride([0, 1])], vec![], vec![], vec![]).unwrap_err(),
        is!(Error::BadValue { .. }),
    );
    // A row and its pair must name the same types.
    let synapses = SynapseTable::new(vec![1], vec![0], vec![1.0]).unwrap();
    let c = Connectome::new(table(), synapses, provenance()).unwrap();
    kind(c.with_lattice(wiring(vec![pair], vec![0], vec![[0, 0]]).unwrap()).unwrap_err(), is!(Error::Malformed { .. }));
    kind(Array::new(vec![2, 2], vec![1.0]).unwrap_err(), is!(Error::LengthMismatch { got: 1, want: 4, .. }));
    kind(Array::new(vec![usize::MAX, 2], vec![1.0]).unwrap_err(), is!(Error::Overflow { .. }));
}
