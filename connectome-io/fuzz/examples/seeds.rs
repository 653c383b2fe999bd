//! Writes those seeds that are no text: `cargo run --example seeds` in this folder. Files named `bad-...` must be
//! refused, all others accepted.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use connectome_io::format::{flyvis_json, npy, npz, safetensors};
use connectome_io::{Array, ArrayData, NeuronsFile, ReadOptions, read_with, write};

type Outcome = Result<(), Box<dyn Error>>;

fn put(name: &str, bytes: &[u8]) -> Outcome {
    let path = place(name);
    fs::create_dir_all(path.parent().ok_or("no folder")?)?;
    Ok(fs::write(path, bytes)?)
}

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name)
}

/// A `.npy` file with a header of our own.
fn raw_npy(version: u8, text: &str, data: &[u8]) -> Vec<u8> {
    let length = (text.len() as u32).to_le_bytes();
    let length = if version == 1 { &length[..2] } else { &length };
    [b"\x93NUMPY", &[version, 0][..], length, text.as_bytes(), data].concat()
}

fn header(descr: &str, fortran: bool, shape: &str) -> String {
    let fortran = if fortran { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
}

fn matrix() -> Result<Array, connectome_io::Error> {
    Array::new(vec![3, 3], vec![0.0, 1.5, -2.0, 0.0, 0.0, 1.0, 7.0, 0.0, 0.25])
}

fn named(arrays: Vec<(&str, Array)>) -> BTreeMap<String, Array> {
    arrays.into_iter().map(|(name, array)| (name.to_owned(), array)).collect()
}

fn arrays() -> Outcome {
    put("npy/matrix", &npy::to_bytes(&matrix()?)?)?;
    put("npy/number", &npy::to_bytes(&Array::new(vec![], vec![7i64])?)?)?;
    put("npy/none", &npy::to_bytes(&Array::new(vec![3, 0, 2], Vec::<u16>::new())?)?)?;
    put("npy/truth", &npy::to_bytes(&Array::vector(vec![true, false, true]))?)?;
    put("npy/complex", &npy::to_bytes(&Array::vector(vec![[1.0f64, -0.0], [f64::NAN, 2.0]]))?)?;
    let ints: Vec<u8> = (0..12i32).flat_map(i32::to_be_bytes).collect();
    put("npy/fortran", &raw_npy(2, &header(">i4", true, "(2L, 3L, 2L)"), &ints))?;
    put("npy/half", &raw_npy(3, &header("<f2", false, "(4,)"), &[0, 60, 0, 188, 0, 124, 1, 124]))?;
    put("npy/bad-bomb", &raw_npy(1, &header("<f8", false, "(35000, 35000)"), &[0; 64]))?;
    put("npy/bad-overflow", &raw_npy(1, &header("<f8", false, "(18446744073709551615, 2)"), &[]))?;
    put("npy/bad-object", &raw_npy(1, &header("|O", false, "(1,)"), b"cposix\nsystem\n(S'true'\ntR."))?;
    put("npy/bad-deep", &raw_npy(1, &"(".repeat(2000), &[]))?;
    put("npy_matrix/f8", &npy::to_bytes(&matrix()?)?)?;
    put("npy_matrix/i2", &npy::to_bytes(&Array::new(vec![2, 2], vec![0i16, 3, -1, 0])?)?)?;
    put("npy_matrix/b1", &npy::to_bytes(&Array::new(vec![2, 2], vec![true, false, false, true])?)?)?;
    put("npy_matrix/fortran", &raw_npy(1, &header(">f4", true, "(1, 1)"), &2.5f32.to_be_bytes()))?;
    put("npy_matrix/bad-nan", &npy::to_bytes(&Array::new(vec![1, 1], vec![f64::NAN])?)?)?;

    put("idx/images", &[&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3][..], &[1; 12]].concat())?;
    put("idx/labels", &[0, 0, 8, 1, 0, 0, 0, 4, 7, 2, 1, 0])?;
    put("idx/shorts", &[0, 0, 0x0b, 1, 0, 0, 0, 2, 1, 0, 0xff, 0xfe])?;
    put(
        "idx/doubles",
        &[&[0, 0, 0x0e, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[0x40, 9, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18].repeat(2)]
            .concat(),
    )?;
    put("idx/bad-overflow", &[&[0, 0, 0x0e, 3][..], &[0xff; 12]].concat())
}

/// An archive; times and permissions are those of the zip crate's defaults.
fn zip(members: &[(&str, &[u8])], method: zip::CompressionMethod) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(method)
        .last_modified_time(zip::DateTime::default());
    for (name, content) in members {
        zip.start_file(*name, options)?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn archives() -> Outcome {
    let two = named(vec![("W", matrix()?), ("ids", Array::vector(vec![1i64, 2]))]);
    fs::create_dir_all(place("npz"))?;
    npz::write(place("npz/stored"), &two, npz::Compression::Stored)?;
    npz::write(place("npz/deflated"), &two, npz::Compression::Deflated)?;
    let number = npy::to_bytes(&Array::vector(vec![1u8]))?;
    let stored = zip::CompressionMethod::Stored;
    put("npz/bad-path", &zip(&[("../W.npy", &number)], stored)?)?;
    put("npz/bad-twice", &zip(&[("W.npy", &number), ("W", &number)], stored)?)?;

    let ints = |v: &[i32]| Array::vector(v.to_vec());
    let layouts = [
        ("csr", [("indptr", ints(&[0, 1, 3])), ("indices", ints(&[1, 0, 1]))]),
        ("csc", [("indptr", ints(&[0, 1, 3])), ("indices", ints(&[1, 0, 1]))]),
        ("coo", [("row", ints(&[0, 1, 1])), ("col", ints(&[1, 0, 1]))]),
    ];
    for (layout, members) in layouts {
        let mut files = vec![("format.npy".to_owned(), raw_npy(1, &header("|S3", false, "()"), layout.as_bytes()))];
        let common = [("shape", Array::vector(vec![2i64, 2])), ("data", Array::vector(vec![1.0, -2.0, 3.0]))];
        for (name, array) in members.into_iter().chain(common) {
            files.push((format!("{name}.npy"), npy::to_bytes(&array)?));
        }
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
        let method = if layout == "coo" { stored } else { zip::CompressionMethod::Deflated };
        put(&format!("scipy/{layout}"), &zip(&files, method)?)?;
    }
    Ok(())
}

/// The files of a folder of a brain region, in archives.
fn folders() -> Outcome {
    let counts = npy::to_bytes(&Array::new(vec![2, 2], vec![0i64, 3, 1, 0])?)?;
    let ids = npy::to_bytes(&Array::vector(vec![5_813_105_172i64, 7]))?;
    let signs = npy::to_bytes(&Array::vector(vec![1i64, 0]))?;
    let id = 5_813_105_172i64.to_le_bytes();
    let assignments = [b"\x80\x02}(\x8a\x05", &id[..5], b"X\x03\0\0\0AChK\x07X\x04\0\0\0GABAu."].concat();
    let stored = zip::CompressionMethod::Stored;
    put("roi_folder/counts", &zip(&[("adjacency_scc.npy", &counts)], stored)?)?;
    let all: [(&str, &[u8]); 4] = [
        ("adjacency_scc.npy", &counts),
        ("nid_scc.npy", &ids),
        ("ei_neuron.npy", &signs),
        ("neurotransmitter_assignments.pkl", &assignments),
    ];
    put("roi_folder/all", &zip(&all, stored)?)
}

fn containers() -> Outcome {
    for folder in ["safetensors", "canonical", "foreign"] {
        fs::create_dir_all(place(folder))?;
    }
    let tensors = |name: &str, arrays: Vec<(&str, Array)>, metadata: &[(&str, &str)]| {
        let metadata = metadata.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        safetensors::write_tensors(place(name), &safetensors::Tensors { arrays: named(arrays), metadata })
    };
    let all: Vec<ArrayData> = vec![
        vec![true].into(),
        vec![-1i8].into(),
        vec![-2i16].into(),
        vec![-3i32].into(),
        vec![i64::MIN].into(),
        vec![1u8].into(),
        vec![2u16].into(),
        vec![3u32].into(),
        vec![u64::MAX].into(),
        vec![f32::NAN].into(),
        vec![-0.0f64].into(),
        vec![[1.0f32, 2.0]].into(),
    ];
    let all: Vec<(String, Array)> = all.into_iter().map(|d| (format!("{:?}", d.dtype()), Array::vector(d))).collect();
    let all = all.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
    tensors("safetensors/types", all, &[("format", "pt")])?;
    tensors("safetensors/shapes", vec![("a", matrix()?), ("b", Array::new(vec![0, 4], Vec::<f32>::new())?)], &[])?;

    let ints = |v: &[i32]| Array::vector(v.to_vec());
    let weight = || ("weight", Array::vector(vec![1.0f32, 2.0, 3.0]));
    let signs = || ("sign", Array::vector(vec![1i8, -1]));
    let xy = ("xy", Array::new(vec![2, 2], vec![0.0f32, 1.0, 2.0, 3.0])?);
    let csr = vec![("crow", ints(&[0, 1, 3])), ("col", Array::vector(vec![1u8, 0, 1])), weight(), signs(), xy];
    tensors("foreign/csr", csr, &[])?;
    let list = vec![("pre", ints(&[0, 1, 1])), ("post", ints(&[1, 0, 1])), weight(), ("type", ints(&[4, 5]))];
    let ids = ("root_id", Array::vector(vec![720_575_940_628_857_210i64, 7]));
    tensors("foreign/list", list.into_iter().chain([ids]).collect(), &[])?;
    tensors("foreign/bad-far", vec![("pre", ints(&[0])), ("post", ints(&[i32::MAX])), ("weight", ints(&[1]))], &[])?;

    let graph = flyvis_json::from_bytes(&fs::read(place("flyvis_json/graph"))?)?;
    write(&graph, place("canonical/lattice.safetensors"))?;
    let neurons = NeuronsFile::File(place("neuron_csv/all"));
    let options = ReadOptions { neurons, csv: connectome_io::CsvLayout::Edges, ..ReadOptions::default() };
    let edges = std::env::temp_dir().join("connectome-io-seed.csv");
    fs::write(&edges, "pre,post,weight,sign,kind,note\n0,1,2,1,chemical,a\n1,0,3,-1,electrical,\n")?;
    write(&read_with(&edges, &options)?, place("canonical/table.safetensors"))?;
    fs::remove_file(edges)?;
    Ok(())
}

fn gzip(content: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

fn streams() -> Outcome {
    put("gzip/edges", &gzip(b"pre,post,weight\n0,1,3\n1,2,4\n2,0,1\n0,2,5\n")?)?;
    put("gzip/members", &[gzip(b"pre,post,weight\n0,1,1\n")?, gzip(b"1,0,2\n")?].concat())?;
    put("gzip/names", &gzip(b"source,target\nV1,V2\nV2,V1\n")?)
}

fn main() -> Outcome {
    arrays()?;
    archives()?;
    folders()?;
    containers()?;
    streams()
}
