use crate::StepMap;
use tch_sparse::Real;

/// Ikeda's map: `z' = 1 + u z e^{it}` with `t = 0.4 - 6 / (1 + |z|^2)` for complex `z = x + i y` (*Optics Communications* 30, 1979).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ikeda {
    /// 0.9 unless it is told.
    pub u: f64,
}

impl Default for Ikeda {
    fn default() -> Self {
        Self { u: 0.9 }
    }
}

impl Ikeda {
    /// `u cos t`, `u sin t`, and the derivatives of t.
    fn turn(&self, x: f64, y: f64) -> [f64; 4] {
        let s = 1.0 + x * x + y * y;
        let t = 0.4 - 6.0 / s;
        [self.u * t.cos(), self.u * t.sin(), 12.0 * x / (s * s), 12.0 * y / (s * s)]
    }
}

impl<T: Real> StepMap<T> for Ikeda {
    type Work = ();

    fn dimension(&self) -> usize {
        2
    }

    fn work(&self, _tangents: usize) {}

    fn step(&self, _n: u64, state: &mut [T], (): &mut ()) {
        let (x, y) = (state[0].to_f64(), state[1].to_f64());
        let [c, s, ..] = self.turn(x, y);
        state[0] = T::from_f64(1.0 + x * c - y * s);
        state[1] = T::from_f64(x * s + y * c);
    }

    fn push(&self, n: u64, state: &mut [T], tangents: &mut [T], work: &mut ()) {
        let (x, y) = (state[0].to_f64(), state[1].to_f64());
        let [c, s, tx, ty] = self.turn(x, y);
        // A turn adds the derivative of its angle times the turned vector, a quarter turn on.
        let (along, across) = (x * c - y * s, x * s + y * c);
        let (top, bottom) = tangents.split_at_mut(tangents.len() / 2);
        for (p, q) in top.iter_mut().zip(bottom) {
            let (a, b) = (p.to_f64(), q.to_f64());
            let angle = tx * a + ty * b;
            *p = T::from_f64(c * a - s * b - across * angle);
            *q = T::from_f64(s * a + c * b + along * angle);
        }
        self.step(n, state, work);
    }
}
