//! Rate networks and their step.

use super::activation::Activation;
use super::coupling::{Coupling, Factor};
use super::pull::Put;
use crate::{Error, StepMap};
use tch_sparse::Real;

/// Which derivative tangents are multiplied by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Derivative {
    /// The step's own: `(1 - dt) I + dt J diag(φ'(h))` at the state before the step. The default.
    #[default]
    Exact,
    /// FlyStability's: `(1 - dt) I + dt J diag(g / cosh(h)^2)` at the state after the step, whatever the activation. It is right for
    /// tanh with unit gains alone, apart from the shift by one step.
    FlyStability,
}

/// A rate network `dh/dt = -h + J φ(h)` in steps of Euler's method:
///
/// `h <- (1 - dt) h + dt J φ(h) + u`, and for tangents `Q <- (1 - dt) Q + dt J (φ'(h) Q)`
///
/// (Sompolinsky, Crisanti and Sommers, *Phys. Rev. Lett.* 61, 1988; the input `u` is added without `dt`, as in FlyStability.) The
/// Jacobian is never formed: a step is one product of J with `k + 1` columns.
///
/// ```
/// use lyapunov::{Coupling, RateNetwork, Settings, Activation};
///
/// // Two neurons that excite each other. At rest the exponents are those of the matrix (1 - dt) I + dt J.
/// let network = RateNetwork::builder(Coupling::dense(2, vec![0.0f64, 0.9, 0.5, 0.0])?).activation(Activation::Tanh).build()?;
/// let spectrum = Settings::new(2).run(&network, &[0.0, 0.0])?;
/// let root = 0.45f64.sqrt();
/// let want = [(0.9 + 0.1 * root).ln() / 0.1, (0.9 - 0.1 * root).ln() / 0.1];
/// for (got, want) in spectrum.exponents().iter().zip(want) {
///     assert!((got - want).abs() < 1e-2);
/// }
/// # Ok::<(), lyapunov::Error>(())
/// ```
#[derive(Debug)]
pub struct RateNetwork<T> {
    pub(super) coupling: Coupling<T>,
    pub(super) activation: Activation,
    pub(super) derivative: Derivative,
    pub(super) dt: T,
    pub(super) keep: T,
    step: f64,
    /// Row of `gains` and `shifts` of each neuron.
    pub(super) types: Vec<u32>,
    pub(super) n_types: usize,
    /// By neuron.
    pub(super) gain: Vec<T>,
    pub(super) shift: Vec<T>,
    input: Vec<T>,
}

/// A network in the making; see [`RateNetwork::builder`].
#[derive(Debug)]
pub struct Builder<T> {
    coupling: Coupling<T>,
    activation: Activation,
    derivative: Derivative,
    dt: f64,
    types: Option<Vec<u32>>,
    gains: Option<Vec<T>>,
    shifts: Option<Vec<T>>,
    input: Option<Vec<T>>,
}

impl<T: Real> RateNetwork<T> {
    /// Begins a network.
    ///
    /// | option | default |
    /// | --- | --- |
    /// | [`activation`](Builder::activation) | `tanh(g (h - s))` |
    /// | [`dt`](Builder::dt) | 0.1 time constants |
    /// | [`types`](Builder::types) | each neuron is a type of its own |
    /// | [`gains`](Builder::gains) | 1 |
    /// | [`shifts`](Builder::shifts) | 0 |
    /// | [`input`](Builder::input) | 0 |
    /// | [`derivative`](Builder::derivative) | exact |
    pub fn builder(coupling: Coupling<T>) -> Builder<T> {
        Builder {
            coupling,
            activation: Activation::default(),
            derivative: Derivative::default(),
            dt: 0.1,
            types: None,
            gains: None,
            shifts: None,
            input: None,
        }
    }

    /// The coupling.
    pub fn coupling(&self) -> &Coupling<T> {
        &self.coupling
    }

    /// The activation.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// Types of neurons.
    pub fn n_types(&self) -> usize {
        self.n_types
    }

    /// `φ(h)`, `[neurons]`.
    ///
    /// # Panics
    /// When the state has another length.
    pub fn activity(&self, state: &[T]) -> Vec<T> {
        let (mut value, mut slope) = (vec![T::ZERO; state.len()], vec![T::ZERO; state.len()]);
        self.activation.evaluate(state, &self.gain, &self.shift, &mut value, &mut slope);
        value
    }

    pub(super) fn n(&self) -> usize {
        self.types.len()
    }

    /// `ψ(h)`, the slope of FlyStability's derivative.
    pub(super) fn compat_slope(&self, state: &[T], slope: &mut [T]) {
        for ((slope, x), gain) in slope.iter_mut().zip(state).zip(&self.gain) {
            let t = x.tanh();
            *slope = *gain * (T::ONE - t * t);
        }
    }

    /// The step of the state; `slope` becomes `φ'` before it.
    fn step_state(&self, state: &mut [T], work: &mut RateWork<T>) {
        self.activation.evaluate(state, &self.gain, &self.shift, &mut work.value, &mut work.slope);
        let value = &work.value;
        work.single.fill(1, |i, _, row| row[0] = value[i]);
        let y = &mut work.y[..state.len()];
        self.coupling.product(&work.single, 1, false, y);
        for ((h, y), u) in state.iter_mut().zip(y).zip(&self.input) {
            *h = self.keep * *h + self.dt * *y + *u;
        }
    }
}

impl<T: Real> Builder<T> {
    /// The activation.
    #[must_use]
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Length of a step in time constants, above 0 and at most 1.
    #[must_use]
    pub fn dt(mut self, dt: f64) -> Self {
        self.dt = dt;
        self
    }

    /// The type of each neuron, `[neurons]`, numbered from 0: neurons of a type share gain and shift.
    #[must_use]
    pub fn types(mut self, types: &[u32]) -> Self {
        self.types = Some(types.to_vec());
        self
    }

    /// The gain of each type, `[types]`.
    #[must_use]
    pub fn gains(mut self, gains: &[T]) -> Self {
        self.gains = Some(gains.to_vec());
        self
    }

    /// The shift of each type, `[types]`.
    #[must_use]
    pub fn shifts(mut self, shifts: &[T]) -> Self {
        self.shifts = Some(shifts.to_vec());
        self
    }

    /// What is added to the state at each step, `[neurons]`.
    #[must_use]
    pub fn input(mut self, input: &[T]) -> Self {
        self.input = Some(input.to_vec());
        self
    }

    /// Which derivative tangents are multiplied by.
    #[must_use]
    pub fn derivative(mut self, derivative: Derivative) -> Self {
        self.derivative = derivative;
        self
    }

    /// The network.
    ///
    /// # Errors
    /// [`Error::Setting`] for a step outside of (0, 1] and numbers that are not finite; [`Error::Shape`] for lists of another length.
    pub fn build(self) -> Result<RateNetwork<T>, Error> {
        let n = self.coupling.n();
        if !(self.dt > 0.0 && self.dt <= 1.0) {
            return Err(Error::setting("dt", format!("{} time constants; give a step above 0 and at most 1", self.dt)));
        }
        let fits = |what: &'static str, got: usize, want: usize| {
            if got == want {
                return Ok(());
            }
            Err(Error::Shape { what, got: format!("[{got}]"), want: format!("[{want}]") })
        };
        let (types, n_types) = match self.types {
            None => ((0..n as u32).collect(), n),
            Some(types) => {
                fits("the list of types", types.len(), n)?;
                let named = self.gains.as_ref().or(self.shifts.as_ref()).map(Vec::len);
                let n_types = named.unwrap_or_else(|| types.iter().max().map_or(0, |t| *t as usize + 1));
                (types, n_types)
            }
        };
        if let Some(t) = types.iter().find(|t| **t as usize >= n_types) {
            return Err(Error::setting("types", format!("a neuron is of type {t}, but there are {n_types} from 0")));
        }
        let per_type = |what: &'static str, given: Option<Vec<T>>, default: T| -> Result<Vec<T>, Error> {
            let given = given.unwrap_or_else(|| vec![default; n_types]);
            fits(what, given.len(), n_types)?;
            check_finite(what, &given)?;
            Ok(types.iter().map(|t| given[*t as usize]).collect())
        };
        let gain = per_type("gains", self.gains, T::ONE)?;
        let shift = per_type("shifts", self.shifts, T::ZERO)?;
        let input = self.input.unwrap_or_else(|| vec![T::ZERO; n]);
        fits("the input", input.len(), n)?;
        check_finite("input", &input)?;
        Ok(RateNetwork {
            coupling: self.coupling,
            activation: self.activation,
            derivative: self.derivative,
            dt: T::from_f64(self.dt),
            keep: T::from_f64(1.0 - self.dt),
            step: self.dt,
            types,
            n_types,
            gain,
            shift,
            input,
        })
    }
}

fn check_finite<T: Real>(setting: &'static str, numbers: &[T]) -> Result<(), Error> {
    match numbers.iter().position(|x| !x.to_f64().is_finite()) {
        Some(at) => Err(Error::setting(setting, format!("number {at} is {}; all must be finite", numbers[at]))),
        None => Ok(()),
    }
}

/// Memory of a network's steps.
#[derive(Debug)]
pub struct RateWork<T> {
    /// Columns of state and tangents, and of the state alone.
    pub(super) factor: Factor<T>,
    pub(super) single: Factor<T>,
    pub(super) y: Vec<T>,
    pub(super) value: Vec<T>,
    pub(super) slope: Vec<T>,
    pub(super) put: Put<T>,
}

impl<T: Real> StepMap<T> for RateNetwork<T> {
    type Work = RateWork<T>;

    fn dimension(&self) -> usize {
        self.n()
    }

    fn dt(&self) -> f64 {
        self.step
    }

    fn work(&self, tangents: usize) -> RateWork<T> {
        let n = self.n();
        RateWork {
            factor: self.coupling.factor(tangents + 1),
            single: self.coupling.factor(1),
            y: vec![T::ZERO; n * (tangents + 1)],
            value: vec![T::ZERO; n],
            slope: vec![T::ZERO; n],
            put: Put::default(),
        }
    }

    fn step(&self, _n: u64, state: &mut [T], work: &mut RateWork<T>) {
        self.step_state(state, work);
    }

    fn push(&self, _n: u64, state: &mut [T], tangents: &mut [T], work: &mut RateWork<T>) {
        let k = tangents.len() / state.len().max(1);
        if k == 0 {
            return self.step_state(state, work);
        }
        if self.derivative == Derivative::FlyStability {
            self.step_state(state, work);
            self.compat_slope(state, &mut work.slope);
            work.value.fill(T::ZERO);
        } else {
            self.activation.evaluate(state, &self.gain, &self.shift, &mut work.value, &mut work.slope);
        }
        let RateWork { factor, y, value, slope, .. } = work;
        fill_factor(factor, k, tangents, slope, value);
        self.coupling.product(factor, k + 1, false, y);
        if self.derivative == Derivative::Exact {
            for ((h, y), u) in state.iter_mut().zip(y.chunks_exact(k + 1)).zip(&self.input) {
                *h = self.keep * *h + self.dt * y[k] + *u;
            }
        }
        leak(tangents, y, k, self.keep, self.dt);
    }
}

/// Columns `slope * tangents`, and `value` as the last one.
pub(super) fn fill_factor<T: Real>(factor: &mut Factor<T>, k: usize, tangents: &[T], slope: &[T], value: &[T]) {
    factor.fill(k + 1, |i, start, row| {
        let columns = k.min(start + row.len()) - start;
        let (own, last) = row.split_at_mut(columns);
        for (to, q) in own.iter_mut().zip(&tangents[i * k + start..]) {
            *to = slope[i] * *q;
        }
        if let [last] = last {
            *last = value[i];
        }
    });
}

tch_function::on_best_tier!(
    /// `Q <- keep Q + dt Y` where Y has a column more.
    fn leak<T: Real>(tangents: &mut [T], y: &[T], k: usize, keep: T, dt: T) = leak_body
);

#[inline(always)]
fn leak_body<T: Real>(tangents: &mut [T], y: &[T], k: usize, keep: T, dt: T) {
    for (q, y) in tangents.chunks_exact_mut(k).zip(y.chunks_exact(k + 1)) {
        for (q, y) in q.iter_mut().zip(y) {
            *q = keep * *q + dt * *y;
        }
    }
}
