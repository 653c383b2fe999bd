//! A network's solve as one differentiable operation.

use super::field::Fused;
use super::input::{Frames, Input};
use super::pull_back::{InputGradients, Places, Reversible};
use super::structure::{Structure, Wires};
use crate::field::FieldError;
use crate::{Adjoint, Cotangents, Error, Now, Recording, Solution, Solver, Times};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tch::{Kind, Tensor};
use tch_function::slices::{as_slice, filled};
use tch_function::{BoxError, Forward, Op, save_if};
use tch_sparse::{Real, SparseMatrix, parallel};

/// The tensors that the operation takes, in the order of its inputs. Those that a network lacks are empty.
pub(super) const INPUTS: usize = 8;
const WEIGHTS: usize = 0;
const BIAS: usize = 1;
/// `[neurons, 1]` or `[1, 1]`
const TAU: usize = 2;
const WIRES: usize = 3;
/// `[batch, count, size]`
const FRAMES: usize = 4;
/// `[batch, neurons]`
const H0: usize = 5;
/// 0-d, Double
const START: usize = 6;
const END: usize = 7;

/// What of a solve is no tensor.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) structure: Arc<Structure>,
    pub(super) solver: Solver,
    pub(super) times: Times,
    pub(super) when: Frames,
}

/// The operation. Its output is `[batch, points, neurons]`.
pub(super) struct Solve<T> {
    pub(super) plan: Plan,
    recording: OnceLock<Recording<T>>,
    pub(super) outcome: Arc<Mutex<Option<Solution<T>>>>,
}

impl<T: Real> Solve<T> {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, recording: OnceLock::new(), outcome: Arc::default() }
    }

    /// The field of contiguous tensors.
    fn field<'a>(&'a self, inputs: &'a [Tensor]) -> Fused<'a, T> {
        let structure = &*self.plan.structure;
        let some = |i: usize| (inputs[i].numel() > 0).then(|| as_slice::<T>(&inputs[i]));
        let size = inputs[FRAMES].size();
        let input = Input::new(
            &structure.input,
            some(WIRES),
            as_slice(&inputs[FRAMES]),
            (size[1] as usize, size[2] as usize),
            self.plan.when,
        );
        Fused::new(structure, as_slice(&inputs[WEIGHTS]), some(BIAS), as_slice(&inputs[TAU]), input)
    }
}

fn contiguous(tensors: &[Tensor]) -> Result<Vec<Tensor>, Error> {
    tensors.iter().map(|t| Ok(t.f_detach()?.f_contiguous()?)).collect()
}

impl<T: Real> Op for Solve<T> {
    const NAME: &'static str = "solve of a network";

    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, BoxError> {
        let plain = contiguous(inputs)?;
        let (solver, times) = (&self.plan.solver, &self.plan.times);
        let mut field = self.field(&plain);
        let h0 = as_slice::<T>(&plain[H0]);
        let shape = [times.batch() as i64, times.points() as i64, self.plan.structure.pattern.n_rows() as i64];
        let mut done = None;
        let hs = filled::<T>(&shape, |values| {
            done = Some(if needs.contains(&true) {
                solver.record_into(&mut field, h0, times, values).map(|(s, r)| (s, Some(r)))
            } else {
                solver.solve_into(&mut field, h0, times, values).map(|s| (s, None))
            });
        })?;
        let (solution, recording) = done.ok_or("nothing to solve")??;
        if let Some(recording) = recording {
            let _ = self.recording.set(recording);
        }
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(solution);
        Ok(Forward { outputs: vec![hs], saved: inputs.iter().enumerate().map(|(i, t)| save_if(i < H0, t)).collect() })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let Some(g) = &grads[0] else {
            return Ok((0..INPUTS).map(|_| None).collect());
        };
        let g = g.f_contiguous()?;
        let plain = contiguous(&saved[..H0])?;
        let recording = self.recording.get().ok_or("the solve was not recorded")?;
        let mut places = Places::default();
        let n = self.plan.structure.pattern.n_rows();
        places.weights = places.take(needs[WEIGHTS], plain[WEIGHTS].numel());
        places.bias = places.take(needs[BIAS], n);
        places.tau = places.take(needs[TAU], n);
        places.input = places.take(needs[WIRES], plain[WIRES].numel());
        places.frames = places.take(needs[FRAMES], plain[FRAMES].numel());
        // The continuous adjoint asks for the parameters' gradients at each of its evaluations.
        let input = match self.plan.solver.adjoint {
            Adjoint::Continuous(_) => InputGradients::AtOnce,
            _ => InputGradients::AtTheEnd,
        };
        let mut field = Reversible::new(self.field(&plain), places.clone(), self.plan.times.batch(), input);
        let mut cotangents = Cotangents::of_values(as_slice::<T>(&g));
        if needs[START] || needs[END] {
            cotangents = cotangents.with_times();
        }
        let mut gradients = recording.pull_back(&mut field, &cotangents)?;
        field.finish(&mut gradients.parameters);
        let of = |i: usize, place: &Option<std::ops::Range<usize>>| -> Result<Option<Tensor>, BoxError> {
            let Some(place) = place else {
                return Ok(None);
            };
            let from = &gradients.parameters[place.clone()];
            let t = filled::<T>(&[from.len() as i64], |to| to.copy_from_slice(from))?;
            // One time constant for all neurons has the sum of theirs.
            let t = if plain[i].numel() < from.len() { t.f_sum(T::KIND)? } else { t };
            Ok(Some(t.f_view(&plain[i].size()[..])?))
        };
        let weights = match &places.weights {
            Some(place) => {
                let transposed = self.plan.structure.pattern.transposed();
                Some(filled::<T>(&plain[WEIGHTS].size(), |to| {
                    parallel::untranspose_values(transposed, &gradients.parameters[place.clone()], to);
                })?)
            }
            None => None,
        };
        let h0 = filled::<T>(&[self.plan.times.batch() as i64, n as i64], |to| to.copy_from_slice(&gradients.y0))?;
        let (start, end) = self.times(&gradients);
        let scalar =
            |v: f64| -> Result<Tensor, BoxError> { Ok(Tensor::f_full([], v, (Kind::Double, tch::Device::Cpu))?) };
        Ok(vec![
            weights,
            of(BIAS, &places.bias)?,
            of(TAU, &places.tau)?,
            of(WIRES, &places.input)?,
            of(FRAMES, &places.frames)?,
            Some(h0),
            Some(scalar(start)?),
            Some(scalar(end)?),
        ])
    }
}

impl<T: Real> Solve<T> {
    /// Gradients with respect to start and end: evaluation times and jumps lie at fixed shares of the way between them.
    fn times(&self, gradients: &crate::Gradients<T>) -> (f64, f64) {
        let (mut start, mut end) = (gradients.start.iter().sum::<f64>(), gradients.end.iter().sum::<f64>());
        let mut share = |list: &[f64], of: &dyn Fn(usize) -> f64| {
            for (i, g) in list.iter().enumerate() {
                start += g * (1.0 - of(i));
                end += g * of(i);
            }
        };
        let points = self.plan.times.points();
        share(&gradients.eval, &|i| (i % points) as f64 / (points - 1).max(1) as f64);
        let jumps = gradients.jumps.len();
        let backward = self.plan.times.end[0] < self.plan.times.start[0];
        // Jump times are listed ascending, whatever the direction.
        share(&gradients.jumps, &|i| (if backward { jumps - i } else { i + 1 }) as f64 / (jumps + 1) as f64);
        (start, end)
    }
}

impl Plan {
    /// The right-hand side in tensors, for parameters on another device. The parameters are the operation's inputs up to the frames.
    pub(super) fn tensor_field(
        &self,
    ) -> impl Fn(&Now, &Tensor, &[Tensor]) -> Result<Tensor, FieldError> + Send + Sync + 'static {
        let (structure, when) = (self.structure.clone(), self.when);
        move |now, y, p| {
            let (kind, device) = (y.kind(), y.device());
            let frames = &p[FRAMES];
            let size = frames.size();
            let t = Vec::<f64>::try_from(
                now.t.f_detach()?.f_to_device(tch::Device::Cpu)?.f_to_kind(Kind::Double)?.f_view(-1)?,
            )?;
            let piece = Vec::<i64>::try_from(now.piece.f_to_device(tch::Device::Cpu)?)?;
            let sample = Vec::<i64>::try_from(now.sample.f_to_device(tch::Device::Cpu)?)?;
            let rows: Vec<i64> = (0..t.len())
                .map(|b| sample[b] * size[1] + when.frame(t[b], piece[b] as usize, size[1] as usize) as i64)
                .collect();
            let rows = Tensor::f_from_slice(&rows)?.f_to_device(device)?;
            let x = frames.f_reshape([size[0] * size[1], size[2]])?.f_index_select(0, &rows)?.f_tr()?;
            let h = y.f_tr()?;
            let signed = structure.sign_column(kind, device)?.map(|s| h.f_mul(&s)).transpose()?;
            let matrix = SparseMatrix::new(&structure.pattern, &p[WEIGHTS])?;
            let mut z = matrix.product(&signed.as_ref().unwrap_or(&h).f_contiguous()?)?;
            if p[BIAS].numel() > 0 {
                z = z.f_add(&p[BIAS])?;
            }
            let weight = (!matches!(structure.input, Wires::Identity)).then_some(&p[WIRES]);
            z = z.f_add(&structure.drive(weight, &x)?)?;
            Ok(structure.activate(&z)?.f_relu()?.f_sub(&h)?.f_div(&p[TAU])?.f_tr()?)
        }
    }
}
