//! The reverse of step-size control: from the gradient of the next step to those of this one and of its error ratio.

use super::recording::Attempt;
use crate::control::{Limits, SMALLEST_ERROR};
use crate::{Controller, Solver};

/// Gradients with respect to what goes from one attempt to the next, of one sample.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Carried {
    /// The next step as the controller proposes it.
    pub(super) next: f64,
    /// The controller's memory after this attempt: the error ratios of the last two accepted steps.
    pub(super) last: f64,
    pub(super) before: f64,
}

/// Gradients with respect to the attempt's own step and error ratio, and what is carried to the attempt before. The attempt's own
/// step comes to its `next` later, unless it was cut.
pub(super) fn pull_back(solver: &Solver, attempt: &Attempt, carried: Carried) -> (f64, f64, Carried) {
    let mut error = 0.0;
    let mut to = Carried { next: 0.0, ..carried };
    if attempt.accepted {
        // The memory takes the error in, and what was its first is its second.
        error += carried.last;
        to.last = carried.before;
        to.before = 0.0;
    }
    let (Some(limits), Some(_)) = (solver.controller.limits(), solver.method.tableau().b_error) else {
        // Without an estimate every step is the first one, which is a constant where it is given.
        to.next = if solver.controller == Controller::Fixed { 0.0 } else { carried.next };
        return (0.0, 0.0, to);
    };
    let e = attempt.error;
    if !e.is_finite() {
        return (carried.next * limits.factor_min, 0.0, to);
    }
    let of_factor = carried.next * attempt.dt;
    let e_floor = e.max(SMALLEST_ERROR);
    let (factor, slopes) = factor(solver, limits, attempt, e_floor);
    let held = limits.hold(factor, attempt.accepted, solver.compat);
    let wanted = attempt.dt.abs() * held;
    let is_free = wanted <= limits.dt_max.unwrap_or(f64::INFINITY) && wanted >= limits.dt_min.unwrap_or(0.0);
    if !is_free {
        return (0.0, if e > SMALLEST_ERROR { error } else { 0.0 }, to);
    }
    if held == factor {
        error += of_factor * slopes[0];
        to.last += of_factor * slopes[1];
        to.before += of_factor * slopes[2];
    }
    (carried.next * held, if e > SMALLEST_ERROR { error } else { 0.0 }, to)
}

/// The factor before it is clamped, and its slopes over this error ratio and the two remembered ones.
fn factor(solver: &Solver, limits: &Limits, attempt: &Attempt, e: f64) -> (f64, [f64; 3]) {
    let order = f64::from(solver.method.order());
    match &solver.controller {
        Controller::Pid(c) => {
            let powers =
                [-(c.integral + c.proportional + c.derivative), c.proportional + 2.0 * c.derivative, -c.derivative]
                    .map(|p| p / order);
            let ratios = [e, attempt.memory.last, attempt.memory.before];
            let factor = ratios.iter().zip(powers).fold(limits.safety, |f, (r, p)| f * r.powf(p));
            (factor, std::array::from_fn(|i| powers[i] * factor / ratios[i]))
        }
        _ => {
            let factor = limits.safety * e.powf(-1.0 / order);
            (factor, [-factor / (order * e), 0.0, 0.0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Memory;
    use crate::{Compat, Pid};

    /// Slopes are those of the decisions, where a rejected step is held from growing, too.
    #[test]
    fn slopes_of_decisions() {
        let h312 = Pid { proportional: -2.0 / 9.0, integral: 2.0 / 9.0, derivative: 1.0 / 18.0, ..Pid::default() };
        for controller in [Controller::default(), Controller::Pid(Pid::default()), Controller::Pid(h312)] {
            let solver = Solver::new().controller(controller.clone());
            for (error, last) in [(0.3, 0.2), (1.5, 1e-20), (20.0, 0.9)] {
                let memory = |last| Memory { last, before: 0.7 };
                let next = |dt: f64, error: f64, last: f64| {
                    controller.decide(dt, Some(error), 5, Compat::None, &mut memory(last), |x| x).dt
                };
                let attempt = Attempt {
                    t: 0.0,
                    dt: 0.1,
                    piece: 0,
                    accepted: error < 1.0,
                    cut: None,
                    error,
                    memory: memory(last),
                    state: 0,
                };
                let (of_dt, of_error, to) = pull_back(&solver, &attempt, Carried { next: 1.0, ..Carried::default() });
                let slope = |of: &dyn Fn(f64) -> f64| (of(1.0 + 1e-6) - of(1.0 - 1e-6)) / 2e-6;
                for (got, want) in [
                    (of_dt * 0.1, slope(&|by| next(0.1 * by, error, last))),
                    (of_error * error, slope(&|by| next(0.1, error * by, last))),
                    (to.last * last, slope(&|by| next(0.1, error, last * by))),
                ] {
                    assert!((got - want).abs() < 1e-8, "{controller:?} at {error}, {last}: {got} and {want}");
                }
            }
        }
    }
}
