use crate::flow::{Flow, Integrator, Stepped};
use crate::{Point, PointMut};
use tch_sparse::Real;

/// Rössler's system: `x' = -y - z`, `y' = x + a y`, `z' = b + z (x - c)` (*Physics Letters A* 57, 1976).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rossler {
    /// 0.2 unless it is told.
    pub a: f64,
    /// 0.2 unless it is told.
    pub b: f64,
    /// 5.7 unless it is told.
    pub c: f64,
}

impl Default for Rossler {
    fn default() -> Self {
        Self { a: 0.2, b: 0.2, c: 5.7 }
    }
}

impl Rossler {
    /// Its map by [`Integrator::RungeKutta4`].
    pub fn steps(self, dt: f64) -> Stepped<Self> {
        Flow::<f64>::steps_by(self, Integrator::RungeKutta4, dt)
    }
}

impl<T: Real> Flow<T> for Rossler {
    type Work = ();

    fn dimension(&self) -> usize {
        3
    }

    fn work(&self, _tangents: usize) {}

    fn eval(&self, _time: f64, at: Point<'_, T>, to: PointMut<'_, T>, (): &mut ()) {
        let [a, b, c] = [self.a, self.b, self.c].map(T::from_f64);
        let (x, y, z) = (at.state[0], at.state[1], at.state[2]);
        to.state[0] = -y - z;
        to.state[1] = x + a * y;
        to.state[2] = b + z * (x - c);
        let k = at.tangents.len() / 3;
        for i in 0..k {
            let (p, q, r) = (at.tangents[i], at.tangents[k + i], at.tangents[2 * k + i]);
            to.tangents[i] = -q - r;
            to.tangents[k + i] = p + a * q;
            to.tangents[2 * k + i] = z * p + (x - c) * r;
        }
    }
}
