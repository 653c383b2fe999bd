//! Which steps carry tangents, and after which ones they are orthonormalised.

use super::settings::{Compat, Interval, Settings};
use crate::Error;
use crate::error::short;
use crate::qr::Qr;
use serde_json::{Value, json};
use tch_sparse::Real;

/// The steps of a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schedule {
    /// Steps of the state alone.
    pub(crate) transient: u64,
    /// Steps before growth counts.
    pub(crate) uncounted: u64,
    /// Steps in all.
    pub(crate) end: u64,
    pub(crate) compat: Compat,
    adaptive: bool,
    dt: f64,
    /// Steps from one orthonormalisation to the next.
    interval: u64,
    /// The longest one that adapting may lead to.
    longest: u64,
    /// Nepers of condition number per step: the largest of late.
    rate: f64,
    /// Changes of the interval, with the first one.
    pub(crate) intervals: Vec<u64>,
}

/// Logarithms of the condition numbers that tangents may reach, in single and double precision.
const LOG_CONDITION: [f64; 2] = [4.6, 11.5];

/// Nepers that a tangent may grow or shrink by: an eighth of what single precision has.
const LOG_SIZE: f64 = 11.0;

/// Steps in so much time, guarded against quotients like 0.3 / 0.1.
pub(super) fn steps(time: f64, dt: f64) -> u64 {
    (time / dt - 1e-9).ceil().max(0.0) as u64
}

impl Schedule {
    pub(super) fn new(settings: &Settings, dt: f64) -> Result<Self, Error> {
        let refuse = |setting, what: String| Err(Error::setting(setting, what));
        if !(dt > 0.0 && dt.is_finite()) {
            return refuse("dt", format!("the step takes {} units of time; it must be above 0", short(dt)));
        }
        let s = settings;
        for (name, time) in
            [("duration", Some(s.duration)), ("transient", s.transient), ("tangent_transient", s.tangent_transient)]
        {
            if let Some(time) = time.filter(|t| !(t.is_finite() && *t >= 0.0) || *t / dt > MOST_STEPS) {
                return refuse(
                    name,
                    format!(
                        "{} units of time with steps of {}: give a time from 0 to 1e15 steps",
                        short(time),
                        short(dt)
                    ),
                );
            }
        }
        let counted = steps(s.duration, dt);
        if counted == 0 {
            return refuse("duration", "no step fits into it: growth needs at least one".into());
        }
        let hundredth = (0.01 * counted as f64 - 1e-9).ceil() as u64;
        let transient = s.transient.map_or(hundredth, |t| steps(t, dt));
        let tangent_transient = s.tangent_transient.map_or(hundredth, |t| steps(t, dt));
        let (interval, adaptive) = match s.interval {
            Interval::Time(t) if t > 0.0 && t / dt <= MOST_STEPS => (steps(t, dt).max(1), false),
            Interval::Time(t) => {
                let problem = format!("{}: give a time above 0 and at most 1e15 steps, or let it adapt", short(t));
                return refuse("interval", problem);
            }
            // FlyStability's does not adapt to a single exponent.
            Interval::Adaptive if s.compat == Compat::FlyStability => (2, s.exponents > 1),
            Interval::Adaptive => (1, true),
        };
        let uncounted = transient + tangent_transient;
        let end = uncounted + counted - u64::from(s.compat == Compat::FlyStability);
        if end <= uncounted {
            return refuse(
                "duration",
                "FlyStability's counts leave out the last step, and there is no other; give two steps or more".into(),
            );
        }
        let compat = s.compat;
        Ok(Self {
            transient,
            uncounted,
            end,
            compat,
            adaptive,
            dt,
            interval,
            longest: LONGEST,
            rate: 0.0,
            intervals: vec![interval],
        })
    }

    /// The step after which tangents are orthonormalised next.
    pub(crate) fn next(&self, done: u64) -> u64 {
        match self.compat {
            Compat::FlyStability => ((done / self.interval + 1) * self.interval).min(self.end),
            Compat::None => {
                let (start, end) =
                    if done < self.uncounted { (self.transient, self.uncounted) } else { (self.uncounted, self.end) };
                let next = if self.adaptive {
                    done + self.interval
                } else {
                    start + ((done - start) / self.interval + 1) * self.interval
                };
                next.min(end)
            }
        }
    }

    /// Whether growth up to this step counts.
    pub(crate) fn counts(&self, done: u64) -> bool {
        done > self.uncounted
    }

    /// The time that sums of logarithms are divided by at the end.
    pub(crate) fn divisor(&self, done: u64) -> f64 {
        let steps = if self.compat == Compat::FlyStability { done } else { done.saturating_sub(self.uncounted) };
        steps as f64 * self.dt
    }

    /// Adapts the interval to a factorisation of tangents after `passed` steps.
    pub(crate) fn adapt<T: Real>(&mut self, qr: &Qr<T>, passed: u64) {
        if !self.adaptive {
            return;
        }
        if self.compat == Compat::FlyStability {
            let (first, last) = (qr.r[0], qr.r[qr.r.len() - 1]);
            let wanted = ((first / last).ln() / (first - last) / self.dt).ceil();
            if !wanted.is_nan() {
                let by = (0.1 * self.interval as f64).ceil();
                let change = if wanted > self.interval as f64 {
                    by
                } else if wanted < self.interval as f64 {
                    -by
                } else {
                    0.0
                };
                self.interval = (self.interval as f64 + change).max(1.0) as u64;
                self.intervals.push(self.interval);
            }
            return;
        }
        let size = qr.logs().fold(0.0, |m: f64, x| m.max(x.abs()));
        self.adapt_to(qr.log_condition(), size, passed, size_of::<T>() == 4);
    }

    /// Adapts the interval to the logarithms of a condition number and of the largest growth or decline after `passed` steps.
    pub(super) fn adapt_to(&mut self, condition: f64, size: f64, passed: u64, single: bool) {
        if !self.adaptive {
            return;
        }
        let limit = LOG_CONDITION[usize::from(!single)];
        let rate = condition.max(size * limit / LOG_SIZE) / passed as f64;
        // What was needed of late is not forgotten at once.
        self.rate = rate.max(0.8 * self.rate);
        let fits = if self.rate > 0.0 { (limit / self.rate).min(1e9) as u64 } else { u64::MAX };
        self.interval = fits.min(2 * self.interval).clamp(1, self.longest);
    }

    /// The stretch that begins after `done` steps: its first step and the one after its last, whether tangents run along, and whether
    /// their growth counts. `None` at the end.
    pub(crate) fn stretch(&self, done: u64, plain: u64) -> Option<(u64, u64, bool, bool)> {
        if done >= self.end {
            None
        } else if done < self.transient {
            Some((done, self.transient.min(done + plain), false, false))
        } else {
            let end = self.next(done);
            Some((done, end, true, self.counts(end)))
        }
    }

    /// Shortens the interval after one of `passed` steps was too long. False where it cannot be shortened.
    pub(super) fn shorten(&mut self, passed: u64, single: bool) -> bool {
        if !self.adaptive || self.compat == Compat::FlyStability || passed <= 1 {
            return false;
        }
        self.interval = (passed / 4).max(1);
        self.rate = self.rate.max(LOG_CONDITION[usize::from(!single)] / self.interval as f64);
        true
    }

    /// Keeps stretches short, since recordings hold all steps of one.
    pub(crate) fn for_recording(&mut self) {
        self.longest = LONGEST_RECORDED;
    }

    /// Goes on for more steps.
    pub(super) fn extend(&mut self, time: f64) -> Result<(), Error> {
        if !(time >= 0.0 && time / self.dt <= MOST_STEPS) {
            return Err(Error::setting(
                "extend",
                format!("by {} units of time; give 0 or more, at most 1e15 steps", short(time)),
            ));
        }
        self.end += steps(time, self.dt);
        Ok(())
    }

    pub(super) fn dt(&self) -> f64 {
        self.dt
    }

    /// Whether its numbers fit each other and a run that has done so many steps.
    pub(super) fn is_sound(&self, done: u64, orthonormal: u64) -> bool {
        let most = 4 * MOST_STEPS as u64;
        self.transient <= self.uncounted
            && self.uncounted < self.end
            && self.end <= most
            && orthonormal <= done
            && done <= self.end
            && (1..=most).contains(&self.interval)
            && (1..=LONGEST).contains(&self.longest)
            && self.rate >= 0.0
            && self.dt > 0.0
            && self.rate.is_finite()
            && self.dt.is_finite()
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "transient": self.transient, "uncounted": self.uncounted, "end": self.end, "adaptive": self.adaptive,
            "longest": self.longest, "compat": self.compat == Compat::FlyStability, "dt": self.dt.to_bits(), "interval": self.interval,
            "rate": self.rate.to_bits(), "intervals": self.intervals,
        })
    }

    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let number = |key: &str| value.get(key)?.as_u64();
        Some(Self {
            transient: number("transient")?,
            uncounted: number("uncounted")?,
            end: number("end")?,
            compat: if value.get("compat")?.as_bool()? { Compat::FlyStability } else { Compat::None },
            adaptive: value.get("adaptive")?.as_bool()?,
            dt: f64::from_bits(number("dt")?),
            interval: number("interval")?,
            longest: number("longest")?,
            rate: f64::from_bits(number("rate")?),
            intervals: value.get("intervals")?.as_array()?.iter().map(Value::as_u64).collect::<Option<_>>()?,
        })
    }
}

/// Steps between orthonormalisations at most: the sum of what is lost to rounding stays small, and a diverging system is noticed.
const LONGEST: u64 = 1000;

/// The same in recordings.
const LONGEST_RECORDED: u64 = 50;

/// Steps in any length of time at most.
const MOST_STEPS: f64 = 1e15;
