//! The directed triad census: how often each of the 16 wirings of three neurons occurs.
//!
//! Only triangles (three neurons joined pair by pair) are enumerated, each once, from its neuron of lowest degree. All
//! other triads follow by counting: paths of two pairs from the degrees of their middle, single pairs from the number of
//! third neurons, always minus what was found to be closed. The work is bounded by synapses times the largest number of
//! neighbours of higher degree, at most `sqrt(2 synapses)`, where walking the neighbourhood of each pair (Batagelj &
//! Mrvar) is bounded by synapses times the largest degree.
//!
//! Sources: classes by Holland & Leinhardt, *Am. J. Sociol.* 76 (1970) 492, doi 10.1086/224954; census in subquadratic
//! time by Batagelj & Mrvar, *Social Networks* 23 (2001) 237, doi 10.1016/S0378-8733(01)00035-1; counting by triangles
//! as in Ortmann & Brandes, *Applied Network Science* 2 (2017) 13, doi 10.1007/s41109-017-0027-2.

use rayon::prelude::*;

use crate::Topology;
use crate::pattern::{Pattern, RECEIVES, SENDS};

/// Classes of three neurons by their numbers of mutual, asymmetric and null pairs (M, A, N), and a letter where the
/// numbers leave a choice: Down, Up, Cyclic, Transitive. Arrows are synapses, from pre to post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Triad {
    /// No synapse.
    T003,
    /// `a -> b`, `c` alone.
    T012,
    /// `a <-> b`, `c` alone.
    T102,
    /// `a <- b -> c`.
    T021D,
    /// `a -> b <- c`.
    T021U,
    /// `a -> b -> c`.
    T021C,
    /// `a <-> b <- c`.
    T111D,
    /// `a <-> b -> c`.
    T111U,
    /// `a -> b -> c`, `a -> c`: the feed-forward loop.
    T030T,
    /// `a -> b -> c -> a`.
    T030C,
    /// `a <-> b <-> c`.
    T201,
    /// `a <- b -> c`, `a <-> c`.
    T120D,
    /// `a -> b <- c`, `a <-> c`.
    T120U,
    /// `a -> b -> c`, `a <-> c`.
    T120C,
    /// `a -> b <-> c`, `a <-> c`.
    T210,
    /// All six synapses.
    T300,
}

impl Triad {
    /// All classes in the usual order.
    pub const ALL: [Self; 16] = [
        Self::T003,
        Self::T012,
        Self::T102,
        Self::T021D,
        Self::T021U,
        Self::T021C,
        Self::T111D,
        Self::T111U,
        Self::T030T,
        Self::T030C,
        Self::T201,
        Self::T120D,
        Self::T120U,
        Self::T120C,
        Self::T210,
        Self::T300,
    ];

    /// The 13 classes in which no neuron is alone, in the usual order.
    pub fn connected() -> &'static [Self] {
        &Self::ALL[3..]
    }

    /// The usual name, such as `"030T"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::T003 => "003",
            Self::T012 => "012",
            Self::T102 => "102",
            Self::T021D => "021D",
            Self::T021U => "021U",
            Self::T021C => "021C",
            Self::T111D => "111D",
            Self::T111U => "111U",
            Self::T030T => "030T",
            Self::T030C => "030C",
            Self::T201 => "201",
            Self::T120D => "120D",
            Self::T120U => "120U",
            Self::T120C => "120C",
            Self::T210 => "210",
            Self::T300 => "300",
        }
    }
}

/// Number of triads of each class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Census {
    counts: [u128; 16],
}

impl Census {
    /// Triads of a class.
    pub fn count(&self, class: Triad) -> u128 {
        self.counts[class as usize]
    }

    /// All classes, in the order of [`Triad::ALL`].
    pub fn counts(&self) -> &[u128; 16] {
        &self.counts
    }

    /// All triads: `n (n - 1) (n - 2) / 6`.
    pub fn total(&self) -> u128 {
        self.counts.iter().sum()
    }
}

/// Counts all triads exactly; synapses of neurons onto themselves and weights play no part, a synapse of weight 0 does.
///
/// Takes memory in proportion to the synapses.
///
/// # Panics
/// If the topology is not square.
pub fn triad_census(topology: &Topology) -> Census {
    let pattern = Pattern::new(topology, "triad_census");
    let triangles = triangles(&pattern);
    let n = pattern.len() as u128;

    let mut wedges = [0u128; 6]; // pairs of neighbours of a middle, closed or not
    let mut pairs = [0u128; 2]; // asymmetric and mutual pairs
    for i in 0..pattern.len() {
        let mut degree = [0u128; 4];
        for &direction in pattern.directions(i) {
            degree[direction as usize] += 1;
        }
        for a in 1..4u8 {
            for b in a..4u8 {
                let (x, y) = (degree[a as usize], degree[b as usize]);
                wedges[wedge(a, b)] += if a == b { x * x.saturating_sub(1) / 2 } else { x * y };
            }
        }
        pairs[0] += degree[SENDS as usize];
        pairs[1] += degree[3]; // both ends see it
    }
    pairs[1] /= 2;

    let mut counts = [0u128; 16];
    let mut singles = pairs.map(|count| count * n.saturating_sub(2)); // pairs with each third neuron
    for (code, &found) in triangles.iter().enumerate() {
        let [ab, ac, bc] = [code >> 4, code >> 2 & 3, code & 3].map(|d| d as u8);
        if ac == 0 || found == 0 {
            continue;
        }
        let found = u128::from(found);
        counts[closed(ab, ac, bc) as usize] += found;
        for (x, y) in [(ab, ac), (reverse(ab), bc), (reverse(ac), reverse(bc))] {
            wedges[wedge(x, y)] -= found;
        }
        for pair in [ab, ac, bc] {
            singles[usize::from(pair == 3)] -= found;
        }
    }
    for a in 1..4u8 {
        for b in a..4u8 {
            let open = wedges[wedge(a, b)];
            counts[OPEN[wedge(a, b)] as usize] = open;
            for pair in [a, b] {
                singles[usize::from(pair == 3)] -= open;
            }
        }
    }
    counts[Triad::T012 as usize] = singles[0];
    counts[Triad::T102 as usize] = singles[1];
    let joined: u128 = counts.iter().sum();
    // C(n, 3) without a product of three 32-bit numbers is below 2^96
    counts[Triad::T003 as usize] = n * n.saturating_sub(1) * n.saturating_sub(2) / 6 - joined;
    Census { counts }
}

/// Number of triangles by the directions of `a` to `b`, `a` to `c` and `b` to `c`, two bits each, where `a`, `b`, `c`
/// ascend by degree. Slots with 0 for `a` to `c` hold paths that are not closed.
fn triangles(pattern: &Pattern) -> [u64; 64] {
    let n = pattern.len();
    let order = pattern.by_degree();
    let mut rank = vec![0u32; n];
    for (new, &old) in order.iter().enumerate() {
        rank[old as usize] = new as u32;
    }
    // neighbours of higher rank, by rank
    let higher: Vec<Vec<(u32, u8)>> = order
        .par_iter()
        .map(|&old| {
            let i = old as usize;
            let mut row: Vec<(u32, u8)> = pattern
                .neighbours(i)
                .iter()
                .zip(pattern.directions(i))
                .map(|(&j, &d)| (rank[j as usize], d))
                .filter(|&(j, _)| j > rank[i])
                .collect();
            row.sort_unstable();
            row
        })
        .collect();
    (0..n)
        .into_par_iter()
        .fold(
            || (vec![0u8; n], [0u64; 64]),
            |(mut mark, mut counts), a| {
                for &(b, direction) in &higher[a] {
                    mark[b as usize] = direction;
                }
                for &(b, ab) in &higher[a] {
                    for &(c, bc) in &higher[b as usize] {
                        counts[usize::from(ab << 4 | mark[c as usize] << 2 | bc)] += 1;
                    }
                }
                for &(b, _) in &higher[a] {
                    mark[b as usize] = 0;
                }
                (mark, counts)
            },
        )
        .map(|(_, counts)| counts)
        .reduce(|| [0u64; 64], |a, b| std::array::from_fn(|slot| a[slot] + b[slot]))
}

/// The same pair seen from its other end.
fn reverse(direction: u8) -> u8 {
    (direction & SENDS) << 1 | (direction & RECEIVES) >> 1
}

/// Slot of two directions seen from the middle, in any order.
fn wedge(a: u8, b: u8) -> usize {
    match (a.min(b), a.max(b)) {
        (SENDS, SENDS) => 0,
        (RECEIVES, RECEIVES) => 1,
        (SENDS, RECEIVES) => 2,
        (RECEIVES, 3) => 3,
        (SENDS, 3) => 4,
        _ => 5,
    }
}

/// Class of an open triad by its [`wedge`].
const OPEN: [Triad; 6] = [Triad::T021D, Triad::T021U, Triad::T021C, Triad::T111D, Triad::T111U, Triad::T201];

/// Class of a triangle by the directions of `a` to `b`, `a` to `c`, `b` to `c`.
fn closed(ab: u8, ac: u8, bc: u8) -> Triad {
    // each neuron's directions to the two others
    let corners = [(ab, ac), (reverse(ab), bc), (reverse(ac), reverse(bc))];
    let asymmetric = |&&(x, y): &&(u8, u8)| x != 3 && y != 3;
    match [ab, ac, bc].iter().filter(|&&d| d == 3).count() {
        3 => Triad::T300,
        2 => Triad::T210,
        1 => match corners.iter().find(asymmetric) {
            Some((SENDS, SENDS)) => Triad::T120D,
            Some((RECEIVES, RECEIVES)) => Triad::T120U,
            _ => Triad::T120C,
        },
        _ if corners.iter().all(|(x, y)| x != y) => Triad::T030C,
        _ => Triad::T030T,
    }
}
