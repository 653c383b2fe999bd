//! Degrees, strengths, density, self loops and reciprocity.

use std::cmp::Ordering;

use rayon::prelude::*;

use super::Topology;

impl Topology {
    /// Number of inputs of each postsynaptic neuron, `[n_post]`.
    pub fn in_degree(&self) -> Vec<u32> {
        self.row_ptr().windows(2).map(|w| (w[1] - w[0]) as u32).collect()
    }

    /// Number of targets of each presynaptic neuron, `[n_pre]`.
    pub fn out_degree(&self) -> Vec<u32> {
        let mut degree = vec![0u32; self.n_pre()];
        for &pre in self.columns() {
            degree[pre as usize] += 1;
        }
        degree
    }

    /// Summed weight of the inputs of each neuron, `[n_post]`, in column order.
    pub fn in_strength(&self) -> Vec<f64> {
        let (row_ptr, weights) = (self.row_ptr(), self.weights());
        row_ptr.par_windows(2).map(|w| weights[w[0]..w[1]].iter().sum()).collect()
    }

    /// Summed weight of the outputs of each neuron, `[n_pre]`, in row order.
    pub fn out_strength(&self) -> Vec<f64> {
        let mut strength = vec![0f64; self.n_pre()];
        for (&pre, &weight) in self.columns().iter().zip(self.weights()) {
            strength[pre as usize] += weight;
        }
        strength
    }

    /// Stored synapses as a fraction of the `n_post * n_pre` possible ones; 0 for an empty matrix.
    pub fn density(&self) -> f64 {
        let possible = self.n_post() as f64 * self.n_pre() as f64;
        if possible == 0.0 { 0.0 } else { self.nnz() as f64 / possible }
    }

    /// Number of synapses of neurons onto themselves.
    pub fn self_loops(&self) -> usize {
        (0..self.n_post().min(self.n_pre()))
            .into_par_iter()
            .filter(|&i| self.row(i).0.binary_search(&(i as u32)).is_ok())
            .count()
    }

    /// Fraction of the synapses between different neurons whose reverse exists too; 0 if there are none.
    ///
    /// # Panics
    /// If the topology is not square.
    pub fn reciprocity(&self) -> f64 {
        let n = self.assert_square("reciprocity");
        let reverse = self.transpose();
        let mutual: usize = (0..n).into_par_iter().map(|i| common(self.row(i).0, reverse.row(i).0, i as u32)).sum();
        let edges = self.nnz() - self.self_loops();
        if edges == 0 { 0.0 } else { mutual as f64 / edges as f64 }
    }
}

/// Number of entries, other than `skip`, that two ascending lists share.
fn common(a: &[u32], b: &[u32], skip: u32) -> usize {
    let (mut i, mut j, mut count) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            Ordering::Less => i += 1,
            Ordering::Greater => j += 1,
            Ordering::Equal => {
                count += usize::from(a[i] != skip);
                i += 1;
                j += 1;
            }
        }
    }
    count
}
