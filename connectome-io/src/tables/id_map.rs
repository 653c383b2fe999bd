//! From ids to the order of their first appearance.

use std::hash::{BuildHasher, RandomState};

/// Distinct ids, numbered from 0 as they come.
///
/// Places come in buckets of eight. A byte of the hash of each id in a bucket is kept apart, so that a look-up compares
/// eight of them at once and rarely guesses wrong, whatever the order of the ids.
#[derive(Debug, Clone)]
pub(crate) struct IdMap {
    ids: Vec<i64>,
    /// A byte per place, none of them zero but that of an empty place. A power of two of buckets.
    tags: Vec<u64>,
    /// The number of the id at a place.
    numbers: Vec<u32>,
    /// Places that are taken.
    taken: usize,
    /// One more than the numbers of the ids from 0 on, which tables of indices have. They take no place but those that came
    /// before this grew.
    small: Vec<u32>,
    hash: Mix,
}

/// Ids below this are looked up without a hash.
const SMALL: usize = 1 << 20;
/// Places of a bucket.
const BUCKET: usize = 8;
const ONES: u64 = u64::MAX / 255;

impl IdMap {
    /// No ids.
    pub(crate) fn new() -> Self {
        Self {
            ids: Vec::new(),
            tags: vec![0; 8],
            numbers: vec![0; 8 * BUCKET],
            taken: 0,
            small: Vec::new(),
            hash: Mix::random(),
        }
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
    #[inline]
    pub(crate) fn get(&self, id: i64) -> Option<u32> {
        if let Some(&number) = self.small.get(usize::try_from(id).unwrap_or(usize::MAX)) {
            return number.checked_sub(1);
        }
        let (mut bucket, tag) = self.start(id);
        loop {
            let tags = self.tags[bucket];
            let mut hits = zeros(tags ^ (tag * ONES));
            while hits != 0 {
                let number = self.numbers[BUCKET * bucket + hits.trailing_zeros() as usize / 8];
                if self.ids[number as usize] == id {
                    return Some(number);
                }
                hits &= hits - 1;
            }
            if zeros(tags) != 0 {
                return None;
            }
            bucket = (bucket + 1) & (self.tags.len() - 1);
        }
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
        // Small ids get a table of their own when most ids turn out to be small.
        let index = usize::try_from(id).unwrap_or(usize::MAX);
        if index < SMALL.min(8 * self.ids.len() + 64) && index >= self.small.len() {
            let from = self.small.len() as i64;
            let more: Vec<u32> = (from..(2 * index).clamp(64, SMALL) as i64)
                .map(|id| self.get(id).map_or(0, |number| number + 1))
                .collect();
            self.small.extend(more);
        }
        self.ids.push(id);
        if let Some(place) = self.small.get_mut(index) {
            *place = number + 1;
            return number;
        }
        self.put(id, number);
        // At most five in eight places are taken.
        if 8 * self.taken > 5 * self.numbers.len() {
            let n = 2 * self.tags.len();
            self.tags = vec![0; n];
            self.numbers = vec![0; n * BUCKET];
            self.taken = 0;
            for number in 0..self.ids.len() {
                let id = self.ids[number];
                if usize::try_from(id).unwrap_or(usize::MAX) >= self.small.len() {
                    self.put(id, number as u32);
                }
            }
        }
        number
    }

    /// Gives an id the first place that is free.
    fn put(&mut self, id: i64, number: u32) {
        let (mut bucket, tag) = self.start(id);
        while zeros(self.tags[bucket]) == 0 {
            bucket = (bucket + 1) & (self.tags.len() - 1);
        }
        let place = zeros(self.tags[bucket]).trailing_zeros() / 8;
        self.tags[bucket] |= tag << (8 * place);
        self.numbers[BUCKET * bucket + place as usize] = number;
        self.taken += 1;
    }

    /// The bucket where an id begins to be looked for, and its tag.
    #[inline]
    fn start(&self, id: i64) -> (usize, u64) {
        let hash = self.hash.of(id as u64);
        (hash as usize & (self.tags.len() - 1), (hash >> 56) | 1)
    }
}

/// Marks bytes that are zero; of those after the first, perhaps some that are one.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & (ONES << 7)
}

/// A fast hash with a random key, so that no file can be made to collide. It decides the time that look-ups take, never a
/// result.
#[derive(Debug, Clone)]
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
        /// Numbers are those of the first appearance, whatever the ids, and however many small ones come before others.
        #[test]
        fn ids_keep_their_numbers(
            first in 0..600i64,
            ids in proptest::collection::vec(prop_oneof![-3i64..9, 0..3000i64, any::<i64>()], 0..400),
        ) {
            let ids: Vec<i64> = (0..first).chain(ids).collect();
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
