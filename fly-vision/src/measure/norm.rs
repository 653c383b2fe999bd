//! The size of a cell's responses.

use super::{PerCell, Responses};
use crate::Error;

/// Whether negative responses count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rectification {
    /// They do. The default.
    #[default]
    None,
    /// They count as 0.
    Rectified,
}

/// Root mean square of each cell's responses over samples and frames, `[models, cells]`; NaN counts as 0.
///
/// Of naturalistic stimuli this is what makes peak responses comparable between models.
///
/// # Errors
/// None for responses that could be made.
pub fn response_norm<T: Copy + Into<f64>>(
    responses: &Responses<T>,
    rectification: Rectification,
) -> Result<PerCell, Error> {
    let cells = responses.cells().len();
    let count = (responses.samples() * responses.frames()) as f64;
    let mut values = Vec::with_capacity(responses.models() * cells);
    for model in 0..responses.models() {
        let mut sums = vec![0.0; cells];
        for sample in 0..responses.samples() {
            for row in responses.rows(model, sample, 0..responses.frames()) {
                for (sum, &value) in sums.iter_mut().zip(row) {
                    let value: f64 = value.into();
                    let counts = match rectification {
                        Rectification::None => !value.is_nan(),
                        Rectification::Rectified => value > 0.0,
                    };
                    *sum += if counts { value * value } else { 0.0 };
                }
            }
        }
        values.extend(sums.iter().map(|sum| (sum / count).sqrt()));
    }
    PerCell::new(values, responses.models(), responses.cells().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conditions;

    #[test]
    fn root_mean_square() {
        let samples = Conditions::product(&[("clip", &[0.0, 1.0])]);
        let values = vec![3.0_f32, -4.0, f32::NAN, 5.0];
        let responses = Responses::new(values, 1, vec![0.0, 1.0], samples, vec!["Mi1".into()]).unwrap();
        assert_eq!(response_norm(&responses, Rectification::None).unwrap().values(), [12.5_f64.sqrt()]);
        assert_eq!(response_norm(&responses, Rectification::Rectified).unwrap().values(), [8.5_f64.sqrt()]);
    }
}
