//! How learning rates and other numbers decay while a network is trained.

use tch_train::{Schedule, Stairs};

use crate::Error;

/// Shapes of a decay from `start` to `stop` in `steps` steps over the iterations up to `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DecayShape {
    /// A straight line.
    Linear,
    /// Equal steps down, each held for `until / steps` iterations. The default.
    #[default]
    Stepwise,
    /// The same within the first half of the iterations.
    StepwiseHalf,
    /// The same within the second half.
    StepwiseSecondHalf,
    /// Each step a factor `stop^(1 / steps)`, whatever the start; the last one is held. So it ends above `start stop`, not at `stop`.
    Steponential,
    /// By the same factor in each iteration.
    Exponential,
    /// The same within the first half of the iterations.
    ExponentialHalf,
}

impl DecayShape {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Linear,
        Self::Stepwise,
        Self::StepwiseHalf,
        Self::StepwiseSecondHalf,
        Self::Steponential,
        Self::Exponential,
        Self::ExponentialHalf,
    ];

    /// Its name in configurations: `linear`, `stepwise`, `stepwise_half`, `stepwise_2ndhalf`, `steponential`, `exponential`,
    /// `exponential_half`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Stepwise => "stepwise",
            Self::StepwiseHalf => "stepwise_half",
            Self::StepwiseSecondHalf => "stepwise_2ndhalf",
            Self::Steponential => "steponential",
            Self::Exponential => "exponential",
            Self::ExponentialHalf => "exponential_half",
        }
    }
}

impl std::str::FromStr for DecayShape {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|shape| shape.name() == name);
        found.ok_or_else(|| Error::unknown("schedule", name, Self::ALL.map(Self::name)))
    }
}

/// A number that decays with the iteration.
///
/// ```
/// use fly_vision::task::{Decay, DecayShape};
///
/// let rate = Decay::default(); // 5e-5 to 5e-6 in ten steps over 250,000 iterations
/// assert_eq!(rate.at(0), 5e-5);
/// assert_eq!(rate.at(250_000), 5e-6);
/// assert_eq!(Decay { shape: DecayShape::Linear, until: 101, iterations: 101, ..rate }.at(50), 2.75e-5);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Decay {
    /// How it goes. Default [`DecayShape::Stepwise`].
    pub shape: DecayShape,
    /// At iteration 0, above 0. Default 5e-5.
    pub start: f64,
    /// At the end, above 0. Default 5e-6.
    pub stop: f64,
    /// Number of steps. Default 10.
    pub steps: usize,
    /// The iteration where the decay ends. Default 250,000.
    pub until: u64,
    /// Iterations of the whole training, which the second half of [`DecayShape::StepwiseSecondHalf`] ends with. Default 250,000.
    pub iterations: u64,
}

impl Default for Decay {
    fn default() -> Self {
        let (until, iterations) = (250_000, 250_000);
        Self { shape: DecayShape::default(), start: 5e-5, stop: 5e-6, steps: 10, until, iterations }
    }
}

/// What the reference adds to the end of the exponential decay over all iterations.
const TINY: f64 = 1e-15;

impl Decay {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::Setting`] with the one that is wrong.
    pub fn validate(&self) -> Result<(), Error> {
        for (setting, value) in [("start", self.start), ("stop", self.stop)] {
            if !value.is_finite() || value <= 0.0 {
                return Err(Error::setting(setting, format!("{value}; a schedule must be finite and above 0")));
            }
        }
        if self.steps == 0 || self.steps > 1 << 20 || self.until == 0 || self.width() == 0 {
            let what = format!("{} in {} iterations; at least 1 and 1 iteration for each", self.steps, self.until);
            return Err(Error::setting("steps", what));
        }
        Ok(())
    }

    /// Iterations on a step.
    fn width(&self) -> u64 {
        let until = match self.shape {
            DecayShape::StepwiseHalf | DecayShape::StepwiseSecondHalf => self.until as f64 / 2.0,
            _ => self.until as f64,
        };
        (until / self.steps as f64) as u64
    }

    /// Iterations of an exponential decay, which may be half of an odd number.
    fn span(&self) -> f64 {
        if self.shape == DecayShape::ExponentialHalf { self.until as f64 / 2.0 } else { self.until as f64 }
    }

    /// The value at an iteration.
    pub fn at(&self, iteration: u64) -> f64 {
        match self.shape {
            DecayShape::Exponential | DecayShape::ExponentialHalf => {
                let span = self.span();
                if iteration as f64 >= span {
                    return self.stop;
                }
                let end = if self.shape == DecayShape::Exponential { self.stop + TINY } else { self.stop };
                let tau = -span / (end.ln() - self.start.ln());
                self.start * (-(iteration as f64) / tau).exp()
            }
            _ => self.schedule().at(iteration),
        }
    }

    /// The values at iterations 0 to [`Decay::iterations`], both included.
    pub fn values(&self) -> Vec<f64> {
        (0..=self.iterations).map(|iteration| self.at(iteration)).collect()
    }

    /// As a schedule of an optimiser; exponential ones to within 1e-15.
    pub fn schedule(&self) -> Schedule {
        let (start, stop, width) = (self.start, self.stop, self.width());
        let stairs = |delay| {
            let mut stairs = Stairs::linear(start, stop, self.steps, width).delayed(delay);
            if self.steps == 1 {
                // the only step is followed by the end
                stairs.levels.push(stop);
            }
            Schedule::Stairs(stairs)
        };
        match self.shape {
            DecayShape::Linear => Schedule::linear(start, stop, self.until.saturating_sub(1)),
            DecayShape::Stepwise | DecayShape::StepwiseHalf => stairs(0),
            DecayShape::StepwiseSecondHalf => {
                let length = width.saturating_mul(self.steps as u64);
                stairs(self.iterations.saturating_sub(length).saturating_add(1))
            }
            DecayShape::Steponential => {
                let factor = (1.0 / stop).powf(1.0 / self.steps as f64);
                let levels = (0..self.steps).map(|step| start / factor.powi(step as i32)).collect();
                Schedule::Stairs(Stairs { levels, width, delay: 0 })
            }
            // half of an odd number of iterations
            DecayShape::ExponentialHalf if self.until % 2 == 1 => {
                let levels = (0..=self.until.div_ceil(2)).map(|iteration| self.at(iteration)).collect();
                Schedule::Stairs(Stairs { levels, width: 1, delay: 0 })
            }
            DecayShape::Exponential | DecayShape::ExponentialHalf => {
                Schedule::Exponential { start, stop, steps: self.span() as u64 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All decays start at the start and never rise; those that say so end at the stop.
    #[test]
    fn decays_decay() {
        for shape in DecayShape::ALL {
            for (steps, until, iterations) in [(10, 1000, 1000), (7, 100, 250), (1, 10, 11), (3, 7, 7)] {
                let decay = Decay { shape, steps, until, iterations, ..Decay::default() };
                decay.validate().unwrap();
                let values = decay.values();
                assert_eq!((values.len() as u64, values[0]), (iterations + 1, 5e-5), "{shape:?}");
                assert!(values.is_sorted_by(|a, b| a >= b), "{shape:?} {values:?}");
                let ends = values[values.len() - 1];
                if ![DecayShape::Steponential, DecayShape::StepwiseSecondHalf].contains(&shape) {
                    assert_eq!(ends, 5e-6, "{shape:?}");
                }
                assert_eq!(shape.name().parse::<DecayShape>().unwrap(), shape);
                let schedule = decay.schedule();
                schedule.validate().unwrap();
                for (iteration, value) in values.iter().enumerate() {
                    assert!(
                        (schedule.at(iteration as u64) / value - 1.0).abs() < 1e-9,
                        "{shape:?} {until} {iteration}"
                    );
                }
            }
        }
        assert!("cosine".parse::<DecayShape>().unwrap_err().to_string().contains("stepwise_2ndhalf"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            Decay { start: 0.0, ..Decay::default() },
            Decay { stop: f64::NAN, ..Decay::default() },
            Decay { steps: 0, ..Decay::default() },
            Decay { steps: 11, until: 10, ..Decay::default() },
        ] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
    }
}
