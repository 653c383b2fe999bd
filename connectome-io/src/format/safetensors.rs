//! Containers of named tensors, `.safetensors`, and the canonical layout of a [`Connectome`] in one.
//!
//! The canonical layout keeps everything: a connectome that is written and read is equal to itself. The header's
//! metadata hold one entry, `connectome`, a JSON text with the layout version, the provenance and the names of further
//! columns; all else is tensors (`neurons.ids`, `synapses.pre`, ...), texts among them as UTF-8 bytes with the end of
//! each text. Two runs give the same bytes.
//!
//! Foreign files are read too, if they hold `pre`, `post`, `weight` (a list of edges), or `crow`, `col` or `col_pre`,
//! `weight` (a compressed sparse matrix whose rows are postsynaptic).
//!
//! Source of the container: the format section of the safetensors documentation.

mod canonical;
mod foreign;
mod text_column;

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::Path;

use ::safetensors::tensor::{Dtype as StDtype, SafeTensorError, SafeTensors, TensorView};
use serde::de::Error as _;
use serde_json::value::RawValue;

use crate::array::ArrayData;
use crate::atomic::write_atomic_gz;
use crate::edges::restrict;
use crate::format::npy::write_data;
use crate::options::{Duplicates, GapJunctions, Limits, ReadOptions};
use crate::source::Source;
use crate::{Array, Connectome, Dtype, Error, Location};

/// Bytes of the header that describe a tensor at most: type, offsets and sixty dimensions. Longer lists are no shapes, and
/// would take fifty times their text.
const MAX_ENTRY: usize = 2048;

/// Named arrays and the text entries of the header.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tensors {
    /// Arrays by name.
    pub arrays: BTreeMap<String, Array>,
    /// Text entries by key.
    pub metadata: BTreeMap<String, String>,
}

/// Reads all tensors of a file, plain or gzipped, with the default [`Limits`].
///
/// # Errors
/// As [`read_tensors_with`].
pub fn read_tensors(path: impl AsRef<Path>) -> Result<Tensors, Error> {
    read_tensors_with(path, &Limits::default())
}

/// Reads all tensors of a file, plain or gzipped.
///
/// # Errors
/// [`Error::Empty`], [`Error::Truncated`], [`Error::TooLarge`], [`Error::Malformed`] for damaged or hostile files,
/// [`Error::Unsupported`] for element types of less than 8 bits and 8-bit floats, [`Error::Io`].
pub fn read_tensors_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Tensors, Error> {
    let file = OpenFile::open(path.as_ref(), limits)?;
    let view = file.view()?;
    let mut tensors = Tensors { arrays: BTreeMap::new(), metadata: file.metadata()? };
    for (name, tensor) in view.iter() {
        tensors.arrays.insert(name.to_owned(), to_array(name, &tensor, &file.at)?);
    }
    Ok(tensors)
}

/// Writes tensors in the order of element size and name, so that all are aligned. Two runs give the same bytes; the
/// file appears whole or not at all, gzipped if the name ends in `.gz`.
///
/// # Errors
/// [`Error::Io`]; [`Error::BadValue`] for a tensor with the reserved name `__metadata__`; [`Error::Unsupported`] for
/// complex numbers in double precision.
pub fn write_tensors(path: impl AsRef<Path>, tensors: &Tensors) -> Result<(), Error> {
    let path = path.as_ref();
    if tensors.arrays.contains_key("__metadata__") {
        return Err(Error::BadValue {
            at: Location::file(path).boxed(),
            what: "name of a tensor",
            text: "__metadata__".to_owned(),
            allowed: "all other names",
        });
    }
    if let Some((name, _)) = tensors.arrays.iter().find(|(_, array)| array.dtype() == Dtype::C128) {
        return Err(Error::Unsupported {
            at: Location::file(path).key(name),
            what: "complex numbers in double precision as .safetensors".to_owned(),
            remedy: "the container has no name for them: convert to single precision, or write .npy",
        });
    }
    // Largest elements first: then every tensor starts at a multiple of its element size.
    let mut order: Vec<(&String, &Array)> = tensors.arrays.iter().collect();
    order.sort_by_key(|(_, array)| std::cmp::Reverse(array.dtype().size()));
    let mut header = serde_json::Map::new();
    if !tensors.metadata.is_empty() {
        header.insert("__metadata__".to_owned(), serde_json::json!(tensors.metadata));
    }
    let mut start = 0;
    for (name, array) in &order {
        let end = start + array.len() * array.dtype().size();
        let entry = serde_json::json!({
            "dtype": dtype_name(array.dtype()), "shape": array.shape(), "data_offsets": [start, end]
        });
        header.insert((*name).clone(), entry);
        start = end;
    }
    let mut text = serde_json::Value::Object(header).to_string();
    text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(8) - text.len()));
    write_atomic_gz(path, |out: &mut dyn Write| {
        out.write_all(&(text.len() as u64).to_le_bytes())?;
        out.write_all(text.as_bytes())?;
        order.iter().try_for_each(|(_, array)| write_data(array.data(), out))
    })
}

/// Reads a connectome, in the canonical layout or a foreign one. Of the options, the canonical layout heeds the number of neurons, the
/// threshold, the caps, [`Duplicates::Sum`] and [`GapJunctions::Symmetrise`]: it says all else itself.
///
/// # Errors
/// Those of [`read_tensors_with`]; [`Error::Missing`], [`Error::Version`], and all that the tables check.
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Connectome, Error> {
    let file = OpenFile::open(path.as_ref(), &options.limits)?;
    let view = file.view()?;
    match file.metadata()?.get(canonical::KEY) {
        Some(description) => {
            let read = canonical::decode(&view, description, &file.at);
            let changes = options.duplicates == Duplicates::Sum || options.gap_junctions == GapJunctions::Symmetrise;
            read.and_then(|connectome| {
                if !changes || connectome.lattice().is_some() {
                    return restrict(connectome, options, &file.at);
                }
                // rows that repeat a pair are meant, unless they are to be summed
                let summed = options.duplicates == Duplicates::Sum;
                let duplicates = if summed { Duplicates::Sum } else { Duplicates::Keep };
                connectome.read_again(&ReadOptions { duplicates, ..options.clone() }, &file.at)
            })
        }
        None => foreign::decode(&view, &file.at, options),
    }
    .map_err(|e| e.in_file(&file.at))
}

/// Writes a connectome in the canonical layout.
///
/// # Errors
/// [`Error::Io`].
pub fn write(connectome: &Connectome, path: impl AsRef<Path>) -> Result<(), Error> {
    write_tensors(path, &canonical::encode(connectome)?)
}

/// The bytes of a file whose header length is plausible.
struct OpenFile {
    bytes: Vec<u8>,
    at: Location,
}

impl OpenFile {
    fn open(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let mut source = Source::open(path, limits)?;
        let bytes = source.read_all()?;
        let at = source.at;
        if bytes.is_empty() {
            return Err(Error::Empty { at: at.boxed(), what: "bytes" });
        }
        let available = bytes.len() as u64;
        let Some(length) = bytes.first_chunk::<8>() else {
            return Err(Error::Truncated { at: at.byte(0), what: "the header", needed: 8, available });
        };
        let length = u64::from_le_bytes(*length);
        if length > limits.safetensors_header.min(100_000_000) {
            return Err(Error::TooLarge {
                at: at.byte(0),
                what: "the header",
                size: length,
                limit: limits.safetensors_header.min(100_000_000),
                remedy: "no honest file has a header beyond 100 MB; below that raise `ReadOptions::limits.safetensors_header`",
            });
        }
        if length + 8 > available {
            return Err(Error::Truncated { at: at.byte(0), what: "the header", needed: length + 8, available });
        }
        Ok(Self { bytes, at })
    }

    /// The tensors, once names are distinct and offsets cover the file without gap or overlap.
    fn view(&self) -> Result<SafeTensors<'_>, Error> {
        self.check_names()?;
        SafeTensors::deserialize(&self.bytes).map_err(|e| match e {
            // of those with equal offsets, any
            SafeTensorError::InvalidOffset(name) => {
                explain(&self.at, &SafeTensorError::InvalidOffset(self.misplaced().unwrap_or(name)))
            }
            e => explain(&self.at, &e),
        })
    }

    /// The first tensor that does not begin where the one before ends, in the order of offsets and names.
    fn misplaced(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Place {
            data_offsets: [u64; 2],
        }
        let length = u64::from_le_bytes(*self.bytes.first_chunk()?) as usize;
        let entries: BTreeMap<String, &RawValue> = serde_json::from_slice(self.bytes.get(8..8 + length)?).ok()?;
        let place = |(name, text): (String, &RawValue)| {
            Some((serde_json::from_str::<Place>(text.get()).ok()?.data_offsets, name))
        };
        let mut places: Vec<([u64; 2], String)> = entries.into_iter().filter_map(place).collect();
        places.sort();
        let mut end = 0;
        let misplaced = |([start, stop], _): &([u64; 2], String)| {
            let wrong = *start != end || stop < start;
            end = *stop;
            wrong
        };
        places.into_iter().find(misplaced).map(|(_, name)| name)
    }

    fn metadata(&self) -> Result<BTreeMap<String, String>, Error> {
        let (_, header) = SafeTensors::read_metadata(&self.bytes).map_err(|e| explain(&self.at, &e))?;
        Ok(header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    /// Refuses a name that stands twice; a map would keep the last and say nothing.
    fn check_names(&self) -> Result<(), Error> {
        let length = self.bytes.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b)) as usize;
        let names: Names = serde_json::from_slice(&self.bytes[8..8 + length]).map_err(|e| Error::Malformed {
            at: self.at.byte(8),
            problem: format!("the header is no JSON object: {e}"),
        })?;
        match names.repeated {
            Some(name) => Err(Error::DuplicateName { at: self.at.byte(8), what: "tensor", name }),
            None => Ok(()),
        }
    }
}

/// The keys of a JSON object, looked through for repetition and for values that no tensor has.
struct Names {
    repeated: Option<String>,
}

impl<'de> serde::Deserialize<'de> for Names {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Names;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut seen = HashSet::new();
                let mut repeated = None;
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if name != "__metadata__" && value.get().len() > MAX_ENTRY {
                        let length = value.get().len();
                        return Err(A::Error::custom(format_args!("a tensor is described in {length} bytes")));
                    }
                    if seen.contains(&name) {
                        repeated = Some(name);
                    } else {
                        seen.insert(name);
                    }
                }
                Ok(Names { repeated })
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// Says what the container's own check found.
fn explain(at: &Location, error: &SafeTensorError) -> Error {
    match error {
        SafeTensorError::ValidationOverflow => {
            Error::Overflow { at: at.byte(8), what: "size of a tensor", text: "shape times element size".to_owned() }
        }
        SafeTensorError::InvalidOffset(name) => Error::Malformed {
            at: at.key(name),
            problem: "the offsets of the tensor overlap others, leave a gap or run backwards".to_owned(),
        },
        SafeTensorError::MetadataIncompleteBuffer => Error::Malformed {
            at: at.byte(8),
            problem: "the tensors need more or fewer bytes than the file holds".to_owned(),
        },
        SafeTensorError::TensorInvalidInfo => {
            Error::Malformed { at: at.byte(8), problem: "shape, type and offsets of a tensor disagree".to_owned() }
        }
        other => Error::Malformed { at: at.byte(8), problem: format!("bad header: {other}") },
    }
}

/// The name of an element type in the header; [`write_tensors`] has refused double-precision complex numbers.
fn dtype_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Bool => "BOOL",
        Dtype::I8 => "I8",
        Dtype::I16 => "I16",
        Dtype::I32 => "I32",
        Dtype::I64 => "I64",
        Dtype::U8 => "U8",
        Dtype::U16 => "U16",
        Dtype::U32 => "U32",
        Dtype::U64 => "U64",
        Dtype::F16 => "F16",
        Dtype::Bf16 => "BF16",
        Dtype::F32 => "F32",
        Dtype::F64 => "F64",
        Dtype::C64 | Dtype::C128 => "C64",
    }
}

/// Copies a tensor out of the file.
fn to_array(name: &str, tensor: &TensorView<'_>, at: &Location) -> Result<Array, Error> {
    let dtype = match tensor.dtype() {
        StDtype::BOOL => Dtype::Bool,
        StDtype::I8 => Dtype::I8,
        StDtype::I16 => Dtype::I16,
        StDtype::I32 => Dtype::I32,
        StDtype::I64 => Dtype::I64,
        StDtype::U8 => Dtype::U8,
        StDtype::U16 => Dtype::U16,
        StDtype::U32 => Dtype::U32,
        StDtype::U64 => Dtype::U64,
        StDtype::F16 => Dtype::F16,
        StDtype::BF16 => Dtype::Bf16,
        StDtype::F32 => Dtype::F32,
        StDtype::F64 => Dtype::F64,
        StDtype::C64 => Dtype::C64,
        other => {
            let what = format!("elements of type {other:?}");
            return Err(Error::Unsupported {
                at: at.key(name),
                what,
                remedy: "convert the tensor to f16, f32 or integers",
            });
        }
    };
    let bytes = tensor.data();
    if dtype == Dtype::Bool
        && let Some(bad) = bytes.iter().find(|&&b| b > 1)
    {
        let problem = format!("{bad} is no truth value, which are 0 and 1");
        return Err(Error::Malformed { at: at.key(name), problem });
    }
    let mut data = ArrayData::with_capacity(dtype, bytes.len() / dtype.size());
    data.extend_from_bytes(bytes, false);
    Array::new(tensor.shape().to_vec(), data).map_err(|e| e.in_file(at))
}

/// The tensor of a name, in whatever numeric type.
fn find<'a>(view: &SafeTensors<'a>, name: &str, at: &Location) -> Result<TensorView<'a>, Error> {
    view.tensor(name).map_err(|_| Error::Missing {
        at: at.boxed(),
        what: format!("tensor {name:?}"),
        found: names(view),
        remedy: "a connectome has the tensors that the documentation of `format::safetensors` lists",
    })
}

/// The names of all tensors in their order, which is another in each run otherwise.
fn names(view: &SafeTensors<'_>) -> Vec<String> {
    let mut names: Vec<String> = view.names().into_iter().map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// A copied tensor of a name.
fn array(view: &SafeTensors<'_>, name: &str, at: &Location) -> Result<Array, Error> {
    to_array(name, &find(view, name, at)?, at)
}
