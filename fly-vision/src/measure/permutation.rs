//! Whether two groups of models differ.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Assignments that are tried at most; if there are no more of them, all are.
const MOST: u64 = 20_000;

/// Two-sided p-value of the difference of two groups' means, by permutation: the fraction of the ways of dealing all numbers out to groups of
/// these sizes in which the means differ at least as much. All ways are tried up to 20,000, or as many are drawn (`ChaCha8`), in which case
/// the fraction is `(1 + count) / (1 + draws)`. NaN if a group is empty or a number is not finite.
///
/// With `n` models each the least value is `2 / (2n over n)`: 0.1 for 3, 0.008 for 5.
///
/// Source: Fisher, *The Design of Experiments* (1935), section 21; Phipson & Smyth, *Stat. Appl. Genet. Mol. Biol.* 9 (2010) 39.
///
/// ```
/// use fly_vision::measure::permutation_test;
///
/// assert_eq!(permutation_test(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], 0), 0.1);
/// ```
pub fn permutation_test(a: &[f64], b: &[f64], seed: u64) -> f64 {
    let all: Vec<f64> = a.iter().chain(b).copied().collect();
    if a.is_empty() || b.is_empty() || all.iter().any(|x| !x.is_finite()) {
        return f64::NAN;
    }
    let total: f64 = all.iter().sum();
    let difference = |sum: f64| (sum / a.len() as f64 - (total - sum) / b.len() as f64).abs();
    let observed = difference(a.iter().sum());
    // what rounding may add to a difference that is the same
    let least = observed - 1e-12 * all.iter().fold(observed, |most, x| most.max(x.abs()));
    let at_least = |sum: f64| u64::from(difference(sum) >= least);
    if binomial(all.len() as u64, a.len() as u64).is_some_and(|ways| ways <= MOST) {
        let (mut count, mut ways) = (0u64, 0u64);
        let mut chosen: Vec<usize> = (0..a.len()).collect();
        loop {
            count += at_least(chosen.iter().map(|&i| all[i]).sum());
            ways += 1;
            // the next choice in the order of the alphabet
            let Some(place) = (0..a.len()).rev().find(|&place| chosen[place] < all.len() - a.len() + place) else {
                return count as f64 / ways as f64;
            };
            chosen[place] += 1;
            for i in place + 1..a.len() {
                chosen[i] = chosen[i - 1] + 1;
            }
        }
    }
    let (mut random, mut dealt, mut count) = (ChaCha8Rng::seed_from_u64(seed), all.clone(), 0);
    for _ in 0..MOST {
        for i in 0..a.len() {
            let other = i + (random.next_u64() % (all.len() - i) as u64) as usize;
            dealt.swap(i, other);
        }
        count += at_least(dealt[..a.len()].iter().sum());
    }
    (1 + count) as f64 / (1 + MOST) as f64
}

/// `n` over `k`, unless it is beyond [`MOST`] by far.
fn binomial(n: u64, k: u64) -> Option<u64> {
    let mut ways: u64 = 1;
    for i in 0..k.min(n - k) {
        ways = ways.checked_mul(n - i)? / (i + 1);
        if ways > MOST {
            return None;
        }
    }
    Some(ways)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_are_counted() {
        // {1, 4} against {2, 3}: every split with the same sums of 5 differs by nothing
        assert_eq!(permutation_test(&[1.0, 4.0], &[2.0, 3.0], 0), 1.0);
        // 6 ways; {3, 9} and {1, 2} differ most, and so does their exchange
        assert_eq!(permutation_test(&[3.0, 9.0], &[1.0, 2.0], 0), 2.0 / 6.0);
        assert_eq!(permutation_test(&[5.0], &[1.0, 2.0, 3.0], 0), 0.25);
        assert_eq!((binomial(6, 3), binomial(40, 20), binomial(3, 3)), (Some(20), None, Some(1)));
        assert!(permutation_test(&[], &[1.0], 0).is_nan() && permutation_test(&[f64::INFINITY], &[1.0], 0).is_nan());
    }

    /// Drawn ones come near to what normal theory says: groups whose means are two standard errors apart.
    #[test]
    fn drawn_ways_are_enough() {
        let group = |shift: f64| (0..20).map(|i| (f64::from(i) - 9.5) / 5.766 + shift).collect::<Vec<f64>>();
        let p = permutation_test(&group(0.0), &group(2.0 * (2.0f64 / 20.0).sqrt()), 1);
        assert!((p - 0.05).abs() < 0.015, "{p}");
        assert_eq!(p, permutation_test(&group(0.0), &group(2.0 * (2.0f64 / 20.0).sqrt()), 1));
    }
}
