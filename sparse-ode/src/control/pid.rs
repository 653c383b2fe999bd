//! Control by the last three errors, smoother than by one.
//!
//! With `k = coefficient / order`, the next step is `dt` times
//! `safety error^-(ki + kp + kd) last^(kp + 2 kd) before^-kd`, where `last` and `before` are the error ratios of the two last
//! accepted steps. Source: G. Söderlind, "Digital filters in adaptive time-stepping", ACM Trans. Math. Softw. 29 (2003), 1-26.

use super::{Limits, Memory};

/// Proportional-integral-derivative controller; with `derivative` 0 a PI controller. After a rejected step the factor is at most
/// `safety`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pid {
    /// Weight of the change of the error. Default 0.2.
    pub proportional: f64,
    /// Weight of the error. Default 0.5.
    pub integral: f64,
    /// Weight of the change of the change. Default 0.
    pub derivative: f64,
    /// Bounds of steps and of their growth.
    pub limits: Limits,
}

impl Default for Pid {
    fn default() -> Self {
        Self { proportional: 0.2, integral: 0.5, derivative: 0.0, limits: Limits::default() }
    }
}

impl Pid {
    /// The factor before it is clamped.
    pub(super) fn factor(&self, error: f64, order: u32, memory: &Memory, round: impl Fn(f64) -> f64) -> f64 {
        let order = f64::from(order);
        let (p, i, d) = (self.proportional / order, self.integral / order, self.derivative / order);
        let now = error.powf(-(i + p + d));
        round(self.limits.safety * now * memory.last.powf(p + 2.0 * d) * memory.before.powf(-d))
    }
}
