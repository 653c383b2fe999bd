//! Long vectors, in blocks of fixed length, so that sums do not depend on the number of threads.

use rayon::prelude::*;

/// Numbers per block.
const BLOCK: usize = 4096;

/// `a . b` in eight interleaved sums.
fn dot_block(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0f64; 8];
    let (mut left, mut right) = (a.chunks_exact(8), b.chunks_exact(8));
    for (x, y) in (&mut left).zip(&mut right) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    lanes.iter().sum::<f64>() + rest
}

/// `[v . w]` for each `v` of a basis.
pub(super) fn dots(basis: &[Vec<f64>], w: &[f64]) -> Vec<f64> {
    let blocks: Vec<Vec<f64>> = w
        .par_chunks(BLOCK)
        .enumerate()
        .map(|(at, w)| basis.iter().map(|v| dot_block(&v[at * BLOCK..][..w.len()], w)).collect())
        .collect();
    let mut sums = vec![0.0; basis.len()];
    for block in &blocks {
        for (sum, part) in sums.iter_mut().zip(block) {
            *sum += part;
        }
    }
    sums
}

/// Euclidean norm.
pub(super) fn norm(w: &[f64]) -> f64 {
    w.par_chunks(BLOCK).map(|w| dot_block(w, w)).collect::<Vec<f64>>().iter().sum::<f64>().sqrt()
}

/// `w += sum_k factor[k] basis[k]`.
pub(super) fn add(basis: &[Vec<f64>], factors: &[f64], w: &mut [f64]) {
    w.par_chunks_mut(BLOCK).enumerate().for_each(|(at, w)| {
        for (v, factor) in basis.iter().zip(factors) {
            for (w, v) in w.iter_mut().zip(&v[at * BLOCK..]) {
                *w += factor * v;
            }
        }
    });
}
