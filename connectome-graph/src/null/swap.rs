//! Directed double-edge swaps: the moves of a Markov chain over all networks with given degrees.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::Report;
use super::edges::{Streams, ends, key};
use crate::pair_set::PairSet;

/// Swaps whose memory is asked for together. Reading it ahead makes the walk limited by computing, not by waiting.
const BATCH: usize = 64;

/// Synapses whose keys and set stay in the cache of a core.
const PART: usize = 1 << 16;

/// Proposes `per_synapse` swaps per synapse to different pairs, without self connections where the network is `square`.
/// The presynaptic neuron of a synapse never changes.
///
/// Large networks are swapped in rounds of one proposal per synapse. For each round neurons are dealt to parts at
/// random, and synapses are swapped with those onto neurons of the same part, all parts at once. Parts share no pair and
/// do not depend on the wiring, so that each round is again a chain in which moves are as likely as their reverse.
pub(super) fn mix(
    keys: &mut [u64],
    square: bool,
    per_synapse: f64,
    rng: &mut ChaCha8Rng,
    allowed: impl Fn(&[Move]) -> bool + Sync,
) -> Report {
    let parts = keys.len().div_ceil(PART);
    if parts < 2 {
        let mut swaps = Swaps::new(keys.to_vec(), square);
        let report = swaps.walk(proposals(per_synapse, keys.len()), rng, allowed);
        keys.copy_from_slice(&swaps.keys);
        return report;
    }
    let n_post = keys.iter().map(|&key| ends(key).0 as usize + 1).max().unwrap_or(0);
    let rounds = per_synapse.ceil();
    let mut report = Report::default();
    for _ in 0..rounds as u64 {
        let part_of: Vec<u32> = (0..n_post).map(|_| rng.random_range(0..parts as u32)).collect();
        let seed = rng.random();
        let mut members = vec![Vec::with_capacity(PART + PART / 4); parts];
        for (e, &key) in (0u32..).zip(&*keys) {
            members[part_of[ends(key).0 as usize] as usize].push(e);
        }
        let walked: Vec<(Vec<u64>, Report)> = members
            .par_iter()
            .enumerate()
            .map(|(part, members)| {
                let mut swaps = Swaps::new(members.iter().map(|&e| keys[e as usize]).collect(), square);
                let count = proposals(per_synapse / rounds, members.len());
                let report = swaps.walk(count, &mut Streams::of(seed).part(part), &allowed);
                (swaps.keys, report)
            })
            .collect();
        for (members, (swapped, part)) in members.iter().zip(walked) {
            report += part;
            for (&e, key) in members.iter().zip(swapped) {
                keys[e as usize] = key;
            }
        }
    }
    report
}

/// Number of proposals for `m` synapses.
fn proposals(per_synapse: f64, m: usize) -> u64 {
    (per_synapse * m as f64).round() as u64
}

/// A key and the one that takes its place.
pub(super) type Move = (u64, u64);

/// A network under swaps.
struct Swaps {
    /// Synapse by synapse.
    keys: Vec<u64>,
    set: PairSet,
    /// Whether rows and columns are the same neurons.
    square: bool,
}

impl Swaps {
    fn new(keys: Vec<u64>, square: bool) -> Self {
        let mut set = PairSet::new(keys.len());
        for &key in &keys {
            set.insert(key);
        }
        Self { keys, set, square }
    }

    /// Proposes `count` swaps between random synapses.
    ///
    /// Two synapses `a -> b`, `c -> d` become `a -> d`, `c -> b`, unless that would join a neuron to itself or repeat a
    /// pair. Such swaps alone do not reach all networks without self connections: a cycle of three neurons cannot be
    /// turned round. Where the second synapse begins at the end of the first one, which no swap could use, the cycle
    /// through both is turned round if there is one (Berger & Müller-Hannemann 2010). Every move is as likely as its
    /// reverse, so that in the limit of many proposals all networks are equally likely; `allowed` may forbid some, if it
    /// gives the same answer for a move and its reverse.
    fn walk(&mut self, count: u64, rng: &mut ChaCha8Rng, allowed: impl Fn(&[Move]) -> bool) -> Report {
        let mut report = Report { proposed: count, ..Report::default() };
        let m = self.keys.len() as u32;
        if m < 2 {
            return report;
        }
        let mut pairs = [(0u32, 0u32); BATCH];
        let mut left = count;
        while left > 0 {
            let batch = (BATCH as u64).min(left) as usize;
            left -= batch as u64;
            for pair in &mut pairs[..batch] {
                *pair = (rng.random_range(0..m), rng.random_range(0..m));
            }
            let mut read = 0;
            for &(i, j) in &pairs[..batch] {
                let (x, y) = (self.keys[i as usize], self.keys[j as usize]);
                let (new_x, new_y) = crossed(x, y);
                read ^= self.set.touch(x) ^ self.set.touch(y) ^ self.set.touch(new_x) ^ self.set.touch(new_y);
            }
            std::hint::black_box(read);
            for &(i, j) in &pairs[..batch] {
                report.accepted += u64::from(self.propose(i as usize, j as usize, &allowed));
            }
        }
        report
    }

    fn propose(&mut self, i: usize, j: usize, allowed: &impl Fn(&[Move]) -> bool) -> bool {
        let (x, y) = (self.keys[i], self.keys[j]);
        let ((b, a), (d, c)) = (ends(x), ends(y));
        if self.square && (a == d || b == c) {
            return b == c && a != d && self.turn_cycle(i, j, allowed);
        }
        let (new_x, new_y) = crossed(x, y);
        // equal ends on either side: nothing would change, or a pair would repeat; the set knows both
        if !allowed(&[(x, new_x), (y, new_y)]) || self.set.contains(new_x) || self.set.contains(new_y) {
            return false;
        }
        self.replace(i, new_x);
        self.replace(j, new_y);
        true
    }

    /// Turns the cycle `a -> b -> d -> a` round, of which synapses `i` and `j` are the first two, unless one of the
    /// reversed synapses exists.
    fn turn_cycle(&mut self, i: usize, j: usize, allowed: &impl Fn(&[Move]) -> bool) -> bool {
        let (x, y) = (self.keys[i], self.keys[j]);
        let ((b, a), (d, _)) = (ends(x), ends(y));
        let z = key(a, d);
        let moves = [(x, key(d, a)), (y, key(a, b)), (z, key(b, d))];
        if !self.set.contains(z) || moves.iter().any(|&(_, new)| self.set.contains(new)) || !allowed(&moves) {
            return false;
        }
        // rare enough for a search through all synapses
        let k = self.keys.iter().position(|&key| key == z).expect("the set holds the keys of the list");
        for (e, (_, new)) in [i, j, k].into_iter().zip(moves) {
            self.replace(e, new);
        }
        true
    }

    fn replace(&mut self, e: usize, key: u64) {
        self.set.remove(self.keys[e]);
        self.set.insert(key);
        self.keys[e] = key;
    }
}

/// The keys with their postsynaptic neurons exchanged.
fn crossed(x: u64, y: u64) -> (u64, u64) {
    let ((b, a), (d, c)) = (ends(x), ends(y));
    (key(d, a), key(b, c))
}
