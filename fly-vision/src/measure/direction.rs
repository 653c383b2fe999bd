//! Selectivity for the direction of motion.

use std::f64::consts::PI;

use super::PerCondition;
use super::groups::{Groups, group};
use crate::Error;

/// Whether widths and speeds of edges are averaged over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Averaging {
    /// One number per intensity. The default.
    #[default]
    OverWidthAndSpeed,
    /// One number per intensity, width and speed.
    Each,
}

/// Sums over directions for each group of samples that differ in nothing else.
struct Sums {
    groups: Groups,
    /// `[models, groups, cells]`, real and imaginary part of the sum of `r exp(i order angle)`.
    vector: Vec<[f64; 2]>,
    /// The sum of `|r|`.
    length: Vec<f64>,
}

impl Sums {
    fn over_angles(peaks: &PerCondition, order: f64) -> Result<Self, Error> {
        let groups = group(peaks.conditions(), &["intensity", "width", "speed"])?;
        let angles = peaks.conditions().column("angle")?;
        let phases: Vec<[f64; 2]> = angles
            .iter()
            .map(|angle| {
                let (sin, cos) = (order * angle.to_radians()).sin_cos();
                [cos, sin]
            })
            .collect();
        let cells = peaks.cells().len();
        let mut vector = Vec::with_capacity(peaks.models() * groups.members.len() * cells);
        let mut length = Vec::with_capacity(vector.capacity());
        for model in 0..peaks.models() {
            for members in &groups.members {
                for cell in 0..cells {
                    let mut sum = [0.0; 2];
                    let mut size = 0.0;
                    for &sample in members {
                        let peak = peaks.value(model, sample, cell);
                        if !peak.is_nan() {
                            sum[0] += peak * phases[sample][0];
                            sum[1] += peak * phases[sample][1];
                            size += peak.abs();
                        }
                    }
                    vector.push(sum);
                    length.push(size);
                }
            }
        }
        Ok(Self { groups, vector, length })
    }
}

/// Direction selectivity index of each cell, 0 (none) to 1 (responds to one direction only).
///
/// Per intensity `c`, width and speed: `|sum_a r e^{ia}| / (max_c sum_a |r| + 1e-15)`, the sum over directions `a`,
/// then the mean over widths and speeds unless [`Averaging::Each`]. On and off share the denominator, so that a cell
/// which barely responds to one of them is not called selective for it. `peaks` come from [`super::peak_responses`] and
/// have the argument `angle` in degrees, equally spaced; `intensity`, `width` and `speed` are used where they are
/// there. Result: `[models, conditions, cells]`.
///
/// # Errors
/// [`Error::Unknown`] without the argument `angle`.
///
/// Source: Lappalainen et al., *Nature* 634, 1132 (2024), Methods, "Direction selectivity index".
pub fn direction_selectivity_index(peaks: &PerCondition, averaging: Averaging) -> Result<PerCondition, Error> {
    selectivity(peaks, 1.0, averaging)
}

/// Orientation selectivity index of each cell: as [`direction_selectivity_index`] with opposite directions counted as
/// one, `e^{2ia}` for `e^{ia}`.
///
/// # Errors
/// [`Error::Unknown`] without the argument `angle`.
pub fn orientation_selectivity_index(peaks: &PerCondition, averaging: Averaging) -> Result<PerCondition, Error> {
    selectivity(peaks, 2.0, averaging)
}

fn selectivity(peaks: &PerCondition, order: f64, averaging: Averaging) -> Result<PerCondition, Error> {
    let sums = Sums::over_angles(peaks, order)?;
    let (models, cells, n) = (peaks.models(), peaks.cells().len(), sums.groups.members.len());
    let shared = group(&sums.groups.conditions, &["width", "speed"])?;
    let mut largest = vec![0.0_f64; sums.length.len()];
    for model in 0..models {
        for members in &shared.members {
            for cell in 0..cells {
                let at = |g: usize| (model * n + g) * cells + cell;
                let most = members.iter().map(|&g| sums.length[at(g)]).fold(0.0, f64::max);
                for &g in members {
                    largest[at(g)] = most;
                }
            }
        }
    }
    let values = sums.vector.iter().zip(&largest).map(|([x, y], most)| x.hypot(*y) / (most + 1e-15)).collect();
    let each = PerCondition::new(values, models, sums.groups.conditions, peaks.cells().to_vec())?;
    match averaging {
        Averaging::Each => Ok(each),
        Averaging::OverWidthAndSpeed => mean_by(&each, &["intensity"]),
    }
}

/// Mean of the conditions that agree in the arguments `by`, NaN left out.
pub(super) fn mean_by(table: &PerCondition, by: &[&str]) -> Result<PerCondition, Error> {
    let groups = group(table.conditions(), by)?;
    let mut values = Vec::with_capacity(table.models() * groups.members.len() * table.cells().len());
    for model in 0..table.models() {
        for members in &groups.members {
            values.extend((0..table.cells().len()).map(|cell| {
                let numbers = members.iter().map(|&m| table.value(model, m, cell)).filter(|v| !v.is_nan());
                let (sum, count) = numbers.fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
                sum / count
            }));
        }
    }
    PerCondition::new(values, table.models(), groups.conditions, table.cells().to_vec())
}

/// Preferred direction of each cell in radians, in (-pi, pi]: the argument of `sum r e^{ia}` over directions `a`, and
/// over widths and speeds unless [`Averaging::Each`]. Result: `[models, conditions, cells]`; 0 for a cell without
/// responses.
///
/// # Errors
/// [`Error::Unknown`] without the argument `angle`.
pub fn preferred_direction(peaks: &PerCondition, averaging: Averaging) -> Result<PerCondition, Error> {
    let sums = Sums::over_angles(peaks, 1.0)?;
    let groups = match averaging {
        Averaging::Each => group(&sums.groups.conditions, &["intensity", "width", "speed"])?,
        Averaging::OverWidthAndSpeed => group(&sums.groups.conditions, &["intensity"])?,
    };
    let (cells, n) = (peaks.cells().len(), sums.groups.members.len());
    let mut values = Vec::with_capacity(peaks.models() * groups.members.len() * cells);
    for model in 0..peaks.models() {
        for members in &groups.members {
            values.extend((0..cells).map(|cell| {
                let vectors = members.iter().map(|&g| sums.vector[(model * n + g) * cells + cell]);
                let [x, y] = vectors.fold([0.0, 0.0], |[x, y], [dx, dy]| [x + dx, y + dy]);
                let angle = y.atan2(x);
                if angle == -PI { PI } else { angle }
            }));
        }
    }
    PerCondition::new(values, peaks.models(), groups.conditions, peaks.cells().to_vec())
}

/// Distance between two angles in radians, 0 to pi.
///
/// ```
/// let quarter = std::f64::consts::FRAC_PI_2;
/// assert!((fly_vision::measure::angular_distance(-quarter, 3.0 * quarter)).abs() < 1e-12);
/// ```
pub fn angular_distance(a: f64, b: f64) -> f64 {
    let apart = (a.rem_euclid(2.0 * PI) - b.rem_euclid(2.0 * PI)).abs();
    if apart > PI { 2.0 * PI - apart } else { apart }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conditions;
    use proptest::prelude::*;

    const ANGLES: usize = 12;

    fn peaks(values: Vec<f64>, turn: f64) -> PerCondition {
        let angles: Vec<f64> = (0..ANGLES).map(|i| i as f64 * 30.0 + turn).collect();
        let conditions =
            Conditions::product(&[("angle", &angles), ("intensity", &[0.0, 1.0]), ("speed", &[4.8, 19.0])]);
        PerCondition::new(values, 1, conditions, vec!["T4a".into()]).unwrap()
    }

    fn direction(values: Vec<f64>, turn: f64) -> Vec<f64> {
        preferred_direction(&peaks(values, turn), Averaging::OverWidthAndSpeed).unwrap().values().to_vec()
    }

    fn index(values: Vec<f64>, turn: f64, averaging: Averaging) -> Vec<f64> {
        direction_selectivity_index(&peaks(values, turn), averaging).unwrap().values().to_vec()
    }

    proptest! {
        /// Turning all stimuli turns the preferred direction by as much and leaves the index as it is; so does scaling.
        #[test]
        fn turned_and_scaled(
            values in prop::collection::vec(0.0..10.0, ANGLES * 4),
            turn in -720.0..720.0,
            scale in 1e-3..1e3,
        ) {
            for averaging in [Averaging::Each, Averaging::OverWidthAndSpeed] {
                let before = index(values.clone(), 0.0, averaging);
                let scaled = values.iter().map(|v| v * scale).collect();
                for (a, b) in before.iter().zip(index(scaled, turn, averaging)) {
                    prop_assert!((a - b).abs() < 1e-9 && (0.0..=1.0 + 1e-12).contains(a));
                }
            }
            let before = direction(values.clone(), 0.0);
            let selective = index(values.clone(), 0.0, Averaging::OverWidthAndSpeed);
            for ((a, b), dsi) in before.iter().zip(direction(values, turn)).zip(selective) {
                prop_assert!(dsi < 1e-3 || angular_distance(a + turn.to_radians(), b) < 1e-9);
            }
        }

        /// A distance is symmetric, at most pi, and does not see whole turns.
        #[test]
        fn distances(a in -20.0..20.0, b in -20.0..20.0, turns in -3..4) {
            let apart = angular_distance(a, b);
            prop_assert!((0.0..=PI).contains(&apart));
            prop_assert!((apart - angular_distance(b, a + f64::from(turns) * 2.0 * PI)).abs() < 1e-12);
        }
    }

    /// Equal responses to all directions give 0, responses to one direction 1, to two opposite ones an orientation.
    #[test]
    fn extremes() {
        for dsi in index(vec![2.0; ANGLES * 4], 0.0, Averaging::Each) {
            assert!(dsi < 1e-12);
        }
        let mut one = vec![0.0; ANGLES * 4];
        one[7 * 4..8 * 4].fill(3.0);
        for dsi in index(one.clone(), 0.0, Averaging::Each) {
            assert!((dsi - 1.0).abs() < 1e-12);
        }
        for angle in direction(one.clone(), 0.0) {
            assert!(angular_distance(angle, 210_f64.to_radians()) < 1e-12);
        }
        one[4..8].fill(3.0);
        assert!(index(one.clone(), 0.0, Averaging::Each).iter().all(|dsi| *dsi < 1e-12));
        let osi = orientation_selectivity_index(&peaks(one, 0.0), Averaging::Each).unwrap();
        assert!(osi.values().iter().all(|osi| (osi - 1.0).abs() < 1e-12));
    }

    /// On and off share the denominator: the index of the weaker one is smaller by the ratio of responses.
    #[test]
    fn intensities_share_the_denominator() {
        let mut values = vec![0.0; ANGLES * 4];
        values[..4].copy_from_slice(&[1.0, 1.0, 4.0, 4.0]);
        let dsi = index(values, 0.0, Averaging::OverWidthAndSpeed);
        assert!((dsi[0] - 0.25).abs() < 1e-12 && (dsi[1] - 1.0).abs() < 1e-12);
    }
}
