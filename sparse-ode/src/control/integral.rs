//! Control by the last error: the next step is `dt clamp(safety error^(-1/order), factor_min, factor_max)`.
//!
//! Source: Hairer, Norsett & Wanner, *Solving ODEs I*, 2nd ed., II.4, eq. (4.13).

use super::Limits;

/// Integral controller.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Integral {
    /// Bounds of steps and of their growth.
    pub limits: Limits,
}

impl Integral {
    /// The factor before it is clamped.
    pub(super) fn factor(limits: &Limits, error: f64, order: u32, round: impl Fn(f64) -> f64) -> f64 {
        round(limits.safety * round(error.powf(-1.0 / f64::from(order))))
    }
}
