//! Fields given as functions of tensors, differentiated by libtorch, and their solutions as differentiable tensors.

use crate::field::{At, Differentiable, Evaluated, FieldError, PulledBack, VectorField};
use crate::{Cotangents, Error, Recording, Solution, SolveFailure, Solver, Stats, Status, Times};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tch::{Device, Kind, Tensor};
use tch_function::slices::{as_slice, filled};
use tch_function::{BoxError, Forward, Op, apply};
use tch_sparse::Real;

/// Where a field of tensors is evaluated: one row per sample that still runs.
#[derive(Debug)]
pub struct Now {
    /// Times, `[running, 1]`.
    pub t: Tensor,
    /// Which samples they are, ascending, `[running]` of Int64.
    pub sample: Tensor,
    /// How many of the solver's jump times each has passed, `[running]` of Int64.
    pub piece: Tensor,
}

impl Now {
    /// The rows of something `[batch, ...]` that belong to the running samples.
    ///
    /// # Errors
    /// What libtorch reports.
    pub fn of(&self, per_sample: &Tensor) -> Result<Tensor, tch::TchError> {
        per_sample.f_index_select(0, &self.sample)
    }
}

/// When a solve begins, ends and is looked at, as tensors of Double that gradients may flow to.
#[derive(Debug)]
pub struct TensorTimes {
    /// `[batch]`
    pub start: Tensor,
    /// `[batch]`
    pub end: Tensor,
    /// `[batch, points]`
    pub eval: Tensor,
}

impl TryFrom<&Times> for TensorTimes {
    type Error = Error;

    /// The same times, as constants.
    fn try_from(times: &Times) -> Result<Self, Error> {
        Ok(Self {
            start: Tensor::f_from_slice(&times.start)?,
            end: Tensor::f_from_slice(&times.end)?,
            eval: Tensor::f_from_slice(&times.eval)?.f_view([times.batch() as i64, times.points as i64])?,
        })
    }
}

impl TensorTimes {
    fn to_times(&self) -> Result<Times, Error> {
        let numbers = |what: &'static str, t: &Tensor, shape: &[i64]| -> Result<Vec<f64>, Error> {
            if t.kind() != Kind::Double || t.device() != Device::Cpu || t.size() != shape {
                let got = format!("{:?} {:?} on {:?}", t.size(), t.kind(), t.device());
                return Err(Error::Input { what, got, want: format!("{shape:?} Double on Cpu") });
            }
            Ok(as_slice::<f64>(&t.f_detach()?.f_contiguous()?).to_vec())
        };
        let batch = self.start.size().first().copied().unwrap_or(0);
        let [_, points] = self.eval.size()[..] else {
            let (got, want) = (format!("{:?}", self.eval.size()), format!("[{batch}, points]"));
            return Err(Error::Input { what: "the evaluation times", got, want });
        };
        let times = Times::per_sample(
            &numbers("the start times", &self.start, &[batch])?,
            &numbers("the end times", &self.end, &[batch])?,
        )?;
        let eval = numbers("the evaluation times", &self.eval, &[batch, points])?;
        if eval.is_empty() { Ok(times) } else { times.evaluate_per_sample(&eval) }
    }
}

/// What [`Solver::solve_tensors`] gives.
#[derive(Debug)]
pub struct TensorSolution {
    /// States at the evaluation times, `[batch, points, features]`; NaN where a failed sample did not come.
    pub values: Tensor,
    /// Last states, `[batch, features]`.
    pub end: Tensor,
    /// How each sample ended, `[batch]`.
    pub status: Vec<Status>,
    /// What each sample took, `[batch]`.
    pub stats: Vec<Stats>,
    /// Evaluations of the field.
    pub evaluations: usize,
    /// The first step of each sample before it was fitted to the span, `[batch]`.
    pub initial_step: Vec<f64>,
    /// The failure in words, if a sample did not reach its end.
    pub failure: Option<SolveFailure>,
}

impl Solver {
    /// Solves a field given as a function of tensors; the result is differentiable with respect to the initial states, the
    /// parameters and the times.
    ///
    /// # Arguments
    /// * `field` - takes where it is evaluated, the state `[running, features]` and the parameters, gives the derivative
    ///   `[running, features]`. Only parameters that it gets there are differentiated. It may be called from the thread that calls
    ///   `backward`, also with other batches than in the solve.
    /// * `y0` - initial states, `[batch, features]`, Float or Double
    /// * `times` - when it begins, ends and is looked at
    /// * `parameters` - tensors of the kind of `y0`, or of integers or truth values
    ///
    /// The state is handled on the CPU; for fields on another device it goes there and back at each evaluation.
    ///
    /// # Errors
    /// Arguments that do not fit, or an error of the field. A sample that fails is no error: look at the status.
    ///
    /// # Example
    /// ```
    /// use sparse_ode::{Solver, Times};
    /// use tch::{Kind, Tensor};
    ///
    /// // dy/dt = tanh(y W), with the gradient of the sum of y(1) with respect to W.
    /// let w = Tensor::from_slice(&[0.0, 1.0, -1.0, 0.5]).view([2, 2]).set_requires_grad(true);
    /// let y0 = Tensor::from_slice(&[1.0, 0.0, 0.5, 0.5]).view([2, 2]);
    /// let times = (&Times::span(2, 0.0, 1.0)?).try_into()?;
    /// let solution = Solver::new().solve_tensors(|_, y, p| Ok(y.f_mm(&p[0])?.f_tanh()?), &y0, &times, &[&w])?;
    /// solution.end.sum(Kind::Double).backward();
    /// assert_eq!(w.grad().size(), [2, 2]);
    /// # Ok::<(), sparse_ode::Error>(())
    /// ```
    pub fn solve_tensors<F>(
        &self,
        field: F,
        y0: &Tensor,
        times: &TensorTimes,
        parameters: &[&Tensor],
    ) -> Result<TensorSolution, Error>
    where
        F: Fn(&Now, &Tensor, &[Tensor]) -> Result<Tensor, FieldError> + Send + Sync + 'static,
    {
        match (y0.kind(), &y0.size()[..]) {
            (Kind::Float, [_, _]) => self.run_tensors::<f32, F>(field, y0, times, parameters),
            (Kind::Double, [_, _]) => self.run_tensors::<f64, F>(field, y0, times, parameters),
            (kind, shape) => Err(Error::Input {
                what: "the initial state",
                got: format!("{shape:?} {kind:?}"),
                want: "[batch, features] Float or Double".into(),
            }),
        }
    }

    fn run_tensors<T: Real, F>(
        &self,
        field: F,
        y0: &Tensor,
        times: &TensorTimes,
        parameters: &[&Tensor],
    ) -> Result<TensorSolution, Error>
    where
        F: Fn(&Now, &Tensor, &[Tensor]) -> Result<Tensor, FieldError> + Send + Sync + 'static,
    {
        let is_other = |p: &&&Tensor| matches!(p.kind(), Kind::Float | Kind::Double) && p.kind() != y0.kind();
        if let Some(p) = parameters.iter().find(is_other) {
            let (got, want) = (format!("{:?}", p.kind()), format!("{:?}, as the state is", y0.kind()));
            return Err(Error::Input { what: "a parameter", got, want });
        }
        let outcome: Arc<Mutex<Option<Solution<T>>>> = Arc::default();
        let op = Solve::<T, F> {
            solver: self.clone(),
            field,
            times: times.to_times()?,
            recording: OnceLock::new(),
            outcome: outcome.clone(),
        };
        let inputs: Vec<&Tensor> =
            [y0, &times.start, &times.end, &times.eval].into_iter().chain(parameters.iter().copied()).collect();
        let mut outputs = apply(op, &inputs).map_err(Error::from_op)?;
        let taken = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (taken, outputs.pop(), outputs.pop()) {
            (Some(solution), Some(end), Some(values)) => Ok(TensorSolution {
                values,
                end,
                status: solution.status().to_vec(),
                stats: solution.stats().to_vec(),
                evaluations: solution.evaluations(),
                initial_step: solution.initial_step().to_vec(),
                failure: solution.failure(),
            }),
            _ => Err(Error::Setting("the operation gave no solution".into())),
        }
    }
}

/// A solve as one operation. Inputs: initial states, start, end and evaluation times, parameters.
struct Solve<T, F> {
    solver: Solver,
    field: F,
    times: Times,
    recording: OnceLock<Recording<T>>,
    outcome: Arc<Mutex<Option<Solution<T>>>>,
}

/// Inputs before the parameters.
const BEFORE: usize = 4;

impl<T: Real, F> Op for Solve<T, F>
where
    F: Fn(&Now, &Tensor, &[Tensor]) -> Result<Tensor, FieldError> + Send + Sync + 'static,
{
    const NAME: &'static str = "ODE solve";

    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, BoxError> {
        let device = inputs[0].device();
        let y0 = inputs[0].f_to_device(Device::Cpu)?.f_contiguous()?;
        let (batch, points, features) = (y0.size()[0], self.times.points as i64, y0.size()[1]);
        let mut field = TensorField::<T, F>::new(&self.field, features as usize, device, &inputs[BEFORE..], needs)?;
        let mut solve = |values: &mut [T]| -> Result<(Solution<T>, Option<Recording<T>>), Error> {
            let (y0, times) = (as_slice(&y0), &self.times);
            Ok(if needs.contains(&true) {
                let (solution, recording) = self.solver.record_into(&mut field, y0, times, values)?;
                (solution, Some(recording))
            } else {
                (self.solver.solve_into(&mut field, y0, times, values)?, None)
            })
        };
        let mut done = None;
        let values = filled::<T>(&[batch, points, features], |values| done = Some(solve(values)))?;
        // An empty tensor is not filled.
        let (solution, recording) = match done {
            Some(done) => done?,
            None => solve(&mut [])?,
        };
        let end = filled::<T>(&[batch, features], |end| end.copy_from_slice(solution.end()))?;
        if let Some(recording) = recording {
            let _ = self.recording.set(recording);
        }
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(solution);
        let outputs = vec![values.f_to_device(device)?, end.f_to_device(device)?];
        Ok(Forward { outputs, saved: inputs[BEFORE..].iter().map(Tensor::shallow_clone).collect() })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let recording = self.recording.get().ok_or("the solve was not recorded")?;
        let device = grads.iter().flatten().next().map_or(Device::Cpu, Tensor::device);
        let plain = |g: &Option<Tensor>| -> Result<Option<Tensor>, BoxError> {
            Ok(g.as_ref().map(|g| g.f_to_device(Device::Cpu)?.f_contiguous()).transpose()?)
        };
        let (values, end) = (plain(&grads[0])?, plain(&grads[1])?);
        let mut cotangents = Cotangents::default();
        if let Some(values) = &values {
            cotangents = Cotangents::of_values(as_slice::<T>(values));
        }
        if let Some(end) = &end {
            cotangents = cotangents.and_end(as_slice::<T>(end));
        }
        if needs[1..BEFORE].contains(&true) {
            cotangents = cotangents.with_times();
        }
        let (batch, points, features) =
            (self.times.batch() as i64, self.times.points as i64, recording.features() as i64);
        let mut field = TensorField::<T, F>::new(&self.field, features as usize, device, saved, needs)?;
        let gradients = recording.pull_back(&mut field, &cotangents)?;
        let of = |shape: &[i64], from: &[T]| -> Result<Tensor, BoxError> {
            Ok(filled::<T>(shape, |to| to.copy_from_slice(from))?.f_to_device(device)?)
        };
        let mut out = vec![
            Some(of(&[batch, features], &gradients.y0)?),
            Some(Tensor::f_from_slice(&gradients.start)?),
            Some(Tensor::f_from_slice(&gradients.end)?),
            Some(Tensor::f_from_slice(&gradients.eval)?.f_view([batch, points])?),
        ];
        let mut at = 0;
        for (p, needed) in saved.iter().zip(&needs[BEFORE..]) {
            let n = if *needed { p.numel() } else { 0 };
            out.push(needed.then(|| of(&p.size(), &gradients.parameters[at..at + n])).transpose()?);
            at += n;
        }
        Ok(out)
    }
}

/// A function of tensors as a field on slices.
struct TensorField<'a, T, F> {
    f: &'a F,
    features: usize,
    device: Device,
    parameters: Vec<Tensor>,
    /// Which of them have a gradient.
    needs: Vec<bool>,
    number: std::marker::PhantomData<T>,
}

impl<'a, T: Real, F> TensorField<'a, T, F>
where
    F: Fn(&Now, &Tensor, &[Tensor]) -> Result<Tensor, FieldError>,
{
    fn new(f: &'a F, features: usize, device: Device, parameters: &[Tensor], needs: &[bool]) -> Result<Self, Error> {
        let needs = needs[BEFORE..].to_vec();
        let leaf =
            |(p, need): (&Tensor, &bool)| -> Result<Tensor, Error> { Ok(p.f_detach()?.f_set_requires_grad(*need)?) };
        let parameters = parameters.iter().zip(&needs).map(leaf).collect::<Result<_, _>>()?;
        Ok(Self { f, features, device, parameters, needs, number: std::marker::PhantomData })
    }

    fn now(&self, at: At<'_>) -> Result<Now, FieldError> {
        let long = |list: &[usize]| -> Result<Tensor, FieldError> {
            let list: Vec<i64> = list.iter().map(|&i| i as i64).collect();
            Ok(Tensor::f_from_slice(&list)?.f_to_device(self.device)?)
        };
        let t = Tensor::f_from_slice(at.t)?.f_to_kind(T::KIND)?.f_unsqueeze(1)?.f_to_device(self.device)?;
        Ok(Now { t, sample: long(at.sample)?, piece: long(at.piece)? })
    }

    /// `[features, batch]` as `[batch, features]` on the device.
    fn rows(&self, batch: usize, v: &[T]) -> Result<Tensor, FieldError> {
        let t = filled::<T>(&[self.features as i64, batch as i64], |out| out.copy_from_slice(v))?;
        Ok(t.f_tr()?.f_contiguous()?.f_to_device(self.device)?)
    }

    fn write(&self, rows: &Tensor, to: &mut [T]) -> Result<(), FieldError> {
        let columns = rows.f_detach()?.f_to_device(Device::Cpu)?.f_tr()?.f_contiguous()?;
        to.copy_from_slice(as_slice(&columns));
        Ok(())
    }

    fn derivative(&self, now: &Now, y: &Tensor) -> Result<Tensor, FieldError> {
        let dy = (self.f)(now, y, &self.parameters)?;
        if dy.size() != y.size() || dy.kind() != y.kind() {
            let (got, want) = (dy.size(), y.size());
            return Err(format!(
                "the field gave {got:?} {:?} for a state of {want:?} {:?}; rows are samples that still run (Now::of takes theirs)",
                dy.kind(),
                y.kind()
            )
            .into());
        }
        Ok(dy)
    }
}

impl<T: Real, F> VectorField<T> for TensorField<'_, T, F>
where
    F: Fn(&Now, &Tensor, &[Tensor]) -> Result<Tensor, FieldError>,
{
    fn features(&self) -> usize {
        self.features
    }

    fn eval(&mut self, at: At<'_>, y: &[T], dy: &mut [T]) -> Result<(), FieldError> {
        tch::no_grad(|| {
            let now = self.now(at)?;
            let got = self.derivative(&now, &self.rows(at.t.len(), y)?)?;
            self.write(&got, dy)
        })
    }
}

/// The graph of an evaluation.
#[derive(Debug, Default)]
struct Graph {
    y: Option<Tensor>,
    t: Option<Tensor>,
    dy: Option<Tensor>,
}

impl<T: Real, F> Differentiable<T> for TensorField<'_, T, F>
where
    F: Fn(&Now, &Tensor, &[Tensor]) -> Result<Tensor, FieldError>,
{
    type Kept = Graph;

    fn n_parameters(&self) -> usize {
        self.parameters.iter().zip(&self.needs).filter(|(_, need)| **need).map(|(p, _)| p.numel()).sum()
    }

    fn eval_keeping(&mut self, at: At<'_>, y: &[T], dy: &mut [T], kept: &mut Graph) -> Result<(), FieldError> {
        let now = self.now(at)?;
        let now = Now { t: now.t.f_set_requires_grad(true)?, ..now };
        let y = self.rows(at.t.len(), y)?.f_set_requires_grad(true)?;
        let got = tch::with_grad(|| self.derivative(&now, &y))?;
        self.write(&got, dy)?;
        *kept = Graph { y: Some(y), t: Some(now.t), dy: Some(got) };
        Ok(())
    }

    fn pull_back(
        &mut self,
        of: Evaluated<'_, T, Graph>,
        cotangent: &[T],
        to: PulledBack<'_, T>,
    ) -> Result<(), FieldError> {
        let (Some(y), Some(t), Some(dy)) = (&of.kept.y, &of.kept.t, &of.kept.dy) else {
            return Err("an evaluation that was not kept".into());
        };
        to.y.fill(T::ZERO);
        if !dy.requires_grad() {
            return Ok(());
        }
        let cotangent = self.rows(of.at.t.len(), cotangent)?;
        let product = tch::with_grad(|| dy.f_mul(&cotangent)?.f_sum(dy.kind()))?;
        let wanted: Vec<&Tensor> = [y, t]
            .into_iter()
            .chain(self.parameters.iter().zip(&self.needs).filter(|(_, n)| **n).map(|(p, _)| p))
            .collect();
        let gradients = Tensor::f_run_backward(&[product], &wanted, false, false)?;
        if gradients[0].defined() {
            self.write(&gradients[0], to.y)?;
        }
        if gradients[1].defined() {
            let t = gradients[1].f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?.f_contiguous()?;
            to.t.iter_mut().zip(as_slice::<f64>(&t)).for_each(|(to, g)| *to += g);
        }
        let mut at = 0;
        for (gradient, p) in gradients[2..].iter().zip(&wanted[2..]) {
            let n = p.numel();
            if gradient.defined() {
                let gradient = gradient.f_to_device(Device::Cpu)?.f_contiguous()?;
                to.parameters[at..at + n].iter_mut().zip(as_slice::<T>(&gradient)).for_each(|(to, g)| *to += *g);
            }
            at += n;
        }
        Ok(())
    }
}
