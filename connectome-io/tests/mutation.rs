//! No bytes make a reader panic: thousands of damaged copies of good files are read, and each gives a value or an error.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::Folder;
use connectome_io::format::{csv_tables, flyvis_json, idx, npy, npz, safetensors};
use connectome_io::{Array, Duplicates, Limits, NeuronsFile, ReadOptions, read, read_with, write};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MUTATIONS: usize = 2_000;

/// Pieces that formats react to.
const PIECES: [&[u8]; 16] = [
    b"NaN",
    b"-1",
    b"99999999999999999999",
    b"\"",
    b",",
    b"\n",
    b"{",
    b"[",
    b"\x00",
    b"\xff\xff\xff\xff",
    b"1e999",
    b"(",
    b"null",
    b"PK\x01\x02",
    b"\x1f\x8b",
    b"'|O'",
];

/// A copy with one to four bytes or stretches changed, inserted, removed, repeated or cut off.
fn mutate(good: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        let n = bytes.len();
        let at = rng.random_range(0..=n);
        match rng.random_range(0..7) {
            0 if at < n => bytes[at] ^= 1 << rng.random_range(0..8),
            1 if at < n => bytes[at] = rng.random(),
            2 => bytes.truncate(at),
            3 => {
                let piece = PIECES[rng.random_range(0..PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            4 => {
                let end = (at + rng.random_range(0..16)).min(n);
                bytes.drain(at..end);
            }
            5 => {
                let end = (at + rng.random_range(0..32)).min(n);
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                let piece = PIECES[rng.random_range(0..PIECES.len())];
                let end = (at + piece.len()).min(n);
                bytes[at..end].copy_from_slice(&piece[..end - at]);
            }
        }
    }
    bytes
}

/// Reads damaged copies of a good file. Headers are hit as often as data, since the first 256 bytes are a stratum.
fn survive(seed: u64, good: &[u8], mut read: impl FnMut(&[u8]) -> bool) {
    assert!(read(good), "the file itself is good");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut good_copies, head) = (0, good.len().min(256));
    for i in 0..MUTATIONS {
        let bytes = if i % 2 == 0 {
            [&mutate(&good[..head], &mut rng), &good[head..]].concat()
        } else {
            mutate(good, &mut rng)
        };
        good_copies += usize::from(read(&bytes));
    }
    assert!(good_copies < MUTATIONS, "no damage was noticed at all");
}

/// As [`survive`], through a file of the given name.
fn survive_file(seed: u64, good: &[u8], name: &str, mut read: impl FnMut(&Path) -> bool) {
    let f = Folder::new();
    survive(seed, good, |bytes| read(&f.put(name, bytes)));
}

fn options() -> ReadOptions {
    let limits = Limits { inflated: 1 << 24, ..Limits::default() };
    ReadOptions { neurons: NeuronsFile::None, duplicates: Duplicates::Sum, limits, ..ReadOptions::default() }
}

fn small_array() -> Array {
    Array::new(vec![3, 3], vec![0.0, 1.5, -2.0, 0.0, 0.0, 1.0, 7.0, 0.0, 0.25]).unwrap()
}

#[test]
fn npy_bytes() {
    survive(1, &npy::to_bytes(&small_array()).unwrap(), |bytes| npy::from_bytes(bytes).is_ok());
}

#[test]
fn npy_matrices() {
    survive_file(2, &npy::to_bytes(&small_array()).unwrap(), "m.npy", |path| read_with(path, &options()).is_ok());
}

#[test]
fn idx_bytes() {
    let mut bytes = vec![0, 0, 8, 2, 0, 0, 0, 4, 0, 0, 0, 3];
    bytes.extend(0..12);
    survive(3, &bytes, |bytes| idx::from_bytes(bytes).is_ok());
}

#[test]
fn npz_archives() {
    for (seed, compression) in [(4, npz::Compression::Stored), (5, npz::Compression::Deflated)] {
        let f = Folder::new();
        let arrays =
            BTreeMap::from([("W".to_owned(), small_array()), ("ids".to_owned(), Array::vector(vec![1i64, 2]))]);
        let path = f.path().join("a.npz");
        npz::write(&path, &arrays, compression).unwrap();
        let good = std::fs::read(&path).unwrap();
        survive_file(seed, &good, "b.npz", |path| {
            let read = || -> Result<(), connectome_io::Error> {
                let mut archive = npz::Archive::open(path, &options().limits)?;
                let names = archive.names().to_vec();
                names.iter().try_for_each(|name| archive.read(name).map(drop))
            };
            read().is_ok()
        });
    }
}

#[test]
fn scipy_archives() {
    let f = Folder::new();
    let arrays = BTreeMap::from([
        ("shape".to_owned(), Array::vector(vec![2i64, 2])),
        ("indptr".to_owned(), Array::vector(vec![0i32, 1, 2])),
        ("indices".to_owned(), Array::vector(vec![1i32, 0])),
        ("data".to_owned(), Array::vector(vec![1.0, 2.0])),
    ]);
    // Stored, so that damage reaches the arrays; checksums catch most of it.
    let good = std::fs::read(f.scipy("s.npz", "csr", &arrays)).unwrap();
    survive_file(6, &good, "t.npz", |path| read_with(path, &options()).is_ok());
}

#[test]
fn safetensors_connectomes() {
    let f = Folder::new();
    let c = flyvis_json::from_bytes(GRAPH).unwrap();
    let path = f.path().join("c.safetensors");
    write(&c, &path).unwrap();
    let good = std::fs::read(&path).unwrap();
    survive_file(7, &good, "d.safetensors", |path| {
        let _ = safetensors::read_tensors(path);
        read(path).is_ok()
    });
}

#[test]
fn safetensors_of_others() {
    let f = Folder::new();
    let path = f.path().join("o.safetensors");
    let arrays = BTreeMap::from([
        ("crow".to_owned(), Array::vector(vec![0i32, 1, 3])),
        ("col".to_owned(), Array::vector(vec![1u8, 0, 1])),
        ("weight".to_owned(), Array::vector(vec![1.0f32, 2.0, 3.0])),
        ("sign".to_owned(), Array::vector(vec![1i8, -1])),
        ("xy".to_owned(), Array::new(vec![2, 2], vec![0.0f32; 4]).unwrap()),
    ]);
    safetensors::write_tensors(&path, &safetensors::Tensors { arrays, metadata: BTreeMap::new() }).unwrap();
    let good = std::fs::read(&path).unwrap();
    survive_file(8, &good, "p.safetensors", |path| read_with(path, &options()).is_ok());
}

const GRAPH: &[u8] =
    br#"{"nodes": [{"name": "A", "pattern": ["stride", [1, 2]]}, {"name": "B", "pattern": ["tile", 3]},
{"name": "C", "pattern": ["single", null]}], "input_units": ["A"], "output_units": ["B"],
"edges": [{"src": "A", "tar": "B", "alpha": -1, "offsets": [[[0, 1], 2.5], [[-1, 0], 3]], "lambda_mult": 0.5},
{"src": "C", "tar": "C", "alpha": 1, "offsets": [[[0, 0], 1]], "lambda_mult": 1}]}"#;

#[test]
fn cell_type_graphs() {
    survive(9, GRAPH, |bytes| flyvis_json::from_bytes(bytes).is_ok());
}

#[test]
fn edge_tables() {
    let tables: [(u64, &[u8]); 5] = [
        (10, b"pre,post,weight,polarity\n0,1,3,+\n1,2,4,-\n2,0,1,complex\n0,2,5,none\n"),
        (11, b"bodyId_pre,bodyId_post,roi,weight\n5813105172,1,EB,3\n5813105172,1,PB,4\n1,2,EB,9\n"),
        (
            12,
            b"pre_root_id,post_root_id,neuropil,syn_count,nt_type\n720575940628857210,7,ME_R,5,ACH\n7,8,LO_R,6,GABA\n",
        ),
        (13, b"n1,n2,type,count\nADAL,ADAR,EJ,1\nADAL,ADEL,Sp,2\nADEL,ADAL,Rp,2\nAS1,NMJ,NMJ,13\n"),
        (14, b"source,target,weight\n\"V1\",\"V2\",1.5\n\"V,2\",\"a\nb\",2\n"),
    ];
    for (seed, good) in tables {
        survive_file(seed, good, "e.csv", |path| read_with(path, &options()).is_ok());
    }
}

#[test]
fn neuron_tables() {
    let good = b"idx,bodyId,name,type,class,nt,sign,x [nm],y [nm],z [nm],note\n0,10,a,T,c,GABA,-1,1,2,3,p\n1,20,b,T,d,ACh,1,,,,q\n";
    survive_file(15, good, "n.csv", |path| csv_tables::read_neurons(path, &options().limits).is_ok());
}

#[test]
fn csv_matrices() {
    survive_file(16, b",a,b\na,0,2.5\nb,-3e2,0\n", "m.csv", |path| read_with(path, &options()).is_ok());
}

#[test]
fn gzip_streams() {
    let good = common::gzip(b"pre,post,weight\n0,1,3\n1,2,4\n2,0,1\n0,2,5\n");
    survive_file(17, &good, "e.csv.gz", |path| read_with(path, &options()).is_ok());
}

#[test]
fn matrix_market() {
    let files: [(u64, &[u8]); 3] = [
        (18, b"%%MatrixMarket matrix coordinate real general\n% comment\n3 3 3\n1 2 0.5\n3 1 -2e3\n2 2 7\n"),
        (19, b"%%MatrixMarket matrix coordinate pattern symmetric\n4 4 2\n2 1\n4 4\n"),
        (20, b"%%MatrixMarket matrix array integer skew-symmetric\n3 3\n1\n-2\n3\n"),
    ];
    for (seed, good) in files {
        survive_file(seed, good, "m.mtx", |path| read_with(path, &options()).is_ok());
    }
}
