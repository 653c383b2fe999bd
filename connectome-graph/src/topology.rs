//! Who connects to whom: a validated sparse matrix `[post, pre]`.
//!
//! Row `i` lists the inputs of neuron `i`, so that `y = W x` sums over presynaptic neurons.

mod build;
mod components;
mod dense;
mod measure;
mod sign;

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;
use sprs::{CsMatI, CsMatViewI};

use crate::Error;

pub use build::{Duplicates, UnknownSign, WeightRule};
pub use components::Components;
pub use sign::Dale;

/// Sparse connectivity `[n_post, n_pre]` in CSR form: columns `u32`, offsets `usize`, weights `f64`.
///
/// Validated at construction, hence always: columns of each row strictly ascending (no synapse twice), in range, and
/// weights finite. Explicit zeros are kept: they are synapses whose weight happens to be 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Topology {
    matrix: CsMatI<f64, u32, usize>,
}

impl Topology {
    /// Wraps CSR arrays that satisfy the invariants of the type by construction.
    pub(crate) fn from_parts(
        n_post: usize,
        n_pre: usize,
        row_ptr: Vec<usize>,
        columns: Vec<u32>,
        weights: Vec<f64>,
    ) -> Self {
        let matrix = CsMatI::try_new((n_post, n_pre), row_ptr, columns, weights)
            .map_err(|(_, _, _, error)| error)
            .expect("CSR arrays were checked before");
        Self { matrix }
    }

    /// Number of postsynaptic neurons (rows).
    pub fn n_post(&self) -> usize {
        self.matrix.rows()
    }

    /// Number of presynaptic neurons (columns).
    pub fn n_pre(&self) -> usize {
        self.matrix.cols()
    }

    /// Number of stored synapses, explicit zeros included.
    pub fn nnz(&self) -> usize {
        self.matrix.nnz()
    }

    /// Offsets of the rows, `[n_post + 1]`: row `i` is `row_ptr[i]..row_ptr[i + 1]`.
    pub fn row_ptr(&self) -> &[usize] {
        match self.matrix.proper_indptr() {
            Cow::Borrowed(offsets) => offsets,
            Cow::Owned(_) => unreachable!("an owned matrix has offsets from 0"),
        }
    }

    /// Presynaptic neuron of each entry, `[nnz]`.
    pub fn columns(&self) -> &[u32] {
        self.matrix.indices()
    }

    /// Weight of each entry, `[nnz]`.
    pub fn weights(&self) -> &[f64] {
        self.matrix.data()
    }

    /// The matrix as `sprs` sees it.
    pub fn as_sprs(&self) -> CsMatViewI<'_, f64, u32, usize> {
        self.matrix.view()
    }

    /// The matrix itself, for use with `sprs`.
    pub fn into_sprs(self) -> CsMatI<f64, u32, usize> {
        self.matrix
    }

    /// Presynaptic neurons of `post` in ascending order, and their weights.
    ///
    /// # Panics
    /// If `post` is not a row.
    pub fn row(&self, post: usize) -> (&[u32], &[f64]) {
        let range = self.row_range(post);
        (&self.columns()[range.clone()], &self.weights()[range])
    }

    /// Weight of `pre -> post`, if there is such a synapse.
    pub fn get(&self, post: u32, pre: u32) -> Option<f64> {
        if post as usize >= self.n_post() {
            return None;
        }
        let (columns, weights) = self.row(post as usize);
        columns.binary_search(&pre).ok().map(|entry| weights[entry])
    }

    /// All synapses as `(post, pre, weight)`, by post, then pre.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, f64)> + '_ {
        (0..self.n_post()).flat_map(move |post| {
            let (columns, weights) = self.row(post);
            columns.iter().zip(weights).map(move |(&pre, &weight)| (post as u32, pre, weight))
        })
    }

    /// Postsynaptic neuron of each entry, `[nnz]`.
    pub(crate) fn posts(&self) -> Vec<u32> {
        let mut posts = Vec::with_capacity(self.nnz());
        for (post, bounds) in (0..).zip(self.row_ptr().windows(2)) {
            posts.resize(bounds[1], post);
        }
        posts
    }

    /// Transposed copy `[n_pre, n_post]`, which is also the CSC form of this matrix: row `j` lists the targets of
    /// neuron `j`. Linear in synapses and neurons.
    pub fn transpose(&self) -> Self {
        let mut row_ptr = vec![0usize; self.n_pre() + 1];
        for &pre in self.columns() {
            row_ptr[pre as usize + 1] += 1;
        }
        for i in 0..self.n_pre() {
            row_ptr[i + 1] += row_ptr[i];
        }
        let mut next = row_ptr.clone();
        let mut columns = vec![0u32; self.nnz()];
        let mut weights = vec![0f64; self.nnz()];
        for post in 0..self.n_post() {
            let (inputs, values) = self.row(post);
            for (&pre, &weight) in inputs.iter().zip(values) {
                let place = next[pre as usize];
                columns[place] = post as u32;
                weights[place] = weight;
                next[pre as usize] = place + 1;
            }
        }
        Self::from_parts(self.n_pre(), self.n_post(), row_ptr, columns, weights)
    }

    /// Same synapses with `f(weight)` in place of each weight.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if `f` gives NaN or infinity.
    pub fn map_weights(&self, f: impl Fn(f64) -> f64 + Sync) -> Result<Self, Error> {
        self.with_weights(self.weights().par_iter().map(|&weight| f(weight)).collect())
    }

    /// Same synapses with other weights, `[nnz]` in the order of [`Topology::weights`].
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::NotFinite`].
    pub fn with_weights(&self, weights: Vec<f64>) -> Result<Self, Error> {
        build::check_finite(self.row_ptr(), self.columns(), &weights)?;
        Ok(Self::from_parts(self.n_post(), self.n_pre(), self.row_ptr().to_vec(), self.columns().to_vec(), weights))
    }

    /// The network among the neurons `keep`, in that order: neuron `k` of the result is `keep[k]`.
    ///
    /// # Panics
    /// If the topology is not square, or `keep` repeats a neuron or names one that does not exist.
    pub fn induced(&self, keep: &[u32]) -> Self {
        let n = self.assert_square("induced");
        let mut place = vec![u32::MAX; n];
        for (new, &old) in keep.iter().enumerate() {
            assert!((old as usize) < n, "induced: neuron {old} of {n}");
            assert!(place[old as usize] == u32::MAX, "induced: neuron {old} is named twice");
            place[old as usize] = new as u32;
        }
        let rows: Vec<Vec<(u32, f64)>> = keep
            .par_iter()
            .map(|&old| {
                let (columns, weights) = self.row(old as usize);
                let mut row: Vec<(u32, f64)> = columns
                    .iter()
                    .zip(weights)
                    .map(|(&pre, &weight)| (place[pre as usize], weight))
                    .filter(|&(pre, _)| pre != u32::MAX)
                    .collect();
                row.sort_unstable_by_key(|&(pre, _)| pre);
                row
            })
            .collect();
        Self::from_rows(keep.len(), &rows)
    }

    /// Assembles sorted rows of `(pre, weight)`.
    pub(crate) fn from_rows(n_pre: usize, rows: &[Vec<(u32, f64)>]) -> Self {
        let mut row_ptr = Vec::with_capacity(rows.len() + 1);
        row_ptr.push(0);
        let mut nnz = 0;
        for row in rows {
            nnz += row.len();
            row_ptr.push(nnz);
        }
        let columns = rows.iter().flatten().map(|&(pre, _)| pre).collect();
        let weights = rows.iter().flatten().map(|&(_, weight)| weight).collect();
        Self::from_parts(rows.len(), n_pre, row_ptr, columns, weights)
    }

    fn row_range(&self, post: usize) -> Range<usize> {
        let row_ptr = self.row_ptr();
        row_ptr[post]..row_ptr[post + 1]
    }

    /// Number of neurons of a network; panics with both shapes if rows and columns are different populations.
    pub(crate) fn assert_square(&self, what: &str) -> usize {
        assert!(
            self.n_post() == self.n_pre(),
            "{what} wants a square topology, this one is [{}, {}]",
            self.n_post(),
            self.n_pre()
        );
        self.n_post()
    }
}
