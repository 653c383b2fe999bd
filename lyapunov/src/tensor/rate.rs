//! Rate networks on tensors.

use super::map::TensorMap;
use crate::Activation;
use crate::model::Wiring;
use tch::{TchError, Tensor};
use tch_sparse::spmm;

/// The map of [`RateNetwork`](crate::RateNetwork) on tensors of any device. Gains, shifts and input are by neuron.
#[derive(Debug)]
pub(crate) struct RateTensors {
    pub(crate) wiring: Wiring,
    pub(crate) activation: Activation,
    pub(crate) dt: f64,
    /// `[n, n]`, `[batch, n, n]` or `[entries]`.
    pub(crate) coupling: Tensor,
    /// `[n]`.
    pub(crate) gain: Tensor,
    pub(crate) shift: Tensor,
    pub(crate) input: Tensor,
}

impl RateTensors {
    /// `φ(h)` and `φ'(h)`.
    fn activity(&self, state: &Tensor) -> Result<(Tensor, Tensor), TchError> {
        let scale = if self.activation == Activation::TanhPositive { 0.5 } else { 1.0 };
        if self.activation == Activation::Tanh {
            let t = state.f_tanh()?;
            let slope = t.f_square()?.f_neg()?.f_add_scalar(1.0)?;
            return Ok((t, slope));
        }
        let t = state.f_sub(&self.shift)?.f_mul(&self.gain)?.f_tanh()?;
        let slope = t.f_square()?.f_neg()?.f_add_scalar(1.0)?.f_mul(&self.gain)?.f_mul_scalar(scale)?;
        let value = if scale == 1.0 { t } else { t.f_add_scalar(1.0)?.f_mul_scalar(scale)? };
        Ok((value, slope))
    }

    /// `J X` for X `[batch, n, columns]`.
    fn product(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let Wiring::Sparse(pattern) = &self.wiring else {
            return self.coupling.f_matmul(x);
        };
        let size = x.size();
        let side_by_side = x.f_transpose(0, 1)?.f_reshape([size[1], -1])?;
        let y = spmm(pattern, &self.coupling, &side_by_side).map_err(|e| TchError::Torch(e.to_string()))?;
        y.f_view([size[1], size[0], size[2]])?.f_transpose(0, 1)
    }

    /// `(1 - dt) h + dt y + u`.
    fn leak(&self, state: &Tensor, y: &Tensor) -> Result<Tensor, TchError> {
        state.f_mul_scalar(1.0 - self.dt)?.f_add(&y.f_mul_scalar(self.dt)?)?.f_add(&self.input)
    }
}

impl TensorMap for RateTensors {
    fn dt(&self) -> f64 {
        self.dt
    }

    fn step(&self, state: &Tensor) -> Result<Tensor, TchError> {
        let (value, _) = self.activity(state)?;
        self.leak(state, &self.product(&value.f_unsqueeze(2)?)?.f_squeeze_dim(2)?)
    }

    fn push(&self, state: &Tensor, tangents: &Tensor) -> Result<(Tensor, Tensor), TchError> {
        let (value, slope) = self.activity(state)?;
        let k = tangents.size()[2];
        let x = Tensor::f_cat(&[slope.f_unsqueeze(2)?.f_mul(tangents)?, value.f_unsqueeze(2)?], 2)?;
        let y = self.product(&x)?;
        let pushed = tangents.f_mul_scalar(1.0 - self.dt)?.f_add(&y.f_narrow(2, 0, k)?.f_mul_scalar(self.dt)?)?;
        Ok((self.leak(state, &y.f_select(2, k)?)?, pushed))
    }
}
