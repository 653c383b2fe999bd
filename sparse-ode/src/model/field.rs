//! The right-hand side of a network on the CPU, in one pass: `dh/dt = (relu(phi(P x + W (s h) + b)) - h) / tau`.
//!
//! Rows are taken in blocks that stay in the first-level cache: bias, input, sparse product, nonlinearity and decay follow each
//! other on a block before the next one begins. Signs are put to a copy of the state, once per evaluation.

use super::activation::{Nonlinearity, relu};
use super::input::Input;
use super::network::Network;
use crate::Error;
use crate::field::{At, FieldError, VectorField};
use crate::math::Number;
use crate::tiers::on_best_tier;
use rayon::prelude::*;
use std::ops::Range;
use tch::{Device, Kind, Tensor};
use tch_sparse::kernel::{Into, product};
use tch_sparse::{Aligned, Layout, parallel, tensor};

/// Numbers in a block, about.
const BLOCK: usize = 2048;

/// A network's field on slices.
pub(super) struct Fused<'a, T> {
    layout: &'a Layout,
    weights: &'a [T],
    /// Signs of the neurons, where any is not +1, and the signed state, `[neurons, batch]`.
    signs: Option<(Vec<T>, Aligned<T>)>,
    bias: Option<&'a [T]>,
    tau: Vec<T>,
    phi: Phi<'a>,
    input: Input<T>,
}

/// The nonlinearity of a row.
enum Phi<'a> {
    One(&'a Nonlinearity),
    /// Stretches of rows with the same one.
    Stretches(Vec<(Range<usize>, &'a Nonlinearity)>),
}

/// Parameters of a network in a form that slices can be taken of.
pub(super) struct Parameters {
    weights: Tensor,
    bias: Option<Tensor>,
}

impl Parameters {
    pub(super) fn of(network: &Network) -> Result<Self, Error> {
        let plain = |t: &Tensor| -> Result<Tensor, Error> { Ok(t.f_detach()?.f_contiguous()?) };
        Ok(Self {
            weights: plain(network.connectome.values())?,
            bias: network.connectome.bias().map(plain).transpose()?,
        })
    }
}

impl<'a, T: Number> Fused<'a, T> {
    pub(super) fn new(network: &'a Network, parameters: &'a Parameters, input: Input<T>) -> Result<Self, Error> {
        let signed = network.signs.iter().any(|&s| s < 0.0);
        let tau = network.tau_column()?.f_detach()?.f_contiguous()?;
        Ok(Self {
            layout: network.connectome.pattern().layout(),
            weights: tensor::as_slice(&parameters.weights),
            signs: signed.then(|| (network.signs.iter().map(|&s| T::from_f64(s)).collect(), Aligned::zeros(0))),
            bias: parameters.bias.as_ref().map(tensor::as_slice),
            tau: tensor::as_slice::<T>(&tau).to_vec(),
            phi: Phi::of(network),
            input,
        })
    }

    /// Rows `rows`, written to `dy`, which begins at the first of them and may hold the sparse product already.
    fn rows(&self, product_is: Product, batch: usize, rows: Range<usize>, y: &[T], dy: &mut [T]) {
        let x = self.signed(y);
        let block = (BLOCK / batch).max(1);
        let mut start = rows.start;
        for out in dy.chunks_mut(block * batch) {
            let rows = start..start + out.len() / batch;
            if product_is == Product::ToDo {
                out.fill(T::ZERO);
            }
            if let Some(bias) = &self.bias {
                for (row, b) in out.chunks_exact_mut(batch).zip(&bias[rows.clone()]) {
                    for v in row {
                        *v += *b;
                    }
                }
            }
            self.input.add(batch, rows.clone(), out);
            if product_is == Product::ToDo {
                product(self.layout, self.weights, x, batch, rows.clone(), Into::Add, out);
            }
            self.phi.apply(batch, rows.clone(), out);
            let h = &y[rows.start * batch..rows.end * batch];
            decay(out, h, &self.tau[rows.clone()]);
            start = rows.end;
        }
    }
}

impl<T> Fused<'_, T> {
    /// The state as targets see it.
    fn signed<'y>(&'y self, y: &'y [T]) -> &'y [T] {
        self.signs.as_ref().map_or(y, |(_, signed)| signed)
    }
}

/// Whether the sparse product was done for all rows before the blocks are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Product {
    ToDo,
    Done,
}

impl<T: Number> VectorField<T> for Fused<'_, T> {
    fn features(&self) -> usize {
        self.layout.n_rows()
    }

    fn eval(&mut self, at: At<'_>, y: &[T], dy: &mut [T]) -> Result<(), FieldError> {
        self.input.move_to(at)?;
        let batch = at.t.len();
        if let Some((signs, signed)) = &mut self.signs {
            if signed.len() != y.len() {
                *signed = Aligned::zeros(y.len());
            }
            const ROWS: usize = 1024;
            signed
                .par_chunks_mut(ROWS * batch)
                .zip(y.par_chunks(ROWS * batch))
                .zip(signs.par_chunks(ROWS))
                .for_each(|((to, from), signs)| scale_rows(to, from, signs));
        }
        let mut product_is = Product::ToDo;
        if parallel::tile_width::<T>(self.layout, batch).is_some() {
            parallel::product_all(self.layout, self.weights, self.signed(y), batch, Into::Replace, dy);
            product_is = Product::Done;
        }
        let parts = parallel::parts(self.layout, batch);
        let this = &*self;
        match &parts[..] {
            [all] => this.rows(product_is, batch, all.clone(), y, dy),
            _ => parallel::split(dy, &parts, |rows| rows.len() * batch)
                .into_par_iter()
                .for_each(|(rows, dy)| this.rows(product_is, batch, rows, y, dy)),
        }
        Ok(())
    }
}

impl<'a> Phi<'a> {
    fn of(network: &'a Network) -> Self {
        let (Some(types), true) = (&network.types, network.nonlinearity.len() > 1) else {
            return Self::One(&network.nonlinearity[0]);
        };
        let mut stretches: Vec<(Range<usize>, &Nonlinearity)> = Vec::new();
        for (row, &kind) in types.of_neurons().iter().enumerate() {
            let phi = &network.nonlinearity[kind as usize];
            match stretches.last_mut() {
                Some((rows, last)) if std::ptr::eq(*last, phi) => rows.end = row + 1,
                _ => stretches.push((row..row + 1, phi)),
            }
        }
        Self::Stretches(stretches)
    }

    fn apply<T: Number>(&self, batch: usize, rows: Range<usize>, block: &mut [T]) {
        match self {
            Self::One(phi) => phi.apply(block),
            Self::Stretches(list) => {
                let first = list.partition_point(|(r, _)| r.end <= rows.start);
                for (r, phi) in list[first..].iter().take_while(|(r, _)| r.start < rows.end) {
                    let (a, b) = (r.start.max(rows.start), r.end.min(rows.end));
                    phi.apply(&mut block[(a - rows.start) * batch..(b - rows.start) * batch]);
                }
            }
        }
    }
}

on_best_tier!(
    /// `to = by from`, row by row.
    fn scale_rows<T>(to: &mut [T], from: &[T], by: &[T]) = scale_rows_body
);

#[inline(always)]
fn scale_rows_body<T: Number>(to: &mut [T], from: &[T], by: &[T]) {
    let batch = to.len() / by.len();
    for ((to, from), by) in to.chunks_exact_mut(batch).zip(from.chunks_exact(batch)).zip(by) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *by * *from;
        }
    }
}

on_best_tier!(
    /// `n = (relu(n) - h) / tau`, row by row.
    fn decay<T>(n: &mut [T], h: &[T], tau: &[T]) = decay_body
);

#[inline(always)]
fn decay_body<T: Number>(n: &mut [T], h: &[T], tau: &[T]) {
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

/// The same by libtorch's operations, for parameters on another device: the state goes there and back at each evaluation.
pub(super) struct Tensors<'a, T> {
    network: &'a Network,
    matrix: tch_sparse::SparseMatrix,
    sign: Option<Tensor>,
    tau: Tensor,
    input: Input<T>,
}

impl<'a, T: Number> Tensors<'a, T> {
    pub(super) fn new(network: &'a Network, input: Input<T>) -> Result<Self, Error> {
        Ok(Self {
            matrix: network.connectome.matrix()?,
            sign: network.sign_column()?,
            tau: network.tau_column()?,
            network,
            input,
        })
    }

    fn derivative(&self, h: &Tensor, drive: &Tensor) -> Result<Tensor, Error> {
        let z = self.network.summed(&self.matrix, self.sign.as_ref(), drive, h)?;
        Ok(self.network.activate(&z)?.f_relu()?.f_sub(h)?.f_div(&self.tau)?)
    }
}

impl<T: Number> VectorField<T> for Tensors<'_, T> {
    fn features(&self) -> usize {
        self.network.neurons
    }

    fn eval(&mut self, at: At<'_>, y: &[T], dy: &mut [T]) -> Result<(), FieldError> {
        self.input.move_to(at)?;
        tch::no_grad(|| {
            let (device, batch) = (self.network.device(), at.t.len() as i64);
            let there = |v: &[T]| -> Result<Tensor, Error> {
                let t = tensor::filled::<T>(&[v.len() as i64 / batch, batch], |out| out.copy_from_slice(v))?;
                Ok(t.f_to_device(device)?)
            };
            let drive = self.network.drive(&there(self.input.features())?)?;
            let back = self.derivative(&there(y)?, &drive)?.f_to_device(Device::Cpu)?.f_contiguous()?;
            dy.copy_from_slice(tensor::as_slice::<T>(&back));
            Ok(())
        })
    }
}

/// Whether a kind of numbers is the field's.
pub(super) fn is_kind<T: Number>(kind: Kind) -> bool {
    kind == T::KIND
}
