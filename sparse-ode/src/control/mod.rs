//! Step-size control, one decision per sample.
//!
//! `error` is the ratio of the estimated error to what the tolerances allow, root mean square over features: 1 is just at the
//! tolerance. Source: Hairer, Norsett & Wanner, *Solving Ordinary Differential Equations I*, 2nd ed., II.4, eq. (4.11)-(4.13).

mod integral;
mod pid;

pub use integral::Integral;
pub use pid::Pid;

use crate::solver::Compat;

/// The smallest error ratio that is told from zero, so that a step grows by a finite factor.
pub(crate) const SMALLEST_ERROR: f64 = 1e-38;

/// How steps are chosen.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Controller {
    /// By the last error. The default.
    Integral(Integral),
    /// By the last three errors.
    Pid(Pid),
    /// Every step is accepted and has the length of the initial step, which must be given.
    Fixed,
}

impl Default for Controller {
    fn default() -> Self {
        Self::Integral(Integral::default())
    }
}

/// What bounds the growth and the length of steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Fraction of the predicted step that is taken. Default 0.9.
    pub safety: f64,
    /// Smallest factor from one step to the next. Default 0.2.
    pub factor_min: f64,
    /// Greatest factor from one step to the next. Default 10.
    pub factor_max: f64,
    /// Shortest step, in the unit of time; a sample that wants a shorter one stops with
    /// [`Status::ReachedDtMin`](crate::Status::ReachedDtMin). Default none.
    pub dt_min: Option<f64>,
    /// Longest step, in the unit of time. Default none.
    pub dt_max: Option<f64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { safety: 0.9, factor_min: 0.2, factor_max: 10.0, dt_min: None, dt_max: None }
    }
}

impl Limits {
    /// A factor within the bounds. After a rejection the step shrinks, except as torchode has it. What is no number shrinks it most.
    pub(crate) fn hold(&self, factor: f64, accept: bool, compat: Compat) -> f64 {
        let grows = accept || compat == Compat::Torchode;
        let most = if grows { self.factor_max } else { self.safety.max(self.factor_min) };
        factor.max(self.factor_min).min(most)
    }
}

/// What a controller remembers of a sample: the error ratios of its last two accepted steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Memory {
    pub(crate) last: f64,
    pub(crate) before: f64,
}

impl Default for Memory {
    fn default() -> Self {
        Self { last: 1.0, before: 1.0 }
    }
}

/// A decision on one sample's step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Decision {
    pub(crate) accept: bool,
    /// The next step, signed as the last one.
    pub(crate) dt: f64,
    /// The controller wanted a shorter step than allowed.
    pub(crate) below_dt_min: bool,
}

impl Controller {
    pub(crate) fn limits(&self) -> Option<&Limits> {
        match self {
            Self::Integral(c) => Some(&c.limits),
            Self::Pid(c) => Some(&c.limits),
            Self::Fixed => None,
        }
    }

    /// Judges a step of length `dt` of a method of order `order`. `round` rounds to the precision of the states.
    ///
    /// A rejected step is followed by a shorter one, though the remembered errors may ask for a longer one.
    ///
    /// An error that is not a number or infinite rejects the step and shrinks it as far as the limits allow, so that a field
    /// that overflows is tried again and never propagated.
    pub(crate) fn decide(
        &self,
        dt: f64,
        error: Option<f64>,
        order: u32,
        compat: Compat,
        memory: &mut Memory,
        round: impl Fn(f64) -> f64,
    ) -> Decision {
        let (Some(limits), Some(error)) = (self.limits(), error) else {
            return Decision { accept: true, dt, below_dt_min: false };
        };
        let accept = error < 1.0;
        let error = if error < SMALLEST_ERROR { SMALLEST_ERROR } else { error };
        let wanted = if error.is_finite() {
            let factor = match self {
                Self::Pid(c) => c.factor(error, order, memory, round),
                _ => Integral::factor(limits, error, order, round),
            };
            limits.hold(factor, accept, compat)
        } else {
            limits.factor_min
        };
        if accept {
            *memory = Memory { last: error, before: memory.last };
        }
        let wanted = dt.abs() * wanted;
        let allowed = wanted.min(limits.dt_max.unwrap_or(f64::INFINITY)).max(limits.dt_min.unwrap_or(0.0));
        Decision { accept, dt: allowed.copysign(dt), below_dt_min: limits.dt_min.is_some_and(|least| wanted < least) }
    }

    /// What is wrong with the settings, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        let l = self.limits()?;
        let positive = |x: f64| x.is_finite() && x > 0.0;
        if !(positive(l.safety) && l.safety <= 1.0) {
            return Some(format!("safety is {}, it lies above 0 and up to 1", l.safety));
        }
        if !(positive(l.factor_min) && l.factor_min < 1.0 && positive(l.factor_max) && l.factor_max >= 1.0) {
            return Some(format!(
                "factors are {} to {}; the first lies between 0 and 1, the second is at least 1",
                l.factor_min, l.factor_max
            ));
        }
        let (least, most) = (l.dt_min.unwrap_or(0.0), l.dt_max.unwrap_or(f64::INFINITY));
        if !(least >= 0.0 && most > 0.0 && least <= most) {
            return Some(format!("steps are limited to {least} to {most}; both are positive and in order"));
        }
        if let Self::Pid(c) = self {
            let coefficients = [c.proportional, c.integral, c.derivative];
            if !coefficients.iter().all(|x| x.is_finite()) {
                return Some(format!("coefficients are {coefficients:?}; all must be finite"));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn controllers() -> [Controller; 2] {
        [Controller::default(), Controller::Pid(Pid::default())]
    }

    proptest! {
        /// Whatever the error, NaN included, a step changes by no more than its limits, keeps its sign and stays finite.
        #[test]
        fn growth_is_bounded(
            dt in prop_oneof![1e-9..1e6f64, -1e6..-1e-9f64],
            errors in prop::collection::vec(prop_oneof![0.0..1e9f64, Just(0.0), Just(f64::NAN), Just(f64::INFINITY)], 1..6),
        ) {
            for c in controllers() {
                let mut memory = Memory::default();
                for &e in &errors {
                    let d = c.decide(dt, Some(e), 5, Compat::None, &mut memory, |x| x);
                    let factor = d.dt / dt;
                    prop_assert!((0.2 - 1e-12..=10.0 + 1e-12).contains(&factor), "{factor}");
                    prop_assert_eq!(d.accept, e < 1.0);
                    prop_assert!(e.is_finite() || factor < 0.21);
                }
            }
        }

        /// A rejected step is followed by a shorter one, whatever is remembered. H312PID lets the last errors ask for longer ones.
        #[test]
        fn rejection_shrinks(e in 1.0..1e12f64, last in 1e-30..1.0f64, before in 1e-30..1.0f64) {
            let h312 = Pid { proportional: -2.0 / 9.0, integral: 2.0 / 9.0, derivative: 1.0 / 18.0, ..Pid::default() };
            for c in controllers().into_iter().chain([Controller::Pid(h312)]) {
                let d = c.decide(0.1, Some(e), 5, Compat::None, &mut Memory { last, before }, |x| x);
                prop_assert!(!d.accept && d.dt <= 0.09 + 1e-15, "{c:?}");
            }
        }
    }

    #[test]
    fn without_an_estimate_the_step_stays() {
        for c in controllers() {
            let d = c.decide(0.3, None, 1, Compat::None, &mut Memory::default(), |x| x);
            assert_eq!(d, Decision { accept: true, dt: 0.3, below_dt_min: false });
        }
    }

    #[test]
    fn limits_hold_and_tell() {
        let limits = Limits { dt_min: Some(0.01), dt_max: Some(0.5), ..Limits::default() };
        let c = Controller::Integral(Integral { limits });
        let at = |dt, e| c.decide(dt, Some(e), 5, Compat::None, &mut Memory::default(), |x| x);
        assert_eq!(at(0.4, 1e-9).dt, 0.5);
        assert_eq!(at(-0.4, 1e-9).dt, -0.5);
        assert_eq!((at(0.02, 1e9).dt, at(0.02, 1e9).below_dt_min), (0.01, true));
        assert!(!at(0.4, 1e9).below_dt_min);
    }

    /// A rejected step leaves the memory of the PID controller as it was.
    #[test]
    fn memory_is_of_accepted_steps() {
        let c = Controller::Pid(Pid::default());
        let mut memory = Memory::default();
        c.decide(0.1, Some(3.0), 5, Compat::None, &mut memory, |x| x);
        assert_eq!(memory, Memory::default());
        c.decide(0.1, Some(0.25), 5, Compat::None, &mut memory, |x| x);
        assert_eq!(memory, Memory { last: 0.25, before: 1.0 });
    }
}
