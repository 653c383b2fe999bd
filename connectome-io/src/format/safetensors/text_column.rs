//! Texts and categorical columns as tensors.

use std::collections::BTreeMap;

use ::safetensors::tensor::SafeTensors;

use super::array;
use crate::array::Element;
use crate::{Array, Error, Labels, Location};

/// Stores texts as `NAME.text` (UTF-8 bytes, one after the other) and `NAME.ends` (u64, where each ends).
pub(super) fn put_texts(out: &mut BTreeMap<String, Array>, name: &str, texts: &[String]) {
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(texts.len());
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        ends.push(bytes.len() as u64);
    }
    out.insert(format!("{name}.text"), Array::vector(bytes));
    out.insert(format!("{name}.ends"), Array::vector(ends));
}

/// Stores a categorical column as `NAME.codes` (u32) and its names.
pub(super) fn put_labels(out: &mut BTreeMap<String, Array>, name: &str, labels: &Labels) {
    out.insert(format!("{name}.codes"), Array::vector(labels.codes().to_vec()));
    put_texts(out, name, labels.names());
}

/// Reads texts.
pub(super) fn texts(view: &SafeTensors<'_>, name: &str, at: &Location) -> Result<Vec<String>, Error> {
    let bytes: Vec<u8> = vector(view, &format!("{name}.text"), at)?;
    let ends: Vec<u64> = vector(view, &format!("{name}.ends"), at)?;
    let bad = |i: usize, problem: &str| Error::Malformed {
        at: at.key(format!("{name}.ends[{i}]")),
        problem: problem.to_owned(),
    };
    if ends.last().copied().unwrap_or(0) != bytes.len() as u64 {
        return Err(bad(ends.len(), "the texts do not end where their bytes do"));
    }
    let mut start = 0;
    let mut texts = Vec::with_capacity(ends.len());
    for (i, &end) in ends.iter().enumerate() {
        let range = usize::try_from(end).ok().and_then(|end| bytes.get(start..end));
        let range = range.ok_or_else(|| bad(i, "a text ends before it begins or beyond the bytes"))?;
        let text = std::str::from_utf8(range).map_err(|_| bad(i, "a text is no UTF-8"))?;
        texts.push(text.to_owned());
        start = end as usize;
    }
    Ok(texts)
}

/// Reads a categorical column.
pub(super) fn labels(view: &SafeTensors<'_>, name: &str, at: &Location) -> Result<Labels, Error> {
    Labels::new(texts(view, name, at)?, vector(view, &format!("{name}.codes"), at)?).map_err(|e| relocate(e, name, at))
}

/// Reads an array of one type.
pub(super) fn vector<T: Element>(view: &SafeTensors<'_>, name: &str, at: &Location) -> Result<Vec<T>, Error> {
    let (_, data) = array(view, name, at)?.into_parts();
    T::unwrap(data).map_err(|other| Error::Malformed {
        at: at.key(name),
        problem: format!("elements are {:?}, {:?} are wanted", other.dtype(), T::DTYPE),
    })
}

/// Puts file and tensor before the place of an error in memory.
pub(super) fn relocate(mut error: Error, name: &str, at: &Location) -> Error {
    error.prefix_key(name);
    error.in_file(at)
}
