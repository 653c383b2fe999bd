//! A list of levels.

use serde::{Deserialize, Serialize};

use super::refuse;
use crate::Error;

/// Levels, each held for `width` steps, the first also for `delay` steps before, the last for good.
///
/// With a width of 1, a table of values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stairs {
    /// One after the other.
    pub levels: Vec<f64>,
    /// Steps on each.
    pub width: u64,
    /// Steps on the first before its own.
    #[serde(default)]
    pub delay: u64,
}

impl Stairs {
    /// `levels` levels, equally spaced from `start` to `stop`.
    pub fn linear(start: f64, stop: f64, levels: usize, width: u64) -> Self {
        let last = levels.saturating_sub(1).max(1) as f64;
        let mut values: Vec<f64> = (0..levels).map(|i| start + i as f64 * ((stop - start) / last)).collect();
        if let [_, .., end] = &mut values[..] {
            *end = stop;
        }
        Self { levels: values, width, delay: 0 }
    }

    /// The same, `steps` steps later.
    #[must_use]
    pub fn delayed(mut self, steps: u64) -> Self {
        self.delay = steps;
        self
    }

    pub(super) fn at(&self, step: u64) -> f64 {
        let level = step.saturating_sub(self.delay) / self.width;
        self.levels[usize::try_from(level).unwrap_or(usize::MAX).min(self.levels.len() - 1)]
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        if self.levels.is_empty() || self.width == 0 {
            return refuse(format!("{} levels of width {}; at least one of each", self.levels.len(), self.width));
        }
        Ok(())
    }
}
