//! Keys that stand twice in a dict.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::{Budget, Node, Slot};
use crate::{Error, Location};

/// Bytes of a text whose hash is not computed again.
const LONG: usize = 256;

#[derive(PartialEq, Eq, Hash)]
enum Key<'k> {
    Int(i64),
    Text(&'k str),
}

impl<'k> Key<'k> {
    /// Other keys are not compared.
    fn of(slot: Slot, nodes: &'k [Node<'_>]) -> Option<Self> {
        match slot {
            Slot::Int(number) => Some(Self::Int(number.get())),
            Slot::Node(place) => match &nodes[place.get() as usize] {
                Node::Text(text) => Some(Self::Text(text)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Refuses texts and whole numbers that stand twice as keys of one of the dicts.
pub(super) fn check<'k>(
    dicts: impl Iterator<Item = &'k [(Slot, Slot)]>,
    nodes: &'k [Node<'_>],
    budget: &Budget,
    at: &Location,
) -> Result<(), Error> {
    let state = RandomState::new();
    // A long text may be a key of any number of dicts.
    let mut long: HashMap<u32, u64> = HashMap::new();
    let mut hash_of = |slot: Slot, key: &Key<'_>| match (slot, key) {
        (Slot::Node(place), Key::Text(text)) if text.len() > LONG => {
            *long.entry(place.get()).or_insert_with(|| state.hash_one(key))
        }
        _ => state.hash_one(key),
    };
    // Places of entries, counted from 1, by the hash of their keys: a set of the keys would take six times as much.
    let mut table: Vec<u32> = Vec::new();
    for entries in dicts {
        let size = (2 * entries.len()).next_power_of_two();
        table.clear();
        budget.room(&mut table, size)?;
        table.resize(size, 0);
        for (place, &(slot, _)) in (1..=u32::MAX).zip(entries) {
            let Some(key) = Key::of(slot, nodes) else { continue };
            let hash = hash_of(slot, &key);
            let mut at_hash = hash as usize & (size - 1);
            while table[at_hash] != 0 {
                let other = entries[table[at_hash] as usize - 1].0;
                let same = |other_key: Key<'_>| hash_of(other, &other_key) == hash && other_key == key;
                if Key::of(other, nodes).is_some_and(same) {
                    let name = match key {
                        Key::Int(number) => number.to_string(),
                        Key::Text(text) => text.to_owned(),
                    };
                    return Err(Error::DuplicateName { at: at.boxed(), what: "key of a dict", name });
                }
                at_hash = (at_hash + 1) & (size - 1);
            }
            table[at_hash] = place;
        }
    }
    budget.free(table);
    Ok(())
}
