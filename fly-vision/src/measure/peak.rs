//! Peaks of responses to moving edges and bars.

use std::ops::{Range, RangeInclusive};

use super::{PerCell, PerCondition, Responses};
use crate::Error;

/// Width of an LED of the display that stimuli imitate, in degrees.
const LED: f64 = 2.25;
/// Angle between columns of the eye in degrees.
const OMMATIDIUM: f64 = 5.8;

/// The time at which a moving edge passes a stretch of the visual field, which depends on its speed.
#[derive(Debug, Clone, PartialEq)]
pub struct Passing {
    /// Positions of the edge that were shown, in LEDs of 2.25 degrees relative to the centre. Default -10 to 11
    /// (excluded).
    pub offsets: Range<i32>,
    /// Start of the stretch in degrees relative to the centre. Default: the first position.
    pub from: Option<f64>,
    /// End of the stretch in degrees. Default: the last position.
    pub to: Option<f64>,
}

impl Default for Passing {
    fn default() -> Self {
        Self { offsets: -10..11, from: None, to: None }
    }
}

impl Passing {
    /// When an edge of this speed (in columns of 5.8 degrees per second) is inside the stretch, in seconds after its
    /// onset.
    ///
    /// `t0 = (from - first) / speed`, `t1 = t0 + (to + LED - from) / speed`, positions in columns. (The reference has
    /// `|first| - |from|`, which is the same for stretches that begin before the centre.)
    ///
    /// # Errors
    /// [`Error::Setting`] if the stretch was not passed or ends before it begins, or if the speed is not positive.
    pub fn seconds(&self, speed: f64) -> Result<RangeInclusive<f64>, Error> {
        if !(speed > 0.0 && speed.is_finite()) {
            return Err(Error::setting("speed", format!("is {speed}, must be positive (columns per second)")));
        }
        let from = self.from.unwrap_or(f64::from(self.offsets.start) * LED) / OMMATIDIUM;
        let to = self.to.unwrap_or((f64::from(self.offsets.end) - 1.0) * LED) / OMMATIDIUM;
        let first = f64::from(self.offsets.start) * LED / OMMATIDIUM;
        let last = (f64::from(self.offsets.end) - 1.0) * LED / OMMATIDIUM;
        let rounding = 1e-12 * first.abs().max(last.abs());
        if !(first - rounding <= from && from <= to && to <= last + rounding) {
            return Err(Error::setting(
                "window of peak responses",
                format!(
                    "{:.2} to {:.2} degrees, which must ascend within the positions {:?} (LEDs of {LED} degrees) that were shown",
                    from * OMMATIDIUM,
                    to * OMMATIDIUM,
                    self.offsets
                ),
            ));
        }
        let start = (from - first) / speed;
        Ok(start..=start + (to + LED / OMMATIDIUM - from) / speed)
    }
}

/// The part of a response in which a peak is looked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Window {
    /// While an edge passes; wants the argument `speed`. The default.
    Passing(Passing),
    /// An interval in seconds after the onset.
    Seconds(RangeInclusive<f64>),
    /// All frames.
    Whole,
}

impl Default for Window {
    fn default() -> Self {
        Self::Passing(Passing::default())
    }
}

impl Window {
    /// The frames of a sample that lie in the window.
    ///
    /// # Errors
    /// [`Error::Unknown`] without the argument `speed` where it is needed; see [`Passing::seconds`].
    pub fn frames<T: Copy + Into<f64>>(&self, responses: &Responses<T>, sample: usize) -> Result<Range<usize>, Error> {
        Ok(match self {
            Self::Passing(passing) => {
                let speed = responses.conditions().value("speed", sample)?;
                responses.frames_within(&passing.seconds(speed)?)
            }
            Self::Seconds(interval) => responses.frames_within(interval),
            Self::Whole => 0..responses.frames(),
        })
    }
}

/// How peaks are found.
#[derive(Debug, Clone, Default)]
pub struct PeakOptions<'a> {
    /// Where. Default: while the edge passes.
    pub window: Window,
    /// What each cell's peaks are divided by, e.g. [`super::response_norm`]. Default: nothing. Cells whose norm is 0
    /// get NaN where they do not respond.
    pub norm: Option<&'a PerCell>,
}

/// The largest rectified response of each cell in each sample, `[models, samples, cells]`.
///
/// Negative responses and those outside the window count as 0, so that no peak is negative. NaN is left out.
///
/// # Errors
/// [`Error::Shape`] if the norms are of other models or cells; see [`Window::frames`].
pub fn peak_responses<T: Copy + Into<f64>>(
    responses: &Responses<T>,
    options: &PeakOptions<'_>,
) -> Result<PerCondition, Error> {
    if let Some(norm) = options.norm
        && (norm.models() != responses.models() || norm.cells() != responses.cells())
    {
        return Err(Error::shape(
            "norms of responses",
            format!("[{}, {}] (models, cells)", norm.models(), norm.cells().len()),
            format!("[{}, {}] with the same cells", responses.models(), responses.cells().len()),
        ));
    }
    let windows =
        (0..responses.samples()).map(|s| options.window.frames(responses, s)).collect::<Result<Vec<_>, _>>()?;
    let mut values = Vec::with_capacity(responses.models() * windows.len() * responses.cells().len());
    for model in 0..responses.models() {
        for (sample, window) in windows.iter().enumerate() {
            // what lies outside the window is 0, unless all is inside
            let floor = if window.len() < responses.frames() { 0.0 } else { f64::NAN };
            let largest = responses.largest(model, sample, window.clone());
            values.extend(largest.into_iter().enumerate().map(|(cell, value)| {
                let peak = if value.is_nan() { floor } else { value.max(0.0) };
                peak / options.norm.map_or(1.0, |norm| norm.value(model, cell))
            }));
        }
    }
    PerCondition::new(values, responses.models(), responses.conditions().clone(), responses.cells().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conditions;

    /// By default the window is the whole passage, 21 positions of an LED each.
    #[test]
    fn default_window_is_the_stimulus() {
        let window = Passing::default().seconds(4.8).unwrap();
        assert_eq!(*window.start(), 0.0);
        assert!((window.end() - 21.0 * 2.25 / (4.8 * 5.8)).abs() < 1e-12);
        assert!(Passing { from: Some(-30.0), ..Passing::default() }.seconds(4.8).is_err());
        assert!(Passing::default().seconds(0.0).is_err());
        assert!(Passing { from: Some(9.0), to: Some(-9.0), ..Passing::default() }.seconds(4.8).is_err());
        // to the right of the centre, an edge is later than to the left
        let late = Passing { from: Some(9.0), to: Some(9.0), ..Passing::default() }.seconds(1.0).unwrap();
        assert!((late.start() - 31.5 / 5.8).abs() < 1e-12 && (late.end() - 33.75 / 5.8).abs() < 1e-12);
        let centre = Passing { from: Some(-9.0), to: Some(9.0), ..Passing::default() }.seconds(1.0).unwrap();
        assert!(
            (centre.start() - 13.5 / 5.8).abs() < 1e-12 && (centre.end() - centre.start() - 20.25 / 5.8).abs() < 1e-12
        );
    }

    /// Peaks are rectified, scale with responses, and are divided by norms.
    #[test]
    fn peaks_are_rectified_and_normalised() {
        let conditions = Conditions::product(&[("angle", &[0.0, 180.0])]);
        let cells = vec![String::from("T4a"), String::from("T4b")];
        let values = vec![-1.0, 5.0, -2.0, f64::NAN, 3.0, 8.0, 4.0, f64::NAN];
        let responses = Responses::new(values, 1, vec![0.0, 1.0], conditions, cells.clone()).unwrap();
        let norm = PerCell::new(vec![2.0, 4.0], 1, cells).unwrap();
        let whole = peak_responses(&responses, &PeakOptions { window: Window::Whole, norm: Some(&norm) }).unwrap();
        assert_eq!(whole.values(), [0.0, 1.25, 2.0, 2.0]);
        let late = PeakOptions { window: Window::Seconds(0.5..=2.0), norm: None };
        assert_eq!(peak_responses(&responses, &late).unwrap().values(), [0.0, 0.0, 4.0, 0.0]);
        assert!(peak_responses(&responses, &PeakOptions::default()).unwrap_err().to_string().contains("speed"));
        let other = PerCell::new(vec![2.0], 1, vec!["T4a".into()]).unwrap();
        assert!(peak_responses(&responses, &PeakOptions { window: Window::Whole, norm: Some(&other) }).is_err());
    }
}
