//! From ids to the order of their first appearance.

use std::hash::{BuildHasher, RandomState};

/// Distinct ids, numbered from 0 as they come.
#[derive(Debug)]
pub(crate) struct IdMap {
    ids: Vec<i64>,
    /// The ids once more, where their hash puts them; a power of two of places. Small ids have no place.
    places: Vec<i64>,
    /// One more than the number of the id that lies here; 0 where there is none.
    numbers: Vec<u32>,
    /// The same for the ids from 0, which tables of indices have.
    small: Vec<u32>,
    hash: Mix,
}

/// Ids below this are looked up without a hash.
const SMALL: usize = 1 << 20;

impl IdMap {
    /// No ids.
    pub(crate) fn new() -> Self {
        Self { ids: Vec::new(), places: vec![0; 64], numbers: vec![0; 64], small: Vec::new(), hash: Mix::random() }
    }

    /// These ids, which must be distinct.
    pub(crate) fn of(ids: &[i64]) -> Self {
        let mut map = Self::new();
        for &id in ids {
            map.insert(id);
        }
        map
    }

    /// The ids in the order of their numbers.
    pub(crate) fn into_ids(self) -> Vec<i64> {
        self.ids
    }

    /// The number of an id.
    pub(crate) fn get(&self, id: i64) -> Option<u32> {
        let number = match self.small.get(usize::try_from(id).unwrap_or(usize::MAX)) {
            Some(&number) => number,
            None => self.numbers[self.place(id)],
        };
        number.checked_sub(1)
    }

    /// The number of an id, the next one if it is new.
    #[inline]
    pub(crate) fn insert(&mut self, id: i64) -> u32 {
        self.get(id).unwrap_or_else(|| self.append(id))
    }

    /// Adds an id that is not there.
    #[cold]
    fn append(&mut self, id: i64) -> u32 {
        let number = self.ids.len() as u32;
        self.ids.push(id);
        // Small ids get a table of their own when most ids turn out to be small.
        let index = usize::try_from(id).unwrap_or(usize::MAX);
        if index < SMALL.min(8 * self.ids.len() + 64) && index >= self.small.len() {
            let more = (2 * index).clamp(64, SMALL);
            for id in self.small.len()..more {
                self.small.push(self.numbers[self.place(id as i64)]);
            }
        }
        if let Some(place) = self.small.get_mut(index) {
            *place = number + 1;
            return number;
        }
        let place = self.place(id);
        self.places[place] = id;
        self.numbers[place] = number + 1;
        if 2 * self.ids.len() > self.places.len() {
            self.grow();
        }
        number
    }

    /// The place where an id lies or would lie.
    #[inline]
    fn place(&self, id: i64) -> usize {
        let mask = self.places.len() - 1;
        let mut place = self.hash.of(id as u64) as usize & mask;
        while self.places[place] != id && self.numbers[place] != 0 {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        let n = 2 * self.places.len();
        self.places = vec![0; n];
        self.numbers = vec![0; n];
        for row in 0..self.ids.len() {
            let id = self.ids[row];
            if usize::try_from(id).is_ok_and(|index| index < self.small.len()) {
                continue;
            }
            let place = self.place(id);
            self.places[place] = id;
            self.numbers[place] = row as u32 + 1;
        }
    }
}

/// A fast hash with a random key, so that no file can be made to collide. It decides the time that look-ups take, never a
/// result.
#[derive(Debug)]
pub(crate) struct Mix {
    key: u64,
    factor: u64,
}

impl Mix {
    pub(crate) fn random() -> Self {
        let state = RandomState::new();
        Self { key: state.hash_one(0), factor: state.hash_one(1) | 1 }
    }

    /// Both halves of a product of 128 bits, folded.
    pub(crate) fn of(&self, value: u64) -> u64 {
        let product = u128::from(value ^ self.key) * u128::from(self.factor);
        (product as u64) ^ (product >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Numbers are those of the first appearance, whatever the ids.
        #[test]
        fn ids_keep_their_numbers(ids in proptest::collection::vec(prop_oneof![-3i64..9, any::<i64>()], 0..400)) {
            let mut map = IdMap::new();
            let mut seen: Vec<i64> = Vec::new();
            for &id in &ids {
                let known = seen.iter().position(|&other| other == id);
                prop_assert_eq!(map.get(id), known.map(|number| number as u32));
                if known.is_none() {
                    seen.push(id);
                }
                let number = map.insert(id) as usize;
                prop_assert_eq!(seen[number], id);
            }
            prop_assert_eq!(map.into_ids(), seen);
        }
    }
}
