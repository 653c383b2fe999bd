//! Where the points of a t-SNE start.

use crate::analysis::distance::of_rows;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Numbers of a normal distribution. Source: Box & Muller, *Ann. Math. Statist.* 29 (1958), 610-611.
pub(super) fn normal(n: usize, seed: u64) -> [Vec<f64>; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = || (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64);
    let mut axes = [Vec::with_capacity(n), Vec::with_capacity(n)];
    for _ in 0..n {
        let (radius, angle) = ((-2.0 * (1.0 - uniform()).ln()).sqrt(), std::f64::consts::TAU * uniform());
        axes[0].push(radius * angle.cos());
        axes[1].push(radius * angle.sin());
    }
    axes
}

/// Coordinates on the first two principal components: eigenvectors of the centred matrix of scalar products, which squared distances
/// determine (Torgerson, *Psychometrika* 17 (1952), 401-419), by subspace iteration, times the roots of their eigenvalues.
pub(super) fn principal(distances: &[f64], n: usize, seed: u64) -> [Vec<f64>; 2] {
    let row_means: Vec<f64> = distances.chunks_exact(n).map(|row| row.iter().sum::<f64>() / n as f64).collect();
    let mean = row_means.iter().sum::<f64>() / n as f64;
    let mut axes = normal(n, seed);
    let mut lengths = [0.0; 2];
    for _ in 0..100 {
        let sums = of_rows(n, |i| {
            let (mut a, mut b) = (0.0, 0.0);
            for (j, d) in distances[i * n..(i + 1) * n].iter().enumerate() {
                let product = -0.5 * (d - row_means[i] - row_means[j] + mean);
                a += product * axes[0][j];
                b += product * axes[1][j];
            }
            (a, b)
        });
        let (a, b): (Vec<f64>, Vec<f64>) = sums.into_iter().unzip();
        let mut next = [a, b];
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        lengths[0] = dot(&next[0], &next[0]).sqrt();
        next[0].iter_mut().for_each(|v| *v /= lengths[0]);
        let along = dot(&next[0], &next[1]);
        let [a, b] = &mut next;
        b.iter_mut().zip(a.iter()).for_each(|(b, a)| *b -= along * a);
        lengths[1] = dot(b, b).sqrt();
        // points on a line have no second component
        let scale = if lengths[1] > 1e-12 * lengths[0] { lengths[1] } else { f64::INFINITY };
        b.iter_mut().for_each(|v| *v /= scale);
        axes = next;
    }
    for (axis, length) in axes.iter_mut().zip(lengths) {
        axis.iter_mut().for_each(|v| *v *= length.sqrt());
    }
    axes
}

#[cfg(test)]
mod tests {
    use super::super::squared;
    use super::*;

    /// Squared distances in the plane give back the points, turned onto their principal axes.
    #[test]
    fn principal_components_keep_distances() {
        let mut axes = normal(50, 4);
        axes[1].iter_mut().for_each(|v| *v *= 0.3);
        let distances = squared(&axes);
        let found = principal(&distances, 50, 9);
        for (d, want) in squared(&found).iter().zip(&distances) {
            assert!((d - want).abs() < 1e-9 * want.max(1.0), "{d} for {want}");
        }
        let variance = |axis: &[f64]| axis.iter().map(|v| v * v).sum::<f64>();
        assert!(variance(&found[0]) > 5.0 * variance(&found[1]));
        let line = principal(&squared(&[axes[0].clone(), vec![0.0; 50]]), 50, 9);
        assert!(line[1].iter().all(|v| v.abs() < 1e-6));
    }
}
