//! Tuning to motion of the types of which it is known.

use std::f64::consts::FRAC_PI_4;

use super::{
    Averaging, PeakOptions, Responses, angular_distance, direction_selectivity_index, known, peak_responses,
    preferred_direction,
};
use crate::Error;

/// Tuning of a type to edges of the contrast that it is known to prefer.
#[derive(Debug, Clone, PartialEq)]
pub struct MotionTuning {
    /// The type.
    pub cell_type: &'static str,
    /// Direction selectivity index, 0 to 1.
    pub dsi: f64,
    /// Preferred direction, radians; 0 without responses.
    pub direction: f64,
    /// The direction that it prefers in flies, radians; none for types that are not selective.
    pub known_direction: Option<f64>,
}

impl MotionTuning {
    /// Whether the type is selective, and prefers the direction that it does in flies, within 45 degrees. By chance a quarter of them do.
    pub fn is_right(&self) -> bool {
        let near = |known: f64| angular_distance(self.direction, known) <= FRAC_PI_4;
        self.dsi > 0.0 && self.known_direction.is_some_and(near)
    }
}

/// Tuning of T4 and T5, then of the types that are known not to be selective, from responses of a model to moving edges of both contrasts.
///
/// # Errors
/// [`Error::Unknown`] if one of the types is missing; otherwise as [`direction_selectivity_index`] and [`preferred_direction`].
///
/// # Panics
/// If there is no such model.
pub fn motion_tuning(responses: &Responses, model: usize) -> Result<Vec<MotionTuning>, Error> {
    let peaks = peak_responses(responses, &PeakOptions::default())?;
    let dsi = direction_selectivity_index(&peaks, Averaging::OverWidthAndSpeed)?;
    let directions = preferred_direction(&peaks, Averaging::OverWidthAndSpeed)?;
    let mut all = Vec::new();
    for cell_type in known::MOTION_TYPES.into_iter().chain(known::NOT_MOTION_TYPES) {
        let Some(contrast) = known::preferred_contrast(cell_type) else { continue };
        let cell = peaks.cell(cell_type)?;
        let [dsi, direction] = [&dsi, &directions].map(|table| {
            let of_contrast = table.select("intensity", contrast.intensity())?;
            Ok::<f64, Error>(of_contrast.across_models(cell)[model])
        });
        let known_direction = known::preferred_direction(cell_type).map(f64::to_radians);
        all.push(MotionTuning { cell_type, dsi: dsi?, direction: direction?, known_direction });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_right_within_an_eighth_of_a_turn() {
        let tuning = |dsi: f64, degrees: f64| MotionTuning {
            cell_type: "T4b",
            dsi,
            direction: degrees.to_radians(),
            known_direction: Some(0.0),
        };
        assert!(tuning(0.1, 350.0).is_right() && tuning(0.1, -44.0).is_right());
        assert!(!tuning(0.1, 46.0).is_right() && !tuning(0.0, 0.0).is_right());
        assert!(!MotionTuning { known_direction: None, ..tuning(0.5, 0.0) }.is_right());
    }
}
