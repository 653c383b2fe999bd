//! Flows, and their steps as maps.

use crate::{Point, PointMut, StepMap};
use tch_sparse::Real;

/// A right-hand side `dx/dt = f(x)` together with its tangent product.
pub trait Flow<T: Real>: Sync {
    /// Memory that evaluations use again and again.
    type Work: Send;

    /// Numbers of the state.
    fn dimension(&self) -> usize;

    /// Memory for evaluations with so many tangents.
    fn work(&self, tangents: usize) -> Self::Work;

    /// Writes `f(x)` and `Df(x) Q`, `[dimension, k]`. There may be no tangents.
    fn eval(&self, time: f64, at: Point<'_, T>, to: PointMut<'_, T>, work: &mut Self::Work);

    /// The map of one step. Its tangent product is the derivative of the step itself, since a Runge-Kutta step of state and tangents
    /// together is that of the variational equation.
    fn steps_by(self, method: Integrator, dt: f64) -> Stepped<Self>
    where
        Self: Sized,
    {
        Stepped { flow: self, method, dt }
    }
}

/// An integrator with a fixed step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Integrator {
    /// Euler's method: one evaluation, order 1.
    Euler,
    /// The classical method of Runge and Kutta: four evaluations, order 4. The default.
    #[default]
    RungeKutta4,
}

/// A flow's step of fixed length as a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stepped<F> {
    flow: F,
    method: Integrator,
    dt: f64,
}

impl<F> Stepped<F> {
    /// The flow.
    pub fn flow(&self) -> &F {
        &self.flow
    }
}

/// State and tangents at a stage, and derivatives.
#[derive(Debug)]
pub struct Stages<T, W> {
    state: [Vec<T>; 3],
    tangents: [Vec<T>; 3],
    work: W,
}

impl<F> Stepped<F> {
    fn go<T: Real>(&self, n: u64, state: &mut [T], tangents: &mut [T], memory: &mut Stages<T, F::Work>)
    where
        F: Flow<T>,
    {
        let Stages { state: [x, dx, sum], tangents: [q, dq, sum_q], work } = memory;
        let k = tangents.len();
        let (q, dq, sum_q) = (&mut q[..k], &mut dq[..k], &mut sum_q[..k]);
        let time = n as f64 * self.dt;
        // Where each stage is, in steps, and its weight in the sum.
        let stages: &[(f64, f64)] = match self.method {
            Integrator::Euler => &[(0.0, 1.0)],
            Integrator::RungeKutta4 => &[(0.0, 1.0 / 6.0), (0.5, 1.0 / 3.0), (0.5, 1.0 / 3.0), (1.0, 1.0 / 6.0)],
        };
        sum.copy_from_slice(state);
        sum_q.copy_from_slice(tangents);
        x.copy_from_slice(state);
        q.copy_from_slice(tangents);
        for (i, &(at, weight)) in stages.iter().enumerate() {
            if i > 0 {
                let forward = T::from_f64(at * self.dt);
                move_along(x, state, forward, dx);
                move_along(q, tangents, forward, dq);
            }
            self.flow.eval(
                time + at * self.dt,
                Point { state: x, tangents: q },
                PointMut { state: dx, tangents: dq },
                work,
            );
            let weight = T::from_f64(weight * self.dt);
            sum.iter_mut().zip(&*dx).for_each(|(sum, d)| *sum += *d * weight);
            sum_q.iter_mut().zip(&*dq).for_each(|(sum, d)| *sum += *d * weight);
        }
        state.copy_from_slice(sum);
        tangents.copy_from_slice(sum_q);
    }
}

/// `to = from + factor slope`.
fn move_along<T: Real>(to: &mut [T], from: &[T], factor: T, slope: &[T]) {
    for ((to, from), slope) in to.iter_mut().zip(from).zip(slope) {
        *to = *slope * factor + *from;
    }
}

impl<T: Real, F: Flow<T>> StepMap<T> for Stepped<F> {
    type Work = Stages<T, F::Work>;

    fn dimension(&self) -> usize {
        self.flow.dimension()
    }

    fn dt(&self) -> f64 {
        self.dt
    }

    fn work(&self, tangents: usize) -> Self::Work {
        let zeros = |n: usize| std::array::from_fn(|_| vec![T::ZERO; n]);
        let n = self.dimension();
        Stages { state: zeros(n), tangents: zeros(n * tangents), work: self.flow.work(tangents) }
    }

    fn step(&self, n: u64, state: &mut [T], work: &mut Self::Work) {
        self.go(n, state, &mut [], work);
    }

    fn push(&self, n: u64, state: &mut [T], tangents: &mut [T], work: &mut Self::Work) {
        self.go(n, state, tangents, work);
    }
}
