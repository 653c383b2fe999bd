//! Neurons of a few types whose connection probability depends on the types: a stochastic block model.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::{Duplicates, Error, Topology};

/// How neurons get their types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TypeAssignment {
    /// Counts as near to the probabilities as whole numbers can be (largest remainder), in random order. The default.
    #[default]
    Exact,
    /// Each neuron draws its type.
    Drawn,
}

/// A connectome of cell types.
#[derive(Debug, Clone, PartialEq)]
pub struct ByType {
    /// Probability of each type, `[types]`, summing to 1.
    pub type_probability: Vec<f64>,
    /// Probability that a neuron of type `i` receives a synapse from one of type `j`, row-major `[types, types]`,
    /// row = postsynaptic.
    pub connection_probability: Vec<f64>,
    /// How neurons get their types.
    pub assignment: TypeAssignment,
}

/// A generated connectome and the types of its neurons.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedConnectome {
    /// All weights are 1.
    pub topology: Topology,
    /// Type of each neuron.
    pub types: Vec<u32>,
}

impl ByType {
    /// The connectome of `n` neurons and a seed (`ChaCha8`). Any two neurons, also a neuron and itself, are connected
    /// independently of all others. Takes time in proportion to synapses and neurons, not to pairs of neurons.
    ///
    /// # Errors
    /// [`Error::Parameter`] for probabilities outside 0..=1 or types that do not sum to 1, [`Error::Length`] for the
    /// wrong number of them, [`Error::TooMany`] neurons or expected synapses.
    pub fn generate(&self, n: usize, seed: u64) -> Result<TypedConnectome, Error> {
        self.check()?;
        if n > u32::MAX as usize {
            return Err(Error::TooMany { what: "neurons", count: n as u128, limit: u128::from(u32::MAX) });
        }
        let types = self.assign(n, &mut ChaCha8Rng::seed_from_u64(seed));
        let k = self.type_probability.len();
        let mut members = vec![Vec::new(); k];
        for (neuron, &t) in types.iter().enumerate() {
            members[t as usize].push(neuron as u32);
        }
        let expected = |block: usize| {
            self.connection_probability[block] * members[block / k].len() as f64 * members[block % k].len() as f64
        };
        check_synapses((0..k * k).map(expected).sum())?;
        let blocks: Vec<Vec<(u32, u32)>> = (0..k * k)
            .into_par_iter()
            .map(|block| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(block as u64 + 1); // stream 0 drew the types
                bernoulli_pairs(&members[block / k], &members[block % k], self.connection_probability[block], &mut rng)
            })
            .collect();
        let post: Vec<u32> = blocks.iter().flatten().map(|&(post, _)| post).collect();
        let pre: Vec<u32> = blocks.iter().flatten().map(|&(_, pre)| pre).collect();
        let topology = Topology::from_edges(n, n, &post, &pre, &vec![1.0; post.len()], Duplicates::Error)?;
        Ok(TypedConnectome { topology, types })
    }

    /// The connectome of given types and one uniform number in `[0, 1)` per pair of neurons, row-major `[n, n]`:
    /// neuron `j` connects to `i` where the number is below the probability.
    ///
    /// # Errors
    /// As for [`ByType::generate`]; [`Error::OutOfRange`] for a type that does not exist.
    pub fn from_uniforms(&self, types: &[u32], uniforms: &[f64]) -> Result<Topology, Error> {
        self.check()?;
        let (n, k) = (types.len(), self.type_probability.len());
        if n.checked_mul(n) != Some(uniforms.len()) {
            return Err(Error::Length { what: "uniform numbers", expected: n.saturating_mul(n), got: uniforms.len() });
        }
        if let Some(position) = types.iter().position(|&t| t as usize >= k) {
            return Err(Error::OutOfRange {
                what: "type of neuron",
                position,
                index: u64::from(types[position]),
                size: k,
            });
        }
        let connected = |i: usize, j: usize| {
            uniforms[i * n + j] < self.connection_probability[types[i] as usize * k + types[j] as usize]
        };
        let rows: Vec<Vec<(u32, f64)>> = (0..n)
            .into_par_iter()
            .map(|i| (0..n).filter(|&j| connected(i, j)).map(|j| (j as u32, 1.0)).collect())
            .collect();
        Ok(Topology::from_rows(n, &rows))
    }

    fn assign(&self, n: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
        match self.assignment {
            TypeAssignment::Exact => {
                let counts = largest_remainder(&self.type_probability, n);
                let mut types: Vec<u32> =
                    counts.iter().enumerate().flat_map(|(t, &count)| std::iter::repeat_n(t as u32, count)).collect();
                for i in (1..types.len()).rev() {
                    types.swap(i, rng.random_range(0..=i));
                }
                types
            }
            TypeAssignment::Drawn => {
                let last = self.type_probability.iter().rposition(|&p| p > 0.0).unwrap_or(0);
                (0..n)
                    .map(|_| {
                        let mut rest: f64 = rng.random();
                        let below = |p: &f64| {
                            rest -= p;
                            rest < 0.0
                        };
                        // rounding of the sum may leave a remainder: it belongs to the last possible type
                        self.type_probability.iter().position(below).unwrap_or(last) as u32
                    })
                    .collect()
            }
        }
    }

    fn check(&self) -> Result<(), Error> {
        let k = self.type_probability.len();
        if k * k != self.connection_probability.len() {
            let got = self.connection_probability.len();
            return Err(Error::Length { what: "connection probabilities", expected: k * k, got });
        }
        for (what, values) in [
            ("probability of a type", &self.type_probability),
            ("connection probability", &self.connection_probability),
        ] {
            if let Some(&value) = values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
                return Err(Error::Parameter { what, value, wanted: "it must lie between 0 and 1" });
            }
        }
        let value: f64 = self.type_probability.iter().sum();
        if (value - 1.0).abs() > 1e-8 {
            return Err(Error::Parameter { what: "sum of the probabilities of types", value, wanted: "it must be 1" });
        }
        Ok(())
    }
}

/// Whole numbers in proportion to `shares` (which sum to 1) that sum to `n`; of equal remainders the first ones win.
fn largest_remainder(shares: &[f64], n: usize) -> Vec<usize> {
    let exact: Vec<f64> = shares.iter().map(|p| p * n as f64).collect();
    let mut counts: Vec<usize> = exact.iter().map(|&x| x as usize).collect();
    let mut order: Vec<usize> = (0..shares.len()).filter(|&t| shares[t] > 0.0).collect();
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    let missing = n.saturating_sub(counts.iter().sum());
    for &t in order.iter().cycle().take(missing) {
        counts[t] += 1;
    }
    // shares may sum to a little more than 1
    while counts.iter().sum::<usize>() > n {
        if let Some(most) = counts.iter_mut().max() {
            *most -= 1;
        }
    }
    counts
}

/// Refuses more synapses than 32-bit indices hold, before they are drawn.
pub(crate) fn check_synapses(expected: f64) -> Result<(), Error> {
    let limit = u128::from(u32::MAX);
    if expected > limit as f64 {
        return Err(Error::TooMany { what: "synapses", count: expected as u128, limit });
    }
    Ok(())
}

/// Each pair with probability `p`, by geometric jumps from one connected pair to the next.
///
/// Source: Batagelj & Brandes, *Phys. Rev. E* 71 (2005) 036113, algorithm 1.
pub(crate) fn bernoulli_pairs(post: &[u32], pre: &[u32], p: f64, rng: &mut ChaCha8Rng) -> Vec<(u32, u32)> {
    let pairs = post.len() as u64 * pre.len() as u64;
    let pair = |at: u64| (post[(at / pre.len() as u64) as usize], pre[(at % pre.len() as u64) as usize]);
    if p >= 1.0 {
        return (0..pairs).map(pair).collect();
    }
    let mut connected = Vec::new();
    if p <= 0.0 {
        return connected;
    }
    let log_miss = (-p).ln_1p();
    let mut at = 0u64;
    loop {
        let uniform: f64 = rng.random();
        // the cast saturates, so a jump beyond all pairs ends the loop
        at = at.saturating_add(((-uniform).ln_1p() / log_miss) as u64);
        if at >= pairs {
            return connected;
        }
        connected.push(pair(at));
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn model(assignment: TypeAssignment) -> ByType {
        ByType {
            type_probability: vec![0.5, 0.3, 0.2],
            connection_probability: vec![0.1, 0.3, 0.0, 0.2, 1.0, 0.4, 0.05, 0.5, 0.25],
            assignment,
        }
    }

    /// Numbers of synapses per block lie within five standard deviations of the binomial mean; 0 and 1 are exact.
    #[test]
    fn blocks_have_their_probability() {
        for assignment in [TypeAssignment::Exact, TypeAssignment::Drawn] {
            let model = model(assignment);
            let TypedConnectome { topology, types } = model.generate(1000, 9).unwrap();
            let size = |t: usize| types.iter().filter(|&&x| x as usize == t).count() as f64;
            let mut counts = [0f64; 9];
            for (post, pre, _) in topology.iter() {
                counts[types[post as usize] as usize * 3 + types[pre as usize] as usize] += 1.0;
            }
            for (block, count) in counts.iter().enumerate() {
                let (p, pairs) = (model.connection_probability[block], size(block / 3) * size(block % 3));
                let deviation = (pairs * p * (1.0 - p)).sqrt();
                assert!((count - pairs * p).abs() <= 5.0 * deviation, "block {block}: {count} of {pairs} at {p}");
            }
        }
    }

    /// The generator by jumps and the one by uniforms draw degrees from the same distribution: equal mean and variance.
    #[test]
    fn jumps_are_geometric() {
        let members: Vec<u32> = (0..400).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let pairs = bernoulli_pairs(&members, &members, 0.3, &mut rng);
        assert!(pairs.is_sorted_by(|a, b| a < b));
        let mut degree = vec![0f64; 400];
        for (post, _) in &pairs {
            degree[*post as usize] += 1.0;
        }
        let mean = degree.iter().sum::<f64>() / 400.0;
        let variance = degree.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 399.0;
        assert!((mean - 120.0).abs() < 2.3, "{mean}");
        assert!((variance - 84.0).abs() < 30.0, "{variance}");
    }

    proptest! {
        /// Exact counts sum to n and differ from the shares by less than 1.
        #[test]
        fn remainders_are_shared(weights in prop::collection::vec(0.0..1f64, 1..9), n in 0..10_000usize) {
            let total: f64 = weights.iter().sum();
            prop_assume!(total > 0.0);
            let shares: Vec<f64> = weights.iter().map(|w| w / total).collect();
            let counts = largest_remainder(&shares, n);
            prop_assert_eq!(counts.iter().sum::<usize>(), n);
            for (count, share) in counts.iter().zip(&shares) {
                prop_assert!((*count as f64 - share * n as f64).abs() < 1.0 + 1e-6);
            }
        }
    }

    #[test]
    fn impossible_parameters_are_refused() {
        let mut wrong = model(TypeAssignment::Exact);
        wrong.type_probability[0] = 0.6;
        assert!(matches!(wrong.generate(10, 0), Err(Error::Parameter { .. })));
        wrong.type_probability.pop();
        assert!(matches!(wrong.generate(10, 0), Err(Error::Length { .. })));
        let mut wrong = model(TypeAssignment::Exact);
        wrong.connection_probability[4] = f64::NAN;
        assert!(matches!(wrong.generate(10, 0), Err(Error::Parameter { .. })));
        assert!(matches!(model(TypeAssignment::Exact).from_uniforms(&[3], &[0.0]), Err(Error::OutOfRange { .. })));
    }
}
