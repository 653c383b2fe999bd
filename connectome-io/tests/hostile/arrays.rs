//! Arrays, archives of arrays and matrices.

use std::collections::BTreeMap;
use std::path::Path;

use connectome_io::format::{csv_matrix, idx, npy};
use connectome_io::{Array, Error, Limits, NeuronsFile, Place, ReadOptions, read, read_with};

use crate::common::{Folder, npy_with_header};
use crate::{cell, check, place, refuse};

#[test]
fn npy_that_promises_more_or_less_than_there_is() {
    let f = Folder::new();
    let header = |shape: &str| format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    let ten_gb = npy_with_header(1, &header("(35000, 35000)"), &[0; 64]);
    let error = refuse(&f.put("ten.npy", &ten_gb), is!(Error::Truncated { needed: 9_800_000_000, available: 64, .. }));
    assert!(matches!(place(&error), Place::Byte(_)));
    refuse(&f.gz("ten.npy.gz", &ten_gb), is!(Error::Truncated { needed: 9_800_000_000, available: 64, .. }));
    let members: &[(&str, &[u8])] = &[("W.npy", &ten_gb)];
    refuse(&f.zip("ten.npz", members, zip::CompressionMethod::Deflated), is!(Error::Truncated { .. }));
    refuse(
        &f.put("long.npy", npy_with_header(1, &header("(1, 1)"), &[0; 9])),
        is!(Error::TrailingBytes { extra: 1, .. }),
    );
    refuse(&f.gz("long.npy.gz", &npy_with_header(1, &header("(1, 1)"), &[0; 9])), is!(Error::TrailingBytes { .. }));
    for shape in ["(4294967296, 4294967296)", "(18446744073709551615, 2)", "(0, 18446744073709551615, 3)"] {
        refuse(&f.put("huge.npy", npy_with_header(1, &header(shape), &[])), is!(Error::Overflow { .. }));
    }
    refuse(
        &f.put("beyond.npy", npy_with_header(1, &header("(99999999999999999999,)"), &[])),
        is!(Error::Malformed { .. }),
    );
}

#[test]
fn npy_headers() {
    let f = Folder::new();
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend_from_slice(&u32::MAX.to_le_bytes());
    refuse(&f.put("header.npy", &long), is!(Error::TooLarge { size: 4_294_967_295, limit: 65_536, .. }));
    let mut cut = b"\x93NUMPY\x01\x00".to_vec();
    cut.extend_from_slice(&1000u16.to_le_bytes());
    refuse(&f.put("cut.npy", &cut), is!(Error::Truncated { needed: 1010, available: 10, .. }));
    refuse(&f.put("magic.npy", "hello, world"), is!(Error::Malformed { .. }));
    refuse(&f.put("version.npy", npy_with_header(9, "{}", &[])), is!(Error::Unsupported { .. }));
    for text in [
        "{}",
        "[]",
        "",
        "{'descr': '<f8'}",
        "{'descr': '<f8', 'fortran_order': 0, 'shape': ()}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1.5,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 3}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (), 'x': 1}",
        "{'descr': '<f8', 'descr': '<f4', 'fortran_order': False, 'shape': ()}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': ()",
        "{'descr': '<f8 'fortran_order': False, 'shape': ()}",
        "__import__('os')",
        "{'descr': '<f8', 'fortran_order': False, 'shape': ()} 1",
    ] {
        refuse(&f.put("bad.npy", npy_with_header(1, text, &[0; 8])), is!(Error::Malformed { .. }));
    }
    let deep = "(".repeat(60_000);
    refuse(&f.put("deep.npy", npy_with_header(2, &deep, &[])), is!(Error::Malformed { .. }));
    let truth = npy_with_header(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (1, 1)}", &[7]);
    refuse(&f.put("truth.npy", truth), is!(Error::Malformed { .. }));
    let object = npy_with_header(1, "{'descr': '|O', 'fortran_order': False, 'shape': (1, 1)}", b"cos\nsystem\n");
    refuse(&f.put("object.npy", object), is!(Error::Unsupported { .. }));
}

#[test]
fn matrices_of_wrong_shape_or_content() {
    let f = Folder::new();
    let put = |name: &str, shape: Vec<usize>, data: Vec<f64>| {
        f.put(name, npy::to_bytes(&Array::new(shape, data).unwrap()).unwrap())
    };
    refuse(&put("oblong.npy", vec![2, 3], vec![0.0; 6]), is!(Error::NotSquare { .. }));
    refuse(&put("vector.npy", vec![4], vec![0.0; 4]), is!(Error::NotSquare { .. }));
    refuse(&put("number.npy", vec![], vec![0.0]), is!(Error::NotSquare { .. }));
    refuse(&put("cube.npy", vec![2, 2, 2], vec![0.0; 8]), is!(Error::NotSquare { .. }));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = refuse(&put("nan.npy", vec![2, 2], vec![0.0, 1.0, bad, 0.0]), is!(Error::NotFinite { .. }));
        assert_eq!(*place(&error), Place::Key("entry [1, 0]".to_owned()));
    }
    let square = put("square.npy", vec![2, 2], vec![0.0; 4]);
    let options = ReadOptions { n_neurons: Some(3), ..ReadOptions::default() };
    check(read_with(&square, &options).unwrap_err(), &square, is!(Error::LengthMismatch { got: 2, want: 3, .. }));
    let ids = f.put("ids.npy", npy::to_bytes(&Array::vector(vec![5i64, 5])).unwrap());
    let with_ids =
        |path: &Path| ReadOptions { neurons: NeuronsFile::File(path.to_path_buf()), ..ReadOptions::default() };
    check(read_with(&square, &with_ids(&ids)).unwrap_err(), &ids, is!(Error::DuplicateNeuron { id: 5, .. }));
    let ids = f.put("one.npy", npy::to_bytes(&Array::vector(vec![5i64])).unwrap());
    check(read_with(&square, &with_ids(&ids)).unwrap_err(), &square, is!(Error::LengthMismatch { .. }));
    let ids = f.put("float.npy", npy::to_bytes(&Array::vector(vec![1.0, f64::NAN])).unwrap());
    check(read_with(&square, &with_ids(&ids)).unwrap_err(), &ids, is!(Error::BadNumber { .. }));
    let complex = f.put("c.npy", npy::to_bytes(&Array::new(vec![1, 1], vec![[0.0f64, 1.0]]).unwrap()).unwrap());
    refuse(&complex, is!(Error::Unsupported { .. }));
    refuse(&f.put("oblong.csv", "1,2,3\n4,5,6\n"), is!(Error::NotSquare { .. }));
    refuse(&f.put("nan.csv", "1,2\nNaN,4\n"), is!(Error::NotFinite { .. }));
    let error = refuse(&f.put("text.csv", "1,2\n3,four\n"), is!(Error::BadNumber { .. }));
    assert_eq!(*place(&error), cell(2, "2"));
    refuse(&f.put("ragged.csv", "1,2\n3\n"), is!(Error::Malformed { .. }));
    let path = f.put("names.csv", ",a,b\n");
    check(csv_matrix::read(&path, &Limits::default()).unwrap_err(), &path, is!(Error::Empty { .. }));
}

#[test]
fn sparse_archives() {
    let f = Folder::new();
    let whole = |name: &str, data: Vec<i64>| (name.to_owned(), Array::vector(data));
    let base = || {
        BTreeMap::from([
            whole("shape", vec![2, 2]),
            whole("indptr", vec![0, 1, 2]),
            whole("indices", vec![1, 0]),
            ("data".to_owned(), Array::vector(vec![1.0, 2.0])),
        ])
    };
    assert_eq!(read(f.scipy("good.npz", "csr", &base())).unwrap().n_synapses(), 2);
    let with = |name: &str, array: Array| {
        let mut arrays = base();
        arrays.insert(name.to_owned(), array);
        f.scipy("bad.npz", "csr", &arrays)
    };
    let ints = |v: &[i64]| Array::vector(v.to_vec());
    refuse(&with("shape", ints(&[2, 3])), is!(Error::NotSquare { .. }));
    refuse(&with("shape", ints(&[-1, -1])), is!(Error::Malformed { .. }));
    refuse(&with("shape", ints(&[1 << 40, 1 << 40])), is!(Error::TooMany { .. }));
    refuse(&with("shape", ints(&[4_000_000_000, 4_000_000_000])), is!(Error::LengthMismatch { .. }));
    refuse(&with("indptr", ints(&[0, 1])), is!(Error::LengthMismatch { .. }));
    refuse(&with("indptr", ints(&[0, 3, 2])), is!(Error::Malformed { .. }));
    refuse(&with("indptr", ints(&[1, 1, 2])), is!(Error::Malformed { .. }));
    refuse(&with("indptr", ints(&[0, 1, i64::MAX])), is!(Error::Malformed { .. }));
    refuse(&with("indptr", ints(&[0, i64::MIN, 2])), is!(Error::Malformed { .. }));
    refuse(&with("indices", ints(&[1, 2])), is!(Error::OutOfRange { index: 2, n: 2, .. }));
    refuse(&with("indices", ints(&[1, -1])), is!(Error::OutOfRange { index: -1, .. }));
    refuse(&with("indices", Array::vector(vec![1.0, 0.0])), is!(Error::BadNumber { .. }));
    refuse(&with("data", Array::vector(vec![1.0])), is!(Error::LengthMismatch { .. }));
    refuse(&with("data", Array::vector(vec![1.0, f64::NAN])), is!(Error::NotFinite { .. }));
    refuse(&f.scipy("bsr.npz", "bsr", &base()), is!(Error::Unsupported { .. }));
    let mut twice = base();
    twice.insert("indptr".to_owned(), ints(&[0, 2, 2]));
    twice.insert("indices".to_owned(), ints(&[1, 1]));
    refuse(&f.scipy("twice.npz", "csr", &twice), is!(Error::DuplicateSynapse { .. }));
}

#[test]
fn archives() {
    let f = Folder::new();
    let one = npy::to_bytes(&Array::new(vec![1, 1], vec![1.0]).unwrap()).unwrap();
    let stored = zip::CompressionMethod::Stored;
    for name in ["../W.npy", "/W.npy", "a/../../W.npy", "..\\W.npy"] {
        refuse(&f.zip("path.npz", &[(name, &one)], stored), is!(Error::UnsafeName { .. }));
    }
    refuse(&f.zip("twice.npz", &[("W.npy", &one), ("W", &one)], stored), is!(Error::DuplicateName { .. }));
    refuse(&f.zip("text.npz", &[("W.npy", b"not an array at all")], stored), is!(Error::Malformed { .. }));
    refuse(&f.zip("none.npz", &[], stored), is!(Error::Missing { .. }));
    refuse(&f.put("junk.npz", "PK\x03\x04 and nothing else that matters to anyone"), is!(Error::Malformed { .. }));
    refuse(&f.put("name.npz", "no archive"), is!(Error::Malformed { .. }));
    let mut claims = b"PK\x05\x06".to_vec();
    claims.extend_from_slice(&[0, 0, 0, 0, 0xfe, 0xff, 0xfe, 0xff, 0, 0, 0, 0x70, 0, 0, 0, 0, 0, 0]);
    refuse(&f.put("directory.npz", &claims), is!(Error::Truncated { .. }));
    // A flipped bit in a stored member fails its checksum or its header.
    let path = f.zip("good.npz", &[("W.npy", &one)], stored);
    let mut bytes = std::fs::read(&path).unwrap();
    let value = bytes.windows(8).position(|w| w == 1.0f64.to_le_bytes()).unwrap();
    bytes[value] ^= 1;
    refuse(&f.put("flipped.npz", &bytes), is!(Error::Malformed { .. }));
    refuse(&f.gz("good.npz.gz", &std::fs::read(&path).unwrap()), is!(Error::Unsupported { .. }));
}

#[test]
fn idx_files() {
    let f = Folder::new();
    let refuse_idx = |bytes: &[u8], kind: fn(&Error) -> bool| {
        let path = f.put("x-idx", bytes);
        check(idx::read(&path).unwrap_err(), &path, kind);
        let path = f.gz("x-idx.gz", bytes);
        check(idx::read(&path).unwrap_err(), &path, kind);
    };
    refuse_idx(&[1, 0, 8, 1], is!(Error::Malformed { .. }));
    refuse_idx(&[0, 0, 7, 1, 0, 0, 0, 0], is!(Error::Malformed { .. }));
    refuse_idx(&[0, 0, 8, 200, 0], is!(Error::Truncated { .. }));
    refuse_idx(
        &[0, 0, 8, 1, 0xff, 0xff, 0xff, 0xff, 0],
        is!(Error::Truncated { needed: 4_294_967_295, available: 1, .. }),
    );
    refuse_idx(&[0, 0, 8, 1, 0, 0, 0, 1, 5, 6], is!(Error::TrailingBytes { extra: 1, .. }));
    let mut overflow = vec![0, 0, 0x0e, 3];
    overflow.extend_from_slice(&[0xff; 12]);
    refuse_idx(&overflow, is!(Error::Overflow { .. }));
    let path = f.put("t10k-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 1, 5]);
    check(read(&path).unwrap_err(), &path, is!(Error::UnknownFormat { .. }));
}
