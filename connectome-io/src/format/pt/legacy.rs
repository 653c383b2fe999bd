//! The layout before zip: pickles of a magic number, a version, the writer's machine, the object and the keys of the
//! storages, then the storages, each with its length before it, little-endian on every machine.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::super::pickle::{Budget, Machine, Node, Slot};
use crate::{Error, Location};

/// The magic number, as protocols from 2 on write it and as text.
const MAGIC: (&[u8], &str) = (b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "119547037146038801333356");

/// Whether a file that starts with these bytes is one.
pub(crate) fn is_start(head: &[u8]) -> bool {
    // Only the version of the protocol and the length of a frame may come before.
    head.first() == Some(&0x80) && head[..head.len().min(32)].windows(MAGIC.0.len()).any(|bytes| bytes == MAGIC.0)
}

/// Bytes that are looked at first; most objects are smaller.
const PREFIX: u64 = 256 << 10;

/// Where everything lies.
pub(super) struct Index {
    /// The start of the file, with the object.
    pub(super) prefix: Vec<u8>,
    pub(super) object: Range<usize>,
    /// First byte and number of bytes of each storage.
    pub(super) storages: HashMap<String, (u64, u64)>,
}

/// Finds the parts of a file of `length` bytes.
pub(super) fn index(file: &mut fs::File, length: u64, budget: &Budget, at: &Location) -> Result<Index, Error> {
    let io = |source| Error::Io { action: "read", path: at.file.clone().unwrap_or_default(), source };
    let mut prefix = Vec::new();
    let mut want = PREFIX;
    let (object, keys, end, widths) = loop {
        let more = want.min(length) - prefix.len() as u64;
        prefix.reserve_exact(more as usize);
        file.by_ref().take(more).read_to_end(&mut prefix).map_err(io)?;
        match pickles(&prefix, budget, at) {
            Ok(parts) => break parts,
            // Not all of the pickles are there yet.
            Err(Error::Truncated { .. }) if want < length => want = want.saturating_mul(4),
            Err(error) => return Err(error),
        }
    };
    budget.claim(keys.iter().map(|key| ENTRY + key.len()).sum())?;
    let mut storages = HashMap::with_capacity(keys.len());
    let mut position = end as u64;
    for key in keys {
        let Some(&width) = widths.get(&key) else {
            return Err(Error::Malformed { at: at.key(key), problem: "a storage that no tensor has".to_owned() });
        };
        let room = |needed: u64, from: u64| {
            let available = length.saturating_sub(from);
            if needed <= available {
                return Ok(());
            }
            Err(Error::Truncated { at: at.key(format!("storage {key}")), what: "the storage", needed, available })
        };
        room(8, position)?;
        file.seek(SeekFrom::Start(position)).map_err(io)?;
        let mut raw = [0; 8];
        file.read_exact(&mut raw).map_err(io)?;
        let count = u64::from_le_bytes(raw);
        let n_bytes = count.checked_mul(width).ok_or_else(|| Error::Overflow {
            at: at.key(format!("storage {key}")),
            what: "size of a storage",
            text: count.to_string(),
        })?;
        room(n_bytes, position + 8)?;
        if storages.insert(key.clone(), (position + 8, n_bytes)).is_some() {
            return Err(Error::DuplicateName { at: at.boxed(), what: "storage", name: key });
        }
        position += 8 + n_bytes;
    }
    if position < length {
        return Err(Error::TrailingBytes { at: at.byte(position), extra: length - position });
    }
    Ok(Index { prefix, object, storages })
}

/// Bytes that a storage takes in each map, beside its key; half of a map may be empty.
const ENTRY: usize = 4 * size_of::<(String, u64, u64)>();

type Parts = (Range<usize>, Vec<String>, usize, HashMap<String, u64>);

/// Where the object lies, the keys of the storages, where the pickles end, and the size of the elements of each storage.
fn pickles(bytes: &[u8], budget: &Budget, at: &Location) -> Result<Parts, Error> {
    let malformed = |problem: &str| Error::Malformed { at: at.boxed(), problem: problem.to_owned() };
    let rest = |position: usize| {
        let rest = &bytes[position..];
        let available = rest.len() as u64;
        let error = || Error::Truncated { at: at.byte(position as u64), what: "the next pickle", needed: 1, available };
        if rest.is_empty() { Err(error()) } else { Ok(rest) }
    };
    let strange = || malformed("neither a zip archive nor the number that files of torch began with before");
    // A protocol, or the number as text.
    if !matches!(bytes, [0x80 | b'L', ..]) {
        return Err(strange());
    }
    // Each pickle is gone before the next is interpreted.
    let budget = budget.clone();
    budget.claim(bytes.len())?;
    let (magic, mut position) = Machine::run(rest(0)?, at, false, budget.clone())?;
    if !matches!(magic.node(magic.root()), Some(Node::BigInt(digits)) if digits == MAGIC.1) {
        return Err(strange());
    }
    drop(magic);
    let (version, n) = Machine::run(rest(position)?, at, false, budget.clone())?;
    if !matches!(version.root(), Slot::Int(number) if number.get() == 1001) {
        return Err(malformed("a version of the layout before zip that is not 1001"));
    }
    drop(version);
    position += n;
    position += Machine::run(rest(position)?, at, false, budget.clone())?.1;
    let start = position;
    let here = at.key("object");
    let (graph, n) = super::graph(rest(position)?, &here, budget.clone())?;
    position += n;
    let mut widths = HashMap::new();
    for node in graph.all() {
        if let Node::Storage(storage) = node
            && !widths.contains_key(&*storage.key)
        {
            // The first to name a storage says how its length is counted.
            for budget in [graph.budget(), &budget] {
                budget.claim(ENTRY + storage.key.len())?;
            }
            widths.insert(storage.key.to_string(), storage.element());
        }
    }
    drop(graph);
    let (keys, n) = Machine::run(rest(position)?, at, false, budget)?;
    let no_texts = || malformed("the keys of the storages are no list of texts");
    let Some(Node::List(items) | Node::Tuple(items) | Node::Set(items)) = keys.node(keys.root()) else {
        return Err(no_texts());
    };
    let mut texts = Vec::new();
    for &item in items {
        let Some(Node::Text(text)) = keys.node(item) else { return Err(no_texts()) };
        keys.budget().room(&mut texts, 1)?;
        keys.budget().claim(text.len())?;
        texts.push(text.clone().into_owned());
    }
    Ok((start..position, texts, position + n, widths))
}
