//! A measured network among its null models.

use std::ops::Range;

use rayon::prelude::*;

use super::NullModel;
use crate::{Error, Topology};

/// A measure of a network and of random networks.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The measure of the network itself.
    pub observed: f64,
    /// The measure of each random network, in order of seeds.
    pub nulls: Vec<f64>,
}

/// Draws one random network per seed and measures each, several at a time.
///
/// # Errors
/// Those of the null model.
pub fn compare(
    network: &Topology,
    model: &dyn NullModel,
    seeds: Range<u64>,
    measure: impl Fn(&Topology) -> f64 + Sync,
) -> Result<Comparison, Error> {
    let nulls = seeds
        .into_par_iter()
        .map(|seed| model.topology(network, seed).map(|null| measure(&null)))
        .collect::<Result<Vec<f64>, Error>>()?;
    Ok(Comparison { observed: measure(network), nulls })
}

impl Comparison {
    /// Mean of the random networks; NaN if there are none.
    pub fn mean(&self) -> f64 {
        self.nulls.iter().sum::<f64>() / self.nulls.len() as f64
    }

    /// Standard deviation of the random networks, with `n - 1` in the denominator; NaN for fewer than two.
    pub fn standard_deviation(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.nulls.iter().map(|x| (x - mean).powi(2)).sum();
        (squares / (self.nulls.len() as f64 - 1.0)).sqrt()
    }

    /// Standard deviations by which the network lies above the mean of the random ones.
    pub fn z_score(&self) -> f64 {
        (self.observed - self.mean()) / self.standard_deviation()
    }

    /// Two-sided Monte Carlo p-value: twice the smaller of the fractions `(1 + count) / (1 + nulls)` of random networks
    /// at least as high and at least as low, at most 1. It is never 0: 20 networks give no less than 2/21. NaN if one of the
    /// numbers is.
    ///
    /// Source: North, Curtis & Sham, *Am. J. Hum. Genet.* 71 (2002) 439, doi 10.1086/341527.
    pub fn p_value(&self) -> f64 {
        let fraction = |count: usize| (1 + count) as f64 / (1 + self.nulls.len()) as f64;
        if self.observed.is_nan() || self.nulls.iter().any(|x| x.is_nan()) {
            return f64::NAN;
        }
        let high = self.nulls.iter().filter(|&&x| x >= self.observed).count();
        let low = self.nulls.iter().filter(|&&x| x <= self.observed).count();
        (2.0 * fraction(high.min(low))).min(1.0)
    }
}

/// Fraction of the pairs of neurons connected in `network` that are connected in `other` too; 0 without synapses. Between
/// a network and an Erdős-Rényi network it is near the density.
///
/// # Panics
/// If the shapes differ.
pub fn overlap(network: &Topology, other: &Topology) -> f64 {
    let shape = |t: &Topology| [t.n_post(), t.n_pre()];
    assert!(shape(network) == shape(other), "overlap of {:?} and {:?}", shape(network), shape(other));
    if network.nnz() == 0 {
        return 0.0;
    }
    let shared: usize = (0..network.n_post())
        .into_par_iter()
        .map(|post| {
            let (columns, others) = (network.row(post).0, other.row(post).0);
            columns.iter().filter(|pre| others.binary_search(pre).is_ok()).count()
        })
        .sum();
    shared as f64 / network.nnz() as f64
}
