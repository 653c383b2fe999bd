//! Writing files that `torch.load(weights_only=True)` reads: protocol 2, zip, members stored and aligned to 64 bytes.

use std::io::Write;
use std::path::Path;

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::npy::write_data;
use super::super::pickle::{SparseLayout, dtype_name};
use super::super::safetensors::Tensors;
use crate::array::ArrayData;
use crate::atomic::{WriteSeek, write_atomic};
use crate::{Array, Connectome, Dtype, Error, Location, Sign};

/// Element type of the weights in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// 64 bits: exact.
    #[default]
    Double,
    /// 32 bits: half the size; bioplnn rounds to this in any case.
    Single,
}

/// What becomes of the signs of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Signs {
    /// Weights are written as they stand, counts without sign: what bioplnn wants, which keeps signs per neuron.
    #[default]
    Omitted,
    /// Inhibitory connections get negative weights; those of unknown sign are written as they stand.
    InWeights,
}

/// How [`write_with`] writes a connectome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WriteOptions {
    /// Layout of the matrix. Default COO, which bioplnn wants.
    pub layout: SparseLayout,
    /// Element type of the weights. Default 64 bits.
    pub precision: Precision,
    /// Signs of connections, where the connectome has them. Default: omitted.
    pub signs: Signs,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { layout: SparseLayout::Coo, precision: Precision::Double, signs: Signs::Omitted }
    }
}

/// Writes the connections as a sparse matrix `[post, pre]` with the default [`WriteOptions`].
///
/// # Errors
/// As [`write_with`].
pub fn write(connectome: &Connectome, path: impl AsRef<Path>) -> Result<(), Error> {
    write_with(connectome, path, &WriteOptions::default())
}

/// Writes the connections as one sparse matrix `[post, pre]`, sorted, connections of the same pair summed.
///
/// A matrix holds weights alone: ids, names, types, kinds and provenance stay behind (write `.safetensors` to keep them).
///
/// # Errors
/// [`Error::NotFinite`] if a sum, or a weight in 32 bits, is infinite; [`Error::Io`].
pub fn write_with(connectome: &Connectome, path: impl AsRef<Path>, options: &WriteOptions) -> Result<(), Error> {
    let path = path.as_ref();
    let Entries { rows, columns, weight } = Entries::new(connectome, options);
    let bad = |w: &f64| !w.is_finite() || options.precision == Precision::Single && !(*w as f32).is_finite();
    if let Some(entry) = weight.iter().position(bad) {
        let at = Location::file(path).key(format!("connection {} -> {}", columns[entry], rows[entry]));
        return Err(Error::NotFinite { at, what: "weight in the matrix", value: weight[entry] });
    }
    let n = connectome.n_neurons();
    let values = match options.precision {
        Precision::Double => Array::vector(weight),
        Precision::Single => Array::vector(weight.iter().map(|&w| w as f32).collect::<Vec<_>>()),
    };
    let wide = |indices: &[u32]| indices.iter().map(|&index| i64::from(index)).collect::<Vec<_>>();
    let pointers = |sorted: &[u32]| {
        let mut pointers = vec![0i64; n + 1];
        sorted.iter().for_each(|&row| pointers[row as usize + 1] += 1);
        for row in 0..n {
            pointers[row + 1] += pointers[row];
        }
        Array::vector(pointers)
    };
    let parts = match options.layout {
        SparseLayout::Coo => {
            let mut indices = wide(&rows);
            indices.extend(columns.iter().map(|&column| i64::from(column)));
            vec![Array::new(vec![2, values.len()], indices)?, values]
        }
        SparseLayout::Csr => vec![pointers(&rows), Array::vector(wide(&columns)), values],
        SparseLayout::Csc => vec![pointers(&columns), Array::vector(wide(&rows)), values],
    };
    let mut pickle = Pickle::new();
    pickle.global("torch._utils", "_rebuild_sparse_tensor");
    pickle.global("torch.serialization", "_get_layout");
    pickle.text(match options.layout {
        SparseLayout::Coo => "torch.sparse_coo",
        SparseLayout::Csr => "torch.sparse_csr",
        SparseLayout::Csc => "torch.sparse_csc",
    });
    pickle.code(b"\x85R(");
    parts.iter().enumerate().for_each(|(key, part)| pickle.tensor(key, part));
    pickle.global("torch", "Size");
    pickle.int(n as u64);
    pickle.int(n as u64);
    pickle.code(b"\x86\x85R");
    if options.layout == SparseLayout::Coo {
        // Sorted and distinct.
        pickle.code(b"\x88");
    }
    pickle.code(b"t\x86R");
    save(path, pickle, &parts.iter().collect::<Vec<_>>())
}

/// Writes arrays as a dict of tensors, a `state_dict`, in the order of their names; the metadata become texts in it.
/// Two runs give the same bytes; the file appears whole or not at all.
///
/// # Errors
/// [`Error::DuplicateName`] if an array and a text have the same name, [`Error::Io`].
pub fn write_tensors(path: impl AsRef<Path>, tensors: &Tensors) -> Result<(), Error> {
    let path = path.as_ref();
    if let Some(name) = tensors.metadata.keys().find(|name| tensors.arrays.contains_key(*name)) {
        let (at, name) = (Location::file(path).boxed(), name.clone());
        return Err(Error::DuplicateName { at, what: "entry", name });
    }
    let mut pickle = Pickle::new();
    pickle.code(b"}(");
    for (key, (name, array)) in tensors.arrays.iter().enumerate() {
        pickle.text(name);
        pickle.tensor(key, array);
    }
    for (name, text) in &tensors.metadata {
        pickle.text(name);
        pickle.text(text);
    }
    pickle.code(b"u");
    save(path, pickle, &tensors.arrays.values().collect::<Vec<_>>())
}

/// Writes one dense tensor.
///
/// # Errors
/// [`Error::Io`].
pub fn write_array(path: impl AsRef<Path>, array: &Array) -> Result<(), Error> {
    let mut pickle = Pickle::new();
    pickle.tensor(0, array);
    save(path.as_ref(), pickle, &[array])
}

/// Entries of the matrix, sorted by row, then by column (CSC: by column, then by row), each pair once.
struct Entries {
    rows: Vec<u32>,
    columns: Vec<u32>,
    weight: Vec<f64>,
}

impl Entries {
    fn new(connectome: &Connectome, options: &WriteOptions) -> Self {
        let by_column = options.layout == SparseLayout::Csc;
        let synapses = connectome.synapses();
        let (pre, post) = (synapses.pre(), synapses.post());
        let key = |row: u32| {
            let (pre, post) = (pre[row as usize], post[row as usize]);
            if by_column { (pre, post) } else { (post, pre) }
        };
        let signed = |row: u32| {
            let weight = synapses.weight()[row as usize];
            match synapses.signs().map(|signs| signs[row as usize]) {
                Some(Sign::Inhibitory) if options.signs == Signs::InWeights => -weight,
                _ => weight,
            }
        };
        let mut order: Vec<u32> = (0..synapses.len() as u32).collect();
        if !order.is_sorted_by_key(|&row| key(row)) {
            let (major, minor) = if by_column { (pre, post) } else { (post, pre) };
            order = sort_by(&sort_by(&order, minor, connectome.n_neurons()), major, connectome.n_neurons());
        }
        let (mut rows, mut columns, mut weight) = (Vec::new(), Vec::new(), Vec::new());
        for group in order.chunk_by(|&a, &b| key(a) == key(b)) {
            rows.push(post[group[0] as usize]);
            columns.push(pre[group[0] as usize]);
            weight.push(group.iter().map(|&row| signed(row)).sum());
        }
        Self { rows, columns, weight }
    }
}

/// The rows, sorted by a key below `n` in time that grows linearly; rows of equal key keep their order.
fn sort_by(rows: &[u32], key: &[u32], n: usize) -> Vec<u32> {
    let mut next = vec![0u32; n + 1];
    rows.iter().for_each(|&row| next[key[row as usize] as usize + 1] += 1);
    for k in 0..n {
        next[k + 1] += next[k];
    }
    let mut sorted = vec![0; rows.len()];
    for &row in rows {
        let place = &mut next[key[row as usize] as usize];
        sorted[*place as usize] = row;
        *place += 1;
    }
    sorted
}

/// A pickle being written.
struct Pickle {
    bytes: Vec<u8>,
}

impl Pickle {
    fn new() -> Self {
        Self { bytes: vec![0x80, 2] }
    }

    fn code(&mut self, codes: &[u8]) {
        self.bytes.extend_from_slice(codes);
    }

    fn global(&mut self, module: &str, name: &str) {
        self.code(format!("c{module}\n{name}\n").as_bytes());
    }

    fn text(&mut self, text: &str) {
        self.code(b"X");
        self.code(&(text.len() as u32).to_le_bytes());
        self.code(text.as_bytes());
    }

    fn int(&mut self, n: u64) {
        match i32::try_from(n) {
            Ok(n) => {
                self.code(b"J");
                self.code(&n.to_le_bytes());
            }
            Err(_) => {
                // A ninth byte keeps the number positive.
                self.code(&[0x8a, 9]);
                self.code(&n.to_le_bytes());
                self.code(&[0]);
            }
        }
    }

    /// A dense tensor whose elements are the storage `key`.
    fn tensor(&mut self, key: usize, array: &Array) {
        let class = storage_class(array.dtype());
        self.global("torch._utils", if class.is_some() { "_rebuild_tensor_v2" } else { "_rebuild_tensor_v3" });
        self.code(b"((");
        self.text("storage");
        match class {
            Some(class) => self.global("torch", class),
            None => self.global("torch.storage", "UntypedStorage"),
        }
        self.text(&key.to_string());
        self.text("cpu");
        let unit = if class.is_some() { 1 } else { array.dtype().size() };
        self.int((array.len() * unit) as u64);
        self.code(b"tQ");
        self.int(0);
        let mut strides = vec![1u64; array.shape().len()];
        for k in (1..strides.len()).rev() {
            strides[k - 1] = strides[k] * array.shape()[k].max(1) as u64;
        }
        for lengths in [array.shape().iter().map(|&n| n as u64).collect(), strides] {
            self.code(b"(");
            lengths.into_iter().for_each(|n| self.int(n));
            self.code(b"t");
        }
        // No gradient, no hooks.
        self.code(b"\x89");
        self.global("collections", "OrderedDict");
        self.code(b")R");
        if class.is_none() {
            self.global("torch", dtype_name(array.dtype()));
        }
        self.code(b"tR");
    }
}

/// The class of a storage; the younger element types have none of their own.
fn storage_class(dtype: Dtype) -> Option<&'static str> {
    Some(match dtype {
        Dtype::Bool => "BoolStorage",
        Dtype::I8 => "CharStorage",
        Dtype::I16 => "ShortStorage",
        Dtype::I32 => "IntStorage",
        Dtype::I64 => "LongStorage",
        Dtype::U8 => "ByteStorage",
        Dtype::F16 => "HalfStorage",
        Dtype::Bf16 => "BFloat16Storage",
        Dtype::F32 => "FloatStorage",
        Dtype::F64 => "DoubleStorage",
        Dtype::C64 => "ComplexFloatStorage",
        Dtype::C128 => "ComplexDoubleStorage",
        Dtype::U16 | Dtype::U32 | Dtype::U64 => return None,
    })
}

/// Writes the archive.
fn save(path: &Path, pickle: Pickle, storages: &[&Array]) -> Result<(), Error> {
    let mut pickle = pickle.bytes;
    pickle.push(b'.');
    write_atomic(path, |out| {
        let out: &mut dyn WriteSeek = out;
        let mut zip = ZipWriter::new(out);
        let io = |source| Error::Io { action: "write", path: path.to_path_buf(), source };
        let zip_error = |error: ZipError| io(std::io::Error::other(error));
        let mut member = |name: &str, n_bytes: usize, write: &dyn Fn(&mut dyn Write) -> std::io::Result<()>| {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .with_alignment(64)
                .large_file(n_bytes as u64 >= u64::from(u32::MAX) / 2);
            zip.start_file(format!("archive/{name}"), options).map_err(zip_error)?;
            write(&mut zip).map_err(io)
        };
        member("data.pkl", pickle.len(), &|out| out.write_all(&pickle))?;
        member(".format_version", 1, &|out| out.write_all(b"1"))?;
        member(".storage_alignment", 2, &|out| out.write_all(b"64"))?;
        member("byteorder", 6, &|out| out.write_all(b"little"))?;
        for (key, array) in storages.iter().enumerate() {
            let data: &ArrayData = array.data();
            let n_bytes = data.len() * data.dtype().size();
            member(&format!("data/{key}"), n_bytes, &|out| write_data(data, out))?;
        }
        member("version", 2, &|out| out.write_all(b"3\n"))?;
        zip.finish().map_err(zip_error)?;
        Ok(())
    })
}
