//! Keys that stand twice in a dict.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::{Budget, Node, Slot};
use crate::{Error, Location};

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
    // Places of entries, counted from 1, by the hash of their keys: a set of the keys would take six times as much.
    let mut table: Vec<u32> = Vec::new();
    for entries in dicts {
        let size = (2 * entries.len()).next_power_of_two();
        table.clear();
        budget.room(&mut table, size)?;
        table.resize(size, 0);
        for (place, &(slot, _)) in (1..=u32::MAX).zip(entries) {
            let Some(key) = Key::of(slot, nodes) else { continue };
            let mut at_hash = state.hash_one(&key) as usize & (size - 1);
            while table[at_hash] != 0 {
                if Key::of(entries[table[at_hash] as usize - 1].0, nodes).as_ref() == Some(&key) {
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
