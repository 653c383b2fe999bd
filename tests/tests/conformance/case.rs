//! A golden file: arrays by name, settings in its metadata.

use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// An array of the file, its numbers widened.
#[derive(Debug, Clone)]
struct Array {
    shape: Vec<usize>,
    numbers: Numbers,
}

#[derive(Debug, Clone)]
pub(crate) enum Numbers {
    Float(Vec<f64>),
    Integer(Vec<i64>),
}

/// Whether an array stays in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Yes,
    No,
}

/// A golden file. Remembers which arrays were asked for, so that none is left out silently.
#[derive(Debug)]
pub(crate) struct Case {
    name: String,
    /// Where the file lies.
    folder: PathBuf,
    metadata: BTreeMap<String, String>,
    arrays: BTreeMap<String, Array>,
    read: Mutex<BTreeSet<String>>,
}

impl Case {
    pub(crate) fn read(path: &Path, name: &str) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let case = Self::from_bytes(&bytes, name).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self { folder: path.parent().map(Path::to_path_buf).unwrap_or_default(), ..case })
    }

    pub(crate) fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, String> {
        let bad = |e: safetensors::SafeTensorError| e.to_string();
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(bad)?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let mut arrays = BTreeMap::new();
        for (key, view) in SafeTensors::deserialize(bytes).map_err(bad)?.tensors() {
            let numbers = widen(view.dtype(), view.data())
                .ok_or_else(|| format!("{key} holds {:?}, which this runner does not read", view.dtype()))?;
            arrays.insert(key, Array { shape: view.shape().to_vec(), numbers });
        }
        Ok(Self { name: name.into(), folder: PathBuf::new(), metadata, arrays, read: Mutex::default() })
    }

    /// File name without its ending.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A file beside this one.
    pub(crate) fn beside(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.arrays.contains_key(key)
    }

    /// Whether an array holds integers or truth values.
    pub(crate) fn is_integer(&self, key: &str) -> bool {
        self.arrays.get(key).is_some_and(|a| matches!(a.numbers, Numbers::Integer(_)))
    }

    /// Names of the arrays that begin with `prefix`.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<&str> {
        self.arrays.keys().map(String::as_str).filter(|k| k.starts_with(prefix)).collect()
    }

    pub(crate) fn shape(&self, key: &str) -> Result<&[usize], String> {
        Ok(&self.get(key)?.shape)
    }

    /// The numbers of an array of floats.
    pub(crate) fn floats(&self, key: &str) -> Result<&[f64], String> {
        match &self.get(key)?.numbers {
            Numbers::Float(v) => Ok(v),
            Numbers::Integer(_) => Err(format!("{key} holds integers where floats are wanted")),
        }
    }

    /// The numbers of an array of integers or truth values.
    pub(crate) fn integers(&self, key: &str) -> Result<&[i64], String> {
        match &self.get(key)?.numbers {
            Numbers::Integer(v) => Ok(v),
            Numbers::Float(_) => Err(format!("{key} holds floats where integers are wanted")),
        }
    }

    /// A setting, as it stands in the metadata.
    pub(crate) fn setting(&self, key: &str) -> Result<&str, String> {
        self.metadata.get(key).map(String::as_str).ok_or_else(|| format!("the metadata lacks {key:?}"))
    }

    /// A setting that may be absent.
    pub(crate) fn setting_or<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.metadata.get(key).map_or(default, String::as_str)
    }

    /// A setting that is a number.
    pub(crate) fn number(&self, key: &str) -> Result<f64, String> {
        let text = self.setting(key)?;
        text.parse().map_err(|_| format!("{key} is {text:?}, not a number"))
    }

    /// A setting that is JSON.
    pub(crate) fn json(&self, key: &str) -> Result<serde_json::Value, String> {
        serde_json::from_str(self.setting(key)?).map_err(|e| format!("{key}: {e}"))
    }

    /// A setting that is a table in JSON; an empty one where it is absent. Options that are not `known` are not understood.
    pub(crate) fn table(
        &self,
        key: &str,
        known: &[&str],
    ) -> Result<serde_json::Map<String, serde_json::Value>, String> {
        let json = if self.metadata.contains_key(key) { self.json(key)? } else { serde_json::json!({}) };
        let serde_json::Value::Object(table) = json else {
            return Err(format!("{key} is {json}, not a table"));
        };
        match table.keys().find(|option| !known.contains(&option.as_str())) {
            Some(option) => Err(format!("the option {option:?} of {key} is not understood")),
            None => Ok(table),
        }
    }

    /// Arrays that nobody asked for.
    pub(crate) fn unread(&self) -> Vec<String> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        self.arrays.keys().filter(|k| !read.contains(*k)).cloned().collect()
    }

    /// The same file under another name.
    pub(crate) fn renamed(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// The same file with a setting changed or added.
    pub(crate) fn with_setting(mut self, key: &str, value: &str) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// The same file with an array's numbers changed, or without the array.
    pub(crate) fn with_array(mut self, key: &str, change: impl FnOnce(&mut Numbers) -> Keep) -> Self {
        if let Some(mut array) = self.arrays.remove(key)
            && change(&mut array.numbers) == Keep::Yes
        {
            self.arrays.insert(key.into(), array);
        }
        self
    }

    /// The same file with a copy of an array under another name.
    pub(crate) fn with_copy(mut self, key: &str, copy: &str) -> Self {
        if let Some(array) = self.arrays.get(key).cloned() {
            self.arrays.insert(copy.into(), array);
        }
        self
    }

    fn get(&self, key: &str) -> Result<&Array, String> {
        let array = self.arrays.get(key).ok_or_else(|| format!("the file lacks the array {key:?}"))?;
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(key.into());
        Ok(array)
    }
}

fn widen(dtype: Dtype, bytes: &[u8]) -> Option<Numbers> {
    macro_rules! as_vec {
        ($kind:ident, $t:ty, $wide:ty) => {
            Numbers::$kind(
                bytes
                    .as_chunks::<{ size_of::<$t>() }>()
                    .0
                    .iter()
                    .map(|b| <$wide>::from(<$t>::from_le_bytes(*b)))
                    .collect(),
            )
        };
    }
    Some(match dtype {
        Dtype::F64 => as_vec!(Float, f64, f64),
        Dtype::F32 => as_vec!(Float, f32, f64),
        Dtype::F16 => {
            Numbers::Float(bytes.as_chunks::<2>().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f64()).collect())
        }
        Dtype::I64 => as_vec!(Integer, i64, i64),
        Dtype::I32 => as_vec!(Integer, i32, i64),
        Dtype::I16 => as_vec!(Integer, i16, i64),
        Dtype::I8 => as_vec!(Integer, i8, i64),
        Dtype::U8 | Dtype::BOOL => as_vec!(Integer, u8, i64),
        _ => return None,
    })
}
