//! Containers of tensors.

use std::collections::BTreeMap;

use connectome_io::format::safetensors;
use connectome_io::{Array, Error, Place, ReadOptions, read, read_with};

use crate::common::{Folder, safetensors_with_header};
use crate::{check, place, refuse};

#[test]
fn safetensors_containers() {
    let f = Folder::new();
    let put = |name: &str, header: &str, data: &[u8]| f.put(name, safetensors_with_header(header, data));
    let mut claims = (99_999_999u64).to_le_bytes().to_vec();
    claims.extend_from_slice(b"{}");
    refuse(&f.put("cut.safetensors", &claims), is!(Error::Truncated { .. }));
    refuse(&f.put("short.safetensors", [1, 0, 0]), is!(Error::Truncated { .. }));
    for size in [100_000_001, u64::MAX] {
        refuse(&f.put("header.safetensors", size.to_le_bytes()), is!(Error::TooLarge { .. }));
    }
    let ten = r#"{"w":{"dtype":"F64","shape":[35000,35000],"data_offsets":[0,9800000000]}}"#;
    refuse(&put("ten.safetensors", ten, &[0; 64]), is!(Error::Malformed { .. }));
    let overflow = r#"{"w":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#;
    refuse(&put("overflow.safetensors", overflow, &[0; 8]), is!(Error::Overflow { .. }));
    for header in [
        "not json",
        "[]",
        r#"{"w":{"dtype":"F64","shape":[1],"data_offsets":[0,16]}}"#,
        r#"{"w":{"dtype":"F64","shape":[1],"data_offsets":[8,0]}}"#,
        r#"{"w":{"dtype":"Q7","shape":[1],"data_offsets":[0,8]}}"#,
        r#"{"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"v":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#,
        r#"{"w":{"dtype":"F64","shape":[-1],"data_offsets":[0,8]}}"#,
        r#"{"__metadata__":{"a":1}}"#,
    ] {
        refuse(&put("bad.safetensors", header, &[0; 8]), is!(Error::Malformed { .. }));
    }
    let entry = r#""w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}"#;
    refuse(&put("twice.safetensors", &format!("{{{entry},{entry}}}"), &[0; 8]), is!(Error::DuplicateName { .. }));
    refuse(&put("gap.safetensors", &format!("{{{entry}}}"), &[0; 16]), is!(Error::Malformed { .. }));
    refuse(&put("other.safetensors", &format!("{{{entry}}}"), &[0; 8]), is!(Error::Missing { .. }));
}

/// A small connectome with all columns, as tensors.
fn canonical(f: &Folder) -> safetensors::Tensors {
    f.put("neurons.csv", "idx,id,name,sign\n0,10,a,1\n1,20,b,-1\n");
    let c = read(f.put("edges.csv", "pre,post,weight,sign,kind\n0,1,2,1,chemical\n1,0,3,-1,electrical\n")).unwrap();
    connectome_io::write(&c, f.path().join("c.safetensors")).unwrap();
    safetensors::read_tensors(f.path().join("c.safetensors")).unwrap()
}

#[test]
fn canonical_tensors_are_checked() {
    let f = Folder::new();
    let good = canonical(&f);
    let path = f.path().join("bad.safetensors");
    let with = |name: &str, array: Array| {
        let mut tensors = good.clone();
        tensors.arrays.insert(name.to_owned(), array);
        safetensors::write_tensors(&path, &tensors).unwrap();
    };
    with("synapses.pre", Array::vector(vec![0u32, 2]));
    let error = refuse(&path, is!(Error::OutOfRange { index: 2, n: 2, .. }));
    assert_eq!(*place(&error), Place::Key("synapses: pre of synapse row 1".to_owned()));
    with("synapses.pre", Array::vector(vec![0u32]));
    refuse(&path, is!(Error::LengthMismatch { .. }));
    with("synapses.pre", Array::vector(vec![0.0, 1.0]));
    refuse(&path, is!(Error::Malformed { .. }));
    with("synapses.weight", Array::vector(vec![1.0, f64::NAN]));
    refuse(&path, is!(Error::NotFinite { .. }));
    with("neurons.ids", Array::vector(vec![10i64, 10]));
    refuse(&path, is!(Error::DuplicateNeuron { id: 10, .. }));
    with("neurons.signs", Array::vector(vec![1i8, 3]));
    refuse(&path, is!(Error::BadValue { .. }));
    with("neurons.names.ends", Array::vector(vec![9u64, 2]));
    refuse(&path, is!(Error::Malformed { .. }));
    with("neurons.names.ends", Array::vector(vec![2u64, 1]));
    refuse(&path, is!(Error::Malformed { .. }));
    with("neurons.names.text", Array::vector(vec![0xffu8, 0xfe]));
    refuse(&path, is!(Error::Malformed { .. }));
    with("synapses.kinds.codes", Array::vector(vec![0u32, 9]));
    refuse(&path, is!(Error::OutOfRange { index: 9, .. }));
    let mut tensors = good.clone();
    tensors.arrays.remove("synapses.post");
    safetensors::write_tensors(&path, &tensors).unwrap();
    refuse(&path, is!(Error::Missing { .. }));
    for (from, to) in [("\"version\":1", "\"version\":2"), ("\"version\":1", "\"version\":0")] {
        let mut tensors = good.clone();
        let description = tensors.metadata["connectome"].replace(from, to);
        tensors.metadata.insert("connectome".to_owned(), description);
        safetensors::write_tensors(&path, &tensors).unwrap();
        refuse(&path, is!(Error::Version { supported: 1, .. }));
    }
    let mut tensors = good;
    tensors.metadata.insert("connectome".to_owned(), "{\"version\":1}".to_owned());
    safetensors::write_tensors(&path, &tensors).unwrap();
    refuse(&path, is!(Error::Malformed { .. }));
}

#[test]
fn foreign_tensors_are_checked() {
    let f = Folder::new();
    let path = f.path().join("foreign.safetensors");
    let put = |items: &[(&str, Array)]| {
        let arrays = items.iter().map(|(name, array)| ((*name).to_owned(), array.clone())).collect();
        safetensors::write_tensors(&path, &safetensors::Tensors { arrays, metadata: BTreeMap::new() }).unwrap();
    };
    let ints = |v: &[i64]| Array::vector(v.to_vec());
    let weight = ("weight", Array::vector(vec![1.0, 2.0]));
    put(&[("pre", ints(&[0, 1])), ("post", ints(&[1, 4_000_000_000])), weight.clone()]);
    refuse(&path, is!(Error::Malformed { .. }));
    put(&[("pre", ints(&[0, -1])), ("post", ints(&[1, 0])), weight.clone()]);
    refuse(&path, is!(Error::OutOfRange { index: -1, .. }));
    put(&[("pre", ints(&[0, 1])), ("post", ints(&[1, 0])), weight.clone(), ("ids", ints(&[7]))]);
    refuse(&path, is!(Error::OutOfRange { index: 1, n: 1, .. }));
    put(&[("crow", ints(&[0, 1])), ("col", ints(&[0, 0])), weight.clone()]);
    refuse(&path, is!(Error::Malformed { .. }));
    put(&[("crow", ints(&[0, 1, 2])), ("col", ints(&[0, 2])), weight.clone()]);
    refuse(&path, is!(Error::OutOfRange { index: 2, n: 2, .. }));
    put(&[("pre", ints(&[0, 0])), ("post", ints(&[1, 1])), weight.clone()]);
    refuse(&path, is!(Error::DuplicateSynapse { .. }));
    put(&[("pre", ints(&[0, 1])), ("post", ints(&[1, 0])), weight]);
    let many = ReadOptions { n_neurons: Some(1 << 33), ..ReadOptions::default() };
    check(read_with(&path, &many).unwrap_err(), &path, is!(Error::TooMany { n: 0x2_0000_0000, .. }));
}

/// Which of tensors upon each other is named does not change from run to run.
#[test]
fn the_first_misplaced_tensor_is_named() {
    let f = Folder::new();
    let tensor = |name: char| format!(r#""{name}":{{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#);
    let header = format!("{{{}}}", ('a'..='h').rev().map(tensor).collect::<Vec<_>>().join(","));
    let path = f.put("same.safetensors", safetensors_with_header(&header, &[0; 4]));
    for _ in 0..8 {
        let error = refuse(&path, is!(Error::Malformed { .. }));
        assert_eq!(*place(&error), Place::Key("b".to_owned()), "{error}");
    }
}
