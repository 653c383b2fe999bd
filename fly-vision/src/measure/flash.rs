//! Whether a cell prefers light or dark.

use std::ops::RangeInclusive;

use super::{PerCell, Responses};
use crate::Error;

/// What is added to responses before they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shift {
    /// The size of the smallest response of the cell to both flashes, whatever its sign, so that none is negative. The
    /// default.
    #[default]
    Minimum,
    /// Nothing. The index may then lie outside -1 to 1.
    None,
}

/// Which flashes are compared, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct FlashOptions {
    /// Time in which responses count, in seconds after the onset: from one frame before to the end of the flash.
    /// Default -1/200 to 1.
    pub interval: RangeInclusive<f64>,
    /// Radius of the flash in columns, -1 for the whole field. Default 6.
    pub radius: f64,
    /// Intensity of the flash of light. Default 1.
    pub on: f64,
    /// Intensity of the flash of dark. Default 0.
    pub off: f64,
    /// What is added before. Default: the size of the minimum.
    pub shift: Shift,
}

impl Default for FlashOptions {
    fn default() -> Self {
        Self { interval: -1.0 / 200.0..=1.0, radius: 6.0, on: 1.0, off: 0.0, shift: Shift::Minimum }
    }
}

impl FlashOptions {
    /// For flashes that were shown for `t_stim` seconds in frames of `dt` seconds.
    pub fn lasting(t_stim: f64, dt: f64) -> Self {
        Self { interval: -dt..=t_stim, ..Self::default() }
    }
}

/// Flash response index of each cell, -1 (off) to 1 (on): `(on - off) / (on + off + 1e-16)` of the peak responses,
/// `[models, cells]`.
///
/// The flashes go from grey to their intensity and back, and the arguments of the stimuli are `intensity` and, where
/// there are several radii, `radius`.
///
/// # Errors
/// [`Error::Unknown`] without the argument `intensity`; [`Error::Setting`] if not exactly one sample is of the radius
/// and each of the intensities, or no frame lies in the interval.
///
/// Source: Lappalainen et al., *Nature* 634, 1132 (2024), Methods, "Flash response index".
pub fn flash_response_index<T: Copy + Into<f64>>(
    responses: &Responses<T>,
    options: &FlashOptions,
) -> Result<PerCell, Error> {
    let frames = responses.frames_within(&options.interval);
    if frames.is_empty() {
        return Err(Error::setting(
            "interval of flash responses",
            format!("there is no frame in {:?} seconds", options.interval),
        ));
    }
    let (on, off) = (sample(responses, options, options.on)?, sample(responses, options, options.off)?);
    let mut values = Vec::with_capacity(responses.models() * responses.cells().len());
    for model in 0..responses.models() {
        let peaks = [on, off].map(|s| responses.largest(model, s, frames.clone()));
        let least = [on, off].map(|s| responses.smallest(model, s, frames.clone()));
        for cell in 0..responses.cells().len() {
            let shift = match options.shift {
                Shift::Minimum => least[0][cell].min(least[1][cell]).abs(),
                Shift::None => 0.0,
            };
            let [on, off] = [peaks[0][cell] + shift, peaks[1][cell] + shift];
            values.push((on - off) / (on + off + 1e-16));
        }
    }
    PerCell::new(values, responses.models(), responses.cells().to_vec())
}

/// The one sample of an intensity and the radius.
fn sample<T: Copy + Into<f64>>(
    responses: &Responses<T>,
    options: &FlashOptions,
    intensity: f64,
) -> Result<usize, Error> {
    let conditions = responses.conditions();
    let mut found = conditions.samples_where("intensity", intensity)?;
    if conditions.names().contains(&"radius") {
        let radii = conditions.column("radius")?;
        found.retain(|&sample| radii[sample] == options.radius);
    }
    match found[..] {
        [sample] => Ok(sample),
        _ => Err(Error::setting(
            "flashes",
            format!(
                "{} samples have intensity {intensity} and radius {}, wanted is one; radii: {:?}",
                found.len(),
                options.radius,
                conditions.distinct("radius").unwrap_or_default()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conditions;
    use proptest::prelude::*;

    fn responses(values: Vec<f64>, intensities: &[f64]) -> Responses<f64> {
        let conditions = Conditions::product(&[("intensity", intensities), ("radius", &[-1.0, 6.0])]);
        Responses::new(values, 1, vec![-0.5, 0.0, 0.5, 1.0], conditions, vec!["L1".into(), "L2".into()]).unwrap()
    }

    proptest! {
        /// Light and dark exchanged change the sign; a common factor changes nothing; the index stays within -1 and 1.
        #[test]
        fn antisymmetric_and_scale_free(
            values in prop::collection::vec(-5.0..5.0, 32),
            scale in 1e-3..1e3,
        ) {
            let fri = |v, i: &[f64]| flash_response_index(&responses(v, i), &FlashOptions::default()).unwrap();
            let before = fri(values.clone(), &[0.0, 1.0]);
            let exchanged = fri(values.clone(), &[1.0, 0.0]);
            let scaled = fri(values.iter().map(|v| v * scale).collect(), &[0.0, 1.0]);
            for cell in 0..2 {
                let index = before.value(0, cell);
                prop_assert!((-1.0..=1.0).contains(&index));
                prop_assert_eq!(index, -exchanged.value(0, cell));
                prop_assert!((index - scaled.value(0, cell)).abs() < 1e-9);
            }
        }
    }

    /// Responses to one flash only give 1 or -1, and what happens before the flash does not count.
    #[test]
    fn extremes() {
        let mut values = vec![0.0; 32];
        values[2 * 8 + 2] = 3.0; // intensity 1, radius -1, frame 1, L1
        values[3] = 2.0; // intensity 0, radius -1, frame 1, L2
        values[0] = 100.0;
        let options = FlashOptions { radius: -1.0, ..FlashOptions::lasting(1.0, 0.05) };
        let fri = flash_response_index(&responses(values.clone(), &[0.0, 1.0]), &options).unwrap();
        assert!((fri.value(0, 0) - 1.0).abs() < 1e-12 && (fri.value(0, 1) + 1.0).abs() < 1e-12);
        let all = responses(values, &[0.0, 1.0]);
        assert!(flash_response_index(&all, &FlashOptions { radius: 3.0, ..FlashOptions::default() }).is_err());
        assert!(flash_response_index(&all, &FlashOptions { interval: 2.0..=3.0, ..options }).is_err());
    }
}
