//! How long signals take from the inputs to the areas, and how areas stand above each other.

use std::collections::VecDeque;

use super::AreaGraph;

/// The longest way along feedforward edges from any input. Longer ways are greater.
///
/// A stimulus reaches its input area at step 0 and an area d edges away at step d, if an area reads what others were
/// after the step before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LongestPath {
    /// No way leads from an input.
    None,
    /// The longest way has so many edges.
    Steps(u32),
    /// A cycle, perhaps a self edge, lies on the way: signals keep arriving.
    Cyclic,
}

impl LongestPath {
    /// Steps after which all that follows from stimuli of so many frames has arrived: `frames + d` for a way of d
    /// edges, the shortest sufficient process time. `None` if there is no such number.
    pub fn process_time(self, frames: u32) -> Option<u32> {
        match self {
            Self::Steps(steps) => frames.checked_add(steps),
            Self::None | Self::Cyclic => None,
        }
    }
}

impl AreaGraph {
    /// Feedforward edges from the nearest input to each area, which is the step of its first update; `[n_areas]`,
    /// `None` if no input reaches it.
    pub fn distances(&self) -> Vec<Option<u32>> {
        let mut distances = vec![None; self.n_areas()];
        let mut queue = VecDeque::new();
        for &input in &self.inputs {
            distances[input] = Some(0);
            queue.push_back((input, 0));
        }
        while let Some((area, distance)) = queue.pop_front() {
            for &target in &self.targets[area] {
                if distances[target].is_none() {
                    distances[target] = Some(distance + 1);
                    queue.push_back((target, distance + 1));
                }
            }
        }
        distances
    }

    /// The longest way from the inputs to each area; `[n_areas]`. Takes time linear in areas times edges.
    pub fn longest_paths(&self) -> Vec<LongestPath> {
        let n = self.n_areas();
        let mut longest = vec![LongestPath::None; n];
        let mut reached = vec![false; n];
        self.inputs.iter().for_each(|&input| reached[input] = true);
        // A way of n edges or more repeats an area; cycles can be taken out of it until it has less than 2n.
        for steps in 0..2 * n {
            for area in (0..n).filter(|&area| reached[area]) {
                longest[area] = if steps < n { LongestPath::Steps(steps as u32) } else { LongestPath::Cyclic };
            }
            reached = self.sources.iter().map(|sources| sources.iter().any(|&source| reached[source])).collect();
            if !reached.contains(&true) {
                break;
            }
        }
        longest
    }

    /// The longest way from any input to any output, which says how many steps suffice: see
    /// [`LongestPath::process_time`].
    pub fn longest_path(&self) -> LongestPath {
        let paths = self.longest_paths();
        self.outputs.iter().map(|&output| paths[output]).max().unwrap_or(LongestPath::None)
    }

    /// Areas that lie on a common cycle of feedforward edges, ascending; groups by their first area. A self edge alone
    /// makes a group of one.
    pub fn cycles(&self) -> Vec<Vec<usize>> {
        let components = self.topology().strongly_connected_components();
        let members = (0..components.count()).map(|component| components.members(component as u32));
        let mut cycles: Vec<Vec<usize>> = members
            .map(|members| members.into_iter().map(|area| area as usize).collect::<Vec<_>>())
            .filter(|members| members.len() > 1 || self.targets[members[0]].contains(&members[0]))
            .collect();
        cycles.sort_unstable();
        cycles
    }

    /// Whether feedforward edges make a cycle, self edges included.
    pub fn is_cyclic(&self) -> bool {
        !self.cycles().is_empty()
    }

    /// A height for each area such that drawn edges lead upwards where they can; `[n_areas]`.
    ///
    /// The level is the longest way to the area. Within a cycle only edges that lead away from the inputs count. It
    /// does not depend on the order of areas in the table.
    pub fn levels(&self) -> Vec<u32> {
        let components = self.topology().strongly_connected_components();
        let distances = self.distances();
        let rank = |area: usize| (components.labels()[area], distances[area]);
        let mut order: Vec<usize> = (0..self.n_areas()).collect();
        order.sort_by_key(|&area| rank(area));
        let mut levels = vec![0; self.n_areas()];
        for area in order {
            let below = self.sources[area].iter().filter(|&&source| rank(source) < rank(area));
            levels[area] = below.map(|&source| levels[source] + 1).max().unwrap_or(0);
        }
        levels
    }
}
