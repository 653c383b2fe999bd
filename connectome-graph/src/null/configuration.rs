//! Random networks with given degrees, drawn from nothing.

use connectome_io::Connectome;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::degrees::check_swaps;
use super::edges::{Edges, Streams, ends, key, rewire_connectome, rewire_topology};
use super::erdos_renyi::{SelfConnections, check_size};
use super::swap::mix;
use super::{NullModel, Report};
use crate::pair_set::PairSet;
use crate::random::shuffle;
use crate::{Duplicates, Error, Topology};

/// Attempts to mend each synapse that chance placed wrongly, before the wiring is taken from elsewhere.
const MENDING: usize = 2000;

/// The configuration model of the degrees of a network: its synapses are cut in two and their ends joined at random.
///
/// Exact: the in-degree and the out-degree of every neuron, the outgoing weights of every neuron and their signs; self
/// connections, which stay where they are. No pair occurs twice: where chance repeats a pair or makes a new self
/// connection, the synapse exchanges its end with random others until it fits. That favours some networks slightly, the
/// more so the more neurons connect to a large part of all others; swaps as in
/// [`DegreePreserving`](super::DegreePreserving) follow to undo it. Where joining ends at random does not succeed
/// (degrees so uneven that few networks have them), swaps start from the original instead.
///
/// Sources: Molloy & Reed, *Random Struct. Algorithms* 6 (1995) 161, doi 10.1002/rsa.3240060204; Newman, Strogatz &
/// Watts, *Phys. Rev. E* 64 (2001) 026118 (directed).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Configuration {
    swaps_per_synapse: f64,
}

impl Default for Configuration {
    fn default() -> Self {
        Self { swaps_per_synapse: 1.0 }
    }
}

impl Configuration {
    /// Ends joined at random, then one proposed swap per synapse.
    pub fn new() -> Self {
        Self::default()
    }

    /// Proposes this many swaps per synapse afterwards. Default 1.
    #[must_use]
    pub fn swaps_per_synapse(mut self, swaps: f64) -> Self {
        self.swaps_per_synapse = swaps;
        self
    }

    fn rewire(&self, edges: &mut Edges, streams: Streams) -> Result<Report, Error> {
        check_swaps(self.swaps_per_synapse)?;
        let members: Vec<usize> = (0..edges.len()).filter(|&e| !edges.is_loop(e)).collect();
        let mut keys: Vec<u64> = members.iter().map(|&e| key(edges.post[e], edges.pre[e])).collect();
        let mut rng = streams.part(0);
        let swaps = match join(&keys, edges.is_square(), &mut rng) {
            Some(joined) => {
                keys = joined;
                self.swaps_per_synapse
            }
            None => 10.0 + self.swaps_per_synapse,
        };
        let report = mix(&mut keys, edges.is_square(), swaps, &mut rng, |_| true);
        for (&e, key) in members.iter().zip(keys) {
            edges.post[e] = ends(key).0;
        }
        Ok(Report { fixed: (edges.len() - members.len()) as u64, ..report })
    }
}

impl NullModel for Configuration {
    /// # Errors
    /// [`Error::Parameter`] for a number of swaps that is negative or not finite.
    fn topology_with_report(&self, original: &Topology, seed: u64) -> Result<(Topology, Report), Error> {
        rewire_topology(original, seed, |edges, streams| self.rewire(edges, streams))
    }

    fn connectome_with_report(&self, original: &Connectome, seed: u64) -> Result<(Connectome, Report), Error> {
        rewire_connectome(original, seed, "configuration model", |edges, streams| self.rewire(edges, streams))
    }
}

/// Random network of weights 1 in which neuron `i` has `in_degree[i]` inputs and `out_degree[i]` targets,
/// `[neurons, neurons]`, no pair twice. Drawn as in [`Configuration`], with one swap per synapse afterwards; degrees for
/// which this does not succeed are realised by the algorithm of Kleitman & Wang and mixed by ten swaps per synapse.
///
/// Sources: Fulkerson, *Pacific J. Math.* 10 (1960) 831, and Gale, *ibid.* 7 (1957) 1073 (which degrees are possible);
/// Kleitman & Wang, *Discrete Math.* 6 (1973) 79, doi 10.1016/0012-365X(73)90037-X.
///
/// # Errors
/// [`Error::Length`] if the lists differ in length, [`Error::Degrees`] if no network has these degrees, with the reason;
/// [`Error::TooMany`] neurons or synapses.
pub fn configuration(
    in_degree: &[u32],
    out_degree: &[u32],
    own: SelfConnections,
    seed: u64,
) -> Result<Topology, Error> {
    let n = in_degree.len();
    check_size(n)?;
    if out_degree.len() != n {
        return Err(Error::Length { what: "out-degrees", expected: n, got: out_degree.len() });
    }
    check_degrees(in_degree, out_degree, own)?;
    let stubs = |degree: &[u32]| -> Vec<u32> {
        (0u32..).zip(degree).flat_map(|(i, &d)| std::iter::repeat_n(i, d as usize)).collect()
    };
    let keys: Vec<u64> =
        stubs(in_degree).into_iter().zip(stubs(out_degree)).map(|(post, pre)| key(post, pre)).collect();
    let square = own == SelfConnections::Excluded;
    let mut rng = Streams::of(seed).part(0);
    let (mut keys, swaps) = match join(&keys, square, &mut rng) {
        Some(joined) => (joined, 1.0),
        None => (kleitman_wang(in_degree, out_degree, own), 10.0),
    };
    mix(&mut keys, square, swaps, &mut rng, |_| true);
    let (post, pre): (Vec<u32>, Vec<u32>) = keys.into_iter().map(ends).unzip();
    Topology::from_edges(n, n, &post, &pre, &vec![1.0; post.len()], Duplicates::Error)
}

/// Joins the presynaptic ends of `keys`, in their order, to the postsynaptic ones in random order. `None` if not all
/// repeated pairs and self connections (these where `square`) can be mended.
fn join(keys: &[u64], square: bool, rng: &mut ChaCha8Rng) -> Option<Vec<u64>> {
    let mut posts: Vec<u32> = keys.iter().map(|&key| ends(key).0).collect();
    shuffle(&mut posts, rng);
    let mut keys: Vec<u64> = posts.into_iter().zip(keys).map(|(post, &old)| key(post, ends(old).1)).collect();
    let fits = |key: u64| {
        let (post, pre) = ends(key);
        !square || post != pre
    };
    let mut set = PairSet::new(keys.len());
    let mut wrong = vec![false; keys.len()];
    let mut list = Vec::new();
    for (e, &key) in keys.iter().enumerate() {
        if !fits(key) || !set.insert(key) {
            wrong[e] = true;
            list.push(e);
        }
    }
    for e in list {
        let mended = (0..MENDING).any(|_| {
            let other = rng.random_range(0..keys.len() as u32) as usize;
            if wrong[other] {
                return false;
            }
            let ((b, a), (d, c)) = (ends(keys[e]), ends(keys[other]));
            let (x, y) = (key(d, a), key(b, c));
            if x == y || !fits(x) || !fits(y) || set.contains(x) || set.contains(y) {
                return false;
            }
            set.remove(keys[other]);
            set.insert(x);
            set.insert(y);
            (keys[e], keys[other], wrong[e]) = (x, y, false);
            true
        });
        if !mended {
            return None;
        }
    }
    Some(keys)
}

/// Refuses degrees that no network without repeated pairs has.
///
/// Sorted by in-degree, then out-degree, both descending: for each `k`, the inputs of the first `k` neurons must not
/// exceed the sum of `min(out-degree, k)`, a neuron among the first counting one place less where it must not connect
/// to itself. Fulkerson 1960; Gale 1957 and Ryser 1957 where self connections are allowed.
fn check_degrees(in_degree: &[u32], out_degree: &[u32], own: SelfConnections) -> Result<(), Error> {
    let sum = |degree: &[u32]| degree.iter().map(|&d| u64::from(d)).sum::<u64>();
    let (inputs, outputs) = (sum(in_degree), sum(out_degree));
    if inputs != outputs {
        return Err(Error::Degrees { reason: format!("in-degrees add up to {inputs}, out-degrees to {outputs}") });
    }
    if inputs > u64::from(u32::MAX) {
        let limit = u128::from(u32::MAX);
        return Err(Error::TooMany { what: "synapses", count: u128::from(inputs), limit });
    }
    let n = in_degree.len();
    let most = own.partners(n);
    for (what, degree) in [("in-degree", in_degree), ("out-degree", out_degree)] {
        if let Some(neuron) = degree.iter().position(|&d| d as usize > most) {
            let degree = degree[neuron];
            return Err(Error::Degrees {
                reason: format!("the {what} of neuron {neuron} is {degree}, but it has {most} possible partners"),
            });
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_unstable_by_key(|&i| std::cmp::Reverse((in_degree[i], out_degree[i])));
    let mut of_degree = vec![0u64; n + 2]; // neurons by out-degree
    for &d in out_degree {
        of_degree[d as usize] += 1;
    }
    let mut first_of_degree = vec![0u64; n + 2]; // the same for the first k neurons
    let (mut need, mut room, mut at_least, mut first_at_least) = (0, 0, n as u64, 0);
    for k in 1..=n {
        let i = order[k - 1];
        need += u64::from(in_degree[i]);
        at_least -= of_degree[k - 1]; // neurons of out-degree k or more
        room += at_least;
        // of the first k neurons, those of out-degree k or more
        first_at_least -= first_of_degree[k - 1];
        let d = out_degree[i] as usize;
        first_of_degree[d] += 1;
        first_at_least += u64::from(d >= k);
        let lost = if own == SelfConnections::Excluded { first_at_least } else { 0 };
        if need > room - lost {
            return Err(Error::Degrees {
                reason: format!(
                    "the {k} with most inputs need {need}, but no more than {} can come to them without a \
                     repeated pair{}",
                    room - lost,
                    if own == SelfConnections::Excluded { " or a self connection" } else { "" }
                ),
            });
        }
    }
    Ok(())
}

/// Some network of possible degrees: one neuron after the other gets its targets, those that need most inputs; of
/// these the ones with most outputs still to place. Takes time in proportion to the neurons that send, times those that still
/// need inputs then.
fn kleitman_wang(in_degree: &[u32], out_degree: &[u32], own: SelfConnections) -> Vec<u64> {
    let (mut inputs, mut outputs) = (in_degree.to_vec(), out_degree.to_vec());
    let mut keys = Vec::new();
    let mut open: Vec<u32> = (0..inputs.len() as u32).collect();
    for pre in 0..inputs.len() as u32 {
        let wanted = std::mem::take(&mut outputs[pre as usize]) as usize;
        if wanted == 0 {
            continue;
        }
        open.retain(|&i| inputs[i as usize] > 0);
        let mut targets: Vec<u32> =
            open.iter().copied().filter(|&i| i != pre || own == SelfConnections::Allowed).collect();
        let need = |i: u32| std::cmp::Reverse((inputs[i as usize], outputs[i as usize], i));
        if wanted < targets.len() {
            targets.select_nth_unstable_by_key(wanted, |&i| need(i));
        }
        targets.truncate(wanted);
        for post in targets {
            inputs[post as usize] -= 1;
            keys.push(key(post, pre));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether some network has these degrees, by trying all of them.
    fn possible(in_degree: &[u32], out_degree: &[u32], own: SelfConnections) -> bool {
        let n = in_degree.len();
        let pairs: Vec<(usize, usize)> =
            (0..n * n).map(|k| (k / n, k % n)).filter(|(i, j)| i != j || own == SelfConnections::Allowed).collect();
        (0u32..1 << pairs.len()).any(|chosen| {
            let (mut inputs, mut outputs) = (vec![0; n], vec![0; n]);
            for (_, &(i, j)) in pairs.iter().enumerate().filter(|(k, _)| chosen >> k & 1 == 1) {
                inputs[i] += 1;
                outputs[j] += 1;
            }
            inputs == in_degree && outputs == out_degree
        })
    }

    proptest! {
        /// The test of degrees agrees with a search through all networks of three and four neurons, and the
        /// construction succeeds exactly where it says so.
        #[test]
        fn possible_degrees_are_recognised(degrees in prop::collection::vec((0..4u32, 0..4u32), 2..5), loops: bool) {
            let own = if loops && degrees.len() < 4 { SelfConnections::Allowed } else { SelfConnections::Excluded };
            let (inputs, outputs): (Vec<u32>, Vec<u32>) = degrees.into_iter().unzip();
            let expected = possible(&inputs, &outputs, own);
            prop_assert_eq!(check_degrees(&inputs, &outputs, own).is_ok(), expected);
            if expected {
                let mut keys = kleitman_wang(&inputs, &outputs, own);
                let count = |end: fn(u64) -> u32| {
                    let mut degree = vec![0; inputs.len()];
                    keys.iter().for_each(|&key| degree[end(key) as usize] += 1);
                    degree
                };
                prop_assert_eq!(count(|key| ends(key).0), inputs.clone());
                prop_assert_eq!(count(|key| ends(key).1), outputs.clone());
                keys.sort_unstable();
                prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
            }
        }
    }
}
