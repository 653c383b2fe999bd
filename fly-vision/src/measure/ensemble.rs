//! Statistics across the models of an ensemble.

use super::{PerCell, PerCondition, score};
use crate::Error;

/// Quantile of a list by linear interpolation between its sorted numbers, NaN left out; NaN of an empty list.
///
/// # Panics
/// If `q` is not between 0 and 1.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    assert!((0.0..=1.0).contains(&q), "quantile {q}, must be between 0 and 1");
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = q * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// How a measure of one cell is distributed over models.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Distribution {
    /// The cell's type.
    pub cell: String,
    /// Number of models with a number that is not NaN.
    pub count: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation, that of the models at hand (divided by their number).
    pub deviation: f64,
    /// Median.
    pub median: f64,
    /// The quantiles asked for, in the order asked for.
    pub quantiles: Vec<f64>,
}

/// The distribution of each cell's measure over models, in order of the cells.
///
/// # Errors
/// [`Error::Setting`] if a quantile is not between 0 and 1.
pub fn distributions(table: &PerCell, quantiles: &[f64]) -> Result<Vec<Distribution>, Error> {
    if let Some(q) = quantiles.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        return Err(Error::setting("quantile", format!("is {q}, must be between 0 and 1")));
    }
    let of_cell = |(cell, name): (usize, &String)| {
        let all: Vec<f64> = table.across_models(cell).into_iter().filter(|v| !v.is_nan()).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let variance = all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / all.len() as f64;
        Distribution {
            cell: name.clone(),
            count: all.len(),
            mean,
            deviation: variance.sqrt(),
            median: quantile(&all, 0.5),
            quantiles: quantiles.iter().map(|&q| quantile(&all, q)).collect(),
        }
    };
    Ok(table.cells().iter().enumerate().map(of_cell).collect())
}

/// Fraction of models in which each T4 and T5 subtype prefers its known direction, within `tolerance` radians. A cell
/// whose direction selectivity index is 0, a silent one for example, prefers none.
///
/// See [`super::direction_distance`] for `directions`, and [`super::direction_selectivity_index`] for `dsi`, of the same
/// models and cells. With four subtypes a quarter turn apart, pi/4 means that the right subtype is the nearest.
///
/// # Errors
/// See [`super::direction_distance`]; [`Error::Shape`] if the indices are of other models, conditions or cells.
pub fn correct_directions(
    directions: &PerCondition,
    dsi: &PerCondition,
    tolerance: f64,
) -> Result<Vec<(String, f64)>, Error> {
    let apart = score::direction_distance(&of_selective(directions, dsi)?)?;
    let fraction = |cell: usize| {
        let right = apart.across_models(cell).into_iter().filter(|d| *d <= tolerance).count();
        right as f64 / apart.models() as f64
    };
    Ok(apart.cells().iter().enumerate().map(|(cell, name)| (name.clone(), fraction(cell))).collect())
}

/// Directions of cells with a direction selectivity index above 0, NaN for others.
fn of_selective(directions: &PerCondition, dsi: &PerCondition) -> Result<PerCondition, Error> {
    let shape = |table: &PerCondition| [table.models(), table.conditions().len(), table.cells().len()];
    if shape(directions) != shape(dsi) || directions.cells() != dsi.cells() {
        return Err(Error::shape(
            "direction selectivity indices",
            format!("{:?} (models, conditions, cells)", shape(dsi)),
            format!("{:?} with the same cells, as the preferred directions", shape(directions)),
        ));
    }
    let known = |(&direction, &dsi): (&f64, &f64)| if dsi > 0.0 { direction } else { f64::NAN };
    let values = directions.values().iter().zip(dsi.values()).map(known).collect();
    PerCondition::new(values, directions.models(), directions.conditions().clone(), directions.cells().to_vec())
}

/// Models from the smallest to the largest task error; of equal ones the first comes first.
///
/// # Errors
/// [`Error::Setting`] if an error is NaN.
pub fn rank_by_error(task_error: &[f64]) -> Result<Vec<usize>, Error> {
    if let Some(model) = task_error.iter().position(|e| e.is_nan()) {
        return Err(Error::setting("task error", format!("that of model {model} is NaN; leave the model out")));
    }
    let mut order: Vec<usize> = (0..task_error.len()).collect();
    order.sort_by(|&a, &b| task_error[a].total_cmp(&task_error[b]));
    Ok(order)
}

/// The given fraction of models with the smallest task error, best first; rounded down, but never none.
///
/// # Errors
/// [`Error::Setting`] if an error is NaN or the fraction is not between 0 and 1.
pub fn best_models(task_error: &[f64], fraction: f64) -> Result<Vec<usize>, Error> {
    if !(0.0..=1.0).contains(&fraction) {
        return Err(Error::setting("fraction of models", format!("is {fraction}, must be between 0 and 1")));
    }
    let mut order = rank_by_error(task_error)?;
    // 0.58 of 50 is a little below 29
    order.truncate(((fraction * order.len() as f64 + 1e-9) as usize).max(1));
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conditions;

    #[test]
    fn quantiles_interpolate() {
        let values = [4.0, f64::NAN, 1.0, 3.0, 2.0];
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|q| quantile(&values, q)), [1.0, 1.75, 2.5, 4.0]);
        assert!(quantile(&[], 0.5).is_nan());
        let table = PerCell::new(vec![1.0, 5.0, 3.0, 5.0], 2, vec!["Mi1".into(), "Tm3".into()]).unwrap();
        let all = distributions(&table, &[0.25]).unwrap();
        assert_eq!((all[0].mean, all[0].median, all[0].deviation, all[0].quantiles[0]), (2.0, 2.0, 1.0, 1.5));
        assert_eq!((all[1].count, all[1].deviation), (2, 0.0));
        assert!(distributions(&table, &[2.0]).is_err());
    }

    #[test]
    fn ranks() {
        assert_eq!(rank_by_error(&[3.0, 1.0, 2.0, 1.0]).unwrap(), [1, 3, 2, 0]);
        assert_eq!(best_models(&[3.0, 1.0, 2.0, 1.0, 5.0], 0.4).unwrap(), [1, 3]);
        assert_eq!(best_models(&[3.0, 1.0], 0.0).unwrap(), [1]);
        assert_eq!(best_models(&[1.0; 50], 0.58).unwrap().len(), 29);
        assert!(rank_by_error(&[f64::NAN]).is_err() && best_models(&[1.0], 1.5).is_err());
    }

    #[test]
    fn directions_of_an_ensemble() {
        let table = |values: Vec<f64>, cell: &str| {
            let conditions = Conditions::product(&[("intensity", &[1.0])]);
            PerCondition::new(values, 4, conditions, vec![cell.into()]).unwrap()
        };
        let all = table(vec![0.3; 4], "T4a");
        let directions = table(vec![3.0, -3.0, 0.1, 1.0], "T4a");
        assert_eq!(correct_directions(&directions, &all, 0.7).unwrap(), [(String::from("T4a"), 0.5)]);
        // the direction of a cell that does not respond is 0, which T4b prefers
        let one = table(vec![0.0, 0.4, 0.0, 0.0], "T4b");
        let directions = table(vec![0.0, 0.1, 0.0, 0.0], "T4b");
        assert_eq!(correct_directions(&directions, &one, 0.7).unwrap(), [(String::from("T4b"), 0.25)]);
        assert!(correct_directions(&directions, &all, 0.7).is_err());
    }
}
