use crate::flow::{Flow, Integrator, Stepped};
use crate::{Point, PointMut};
use tch_sparse::Real;

/// Lorenz' system of 1996 on a ring of N sites: `x_i' = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F` (*Predictability: A problem partly
/// solved*, ECMWF).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lorenz96 {
    /// Sites, at least 4; 40 unless it is told.
    pub sites: usize,
    /// 8 unless it is told.
    pub forcing: f64,
}

impl Default for Lorenz96 {
    fn default() -> Self {
        Self { sites: 40, forcing: 8.0 }
    }
}

impl Lorenz96 {
    /// Its map by [`Integrator::RungeKutta4`].
    pub fn steps(self, dt: f64) -> Stepped<Self> {
        Flow::<f64>::steps_by(self, Integrator::RungeKutta4, dt)
    }
}

impl<T: Real> Flow<T> for Lorenz96 {
    type Work = ();

    fn dimension(&self) -> usize {
        self.sites
    }

    fn work(&self, _tangents: usize) {}

    fn eval(&self, _time: f64, at: Point<'_, T>, to: PointMut<'_, T>, (): &mut ()) {
        let n = self.sites;
        let k = at.tangents.len() / n;
        for i in 0..n {
            let [next, last, before] = [(i + 1) % n, (i + n - 1) % n, (i + n - 2) % n];
            let x = |j: usize| at.state[j];
            let ahead = x(next) - x(before);
            to.state[i] = ahead * x(last) - x(i) + T::from_f64(self.forcing);
            let row = |j: usize| &at.tangents[j * k..(j + 1) * k];
            for (c, to) in to.tangents[i * k..(i + 1) * k].iter_mut().enumerate() {
                *to = (row(next)[c] - row(before)[c]) * x(last) + ahead * row(last)[c] - row(i)[c];
            }
        }
    }
}
