//! Tuning curves over the direction of motion.

use super::PerCondition;
use super::direction::mean_by;
use super::ensemble::quantile;
use super::groups::group;
use crate::Error;

/// How the tuning curves of models become one.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ModelAverage {
    /// They do not: a curve per model. The default.
    #[default]
    Each,
    /// Mean over models.
    Mean,
    /// Median over models.
    Median,
    /// Mean weighted by these, `[models]`, none negative.
    Weighted(Vec<f64>),
}

/// What tuning curves are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TuningScale {
    /// The largest response of a cell at an intensity over all models and directions. The default.
    #[default]
    Ensemble,
    /// The largest response of each curve, so that all of them peak at 1.
    Curve,
    /// Nothing.
    None,
}

/// How tuning curves are made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TuningOptions {
    /// Over models. Default: a curve for each.
    pub models: ModelAverage,
    /// Scale. Default: the largest response of the ensemble is 1.
    pub scale: TuningScale,
}

/// Tuning curves of cells: the mean peak response over widths and speeds for each direction and intensity,
/// `[models, conditions, cells]` with one model if models are averaged.
///
/// The conditions have the arguments `angle`, in degrees, and `intensity`, where `peaks` have them. Curves of cells
/// that do not respond are NaN if they are scaled.
///
/// # Errors
/// [`Error::Unknown`] without the argument `angle`; [`Error::Shape`] or [`Error::Setting`] for weights of the wrong
/// number or sign.
pub fn angular_tuning(peaks: &PerCondition, options: &TuningOptions) -> Result<PerCondition, Error> {
    peaks.conditions().column("angle")?;
    let each = mean_by(peaks, &["angle", "intensity"])?;
    let combined = combine(&each, &options.models)?;
    let curves = group(combined.conditions(), &["intensity"])?.members;
    let (n, cells) = (combined.conditions().len(), combined.cells().len());
    let mut values = combined.values().to_vec();
    let mut rescale = |models: std::ops::Range<usize>, members: &[usize], cell: usize| {
        let at = |model: usize, m: usize| (model * n + m) * cells + cell;
        let places = || models.clone().flat_map(|model| members.iter().map(move |&m| at(model, m)));
        let most = places().map(|place| values[place]).fold(f64::NAN, f64::max);
        for place in places().collect::<Vec<_>>() {
            values[place] /= most;
        }
    };
    for members in &curves {
        for cell in 0..cells {
            match options.scale {
                TuningScale::None => {}
                TuningScale::Ensemble => rescale(0..combined.models(), members, cell),
                TuningScale::Curve => (0..combined.models()).for_each(|m| rescale(m..m + 1, members, cell)),
            }
        }
    }
    PerCondition::new(values, combined.models(), combined.conditions().clone(), combined.cells().to_vec())
}

fn combine(each: &PerCondition, how: &ModelAverage) -> Result<PerCondition, Error> {
    if *how == ModelAverage::Each {
        return Ok(each.clone());
    }
    if let ModelAverage::Weighted(weights) = how {
        if weights.len() != each.models() {
            let want = format!("[{}]", each.models());
            return Err(Error::shape("weights of models", format!("{} numbers", weights.len()), want));
        }
        if !weights.iter().all(|w| w.is_finite() && *w >= 0.0) {
            return Err(Error::setting("weights of models", "must be finite, none negative"));
        }
    }
    let average = |all: &[f64]| match how {
        ModelAverage::Each | ModelAverage::Mean => weighted_mean(all, |_| 1.0),
        ModelAverage::Median => quantile(all, 0.5),
        ModelAverage::Weighted(weights) => weighted_mean(all, |model| weights[model]),
    };
    let (conditions, cells) = (each.conditions().len(), each.cells().len());
    let mut values = Vec::with_capacity(conditions * cells);
    for condition in 0..conditions {
        for cell in 0..cells {
            let all: Vec<f64> = (0..each.models()).map(|model| each.value(model, condition, cell)).collect();
            values.push(average(&all));
        }
    }
    PerCondition::new(values, 1, each.conditions().clone(), each.cells().to_vec())
}

fn weighted_mean(all: &[f64], weight: impl Fn(usize) -> f64) -> f64 {
    let known = all.iter().enumerate().filter(|(_, value)| !value.is_nan());
    let (sum, total) =
        known.fold((0.0, 0.0), |(sum, total), (model, value)| (sum + weight(model) * value, total + weight(model)));
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conditions;

    /// Two models, two directions, two speeds, one cell.
    fn peaks() -> PerCondition {
        let conditions = Conditions::product(&[("angle", &[0.0, 180.0]), ("speed", &[4.8, 19.0])]);
        PerCondition::new(vec![1.0, 3.0, 4.0, 6.0, 0.0, 2.0, 9.0, f64::NAN], 2, conditions, vec!["T4a".into()]).unwrap()
    }

    #[test]
    fn curves_are_averaged_and_scaled() {
        let tuning = |models, scale| angular_tuning(&peaks(), &TuningOptions { models, scale });
        let values = |models, scale| tuning(models, scale).unwrap().values().to_vec();
        assert_eq!(values(ModelAverage::Each, TuningScale::None), [2.0, 5.0, 1.0, 9.0]);
        assert_eq!(values(ModelAverage::Each, TuningScale::Ensemble), [2.0 / 9.0, 5.0 / 9.0, 1.0 / 9.0, 1.0]);
        assert_eq!(values(ModelAverage::Each, TuningScale::Curve), [0.4, 1.0, 1.0 / 9.0, 1.0]);
        assert_eq!(values(ModelAverage::Mean, TuningScale::None), [1.5, 7.0]);
        assert_eq!(values(ModelAverage::Median, TuningScale::None), [1.5, 7.0]);
        assert_eq!(values(ModelAverage::Weighted(vec![3.0, 1.0]), TuningScale::None), [1.75, 6.0]);
        assert!(tuning(ModelAverage::Weighted(vec![1.0]), TuningScale::None).is_err());
        assert!(tuning(ModelAverage::Weighted(vec![1.0, -1.0]), TuningScale::None).is_err());
    }
}
