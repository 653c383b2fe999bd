//! Which points are neighbours in many dimensions: the first half of the t-SNE.

use crate::analysis::distance::in_rows;

/// Joint probabilities of pairs to be neighbours, `[n, n]`, symmetric, of sum 1: Gaussians of the wanted perplexity around each point.
pub(super) fn neighbourhoods(mut p: Vec<f64>, n: usize, perplexity: f64) -> Vec<f64> {
    in_rows(n, &mut p, |own, row| gaussian(row, own, perplexity.ln()));
    for i in 0..n {
        for j in 0..i {
            let both = (p[i * n + j] + p[j * n + i]) / (2 * n) as f64;
            (p[i * n + j], p[j * n + i]) = (both, both);
        }
    }
    p
}

/// Turns squared distances of a point to all points into probabilities to be its neighbour, of the wanted entropy in nats, by bisection.
fn gaussian(row: &mut [f64], own: usize, entropy: f64) {
    row[own] = f64::INFINITY;
    let nearest = row.iter().copied().fold(f64::INFINITY, f64::min);
    let (mut precision, mut low, mut high) = (1.0, 0.0, f64::INFINITY);
    for _ in 0..200 {
        let (mut sum, mut mean) = (0.0, 0.0);
        for farther in row.iter().map(|d| d - nearest).filter(|d| d.is_finite()) {
            let weight = (-precision * farther).exp();
            sum += weight;
            mean += weight * farther;
        }
        let excess = f64::ln(sum) + precision * mean / sum - entropy;
        if excess.abs() < 1e-7 {
            break;
        }
        if excess > 0.0 {
            low = precision;
        } else {
            high = precision;
        }
        precision = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * precision };
    }
    row.iter_mut().for_each(|d| *d = (-precision * (*d - nearest)).exp());
    let sum: f64 = row.iter().sum();
    row.iter_mut().for_each(|p| *p /= sum);
}

#[cfg(test)]
mod tests {
    use super::super::{squared, start::normal};
    use super::*;

    /// Each Gaussian has the wanted perplexity, points that lie on each other and a point far away among them.
    #[test]
    fn neighbours_are_as_many_as_wanted() {
        let mut axes = normal(60, 3);
        for axis in &mut axes {
            axis[7] = axis[8];
            axis[59] = 1e3;
        }
        let distances = squared(&axes);
        for perplexity in [2.5, 5.0, 20.0, 55.0] {
            let p = neighbourhoods(distances.clone(), 60, perplexity);
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!((0..60).all(|i| p[i * 61] == 0.0 && (0..i).all(|j| p[i * 60 + j] == p[j * 60 + i])));
            // with all points alike the symmetric probabilities are the conditional ones
            let ring: Vec<f64> =
                (0..3600).map(|k| f64::from((k / 60 + 60 - k % 60) % 60)).map(|s| s.min(60.0 - s).powi(2)).collect();
            let p = neighbourhoods(ring, 60, perplexity);
            let entropy: f64 = p[..60].iter().map(|p| 60.0 * p).filter(|&p| p > 0.0).map(|p| -p * p.ln()).sum();
            assert!((entropy - perplexity.ln()).abs() < 1e-6, "{} for {perplexity}", entropy.exp());
        }
    }
}
