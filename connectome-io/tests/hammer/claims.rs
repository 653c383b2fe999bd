//! No header is believed: a file that claims 10 GB costs little memory whatever it is.

use std::path::PathBuf;

use connectome_io::format::{csv_tables, idx};
use connectome_io::{Error, Limits, read};

use crate::FREE;
use crate::common::{Folder, npy_with_header, safetensors_with_header};
use crate::meter::measure;

/// Runs a reader and checks its peak against the size of the file.
fn bounded(path: &PathBuf, read: impl FnOnce() -> Error) {
    bounded_by(4, path, read);
}

/// As [`bounded`], for formats of which a byte makes more than a byte.
fn bounded_by(times: usize, path: &PathBuf, read: impl FnOnce() -> Error) {
    let size = std::fs::metadata(path).unwrap().len() as usize;
    let (error, cost) = measure(read);
    let (used, allowed) = (cost.memory, times * size + FREE);
    println!("{:<24} {size:>9} bytes, peak {used:>9}: {error}", path.file_name().unwrap().to_string_lossy());
    assert!(used <= allowed, "{}: {used} bytes for a file of {size}, {allowed} are allowed", path.display());
}

/// End records of an archive with 64-bit counts: `entries` members in `size` bytes of directory.
fn zip64_end(entries: u64, size: u64, offset: u64) -> Vec<u8> {
    let mut bytes = b"PK\x03\x04 no member here".to_vec();
    let record = bytes.len() as u64;
    bytes.extend_from_slice(b"PK\x06\x06");
    bytes.extend_from_slice(&44u64.to_le_bytes());
    bytes.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    [entries, entries, size, offset].iter().for_each(|n| bytes.extend_from_slice(&n.to_le_bytes()));
    bytes.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    bytes.extend_from_slice(&record.to_le_bytes());
    bytes.extend_from_slice(&[1, 0, 0, 0]);
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend_from_slice(&[0xff; 12]);
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

/// `<node id="0"/>` and so on.
fn nodes(n: usize) -> String {
    (0..n).map(|i| format!("<node id=\"{i}\"/>")).collect()
}

/// A graph of few bytes whose table would have 10^8 cells.
fn table_of_absent_attributes() -> String {
    let keys: String = (0..1000).map(|i| format!("<key id=\"k{i}\" for=\"node\"/>")).collect();
    format!("<graphml>{keys}<graph edgedefault=\"directed\">{}</graph></graphml>", nodes(100_000))
}

/// Pickles and files of torch that claim 10 GB: as lengths, as storages, as sizes of members, by repeating one element.
fn torch(f: &Folder) -> Vec<PathBuf> {
    let int = |n: i64| [b"\x8a\x08", n.to_le_bytes().as_slice()].concat();
    let tensor = |n: i64, stride: i64| {
        let start =
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nDoubleStorage\nX\x01\0\0\x000N";
        let (size, stride) = ([int(35355), int(35355)].concat(), [int(35355 * stride), int(stride)].concat());
        [start, int(n).as_slice(), b"tQK\0(", &size, b"t(", &stride, b"t\x89NtR."].concat()
    };
    let archive =
        |name: &str, pickle: &[u8], method| f.zip(name, &[("a/data.pkl", pickle), ("a/data/0", &[1; 4096])], method);
    let deflated = archive("member.pt", &tensor(35355 * 35355, 1), zip::CompressionMethod::Deflated);
    let mut bytes = std::fs::read(&deflated).unwrap();
    let places: Vec<usize> = (0..bytes.len() - 4).filter(|&i| bytes[i..i + 4] == 4096u32.to_le_bytes()).collect();
    places.into_iter().for_each(|place| bytes[place..place + 4].copy_from_slice(&0xffff_fff0u32.to_le_bytes()));
    let before_zip = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.".as_slice();
    let keys = b"\x80\x02]X\x01\0\0\x000a.";
    let storage = 1_250_000_000u64.to_le_bytes();
    vec![
        archive("storage.pt", &tensor(35355 * 35355, 1), zip::CompressionMethod::Stored),
        archive("repeated.pt", &tensor(1, 0), zip::CompressionMethod::Stored),
        deflated,
        f.put("claimed.pt", &bytes),
        f.put("before_zip.pt", [before_zip, &tensor(35355 * 35355, 1), keys, &storage, &[0; 4096]].concat()),
        f.put("bytes.pkl", [b"\x80\x04\x8e", 10_000_000_000u64.to_le_bytes().as_slice(), &[0; 4096]].concat()),
        f.put("memo.pkl", [b"Nr\xff\xff\xff\x7f".as_slice(), &b"0N".repeat(2048)].concat()),
        f.put("deep.pkl", [b"(".repeat(100_000), b"N".to_vec(), b"l".repeat(100_000), b".".to_vec()].concat()),
    ]
}

#[test]
fn a_claim_of_10_gb_costs_at_most_four_times_the_file_and_16_mb() {
    let f = Folder::new();
    let dict = |shape: &str| format!("{{'descr': '<f8', 'fortran_order': True, 'shape': {shape}, }}");
    let npy = npy_with_header(1, &dict("(35355, 35355)"), &[1; 4096]);
    let mut npy_header = b"\x93NUMPY\x03\x00".to_vec();
    npy_header.extend_from_slice(&u32::MAX.to_le_bytes());
    npy_header.extend_from_slice(&[b' '; 4096]);
    let tensors = |dtype: &str, shape: &str, end: u64| {
        let header = format!("{{\"pre\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[0,{end}]}}}}");
        safetensors_with_header(&header, &[0; 4096])
    };
    let mut safetensors_header = 10_000_000_000u64.to_le_bytes().to_vec();
    safetensors_header.resize(4096, b' ');

    // An archive whose headers claim that a member of 4 kB inflates to almost 4 GB.
    let archive = f.zip("claim.npz", &[("W.npy", &npy)], zip::CompressionMethod::Deflated);
    let mut bytes = std::fs::read(&archive).unwrap();
    let size = (npy.len() as u32).to_le_bytes();
    let places: Vec<usize> = (0..bytes.len() - 4).filter(|&i| bytes[i..i + 4] == size).collect();
    for place in places {
        bytes[place..place + 4].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
    }
    // A shape for which a sparse matrix would need 10 GB of row pointers.
    let ints = |v: Vec<i64>| connectome_io::Array::vector(v);
    let sparse = std::collections::BTreeMap::from([
        ("shape".to_owned(), ints(vec![1_250_000_000, 1_250_000_000])),
        ("indptr".to_owned(), ints(vec![0, 1])),
        ("indices".to_owned(), ints(vec![0])),
        ("data".to_owned(), ints(vec![1])),
    ]);

    let files = [
        f.put("array.npy", &npy),
        f.gz("array.npy.gz", &npy),
        f.put("header.npy", &npy_header),
        archive,
        f.put("member.npz", &bytes),
        f.put("directory.npz", zip64_end(1 << 33, 10_000_000_000, 0)),
        f.put("directory_far.npz", zip64_end(1 << 27, 10_000_000_000, 1 << 40)),
        f.scipy("pointers.npz", "csr", &sparse),
        f.put("tensor.safetensors", tensors("F64", "[1250000000]", 10_000_000_000)),
        f.gz("tensor.safetensors.gz", &tensors("F64", "[1250000000]", 10_000_000_000)),
        f.put("header.safetensors", &safetensors_header),
        f.put("index.csv", "source,target\n10000000000,a\n\"unclosed quote"),
        f.put("neurons.json", "{\"nodes\": [{\"name\": \"A\", \"pattern\": [\"tile\", 10000000000]}], \"edges\": []}"),
        f.gz("name.graphml.gz", format!("<graphml><key id=\"{}", "a".repeat(24 << 20)).as_bytes()),
        f.gz("text.graphml.gz", format!("<graphml><key id=\"k\"><default>{}", "&amp;".repeat(5 << 20)).as_bytes()),
        f.put("deep.graphml", "<graphml>".repeat(1 << 17)),
        f.put("laughs.graphml", "<!DOCTYPE g [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><graphml>&b;</graphml>"),
        f.put("table.graphml", table_of_absent_attributes()),
        f.put("nodes.graphml", format!("<graphml><graph edgedefault=\"directed\">{}", nodes(500_000))),
        f.put("entries.mtx", "%%MatrixMarket matrix coordinate real general\n9 9 4000000000\n1 1 1\n"),
        f.gz("entries.mtx.gz", b"%%MatrixMarket matrix coordinate real general\n9 9 4000000000\n1 1 1\n"),
        f.put("side.mtx", "%%MatrixMarket matrix coordinate real general\n4000000000 4000000000 1\n1 1 1\n"),
        f.put("values.mtx", "%%MatrixMarket matrix array real general\n100000 100000\n1\n"),
        f.gz("values.mtx.gz", b"%%MatrixMarket matrix array real symmetric\n100000 100000\n1\n"),
        f.put(
            "many.mtx",
            format!(
                "%%MatrixMarket matrix coordinate pattern symmetric\n9 9 9999999\n{}0 0\n",
                "1 1\n".repeat(2_000_000)
            ),
        ),
    ];
    for path in files.iter().chain(&torch(&f)) {
        bounded(path, || read(path).expect_err("refused"));
    }
    let images = f.put("images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0, 0, 3, 1, 2, 3]);
    bounded(&images, || idx::read(&images).unwrap_err());
    let images = f.gz("images-idx3-ubyte.gz", &[0, 0, 8, 3, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0, 0, 3, 1, 2, 3]);
    bounded(&images, || idx::read(&images).unwrap_err());
    // An index of ten billion names a neuron, not a table of as many.
    let far = f.path().join("far.safetensors");
    let edge = [("pre", ints(vec![0])), ("post", ints(vec![2_000_000_000])), ("weight", ints(vec![1]))];
    let arrays = edge.into_iter().map(|(name, array)| (name.to_owned(), array)).collect();
    let tensors = connectome_io::format::safetensors::Tensors { arrays, metadata: Default::default() };
    connectome_io::format::safetensors::write_tensors(&far, &tensors).unwrap();
    bounded(&far, || read(&far).unwrap_err());
}

/// Sixty thousand members of which each costs the archive a hundred bytes.
#[test]
fn archives_of_many_members() {
    let f = Folder::new();
    let names: Vec<String> = (0..60_000).map(|i| format!("{i:05x}.npy")).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let path = f.zip("many.npz", &members, zip::CompressionMethod::Stored);
    bounded(&path, || read(&path).expect_err("refused"));
}

/// JSON without the structure that readers hope for: a text of two bytes is a text of 24 in memory, in a list that grows by
/// doubling.
#[test]
fn endless_json() {
    let f = Folder::new();
    let n = 1 << 20;
    let graph = |nodes: &str, edges: &str| format!("{{\"nodes\":[{nodes}],\"edges\":[{edges}]}}");
    let node = |pattern: &str| format!("{{\"name\":\"A\",\"pattern\":{pattern}}}");
    let edge = |offsets: &str| {
        let edge = format!("{{\"src\":\"A\",\"tar\":\"A\",\"alpha\":1,\"lambda_mult\":1,\"offsets\":[{offsets}]}}");
        graph(&node("[\"single\",null]"), &edge)
    };
    let list = |item: &str, n: usize| format!("{}{item}", format!("{item},").repeat(n));
    let tensor = |shape: &str| format!("{{\"w\":{{\"dtype\":\"U8\",\"shape\":[{shape}],\"data_offsets\":[0,1]}}}}");
    let tensors: String =
        (0..n / 16).map(|i| format!("\"{i:x}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}},")).collect();
    let keys: String = (0..n / 4).map(|i| format!("\"{i:x}\":\"\",")).collect();
    for (name, bytes) in [
        ("pattern.json", graph(&node(&format!("[{}]", list("0", 4 * n))), "").into_bytes()),
        ("nodes.json", graph(&list("{\"name\":\"\",\"pattern\":0}", n / 2), "").into_bytes()),
        ("offsets.json", edge(&list("[[],1]", n)).into_bytes()),
        ("offset.json", edge(&format!("[[{}],1]", list("0", 4 * n))).into_bytes()),
        ("more.json", graph(&node("0"), &format!("{{\"more\":[{}]}}", list("[]", 2 * n))).into_bytes()),
        ("units.json", format!("{{\"input_units\":[{}],\"nodes\":[],\"edges\":[]}}", list("\"\"", 3 * n)).into_bytes()),
        ("shape.safetensors", safetensors_with_header(&tensor(&list("1", 4 * n)), &[0])),
        ("many.safetensors", safetensors_with_header(&format!("{{{tensors}\"w\":0}}"), &[0])),
        ("keys.safetensors", safetensors_with_header(&format!("{{\"__metadata__\":{{{keys}\"x\":0}}}}"), &[0])),
        (
            "found.safetensors",
            safetensors_with_header(
                &format!("{{{tensors}\"w\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}}}"),
                &[],
            ),
        ),
    ] {
        let path = f.put(name, bytes);
        bounded_by(16, &path, || read(&path).expect_err("refused"));
    }
}

/// Text without the structure that readers hope for: lines, cells, quotes without end.
#[test]
fn endless_text() {
    let f = Folder::new();
    let n = 1 << 20;
    let edges = "source,target\n";
    for (name, text) in [
        ("columns.csv", ",".repeat(8 * n)),
        ("numbers.csv", "0,".repeat(4 * n)),
        ("names.csv", (0..n).map(|i| format!("{i:x},")).collect()),
        ("cells.csv", format!("{edges}{}", "0,".repeat(4 * n))),
        ("quote.csv", format!("{edges}\"{}", "a".repeat(8 * n))),
        ("quotes.csv", format!("{edges}{}", "\"\",".repeat(3 * n))),
        ("doubled.csv", format!("{edges}{}", "\"".repeat(8 * n))),
        ("line.csv", "a".repeat(8 * n)),
        ("number.csv", format!("pre,post,weight\n1,{},1\n", "1".repeat(8 * n))),
        ("blank.csv", format!("{edges}{}\"", "\n".repeat(8 * n))),
    ] {
        let path = f.put(name, text);
        bounded(&path, || read(&path).expect_err("refused"));
    }
    let rows: String = (0..n).map(|i| format!("{i:x},{:x}\n", i + 1)).collect();
    let path = f.put("rows.csv", format!("{edges}{rows}1,2,3\n"));
    bounded_by(16, &path, || read(&path).expect_err("refused"));
    let path = f.put("bytes.csv", [edges.as_bytes(), &vec![0xff; 8 * n], b",a\n"].concat());
    bounded(&path, || read(&path).expect_err("refused"));
}

/// A million short names, and an end that is refused.
#[test]
fn many_short_names() {
    let f = Folder::new();
    // which is no text
    let path = f.put("neurons.csv", [b"name\n", "ame\n".repeat(1 << 20).as_bytes(), b"\xff\n"].concat());
    bounded_by(8, &path, || csv_tables::read_neurons(&path, &Limits::default()).unwrap_err());
}
