//! From the bytes of a page, and from places in a dictionary, to values.

use std::rc::Rc;

use crate::format::columnar::{Flaw, Values};

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Flaw> {
    std::str::from_utf8(bytes).map_err(|_| Flaw::Bad("a text is not in UTF-8"))
}

/// Places in a dictionary of whole numbers; the numbers themselves after others than of this dictionary.
pub(super) fn pick_codes(all: &Rc<Vec<i64>>, codes: &[u32], out: &mut Values) -> Result<(), Flaw> {
    if out.len() == 0 && matches!(out, Values::Int(_) | Values::Coded(..)) {
        *out = Values::Coded(Vec::new(), all.clone());
    }
    match out {
        Values::Coded(own, list) if Rc::ptr_eq(list, all) => {
            if codes.iter().any(|&code| code as usize >= all.len()) {
                return Err(OUTSIDE);
            }
            own.extend_from_slice(codes);
            Ok(())
        }
        other => pick(all, codes, other.as_int().ok_or(Flaw::Short)?),
    }
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
