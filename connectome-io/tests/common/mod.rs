//! Files that tests write.

#![allow(dead_code)] // every test program uses a part of this

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use connectome_io::Array;
use connectome_io::format::npy;
use zip::write::SimpleFileOptions;

/// A folder that vanishes with its value.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        // Writing over a file makes some file systems flush; thousands of tests would wait for the disc.
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn gz(&self, name: &str, content: &[u8]) -> PathBuf {
        self.put(name, gzip(content))
    }

    /// An archive of named members.
    pub(crate) fn zip(&self, name: &str, members: &[(&str, &[u8])], method: zip::CompressionMethod) -> PathBuf {
        let path = self.path().join(name);
        let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        for (member, content) in members {
            zip.start_file(*member, SimpleFileOptions::default().compression_method(method)).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    /// An archive as `scipy.sparse.save_npz` writes it.
    pub(crate) fn scipy(&self, name: &str, layout: &str, arrays: &BTreeMap<String, Array>) -> PathBuf {
        let descr = format!("{{'descr': '|S{}', 'fortran_order': False, 'shape': (), }}", layout.len());
        let format = npy_with_header(1, &descr, layout.as_bytes());
        let mut members = vec![("format.npy".to_owned(), format)];
        members.extend(arrays.iter().map(|(name, array)| (format!("{name}.npy"), npy::to_bytes(array).unwrap())));
        let members: Vec<(&str, &[u8])> = members.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
        self.zip(name, &members, zip::CompressionMethod::Deflated)
    }
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A `.npy` file with the given dictionary and data.
pub(crate) fn npy_with_header(version: u8, text: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend_from_slice(&[version, 0]);
    if version == 1 {
        bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
    } else {
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// A `.safetensors` file with the given header and data.
pub(crate) fn safetensors_with_header(text: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}
