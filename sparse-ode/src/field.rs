//! Right-hand sides.

use tch_sparse::Real;

/// Any error that a right-hand side may return.
pub type FieldError = Box<dyn std::error::Error + Send + Sync>;

/// Where a field is evaluated: one entry per column of the state.
///
/// Columns are the samples of the batch that still run; those that are finished are dropped.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// Time of each column.
    pub t: &'a [f64],
    /// Which sample each column is, ascending.
    pub sample: &'a [usize],
    /// How many of the solver's jump times each column has passed. A field that jumps decides by this number, since at the jump
    /// itself the time belongs to both sides.
    pub piece: &'a [usize],
}

/// The right-hand side `dy/dt = f(t, y)` of a batch.
pub trait VectorField<T: Real> {
    /// Numbers per sample.
    fn features(&self) -> usize;

    /// Writes `f(t, y)`.
    ///
    /// **Shape**: `y` and `dy` `[features, batch]`, row-major: the batch is contiguous. `dy` holds old numbers.
    ///
    /// # Errors
    /// Of the field's choice; the solve ends with it. A field that merely overflows writes NaN or infinity and returns `Ok`: the
    /// solver then rejects the step and tries a shorter one, or ends the sample where steps are fixed.
    fn eval(&mut self, at: At<'_>, y: &[T], dy: &mut [T]) -> Result<(), FieldError>;
}

/// A field that can be differentiated in reverse: what gradients of a solve are made of.
///
/// [`Solver::record`](crate::Solver::record) shows an implementation in full.
pub trait Differentiable<T: Real>: VectorField<T> {
    /// What an evaluation leaves for its pull-back. One is held per stage, and written again at every step.
    type Kept: Default;

    /// Length of the gradient with respect to the parameters; 0 where there are none.
    fn n_parameters(&self) -> usize;

    /// [`eval`](VectorField::eval), and what its pull-back needs.
    ///
    /// # Errors
    /// As [`eval`](VectorField::eval).
    fn eval_keeping(&mut self, at: At<'_>, y: &[T], dy: &mut [T], kept: &mut Self::Kept) -> Result<(), FieldError>;

    /// From the gradient of a scalar with respect to `dy` to those with respect to state, parameters and time.
    ///
    /// **Shape**: `cotangent` and `to.y` `[features, batch]`.
    ///
    /// # Errors
    /// Of the field's choice; the reverse pass ends with it.
    fn pull_back(
        &mut self,
        of: Evaluated<'_, T, Self::Kept>,
        cotangent: &[T],
        to: PulledBack<'_, T>,
    ) -> Result<(), FieldError>;
}

/// An evaluation that is pulled back.
#[derive(Debug, Clone, Copy)]
pub struct Evaluated<'a, T, K> {
    /// Where it was.
    pub at: At<'a>,
    /// The state, `[features, batch]`.
    pub y: &'a [T],
    /// The derivative, `[features, batch]`.
    pub dy: &'a [T],
    /// What it left.
    pub kept: &'a K,
}

/// Where a pull-back puts its results.
#[derive(Debug)]
pub struct PulledBack<'a, T> {
    /// Gradient with respect to the state, `[features, batch]`. It holds old numbers: all are to be written.
    pub y: &'a mut [T],
    /// Gradient with respect to the parameters, in an order of the field's own. It is added to.
    pub parameters: &'a mut [T],
    /// Gradient with respect to the time of each column. It is added to; a field that does not depend on time leaves it.
    pub t: &'a mut [f64],
}

impl<T: Real, F: VectorField<T> + ?Sized> VectorField<T> for &mut F {
    fn features(&self) -> usize {
        (**self).features()
    }
    fn eval(&mut self, at: At<'_>, y: &[T], dy: &mut [T]) -> Result<(), FieldError> {
        (**self).eval(at, y, dy)
    }
}

impl<T: Real, F: Differentiable<T> + ?Sized> Differentiable<T> for &mut F {
    type Kept = F::Kept;
    fn n_parameters(&self) -> usize {
        (**self).n_parameters()
    }
    fn eval_keeping(&mut self, at: At<'_>, y: &[T], dy: &mut [T], kept: &mut F::Kept) -> Result<(), FieldError> {
        (**self).eval_keeping(at, y, dy, kept)
    }
    fn pull_back(
        &mut self,
        of: Evaluated<'_, T, F::Kept>,
        cotangent: &[T],
        to: PulledBack<'_, T>,
    ) -> Result<(), FieldError> {
        (**self).pull_back(of, cotangent, to)
    }
}

/// A field of samples that do not depend on each other, from a function of one sample.
///
/// # Arguments
/// * `features` - numbers per sample
/// * `f` - takes time, sample number, state and derivative to write, both `[features]`
///
/// # Example
/// ```
/// use sparse_ode::{Solver, Times, per_sample};
///
/// // Three rotations at different speeds, a quarter turn each.
/// let speed = [1.0, 2.0, 4.0];
/// let mut field = per_sample(2, |_t, sample, y: &[f64], dy| {
///     dy[0] = -speed[sample] * y[1];
///     dy[1] = speed[sample] * y[0];
/// });
/// let quarter: Vec<f64> = speed.iter().map(|w| std::f64::consts::FRAC_PI_2 / w).collect();
/// let times = Times::per_sample(&[0.0; 3], &quarter)?;
/// let y0 = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]; // [batch, features]
/// let solution = Solver::new().tolerances(1e-9, 1e-9).solve(&mut field, &y0, &times)?;
/// for y in solution.end().chunks(2) {
///     assert!(y[0].abs() < 1e-7 && (y[1] - 1.0).abs() < 1e-7);
/// }
/// # Ok::<(), sparse_ode::Error>(())
/// ```
pub fn per_sample<T: Real, F: FnMut(f64, usize, &[T], &mut [T])>(features: usize, f: F) -> PerSample<T, F> {
    PerSample { f, y: vec![T::ZERO; features], dy: vec![T::ZERO; features] }
}

/// What [`per_sample`] makes.
#[derive(Debug, Clone)]
pub struct PerSample<T, F> {
    f: F,
    y: Vec<T>,
    dy: Vec<T>,
}

impl<T: Real, F: FnMut(f64, usize, &[T], &mut [T])> VectorField<T> for PerSample<T, F> {
    fn features(&self) -> usize {
        self.y.len()
    }

    fn eval(&mut self, at: At<'_>, y: &[T], dy: &mut [T]) -> Result<(), FieldError> {
        let batch = at.t.len();
        for b in 0..batch {
            for (row, own) in self.y.iter_mut().enumerate() {
                *own = y[row * batch + b];
            }
            (self.f)(at.t[b], at.sample[b], &self.y, &mut self.dy);
            for (row, own) in self.dy.iter().enumerate() {
                dy[row * batch + b] = *own;
            }
        }
        Ok(())
    }
}
