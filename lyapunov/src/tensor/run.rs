//! Spectra of maps of tensors.

use super::map::TensorMap;
use super::stretch::{Stretch, dependent, is_real};
use crate::spectrum::tensors::Tally;
use crate::{Error, Settings, Spectrum};
use std::sync::{Arc, Mutex};
use tch::{Kind, Tensor};
use tch_function::apply;

/// Exponents of a batch as a tensor, and the spectra that they are of.
#[derive(Debug)]
pub struct TensorExponents {
    /// `[batch, k]`.
    pub exponents: Tensor,
    /// One per state; their states are in double precision.
    pub spectra: Vec<Spectrum<f64>>,
    /// States at the end, `[batch, n]`.
    pub state: Tensor,
}

/// Steps of the state alone that are one node of the graph.
const PLAIN: u64 = 64;

impl Settings {
    /// Computes the exponents of trajectories that start at `state`, `[batch, n]`, on its device. Gradients flow to the state.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`Error::Torch`].
    pub fn run_tensors<M: TensorMap>(&self, map: M, state: &Tensor) -> Result<TensorExponents, Error> {
        self.run_tensors_with(map, state, &[])
    }

    /// The same for a map that holds parameters, to which gradients flow, too: the very tensors that it computes with. The graph keeps
    /// state and tangents at each orthonormalisation; what lies between is computed anew in the reverse pass.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`Error::Torch`].
    pub fn run_tensors_with<M: TensorMap>(
        &self,
        map: M,
        state: &Tensor,
        parameters: &[&Tensor],
    ) -> Result<TensorExponents, Error> {
        let (size, kind) = (state.size(), state.f_kind()?);
        if size.len() != 2 || size[0] == 0 || size[1] == 0 || !is_real(kind) {
            let got = format!("{size:?} {kind:?}");
            return Err(Error::Shape { what: "the starting state", got, want: "[batch, n] Float or Double".into() });
        }
        let (batch, n) = (size[0], size[1]);
        let mut tally = Tally::new(self, map.dt(), batch as usize, n as usize, kind)?;
        let k = tally.exponents() as i64;
        let mut tangents = Vec::with_capacity((batch * n * k) as usize);
        for b in 0..batch {
            match self.given_start() {
                Some(start) if start.len() as i64 == n * k => tangents.extend_from_slice(start),
                Some(start) => {
                    let (got, want) = (format!("{} numbers", start.len()), format!("[{n}, {k}]"));
                    return Err(Error::Shape { what: "the tangents to start from", got, want });
                }
                None => tangents.extend(self.for_network(b as usize).drawn_start((n * k) as usize)),
            }
        }
        let tangents = Tensor::f_from_slice(&tangents)?.f_view([batch, n, k])?.f_to_kind(kind)?;
        let (mut tangents, r) = Tensor::f_linalg_qr(&tangents.f_to_device(state.device())?, "reduced")?;
        let finite = r.f_isfinite()?.f_all()?.f_int64_value(&[])? != 0;
        if !finite || dependent(&r)?.f_any()?.f_int64_value(&[])? != 0 {
            return Err(Error::setting(
                "start",
                "tangents depend on each other or are not finite; give independent ones",
            ));
        }
        let mut state = state.shallow_clone();
        let map = Arc::new(Mutex::new(map));
        let mut sums = Tensor::f_zeros([batch, k], (Kind::Double, state.device()))?;
        while let Some((start, end, with_tangents, counts)) = tally.stretch(PLAIN) {
            let stretch = Stretch { map: map.clone(), steps: end - start, tangents: with_tangents };
            let inputs: Vec<&Tensor> = [&state, &tangents].into_iter().chain(parameters.iter().copied()).collect();
            let mut outputs = apply(stretch, &inputs).map_err(Error::from_op)?;
            let (Some(logs), Some(q), Some(h)) = (outputs.pop(), outputs.pop(), outputs.pop()) else {
                unreachable!("a stretch has three outputs");
            };
            let numbers = Vec::<f64>::try_from(&logs.f_detach()?.f_to_kind(Kind::Double)?.f_contiguous()?.f_view(-1)?)?;
            if !tally.add(end, &numbers)? {
                continue;
            }
            (state, tangents) = (h, q);
            if counts {
                sums = sums.f_add(&logs.f_to_kind(Kind::Double)?)?;
            }
        }
        let ends = Vec::<f64>::try_from(&state.f_detach()?.f_to_kind(Kind::Double)?.f_contiguous()?.f_view(-1)?)?;
        let exponents = sums.f_div_scalar(tally.divisor())?.f_to_kind(kind)?;
        Ok(TensorExponents { exponents, spectra: tally.into_spectra(&ends), state: state.f_detach()? })
    }
}
