//! Random orders and choices.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::pair_set::PairSet;

/// Puts a list into random order, all orders equally likely (Fisher and Yates).
pub(crate) fn shuffle<T>(list: &mut [T], rng: &mut ChaCha8Rng) {
    for i in (1..list.len() as u32).rev() {
        list.swap(i as usize, rng.random_range(0..=i) as usize);
    }
}

/// `m` different numbers below `total` in random order, all choices equally likely.
pub(crate) fn distinct(total: u64, m: usize, rng: &mut ChaCha8Rng) -> Vec<u64> {
    assert!(m as u64 <= total, "{m} different numbers below {total}");
    // of a crowded range the numbers that stay out are drawn
    let crowded = m as u64 > total / 2;
    let wanted = if crowded { (total - m as u64) as usize } else { m };
    let mut set = PairSet::new(wanted);
    let mut drawn = Vec::with_capacity(m);
    let mut count = 0;
    while count < wanted {
        let at = rng.random_range(0..total);
        if set.insert(at) {
            count += 1;
            drawn.push(at);
        }
    }
    if crowded {
        drawn.clear();
        drawn.extend((0..total).filter(|&at| !set.contains(at)));
        shuffle(&mut drawn, rng);
    }
    drawn
}
