//! Groups of models that found the same solution.
//!
//! For each cell type, models are points: their [responses](Features) by distance of correlation, laid out in few
//! dimensions ([`embed`]). [Mixtures of Gaussians](Mixture) with different numbers of components are fitted to them,
//! the [best](select_mixture) by its information criterion is kept, and its clusters are numbered by the task error of
//! their models ([`sort_by_error`]). [`cluster_models`] does all of it.

mod embedding;
mod features;
mod kmeans;
mod labels;
mod linear;
mod mixture;
mod models;

pub use embedding::{Embedding, correlation_distances, embed};
pub use features::Features;
pub use labels::{ErrorSummary, sort_by_error};
pub use mixture::{Criterion, Mixture, MixtureOptions, Selection, select_mixture};
pub use models::{ClusterOptions, Clusters, cluster_models};
