//! Where to put checkpoints when there are fewer than steps.
//!
//! Source: A. Griewank and A. Walther, "Revolve: an implementation of checkpointing for the reverse or adjoint mode of computational
//! differentiation", ACM Trans. Math. Softw. 26 (2000), 19-45.

/// How many of `n` steps to advance before keeping the next state, when `free` more states may be kept besides the first one.
///
/// With `s` states in all and at most `t` repetitions, `(s + t)! / (s! t!)` steps can be reversed; the cheapest place to cut follows
/// from where `n` lies between two such numbers (there, algorithm 799, eq. (9)).
pub(super) fn advance(n: usize, free: usize) -> usize {
    let s = free as i64 + 1;
    let mut t = 1;
    while reversible(s, t) < n {
        t += 1;
    }
    let cut = if n <= reversible(s, t - 1) + reversible(s - 2, t - 1) {
        reversible(s, t - 2)
    } else if n >= reversible(s, t) - reversible(s - 3, t) {
        reversible(s, t - 1)
    } else {
        n - reversible(s - 1, t - 1) - reversible(s - 2, t - 1)
    };
    cut.clamp(1, n - 1)
}

fn reversible(states: i64, repetitions: i64) -> usize {
    if states < 0 || repetitions < 0 {
        return 0;
    }
    let mut n: usize = 1;
    for i in 1..=states.min(repetitions) {
        n = n.saturating_mul((states + repetitions + 1 - i) as usize) / i as usize;
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps computed to reverse `n` of them, and the most states held besides the first one.
    fn cost(n: usize, free: usize) -> (usize, usize) {
        if n <= 1 {
            return (0, 0);
        }
        if free == 0 {
            return (n * (n - 1) / 2, 0);
        }
        let mid = advance(n, free);
        let (right, left) = (cost(n - mid, free - 1), cost(mid, free));
        (mid + right.0 + left.0, left.1.max(right.1 + 1))
    }

    /// Within the limit, and as cheap as the best of all ways to cut.
    #[test]
    fn is_optimal() {
        let mut best = vec![vec![usize::MAX; 41]; 8];
        for free in 0..8 {
            for n in 0..=40usize {
                best[free][n] = match (n, free) {
                    (0 | 1, _) => 0,
                    (_, 0) => n * (n - 1) / 2,
                    _ => (1..n).map(|mid| mid + best[free - 1][n - mid] + best[free][mid]).min().unwrap(),
                };
                let (steps, states) = cost(n, free);
                assert!(states <= free, "{n} steps, {free} free");
                assert_eq!(steps, best[free][n], "{n} steps, {free} free");
            }
        }
    }
}
