//! Models laid out in few dimensions.

use rayon::prelude::*;

use super::Features;
use super::linear::symmetric_eigen;
use crate::Error;

/// Distance of correlation, `1 - r`, between the rows of features: `[models, models]`, 0 to 2. NaN where a row does not
/// vary.
pub fn correlation_distances(features: &Features) -> Vec<f64> {
    let rows = features.standardised();
    let distance = |a: usize, b: usize| match (&rows[a], &rows[b]) {
        _ if a == b && rows[a].is_some() => 0.0,
        (Some(x), Some(y)) => (1.0 - dot(x, y)).clamp(0.0, 2.0),
        _ => f64::NAN,
    };
    symmetric(rows.len(), distance)
}

/// Models as points.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Embedding {
    /// Number of dimensions.
    pub dims: usize,
    /// The point of each model, `[models]` of `[dims]`, each dimension from 0 to 1; `None` for models whose responses
    /// do not vary.
    pub points: Vec<Option<Vec<f64>>>,
    /// Fraction of the variance of the standardised responses along each dimension, `[dims]`, descending.
    pub explained: Vec<f64>,
}

impl Embedding {
    /// The models that have a point.
    pub fn valid(&self) -> Vec<usize> {
        (0..self.points.len()).filter(|&model| self.points[model].is_some()).collect()
    }

    /// Their points one after the other, `[valid models, dims]`.
    pub fn valid_points(&self) -> Vec<f64> {
        self.points.iter().flatten().flatten().copied().collect()
    }
}

/// Lays models out along the principal components of their standardised responses, each then scaled to 0 to 1.
///
/// Rows of length 1 without mean lie `sqrt(2 (1 - r))` apart, so that this is the classical scaling of distances of
/// correlation. Components come from the matrix of products between models, `[models, models]`, so that the number of
/// features hardly matters.
///
/// # Errors
/// [`Error::Setting`] if there are fewer than two models whose responses vary, no dimensions, or more than such models
/// less one.
pub fn embed(features: &Features, dims: usize) -> Result<Embedding, Error> {
    let rows = features.standardised();
    let valid: Vec<usize> = (0..rows.len()).filter(|&model| rows[model].is_some()).collect();
    let n = valid.len();
    if n < 2 || dims == 0 || dims > n - 1 {
        return Err(Error::setting(
            "dimensions",
            format!("are {dims}, must be 1 to {} for {n} models whose responses vary", n.saturating_sub(1)),
        ));
    }
    let kept: Vec<&[f64]> = rows.iter().flatten().map(Vec::as_slice).collect();
    let mut gram = symmetric(n, |a, b| dot(kept[a], kept[b]));
    centre(&mut gram, n);
    let total: f64 = gram.iter().step_by(n + 1).sum();
    let (values, vectors) = symmetric_eigen(gram, n);
    let mut points = vec![None; rows.len()];
    for (i, &model) in valid.iter().enumerate() {
        points[model] = Some((0..dims).map(|d| vectors[d * n + i] * values[d].max(0.0).sqrt()).collect::<Vec<f64>>());
    }
    for d in 0..dims {
        let coordinates = || points.iter().flatten().map(|point| point[d]);
        let (low, high) =
            (coordinates().fold(f64::INFINITY, f64::min), coordinates().fold(f64::NEG_INFINITY, f64::max));
        let width = if high > low { high - low } else { 1.0 };
        for point in points.iter_mut().flatten() {
            point[d] = (point[d] - low) / width;
        }
    }
    let explained = values[..dims].iter().map(|v| if total > 0.0 { v.max(0.0) / total } else { 0.0 }).collect();
    Ok(Embedding { dims, points, explained })
}

/// A symmetric matrix `[n, n]` of a function of two numbers, one row per task.
fn symmetric(n: usize, entry: impl Fn(usize, usize) -> f64 + Sync) -> Vec<f64> {
    let lower: Vec<Vec<f64>> = (0..n).into_par_iter().map(|i| (0..=i).map(|j| entry(i, j)).collect()).collect();
    let at = |place: usize| {
        let (i, j) = (place / n, place % n);
        lower[i.max(j)][i.min(j)]
    };
    (0..n * n).map(at).collect()
}

/// Takes the means of rows and columns off a symmetric matrix.
fn centre(a: &mut [f64], n: usize) {
    let means: Vec<f64> = a.chunks_exact(n).map(|row| row.iter().sum::<f64>() / n as f64).collect();
    let mean = means.iter().sum::<f64>() / n as f64;
    for i in 0..n {
        for j in 0..n {
            a[i * n + j] += mean - means[i] - means[j];
        }
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Distances of correlation ignore scale and offset of a model, and all dimensions together explain all variance.
        #[test]
        fn distances_ignore_scale(
            values in prop::collection::vec(-3.0..3.0, 5 * 7),
            scale in 0.1..9.0,
            offset in -5.0..5.0,
        ) {
            let features = Features::new(values.clone(), 5).unwrap();
            let moved = Features::new(values.iter().map(|v| v * scale + offset).collect(), 5).unwrap();
            for (a, b) in correlation_distances(&features).iter().zip(correlation_distances(&moved)) {
                prop_assert!((a - b).abs() < 1e-9 && (0.0..=2.0).contains(a));
            }
            let embedding = embed(&features, 4).unwrap();
            prop_assert!((embedding.explained.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(embedding.valid_points().iter().all(|x| (-1e-12..=1.0 + 1e-12).contains(x)));
        }
    }

    /// Models that respond alike, whatever their gain, share a point; those that do not respond have none.
    #[test]
    fn alike_and_silent() {
        let rows = [
            [0.0, 1.0, 2.0, 1.0],
            [5.0, 7.0, 9.0, 7.0],
            [3.0, 3.0, 3.0, 3.0],
            [1.0, 0.0, 0.0, 4.0],
            [0.0, 2.0, 0.0, 1.0],
        ];
        let features = Features::new(rows.concat(), 5).unwrap();
        let embedding = embed(&features, 2).unwrap();
        assert_eq!(embedding.valid(), [0, 1, 3, 4]);
        let (a, b) = (embedding.points[0].clone().unwrap(), embedding.points[1].clone().unwrap());
        assert!(a.iter().zip(&b).all(|(x, y)| (x - y).abs() < 1e-9));
        assert!(correlation_distances(&features)[2].is_nan());
        assert!(embed(&features, 4).is_err() && embed(&features, 0).is_err());
    }
}
