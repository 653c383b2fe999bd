//! One sum per connection, in memory that grows with the connections and not with the rows.

use super::id_map::Mix;
use crate::Sign;

/// Sums of the weights of connections, in the order of their first rows.
///
/// A connection takes 16 bytes, its slot in the table 10 to 20, its sign 16 where the file has signs.
pub(crate) struct PairSums {
    /// The connections.
    sums: Vec<PairSum>,
    /// What is known of their signs; empty unless the file has signs.
    signs: Vec<SignSum>,
    /// Kinds of connection; empty unless the file has kinds.
    kinds: Vec<u32>,
    /// One more than the place of a connection in the lower half, bits of its hash in the upper; 0 where there is none.
    slots: Vec<u64>,
    hash: Mix,
}

/// A connection and its weight so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PairSum {
    pub(crate) pre: u32,
    pub(crate) post: u32,
    pub(crate) weight: f64,
}

/// The sign that all rows have had, or the balance.
#[derive(Debug, Clone, Copy)]
struct SignSum {
    first: Sign,
    mixed: bool,
    balance: f64,
}

impl PairSums {
    pub(crate) fn new() -> Self {
        Self { sums: Vec::new(), signs: Vec::new(), kinds: Vec::new(), slots: vec![0; 64], hash: Mix::random() }
    }

    /// Adds a row, and says whether it is the first of its connection. `kind` and `sign` are given for all rows or none.
    pub(crate) fn add(&mut self, row: PairSum, kind: Option<u32>, sign: Option<Sign>) -> bool {
        let code = kind.unwrap_or(0);
        let hash = self.hash_of(row.pre, row.post, code);
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.slots[slot] != 0 {
            let place = (self.slots[slot] as u32 - 1) as usize;
            if (self.slots[slot] ^ hash) >> 32 == 0 {
                let sum = &mut self.sums[place];
                if (sum.pre, sum.post) == (row.pre, row.post) && self.kinds.get(place).is_none_or(|&k| k == code) {
                    sum.weight += row.weight;
                    if let Some(sign) = sign {
                        let signs = &mut self.signs[place];
                        signs.mixed |= sign != signs.first;
                        signs.balance += sign.factor() * row.weight.abs();
                    }
                    return false;
                }
            }
            slot = (slot + 1) & mask;
        }
        self.sums.push(row);
        self.kinds.extend(kind);
        self.signs.extend(sign.map(|first| SignSum {
            first,
            mixed: false,
            balance: first.factor() * row.weight.abs(),
        }));
        self.slots[slot] = (hash & !0xffff_ffff) | self.sums.len() as u64;
        // At most five in eight slots are taken.
        if 8 * self.sums.len() > 5 * self.slots.len() {
            self.grow();
        }
        true
    }

    /// Connections so far.
    pub(crate) fn len(&self) -> usize {
        self.sums.len()
    }

    fn hash_of(&self, pre: u32, post: u32, kind: u32) -> u64 {
        let ends = (u64::from(pre) << 32) | u64::from(post);
        // One after the other: ends and kinds put together could be made to collide.
        let hash = if kind == 0 { self.hash.of(ends) } else { self.hash.of(self.hash.of(ends) ^ u64::from(kind)) };
        // The low half picks the slot, the high half is kept: both must depend on all of the product.
        hash ^ (hash << 32)
    }

    fn grow(&mut self) {
        let n = 2 * self.slots.len();
        self.slots = Vec::new();
        self.slots = vec![0; n];
        for place in 0..self.sums.len() {
            let sum = self.sums[place];
            let hash = self.hash_of(sum.pre, sum.post, self.kinds.get(place).copied().unwrap_or(0));
            let mut slot = hash as usize & (n - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (n - 1);
            }
            self.slots[slot] = (hash & !0xffff_ffff) | (place as u64 + 1);
        }
    }

    /// The connections, their signs, their kinds; the sign is that of the larger part.
    pub(crate) fn finish(self) -> (Vec<PairSum>, Vec<Sign>, Vec<u32>) {
        let sign = |sum: &SignSum| if sum.mixed { Sign::of(sum.balance) } else { sum.first };
        (self.sums, self.signs.iter().map(sign).collect(), self.kinds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Whoever writes a file decides which ends and kinds come together, not what their hashes are.
    #[test]
    fn kinds_do_not_undo_ends() {
        let sums = PairSums::new();
        let hashes: HashSet<u64> = (0..20_000).map(|kind| sums.hash_of(kind / 8, 0, kind)).collect();
        assert!(hashes.len() > 19_000, "{}", hashes.len());
    }

    #[test]
    fn sums_are_those_of_ends_and_kind() {
        let mut sums = PairSums::new();
        for i in 0..3000 {
            let row = PairSum { pre: i % 40, post: i % 7, weight: 1.0 };
            assert_eq!(sums.add(row, Some(i % 5), None), i < 280, "{i}");
        }
        let (sums, signs, kinds) = sums.finish();
        assert_eq!((sums.len(), signs.len(), kinds.len()), (280, 0, 280));
        assert_eq!(sums.iter().map(|sum| sum.weight).sum::<f64>(), 3000.0);
    }
}
