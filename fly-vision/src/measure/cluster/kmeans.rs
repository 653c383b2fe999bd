//! k-means, from which mixtures start.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardUniform};

/// Largest number of rounds.
const ROUNDS: usize = 300;

/// Assigns each of the points `[n, dims]` to one of `k` clusters, `[n]`. All clusters have a point if there are `k`
/// different ones.
///
/// Source: Arthur & Vassilvitskii, *SODA* 2007 (the first centres, the best of `2 + ln k` draws each), Lloyd (1982).
pub(super) fn assign(points: &[f64], dims: usize, k: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let n = points.len() / dims;
    let point = |i: usize| &points[i * dims..][..dims];
    let mut centres = first_centres(points, dims, k, rng);
    let mut labels = vec![usize::MAX; n];
    for _ in 0..ROUNDS {
        let mut apart = vec![0.0; n];
        let mut next = vec![0; n];
        for i in 0..n {
            (next[i], apart[i]) = nearest(point(i), &centres);
        }
        // a cluster without points takes the point that lies farthest from its centre
        for cluster in 0..k {
            if !next.contains(&cluster) {
                let farthest = (0..n).fold(0, |best, i| if apart[i] > apart[best] { i } else { best });
                next[farthest] = cluster;
                apart[farthest] = 0.0;
            }
        }
        if next == labels {
            break;
        }
        labels = next;
        let mut count = vec![0.0; k];
        centres.fill(0.0);
        for (i, &label) in labels.iter().enumerate() {
            count[label] += 1.0;
            for (sum, x) in centres[label * dims..][..dims].iter_mut().zip(point(i)) {
                *sum += x;
            }
        }
        for (centre, count) in centres.chunks_exact_mut(dims).zip(&count) {
            for x in centre {
                *x /= f64::max(*count, 1.0);
            }
        }
    }
    labels
}

/// The first centres, `[k, dims]`: far from each other, with chance.
fn first_centres(points: &[f64], dims: usize, k: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let n = points.len() / dims;
    let point = |i: usize| &points[i * dims..][..dims];
    let mut uniform = || -> f64 { StandardUniform.sample(rng) };
    let first = ((uniform() * n as f64) as usize).min(n - 1);
    let mut centres = point(first).to_vec();
    let mut apart: Vec<f64> = (0..n).map(|i| squared_distance(point(i), point(first))).collect();
    let trials = 2 + (k as f64).ln() as usize;
    for _ in 1..k {
        let total: f64 = apart.iter().sum();
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        for _ in 0..trials {
            let mut left = uniform() * total;
            let drawn = apart.iter().position(|d| {
                left -= d;
                left < 0.0
            });
            let drawn = drawn.unwrap_or(n - 1);
            let with: Vec<f64> = (0..n).map(|i| apart[i].min(squared_distance(point(i), point(drawn)))).collect();
            let potential = with.iter().sum();
            if best.as_ref().is_none_or(|(least, ..)| potential < *least) {
                best = Some((potential, drawn, with));
            }
        }
        if let Some((_, drawn, with)) = best {
            centres.extend_from_slice(point(drawn));
            apart = with;
        }
    }
    centres
}

/// Number of the nearest centre and the squared distance to it.
fn nearest(point: &[f64], centres: &[f64]) -> (usize, f64) {
    let distances = centres.chunks_exact(point.len()).map(|centre| squared_distance(point, centre));
    distances.enumerate().fold((0, f64::INFINITY), |best, (c, d)| if d < best.1 { (c, d) } else { best })
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    /// Clusters that lie apart are found from any seed; points that are all the same are not lost.
    #[test]
    fn separated_clusters() {
        let points: Vec<f64> = (0..30).flat_map(|i| [f64::from(i % 3) * 10.0 + f64::from(i) * 0.01, 0.0]).collect();
        for seed in 0..20 {
            let labels = assign(&points, 2, 3, &mut ChaCha8Rng::seed_from_u64(seed));
            for i in 0..30 {
                assert_eq!(labels[i], labels[i % 3]);
            }
            let mut used = labels[..3].to_vec();
            used.sort_unstable();
            assert_eq!(used, [0, 1, 2]);
        }
        assert_eq!(assign(&[1.0; 8], 2, 2, &mut ChaCha8Rng::seed_from_u64(0)).len(), 4);
    }
}
