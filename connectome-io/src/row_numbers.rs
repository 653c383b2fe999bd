//! Where rows of a table stand in their file.

use crate::memory::grow;

/// Lines or numbers of rows. As long as each is one more than the last, they take no memory.
#[derive(Debug, Default)]
pub(crate) struct RowNumbers {
    first: u32,
    /// How many there are as long as they follow on each other.
    counted: usize,
    listed: Vec<u32>,
}

impl From<Vec<u32>> for RowNumbers {
    fn from(listed: Vec<u32>) -> Self {
        Self { first: 0, counted: 0, listed }
    }
}

impl RowNumbers {
    #[inline]
    pub(crate) fn push(&mut self, number: u32) {
        self.count(number, 1);
    }

    /// Adds `n` numbers from `first` on.
    #[inline]
    pub(crate) fn count(&mut self, first: u32, n: usize) {
        if self.len() == 0 {
            self.first = first;
        }
        let follow = u64::from(first) == u64::from(self.first) + self.counted as u64;
        if n == 0 || (self.listed.is_empty() && follow) {
            self.counted += n;
        } else {
            let list = self.list();
            grow(list, n);
            list.extend((0..n as u32).map(|more| first + more));
        }
    }

    /// Adds others behind these.
    pub(crate) fn append(&mut self, others: &Self) {
        self.count(others.first, others.counted);
        if !others.listed.is_empty() {
            let list = self.list();
            grow(list, others.listed.len());
            list.extend_from_slice(&others.listed);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.counted = 0;
        self.listed.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.counted + self.listed.len()
    }

    fn list(&mut self) -> &mut Vec<u32> {
        let counted = std::mem::take(&mut self.counted) as u32;
        self.listed.extend((0..counted).map(|place| self.first + place));
        &mut self.listed
    }

    pub(crate) fn get(&self, place: usize) -> Option<u32> {
        if place < self.counted { Some(self.first + place as u32) } else { self.listed.get(place).copied() }
    }

    /// Keeps those at some places.
    pub(crate) fn keep(&mut self, places: &[usize]) {
        if self.len() > 0 {
            let listed = self.list();
            *listed = places.iter().map(|&place| listed[place]).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_were_added() {
        for all in [&[2, 3, 4, 5][..], &[0, 1, 2], &[2, 3, 5, 6], &[7], &[1, 3, 4, 9], &[], &[u32::MAX - 1, u32::MAX]] {
            for split in 0..=all.len() {
                let mut numbers = RowNumbers::default();
                all[..split].iter().for_each(|&number| numbers.push(number));
                let mut others = RowNumbers::from(vec![9]);
                others.clear();
                all[split..].iter().for_each(|&number| others.push(number));
                numbers.append(&others);
                others.clear();
                numbers.append(&others);
                assert!(numbers.listed.is_empty() || all.windows(2).any(|pair| pair[0] + 1 != pair[1]));
                assert_eq!(numbers.len(), all.len());
                assert!(all.iter().enumerate().all(|(place, &number)| numbers.get(place) == Some(number)), "{all:?}");
                assert_eq!(numbers.get(all.len()), None);
                if let Some(last) = all.len().checked_sub(1) {
                    numbers.keep(&[last, 0]);
                    assert_eq!((numbers.get(0), numbers.get(1)), (Some(all[last]), Some(all[0])));
                }
            }
        }
        assert_eq!(RowNumbers::from(vec![4, 2]).get(1), Some(2));
    }
}
