use crate::StepMap;
use tch_sparse::Real;

/// The logistic map `x' = r x (1 - x)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logistic {
    /// 4 unless it is told.
    pub r: f64,
}

impl Default for Logistic {
    fn default() -> Self {
        Self { r: 4.0 }
    }
}

impl<T: Real> StepMap<T> for Logistic {
    type Work = ();

    fn dimension(&self) -> usize {
        1
    }

    fn work(&self, _tangents: usize) {}

    fn step(&self, _n: u64, state: &mut [T], (): &mut ()) {
        state[0] = T::from_f64(self.r) * state[0] * (T::ONE - state[0]);
    }

    fn push(&self, n: u64, state: &mut [T], tangents: &mut [T], work: &mut ()) {
        let slope = T::from_f64(self.r) * (T::ONE - state[0] - state[0]);
        tangents.iter_mut().for_each(|q| *q = slope * *q);
        self.step(n, state, work);
    }
}
