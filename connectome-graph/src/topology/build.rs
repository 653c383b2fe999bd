//! Construction and the one validation of topologies.

use connectome_io::{Connectome, Sign};
use rayon::prelude::*;

use super::Topology;
use crate::Error;

/// What to do with a pair of neurons that occurs more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// Adds the weights, in the order in which they are given. The default.
    #[default]
    Sum,
    /// [`Error::Duplicate`].
    Error,
}

/// How the weight of a synapse follows from the tables of a connectome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightRule {
    /// The stored weight, whatever its sign.
    AsStored,
    /// The absolute value of the stored weight.
    Magnitude,
    /// The absolute value times the sign of the synapse.
    SynapseSign(UnknownSign),
    /// The absolute value times the sign of the presynaptic neuron (Dale's law).
    PresynapticSign(UnknownSign),
}

/// What a rule with signs does where the sign is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownSign {
    /// [`Error::UnknownSigns`]. The default.
    #[default]
    Error,
    /// Takes it as excitatory.
    Excitatory,
    /// Takes it as inhibitory.
    Inhibitory,
    /// Leaves the synapse out.
    Omit,
}

impl Topology {
    /// Topology of the synapse table of a connectome, `[n_neurons, n_neurons]`.
    ///
    /// # Errors
    /// [`Error::NoSigns`] or [`Error::UnknownSigns`] if `rule` needs signs that are not there; [`Error::Duplicate`] if
    /// asked for; [`Error::NotFinite`] if a sum overflows.
    pub fn from_connectome(connectome: &Connectome, rule: WeightRule, duplicates: Duplicates) -> Result<Self, Error> {
        let n = connectome.n_neurons();
        let synapses = connectome.synapses();
        let (post, pre, weight) = (synapses.post(), synapses.pre(), synapses.weight());
        match rule {
            WeightRule::AsStored => Self::from_edges(n, n, post, pre, weight, duplicates),
            WeightRule::Magnitude => {
                let magnitude: Vec<f64> = weight.iter().map(|w| w.abs()).collect();
                Self::from_edges(n, n, post, pre, &magnitude, duplicates)
            }
            WeightRule::SynapseSign(unknown) => {
                let signs = synapses.signs().ok_or(Error::NoSigns { of: "synapses" })?;
                Self::from_signed(connectome, |e| signs[e], unknown, duplicates)
            }
            WeightRule::PresynapticSign(unknown) => {
                let signs = connectome.neurons().signs().ok_or(Error::NoSigns { of: "neurons" })?;
                Self::from_signed(connectome, |e| signs[pre[e] as usize], unknown, duplicates)
            }
        }
    }

    fn from_signed(
        connectome: &Connectome,
        sign_of: impl Fn(usize) -> Sign,
        unknown: UnknownSign,
        duplicates: Duplicates,
    ) -> Result<Self, Error> {
        let n = connectome.n_neurons();
        let synapses = connectome.synapses();
        let mut weight = Vec::with_capacity(connectome.n_synapses());
        let mut unsigned = Vec::new();
        for (e, w) in synapses.weight().iter().enumerate() {
            weight.push(match sign_of(e) {
                Sign::Excitatory => w.abs(),
                Sign::Inhibitory => -w.abs(),
                Sign::Unknown => {
                    unsigned.push(e);
                    match unknown {
                        UnknownSign::Inhibitory => -w.abs(),
                        _ => w.abs(),
                    }
                }
            });
        }
        match (unsigned.first(), unknown) {
            (Some(&first), UnknownSign::Error) => Err(Error::UnknownSigns { count: unsigned.len(), first }),
            (Some(_), UnknownSign::Omit) => {
                let known = |e: &usize| sign_of(*e) != Sign::Unknown;
                let kept: Vec<usize> = (0..weight.len()).filter(known).collect();
                let post: Vec<u32> = kept.iter().map(|&e| synapses.post()[e]).collect();
                let pre: Vec<u32> = kept.iter().map(|&e| synapses.pre()[e]).collect();
                let weight: Vec<f64> = kept.iter().map(|&e| weight[e]).collect();
                Self::from_edges(n, n, &post, &pre, &weight, duplicates)
            }
            _ => Self::from_edges(n, n, synapses.post(), synapses.pre(), &weight, duplicates),
        }
    }

    /// Topology from CSR arrays, each row sorted by presynaptic neuron without repetition.
    ///
    /// # Errors
    /// Says which array is wrong and where: [`Error::Length`], [`Error::RowOffset`], [`Error::OutOfRange`],
    /// [`Error::Unsorted`], [`Error::Duplicate`], [`Error::NotFinite`], [`Error::TooMany`].
    pub fn from_csr(
        n_post: usize,
        n_pre: usize,
        row_ptr: Vec<usize>,
        columns: Vec<u32>,
        weights: Vec<f64>,
    ) -> Result<Self, Error> {
        check_size(n_post, n_pre)?;
        check_length("row offsets", n_post + 1, row_ptr.len())?;
        check_length("weights", columns.len(), weights.len())?;
        let nnz = columns.len();
        let mut before = 0;
        for (position, &value) in row_ptr.iter().enumerate() {
            let wrong =
                value < before || value > nnz || (position == 0 && value != 0) || (position == n_post && value != nnz);
            if wrong {
                return Err(Error::RowOffset { position, value, nnz });
            }
            before = value;
        }
        let bad = (0..n_post).into_par_iter().find_map_first(|row| {
            let range = row_ptr[row]..row_ptr[row + 1];
            for position in range.clone() {
                let pre = columns[position];
                if pre as usize >= n_pre {
                    let what = "presynaptic neuron of entry";
                    return Some(Error::OutOfRange { what, position, index: u64::from(pre), size: n_pre });
                }
                if position > range.start && columns[position - 1] == pre {
                    return Some(Error::Duplicate { post: row as u32, pre });
                }
                if position > range.start && columns[position - 1] > pre {
                    return Some(Error::Unsorted { row, position });
                }
            }
            None
        });
        if let Some(error) = bad {
            return Err(error);
        }
        check_finite(&row_ptr, &columns, &weights)?;
        Ok(Self::from_parts(n_post, n_pre, row_ptr, columns, weights))
    }

    /// Topology from a list of synapses in any order: entry `e` leads from `pre[e]` to `post[e]`.
    ///
    /// Sums of duplicates add in list order, so the result does not depend on the number of threads.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::OutOfRange`], [`Error::NotFinite`], [`Error::Duplicate`], [`Error::TooMany`].
    pub fn from_edges(
        n_post: usize,
        n_pre: usize,
        post: &[u32],
        pre: &[u32],
        weight: &[f64],
        duplicates: Duplicates,
    ) -> Result<Self, Error> {
        check_size(n_post, n_pre)?;
        check_length("presynaptic indices", post.len(), pre.len())?;
        check_length("weights", post.len(), weight.len())?;
        check_indices("postsynaptic neuron of synapse", post, n_post)?;
        check_indices("presynaptic neuron of synapse", pre, n_pre)?;

        let limit = u32::MAX as usize;
        if post.len() > limit {
            return Err(Error::TooMany { what: "synapses", count: post.len() as u128, limit: limit as u128 });
        }

        // Bucket by row, then sort each row by column and position in the list, both in one key.
        let mut row_ptr = vec![0usize; n_post + 1];
        for &p in post {
            row_ptr[p as usize + 1] += 1;
        }
        for i in 0..n_post {
            row_ptr[i + 1] += row_ptr[i];
        }
        let mut next = row_ptr.clone();
        let mut keys = vec![0u64; post.len()];
        for (e, (&p, &q)) in post.iter().zip(pre).enumerate() {
            let place = next[p as usize];
            keys[place] = (u64::from(q) << 32) | e as u64;
            next[p as usize] = place + 1;
        }
        let column = |key: u64| (key >> 32) as u32;
        let weight_of = |key: u64| weight[(key & 0xFFFF_FFFF) as usize];
        rows_of(&row_ptr, &mut keys).into_par_iter().for_each(<[u64]>::sort_unstable);
        let repeated = (0..n_post).into_par_iter().find_map_first(|row| {
            let keys = &keys[row_ptr[row]..row_ptr[row + 1]];
            let pair = keys.windows(2).find(|pair| column(pair[0]) == column(pair[1]))?;
            Some(Error::Duplicate { post: row as u32, pre: column(pair[0]) })
        });
        let (columns, weights) = match repeated {
            Some(error) if duplicates == Duplicates::Error => return Err(error),
            Some(_) => {
                let (mut columns, mut weights) = (Vec::new(), Vec::new());
                let mut start = 0;
                for row in 0..n_post {
                    let end = row_ptr[row + 1];
                    row_ptr[row] = columns.len();
                    for same in keys[start..end].chunk_by(|&a, &b| column(a) == column(b)) {
                        columns.push(column(same[0]));
                        weights.push(same.iter().map(|&key| weight_of(key)).sum());
                    }
                    start = end;
                }
                row_ptr[n_post] = columns.len();
                (columns, weights)
            }
            None => (
                keys.par_iter().map(|&key| column(key)).collect(),
                keys.par_iter().map(|&key| weight_of(key)).collect(),
            ),
        };
        check_finite(&row_ptr, &columns, &weights)?;
        Ok(Self::from_parts(n_post, n_pre, row_ptr, columns, weights))
    }
}

/// The rows of an array as separate slices.
fn rows_of<'a, T>(row_ptr: &[usize], mut entries: &'a mut [T]) -> Vec<&'a mut [T]> {
    let mut rows = Vec::with_capacity(row_ptr.len() - 1);
    for bounds in row_ptr.windows(2) {
        let (row, rest) = entries.split_at_mut(bounds[1] - bounds[0]);
        rows.push(row);
        entries = rest;
    }
    rows
}

/// Neuron numbers are `u32`, one value is kept free.
pub(super) fn check_size(n_post: usize, n_pre: usize) -> Result<(), Error> {
    let limit = u32::MAX as usize;
    for (what, n) in [("postsynaptic neurons", n_post), ("presynaptic neurons", n_pre)] {
        if n > limit {
            return Err(Error::TooMany { what, count: n as u128, limit: limit as u128 });
        }
    }
    Ok(())
}

pub(super) fn check_finite(row_ptr: &[usize], columns: &[u32], weights: &[f64]) -> Result<(), Error> {
    check_length("weights", columns.len(), weights.len())?;
    match weights.iter().position(|w| !w.is_finite()) {
        None => Ok(()),
        Some(entry) => {
            let post = row_ptr.partition_point(|&start| start <= entry) - 1;
            Err(Error::NotFinite { post: post as u32, pre: columns[entry], value: weights[entry] })
        }
    }
}

fn check_length(what: &'static str, expected: usize, got: usize) -> Result<(), Error> {
    if expected == got { Ok(()) } else { Err(Error::Length { what, expected, got }) }
}

fn check_indices(what: &'static str, indices: &[u32], size: usize) -> Result<(), Error> {
    match indices.iter().position(|&i| i as usize >= size) {
        None => Ok(()),
        Some(position) => Err(Error::OutOfRange { what, position, index: u64::from(indices[position]), size }),
    }
}
