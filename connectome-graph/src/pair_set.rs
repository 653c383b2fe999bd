//! A set of pairs of neurons that is asked millions of times.

/// A set of keys below `u64::MAX`: open addressing with linear probing, 8 bytes per slot.
#[derive(Debug, Clone)]
pub(crate) struct PairSet {
    slots: Vec<u64>,
    shift: u32,
}

impl PairSet {
    const EMPTY: u64 = u64::MAX;

    /// An empty set for at most `keys` keys at a time.
    pub(crate) fn new(keys: usize) -> Self {
        // at least a third of the slots stays free, which keeps probes short
        let bits = (keys + keys / 2 + 8).next_power_of_two().trailing_zeros();
        Self { slots: vec![Self::EMPTY; 1 << bits], shift: 64 - bits }
    }

    /// Where the search for a key starts.
    fn home(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }

    /// The slot of a key, or the free one where it would go.
    fn find(&self, key: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = self.home(key);
        while self.slots[at] != Self::EMPTY && self.slots[at] != key {
            at = (at + 1) & mask;
        }
        at
    }

    /// What lies in the first slot of a key. Its only use is that the slot is in the cache afterwards.
    pub(crate) fn touch(&self, key: u64) -> u64 {
        self.slots[self.home(key)]
    }

    /// Whether a key is there.
    pub(crate) fn contains(&self, key: u64) -> bool {
        self.slots[self.find(key)] == key
    }

    /// Adds a key; false if it was there.
    pub(crate) fn insert(&mut self, key: u64) -> bool {
        let at = self.find(key);
        let new = self.slots[at] == Self::EMPTY;
        self.slots[at] = key;
        new
    }

    /// Takes a key out; false if it was not there. Later keys of the probe move up, so that no gaps are left.
    pub(crate) fn remove(&mut self, key: u64) -> bool {
        let mask = self.slots.len() - 1;
        let mut gap = self.find(key);
        if self.slots[gap] == Self::EMPTY {
            return false;
        }
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let next = self.slots[at];
            if next == Self::EMPTY {
                self.slots[gap] = Self::EMPTY;
                return true;
            }
            // a key may move to the gap unless that lies before its home
            if (at.wrapping_sub(self.home(next)) & mask) >= (at.wrapping_sub(gap) & mask) {
                self.slots[gap] = next;
                gap = at;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        /// Any sequence of operations has the answers of the standard set. Few keys, so that they collide and repeat.
        #[test]
        fn behaves_as_the_standard_set(operations in prop::collection::vec((0..3u8, 0..24u64), 0..400)) {
            let (mut own, mut standard) = (PairSet::new(24), HashSet::new());
            for (operation, key) in operations {
                let key = key << 32 | key;
                let (a, b) = match operation {
                    0 => (own.insert(key), standard.insert(key)),
                    1 => (own.remove(key), standard.remove(&key)),
                    _ => (own.contains(key), standard.contains(&key)),
                };
                prop_assert_eq!(a, b);
            }
        }
    }
}
