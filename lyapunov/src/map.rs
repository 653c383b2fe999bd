//! What has Lyapunov exponents.

use tch_sparse::Real;

/// A map `x -> F(x)` of `dimension` numbers together with its tangent product: a discrete system, or one step of an integrator.
///
/// Tangents are columns: `[dimension, k]`, row-major.
///
/// ```
/// use lyapunov::{Settings, StepMap};
///
/// /// Hénon's map: x' = 1 - a x^2 + y, y' = b x.
/// struct Henon;
///
/// impl StepMap<f64> for Henon {
///     type Work = ();
///     fn dimension(&self) -> usize {
///         2
///     }
///     fn work(&self, _: usize) {}
///     fn step(&self, _: u64, x: &mut [f64], (): &mut ()) {
///         (x[0], x[1]) = (1.0 - 1.4 * x[0] * x[0] + x[1], 0.3 * x[0]);
///     }
///     fn push(&self, n: u64, x: &mut [f64], q: &mut [f64], work: &mut ()) {
///         let k = q.len() / 2;
///         for c in 0..k {
///             (q[c], q[k + c]) = (-2.8 * x[0] * q[c] + q[k + c], 0.3 * q[c]);
///         }
///         self.step(n, x, work);
///     }
/// }
///
/// let spectrum = Settings::new(2).duration(1e5).run(&Henon, &[0.1, 0.1])?;
/// assert!((spectrum.exponents()[0] - 0.4192).abs() < 0.005);
/// assert!((spectrum.exponents().iter().sum::<f64>() - 0.3f64.ln()).abs() < 1e-9);
/// # Ok::<(), lyapunov::Error>(())
/// ```
pub trait StepMap<T: Real>: Sync {
    /// Memory that steps use again and again.
    type Work: Send;

    /// Numbers of the state.
    fn dimension(&self) -> usize;

    /// Time that a step takes; 1 unless it is told.
    fn dt(&self) -> f64 {
        1.0
    }

    /// Memory for steps of the state alone and for steps with so many tangents.
    fn work(&self, tangents: usize) -> Self::Work;

    /// Replaces the state by its image. `n` counts steps from 0, for systems that are driven.
    fn step(&self, n: u64, state: &mut [T], work: &mut Self::Work);

    /// Replaces the state by its image, and the tangents by theirs: `Q -> DF(x) Q` with the derivative at the state before the step.
    fn push(&self, n: u64, state: &mut [T], tangents: &mut [T], work: &mut Self::Work);
}

impl<T: Real, M: StepMap<T>> StepMap<T> for &M {
    type Work = M::Work;

    fn dimension(&self) -> usize {
        (**self).dimension()
    }

    fn dt(&self) -> f64 {
        (**self).dt()
    }

    fn work(&self, tangents: usize) -> M::Work {
        (**self).work(tangents)
    }

    fn step(&self, n: u64, state: &mut [T], work: &mut M::Work) {
        (**self).step(n, state, work);
    }

    fn push(&self, n: u64, state: &mut [T], tangents: &mut [T], work: &mut M::Work) {
        (**self).push(n, state, tangents, work);
    }
}

/// A map whose step can be pulled back: what gradients of exponents are made of.
pub trait Differentiable<T: Real>: StepMap<T> {
    /// Length of the gradient with respect to the parameters.
    fn n_parameters(&self) -> usize;

    /// Reverses [`push`](StepMap::push), or [`step`](StepMap::step) where there are no tangents.
    ///
    /// Given state and tangents *before* the step, replaces the gradients of a scalar with respect to state and tangents after the
    /// step by those with respect to state and tangents before it, and adds to the parameters' gradient, at once or in
    /// [`flush`](Self::flush).
    fn pull(
        &self,
        n: u64,
        before: Point<'_, T>,
        gradient: PointMut<'_, T>,
        parameters: &mut [T],
        work: &mut Self::Work,
    );

    /// Adds what [`pull`](Self::pull) has put off. Called once after the last one, with the same memory.
    fn flush(&self, _parameters: &mut [T], _work: &mut Self::Work) {}
}

/// A state and its tangents.
#[derive(Debug, Clone, Copy)]
pub struct Point<'a, T> {
    /// `[dimension]`.
    pub state: &'a [T],
    /// `[dimension, k]`, row-major.
    pub tangents: &'a [T],
}

/// The same, to be changed.
#[derive(Debug)]
pub struct PointMut<'a, T> {
    /// `[dimension]`.
    pub state: &'a mut [T],
    /// `[dimension, k]`, row-major.
    pub tangents: &'a mut [T],
}
