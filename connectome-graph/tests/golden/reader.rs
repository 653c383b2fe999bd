//! Reference results of `tests/golden`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

/// A file of reference results.
pub(crate) struct Golden {
    bytes: Vec<u8>,
    metadata: HashMap<String, String>,
}

impl Golden {
    pub(crate) fn open(name: &str) -> Self {
        let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden"));
        Self::read(&root.join(name))
    }

    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap_or_default();
        Self { bytes, metadata }
    }

    /// A value of the metadata; strings without their quotes.
    pub(crate) fn meta(&self, key: &str) -> &str {
        self.metadata[key].trim_matches('"')
    }

    /// A tensor of numbers, widened to `f64`, which holds all of the integers in use exactly.
    pub(crate) fn numbers(&self, key: &str) -> Vec<f64> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = tensors.tensor(key).unwrap_or_else(|error| panic!("{key}: {error}"));
        let data = view.data();
        fn take<const N: usize>(data: &[u8], value: impl Fn([u8; N]) -> f64) -> Vec<f64> {
            data.chunks_exact(N).map(|chunk| value(chunk.try_into().unwrap())).collect()
        }
        match view.dtype() {
            Dtype::I8 => take(data, |b| f64::from(i8::from_le_bytes(b))),
            Dtype::U8 => take(data, |b: [u8; 1]| f64::from(b[0])),
            Dtype::I32 => take(data, |b| f64::from(i32::from_le_bytes(b))),
            Dtype::I64 => take(data, |b| i64::from_le_bytes(b) as f64),
            Dtype::F32 => take(data, |b| f64::from(f32::from_le_bytes(b))),
            Dtype::F64 => take(data, f64::from_le_bytes),
            other => panic!("{key} is {other:?}"),
        }
    }

    /// A tensor of indices.
    pub(crate) fn indices(&self, key: &str) -> Vec<u32> {
        self.numbers(key).into_iter().map(|x| x as u32).collect()
    }
}
