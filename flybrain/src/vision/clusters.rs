//! Models that found the same solution for a cell type.

use fly_vision::measure::cluster::{ClusterOptions, Features, cluster_models};
use fly_vision::measure::{self, Responses, known};
use serde::Serialize;

use super::edges::EdgeResults;
use super::population::{Model, Population};
use crate::Error;
use crate::report::Table;

/// Models that respond, for each cluster that is tried. A cluster in a plane has six numbers; with fewer models than that on average the
/// most clusters always fit best.
const EACH: usize = 6;

/// Models whose cells of a subtype respond alike to all edges of the contrast that it prefers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cluster {
    /// The subtype of T4 or T5.
    pub cell_type: String,
    /// The models. Clusters with the least task error come first; of files it is not known, and those named first do.
    pub models: Vec<String>,
    /// Preferred direction of the cluster: that of the sum of its models' directions, each as long as its selectivity; degrees.
    pub direction: f64,
    /// Median of the direction selectivity index.
    pub dsi: f64,
}

/// Responses of T4 and T5 cells, model by model.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// By subtype: name, and numbers `[models, features]`.
    subtypes: Vec<(String, Vec<f64>)>,
}

impl Traces {
    /// Takes the responses of the next model.
    pub(super) fn add(&mut self, responses: &Responses) -> Result<(), Error> {
        let intensities = responses.conditions().column("intensity")?;
        for (cell, name) in responses.cells().iter().enumerate() {
            let Some(contrast) = known::preferred_contrast(name).filter(|_| known::preferred_direction(name).is_some())
            else {
                continue;
            };
            let at = self.subtypes.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                self.subtypes.push((name.clone(), Vec::new()));
                self.subtypes.len() - 1
            });
            for sample in (0..responses.samples()).filter(|&s| intensities[s] == contrast.intensity()) {
                self.subtypes[at].1.extend(responses.trace(0, sample, cell).filter(|v| !v.is_nan()));
            }
        }
        Ok(())
    }

    /// Clusters of each subtype, those with the least task error first; none where too few models respond for two of them.
    pub(super) fn clusters(self, population: &Population, results: &EdgeResults) -> Result<Vec<Cluster>, Error> {
        let n = results.models.len();
        // published models are numbered by task error; of others it is not known
        let error = |(at, model): (usize, &Model)| match model {
            Model::Published(number) => *number as f64,
            Model::File(_) => at as f64,
        };
        let errors: Vec<f64> = population.models().iter().enumerate().map(error).collect();
        let mut all = Vec::new();
        for (name, values) in self.subtypes {
            let features = Features::new(values, n)?;
            let mut options = ClusterOptions::default();
            options.components.retain(|clusters| clusters * EACH <= features.varying());
            if options.components.is_empty() {
                continue;
            }
            let light = usize::from(known::preferred_contrast(&name).is_some_and(|c| c.intensity() > 0.5));
            let cell = results.types.iter().position(|t| *t == name).unwrap_or_default();
            let clusters = cluster_models(&features, &errors, &options)?;
            for cluster in 0..clusters.count() {
                let members = clusters.members(cluster);
                let dsi: Vec<f64> = members.iter().map(|&m| results.dsi[light][m][cell]).collect();
                let vector = members.iter().zip(&dsi).fold([0.0; 2], |[x, y], (&m, length)| {
                    let (sin, cos) = results.direction[light][m][cell].to_radians().sin_cos();
                    [x + length * cos, y + length * sin]
                });
                all.push(Cluster {
                    cell_type: name.clone(),
                    models: members.iter().map(|&m| results.models[m].clone()).collect(),
                    direction: vector[1].atan2(vector[0]).to_degrees(),
                    dsi: measure::quantile(&dsi, 0.5),
                });
            }
        }
        Ok(all)
    }
}

/// Clusters as a table of a report.
pub(super) fn table(population: &Population, clusters: &[Cluster]) -> Table {
    let columns = ["type", "models", "preferred direction", "median DSI", "which"];
    let published = population.models().iter().all(|model| matches!(model, Model::Published(_)));
    let first = if published { "the least task error" } else { "the models that were named first" };
    let caption = format!("Clusters of models by their responses, {first} first");
    clusters.iter().fold(Table::new(&caption, &columns), |table, c| {
        table.row(&[
            c.cell_type.clone(),
            c.models.len().to_string(),
            format!("{:.0}°", c.direction.rem_euclid(360.0)),
            format!("{:.2}", c.dsi),
            c.models.join(" "),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A type that is silenced has no clusters; others do.
    #[test]
    fn who_does_not_respond_is_not_clustered() {
        let models = 12;
        let wave =
            |m: usize, t: usize| (t as f64 + if m.is_multiple_of(2) { 0.0 } else { 2.0 } + 0.01 * m as f64).sin();
        let varied: Vec<f64> = (0..models).flat_map(|m| (0..40).map(move |t| wave(m, t))).collect();
        let few = varied.iter().enumerate().map(|(i, x)| if i < 2 * 40 { *x } else { 0.0 }).collect();
        let subtypes = vec![("T4a".into(), vec![0.0; models * 40]), ("T4b".into(), varied), ("T5a".into(), few)];
        let types = ["T4a", "T4b", "T5a"].map(String::from).to_vec();
        let table = || [(); 2].map(|()| vec![vec![0.5; types.len()]; models]);
        let results = EdgeResults {
            models: (0..models).map(|m| m.to_string()).collect(),
            dsi: table(),
            direction: table(),
            types,
            subtypes: Vec::new(),
            correlation: Vec::new(),
            clusters: Vec::new(),
        };
        let clusters = Traces { subtypes }.clusters(&Population::published(0..models), &results).unwrap();
        // the two that there are: twelve models are too few to look for more
        assert_eq!(
            clusters.iter().map(|c| (c.cell_type.as_str(), c.models.len())).collect::<Vec<_>>(),
            [("T4b", 6); 2]
        );
    }
}
