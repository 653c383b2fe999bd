//! Up and down again in one run.
//!
//! Source: Smith & Topin, arXiv:1708.07120, in the form of `torch.optim.lr_scheduler.OneCycleLR`.

use serde::{Deserialize, Serialize};

use super::refuse;
use crate::Error;

/// Shape of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anneal {
    /// Half a cosine. The default.
    #[default]
    Cosine,
    /// A straight line.
    Linear,
}

/// Number of phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phases {
    /// Initial to peak, peak to last. The default.
    #[default]
    Two,
    /// Initial to peak, back to initial in the same time, then to last.
    Three,
}

/// From `initial` to `peak` to `last` in `total_steps` steps; `last` is reached one step before, and held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneCycle {
    /// At step 0.
    pub initial: f64,
    /// In between.
    pub peak: f64,
    /// At step `total_steps - 1`.
    pub last: f64,
    /// Length of the run.
    pub total_steps: u64,
    /// Part of the run until the peak.
    pub rise: f64,
    /// Shape of each phase.
    #[serde(default)]
    pub anneal: Anneal,
    /// How many.
    #[serde(default)]
    pub phases: Phases,
}

impl OneCycle {
    /// Torch's defaults for learning rates: from `max / 25` in 30 % of the run to `max`, then to `max / 25 / 10^4`.
    pub fn lr(max: f64, total_steps: u64) -> Self {
        let (initial, last) = (max / 25.0, max / 25.0 / 1e4);
        Self { initial, peak: max, last, total_steps, rise: 0.3, anneal: Anneal::Cosine, phases: Phases::Two }
    }

    /// What torch does to the momentum (Adam's `beta1`) at the same time: from 0.95 to 0.85 and back.
    pub fn momentum(total_steps: u64) -> Self {
        Self { initial: 0.95, peak: 0.85, last: 0.95, ..Self::lr(1.0, total_steps) }
    }

    pub(super) fn at(&self, step: u64) -> f64 {
        let (step, end) = (step as f64, self.total_steps as f64 - 1.0);
        let top = self.rise * self.total_steps as f64 - 1.0;
        let back = 2.0 * self.rise * self.total_steps as f64 - 2.0;
        let line = |from: f64, to: f64, a: f64, b: f64| {
            let part = ((step - a) / (b - a)).clamp(0.0, 1.0);
            match self.anneal {
                Anneal::Linear => from + (to - from) * part,
                Anneal::Cosine => to + (from - to) / 2.0 * (1.0 + (std::f64::consts::PI * part).cos()),
            }
        };
        match self.phases {
            _ if step <= top => line(self.initial, self.peak, 0.0, top),
            Phases::Two => line(self.peak, self.last, top, end),
            Phases::Three if step <= back => line(self.peak, self.initial, top, back),
            Phases::Three => line(self.initial, self.last, back, end),
        }
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        let most = if self.phases == Phases::Two { 1.0 } else { 0.5 };
        if !(self.rise > 0.0 && self.rise <= most) {
            return refuse(format!("rise {} of a cycle; above 0 and at most {most}", self.rise));
        }
        if self.rise * self.total_steps as f64 <= 1.0 {
            let (n, rise) = (self.total_steps, self.rise);
            return refuse(format!(
                "a cycle of {n} steps has no room for a rise of {rise}; more than {} steps",
                1.0 / rise
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_and_middles() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-15, "{a} instead of {b}");
        // 30 % of 40 steps: the peak is at step 11, the end at 39
        let cycle = OneCycle::lr(1.0, 40);
        near(cycle.at(0), 0.04);
        near(cycle.at(11), 1.0);
        near(cycle.at(25), (1.0 + 4e-6) / 2.0);
        near(cycle.at(39), 4e-6);
        near(cycle.at(1000), 4e-6);
        let linear = OneCycle { anneal: Anneal::Linear, phases: Phases::Three, rise: 0.275, ..cycle };
        // peak at 10, back at 20
        near(linear.at(5), 0.52);
        near(linear.at(10), 1.0);
        near(linear.at(15), 0.52);
        near(linear.at(20), 0.04);
        near(linear.at(39), 4e-6);
        let momentum = OneCycle::momentum(40);
        near(momentum.at(11), 0.85);
        near(momentum.at(39), 0.95);
    }
}
