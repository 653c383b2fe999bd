use crate::flow::{Flow, Integrator, Stepped};
use crate::{Point, PointMut};
use tch_sparse::Real;

/// Lorenz' system of 1963: `x' = σ (y - x)`, `y' = x (ρ - z) - y`, `z' = x y - β z` (*Journal of the Atmospheric Sciences* 20).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lorenz63 {
    /// 10 unless it is told.
    pub sigma: f64,
    /// 28 unless it is told.
    pub rho: f64,
    /// 8/3 unless it is told.
    pub beta: f64,
}

impl Default for Lorenz63 {
    fn default() -> Self {
        Self { sigma: 10.0, rho: 28.0, beta: 8.0 / 3.0 }
    }
}

impl Lorenz63 {
    /// Its map by [`Integrator::RungeKutta4`].
    pub fn steps(self, dt: f64) -> Stepped<Self> {
        Flow::<f64>::steps_by(self, Integrator::RungeKutta4, dt)
    }
}

impl<T: Real> Flow<T> for Lorenz63 {
    type Work = ();

    fn dimension(&self) -> usize {
        3
    }

    fn work(&self, _tangents: usize) {}

    fn eval(&self, _time: f64, at: Point<'_, T>, to: PointMut<'_, T>, (): &mut ()) {
        let [sigma, rho, beta] = [self.sigma, self.rho, self.beta].map(T::from_f64);
        let (x, y, z) = (at.state[0], at.state[1], at.state[2]);
        to.state[0] = sigma * (y - x);
        to.state[1] = x * (rho - z) - y;
        to.state[2] = x * y - beta * z;
        let k = at.tangents.len() / 3;
        for c in 0..k {
            let (p, q, r) = (at.tangents[c], at.tangents[k + c], at.tangents[2 * k + c]);
            to.tangents[c] = sigma * (q - p);
            to.tangents[k + c] = (rho - z) * p - q - x * r;
            to.tangents[2 * k + c] = y * p + x * q - beta * r;
        }
    }
}
