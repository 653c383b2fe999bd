//! Numbers of clusters.

use super::super::ensemble::quantile;
use crate::Error;

/// What stands for the task error of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorSummary {
    /// The mean of its models. The default.
    #[default]
    Mean,
    /// The median.
    Median,
    /// That of the best model.
    Min,
}

impl ErrorSummary {
    fn of(self, errors: &[f64]) -> f64 {
        match self {
            Self::Mean => errors.iter().sum::<f64>() / errors.len() as f64,
            Self::Median => quantile(errors, 0.5),
            Self::Min => errors.iter().copied().fold(f64::NAN, f64::min),
        }
    }
}

/// Numbers clusters anew by the task error of their models: 0 is the best. Models without a cluster, `None`, stay so.
///
/// Both lists are `[models]`.
///
/// # Errors
/// [`Error::Shape`] if the lists differ in length; [`Error::Setting`] if a model of a cluster has no finite error.
pub fn sort_by_error(
    labels: &[Option<usize>],
    task_error: &[f64],
    summary: ErrorSummary,
) -> Result<Vec<Option<usize>>, Error> {
    if labels.len() != task_error.len() {
        return Err(Error::shape(
            "task errors",
            format!("{} numbers", task_error.len()),
            format!("[{}]", labels.len()),
        ));
    }
    if let Some(model) = (0..labels.len()).find(|&m| labels[m].is_some() && !task_error[m].is_finite()) {
        return Err(Error::setting("task error", format!("that of model {model} is {}", task_error[model])));
    }
    let mut clusters: Vec<usize> = labels.iter().flatten().copied().collect();
    clusters.sort_unstable();
    clusters.dedup();
    let error = |cluster: usize| {
        let own = labels.iter().zip(task_error).filter(|(label, _)| **label == Some(cluster));
        summary.of(&own.map(|(_, error)| *error).collect::<Vec<_>>())
    };
    let mut ranked: Vec<(usize, f64)> = clusters.into_iter().map(|cluster| (cluster, error(cluster))).collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
    let rank = |cluster: usize| ranked.iter().position(|(c, _)| *c == cluster);
    Ok(labels.iter().map(|label| label.and_then(rank)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of errors decides, not the numbers that clusters had.
    #[test]
    fn best_is_zero() {
        let labels = [Some(7), None, Some(3), Some(3), Some(0)];
        let errors = [1.0, f64::NAN, 0.5, 5.0, 2.0];
        let sorted = |summary| sort_by_error(&labels, &errors, summary).unwrap();
        assert_eq!(sorted(ErrorSummary::Mean), [Some(0), None, Some(2), Some(2), Some(1)]);
        assert_eq!(sorted(ErrorSummary::Median), [Some(0), None, Some(2), Some(2), Some(1)]);
        assert_eq!(sorted(ErrorSummary::Min), [Some(1), None, Some(0), Some(0), Some(2)]);
        assert!(sort_by_error(&labels, &errors[1..], ErrorSummary::Mean).is_err());
        assert!(sort_by_error(&[Some(0)], &[f64::NAN], ErrorSummary::Mean).is_err());
    }
}
