//! How well models agree with what is known.

use super::groups::group;
use super::known::{self, Contrast};
use super::{PerCell, PerCondition, angular_distance, pearson};
use crate::Error;

/// Fraction of the cell types of known contrast whose flash response index has the right sign, `[models]`.
///
/// # Errors
/// [`Error::Setting`] if no type of known contrast is there.
pub fn fri_agreement(fri: &PerCell) -> Result<Vec<f64>, Error> {
    let (cells, signs) =
        with_known(fri, "flash response indices", |name| known::preferred_contrast(name).map(Contrast::sign))?;
    let agreement = |model: usize| {
        let right = cells.iter().zip(&signs).filter(|(cell, sign)| fri.value(model, **cell) * **sign > 0.0);
        right.count() as f64 / cells.len() as f64
    };
    Ok((0..fri.models()).map(agreement).collect())
}

/// Correlation of flash response indices with the known sign of contrast (1 on, -1 off) over cell types, `[models]`.
///
/// # Errors
/// [`Error::Setting`] if no type of known contrast is there.
pub fn fri_correlation(fri: &PerCell) -> Result<Vec<f64>, Error> {
    correlation(fri, "flash response indices", |name| known::preferred_contrast(name).map(Contrast::sign))
}

/// Correlation of direction selectivity with what is known (1 for T4 and T5, 0 for their inputs) over cell types,
/// `[models]`. Of each cell's indices the largest over intensities counts.
///
/// # Errors
/// [`Error::Setting`] if no type of known selectivity is there.
pub fn dsi_correlation(dsi: &PerCondition) -> Result<Vec<f64>, Error> {
    let selective = |name: &str| known::motion_selective(name).map(|yes| if yes { 1.0 } else { 0.0 });
    correlation(&dsi.largest(), "direction selectivity indices", selective)
}

/// Angle between the preferred direction of each T4 and T5 cell and the known one, in radians, `[models, cells]`.
///
/// `directions` are those of [`super::preferred_direction`], averaged over widths and speeds. T4 cells are judged by
/// edges of intensity 1, T5 cells by those of intensity 0; other cells are left out.
///
/// # Errors
/// [`Error::Setting`] if there is no T4 or T5 cell, or not one condition of an intensity that is needed.
pub fn direction_distance(directions: &PerCondition) -> Result<PerCell, Error> {
    let mut columns = Vec::new();
    for contrast in [Contrast::On, Contrast::Off] {
        let judged =
            |name: &str| known::preferred_direction(name).filter(|_| known::preferred_contrast(name) == Some(contrast));
        let cells: Vec<(usize, f64)> =
            directions.cells().iter().enumerate().filter_map(|(cell, name)| Some((cell, judged(name)?))).collect();
        if !cells.is_empty() {
            let table = directions.select("intensity", contrast.intensity())?;
            columns.extend(cells.into_iter().map(|(cell, wanted)| {
                let all = table.across_models(cell);
                let apart: Vec<f64> = all.iter().map(|angle| angular_distance(*angle, wanted.to_radians())).collect();
                (directions.cells()[cell].clone(), apart)
            }));
        }
    }
    if columns.is_empty() {
        return Err(Error::setting("preferred directions", "no cell is of type T4a-d or T5a-d"));
    }
    let values =
        (0..directions.models()).flat_map(|model| columns.iter().map(move |(_, apart)| apart[model])).collect();
    PerCell::new(values, directions.models(), columns.iter().map(|(name, _)| name.clone()).collect())
}

/// Correlation of a cell's tuning curve with a measured one, `[models]`: the best over widths and speeds, as an
/// experimenter would choose them; 0 where a curve does not vary.
///
/// `curve` lists angles in degrees, those of `peaks`, and responses.
///
/// # Errors
/// [`Error::Unknown`] for a cell type or argument that is not there; [`Error::Setting`] if an angle is missing.
pub fn tuning_curve_correlation(
    peaks: &PerCondition,
    cell_type: &str,
    intensity: f64,
    curve: &[(f64, f64)],
) -> Result<Vec<f64>, Error> {
    let cell = peaks.cell(cell_type)?;
    let angles = peaks.conditions().column("angle")?;
    let intensities = peaks.conditions().column("intensity")?;
    let groups = group(peaks.conditions(), &["intensity", "width", "speed"])?;
    let wanted: Vec<f64> = curve.iter().map(|(_, response)| *response).collect();
    let mut best = vec![f64::NEG_INFINITY; peaks.models()];
    for members in groups.members.iter().filter(|members| intensities[members[0]] == intensity) {
        let find = |angle: f64| {
            let found = members.iter().copied().find(|&m| (angles[m] - angle).rem_euclid(360.0) == 0.0);
            found.ok_or_else(|| Error::setting("tuning curve", format!("no stimulus moves at {angle} degrees")))
        };
        let samples = curve.iter().map(|(angle, _)| find(*angle)).collect::<Result<Vec<_>, _>>()?;
        for (model, best) in best.iter_mut().enumerate() {
            let curve: Vec<f64> = samples.iter().map(|&s| peaks.value(model, s, cell)).collect();
            let r = pearson(&curve, &wanted);
            *best = best.max(if r.is_nan() { 0.0 } else { r });
        }
    }
    if best.iter().any(|r| r.is_infinite()) {
        return Err(Error::setting("tuning curve", format!("no stimulus has intensity {intensity}")));
    }
    Ok(best)
}

/// Cells of which something is known, and what.
fn with_known(
    table: &PerCell,
    what: &'static str,
    known: impl Fn(&str) -> Option<f64>,
) -> Result<(Vec<usize>, Vec<f64>), Error> {
    let found: (Vec<usize>, Vec<f64>) =
        table.cells().iter().enumerate().filter_map(|(cell, name)| Some((cell, known(name)?))).unzip();
    if found.0.is_empty() {
        return Err(Error::setting(what, format!("nothing is known of any of the types {:?}", table.cells())));
    }
    Ok(found)
}

fn correlation(table: &PerCell, what: &'static str, known: impl Fn(&str) -> Option<f64>) -> Result<Vec<f64>, Error> {
    let (cells, wanted) = with_known(table, what, known)?;
    let of_model = |model: usize| {
        let values: Vec<f64> = cells.iter().map(|&cell| table.value(model, cell)).collect();
        pearson(&values, &wanted)
    };
    Ok((0..table.models()).map(of_model).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conditions;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    /// What is known correlates perfectly with itself, its opposite perfectly not; unknown types do not count.
    #[test]
    fn contrasts() {
        let cells = names(&["Mi1", "T2", "L1", "Tm1"]);
        let fri = PerCell::new(vec![0.5, 9.0, -0.5, -0.5, -0.1, 0.0, 0.1, -0.1], 2, cells).unwrap();
        assert_eq!(fri_agreement(&fri).unwrap(), [1.0, 1.0 / 3.0]);
        let r = fri_correlation(&fri).unwrap();
        assert!((r[0] - 1.0).abs() < 1e-12 && r[1] < 0.0);
        assert!(fri_correlation(&PerCell::new(vec![0.5], 1, names(&["T2"])).unwrap()).is_err());
    }

    #[test]
    fn selectivities() {
        let conditions = Conditions::product(&[("intensity", &[0.0, 1.0])]);
        let cells = names(&["T4a", "T5c", "Mi1", "T3"]);
        let dsi = PerCondition::new(vec![0.0, 0.6, 0.1, 1.0, 0.6, 0.2, 0.0, 1.0], 1, conditions, cells).unwrap();
        assert!((dsi_correlation(&dsi).unwrap()[0] - 1.0).abs() < 1e-12);
    }

    /// T4 cells are judged by light edges, T5 cells by dark ones.
    #[test]
    fn directions() {
        let conditions = Conditions::product(&[("intensity", &[0.0, 1.0])]);
        let cells = names(&["T5b", "Mi1", "T4a"]);
        let values = vec![0.25, 0.0, 0.0, 3.0, 0.0, -std::f64::consts::PI + 0.5];
        let apart = direction_distance(&PerCondition::new(values, 1, conditions, cells).unwrap()).unwrap();
        assert_eq!(apart.cells(), ["T4a", "T5b"]);
        assert!((apart.value(0, 0) - 0.5).abs() < 1e-12 && (apart.value(0, 1) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn curves() {
        let conditions = Conditions::product(&[
            ("angle", &[0.0, 90.0, 180.0, 270.0]),
            ("intensity", &[1.0]),
            ("speed", &[4.8, 19.0]),
        ]);
        let values = vec![1.0, 1.0, 1.0, 2.0, 1.0, 4.0, 1.0, 2.0];
        let peaks = PerCondition::new(values, 1, conditions, names(&["T4a"])).unwrap();
        let curve = [(0.0, 0.0), (90.0, 0.5), (180.0, 1.5), (270.0, 0.5)];
        let of = |angle: f64| curve.map(|(a, r)| (a + angle, r));
        assert!((tuning_curve_correlation(&peaks, "T4a", 1.0, &of(360.0)).unwrap()[0] - 1.0).abs() < 1e-12);
        assert!(tuning_curve_correlation(&peaks, "T4a", 1.0, &of(30.0)).is_err());
        assert!(tuning_curve_correlation(&peaks, "T4a", 0.0, &of(0.0)).is_err());
    }
}
