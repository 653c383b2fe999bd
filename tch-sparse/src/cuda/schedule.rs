//! How the rows of a matrix are shared among the threads of a GPU.
//!
//! Rows of a connectome are heavy-tailed: half have 40 entries, a few have thousands. A short row is for a group of lanes, a long
//! one for a whole block, and a giant one for several blocks, whose sums a second kernel adds up. Who sums what depends on the
//! matrix only, so that results are the same in each run.

use std::cmp::Reverse;

/// Entries of a row that a group of lanes takes alone, at most.
const ALONE: usize = 256;

/// Entries that a block of threads takes, at most.
const BLOCK: usize = 4096;

/// Entries in a chunk: rows are sorted by how many they have, so that neighbouring groups end together.
const CHUNK: usize = 32;

/// In the place of a slot: the item is a whole row.
const NONE: u32 = u32::MAX;

/// Stretches of entries in the order in which blocks take them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Schedule {
    /// `[begin, end, row, slot of the partial sum or NONE]`; `Item` in `kernels.cu`.
    pub(super) items: Vec<[u32; 4]>,
    /// The first so many items are for a block each, the others for a group of lanes each.
    pub(super) n_long: u32,
    /// Rows of several items: `[row, first slot, number of slots, 0]`; `Giant` in `kernels.cu`.
    pub(super) giants: Vec<[u32; 4]>,
    /// How many partial sums there are.
    pub(super) n_slots: u32,
}

impl Schedule {
    /// The schedule of a matrix by where each of its rows begins, and the end.
    ///
    /// # Panics
    /// For 2³¹ entries or more.
    pub(super) fn new(row_ptr: &[usize]) -> Self {
        let end = row_ptr.last().map_or(0, |&end| end);
        assert!(i32::try_from(end).is_ok(), "{end} entries, where the kernels count to 2,147,483,647");
        let (mut long, mut short, mut giants, mut n_slots) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (row, ends) in row_ptr.windows(2).enumerate() {
            let (row, length) = (row as u32, ends[1] - ends[0]);
            let item = |begin: usize, end: usize, slot: u32| [begin as u32, end as u32, row, slot];
            if length <= ALONE {
                short.push(item(ends[0], ends[1], NONE));
            } else if length <= BLOCK {
                long.push(item(ends[0], ends[1], NONE));
            } else {
                let pieces = length.div_ceil(BLOCK);
                giants.push([row, n_slots, pieces as u32, 0]);
                for piece in 0..pieces {
                    let at = |piece: usize| ends[0] + length * piece / pieces;
                    long.push(item(at(piece), at(piece + 1), n_slots));
                    n_slots += 1;
                }
            }
        }
        // Longest first, or the last blocks to start would also be the last to end.
        let chunks = |item: &[u32; 4]| Reverse((item[1] - item[0]).div_ceil(CHUNK as u32));
        long.sort_by_key(chunks);
        short.sort_by_key(chunks);
        let n_long = long.len() as u32;
        long.append(&mut short);
        Self { items: long, n_long, giants, n_slots }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row_ptr(lengths: &[usize]) -> Vec<usize> {
        let mut ends = vec![0];
        for length in lengths {
            ends.push(ends[ends.len() - 1] + length);
        }
        ends
    }

    /// Every entry once, every row finished once, no item longer than who takes it can bear.
    fn check(lengths: &[usize]) {
        let ends = row_ptr(lengths);
        let schedule = Schedule::new(&ends);
        let (mut covered, mut finished) = (vec![0; ends[lengths.len()]], vec![0; lengths.len()]);
        let mut of_slot = vec![None; schedule.n_slots as usize];
        for (at, &[begin, end, row, slot]) in schedule.items.iter().enumerate() {
            let limit = if at < schedule.n_long as usize { BLOCK } else { ALONE };
            assert!(begin <= end && (end - begin) as usize <= limit);
            let row = row as usize;
            assert!(begin as usize >= ends[row] && end as usize <= ends[row + 1]);
            covered[begin as usize..end as usize].iter_mut().for_each(|n| *n += 1);
            if slot == NONE {
                finished[row] += 1;
            } else {
                assert_eq!(of_slot[slot as usize].replace((begin, row)), None);
            }
        }
        let mut slots = 0;
        for &[row, first, count, _] in &schedule.giants {
            finished[row as usize] += 1;
            assert!(count > 1);
            slots += count;
            // in the order of the entries
            let pieces: Vec<_> = of_slot[first as usize..][..count as usize].iter().map(|s| s.unwrap()).collect();
            assert!(pieces.is_sorted() && pieces.iter().all(|&(_, of)| of == row as usize));
        }
        assert_eq!(slots, schedule.n_slots);
        assert!(covered.iter().all(|&n| n == 1) && finished.iter().all(|&n| n == 1));
    }

    #[test]
    fn lengths_around_the_limits() {
        check(&[]);
        check(&[0, 0, 0]);
        for limit in [ALONE, BLOCK, 2 * BLOCK] {
            check(&[limit - 1, 0, limit, 3, limit + 1]);
        }
        let schedule = Schedule::new(&row_ptr(&[ALONE, ALONE + 1, BLOCK + 1]));
        assert_eq!((schedule.n_long, schedule.n_slots, schedule.giants.len(), schedule.items.len()), (3, 2, 1, 4));
    }

    proptest! {
        #[test]
        fn any_lengths(lengths in prop::collection::vec(
            prop_oneof![4 => 0..100usize, 2 => 200..600usize, 1 => 4000..20_000usize], 0..40)) {
            check(&lengths);
        }
    }
}
