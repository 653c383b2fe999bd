//! Learning rates, and other numbers, that change with the step.

mod one_cycle;
mod stairs;

use serde::{Deserialize, Serialize};

pub use one_cycle::{Anneal, OneCycle, Phases};
pub use stairs::Stairs;

use crate::Error;

/// A number as a pure function of the step (from 0): nothing to save but the step.
///
/// Serialised it is readable: `{"cosine": {"start": 0.001, "stop": 0.0, "steps": 10000}}`.
///
/// # Example
/// ```
/// use tch_train::Schedule;
///
/// let schedule = Schedule::Cosine { start: 1e-3, stop: 0.0, steps: 1000 }.after_warmup(100, 0.0);
/// assert_eq!(schedule.at(50), 0.5e-3);
/// assert_eq!(schedule.at(100), 1e-3);
/// assert!(schedule.at(1100) < 1e-18);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The same at each step.
    Constant(f64),
    /// `start * factor^floor(step / every)`; torch's `StepLR`.
    Step {
        /// At step 0.
        start: f64,
        /// Steps between changes.
        every: u64,
        /// Of each change.
        factor: f64,
    },
    /// Geometric from `start` to `stop` in `steps` steps, then held: `start * (stop / start)^(step / steps)`. Torch's `ExponentialLR`
    /// with its factor being `(stop / start)^(1 / steps)`.
    Exponential {
        /// At step 0.
        start: f64,
        /// At `steps`.
        stop: f64,
        /// How many.
        steps: u64,
    },
    /// Half a cosine from `start` to `stop` in `steps` steps, then held. Source: Loshchilov & Hutter, arXiv:1608.03983, eq. (5).
    Cosine {
        /// At step 0.
        start: f64,
        /// At `steps`.
        stop: f64,
        /// How many.
        steps: u64,
    },
    /// `stop + (start - stop) (1 - step / steps)^power`, then held; power 1 is a straight line.
    Polynomial {
        /// At step 0.
        start: f64,
        /// At `steps`.
        stop: f64,
        /// How many.
        steps: u64,
        /// The exponent.
        power: f64,
    },
    /// A list of levels.
    Stairs(Stairs),
    /// Up and down again.
    OneCycle(OneCycle),
    /// A straight line from `factor` times the first value of the other schedule to that value, then the other schedule.
    Warmup {
        /// Length of the line.
        steps: u64,
        /// At step 0, as a part of what comes after.
        factor: f64,
        /// What comes after.
        then: Box<Schedule>,
    },
}

impl Schedule {
    /// A straight line from `start` to `stop` in `steps` steps, then held.
    pub fn linear(start: f64, stop: f64, steps: u64) -> Self {
        Self::Polynomial { start, stop, steps, power: 1.0 }
    }

    /// This one, after a straight line of `steps` steps from `factor` times its first value.
    #[must_use]
    pub fn after_warmup(self, steps: u64, factor: f64) -> Self {
        Self::Warmup { steps, factor, then: Box::new(self) }
    }

    /// The value at a step.
    pub fn at(&self, step: u64) -> f64 {
        let part = |steps: u64| if step >= steps { 1.0 } else { step as f64 / steps as f64 };
        match self {
            Self::Constant(value) => *value,
            Self::Step { start, every, factor } => start * factor.powf((step / every) as f64),
            Self::Exponential { stop, steps, .. } if step >= *steps => *stop,
            Self::Exponential { start, stop, steps } => start * (stop / start).powf(part(*steps)),
            Self::Cosine { start, stop, steps } => {
                stop + (start - stop) * 0.5 * (1.0 + (std::f64::consts::PI * part(*steps)).cos())
            }
            Self::Polynomial { start, stop, steps, power } => stop + (start - stop) * (1.0 - part(*steps)).powf(*power),
            Self::Stairs(stairs) => stairs.at(step),
            Self::OneCycle(cycle) => cycle.at(step),
            Self::Warmup { steps, factor, then } if step < *steps => {
                then.at(0) * (factor + (1.0 - factor) * part(*steps))
            }
            Self::Warmup { steps, then, .. } => then.at(step - steps),
        }
    }

    /// Checks that the value is finite and not negative wherever it may be asked for.
    ///
    /// # Errors
    /// [`Error::Setting`] with the number that is wrong.
    pub fn validate(&self) -> Result<(), Error> {
        let numbers = |list: &[f64]| match list.iter().find(|x| !(x.is_finite() && **x >= 0.0)) {
            Some(bad) => refuse(format!("{bad} among {list:?}; all must be finite and 0 or more")),
            None => Ok(()),
        };
        match self {
            Self::Constant(value) => numbers(&[*value]),
            Self::Step { every: 0, .. } => refuse("it changes every 0 steps; at least 1".into()),
            Self::Step { factor, .. } if *factor > 1.0 => {
                refuse(format!("factor {factor} grows without end; at most 1"))
            }
            Self::Step { start, factor, .. } => numbers(&[*start, *factor]),
            Self::Exponential { start, stop, .. } if *start <= 0.0 || *stop <= 0.0 => {
                refuse(format!("from {start} to {stop}; a geometric one must stay above 0"))
            }
            Self::Exponential { start, stop, .. } if !(stop / start).is_normal() => {
                refuse(format!("from {start} to {stop}; their ratio must be a number of double precision"))
            }
            Self::Exponential { start, stop, .. } | Self::Cosine { start, stop, .. } => numbers(&[*start, *stop]),
            Self::Polynomial { power, .. } if *power <= 0.0 => refuse(format!("power {power}; it must be above 0")),
            Self::Polynomial { start, stop, power, .. } => numbers(&[*start, *stop, *power]),
            Self::Stairs(stairs) => stairs.validate().and_then(|()| numbers(&stairs.levels)),
            Self::OneCycle(cycle) => cycle.validate().and_then(|()| numbers(&[cycle.initial, cycle.peak, cycle.last])),
            Self::Warmup { factor, then, .. } => {
                numbers(&[*factor]).and_then(|()| then.validate()).and_then(|()| numbers(&[factor * then.at(0)]))
            }
        }
    }
}

fn refuse(what: String) -> Result<(), Error> {
    Err(Error::Setting { option: "schedule", what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-14 * want.abs(), "{got} instead of {want}");
    }

    #[test]
    fn values_by_hand() {
        let step = Schedule::Step { start: 1.0, every: 5, factor: 0.1 };
        assert_eq!([0, 4, 5, 14].map(|i| step.at(i)), [1.0, 1.0, 0.1, 0.1f64.powi(2)]);
        let cosine = Schedule::Cosine { start: 3.0, stop: 1.0, steps: 4 };
        near(cosine.at(1), 1.0 + 2.0 * 0.5 * (1.0 + 0.5f64.sqrt()));
        near(cosine.at(2), 2.0);
        assert_eq!(cosine.at(9), 1.0);
        let square = Schedule::Polynomial { start: 2.0, stop: 1.0, steps: 10, power: 2.0 };
        near(square.at(5), 1.25);
        let warm = Schedule::linear(2.0, 0.0, 4).after_warmup(4, 0.5);
        assert_eq!(
            (0..10).map(|i| warm.at(i)).collect::<Vec<_>>(),
            [1.0, 1.25, 1.5, 1.75, 2.0, 1.5, 1.0, 0.5, 0.0, 0.0]
        );
        assert_eq!(Schedule::linear(2.0, 1.0, 0).at(0), 1.0);
    }

    /// Values of the fly visual system's schedules from 5e-5 to 5e-6 in 10 steps over 1000 iterations, made by its own code.
    #[test]
    fn schedules_of_the_fly_visual_system() {
        let (start, stop) = (5e-5, 5e-6);
        let linear = Schedule::linear(start, stop, 999);
        for (i, want) in [(1, 4.995495495495496e-5), (998, 5.0450450450450425e-6), (1000, stop)] {
            near(linear.at(i), want);
        }
        // its end is `stop + 1e-15` where the factor is computed
        let exponential = Schedule::Exponential { start, stop: stop + 1e-15, steps: 1000 };
        for (i, want) in [(3, 4.965580242107649e-5), (999, 5.011526191390796e-6)] {
            assert!((exponential.at(i) / want - 1.0).abs() < 1e-12);
        }
        let half = Schedule::Exponential { start, stop, steps: 500 };
        assert!((half.at(3) / 4.9313974281560526e-5 - 1.0).abs() < 1e-12);
        let changes = |s: &Schedule| (1..1001).filter(|&i| s.at(i) != s.at(i - 1)).collect::<Vec<u64>>();
        let stepwise = Schedule::Stairs(Stairs::linear(start, stop, 10, 100));
        assert_eq!(changes(&stepwise), (100..1000).step_by(100).collect::<Vec<_>>());
        near(stepwise.at(100), 4.5e-5);
        let second_half = Schedule::Stairs(Stairs::linear(start, stop, 10, 50).delayed(501));
        assert_eq!(changes(&second_half), (551..1000).step_by(50).collect::<Vec<_>>());
        assert_eq!(second_half.at(1000), stop);
        // there the factor is stop^(1 / steps), whatever the start
        let steponential = Schedule::Step { start, every: 100, factor: stop.powf(0.1) };
        assert!((steponential.at(999) / 8.473113193349577e-10 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn serialised_they_read_well_and_come_back() {
        let warm = Schedule::Stairs(Stairs { levels: vec![1.0, 0.5], width: 3, delay: 0 }).after_warmup(4, 0.5);
        let text = serde_json::to_string(&warm).unwrap();
        let want = r#"{"warmup":{"steps":4,"factor":0.5,"then":{"stairs":{"levels":[1.0,0.5],"width":3,"delay":0}}}}"#;
        assert_eq!(text, want);
        assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), warm);
        assert!(serde_json::from_str::<Schedule>(r#"{"cosine":{"start":1,"stop":0,"steps":4,"sotp":1}}"#).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            Schedule::Constant(-1.0),
            Schedule::Step { start: 1.0, every: 0, factor: 0.5 },
            Schedule::Step { start: 1.0, every: 1, factor: 1.5 },
            Schedule::Exponential { start: 1.0, stop: 0.0, steps: 5 },
            Schedule::Exponential { start: 1e-300, stop: 1e300, steps: 5 },
            Schedule::Exponential { start: 1e300, stop: 1e-300, steps: 5 },
            Schedule::Constant(1e300).after_warmup(3, 1e300),
            Schedule::Polynomial { start: 1.0, stop: 0.0, steps: 5, power: f64::NAN },
            Schedule::Cosine { start: f64::INFINITY, stop: 0.0, steps: 5 },
            Schedule::Stairs(Stairs { levels: vec![], width: 1, delay: 0 }),
            Schedule::Stairs(Stairs { levels: vec![1.0], width: 0, delay: 0 }),
            Schedule::OneCycle(OneCycle { rise: 1.5, ..OneCycle::lr(0.1, 100) }),
            Schedule::OneCycle(OneCycle::lr(0.1, 2)),
            Schedule::Constant(f64::NAN).after_warmup(3, 0.1),
        ] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
    }

    fn any_schedule() -> impl Strategy<Value = Schedule> {
        let leaf =
            (1e-6..10.0f64, 1e-6..10.0f64, 3..200u64, 0.1..3.0f64).prop_flat_map(|(start, stop, steps, power)| {
                prop_oneof![
                    Just(Schedule::Constant(start)),
                    Just(Schedule::Step { start, every: steps, factor: power / 3.0 }),
                    Just(Schedule::Exponential { start, stop, steps }),
                    Just(Schedule::Cosine { start, stop, steps }),
                    Just(Schedule::Polynomial { start, stop, steps, power }),
                    Just(Schedule::Stairs(Stairs::linear(start, stop, 5, steps))),
                    Just(Schedule::OneCycle(OneCycle::lr(start, steps + 10))),
                    Just(Schedule::OneCycle(OneCycle { phases: Phases::Three, ..OneCycle::lr(start, steps + 10) })),
                ]
            });
        (leaf, 0..50u64, 0.0..1.0f64)
            .prop_map(|(s, steps, factor)| if steps < 25 { s } else { s.after_warmup(steps, factor) })
    }

    proptest! {
        /// Whatever passes the checks gives a usable number at each step, as its serialised form does.
        #[test]
        fn values_are_finite_and_survive_serialisation(schedule in any_schedule(), step in prop_oneof![0..400u64, any::<u64>()]) {
            schedule.validate().unwrap();
            let value = schedule.at(step);
            prop_assert!(value.is_finite() && value >= 0.0, "{value}");
            let again: Schedule = serde_json::from_str(&serde_json::to_string(&schedule).unwrap()).unwrap();
            prop_assert_eq!(again.at(step).to_bits(), value.to_bits());
        }
    }
}
