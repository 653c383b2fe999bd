//! Many dimensions on two, for pictures.

mod neighbours;
mod pca;
mod start;
mod tsne;

pub use pca::Pca;
pub use tsne::{Start, TSne, TSneEmbedding};

/// Squared distances of points in the plane, for tests.
#[cfg(test)]
fn squared(axes: &[Vec<f64>; 2]) -> Vec<f64> {
    let n = axes[0].len();
    let between = |i: usize, j: usize| axes.iter().map(|axis| (axis[i] - axis[j]).powi(2)).sum();
    (0..n * n).map(|k| between(k / n, k % n)).collect()
}
