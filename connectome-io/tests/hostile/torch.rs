//! Files of torch whose sizes, strides, offsets, storages or archives lie.

use std::path::PathBuf;

use connectome_io::format::pt;
use connectome_io::{Error, Limits, ReadOptions, read, read_with};
use zip::CompressionMethod::{Deflated, Stored};

use crate::common::Folder;
use crate::{check, refuse};

fn int(n: i64) -> Vec<u8> {
    [b"\x8a\x08".as_slice(), &n.to_le_bytes()].concat()
}

fn tuple(numbers: &[i64]) -> Vec<u8> {
    [b"(".to_vec(), numbers.iter().flat_map(|&n| int(n)).collect(), b"t".to_vec()].concat()
}

fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

/// A tensor of the storage `key` with `n` elements.
fn tensor(class: &str, key: &str, n: i64, offset: i64, size: &[i64], stride: &[i64]) -> Vec<u8> {
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        text("storage"),
        format!("ctorch\n{class}\n").into_bytes(),
        text(key),
        text("cpu"),
        int(n),
        b"tQ".to_vec(),
        int(offset),
        tuple(size),
        tuple(stride),
        b"\x89ccollections\nOrderedDict\n)RtR".to_vec(),
    ]
    .concat()
}

/// A square sparse matrix of the storages 0 (indices) and 1 (values).
fn coo(side: i64, n: i64) -> Vec<u8> {
    [
        b"ctorch._utils\n_rebuild_sparse_tensor\n(ctorch.serialization\n_get_layout\n".to_vec(),
        text("torch.sparse_coo"),
        b"\x85R(".to_vec(),
        tensor("LongStorage", "0", 2 * n, 0, &[2, n], &[n, 1]),
        tensor("DoubleStorage", "1", n, 0, &[n], &[1]),
        tuple(&[side, side]),
        b"\x88ttR".to_vec(),
    ]
    .concat()
}

fn archive(f: &Folder, pickle: &[u8], storages: &[&[u8]]) -> PathBuf {
    let pickle = [b"\x80\x02", pickle, b"."].concat();
    let names: Vec<String> = (0..storages.len()).map(|key| format!("a/data/{key}")).collect();
    let mut members: Vec<(&str, &[u8])> = vec![("a/data.pkl", &pickle)];
    members.extend(names.iter().map(String::as_str).zip(storages.iter().copied()));
    f.zip("t.pt", &members, Stored)
}

fn longs(numbers: &[i64]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn doubles(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

#[test]
fn views_outside_of_their_storage() {
    let f = Folder::new();
    let data = doubles(&[1.0, 2.0, 3.0, 4.0]);
    let good = tensor("DoubleStorage", "0", 4, 0, &[2, 2], &[2, 1]);
    assert_eq!(read(archive(&f, &good, &[&data])).unwrap().n_synapses(), 4);
    let view = |n, offset, size: &[i64], stride: &[i64]| {
        archive(&f, &tensor("DoubleStorage", "0", n, offset, size, stride), &[&data])
    };
    for (n, offset, size, stride) in [
        (4, 1, [2, 2], [2, 1]),
        (4, 0, [2, 3], [2, 1]),
        (4, 0, [2, 2], [3, 1]),
        (3, 0, [2, 2], [2, 1]),
        (5, 0, [2, 2], [4, 0]),
        (1 << 24, 0, [1 << 12, 1 << 12], [1 << 12, 1]),
        (4, i64::MAX / 8, [1, 1], [1, 1]),
    ] {
        refuse(&view(n, offset, &size, &stride), is!(Error::Truncated { .. }));
    }
    for (n, offset, size, stride) in [
        (4, 0, [1 << 40, 1 << 40], [0, 0]),
        (4, 0, [i64::MAX, 1], [1, 1]),
        (4, 0, [3, 2], [i64::MAX, 1]),
        (4, i64::MAX, [2, 2], [i64::MAX, i64::MAX]),
        (i64::MAX, 0, [2, 2], [2, 1]),
        (4, 0, [0, i64::MAX], [1, 1]),
    ] {
        refuse(&view(n, offset, &size, &stride), is!(Error::Overflow { .. }));
    }
    for (n, offset, size, stride) in
        [(-4, 0, [2, 2], [2, 1]), (4, -1, [2, 2], [2, 1]), (4, 0, [-2, -2], [2, 1]), (4, 3, [2, 2], [-2, -1])]
    {
        refuse(&view(n, offset, &size, &stride), is!(Error::Malformed { .. }));
    }
    refuse(&view(4, 0, &[2, 2], &[1]), is!(Error::Malformed { .. }));
    refuse(&view(4, 0, &[1; 65], &[1; 65]), is!(Error::Malformed { .. }));
    refuse(&view(4, 0, &[4], &[1]), is!(Error::NotSquare { .. }));
    refuse(&view(4, 0, &[0, 0], &[1, 1]), is!(Error::Empty { .. }));
    // Eleven million megabytes out of eight bytes.
    refuse(&view(4, 0, &[1 << 20, 1 << 20], &[0, 0]), is!(Error::TooLarge { .. }));
    let bools = archive(&f, &tensor("BoolStorage", "0", 4, 0, &[2, 2], &[2, 1]), &[&[0, 1, 2, 0]]);
    refuse(&bools, is!(Error::Malformed { .. }));
}

/// A thousand tensors that each repeat one element a million times.
#[test]
fn repeated_elements_count_every_time() {
    let f = Folder::new();
    let one = tensor("DoubleStorage", "0", 1, 0, &[1000, 1000], &[0, 0]);
    let many = [b"(".to_vec(), one.repeat(1000), b"l".to_vec()].concat();
    let path = archive(&f, &many, &[&doubles(&[1.0])]);
    check(pt::read(&path, &Limits::default()).unwrap_err(), &path, is!(Error::TooLarge { .. }));
    check(pt::read_tensors(&path).unwrap_err(), &path, is!(Error::TooLarge { .. }));
}

#[test]
fn sparse_matrices_that_are_none() {
    let f = Folder::new();
    let put =
        |pickle: &[u8], indices: &[i64], values: &[f64]| archive(&f, pickle, &[&longs(indices), &doubles(values)]);
    assert_eq!(read(put(&coo(2, 1), &[0, 1], &[1.0])).unwrap().n_synapses(), 1);
    for indices in [[0, 2], [2, 0], [0, -1], [i64::MIN, 0], [1 << 32, 0]] {
        refuse(&put(&coo(2, 1), &indices, &[1.0]), is!(Error::OutOfRange { .. }));
    }
    refuse(&put(&coo(2, 2), &[0, 0, 1, 1], &[1.0, 1.0]), is!(Error::DuplicateSynapse { .. }));
    refuse(&put(&coo(2, 1), &[0, 1], &[f64::NAN]), is!(Error::NotFinite { .. }));
    refuse(&put(&coo(2, 2), &[0, 1], &[1.0, 1.0]), is!(Error::Truncated { .. }));
    refuse(&put(&coo(2, 2), &[0, 1, 1, 0], &[1.0]), is!(Error::Truncated { .. }));
    refuse(&put(&coo(1 << 31, 1), &[0, 1], &[1.0]), is!(Error::Malformed { .. }));
    refuse(&put(&coo(1 << 40, 1), &[0, 1], &[1.0]), is!(Error::TooMany { .. }));
    refuse(&put(&coo(0, 0), &[], &[]), is!(Error::Empty { .. }));
    let stated = ReadOptions { n_neurons: Some(100_000), ..ReadOptions::default() };
    assert_eq!(read_with(put(&coo(100_000, 1), &[0, 1], &[1.0]), &stated).unwrap().n_neurons(), 100_000);
    refuse(&put(&coo(100_000, 1), &[0, 1], &[1.0]), is!(Error::Malformed { .. }));

    let csr = |crow: &[i64], col: &[i64], values: &[f64], side: i64| {
        let (rows, n) = (crow.len() as i64, values.len() as i64);
        let pickle = [
            b"ctorch._utils\n_rebuild_sparse_tensor\n(ctorch.serialization\n_get_layout\n".to_vec(),
            text("torch.sparse_csr"),
            b"\x85R(".to_vec(),
            tensor("LongStorage", "0", rows, 0, &[rows], &[1]),
            tensor("LongStorage", "1", n, 0, &[n], &[1]),
            tensor("DoubleStorage", "2", n, 0, &[n], &[1]),
            tuple(&[side, side]),
            b"ttR".to_vec(),
        ]
        .concat();
        archive(&f, &pickle, &[&longs(crow), &longs(col), &doubles(values)])
    };
    assert_eq!(read(csr(&[0, 1, 2], &[0, 1], &[1.0, 2.0], 2)).unwrap().n_synapses(), 2);
    for crow in [[0, 2, 1], [1, 1, 2], [0, 1, 3], [0, i64::MAX, 2], [0, -1, 2]] {
        refuse(&csr(&crow, &[0, 1], &[1.0, 2.0], 2), is!(Error::Malformed { .. }));
    }
    refuse(&csr(&[0, 1, 2], &[0, 2], &[1.0, 2.0], 2), is!(Error::OutOfRange { .. }));
    refuse(&csr(&[0, 1, 2], &[0, 1], &[1.0, 2.0], 3), is!(Error::LengthMismatch { .. }));
    refuse(&csr(&[0, 1, 2], &[1, 1], &[1.0, 2.0], 1), is!(Error::LengthMismatch { .. }));
}

#[test]
fn archives_that_lie() {
    let f = Folder::new();
    let pickle = [b"\x80\x02", tensor("DoubleStorage", "0", 4, 0, &[2, 2], &[2, 1]).as_slice(), b"."].concat();
    let data = doubles(&[1.0; 4]);
    let zip = |members: &[(&str, &[u8])]| f.zip("z.pt", members, Stored);
    refuse(&zip(&[("a/data.pkl", &pickle)]), is!(Error::Missing { .. }));
    refuse(&zip(&[("a/data.pkl", &pickle), ("b/data/0", &data)]), is!(Error::Missing { .. }));
    refuse(&zip(&[("a/data.pkl", &pickle), ("a/data/0", &data[1..])]), is!(Error::Truncated { .. }));
    refuse(&zip(&[("a/data.pkl", &pickle), ("b/data.pkl", &pickle), ("a/data/0", &data)]), is!(Error::Missing { .. }));
    refuse(&zip(&[("a/data.pkl", b""), ("a/data/0", &data)]), is!(Error::Empty { .. }));
    let order = [("a/data.pkl", pickle.as_slice()), ("a/data/0", &data), ("a/byteorder", b"middle")];
    refuse(&zip(&order), is!(Error::Malformed { .. }));
    let trailing = [pickle.as_slice(), b"N."].concat();
    refuse(&zip(&[("a/data.pkl", &trailing), ("a/data/0", &data)]), is!(Error::TrailingBytes { .. }));
    for name in ["../data.pkl", "/data.pkl", "a/../../data.pkl"] {
        refuse(&zip(&[("a/data.pkl", &pickle), (name, &pickle)]), is!(Error::UnsafeName { .. }));
    }

    // The archive writer refuses to write a name twice: rename a member afterwards.
    let path = zip(&[("a/data.pkl", &pickle), ("a/data/0", &data), ("a/data/1", &data)]);
    let mut bytes = std::fs::read(&path).unwrap();
    for i in 0..bytes.len() - 8 {
        if &bytes[i..i + 8] == b"a/data/1" {
            bytes[i + 7] = b'0';
        }
    }
    refuse(&f.put("z.pt", &bytes), is!(Error::Malformed { .. }));

    // 64 MB of zeros in 64 kB, for a tensor of as many.
    let bomb = tensor("ByteStorage", "0", 1 << 26, 0, &[1 << 13, 1 << 13], &[1 << 13, 1]);
    let bomb = [b"\x80\x02", bomb.as_slice(), b"."].concat();
    let members = [("a/data.pkl", bomb.as_slice()), ("a/data/0", &vec![0; 1 << 26])];
    let path = f.zip("b.pt", &members, Deflated);
    let limits = Limits { inflated: 1 << 20, ..Limits::default() };
    for result in [
        pt::read(&path, &limits).map(drop),
        pt::read_connectome(&path, &ReadOptions { limits, ..ReadOptions::default() }).map(drop),
    ] {
        check(result.unwrap_err(), &path, is!(Error::TooLarge { .. }));
    }
    let path = f.zip("p.pt", &[("a/data.pkl", &b"N0".repeat(1 << 20))], Deflated);
    check(pt::read(&path, &limits).unwrap_err(), &path, is!(Error::TooLarge { .. }));
    refuse(&f.gz("g.pt.gz", &bytes), is!(Error::Unsupported { .. }));
}

#[test]
fn cut_short_at_every_byte() {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures"].iter().collect();
    let f = Folder::new();
    for name in ["early.pt", "coo_legacy.pt", "csc.pt", "checkpoint_legacy.pt"] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        for end in 0..bytes.len() {
            let path = f.put("c.pt", &bytes[..end]);
            let error = pt::read(&path, &Limits::default()).expect_err("cut short");
            let kind = matches!(error, Error::Truncated { .. } | Error::Empty { .. } | Error::Malformed { .. });
            assert!(kind, "{end} of {name}: {error}");
            check(error, &path, |_| true);
        }
    }
}

#[test]
fn storages_before_zip() {
    let f = Folder::new();
    let good: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "dense.pt"].iter().collect();
    let bytes = std::fs::read(good).unwrap();
    let refuse_change = |from: &[u8], to: &[u8], kind: fn(&Error) -> bool| {
        let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
        let changed = [&bytes[..at], to, &bytes[at + from.len()..]].concat();
        refuse(&f.put("l.pt", changed), kind);
    };
    // The version of the layout, then the number of elements.
    refuse_change(b"M\xe9\x03.", b"M\xea\x03.", is!(Error::Malformed { .. }));
    refuse_change(&9u64.to_le_bytes(), &8u64.to_le_bytes(), is!(Error::TrailingBytes { .. }));
    refuse_change(&9u64.to_le_bytes(), &10u64.to_le_bytes(), is!(Error::Truncated { .. }));
    refuse_change(&9u64.to_le_bytes(), &u64::MAX.to_le_bytes(), is!(Error::Overflow { .. }));
    refuse(&f.put("e.pt", [bytes.as_slice(), b"\0"].concat()), is!(Error::TrailingBytes { .. }));
    refuse(&f.put("n.pt", b"no file of torch"), |error| !matches!(error, Error::Io { .. }));
    refuse(&f.put("p.pt", b"\x80\x02N."), is!(Error::Malformed { .. }));
}
