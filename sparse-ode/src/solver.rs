//! Settings of a solve.

use crate::arrays::Scale;
use crate::stepper::Recorded;
use crate::{
    Adjoint, Checkpointing, Controller, Error, Limits, Method, Recording, Solution, Stepper, Times, VectorField,
};
use tch_sparse::Real;

/// Precision of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimePrecision {
    /// Double, whatever the states are. The default.
    #[default]
    Double,
    /// Every time and step is rounded to single precision, as when a whole problem is single.
    Single,
}

impl TimePrecision {
    /// The distance between times near `t`.
    pub(crate) fn resolution(self, t: f64) -> f64 {
        t.abs()
            * match self {
                Self::Double => f64::EPSILON,
                Self::Single => f64::from(f32::EPSILON),
            }
    }

    /// The length of a step from `t` as far as time moves: what is lost to its rounding would add up in the state. In double precision it
    /// is lost there, too.
    pub(crate) fn moved(self, t: f64, dt: f64) -> f64 {
        match self {
            Self::Double => dt,
            Self::Single => match self.round(t + dt) - t {
                0.0 => dt,
                moved => moved,
            },
        }
    }

    pub(crate) fn round(self, t: f64) -> f64 {
        match self {
            Self::Double => t,
            Self::Single => f64::from(t as f32),
        }
    }
}

/// Whose behaviour to follow where torchode 1.0.1 does what is not right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compat {
    /// The right one. The default. A sample that fails does not stop the others; a sample that has reached its end is a success
    /// though its steps have run out; an error that is not finite rejects the step, and so does a state that is not; a rejected step
    /// is followed by a shorter one; the last step ends exactly at the end; the initial step keeps to `dt_max`.
    #[default]
    None,
    /// torchode's in all these.
    Torchode,
}

/// An adaptive Runge-Kutta solver for batches, each sample with steps of its own.
///
/// # Defaults
/// | setting | default |
/// | --- | --- |
/// | [`method`](Self::method) | [`Method::Dopri5`] |
/// | [`tolerances`](Self::tolerances) | `atol` 1e-6, `rtol` 1e-3 |
/// | [`controller`](Self::controller) | [`Controller::Integral`] with factors 0.2 to 10, safety 0.9 |
/// | [`initial_step`](Self::initial_step) | found from the field (two evaluations) |
/// | [`max_steps`](Self::max_steps) | 100,000 per sample |
/// | [`max_rejects`](Self::max_rejects) | 100 in a row |
/// | [`jumps`](Self::jumps) | none |
/// | [`time_precision`](Self::time_precision) | double |
/// | [`steady_state`](Self::steady_state) | not looked for |
/// | [`compat`](Self::compat) | none |
/// | [`adjoint`](Self::adjoint) | [`Adjoint::ConstantSteps`] |
/// | [`checkpointing`](Self::checkpointing) | [`Checkpointing::All`] |
///
/// # Example
/// ```
/// use sparse_ode::{Method, Solver, Times, per_sample};
///
/// // Van der Pol's oscillator, gentle and stiff in one batch.
/// let mu = [1.0, 50.0];
/// let mut field = per_sample(2, |_t, sample, y: &[f64], dy| {
///     dy[0] = y[1];
///     dy[1] = mu[sample] * (1.0 - y[0] * y[0]) * y[1] - y[0];
/// });
/// let times = Times::span(2, 0.0, 10.0)?.evenly(21)?;
/// let solution = Solver::new().method(Method::Tsit5).solve(&mut field, &[2.0, 0.0, 2.0, 0.0], &times)?;
/// assert!(solution.is_success());
/// assert!(solution.stats()[1].steps > 2 * solution.stats()[0].steps);
/// # Ok::<(), sparse_ode::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Solver {
    pub(crate) method: Method,
    pub(crate) controller: Controller,
    pub(crate) atol: f64,
    pub(crate) rtol: f64,
    pub(crate) initial_step: Option<Vec<f64>>,
    pub(crate) max_steps: Option<usize>,
    pub(crate) max_rejects: Option<usize>,
    pub(crate) jumps: Vec<f64>,
    pub(crate) time: TimePrecision,
    pub(crate) steady: Option<Scale>,
    pub(crate) compat: Compat,
    pub(crate) adjoint: Adjoint,
    pub(crate) checkpointing: Checkpointing,
}

impl Default for Solver {
    fn default() -> Self {
        Self {
            method: Method::default(),
            controller: Controller::default(),
            atol: 1e-6,
            rtol: 1e-3,
            initial_step: None,
            max_steps: Some(100_000),
            max_rejects: Some(100),
            jumps: Vec::new(),
            time: TimePrecision::default(),
            steady: None,
            compat: Compat::default(),
            adjoint: Adjoint::default(),
            checkpointing: Checkpointing::default(),
        }
    }
}

impl Solver {
    /// A solver with the defaults above.
    pub fn new() -> Self {
        Self::default()
    }

    /// The Runge-Kutta method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// How steps are chosen.
    #[must_use]
    pub fn controller(mut self, controller: Controller) -> Self {
        self.controller = controller;
        self
    }

    /// Bounds of steps and of their growth, for the controller set so far; fixed steps have none.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        match &mut self.controller {
            Controller::Integral(c) => c.limits = limits,
            Controller::Pid(c) => c.limits = limits,
            Controller::Fixed => {}
        }
        self
    }

    /// Absolute and relative tolerance of a step's error: it may be `atol + rtol max(|y0|, |y1|)`, root mean square over features.
    #[must_use]
    pub fn tolerances(mut self, atol: f64, rtol: f64) -> Self {
        (self.atol, self.rtol) = (atol, rtol);
        self
    }

    /// The first step of each sample, or one for all, in the unit of time. Its sign is the direction's, whatever is given. One so short
    /// that time would not move ends with [`Status::StepTooSmall`](crate::Status::StepTooSmall).
    #[must_use]
    pub fn initial_step(mut self, dt: &[f64]) -> Self {
        self.initial_step = Some(dt.to_vec());
        self
    }

    /// Steps of constant length: [`Controller::Fixed`] with this initial step. The last one is shortened to end exactly.
    #[must_use]
    pub fn fixed_step(self, dt: f64) -> Self {
        self.controller(Controller::Fixed).initial_step(&[dt])
    }

    /// Steps that each sample may try; `None` for no end.
    #[must_use]
    pub fn max_steps(mut self, n: Option<usize>) -> Self {
        self.max_steps = n;
        self
    }

    /// Steps in a row that each sample may have rejected, and go on; `None` for no end.
    #[must_use]
    pub fn max_rejects(mut self, n: Option<usize>) -> Self {
        self.max_rejects = n;
        self
    }

    /// Times at which the field jumps: a step ends at each of them exactly, and the next one begins with a new derivative.
    /// [`At::piece`](crate::At::piece) tells the field on which side it is.
    #[must_use]
    pub fn jumps(mut self, t: &[f64]) -> Self {
        self.jumps = t.to_vec();
        self
    }

    /// Precision of times.
    #[must_use]
    pub fn time_precision(mut self, time: TimePrecision) -> Self {
        self.time = time;
        self
    }

    /// Ends a sample after the step where the root mean square of `f / (atol + rtol |y|)` over its features is below 1: with
    /// [`Status::Steady`](crate::Status::Steady), values at later times are NaN. `None` as `tolerances` looks for none.
    #[must_use]
    pub fn steady_state(mut self, tolerances: Option<(f64, f64)>) -> Self {
        self.steady = tolerances.map(|(atol, rtol)| Scale { atol, rtol });
        self
    }

    /// Whose behaviour to follow.
    #[must_use]
    pub fn compat(mut self, compat: Compat) -> Self {
        self.compat = compat;
        self
    }

    /// What gradients are of.
    #[must_use]
    pub fn adjoint(mut self, adjoint: Adjoint) -> Self {
        self.adjoint = adjoint;
        self
    }

    /// Which states a recording keeps.
    #[must_use]
    pub fn checkpointing(mut self, checkpointing: Checkpointing) -> Self {
        self.checkpointing = checkpointing;
        self
    }

    /// Solves to the end.
    ///
    /// # Arguments
    /// * `field` - the right-hand side
    /// * `y0` - initial states, `[batch, features]`
    /// * `times` - start, end and evaluation times of each sample
    ///
    /// # Errors
    /// Settings, times or lengths that make no sense, or an error of the field. A sample that fails is no error here: look at
    /// [`Solution::status`] or call [`Solution::into_success`].
    ///
    /// **Memory**: a state for each stage and three more, and the values at the evaluation times.
    pub fn solve<T: Real>(
        &self,
        field: &mut dyn VectorField<T>,
        y0: &[T],
        times: &Times,
    ) -> Result<Solution<T>, Error> {
        let mut stepper = self.start(field, y0, times)?;
        while stepper.step(field)? {}
        Ok(stepper.finish())
    }

    /// Solves to the end and calls `watch` after each step of all running samples, the last one included: to report progress
    /// ([`Stepper::t`]), to look for events and end samples there ([`Stepper::stop`]), or to keep a clone from which to go on.
    ///
    /// # Errors
    /// As [`solve`](Self::solve).
    ///
    /// # Example
    /// ```
    /// use sparse_ode::{Solver, Status, Times, per_sample};
    ///
    /// // Two stones, until they lie on the ground.
    /// let mut fall = per_sample(2, |_t, _sample, y: &[f64], dy| (dy[0], dy[1]) = (y[1], -9.81));
    /// let times = Times::span(2, 0.0, 10.0)?;
    /// let solution = Solver::new().initial_step(&[0.01]).max_steps(Some(1000)).limits(sparse_ode::Limits {
    ///     dt_max: Some(0.05),
    ///     ..Default::default()
    /// });
    /// let solution = solution.solve_watched(&mut fall, &[10.0, 0.0, 40.0, 0.0], &times, |stepper| {
    ///     let y = stepper.state();
    ///     let down: Vec<usize> = (0..2).filter(|&b| y[2 * b] <= 0.0).collect();
    ///     stepper.stop(&down);
    /// })?;
    /// assert_eq!(solution.status(), [Status::Stopped; 2]);
    /// assert!((solution.t()[0] - (20.0f64 / 9.81).sqrt()).abs() < 0.05);
    /// # Ok::<(), sparse_ode::Error>(())
    /// ```
    pub fn solve_watched<T: Real>(
        &self,
        field: &mut dyn VectorField<T>,
        y0: &[T],
        times: &Times,
        mut watch: impl FnMut(&mut Stepper<T>),
    ) -> Result<Solution<T>, Error> {
        let mut stepper = self.start(field, y0, times)?;
        // No step is left where `watch` ended the last samples.
        while stepper.runs() {
            stepper.step(field)?;
            watch(&mut stepper);
        }
        Ok(stepper.finish())
    }

    /// Solves to the end with the values at the evaluation times in a place of the caller's, `[batch, points, features]`.
    ///
    /// # Errors
    /// As [`solve`](Self::solve), and when `values` has another length.
    pub fn solve_into<T: Real>(
        &self,
        field: &mut dyn VectorField<T>,
        y0: &[T],
        times: &Times,
        values: &mut [T],
    ) -> Result<Solution<T>, Error> {
        self.check::<T>(times)?;
        let want = times.batch() * times.points * field.features();
        if values.len() != want {
            return Err(Error::Setting(format!("room for {} values where {want} are asked for", values.len())));
        }
        let mut stepper = Stepper::new(self, field, y0, times, values, Recorded::No)?;
        while stepper.step_into(field, values)? {}
        Ok(stepper.finish_into(values))
    }

    /// Solves to the end and keeps what a reverse pass needs.
    ///
    /// # Errors
    /// As [`solve`](Self::solve).
    ///
    /// **Memory**: beyond that of [`solve`](Self::solve), a few numbers per step and the states that
    /// [`checkpointing`](Self::checkpointing) keeps.
    ///
    /// # Example
    /// ```
    /// use sparse_ode::{At, Cotangents, Differentiable, Evaluated, FieldError, PulledBack, Solver, Times, VectorField};
    ///
    /// /// `dy/dt = -k y`, with one parameter.
    /// struct Decay(f64);
    ///
    /// impl VectorField<f64> for Decay {
    ///     fn features(&self) -> usize {
    ///         1
    ///     }
    ///     fn eval(&mut self, _: At<'_>, y: &[f64], dy: &mut [f64]) -> Result<(), FieldError> {
    ///         dy.iter_mut().zip(y).for_each(|(dy, y)| *dy = -self.0 * y);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// impl Differentiable<f64> for Decay {
    ///     type Kept = ();
    ///     fn n_parameters(&self) -> usize {
    ///         1
    ///     }
    ///     fn eval_keeping(&mut self, at: At<'_>, y: &[f64], dy: &mut [f64], _: &mut ()) -> Result<(), FieldError> {
    ///         self.eval(at, y, dy)
    ///     }
    ///     fn pull_back(&mut self, of: Evaluated<'_, f64, ()>, g: &[f64], to: PulledBack<'_, f64>) -> Result<(), FieldError> {
    ///         for (b, g) in g.iter().enumerate() {
    ///             to.y[b] = -self.0 * g;
    ///             to.parameters[0] -= of.y[b] * g;
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let mut field = Decay(0.7);
    /// let solver = Solver::new().tolerances(1e-10, 1e-10);
    /// let (solution, recording) = solver.record(&mut field, &[2.0], &Times::span(1, 0.0, 3.0)?)?;
    /// let gradients = recording.pull_back(&mut field, &Cotangents::of_end(&[1.0]))?;     // of y(3)
    /// let y = solution.end()[0];
    /// assert!((gradients.y0[0] - y / 2.0).abs() < 1e-8);
    /// assert!((gradients.parameters[0] + 3.0 * y).abs() < 1e-8);
    /// # Ok::<(), sparse_ode::Error>(())
    /// ```
    pub fn record<T: Real>(
        &self,
        field: &mut dyn VectorField<T>,
        y0: &[T],
        times: &Times,
    ) -> Result<(Solution<T>, Recording<T>), Error> {
        self.check::<T>(times)?;
        let mut values = vec![T::ZERO; times.batch() * times.points * field.features()];
        let (mut solution, recording) = self.record_into(field, y0, times, &mut values)?;
        solution.values = values;
        Ok((solution, recording))
    }

    /// The same with the values in a place of the caller's.
    pub(crate) fn record_into<T: Real>(
        &self,
        field: &mut dyn VectorField<T>,
        y0: &[T],
        times: &Times,
        values: &mut [T],
    ) -> Result<(Solution<T>, Recording<T>), Error> {
        self.check::<T>(times)?;
        let mut stepper = Stepper::new(self, field, y0, times, values, Recorded::Yes)?;
        while stepper.step_into(field, values)? {}
        let mut recording = stepper.take_recording().ok_or_else(|| Error::Setting("nothing was recorded".into()))?;
        let solution = stepper.finish_into(values);
        recording.finish(&solution, values);
        Ok((solution, recording))
    }

    /// Begins a solve that the caller steps through.
    ///
    /// # Errors
    /// As [`solve`](Self::solve).
    pub fn start<T: Real>(&self, field: &mut dyn VectorField<T>, y0: &[T], times: &Times) -> Result<Stepper<T>, Error> {
        self.check::<T>(times)?;
        let mut values = vec![T::ZERO; times.batch() * times.points * field.features()];
        Ok(Stepper::new(self, field, y0, times, &mut values, Recorded::No)?.holding(values))
    }

    pub(crate) fn scale(&self) -> Scale {
        Scale { atol: self.atol, rtol: self.rtol }
    }

    fn check<T: Real>(&self, times: &Times) -> Result<(), Error> {
        let refuse = |what: String| Err(Error::Setting(what));
        // As they are used.
        let precise = |x: f64| T::from_f64(x).to_f64();
        if let Some(what) = self.controller.problem() {
            return refuse(what);
        }
        let (atol, rtol) = (precise(self.atol), precise(self.rtol));
        if !(atol > 0.0 && rtol >= 0.0 && (atol + rtol).is_finite()) {
            return refuse(format!(
                "atol {} must be positive (it is what a state of zero may be off) and rtol {} not negative, both finite, in {:?}",
                self.atol,
                self.rtol,
                T::KIND
            ));
        }
        match &self.initial_step {
            None if self.controller == Controller::Fixed => {
                return refuse("a fixed step needs initial_step".into());
            }
            Some(dt) if dt.len() != 1 && dt.len() != times.batch() => {
                return refuse(format!(
                    "{} initial steps for {} samples; give one, or one for each",
                    dt.len(),
                    times.batch()
                ));
            }
            Some(dt) if !dt.iter().all(|dt| dt.is_finite() && *dt != 0.0) => {
                return refuse(format!("initial steps {dt:?} must be finite and not zero"));
            }
            _ => {}
        }
        if self.max_steps == Some(0) {
            return refuse("max_steps is 0; at least one step is needed".into());
        }
        if let Some(s) = self.steady
            && let (atol, rtol) = (precise(s.atol), precise(s.rtol))
            && !(atol >= 0.0 && rtol >= 0.0 && atol + rtol > 0.0 && (atol + rtol).is_finite())
        {
            return refuse(format!(
                "steady_state wants finite tolerances that are not negative nor both zero in {:?}, got {} and {}",
                T::KIND,
                s.atol,
                s.rtol
            ));
        }
        if !self.jumps.iter().all(|t| t.is_finite()) {
            return refuse("jump times must be finite".into());
        }
        Ok(())
    }
}
