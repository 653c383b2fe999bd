//! Several measures of a network at once against those of its null models.

use std::ops::Range;

use rayon::prelude::*;

use super::{Triad, triad_census};
use crate::null::Comparison;
use crate::{Error, Topology};

/// Makes one null per seed, takes all measures of each, and compares measure by measure with the network.
///
/// Works on several nulls at a time and keeps their measures only. The result does not depend on the number of threads.
/// For a single number and a [`crate::null::NullModel`] there is [`crate::null::compare`].
///
/// # Errors
/// Those of `null`; [`Error::Length`] if `measures` gives more or fewer values for a null than for the network.
pub fn against_nulls(
    network: &Topology,
    seeds: Range<u64>,
    null: impl Fn(u64) -> Result<Topology, Error> + Sync,
    measures: impl Fn(&Topology) -> Vec<f64> + Sync,
) -> Result<Vec<Comparison>, Error> {
    let observed = measures(network);
    let nulls = seeds
        .into_par_iter()
        .map(|seed| null(seed).map(|null| measures(&null)))
        .collect::<Result<Vec<Vec<f64>>, Error>>()?;
    if let Some(wrong) = nulls.iter().find(|values| values.len() != observed.len()) {
        return Err(Error::Length { what: "list of measures of a null", expected: observed.len(), got: wrong.len() });
    }
    let compared = |(k, observed)| Comparison { observed, nulls: nulls.iter().map(|values| values[k]).collect() };
    Ok(observed.into_iter().enumerate().map(compared).collect())
}

/// Compares the 13 connected classes of [`triad_census`] with those of one null per seed, in the order of
/// [`Triad::connected`].
///
/// # Errors
/// Those of `null`.
///
/// # Panics
/// If a topology is not square.
pub fn triads_against_nulls(
    network: &Topology,
    seeds: Range<u64>,
    null: impl Fn(u64) -> Result<Topology, Error> + Sync,
) -> Result<Vec<(Triad, Comparison)>, Error> {
    let measures = |topology: &Topology| {
        let census = triad_census(topology);
        Triad::connected().iter().map(|&class| census.count(class) as f64).collect()
    };
    let comparisons = against_nulls(network, seeds, null, measures)?;
    Ok(Triad::connected().iter().copied().zip(comparisons).collect())
}
