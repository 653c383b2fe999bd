//! Connected components and reachability, without recursion.
//!
//! Strong components by Tarjan, *SIAM J. Comput.* 1 (1972) 146-160, with an explicit stack of calls, so that a chain of
//! millions of neurons needs no more than a vector of that length.

use super::Topology;

/// A partition of the neurons into components.
///
/// Strong components are numbered in topological order of the condensation: a synapse between two components leads
/// from the lower number to the higher one. Weak components are numbered by their first neuron.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    labels: Vec<u32>,
    sizes: Vec<u32>,
}

impl Components {
    fn new(labels: Vec<u32>, count: usize) -> Self {
        let mut sizes = vec![0; count];
        for &label in &labels {
            sizes[label as usize] += 1;
        }
        Self { labels, sizes }
    }

    /// Number of components.
    pub fn count(&self) -> usize {
        self.sizes.len()
    }

    /// Component of each neuron.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Number of neurons of each component.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// Neurons of a component, ascending.
    pub fn members(&self, component: u32) -> Vec<u32> {
        (0..self.labels.len() as u32).filter(|&i| self.labels[i as usize] == component).collect()
    }

    /// Neurons of the largest component, ascending; of equally large ones the lowest number. Empty without neurons.
    pub fn largest(&self) -> Vec<u32> {
        let Some(&size) = self.sizes.iter().max() else {
            return Vec::new();
        };
        let component = self.sizes.iter().position(|&s| s == size).unwrap_or(0);
        self.members(component as u32)
    }
}

const UNSEEN: u32 = u32::MAX;

impl Topology {
    /// Strongly connected components: neurons that reach each other along directed paths.
    ///
    /// Linear in synapses and neurons.
    ///
    /// # Panics
    /// If the topology is not square.
    pub fn strongly_connected_components(&self) -> Components {
        let n = self.assert_square("strongly_connected_components");
        let (row_ptr, columns) = (self.row_ptr(), self.columns());
        let mut order = vec![UNSEEN; n]; // time of the first visit
        let mut low = vec![0u32; n]; // earliest visit reachable within the open component
        let mut labels = vec![UNSEEN; n];
        let mut open: Vec<u32> = Vec::new(); // visited, component not yet known
        let mut calls: Vec<(u32, usize)> = Vec::new(); // neuron and the next of its inputs to follow
        let (mut time, mut count) = (0u32, 0u32);
        for root in 0..n as u32 {
            if order[root as usize] != UNSEEN {
                continue;
            }
            calls.push((root, row_ptr[root as usize]));
            while let Some(call) = calls.last_mut() {
                let (v, at) = (call.0 as usize, call.1);
                if order[v] == UNSEEN {
                    order[v] = time;
                    low[v] = time;
                    time += 1;
                    open.push(v as u32);
                }
                if at < row_ptr[v + 1] {
                    call.1 += 1;
                    let w = columns[at];
                    if order[w as usize] == UNSEEN {
                        calls.push((w, row_ptr[w as usize]));
                    } else if labels[w as usize] == UNSEEN {
                        low[v] = low[v].min(order[w as usize]);
                    }
                    continue;
                }
                calls.pop();
                if low[v] == order[v] {
                    while let Some(w) = open.pop() {
                        labels[w as usize] = count;
                        if w as usize == v {
                            break;
                        }
                    }
                    count += 1;
                }
                if let Some(&(parent, _)) = calls.last() {
                    low[parent as usize] = low[parent as usize].min(low[v]);
                }
            }
        }
        // Inputs are followed backwards, so components are closed sources first: the topological order of synapses.
        Components::new(labels, count as usize)
    }

    /// Weakly connected components: neurons joined by paths that ignore direction.
    ///
    /// # Panics
    /// If the topology is not square.
    pub fn weakly_connected_components(&self) -> Components {
        let n = self.assert_square("weakly_connected_components");
        let mut parent: Vec<u32> = (0..n as u32).collect();
        for (post, pre, _) in self.iter() {
            let (a, b) = (root(&mut parent, post), root(&mut parent, pre));
            // the lower index is the root, hence roots come first when labels are given below
            parent[a.max(b) as usize] = a.min(b);
        }
        let mut labels = vec![UNSEEN; n];
        let mut count = 0;
        for i in 0..n {
            let top = root(&mut parent, i as u32) as usize;
            if labels[top] == UNSEEN {
                labels[top] = count;
                count += 1;
            }
            labels[i] = labels[top];
        }
        Components::new(labels, count as usize)
    }

    /// Neurons of the largest strongly connected component, ascending.
    ///
    /// # Panics
    /// If the topology is not square.
    pub fn largest_strongly_connected_component(&self) -> Vec<u32> {
        self.strongly_connected_components().largest()
    }

    /// Which neurons a signal that starts in `sources` can reach along synapses, the sources included; `[n]`.
    ///
    /// # Panics
    /// If the topology is not square or a source does not exist.
    pub fn reachable_from(&self, sources: &[u32]) -> Vec<bool> {
        self.assert_square("reachable_from");
        self.transpose().ancestors_of(sources)
    }

    /// Which neurons can reach one of `targets` along synapses, the targets included; `[n]`.
    ///
    /// # Panics
    /// If the topology is not square or a target does not exist.
    pub fn ancestors_of(&self, targets: &[u32]) -> Vec<bool> {
        let n = self.assert_square("ancestors_of");
        let mut seen = vec![false; n];
        let mut queue = Vec::new();
        for &target in targets {
            assert!((target as usize) < n, "neuron {target} of {n}");
            if !std::mem::replace(&mut seen[target as usize], true) {
                queue.push(target);
            }
        }
        while let Some(post) = queue.pop() {
            for &pre in self.row(post as usize).0 {
                if !std::mem::replace(&mut seen[pre as usize], true) {
                    queue.push(pre);
                }
            }
        }
        seen
    }
}

/// Root of a union-find tree; halves the path on its way.
fn root(parent: &mut [u32], mut i: u32) -> u32 {
    while parent[i as usize] != i {
        parent[i as usize] = parent[parent[i as usize] as usize];
        i = parent[i as usize];
    }
    i
}
