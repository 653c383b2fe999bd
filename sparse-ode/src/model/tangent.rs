//! A network under a held input as numbers: its right-hand side and tangent product, for the analysis of its dynamics.

use super::connectome_ode_rnn::ConnectomeOdeRnn;
use super::field::{Phi, decay, rectify_slope};
use super::structure::Structure;
use crate::Error;
use std::sync::Arc;
use tch::{Kind, Tensor};
use tch_function::slices::as_slice;
use tch_sparse::kernel::Into;
use tch_sparse::parallel::product_all;
use tch_sparse::{Aligned, Real};

/// The right-hand side of a [`ConnectomeOdeRnn`] under a held input, and its product with tangents: what Lyapunov exponents are
/// computed of (crate `lyapunov`, feature `sparse-ode`). It keeps the weights of the moment at which it was made.
#[derive(Debug)]
pub struct HeldInput<T> {
    structure: Arc<Structure>,
    weights: Vec<T>,
    signs: Option<Vec<T>>,
    /// Bias and input, `[neurons]`.
    drive: Vec<T>,
    tau: Vec<T>,
}

/// Memory of evaluations with so many tangents.
#[derive(Debug)]
pub struct HeldWork<T> {
    /// Signed tangents and state, and the product with them, `[neurons, tangents + 1]`.
    x: Aligned<T>,
    y: Aligned<T>,
    slope: Vec<T>,
}

impl ConnectomeOdeRnn {
    /// The network under an input `[inputs]` that is held. Weights and time constants are held within their bounds first, as by a
    /// forward pass.
    ///
    /// # Errors
    /// [`Error::Input`] where the input or the kind does not fit.
    pub fn held_input<T: Real>(&self, input: &Tensor) -> Result<HeldInput<T>, Error> {
        let network = &self.network;
        if network.kind() != T::KIND {
            let (got, want) = (format!("{:?}", T::KIND), format!("{:?}", network.kind()));
            return Err(Error::Input { what: "the kind of numbers", got, want });
        }
        network.check("the input", input, &[network.input_size as i64])?;
        tch::no_grad(|| {
            network.clamp()?;
            let numbers = |t: &Tensor| -> Result<Vec<T>, Error> {
                let t = t.f_detach()?.f_to_device(tch::Device::Cpu)?.f_contiguous()?;
                Ok(as_slice::<T>(&t).to_vec())
            };
            let mut drive = network.drive(&input.f_unsqueeze(1)?)?;
            if let Some(bias) = network.connectome.bias() {
                drive = drive.f_add(bias)?;
            }
            let tau = network.tau_column()?.f_expand([network.neurons as i64, 1], false)?;
            Ok(HeldInput {
                structure: network.structure.clone(),
                weights: numbers(&network.weights()?)?,
                signs: network.structure.signs.as_ref().map(|s| s.iter().map(|&s| T::from_f64(s)).collect()),
                drive: numbers(&drive)?,
                tau: numbers(&tau)?,
            })
        })
    }
}

impl<T: Real> HeldInput<T> {
    /// Neurons.
    pub fn neurons(&self) -> usize {
        self.tau.len()
    }

    /// The kind of its numbers.
    pub fn kind(&self) -> Kind {
        T::KIND
    }

    /// Memory of evaluations with so many tangents.
    pub fn work(&self, tangents: usize) -> HeldWork<T> {
        let n = self.neurons();
        let zeros = || Aligned::zeros(n * (tangents + 1));
        HeldWork { x: zeros(), y: zeros(), slope: vec![T::ZERO; n] }
    }

    /// Writes `f(h)` and `Df(h) Q`.
    ///
    /// **Shape**: `h`, `dh` `[neurons]`; `q`, `dq` `[neurons, k]`, row-major, with the `k` of the memory or 0.
    ///
    /// # Panics
    /// When lengths do not fit.
    pub fn eval(&self, h: &[T], q: &[T], dh: &mut [T], dq: &mut [T], work: &mut HeldWork<T>) {
        let n = self.neurons();
        let k = q.len() / n.max(1);
        let columns = k + 1;
        assert!(
            h.len() == n && dh.len() == n && q.len() == n * k && dq.len() == n * k && work.x.len() >= n * columns,
            "{n} neurons: got states {} and {}, tangents {} and {}, memory for {}",
            h.len(),
            dh.len(),
            q.len(),
            dq.len(),
            work.x.len() / n.max(1)
        );
        let (x, y) = (&mut work.x[..n * columns], &mut work.y[..n * columns]);
        for (i, row) in x.chunks_exact_mut(columns).enumerate() {
            let sign = self.signs.as_ref().map_or(T::ONE, |s| s[i]);
            for (to, q) in row.iter_mut().zip(&q[i * k..(i + 1) * k]) {
                *to = sign * *q;
            }
            row[k] = sign * h[i];
        }
        product_all(self.structure.pattern.layout(), &self.weights, x, columns, Into::Replace, y);
        for ((dh, y), drive) in dh.iter_mut().zip(y.chunks_exact(columns)).zip(&self.drive) {
            *dh = y[k] + *drive;
        }
        let slope = &mut work.slope;
        slope.fill(T::ONE);
        let phi = Phi::of(&self.structure);
        phi.each(0..n, |phi, part| phi.apply_with_slope(&mut dh[part.clone()], &mut slope[part]));
        rectify_slope(slope, dh);
        decay(dh, h, &self.tau);
        for (i, (dq, y)) in dq.chunks_exact_mut(k.max(1)).zip(y.chunks_exact(columns)).enumerate() {
            for ((dq, y), q) in dq.iter_mut().zip(y).zip(&q[i * k..(i + 1) * k]) {
                *dq = (slope[i] * *y - *q) / self.tau[i];
            }
        }
    }
}
