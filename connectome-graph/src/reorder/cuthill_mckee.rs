//! Reverse Cuthill-McKee order: neurons that are joined stand close together.
//!
//! Sources: Cuthill & McKee, *Proc. 24th Nat. Conf. ACM* (1969) 157, doi 10.1145/800195.805928; start from a
//! pseudo-peripheral neuron by George & Liu, *ACM Trans. Math. Softw.* 5 (1979) 284, doi 10.1145/355841.355845; linear
//! time by Chan & George, *BIT* 20 (1980) 8, doi 10.1007/BF01933580.

use super::Permutation;
use crate::Topology;
use crate::pattern::Pattern;

/// How far the synapses of a network lie from its diagonal, whichever way they lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spread {
    /// Largest distance `|i - j|` of two joined neurons.
    pub bandwidth: u32,
    /// Sum over neurons `i` of the distance to their first neighbour `j < i`; 0 where there is none.
    pub profile: u64,
}

impl Spread {
    /// Measures a network; linear.
    ///
    /// # Panics
    /// If the topology is not square.
    pub fn of(topology: &Topology) -> Self {
        let n = topology.assert_square("Spread::of");
        let mut reach: Vec<u32> = vec![0; n];
        for (post, pre, _) in topology.iter() {
            let reach = &mut reach[post.max(pre) as usize];
            *reach = (*reach).max(post.abs_diff(pre));
        }
        Self {
            bandwidth: reach.iter().copied().max().unwrap_or(0),
            profile: reach.iter().map(|&distance| u64::from(distance)).sum(),
        }
    }
}

/// The reverse Cuthill-McKee order of the symmetrised wiring, component by component.
///
/// Of the orders from the neuron of lowest degree and from both ends of a pseudo-diameter, each component gets the one of
/// smallest bandwidth, then profile. Each visit of a component is linear in synapses and neurons, and few are needed.
///
/// # Panics
/// If the topology is not square.
pub fn reverse_cuthill_mckee(topology: &Topology) -> Permutation {
    let pattern = Pattern::new(topology, "reverse_cuthill_mckee");
    let n = pattern.len();
    let by_degree = pattern.by_degree();
    let sorted = SortedNeighbours::new(&pattern, &by_degree);
    let mut search = Search { seen: vec![0; n], stamp: 0, queue: Vec::new(), place: vec![0; n] };
    let mut placed = vec![false; n];
    let mut order = Vec::with_capacity(n);
    for &seed in &by_degree {
        if placed[seed as usize] {
            continue;
        }
        let component = search.narrowest(&sorted, seed);
        for &i in &component {
            placed[i as usize] = true;
        }
        order.extend(component);
    }
    order.reverse();
    Permutation::from_valid(order)
}

/// Neighbours of every neuron by ascending degree.
struct SortedNeighbours {
    offsets: Vec<usize>,
    neighbours: Vec<u32>,
}

impl SortedNeighbours {
    /// Neurons in the order of their degrees enter the lists of their neighbours, which sorts all lists in linear time.
    fn new(pattern: &Pattern, by_degree: &[u32]) -> Self {
        let n = pattern.len();
        let mut offsets = vec![0; n + 1];
        for i in 0..n {
            offsets[i + 1] = offsets[i] + pattern.degree(i);
        }
        let mut next = offsets.clone();
        let mut neighbours = vec![0; offsets[n]];
        for &j in by_degree {
            for &i in pattern.neighbours(j as usize) {
                neighbours[next[i as usize]] = j;
                next[i as usize] += 1;
            }
        }
        Self { offsets, neighbours }
    }

    fn of(&self, i: u32) -> &[u32] {
        &self.neighbours[self.offsets[i as usize]..self.offsets[i as usize + 1]]
    }
}

/// Scratch space of breadth-first searches.
struct Search {
    seen: Vec<u32>,
    stamp: u32,
    /// Neurons in the order of the last search, which is that of Cuthill and McKee.
    queue: Vec<u32>,
    place: Vec<u32>,
}

impl Search {
    /// The order of the component of `seed` that is narrowest when it is reversed.
    fn narrowest(&mut self, sorted: &SortedNeighbours, seed: u32) -> Vec<u32> {
        let (mut depth, mut last) = self.levels(sorted, seed);
        let mut best = (self.spread(sorted), self.queue.clone());
        // the far ends of longer and longer searches (George & Liu)
        loop {
            let lowest = self.queue[last..].iter().copied().min_by_key(|&i| sorted.of(i).len());
            let Some(start) = lowest.filter(|_| depth > 0) else {
                return best.1;
            };
            let (further, level) = self.levels(sorted, start);
            let spread = self.spread(sorted);
            if spread < best.0 {
                best = (spread, self.queue.clone());
            }
            if further <= depth {
                return best.1;
            }
            (depth, last) = (further, level);
        }
    }

    /// Leaves the component of `start` in the queue, level by level; gives the number of levels after the first, and
    /// where the last one begins.
    fn levels(&mut self, sorted: &SortedNeighbours, start: u32) -> (usize, usize) {
        self.stamp += 1;
        self.queue.clear();
        self.queue.push(start);
        self.seen[start as usize] = self.stamp;
        let (mut depth, mut begin) = (0, 0);
        loop {
            let end = self.queue.len();
            for at in begin..end {
                for &j in sorted.of(self.queue[at]) {
                    if std::mem::replace(&mut self.seen[j as usize], self.stamp) != self.stamp {
                        self.queue.push(j);
                    }
                }
            }
            if self.queue.len() == end {
                return (depth, begin);
            }
            depth += 1;
            begin = end;
        }
    }

    /// Bandwidth and profile of the queue from its end.
    fn spread(&mut self, sorted: &SortedNeighbours) -> (u32, u64) {
        for (place, &i) in (0..).zip(&self.queue) {
            self.place[i as usize] = place;
        }
        let (mut bandwidth, mut profile) = (0, 0);
        for (place, &i) in (0..).zip(&self.queue) {
            let furthest = sorted.of(i).iter().map(|&j| self.place[j as usize]).max().unwrap_or(place);
            let distance = furthest.saturating_sub(place);
            bandwidth = bandwidth.max(distance);
            profile += u64::from(distance);
        }
        (bandwidth, profile)
    }
}
