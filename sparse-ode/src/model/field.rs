//! The right-hand side of a network on the CPU, in one pass: `dh/dt = (relu(phi(P x + W (s h) + b)) - h) / tau`.
//!
//! Rows are taken in blocks that stay in the first-level cache: bias, input, sparse product, nonlinearity and decay follow each
//! other on a block before the next one begins. Signs are put to a copy of the state, once per evaluation.

use super::activation::{Nonlinearity, relu};
use super::input::Input;
use super::structure::Structure;
use crate::field::{At, FieldError, VectorField};
use rayon::prelude::*;
use std::ops::Range;
use tch_function::on_best_tier;
use tch_sparse::kernel::{Into, product};
use tch_sparse::{Aligned, Layout, Real, parallel};

/// Numbers in a block, about.
const BLOCK: usize = 2048;

/// A network's field on slices.
pub(super) struct Fused<'a, T> {
    pub(super) structure: &'a Structure,
    pub(super) weights: &'a [T],
    /// The signed state, `[neurons, batch]`, where any sign is not +1.
    signed: Aligned<T>,
    signs: Option<Vec<T>>,
    bias: Option<&'a [T]>,
    pub(super) tau: Vec<T>,
    phi: Phi<'a>,
    pub(super) input: Input<'a, T>,
}

/// The nonlinearity of a row.
pub(super) enum Phi<'a> {
    One(&'a Nonlinearity),
    /// Stretches of rows with the same one.
    Stretches(Vec<(Range<usize>, &'a Nonlinearity)>),
}

/// A stretch of rows of an evaluation: what it writes.
struct Out<'o, T> {
    dy: &'o mut [T],
    /// Derivatives of the rectified nonlinearity, where a pull-back is to follow.
    slope: Option<&'o mut [T]>,
}

impl<'a, T: Real> Fused<'a, T> {
    pub(super) fn new(
        structure: &'a Structure,
        weights: &'a [T],
        bias: Option<&'a [T]>,
        tau: &[T],
        input: Input<'a, T>,
    ) -> Self {
        let n = structure.pattern.n_rows();
        Self {
            weights,
            signed: Aligned::zeros(0),
            signs: structure.signs.as_ref().map(|signs| signs.iter().map(|&s| T::from_f64(s)).collect()),
            bias,
            tau: if tau.len() == 1 { vec![tau[0]; n] } else { tau.to_vec() },
            phi: Phi::of(structure),
            input,
            structure,
        }
    }

    pub(super) fn layout(&self) -> &'a Layout {
        self.structure.pattern.layout()
    }

    pub(super) fn signs(&self) -> Option<&[T]> {
        self.signs.as_deref()
    }

    /// Puts signs to a copy of the state.
    pub(super) fn sign(&mut self, batch: usize, y: &[T]) {
        if let Some(signs) = &self.signs {
            if self.signed.len() != y.len() {
                self.signed = Aligned::zeros(y.len());
            }
            const ROWS: usize = 1024;
            self.signed
                .par_chunks_mut(ROWS * batch)
                .zip(y.par_chunks(ROWS * batch))
                .zip(signs.par_chunks(ROWS))
                .for_each(|((to, from), signs)| scale_rows(to, from, signs));
        }
    }

    /// The state as targets see it, after [`sign`](Self::sign).
    pub(super) fn signed<'y>(&'y self, y: &'y [T]) -> &'y [T] {
        if self.signs.is_some() { &self.signed } else { y }
    }

    /// Writes the derivative, and the slopes where they are wanted.
    pub(super) fn write(
        &mut self,
        at: At<'_>,
        y: &[T],
        dy: &mut [T],
        slope: Option<&mut [T]>,
    ) -> Result<(), FieldError> {
        self.input.move_to(at);
        let batch = at.t.len();
        self.sign(batch, y);
        let mut product_is = Product::ToDo;
        if parallel::tile_width::<T>(self.layout(), batch).is_some() {
            parallel::product_all(self.layout(), self.weights, self.signed(y), batch, Into::Replace, dy);
            product_is = Product::Done;
        }
        let parts = parallel::parts(self.layout(), batch);
        let this = &*self;
        if let [all] = &parts[..] {
            this.rows(product_is, batch, all.clone(), y, Out { dy, slope });
            return Ok(());
        }
        let length = |rows: &Range<usize>| rows.len() * batch;
        let slopes: Vec<Option<&mut [T]>> = match slope {
            Some(slope) => parallel::split(slope, &parts, length).into_iter().map(|(_, s)| Some(s)).collect(),
            None => parts.iter().map(|_| None).collect(),
        };
        parallel::split(dy, &parts, length)
            .into_par_iter()
            .zip(slopes)
            .for_each(|((rows, dy), slope)| this.rows(product_is, batch, rows, y, Out { dy, slope }));
        Ok(())
    }

    /// Rows `rows`, written to `out`, which begins at the first of them and may hold the sparse product already.
    fn rows(&self, product_is: Product, batch: usize, rows: Range<usize>, y: &[T], mut out: Out<'_, T>) {
        let x = self.signed(y);
        let block = (BLOCK / batch).max(1);
        let mut start = rows.start;
        for (i, dy) in out.dy.chunks_mut(block * batch).enumerate() {
            let rows = start..start + dy.len() / batch;
            if product_is == Product::ToDo {
                dy.fill(T::ZERO);
            }
            if let Some(bias) = &self.bias {
                for (row, b) in dy.chunks_exact_mut(batch).zip(&bias[rows.clone()]) {
                    for v in row {
                        *v += *b;
                    }
                }
            }
            self.input.add(batch, rows.clone(), dy);
            if product_is == Product::ToDo {
                product(self.layout(), self.weights, x, batch, rows.clone(), Into::Add, dy);
            }
            let h = &y[rows.start * batch..rows.end * batch];
            if let Some(slope) = &mut out.slope {
                let slope = &mut slope[i * block * batch..][..dy.len()];
                slope.fill(T::ONE);
                self.phi.each(rows.clone(), |phi, part| {
                    let part = part.start * batch..part.end * batch;
                    phi.apply_with_slope(&mut dy[part.clone()], &mut slope[part]);
                });
                rectify_slope(slope, dy);
            } else {
                self.phi.each(rows.clone(), |phi, part| phi.apply(&mut dy[part.start * batch..part.end * batch]));
            }
            decay(dy, h, &self.tau[rows.clone()]);
            start = rows.end;
        }
    }
}

/// Whether the sparse product was done for all rows before the blocks are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Product {
    ToDo,
    Done,
}

impl<T: Real> VectorField<T> for Fused<'_, T> {
    fn features(&self) -> usize {
        self.layout().n_rows()
    }

    fn eval(&mut self, at: At<'_>, y: &[T], dy: &mut [T]) -> Result<(), FieldError> {
        self.write(at, y, dy, None)
    }
}

impl<'a> Phi<'a> {
    pub(super) fn of(structure: &'a Structure) -> Self {
        if let Some(phi) = structure.nonlinearities.of_all() {
            return Self::One(phi);
        }
        let mut stretches: Vec<(Range<usize>, &Nonlinearity)> = Vec::new();
        for (row, phi) in structure.nonlinearities.by_neuron().enumerate() {
            match stretches.last_mut() {
                Some((rows, last)) if std::ptr::eq(*last, phi) => rows.end = row + 1,
                _ => stretches.push((row..row + 1, phi)),
            }
        }
        Self::Stretches(stretches)
    }

    /// The nonlinearities of `rows` and which of these rows, counted from the first, have them.
    pub(super) fn each(&self, rows: Range<usize>, mut run: impl FnMut(&Nonlinearity, Range<usize>)) {
        match self {
            Self::One(phi) => run(phi, 0..rows.len()),
            Self::Stretches(list) => {
                let first = list.partition_point(|(r, _)| r.end <= rows.start);
                for (r, phi) in list[first..].iter().take_while(|(r, _)| r.start < rows.end) {
                    run(phi, r.start.max(rows.start) - rows.start..r.end.min(rows.end) - rows.start);
                }
            }
        }
    }
}

on_best_tier!(
    /// `slope = 0` where the rectifier cuts off.
    pub(super) fn rectify_slope<T: Real>(slope: &mut [T], n: &[T]) = rectify_slope_body
);

#[inline(always)]
fn rectify_slope_body<T: Real>(slope: &mut [T], n: &[T]) {
    for (slope, n) in slope.iter_mut().zip(n) {
        *slope = if *n > T::ZERO { *slope } else { T::ZERO };
    }
}

on_best_tier!(
    /// `to = by from`, row by row.
    fn scale_rows<T: Real>(to: &mut [T], from: &[T], by: &[T]) = scale_rows_body
);

#[inline(always)]
fn scale_rows_body<T: Real>(to: &mut [T], from: &[T], by: &[T]) {
    let batch = to.len() / by.len();
    for ((to, from), by) in to.chunks_exact_mut(batch).zip(from.chunks_exact(batch)).zip(by) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *by * *from;
        }
    }
}

on_best_tier!(
    /// `n = (relu(n) - h) / tau`, row by row.
    pub(super) fn decay<T: Real>(n: &mut [T], h: &[T], tau: &[T]) = decay_body
);

#[inline(always)]
fn decay_body<T: Real>(n: &mut [T], h: &[T], tau: &[T]) {
    let batch = n.len() / tau.len();
    if batch == 1 {
        for ((n, h), r) in n.iter_mut().zip(h).zip(tau) {
            *n = (relu(*n) - *h) / *r;
        }
        return;
    }
    for ((n, h), r) in n.chunks_exact_mut(batch).zip(h.chunks_exact(batch)).zip(tau) {
        for (n, h) in n.iter_mut().zip(h) {
            *n = (relu(*n) - *h) / *r;
        }
    }
}
