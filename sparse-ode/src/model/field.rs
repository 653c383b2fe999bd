//! The right-hand side of a network on the CPU, in one pass: `dh/dt = (relu(phi(P x + W (s h) + b)) - h) / tau`.
//!
//! Rows are taken in blocks that stay in the first-level cache: bias, input, sparse product, nonlinearity and decay follow each
//! other on a block before the next one begins. Signs are folded into the weights once per solve.

use super::activation::{Nonlinearity, relu};
use super::input::Input;
use super::network::Network;
use super::options::SignRule;
use crate::Error;
use crate::field::{At, FieldError, VectorField};
use crate::math::Number;
use crate::tiers::on_best_tier;
use rayon::prelude::*;
use std::ops::Range;
use tch::{Device, Kind, Tensor};
use tch_sparse::kernel::{Into, product};
use tch_sparse::{Layout, parallel, tensor};

/// Numbers in a block, about.
const BLOCK: usize = 2048;

/// A network's field on slices.
pub(super) struct Fused<'a, T> {
    layout: &'a Layout,
    /// With the presynaptic signs in them.
    weights: Vec<T>,
    bias: Option<Vec<T>>,
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

/// The numbers of a parameter.
fn numbers<T: Number>(t: &Tensor) -> Result<Vec<T>, Error> {
    let t = t.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?;
    Ok(tensor::as_slice::<T>(&t).to_vec())
}

impl<'a, T: Number> Fused<'a, T> {
    pub(super) fn new(network: &'a Network, input: Input<T>) -> Result<Self, Error> {
        let layout = network.connectome.pattern().layout();
        let mut weights = numbers::<T>(network.connectome.values())?;
        if network.sign_rule == SignRule::Dale && network.signs.iter().any(|&s| s < 0.0) {
            for (e, w) in weights.iter_mut().enumerate() {
                if network.signs[layout.column(e) as usize] < 0.0 {
                    *w = -*w;
                }
            }
        }
        let tau = numbers::<T>(&network.tau_column()?)?;
        Ok(Self {
            layout,
            weights,
            bias: network.connectome.bias().map(numbers).transpose()?,
            tau,
            phi: Phi::of(network),
            input,
        })
    }

    /// Rows `rows`, written to `dy`, which begins at the first of them.
    fn rows(&self, batch: usize, rows: Range<usize>, y: &[T], dy: &mut [T]) {
        let block = (BLOCK / batch).max(1);
        let mut start = rows.start;
        for out in dy.chunks_mut(block * batch) {
            let rows = start..start + out.len() / batch;
            match &self.bias {
                Some(bias) => {
                    for (row, b) in out.chunks_exact_mut(batch).zip(&bias[rows.clone()]) {
                        row.fill(*b);
                    }
                }
                None => out.fill(T::ZERO),
            }
            self.input.add(batch, rows.clone(), out);
            product(
                self.layout,
                &self.weights,
                y,
                batch,
                rows.clone(),
                Into::Add,
                out,
            );
            self.phi.apply(batch, rows.clone(), out);
            let h = &y[rows.start * batch..rows.end * batch];
            decay(out, h, &self.tau[rows.clone()]);
            start = rows.end;
        }
    }
}

impl<T: Number> VectorField<T> for Fused<'_, T> {
    fn features(&self) -> usize {
        self.layout.n_rows()
    }

    fn eval(&mut self, at: At<'_>, y: &[T], dy: &mut [T]) -> Result<(), FieldError> {
        self.input.move_to(at)?;
        let batch = at.t.len();
        let parts = parallel::parts(self.layout, batch);
        let this = &*self;
        match &parts[..] {
            [all] => this.rows(batch, all.clone(), y, dy),
            _ => parallel::split(dy, &parts, |rows| rows.len() * batch)
                .into_par_iter()
                .for_each(|(rows, dy)| this.rows(batch, rows, y, dy)),
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
    for ((n, h), r) in n
        .chunks_exact_mut(batch)
        .zip(h.chunks_exact(batch))
        .zip(tau)
    {
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
        let z = self
            .network
            .summed(&self.matrix, self.sign.as_ref(), drive, h)?;
        Ok(self
            .network
            .activate(&z)?
            .f_relu()?
            .f_sub(h)?
            .f_div(&self.tau)?)
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
                let t = tensor::filled::<T>(&[v.len() as i64 / batch, batch], |out| {
                    out.copy_from_slice(v)
                })?;
                Ok(t.f_to_device(device)?)
            };
            let drive = self.network.drive(&there(self.input.features())?)?;
            let back = self
                .derivative(&there(y)?, &drive)?
                .f_to_device(Device::Cpu)?
                .f_contiguous()?;
            dy.copy_from_slice(tensor::as_slice::<T>(&back));
            Ok(())
        })
    }
}

/// Whether a kind of numbers is the field's.
pub(super) fn is_kind<T: Number>(kind: Kind) -> bool {
    kind == T::KIND
}
