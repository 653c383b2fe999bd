use crate::StepMap;
use tch_sparse::Real;

/// Hénon's map: `x' = 1 - a x^2 + y`, `y' = b x` (*Communications in Mathematical Physics* 50, 1976).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Henon {
    /// 1.4 unless it is told.
    pub a: f64,
    /// 0.3 unless it is told.
    pub b: f64,
}

impl Default for Henon {
    fn default() -> Self {
        Self { a: 1.4, b: 0.3 }
    }
}

impl<T: Real> StepMap<T> for Henon {
    type Work = ();

    fn dimension(&self) -> usize {
        2
    }

    fn work(&self, _tangents: usize) {}

    fn step(&self, _n: u64, state: &mut [T], (): &mut ()) {
        let (x, y) = (state[0], state[1]);
        state[0] = T::ONE - T::from_f64(self.a) * x * x + y;
        state[1] = T::from_f64(self.b) * x;
    }

    fn push(&self, n: u64, state: &mut [T], tangents: &mut [T], work: &mut ()) {
        let slope = T::from_f64(-2.0 * self.a) * state[0];
        let (top, bottom) = tangents.split_at_mut(tangents.len() / 2);
        for (p, q) in top.iter_mut().zip(bottom) {
            (*p, *q) = (slope * *p + *q, T::from_f64(self.b) * *p);
        }
        self.step(n, state, work);
    }
}
