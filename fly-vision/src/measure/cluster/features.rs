//! Responses of a cell as points, one per model.

use crate::Error;
use crate::measure::Responses;

/// A row of numbers per model, `[models, features]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    values: Vec<f64>,
    models: usize,
}

impl Features {
    /// Of numbers `[models, features]`, row-major.
    ///
    /// # Errors
    /// [`Error::Shape`] if they are not whole rows or there are none; [`Error::Setting`] if one is not finite.
    pub fn new(values: Vec<f64>, models: usize) -> Result<Self, Error> {
        if values.is_empty() || models == 0 || !values.len().is_multiple_of(models) {
            return Err(Error::shape(
                "features",
                format!("{} numbers", values.len()),
                format!("[{models}, features], neither of them 0"),
            ));
        }
        if let Some(at) = values.iter().position(|x| !x.is_finite()) {
            let count = values.len() / models;
            return Err(Error::setting(
                "features",
                format!("model {} has {} at {}", at / count, values[at], at % count),
            ));
        }
        Ok(Self { values, models })
    }

    /// Responses of a cell, samples and frames one after the other. Those that are NaN in a model are left out in all.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such cell; [`Error::Setting`] if nothing is left, or a response is infinite.
    pub fn of_cell<T: Copy + Into<f64>>(responses: &Responses<T>, cell: &str) -> Result<Self, Error> {
        let cell = responses.cell(cell)?;
        let rows: Vec<Vec<f64>> = (0..responses.models())
            .map(|model| (0..responses.samples()).flat_map(|s| responses.trace(model, s, cell)).collect())
            .collect();
        let kept: Vec<usize> = (0..rows[0].len()).filter(|&i| rows.iter().all(|row| !row[i].is_nan())).collect();
        if kept.is_empty() {
            return Err(Error::setting("features", "every response is NaN in some model; leave that model out"));
        }
        Self::new(rows.iter().flat_map(|row| kept.iter().map(|&i| row[i])).collect(), rows.len())
    }

    /// Number of models.
    pub fn models(&self) -> usize {
        self.models
    }

    /// The numbers of a model, `[features]`.
    ///
    /// # Panics
    /// If there is no such model.
    pub fn row(&self, model: usize) -> &[f64] {
        assert!(model < self.models, "model {model} of {}", self.models);
        let count = self.values.len() / self.models;
        &self.values[model * count..][..count]
    }

    /// Number of models whose responses vary, which alone can be laid out.
    pub fn varying(&self) -> usize {
        self.standardised().iter().flatten().count()
    }

    /// Each row less its mean, divided by its length; `None` for rows that do not vary (standard deviation up to 1e-8).
    pub(super) fn standardised(&self) -> Vec<Option<Vec<f64>>> {
        let standardise = |model: usize| {
            let row = self.row(model);
            let n = row.len() as f64;
            let mean = row.iter().sum::<f64>() / n;
            let length = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>().sqrt();
            (length / n.sqrt() > 1e-8).then(|| row.iter().map(|x| (x - mean) / length).collect())
        };
        (0..self.models).map(standardise).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conditions;

    #[test]
    fn gaps_are_left_out_in_all_models() {
        let values = vec![1.0, 2.0, f64::NAN, 4.0, 5.0, 6.0, 7.0, f64::NAN];
        let samples = Conditions::product(&[("clip", &[0.0, 1.0])]);
        let responses = Responses::new(values, 2, vec![0.0, 1.0], samples, vec!["T3".into()]).unwrap();
        let features = Features::of_cell(&responses, "T3").unwrap();
        assert_eq!((features.row(0), features.row(1)), (&[1.0, 2.0][..], &[5.0, 6.0][..]));
        assert_eq!(features.varying(), 2);
        assert_eq!(Features::new(vec![1.0, 2.0, 3.0, 3.0], 2).unwrap().varying(), 1);
        assert!(Features::of_cell(&responses, "T2").is_err());
        assert!(Features::new(vec![0.0; 3], 2).is_err());
        assert!(Features::new(vec![f64::INFINITY; 2], 2).is_err());
    }
}
