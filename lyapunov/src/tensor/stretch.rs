//! A stretch of steps that ends with a factorisation, as an operation that keeps its beginning alone.

use super::map::TensorMap;
use std::sync::{Arc, Mutex, PoisonError};
use tch::{Kind, TchError, Tensor};
use tch_function::{BoxError, Forward, Op, SecondDerivative};

/// Inputs: state `[batch, n]`, tangents `[batch, n, k]`, and the map's parameters, which it holds itself. Outputs: state and tangents
/// after it, and the logarithms of their growth, `[batch, k]`.
pub(super) struct Stretch<M> {
    pub(super) map: Arc<Mutex<M>>,
    pub(super) steps: u64,
    /// Whether tangents run along.
    pub(super) tangents: bool,
}

impl<M: TensorMap> Stretch<M> {
    /// Does the steps. What records gradients is recorded.
    pub(super) fn go(&self, state: &Tensor, tangents: &Tensor) -> Result<[Tensor; 3], TchError> {
        let map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut state, mut tangents) = (state.shallow_clone(), tangents.shallow_clone());
        for _ in 0..self.steps {
            if self.tangents {
                (state, tangents) = map.push(&state, &tangents)?;
            } else {
                state = map.step(&state)?;
            }
        }
        let (batch, k) = (tangents.size()[0], tangents.size()[2]);
        if !self.tangents {
            let logs = Tensor::f_zeros([batch, k], (state.kind(), state.device()))?;
            return Ok([state, tangents, logs]);
        }
        let (q, r) = Tensor::f_linalg_qr(&tangents, "reduced")?;
        let logs = r.f_diagonal(0, -2, -1)?.f_abs()?.f_log()?;
        // What a single step leaves of a tangent that depends on others is rounding alone.
        let logs = if self.steps == 1 { logs.f_masked_fill(&dependent(&r)?, f64::NEG_INFINITY)? } else { logs };
        Ok([state, q, logs])
    }
}

impl<M: TensorMap> Op for Stretch<M> {
    const NAME: &'static str = "stretch of a Lyapunov spectrum";
    const SECOND: SecondDerivative = SecondDerivative::Refuse;

    fn forward(&self, inputs: &[Tensor], _needs: &[bool]) -> Result<Forward, BoxError> {
        let outputs = self.go(&inputs[0], &inputs[1])?;
        // Outputs are new tensors; where there are no tangents theirs is the input.
        let outputs = outputs
            .into_iter()
            .map(|t| if t.is_set_to(&inputs[1]) || t.is_set_to(&inputs[0]) { t.copy() } else { t.contiguous() });
        Ok(Forward { outputs: outputs.collect(), saved: inputs.iter().map(Tensor::shallow_clone).collect() })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        tch::with_grad(|| {
            let leaf = |t: &Tensor| t.f_detach()?.f_set_requires_grad(true);
            let (state, tangents) = (leaf(&saved[0])?, leaf(&saved[1])?);
            let outputs = self.go(&state, &tangents)?;
            let mut scalar: Option<Tensor> = None;
            for (output, gradient) in outputs.iter().zip(grads) {
                if let Some(g) = gradient.as_ref().filter(|_| output.requires_grad()) {
                    let part = output.f_mul(g)?.f_sum(output.kind())?;
                    scalar = Some(match scalar {
                        Some(sum) => sum.f_add(&part)?,
                        None => part,
                    });
                }
            }
            let Some(scalar) = scalar else {
                return Ok(needs.iter().map(|_| None).collect());
            };
            // Zeros times each input keep those that the stretch does not depend on in the graph.
            let inputs: Vec<&Tensor> = [&state, &tangents].into_iter().chain(&saved[2..]).collect();
            let mut kept = scalar;
            for input in inputs.iter().zip(needs).filter(|(_, need)| **need).map(|(input, _)| input) {
                kept = kept.f_add(&input.f_sum(input.kind())?.f_mul_scalar(0.0)?)?;
            }
            let wanted: Vec<&Tensor> =
                inputs.iter().zip(needs).filter(|(_, need)| **need).map(|(input, _)| *input).collect();
            let mut gradients = Tensor::f_run_backward(&[kept], &wanted, false, false)?.into_iter();
            Ok(needs.iter().map(|need| if *need { gradients.next() } else { None }).collect())
        })
    }
}

/// Which columns depend on those before them as far as rounding tells, `[batch, k]`, by the triangular factor `[batch, k, k]`.
pub(super) fn dependent(r: &Tensor) -> Result<Tensor, TchError> {
    let r = r.f_detach()?;
    let rounding = if r.kind() == Kind::Float { 1e-6 } else { 1e-14 };
    let lengths = r.f_square()?.f_sum_dim_intlist([1i64].as_slice(), false, r.kind())?.f_sqrt()?;
    r.f_diagonal(0, -2, -1)?.f_abs()?.f_le_tensor(&lengths.f_mul_scalar(rounding)?)
}

/// The kind of numbers that spectra are computed in.
pub(super) fn is_real(kind: Kind) -> bool {
    matches!(kind, Kind::Float | Kind::Double)
}
