//! Wiring between groups of neurons: type by type, area by area.

use connectome_io::Labels;
use rayon::prelude::*;

use crate::{Error, Topology};

/// What a cell of the group matrix says about the synapses from a presynaptic to a postsynaptic group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Summed weight.
    Sum,
    /// Number of connected pairs of neurons.
    Count,
    /// Summed weight per neuron of the postsynaptic group.
    MeanPerPost,
    /// Summed absolute weight as a fraction of the absolute weight of all inputs of the postsynaptic group.
    InputFraction,
}

/// A group-by-group matrix, itself a [`Topology`] `[post groups, pre groups]`: all measures and algorithms of
/// topologies apply, [`Topology::sub_matrix`] gives it dense. Pairs of groups without a synapse have no entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Names of the rows.
    pub post_names: Vec<String>,
    /// Names of the columns.
    pub pre_names: Vec<String>,
    /// The values.
    pub matrix: Topology,
}

/// Aggregates a network over one grouping of its neurons.
///
/// # Errors
/// See [`aggregate_between`].
pub fn aggregate(topology: &Topology, labels: &Labels, measure: Measure) -> Result<Aggregate, Error> {
    aggregate_between(topology, labels, labels, measure)
}

/// Aggregates synapses over groups of postsynaptic and groups of presynaptic neurons.
///
/// Names without neurons keep their row or column. Sums run in order of rows and columns, whatever the number of
/// threads. Linear in synapses and neurons.
///
/// # Errors
/// [`Error::Length`] unless there is one label per neuron; [`Error::NotFinite`] if a sum overflows.
pub fn aggregate_between(
    topology: &Topology,
    post: &Labels,
    pre: &Labels,
    measure: Measure,
) -> Result<Aggregate, Error> {
    for (what, labels, n) in
        [("postsynaptic labels", post, topology.n_post()), ("presynaptic labels", pre, topology.n_pre())]
    {
        if labels.codes().len() != n {
            return Err(Error::Length { what, expected: n, got: labels.codes().len() });
        }
    }
    let mut members = vec![Vec::new(); post.names().len()];
    for (neuron, &group) in post.codes().iter().enumerate() {
        members[group as usize].push(neuron);
    }
    let n_pre = pre.names().len();
    let rows: Vec<Vec<(u32, f64)>> = members
        .par_iter()
        .map_init(
            || (vec![0f64; n_pre], vec![false; n_pre]),
            |(sum, seen), neurons| group_row(topology, pre.codes(), measure, neurons, sum, seen),
        )
        .collect();
    for (group, row) in rows.iter().enumerate() {
        if let Some(&(pre, value)) = row.iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::NotFinite { post: group as u32, pre, value });
        }
    }
    Ok(Aggregate {
        post_names: post.names().to_vec(),
        pre_names: pre.names().to_vec(),
        matrix: Topology::from_rows(n_pre, &rows),
    })
}

/// One row of the group matrix. `sum` and `seen` are scratch space: all 0 and false before and after.
fn group_row(
    topology: &Topology,
    pre_group: &[u32],
    measure: Measure,
    neurons: &[usize],
    sum: &mut [f64],
    seen: &mut [bool],
) -> Vec<(u32, f64)> {
    let mut groups = Vec::new();
    for &neuron in neurons {
        let (columns, weights) = topology.row(neuron);
        for (&column, &weight) in columns.iter().zip(weights) {
            let group = pre_group[column as usize];
            if !std::mem::replace(&mut seen[group as usize], true) {
                groups.push(group);
            }
            sum[group as usize] += match measure {
                Measure::Sum | Measure::MeanPerPost => weight,
                Measure::Count => 1.0,
                Measure::InputFraction => weight.abs(),
            };
        }
    }
    groups.sort_unstable();
    let norm = match measure {
        Measure::Sum | Measure::Count => 1.0,
        Measure::MeanPerPost => neurons.len() as f64,
        Measure::InputFraction => match groups.iter().map(|&g| sum[g as usize]).sum() {
            0.0 => 1.0,
            total => total,
        },
    };
    let take = |group: u32| {
        seen[group as usize] = false;
        (group, std::mem::take(&mut sum[group as usize]) / norm)
    };
    groups.into_iter().map(take).collect()
}
