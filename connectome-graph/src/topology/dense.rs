//! Dense matrices in and out: whole matrices, blocks, and maps coarse enough to draw.

use std::ops::Range;

use super::Topology;
use super::build::check_size;
use crate::Error;

impl Topology {
    /// Topology of the entries of a dense row-major matrix `[n_post, n_pre]` that are not 0.
    ///
    /// # Errors
    /// [`Error::Length`] if `dense` has not `n_post * n_pre` entries, [`Error::NotFinite`] for NaN or infinity.
    pub fn from_dense(n_post: usize, n_pre: usize, dense: &[f64]) -> Result<Self, Error> {
        check_size(n_post, n_pre)?;
        if n_post.checked_mul(n_pre) != Some(dense.len()) {
            return Err(Error::Length {
                what: "dense matrix",
                expected: n_post.saturating_mul(n_pre),
                got: dense.len(),
            });
        }
        let mut rows = vec![Vec::new(); n_post];
        for (post, row) in rows.iter_mut().enumerate() {
            for (pre, &value) in dense[post * n_pre..(post + 1) * n_pre].iter().enumerate() {
                if !value.is_finite() {
                    return Err(Error::NotFinite { post: post as u32, pre: pre as u32, value });
                }
                if value != 0.0 {
                    row.push((pre as u32, value));
                }
            }
        }
        Ok(Self::from_rows(n_pre, &rows))
    }

    /// Dense row-major copy of a block, `[post.len(), pre.len()]`; pairs without synapse are 0.
    ///
    /// # Panics
    /// If a range reaches outside the matrix.
    pub fn sub_matrix(&self, post: Range<usize>, pre: Range<usize>) -> Vec<f64> {
        assert!(
            post.start <= post.end && pre.start <= pre.end && post.end <= self.n_post() && pre.end <= self.n_pre(),
            "block [{post:?}, {pre:?}] of a topology [{}, {}]",
            self.n_post(),
            self.n_pre()
        );
        let mut dense = vec![0.0; post.len() * pre.len()];
        for (row, i) in post.enumerate() {
            let (columns, weights) = self.row(i);
            let from = columns.partition_point(|&c| (c as usize) < pre.start);
            for (&column, &weight) in columns[from..].iter().zip(&weights[from..]) {
                if column as usize >= pre.end {
                    break;
                }
                dense[row * pre.len() + column as usize - pre.start] = weight;
            }
        }
        dense
    }

    /// Summed weights on a coarse grid, row-major `[bins_post, bins_pre]`, to draw matrices too large for a pixel per
    /// pair. Neuron `i` falls into bin `i * bins / n`.
    ///
    /// # Panics
    /// If a number of bins is 0.
    pub fn heat_map(&self, bins_post: usize, bins_pre: usize) -> Vec<f64> {
        assert!(bins_post > 0 && bins_pre > 0, "heat map of [{bins_post}, {bins_pre}] bins");
        let bin = |i: usize, bins: usize, n: usize| (i as u128 * bins as u128 / n as u128) as usize;
        let column_bin: Vec<usize> = (0..self.n_pre()).map(|j| bin(j, bins_pre, self.n_pre())).collect();
        let mut map = vec![0.0; bins_post * bins_pre];
        for post in 0..self.n_post() {
            let row = bin(post, bins_post, self.n_post()) * bins_pre;
            let (columns, weights) = self.row(post);
            for (&pre, &weight) in columns.iter().zip(weights) {
                map[row + column_bin[pre as usize]] += weight;
            }
        }
        map
    }
}
