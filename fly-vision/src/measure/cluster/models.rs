//! From responses to clusters of models.

use super::mixture::{Criterion, Mixture, MixtureOptions, select_mixture};
use super::{Embedding, ErrorSummary, Features, embed, sort_by_error};
use crate::Error;

/// How models are clustered.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterOptions {
    /// Dimensions in which models are laid out. Default 2.
    pub dims: usize,
    /// Numbers of clusters that are tried. Default 2 to 5.
    pub components: Vec<usize>,
    /// What tells the better number. Default [`Criterion::Bic`].
    pub criterion: Criterion,
    /// How mixtures are fitted.
    pub mixture: MixtureOptions,
    /// By what clusters are numbered. Default [`ErrorSummary::Mean`].
    pub order: ErrorSummary,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            dims: 2,
            components: vec![2, 3, 4, 5],
            criterion: Criterion::Bic,
            mixture: MixtureOptions::default(),
            order: ErrorSummary::Mean,
        }
    }
}

/// Clusters of models.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Clusters {
    /// Where models lie.
    pub embedding: Embedding,
    /// Cluster of each model, `[models]`, 0 the one with the smallest task error; `None` for models whose responses do
    /// not vary.
    pub labels: Vec<Option<usize>>,
    /// The mixture; its components are not numbered like the clusters.
    pub mixture: Mixture,
    /// Numbers of clusters that were tried, with their criterion.
    pub tried: Vec<(usize, f64)>,
}

impl Clusters {
    /// Number of clusters that have a model.
    pub fn count(&self) -> usize {
        self.labels.iter().flatten().max().map_or(0, |largest| largest + 1)
    }

    /// The models of a cluster.
    pub fn members(&self, cluster: usize) -> Vec<usize> {
        (0..self.labels.len()).filter(|&model| self.labels[model] == Some(cluster)).collect()
    }
}

/// Groups models by their responses: lays them out, fits mixtures, numbers clusters by task error, `[models]`.
///
/// The layout is [`embed`]'s, linear and without chance.
///
/// # Errors
/// See [`embed`], [`select_mixture`] and [`sort_by_error`].
pub fn cluster_models(features: &Features, task_error: &[f64], options: &ClusterOptions) -> Result<Clusters, Error> {
    let embedding = embed(features, options.dims)?;
    let points = embedding.valid_points();
    let selection = select_mixture(&points, options.dims, &options.components, options.criterion, &options.mixture)?;
    let mut labels = vec![None; features.models()];
    for (model, label) in embedding.valid().into_iter().zip(selection.mixture.labels(&points)) {
        labels[model] = Some(label);
    }
    let labels = sort_by_error(&labels, task_error, options.order)?;
    Ok(Clusters { embedding, labels, mixture: selection.mixture, tried: selection.tried })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three kinds of responses, with some noise and any gain, become three clusters in order of their errors.
    #[test]
    fn planted_solutions_are_found() {
        let wave = |kind: usize, t: f64| match kind {
            0 => (0.1 * t).sin(),
            1 => (0.1 * t).cos(),
            _ => -(0.1 * t).sin() - (0.1 * t).cos(),
        };
        let noise = |i: usize| ((i * 7919 + 13) % 1009) as f64 / 1009.0 - 0.5;
        let models = 31;
        let values = (0..models).flat_map(|m| {
            (0..200).map(move |t| {
                let gain = 1.0 + m as f64;
                if m == 30 { 0.5 } else { gain * (wave(m % 3, t as f64) + 0.4 * noise(m * 200 + t) + 3.0) }
            })
        });
        let features = Features::new(values.collect(), models).unwrap();
        let errors: Vec<f64> = (0..models).map(|m| [5.2, 5.0, 5.1][m % 3] + 0.001 * m as f64).collect();
        let clusters = cluster_models(&features, &errors, &ClusterOptions::default()).unwrap();
        assert_eq!(clusters.count(), 3);
        for m in 0..30 {
            assert_eq!(clusters.labels[m], Some([2, 0, 1][m % 3]), "model {m}");
        }
        assert_eq!(clusters.labels[30], None);
        assert_eq!(clusters.members(0).len(), 10);
        assert!(clusters.embedding.explained[0] >= clusters.embedding.explained[1]);
    }
}
