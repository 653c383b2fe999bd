//! What all sets of movies have in common.

use serde_json::Value;

use super::temporal::time_axis;
use crate::{Conditions, Error, Movie};

/// An argument of a set of stimuli.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// Name of its column in [`Conditions`].
    pub name: &'static str,
    /// Its unit; empty for numbers without one.
    pub unit: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

impl Argument {
    pub(super) const fn new(name: &'static str, unit: &'static str, meaning: &'static str) -> Self {
        Self { name, unit, meaning }
    }
}

/// A set of movies, one for each row of its conditions.
pub trait Stimuli: Send + Sync {
    /// What kind of stimuli these are, in lower case: `"flashes"`.
    fn name(&self) -> &'static str;

    /// The arguments, in the order of the conditions' columns.
    fn arguments(&self) -> &'static [Argument];

    /// Arguments of each sample.
    fn conditions(&self) -> &Conditions;

    /// Number of columns of the eye.
    fn columns(&self) -> usize;

    /// Length of a frame in seconds.
    fn dt(&self) -> f64;

    /// Time before the stimulus in seconds, which every movie starts with.
    fn t_pre(&self) -> f64;

    /// Number of frames of the longest movie.
    fn frames(&self) -> usize;

    /// Renders the movie of a sample, `[frames, columns]`.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no such sample; what rendering or reading it returns.
    fn movie(&self, sample: usize) -> Result<Movie, Error>;

    /// Everything that the movies follow from, as JSON. Equal configurations give equal movies, to the bit.
    fn configuration(&self) -> Value;

    /// Number of samples.
    fn len(&self) -> usize {
        self.conditions().len()
    }

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Times of the frames in seconds from the onset of the stimulus, `[frames]`.
    fn time(&self) -> Vec<f64> {
        time_axis(-self.t_pre(), self.dt(), self.frames())
    }

    /// The sample with these arguments.
    ///
    /// # Errors
    /// [`Error::Unknown`] for an argument that the set lacks; [`Error::Setting`] unless exactly one sample has all of them.
    fn sample(&self, arguments: &[(&str, f64)]) -> Result<usize, Error> {
        let mut samples: Vec<usize> = (0..self.len()).collect();
        for (name, value) in arguments {
            let column = self.conditions().column(name)?;
            samples.retain(|&sample| column[sample] == *value);
        }
        match samples[..] {
            [one] => Ok(one),
            _ => Err(Error::setting("arguments", format!("{} samples have {arguments:?}, not one", samples.len()))),
        }
    }
}

/// Fails for samples beyond the last.
pub(super) fn check_sample(set: &impl Stimuli, sample: usize) -> Result<(), Error> {
    if sample < set.len() {
        return Ok(());
    }
    Err(Error::setting("sample", format!("{sample} of {} {}, counted from 0", set.len(), set.name())))
}

/// Fails for frames of no length and for times that are no numbers or would make more frames than fit.
pub(super) fn check_times(dt: f64, times: &[(&'static str, f64)]) -> Result<(), Error> {
    /// Movies of 2^24 frames would be 23 hours at 200 frames per second.
    const MAX_FRAMES: f64 = (1 << 24) as f64;
    if !(dt > 0.0 && dt.is_finite()) {
        return Err(Error::setting("dt", format!("{dt} s, which must be positive; 0.005 is usual")));
    }
    for &(name, time) in times {
        if !(time >= 0.0 && time / dt <= MAX_FRAMES) {
            return Err(Error::setting(name, format!("{time} s in frames of {dt} s; of 0 to {MAX_FRAMES} frames")));
        }
    }
    Ok(())
}

/// Fails for luminance that no screen has.
pub(super) fn check_luminance(name: &'static str, values: &[f64]) -> Result<(), Error> {
    match values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        Some(value) => Err(Error::setting(name, format!("luminance {value}, of 0 to 1"))),
        None => Ok(()),
    }
}

/// Fails for luminance that is no number.
pub(super) fn check_finite(name: &'static str, values: &[f64]) -> Result<(), Error> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(Error::setting(name, format!("{value} among its values"))),
        None => Ok(()),
    }
}
