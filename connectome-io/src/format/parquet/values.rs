//! From the bytes of a page, and from places in a dictionary, to values.

use std::sync::Arc;

use crate::format::columnar::{Flaw, Values};

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Flaw> {
    std::str::from_utf8(bytes).map_err(|_| Flaw::Bad("a text is not in UTF-8"))
}

/// Where places in a dictionary of whole numbers go, unless other numbers than of this dictionary are there already.
pub(super) fn codes_of<'v>(all: &Arc<Vec<i64>>, out: &'v mut Values) -> Option<&'v mut Vec<u32>> {
    match out {
        Values::Coded(codes, list) if codes.is_empty() => *list = all.clone(),
        Values::Int(values) if values.is_empty() => *out = Values::Coded(Vec::new(), all.clone()),
        _ => {}
    }
    match out {
        Values::Coded(codes, list) if Arc::ptr_eq(list, all) => Some(codes),
        _ => None,
    }
}

/// Refuses places that a dictionary of `n` entries does not have.
pub(super) fn check_codes(codes: &[u32], n: usize) -> Result<(), Flaw> {
    let top = codes.iter().fold(0, |top, &code| top.max(code));
    if codes.is_empty() || (top as usize) < n { Ok(()) } else { Err(OUTSIDE) }
}

const OUTSIDE: Flaw = Flaw::Bad("a page refers to an entry that its dictionary does not have");

/// Entries of a dictionary.
pub(super) fn pick<T: Copy>(all: &[T], indices: &[u32], out: &mut Vec<T>) -> Result<(), Flaw> {
    out.reserve(indices.len());
    for &index in indices {
        out.push(*all.get(index as usize).ok_or(OUTSIDE)?);
    }
    Ok(())
}

/// `n` numbers of `N` bytes; gives the bytes used.
pub(super) fn fixed<T, const N: usize>(
    bytes: &[u8],
    n: usize,
    out: &mut Vec<T>,
    from: impl Fn([u8; N]) -> T,
) -> Result<usize, Flaw> {
    let used = n.checked_mul(N).ok_or(Flaw::Short)?;
    let (words, _) = bytes.get(..used).ok_or(Flaw::Short)?.as_chunks::<N>();
    out.extend(words.iter().map(|word| from(*word)));
    Ok(used)
}
