//! Files that are damaged or made to do harm: each is refused with a typed error that names file, place and remedy.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Folder, gzip, npy_with_header, safetensors_with_header};
use connectome_io::format::{csv_matrix, csv_tables, flyvis_json, idx, npy, npz, safetensors};
use connectome_io::{
    Array, Connectome, Error, LatticeWiring, Limits, NeuronTable, NeuronsFile, Orientation, Place,
    Placement, Provenance, ReadOptions, Sign, SynapseTable, TypePair, read, read_with,
};

/// Reads the file, checks that the error is of the wanted kind and names file and place, and gives it back.
#[track_caller]
fn refuse(path: &Path, kind: fn(&Error) -> bool) -> Error {
    check(
        read(path).expect_err("the file should be refused"),
        path,
        kind,
    )
}

#[track_caller]
fn check(error: Error, path: &Path, kind: fn(&Error) -> bool) -> Error {
    assert!(kind(&error), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains(path.file_name().unwrap().to_str().unwrap()),
        "no file in: {text}"
    );
    assert!(
        text.contains(';') || text.contains('?'),
        "no remedy in: {text}"
    );
    error
}

macro_rules! is {
    ($pattern:pat) => {
        |error: &Error| matches!(error, $pattern)
    };
}

fn place(error: &Error) -> &Place {
    &error.location().unwrap().place
}

fn cell(line: u64, column: &str) -> Place {
    Place::Cell {
        line,
        column: column.to_owned(),
    }
}

#[test]
fn empty_files() {
    let f = Folder::new();
    for name in [
        "a.csv",
        "a.npy",
        "a.npz",
        "a.json",
        "a.safetensors",
        "a-ubyte",
        "noname",
    ] {
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
    check(
        idx::read(f.put("i", "")).unwrap_err(),
        Path::new("i"),
        is!(Error::Empty { .. }),
    );
    refuse(
        &f.put("header.csv", "pre,post,weight\n"),
        is!(Error::Empty { .. }),
    );
    refuse(&f.put("blank.json", " \n "), is!(Error::Empty { .. }));
    refuse(
        &f.put("types.json", r#"{"nodes": [], "edges": []}"#),
        is!(Error::Empty {
            what: "cell types",
            ..
        }),
    );
    let f = Folder::new();
    f.put("neurons.csv", "id,name\n");
    let edges = f.put("edges.csv", "pre,post,weight\n0,1,1\n");
    check(
        read(edges).unwrap_err(),
        Path::new("neurons.csv"),
        is!(Error::Empty {
            what: "neurons",
            ..
        }),
    );
    let empty_matrix = f.put(
        "e.npy",
        npy_with_header(
            1,
            "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 0)}",
            &[],
        ),
    );
    refuse(&empty_matrix, is!(Error::Empty { .. }));
}

#[test]
fn truncation_at_every_length_is_an_error() {
    let f = Folder::new();
    let array = Array::new(vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let c = read(f.put("m.npy", npy::to_bytes(&array).unwrap())).unwrap();
    connectome_io::write(&c, f.path().join("m.safetensors")).unwrap();
    npz::write(
        f.path().join("m.npz"),
        &BTreeMap::from([("W".to_owned(), array)]),
        npz::Compression::Deflated,
    )
    .unwrap();
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
        check(
            idx::read(&cut).unwrap_err(),
            &cut,
            is!(Error::Truncated { .. }),
        );
    }
}

#[test]
fn npy_that_promises_more_or_less_than_there_is() {
    let f = Folder::new();
    let header =
        |shape: &str| format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    let ten_gb = npy_with_header(1, &header("(35000, 35000)"), &[0; 64]);
    let error = refuse(
        &f.put("ten.npy", &ten_gb),
        is!(Error::Truncated {
            needed: 9_800_000_000,
            available: 64,
            ..
        }),
    );
    assert!(matches!(place(&error), Place::Byte(_)));
    refuse(
        &f.gz("ten.npy.gz", &ten_gb),
        is!(Error::Truncated {
            needed: 9_800_000_000,
            available: 64,
            ..
        }),
    );
    let members: &[(&str, &[u8])] = &[("W.npy", &ten_gb)];
    refuse(
        &f.zip("ten.npz", members, zip::CompressionMethod::Deflated),
        is!(Error::Truncated { .. }),
    );
    refuse(
        &f.put("long.npy", npy_with_header(1, &header("(1, 1)"), &[0; 9])),
        is!(Error::TrailingBytes { extra: 1, .. }),
    );
    refuse(
        &f.gz(
            "long.npy.gz",
            &npy_with_header(1, &header("(1, 1)"), &[0; 9]),
        ),
        is!(Error::TrailingBytes { .. }),
    );
    for shape in [
        "(4294967296, 4294967296)",
        "(18446744073709551615, 2)",
        "(0, 18446744073709551615, 3)",
    ] {
        refuse(
            &f.put("huge.npy", npy_with_header(1, &header(shape), &[])),
            is!(Error::Overflow { .. }),
        );
    }
    refuse(
        &f.put(
            "beyond.npy",
            npy_with_header(1, &header("(99999999999999999999,)"), &[]),
        ),
        is!(Error::Malformed { .. }),
    );
}

#[test]
fn npy_headers() {
    let f = Folder::new();
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend_from_slice(&u32::MAX.to_le_bytes());
    refuse(
        &f.put("header.npy", &long),
        is!(Error::TooLarge {
            size: 4_294_967_295,
            limit: 65_536,
            ..
        }),
    );
    let mut cut = b"\x93NUMPY\x01\x00".to_vec();
    cut.extend_from_slice(&1000u16.to_le_bytes());
    refuse(
        &f.put("cut.npy", &cut),
        is!(Error::Truncated {
            needed: 1010,
            available: 10,
            ..
        }),
    );
    refuse(
        &f.put("magic.npy", "hello, world"),
        is!(Error::Malformed { .. }),
    );
    refuse(
        &f.put("version.npy", npy_with_header(9, "{}", &[])),
        is!(Error::Unsupported { .. }),
    );
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
        refuse(
            &f.put("bad.npy", npy_with_header(1, text, &[0; 8])),
            is!(Error::Malformed { .. }),
        );
    }
    let deep = "(".repeat(60_000);
    refuse(
        &f.put("deep.npy", npy_with_header(2, &deep, &[])),
        is!(Error::Malformed { .. }),
    );
    let truth = npy_with_header(
        1,
        "{'descr': '|b1', 'fortran_order': False, 'shape': (1, 1)}",
        &[7],
    );
    refuse(&f.put("truth.npy", truth), is!(Error::Malformed { .. }));
    let object = npy_with_header(
        1,
        "{'descr': '|O', 'fortran_order': False, 'shape': (1, 1)}",
        b"cos\nsystem\n",
    );
    refuse(&f.put("object.npy", object), is!(Error::Unsupported { .. }));
}

#[test]
fn matrices_of_wrong_shape_or_content() {
    let f = Folder::new();
    let put = |name: &str, shape: Vec<usize>, data: Vec<f64>| {
        f.put(
            name,
            npy::to_bytes(&Array::new(shape, data).unwrap()).unwrap(),
        )
    };
    refuse(
        &put("oblong.npy", vec![2, 3], vec![0.0; 6]),
        is!(Error::NotSquare { .. }),
    );
    refuse(
        &put("vector.npy", vec![4], vec![0.0; 4]),
        is!(Error::NotSquare { .. }),
    );
    refuse(
        &put("number.npy", vec![], vec![0.0]),
        is!(Error::NotSquare { .. }),
    );
    refuse(
        &put("cube.npy", vec![2, 2, 2], vec![0.0; 8]),
        is!(Error::NotSquare { .. }),
    );
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = refuse(
            &put("nan.npy", vec![2, 2], vec![0.0, 1.0, bad, 0.0]),
            is!(Error::NotFinite { .. }),
        );
        assert_eq!(*place(&error), Place::Key("entry [1, 0]".to_owned()));
    }
    let square = put("square.npy", vec![2, 2], vec![0.0; 4]);
    let options = ReadOptions {
        n_neurons: Some(3),
        ..ReadOptions::default()
    };
    check(
        read_with(&square, &options).unwrap_err(),
        &square,
        is!(Error::LengthMismatch {
            got: 2,
            want: 3,
            ..
        }),
    );
    let ids = f.put(
        "ids.npy",
        npy::to_bytes(&Array::vector(vec![5i64, 5])).unwrap(),
    );
    let with_ids = |path: &Path| ReadOptions {
        neurons: NeuronsFile::File(path.to_path_buf()),
        ..ReadOptions::default()
    };
    check(
        read_with(&square, &with_ids(&ids)).unwrap_err(),
        &ids,
        is!(Error::DuplicateNeuron { id: 5, .. }),
    );
    let ids = f.put(
        "one.npy",
        npy::to_bytes(&Array::vector(vec![5i64])).unwrap(),
    );
    check(
        read_with(&square, &with_ids(&ids)).unwrap_err(),
        &square,
        is!(Error::LengthMismatch { .. }),
    );
    let ids = f.put(
        "float.npy",
        npy::to_bytes(&Array::vector(vec![1.0, f64::NAN])).unwrap(),
    );
    check(
        read_with(&square, &with_ids(&ids)).unwrap_err(),
        &ids,
        is!(Error::BadNumber { .. }),
    );
    let complex = f.put(
        "c.npy",
        npy::to_bytes(&Array::new(vec![1, 1], vec![[0.0f64, 1.0]]).unwrap()).unwrap(),
    );
    refuse(&complex, is!(Error::Unsupported { .. }));
    refuse(
        &f.put("oblong.csv", "1,2,3\n4,5,6\n"),
        is!(Error::NotSquare { .. }),
    );
    refuse(
        &f.put("nan.csv", "1,2\nNaN,4\n"),
        is!(Error::NotFinite { .. }),
    );
    let error = refuse(
        &f.put("text.csv", "1,2\n3,four\n"),
        is!(Error::BadNumber { .. }),
    );
    assert_eq!(*place(&error), cell(2, "2"));
    refuse(
        &f.put("ragged.csv", "1,2\n3\n"),
        is!(Error::Malformed { .. }),
    );
    let path = f.put("names.csv", ",a,b\n");
    check(
        csv_matrix::read(&path, &Limits::default()).unwrap_err(),
        &path,
        is!(Error::Empty { .. }),
    );
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
    assert_eq!(
        read(f.scipy("good.npz", "csr", &base()))
            .unwrap()
            .n_synapses(),
        2
    );
    let with = |name: &str, array: Array| {
        let mut arrays = base();
        arrays.insert(name.to_owned(), array);
        f.scipy("bad.npz", "csr", &arrays)
    };
    let ints = |v: &[i64]| Array::vector(v.to_vec());
    refuse(&with("shape", ints(&[2, 3])), is!(Error::NotSquare { .. }));
    refuse(
        &with("shape", ints(&[-1, -1])),
        is!(Error::Malformed { .. }),
    );
    refuse(
        &with("shape", ints(&[1 << 40, 1 << 40])),
        is!(Error::TooMany { .. }),
    );
    refuse(
        &with("shape", ints(&[4_000_000_000, 4_000_000_000])),
        is!(Error::LengthMismatch { .. }),
    );
    refuse(
        &with("indptr", ints(&[0, 1])),
        is!(Error::LengthMismatch { .. }),
    );
    refuse(
        &with("indptr", ints(&[0, 3, 2])),
        is!(Error::Malformed { .. }),
    );
    refuse(
        &with("indptr", ints(&[1, 1, 2])),
        is!(Error::Malformed { .. }),
    );
    refuse(
        &with("indptr", ints(&[0, 1, i64::MAX])),
        is!(Error::Malformed { .. }),
    );
    refuse(
        &with("indptr", ints(&[0, i64::MIN, 2])),
        is!(Error::Malformed { .. }),
    );
    refuse(
        &with("indices", ints(&[1, 2])),
        is!(Error::OutOfRange { index: 2, n: 2, .. }),
    );
    refuse(
        &with("indices", ints(&[1, -1])),
        is!(Error::OutOfRange { index: -1, .. }),
    );
    refuse(
        &with("indices", Array::vector(vec![1.0, 0.0])),
        is!(Error::BadNumber { .. }),
    );
    refuse(
        &with("data", Array::vector(vec![1.0])),
        is!(Error::LengthMismatch { .. }),
    );
    refuse(
        &with("data", Array::vector(vec![1.0, f64::NAN])),
        is!(Error::NotFinite { .. }),
    );
    refuse(
        &f.scipy("bsr.npz", "bsr", &base()),
        is!(Error::Unsupported { .. }),
    );
    let mut twice = base();
    twice.insert("indptr".to_owned(), ints(&[0, 2, 2]));
    twice.insert("indices".to_owned(), ints(&[1, 1]));
    refuse(
        &f.scipy("twice.npz", "csr", &twice),
        is!(Error::DuplicateSynapse { .. }),
    );
}

#[test]
fn archives() {
    let f = Folder::new();
    let one = npy::to_bytes(&Array::new(vec![1, 1], vec![1.0]).unwrap()).unwrap();
    let stored = zip::CompressionMethod::Stored;
    for name in ["../W.npy", "/W.npy", "a/../../W.npy", "..\\W.npy"] {
        refuse(
            &f.zip("path.npz", &[(name, &one)], stored),
            is!(Error::UnsafeName { .. }),
        );
    }
    refuse(
        &f.zip("twice.npz", &[("W.npy", &one), ("W", &one)], stored),
        is!(Error::DuplicateName { .. }),
    );
    refuse(
        &f.zip("text.npz", &[("W.npy", b"not an array at all")], stored),
        is!(Error::Malformed { .. }),
    );
    refuse(&f.zip("none.npz", &[], stored), is!(Error::Missing { .. }));
    refuse(
        &f.put(
            "junk.npz",
            "PK\x03\x04 and nothing else that matters to anyone",
        ),
        is!(Error::Malformed { .. }),
    );
    refuse(
        &f.put("name.npz", "no archive"),
        is!(Error::Malformed { .. }),
    );
    let mut claims = b"PK\x05\x06".to_vec();
    claims.extend_from_slice(&[
        0, 0, 0, 0, 0xfe, 0xff, 0xfe, 0xff, 0, 0, 0, 0x70, 0, 0, 0, 0, 0, 0,
    ]);
    refuse(
        &f.put("directory.npz", &claims),
        is!(Error::Truncated { .. }),
    );
    // A flipped bit in a stored member fails its checksum or its header.
    let path = f.zip("good.npz", &[("W.npy", &one)], stored);
    let mut bytes = std::fs::read(&path).unwrap();
    let value = bytes
        .windows(8)
        .position(|w| w == 1.0f64.to_le_bytes())
        .unwrap();
    bytes[value] ^= 1;
    refuse(&f.put("flipped.npz", &bytes), is!(Error::Malformed { .. }));
    refuse(
        &f.gz("good.npz.gz", &std::fs::read(&path).unwrap()),
        is!(Error::Unsupported { .. }),
    );
}

#[test]
fn inflation_is_capped() {
    let f = Folder::new();
    let limits = Limits {
        inflated: 1 << 20,
        ..Limits::default()
    };
    let options = ReadOptions {
        limits,
        ..ReadOptions::default()
    };
    let square = npy::to_bytes(&Array::new(vec![512, 512], vec![0.0; 512 * 512]).unwrap()).unwrap();
    let mut csv = b"pre,post,weight\n".to_vec();
    (0..200_000).for_each(|i| csv.extend_from_slice(format!("0,{i},1\n").as_bytes()));
    let mut json = br#"{"nodes": [], "edges": []}"#.to_vec();
    json.resize(2 << 20, b' ');
    for path in [
        f.gz("a.npy.gz", &square),
        f.gz("a.csv.gz", &csv),
        f.gz("a.json.gz", &json),
        f.gz(
            "a.safetensors.gz",
            &safetensors_with_header("{}", &vec![0; 2 << 20]),
        ),
        f.zip(
            "a.npz",
            &[("W.npy", &square)],
            zip::CompressionMethod::Deflated,
        ),
    ] {
        check(
            read_with(&path, &options).unwrap_err(),
            &path,
            is!(Error::TooLarge {
                limit: 1_048_576,
                ..
            }),
        );
    }
    let path = f.gz("a-idx1-ubyte.gz", &vec![0; 2 << 20]);
    check(
        idx::read_with(&path, &limits).unwrap_err(),
        &path,
        is!(Error::TooLarge { .. }),
    );
    // The cap holds for all members together.
    let (half, stored) = (&square[..], zip::CompressionMethod::Stored);
    let both = f.zip("both.npz", &[("a.npy", half), ("b.npy", half)], stored);
    let mut archive = npz::Archive::open(
        &both,
        &Limits {
            inflated: 3 << 20,
            ..limits
        },
    )
    .unwrap();
    archive.read("a").unwrap();
    check(
        archive.read("b").unwrap_err(),
        &both,
        is!(Error::TooLarge { .. }),
    );
}

#[test]
fn gzip_streams() {
    let f = Folder::new();
    let good = gzip(b"pre,post,weight\n0,1,1\n");
    let mut broken = good.clone();
    let last = broken.len() - 6;
    broken[last] ^= 0xff;
    refuse(&f.put("crc.csv.gz", &broken), is!(Error::Malformed { .. }));
    refuse(
        &f.put("cut.csv.gz", &good[..good.len() - 9]),
        is!(Error::Malformed { .. }),
    );
    refuse(
        &f.put("junk.csv.gz", [&good[..], b"junk"].concat()),
        is!(Error::Malformed { .. }),
    );
    // Several members one after the other are one stream.
    let path = f.put("two.csv.gz", [good, gzip(b"1,0,2\n")].concat());
    assert_eq!(read(path).unwrap().n_synapses(), 2);
}

#[test]
fn safetensors_containers() {
    let f = Folder::new();
    let put =
        |name: &str, header: &str, data: &[u8]| f.put(name, safetensors_with_header(header, data));
    let mut claims = (99_999_999u64).to_le_bytes().to_vec();
    claims.extend_from_slice(b"{}");
    refuse(
        &f.put("cut.safetensors", &claims),
        is!(Error::Truncated { .. }),
    );
    refuse(
        &f.put("short.safetensors", [1, 0, 0]),
        is!(Error::Truncated { .. }),
    );
    for size in [100_000_001, u64::MAX] {
        refuse(
            &f.put("header.safetensors", size.to_le_bytes()),
            is!(Error::TooLarge { .. }),
        );
    }
    let ten = r#"{"w":{"dtype":"F64","shape":[35000,35000],"data_offsets":[0,9800000000]}}"#;
    refuse(
        &put("ten.safetensors", ten, &[0; 64]),
        is!(Error::Malformed { .. }),
    );
    let overflow = r#"{"w":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#;
    refuse(
        &put("overflow.safetensors", overflow, &[0; 8]),
        is!(Error::Overflow { .. }),
    );
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
        refuse(
            &put("bad.safetensors", header, &[0; 8]),
            is!(Error::Malformed { .. }),
        );
    }
    let entry = r#""w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}"#;
    refuse(
        &put(
            "twice.safetensors",
            &format!("{{{entry},{entry}}}"),
            &[0; 8],
        ),
        is!(Error::DuplicateName { .. }),
    );
    refuse(
        &put("gap.safetensors", &format!("{{{entry}}}"), &[0; 16]),
        is!(Error::Malformed { .. }),
    );
    refuse(
        &put("other.safetensors", &format!("{{{entry}}}"), &[0; 8]),
        is!(Error::Missing { .. }),
    );
}

/// A small connectome with all columns, as tensors.
fn canonical(f: &Folder) -> safetensors::Tensors {
    f.put("neurons.csv", "idx,id,name,sign\n0,10,a,1\n1,20,b,-1\n");
    let c = read(f.put(
        "edges.csv",
        "pre,post,weight,sign,kind\n0,1,2,1,chemical\n1,0,3,-1,electrical\n",
    ))
    .unwrap();
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
    assert_eq!(
        *place(&error),
        Place::Key("synapses: pre of synapse row 1".to_owned())
    );
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
    for (from, to) in [
        ("\"version\":1", "\"version\":2"),
        ("\"version\":1", "\"version\":0"),
    ] {
        let mut tensors = good.clone();
        let description = tensors.metadata["connectome"].replace(from, to);
        tensors
            .metadata
            .insert("connectome".to_owned(), description);
        safetensors::write_tensors(&path, &tensors).unwrap();
        refuse(&path, is!(Error::Version { supported: 1, .. }));
    }
    let mut tensors = good;
    tensors
        .metadata
        .insert("connectome".to_owned(), "{\"version\":1}".to_owned());
    safetensors::write_tensors(&path, &tensors).unwrap();
    refuse(&path, is!(Error::Malformed { .. }));
}

#[test]
fn foreign_tensors_are_checked() {
    let f = Folder::new();
    let path = f.path().join("foreign.safetensors");
    let put = |items: &[(&str, Array)]| {
        let arrays = items
            .iter()
            .map(|(name, array)| ((*name).to_owned(), array.clone()))
            .collect();
        safetensors::write_tensors(
            &path,
            &safetensors::Tensors {
                arrays,
                metadata: BTreeMap::new(),
            },
        )
        .unwrap();
    };
    let ints = |v: &[i64]| Array::vector(v.to_vec());
    let weight = ("weight", Array::vector(vec![1.0, 2.0]));
    put(&[
        ("pre", ints(&[0, 1])),
        ("post", ints(&[1, 4_000_000_000])),
        weight.clone(),
    ]);
    refuse(&path, is!(Error::Malformed { .. }));
    put(&[
        ("pre", ints(&[0, -1])),
        ("post", ints(&[1, 0])),
        weight.clone(),
    ]);
    refuse(&path, is!(Error::OutOfRange { index: -1, .. }));
    put(&[
        ("pre", ints(&[0, 1])),
        ("post", ints(&[1, 0])),
        weight.clone(),
        ("ids", ints(&[7])),
    ]);
    refuse(&path, is!(Error::OutOfRange { index: 1, n: 1, .. }));
    put(&[
        ("crow", ints(&[0, 1])),
        ("col", ints(&[0, 0])),
        weight.clone(),
    ]);
    refuse(&path, is!(Error::Malformed { .. }));
    put(&[
        ("crow", ints(&[0, 1, 2])),
        ("col", ints(&[0, 2])),
        weight.clone(),
    ]);
    refuse(&path, is!(Error::OutOfRange { index: 2, n: 2, .. }));
    put(&[("pre", ints(&[0, 0])), ("post", ints(&[1, 1])), weight]);
    refuse(&path, is!(Error::DuplicateSynapse { .. }));
}

#[test]
fn tables_of_edges() {
    let f = Folder::new();
    let error = refuse(
        &f.put("float.csv", "pre,post,weight\n0,1,1\n1.5,0,1\n"),
        is!(Error::BadNumber { .. }),
    );
    assert_eq!(*place(&error), cell(3, "pre"));
    for id in ["NaN", "", "1e5", "9223372036854775808", "0x1", "--1", "-"] {
        let error = refuse(
            &f.put(
                "id.csv",
                format!("bodyId_pre,bodyId_post,weight\n1,{id},3\n"),
            ),
            is!(Error::BadNumber { .. }),
        );
        assert_eq!(*place(&error), cell(2, "bodyId_post"), "{id}");
    }
    for weight in ["NaN", "inf", "-inf", "1e999"] {
        let error = refuse(
            &f.put("w.csv", format!("pre,post,weight\n1,2,{weight}\n")),
            is!(Error::NotFinite { .. }),
        );
        assert_eq!(*place(&error), cell(2, "weight"));
    }
    refuse(
        &f.put("text.csv", "pre,post,weight\n1,2,many\n"),
        is!(Error::BadNumber { .. }),
    );
    refuse(
        &f.put("none.csv", "pre,post,weight\n1,2,\n"),
        is!(Error::BadNumber { .. }),
    );
    let error = refuse(
        &f.put("twice.csv", "pre,post,weight\n1,2,3\n2,1,3\n1,2,4\n"),
        is!(Error::DuplicateSynapse { .. }),
    );
    assert_eq!(*place(&error), Place::Line(4));
    refuse(
        &f.put("columns.csv", "from,to,weight\n1,2,3\n"),
        is!(Error::Missing { .. }),
    );
    refuse(
        &f.put("noweight.csv", "pre,post,length\n1,2,3\n"),
        is!(Error::Missing { .. }),
    );
    refuse(
        &f.put("same.csv", "pre,post,weight,weight\n1,2,3,4\n"),
        is!(Error::DuplicateName { .. }),
    );
    let error = refuse(
        &f.put("ragged.csv", "pre,post,weight\n1,2,3\n1,2\n"),
        is!(Error::Malformed { .. }),
    );
    assert_eq!(*place(&error), Place::Line(3));
    refuse(
        &f.put("sign.csv", "pre,post,weight,sign\n1,2,3,up\n"),
        is!(Error::BadValue { .. }),
    );
    refuse(
        &f.put("utf16.csv", b"\xff\xfep\0r\0e\0,\0"),
        is!(Error::Malformed { .. }),
    );
    refuse(
        &f.put("bytes.csv", b"source,target\n\xff\xfe,a\n"),
        is!(Error::Malformed { .. }),
    );
    refuse(
        &f.put("varshney.csv", "n1,n2,type,count\nA,B,X,1\n"),
        is!(Error::BadValue { .. }),
    );
    refuse(
        &f.put(
            "sum.csv",
            "bodyId_pre,bodyId_post,roi,weight\n1,2,A,1e308\n1,2,B,1e308\n",
        ),
        is!(Error::NotFinite { .. }),
    );
    let column = ReadOptions {
        weight_column: Some("size".to_owned()),
        ..ReadOptions::default()
    };
    let path = f.put("good.csv", "pre,post,weight\n1,2,3\n");
    check(
        read_with(&path, &column).unwrap_err(),
        &path,
        is!(Error::Missing { .. }),
    );
    let two = ReadOptions {
        n_neurons: Some(2),
        neurons: NeuronsFile::None,
        ..ReadOptions::default()
    };
    let error = check(
        read_with(&path, &two).unwrap_err(),
        &path,
        is!(Error::OutOfRange { index: 2, n: 2, .. }),
    );
    assert_eq!(*place(&error), cell(2, "post"));
}

#[test]
fn tables_of_neurons() {
    let f = Folder::new();
    let edges = f.put("edges.csv", "bodyId_pre,bodyId_post,weight\n1,2,3\n");
    let refuse_neurons = |text: &str, kind: fn(&Error) -> bool| {
        f.put("neurons.csv", text);
        check(read(&edges).unwrap_err(), Path::new("neurons.csv"), kind)
    };
    let error = refuse_neurons(
        "bodyId\n1\n2\n1\n",
        is!(Error::DuplicateNeuron {
            id: 1,
            first: 0,
            second: 2,
            ..
        }),
    );
    assert_eq!(*place(&error), cell(4, "bodyId"));
    let error = refuse_neurons("bodyId\n1\nNaN\n", is!(Error::BadNumber { .. }));
    assert_eq!(*place(&error), cell(3, "bodyId"));
    refuse_neurons("bodyId\n1.0\n2.0\n", is!(Error::BadNumber { .. }));
    refuse_neurons(
        "idx,bodyId\n0,1\n0,2\n",
        is!(Error::DuplicateNeuron { id: 0, .. }),
    );
    refuse_neurons("weight\n1\n", is!(Error::Missing { .. }));
    refuse_neurons("bodyId,sign\n1,2\n", is!(Error::BadValue { .. }));
    refuse_neurons("bodyId,x,y,z\n1,2,NaN,3\n", is!(Error::NotFinite { .. }));
    refuse_neurons("bodyId,x,y,z\n1,2,,3\n", is!(Error::BadNumber { .. }));
    refuse_neurons("bodyId,type\n1,a\n2\n", is!(Error::Malformed { .. }));
    refuse_neurons("", is!(Error::Empty { .. }));
    f.put("neurons.csv", "bodyId\n1\n3\n");
    let error = refuse(&edges, is!(Error::UnknownNeuron { .. }));
    assert_eq!(*place(&error), cell(2, "bodyId_post"));
    // Names must be there, and mean one neuron, when edges use them.
    let named = f.put("named.csv", "source,target\na,b\n");
    refuse(&named, is!(Error::Missing { .. }));
    f.put("neurons.csv", "name\na\na\nb\n");
    refuse(&named, is!(Error::DuplicateName { .. }));
    f.put("neurons.csv", "idx\n0\n1\n");
    refuse(
        &f.put("index.csv", "pre,post,weight\n0,2,1\n"),
        is!(Error::OutOfRange { index: 2, n: 2, .. }),
    );
    assert!(matches!(
        csv_tables::read_neurons(f.path().join("absent"), &Limits::default()),
        Err(Error::Io { .. })
    ));
    let sized = ReadOptions {
        n_neurons: Some(5),
        ..ReadOptions::default()
    };
    let good = f.put("good.csv", "pre,post,weight\n0,1,1\n");
    check(
        read_with(&good, &sized).unwrap_err(),
        &good,
        is!(Error::LengthMismatch { want: 5, .. }),
    );
}

#[test]
fn cell_type_graphs() {
    let f = Folder::new();
    let good = r#"{"nodes": [{"name": "A", "pattern": ["stride", [1, 1]]}, {"name": "B", "pattern": ["stride", [1, 1]]}],
"input_units": ["A"], "output_units": ["B"],
"edges": [{"src": "A", "tar": "B", "alpha": 1, "offsets": [[[0, 0], 2.0], [[0, 1], 3.0]], "lambda_mult": 1.0}]}"#;
    assert!(flyvis_json::from_bytes(good.as_bytes()).is_ok());
    let refuse_with = |from: &str, to: &str, kind: fn(&Error) -> bool, key: &str| {
        assert!(good.contains(from), "{from}");
        let path = f.put("bad.json", good.replacen(from, to, 1));
        let error = refuse(&path, kind);
        if !key.is_empty() {
            assert_eq!(*place(&error), Place::Key(key.to_owned()), "{from} -> {to}");
        }
        let packed = f.gz("bad.json.gz", good.replacen(from, to, 1).as_bytes());
        refuse(&packed, kind);
    };
    refuse_with(
        r#""src": "A""#,
        r#""src": "Z""#,
        is!(Error::UnknownType { .. }),
        "edges[0].src",
    );
    refuse_with(
        r#""tar": "B""#,
        r#""tar": "Z""#,
        is!(Error::UnknownType { .. }),
        "edges[0].tar",
    );
    for alpha in ["0", "2", "0.5", "-3"] {
        let to = format!(r#""alpha": {alpha}"#);
        refuse_with(
            r#""alpha": 1"#,
            &to,
            is!(Error::BadValue { .. }),
            "edges[0].alpha",
        );
    }
    for pattern in [
        r#"["stride", [0, 1]]"#,
        r#"["stride", [1]]"#,
        r#"["stride", [1, -1]]"#,
        r#"["stride", 1]"#,
        r#"["tile", [1, 1]]"#,
        r#"["tile", 0]"#,
        r#"["single", 1]"#,
        r#"["many", 1]"#,
        r#"["stride"]"#,
        r#""stride""#,
        "null",
        r#"["tile", 1.5]"#,
        r#"["tile", 4294967296]"#,
    ] {
        refuse_with(
            r#"["stride", [1, 1]]"#,
            pattern,
            is!(Error::BadValue { .. }),
            "nodes[0].pattern",
        );
    }
    refuse_with(
        r#""name": "B""#,
        r#""name": "A""#,
        is!(Error::DuplicateName { .. }),
        "nodes[1].name",
    );
    let edge = r#"{"src": "A", "tar": "B", "alpha": -1, "offsets": [], "lambda_mult": 1.0}"#;
    refuse_with(
        "\"edges\": [",
        &format!("\"edges\": [{edge}, "),
        is!(Error::DuplicateSynapse { .. }),
        "edges[1]",
    );
    refuse_with(
        "[0, 1], 3.0",
        "[0, 0], 3.0",
        is!(Error::DuplicateSynapse { .. }),
        "edges[0].offsets[1]",
    );
    for offset in ["[0.5, 1]", "[1]", "[0, 1, 2]", "[1e10, 0]", "[]"] {
        let to = format!("{offset}, 3.0");
        refuse_with(
            "[0, 1], 3.0",
            &to,
            is!(Error::BadNumber { .. }),
            "edges[0].offsets[1]",
        );
    }
    refuse_with(
        "[0, 1], 3.0",
        "[0, 1], -3.0",
        is!(Error::BadValue { .. }),
        "edges[0].offsets[1]",
    );
    for count in ["NaN", "Infinity", "-Infinity"] {
        refuse_with("3.0", count, is!(Error::NotFinite { .. }), "");
    }
    refuse_with(
        r#""lambda_mult": 1.0"#,
        r#""lambda_mult": 1e300"#,
        is!(Error::NotFinite { .. }),
        "edges[0].lambda_mult",
    );
    refuse_with(
        r#""lambda_mult": 1.0"#,
        r#""lambda_mult": NaN"#,
        is!(Error::NotFinite { .. }),
        "",
    );
    refuse_with(
        r#""input_units": ["A"]"#,
        r#""input_units": ["Z"]"#,
        is!(Error::UnknownType { .. }),
        "input_units[0]",
    );
    refuse_with(
        r#"["B"]"#,
        r#"["B", "B"]"#,
        is!(Error::DuplicateName { .. }),
        "output_units[1]",
    );
    for (from, to) in [
        ("3.0", "1e999"),
        ("3.0", "\"3\""),
        (r#""alpha": 1, "#, ""),
        (r#""nodes""#, r#""knots""#),
        ("]}", ""),
        ("{", "[{"),
        (r#""alpha": 1"#, r#""alpha": 1, "alpha": 1"#),
        ("[[0, 0], 2.0]", "[0, 0, 2.0]"),
        ("[[0, 0], 2.0]", "null"),
    ] {
        refuse_with(from, to, is!(Error::Malformed { .. }), "");
    }
    let deep = "[".repeat(100_000);
    refuse(&f.put("deep.json", &deep), is!(Error::Malformed { .. }));
    let text = read(f.put("place.json", "{\"nodes\": [],\n \"edges\": x}")).unwrap_err();
    assert_eq!(
        *place(&text),
        Place::Text {
            line: 2,
            column: 11
        }
    );
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
        is!(Error::Truncated {
            needed: 4_294_967_295,
            available: 1,
            ..
        }),
    );
    refuse_idx(
        &[0, 0, 8, 1, 0, 0, 0, 1, 5, 6],
        is!(Error::TrailingBytes { extra: 1, .. }),
    );
    let mut overflow = vec![0, 0, 0x0e, 3];
    overflow.extend_from_slice(&[0xff; 12]);
    refuse_idx(&overflow, is!(Error::Overflow { .. }));
    let path = f.put("t10k-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 1, 5]);
    check(
        read(&path).unwrap_err(),
        &path,
        is!(Error::UnknownFormat { .. }),
    );
}

#[test]
fn tables_in_memory_are_checked_at_construction() {
    let kind = |error: Error, kind: fn(&Error) -> bool| assert!(kind(&error), "{error:?}");
    let table = || NeuronTable::numbered(2);
    kind(
        NeuronTable::new(vec![3, 1, 3]).unwrap_err(),
        is!(Error::DuplicateNeuron {
            id: 3,
            first: 0,
            second: 2,
            ..
        }),
    );
    kind(
        table().with_names(vec![]).unwrap_err(),
        is!(Error::LengthMismatch {
            got: 0,
            want: 2,
            ..
        }),
    );
    kind(
        SynapseTable::new(vec![0], vec![], vec![1.0]).unwrap_err(),
        is!(Error::LengthMismatch { .. }),
    );
    kind(
        SynapseTable::new(vec![0], vec![0], vec![f64::NAN]).unwrap_err(),
        is!(Error::NotFinite { .. }),
    );
    let synapses = SynapseTable::new(vec![0], vec![2], vec![1.0]).unwrap();
    let provenance = || Provenance::new("test", Orientation::EdgeList);
    kind(
        Connectome::new(table(), synapses, provenance()).unwrap_err(),
        is!(Error::OutOfRange { index: 2, n: 2, .. }),
    );

    let pair = TypePair {
        pre: 0,
        post: 1,
        sign: Sign::Excitatory,
        certainty: 1.0,
    };
    let every = vec![Placement::Stride([1, 1]); 2];
    let wiring = |pairs, pair, offset| LatticeWiring::new(every.clone(), pairs, pair, offset);
    kind(
        wiring(vec![pair, pair], vec![], vec![]).unwrap_err(),
        is!(Error::DuplicateSynapse { .. }),
    );
    kind(
        wiring(vec![TypePair { post: 2, ..pair }], vec![], vec![]).unwrap_err(),
        is!(Error::OutOfRange { .. }),
    );
    kind(
        wiring(vec![pair], vec![1], vec![[0, 0]]).unwrap_err(),
        is!(Error::OutOfRange { .. }),
    );
    kind(
        wiring(vec![pair], vec![0], vec![]).unwrap_err(),
        is!(Error::LengthMismatch { .. }),
    );
    let nan = TypePair {
        certainty: f32::NAN,
        ..pair
    };
    kind(
        wiring(vec![nan], vec![], vec![]).unwrap_err(),
        is!(Error::NotFinite { .. }),
    );
    kind(
        LatticeWiring::new(vec![Placement::Stride([0, 1])], vec![], vec![], vec![]).unwrap_err(),
        is!(Error::BadValue { .. }),
    );
    // A row and its pair must name the same types.
    let synapses = SynapseTable::new(vec![1], vec![0], vec![1.0]).unwrap();
    let c = Connectome::new(table(), synapses, provenance()).unwrap();
    kind(
        c.with_lattice(wiring(vec![pair], vec![0], vec![[0, 0]]).unwrap())
            .unwrap_err(),
        is!(Error::Malformed { .. }),
    );
    kind(
        Array::new(vec![2, 2], vec![1.0]).unwrap_err(),
        is!(Error::LengthMismatch {
            got: 1,
            want: 4,
            ..
        }),
    );
    kind(
        Array::new(vec![usize::MAX, 2], vec![1.0]).unwrap_err(),
        is!(Error::Overflow { .. }),
    );
}
