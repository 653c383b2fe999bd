//! Places the nodes of a directed graph in layers and routes its edges between them.
//!
//! After Sugiyama, Tagawa and Toda, *Methods for visual understanding of hierarchical system structures*, IEEE Trans.
//! Syst. Man Cybern. 11 (1981) 109: nodes of a layer are ordered by the mean place of their neighbours, and edges over
//! several layers run through lanes between the nodes. Edges of one kind from one node share their lanes, as in a tree.

use std::collections::BTreeSet;

/// Half the distance between two lanes.
const LANE: f64 = 6.0;

/// From, to and kind, which is 0 or 1.
pub(crate) type Edge = (usize, usize, usize);

/// A node or a lane.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) layer: usize,
    /// Horizontal centre.
    pub(crate) x: f64,
    half: f64,
}

/// Edges of one kind from one node in one direction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) source: usize,
    pub(crate) kind: usize,
    /// Lanes in the layers that follow on that of the source.
    pub(crate) lanes: Vec<usize>,
    /// Nodes that are reached, each from the source or from a lane.
    pub(crate) targets: Vec<(usize, usize)>,
}

/// A drawing: nodes come first among the items, by their numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layered {
    pub(crate) items: Vec<Item>,
    /// Items of each layer from left to right, lowest layer first.
    pub(crate) layers: Vec<Vec<usize>>,
    pub(crate) trees: Vec<Tree>,
    /// Neighbours of each item in the layers below and above, with how much they draw.
    below: Vec<Vec<(usize, f64)>>,
    above: Vec<Vec<(usize, f64)>>,
}

impl Layered {
    /// Lays out nodes of given half widths and levels; no edge joins a node with itself.
    pub(crate) fn new(halves: &[f64], levels: &[u32], edges: &BTreeSet<Edge>) -> Self {
        let layer_of = spread(levels, edges);
        let n_layers = layer_of.iter().max().map_or(0, |top| top + 1);
        let item = |(&half, &layer): (&f64, &usize)| Item { layer, x: 0.0, half };
        let mut layout = Self {
            items: halves.iter().zip(&layer_of).map(item).collect(),
            layers: vec![Vec::new(); n_layers],
            trees: Vec::new(),
            below: vec![Vec::new(); halves.len()],
            above: vec![Vec::new(); halves.len()],
        };
        (0..halves.len()).for_each(|node| layout.layers[layer_of[node]].push(node));
        for source in 0..halves.len() {
            for up in [true, false] {
                for kind in [0, 1] {
                    let targets = edges.iter().filter(|edge| (edge.0, edge.2) == (source, kind)).map(|edge| edge.1);
                    layout.add_tree(
                        source,
                        kind,
                        targets.filter(|&to| (layer_of[to] > layer_of[source]) == up).collect(),
                    );
                }
            }
        }
        layout.order();
        layout.place();
        layout
    }

    fn add_tree(&mut self, source: usize, kind: usize, targets: Vec<usize>) {
        let start = self.items[source].layer;
        let Some(length) = targets.iter().map(|&to| self.items[to].layer.abs_diff(start)).max() else {
            return;
        };
        let up = self.items[targets[0]].layer > start;
        let mut stops = vec![source];
        for step in 1..length {
            let layer = if up { start + step } else { start - step };
            let lane = self.items.len();
            self.items.push(Item { layer, x: 0.0, half: LANE });
            self.below.push(Vec::new());
            self.above.push(Vec::new());
            self.layers[layer].push(lane);
            self.link(stops[step - 1], lane, if step == 1 { 2.0 } else { 30.0 });
            stops.push(lane);
        }
        let reach = |to: usize| (to, stops[self.items[to].layer.abs_diff(start) - 1]);
        let targets: Vec<(usize, usize)> = targets.into_iter().map(reach).collect();
        for &(to, from) in &targets {
            self.link(from, to, if from == source { 1.0 } else { 2.0 });
        }
        self.trees.push(Tree { source, kind, lanes: stops.split_off(1), targets });
    }

    fn link(&mut self, a: usize, b: usize, pull: f64) {
        let (low, high) = if self.items[a].layer < self.items[b].layer { (a, b) } else { (b, a) };
        self.above[low].push((high, pull));
        self.below[high].push((low, pull));
    }

    /// Orders each layer so that few edges cross.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.layers.clone());
        for sweep in 0..24 {
            let from_below = sweep % 2 == 0;
            let mut places = self.places();
            for at in 0..self.layers.len() {
                let layer = if from_below { at } else { self.layers.len() - 1 - at };
                let side = if from_below { &self.below } else { &self.above };
                let key = |item: usize| {
                    let near = &side[item];
                    let sum: f64 = near.iter().map(|&(other, _)| places[other]).sum();
                    if near.is_empty() { places[item] } else { sum / near.len() as f64 }
                };
                let mut keyed: Vec<(f64, usize)> = self.layers[layer].iter().map(|&item| (key(item), item)).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                self.layers[layer] = keyed.into_iter().map(|(_, item)| item).collect();
                number(&self.layers[layer], &mut places);
            }
            self.exchange(&mut places);
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
        }
        self.layers = best.1;
    }

    /// Exchanges neighbours as long as that saves crossings.
    fn exchange(&mut self, places: &mut [f64]) {
        for _ in 0..16 {
            let mut improved = false;
            for layer in 0..self.layers.len() {
                for at in 1..self.layers[layer].len() {
                    let (left, right) = (self.layers[layer][at - 1], self.layers[layer][at]);
                    if self.crossings_of(right, left, places) < self.crossings_of(left, right, places) {
                        self.layers[layer].swap(at - 1, at);
                        number(&self.layers[layer], places);
                        improved = true;
                    }
                }
            }
            if !improved {
                break;
            }
        }
    }

    /// Number of links of one item that cross those of another to its right.
    fn crossings_of(&self, left: usize, right: usize, places: &[f64]) -> usize {
        let crossed = |side: &[Vec<(usize, f64)>]| -> usize {
            let behind = |place: f64| side[right].iter().filter(|&&(other, _)| places[other] < place).count();
            side[left].iter().map(|&(other, _)| behind(places[other])).sum()
        };
        crossed(&self.below) + crossed(&self.above)
    }

    /// Place of each item in its layer, from 0 to 1.
    fn places(&self) -> Vec<f64> {
        let mut places = vec![0.0; self.items.len()];
        self.layers.iter().for_each(|layer| number(layer, &mut places));
        places
    }

    /// Number of pairs of links that cross.
    fn crossings(&self) -> usize {
        let places = self.places();
        let mut crossings = 0;
        for layer in &self.layers {
            let above = |&low: &usize| self.above[low].iter().map(|&(high, _)| (places[low], places[high])).collect();
            let links: Vec<(f64, f64)> = layer.iter().flat_map::<Vec<_>, _>(above).collect();
            for (i, a) in links.iter().enumerate() {
                crossings += links[..i].iter().filter(|b| (a.0 - b.0) * (a.1 - b.1) < 0.0).count();
            }
        }
        crossings
    }

    /// Puts items near their neighbours without changing their order.
    fn place(&mut self) {
        for sweep in 0..120 {
            for at in 0..self.layers.len() {
                let layer = if sweep % 2 == 0 { at } else { self.layers.len() - 1 - at };
                let order = &self.layers[layer];
                let wish = |&item: &usize| {
                    let near = || self.below[item].iter().chain(&self.above[item]);
                    let pull: f64 = near().map(|(_, pull)| pull).sum();
                    let sum: f64 = near().map(|&(other, pull)| pull * self.items[other].x).sum();
                    if pull > 0.0 { (sum / pull, pull) } else { (self.items[item].x, 0.1) }
                };
                let wishes: Vec<(f64, f64)> = order.iter().map(wish).collect();
                let halves: Vec<f64> = order.iter().map(|&item| self.items[item].half).collect();
                for (&item, x) in order.iter().zip(nearest(&wishes, &halves)) {
                    self.items[item].x = x;
                }
            }
        }
        let left = self.items.iter().map(|item| item.x - item.half).fold(f64::INFINITY, f64::min);
        self.items.iter_mut().for_each(|item| item.x -= left);
    }

    /// Width of the drawing; it begins at 0.
    pub(crate) fn width(&self) -> f64 {
        self.items.iter().map(|item| item.x + item.half).fold(0.0, f64::max)
    }

    /// Number of links between a layer and that above it.
    pub(crate) fn links(&self, layer: usize) -> usize {
        self.layers[layer].iter().map(|&item| self.above[item].len()).sum()
    }
}

/// Layers from levels: nodes of a level that are joined by an edge stand in layers of their own.
fn spread(levels: &[u32], edges: &BTreeSet<Edge>) -> Vec<usize> {
    let mut layer = vec![0; levels.len()];
    let mut first = 0;
    for level in levels.iter().copied().collect::<BTreeSet<_>>() {
        let members: Vec<usize> = (0..levels.len()).filter(|&node| levels[node] == level).collect();
        for (i, &node) in members.iter().enumerate() {
            let joined = |&other: &usize| {
                [(other, node), (node, other)]
                    .iter()
                    .any(|&(a, b)| edges.range((a, b, 0)..(a, b + 1, 0)).next().is_some())
            };
            let below = members[..i].iter().copied().filter(joined).map(|other| layer[other] + 1);
            layer[node] = below.max().unwrap_or(first);
        }
        first = members.iter().map(|&node| layer[node] + 1).max().unwrap_or(first);
    }
    layer
}

/// Numbers the items of a layer from 0 to 1.
fn number(layer: &[usize], places: &mut [f64]) {
    for (i, &item) in layer.iter().enumerate() {
        places[item] = (i as f64 + 0.5) / layer.len() as f64;
    }
}

/// The places in ascending order nearest to the wishes (place and weight, least squares) that keep items of these half
/// widths apart: regression by pooling adjacent violators.
fn nearest(wishes: &[(f64, f64)], halves: &[f64]) -> Vec<f64> {
    // Without the widths before them, items need only be in order.
    let mut offsets = vec![0.0; halves.len()];
    for i in 1..halves.len() {
        offsets[i] = offsets[i - 1] + halves[i - 1] + halves[i];
    }
    let mut pools: Vec<(f64, f64, usize)> = Vec::new(); // mean, weight, members
    for (&(wish, weight), offset) in wishes.iter().zip(&offsets) {
        let mut pool = (wish - offset, weight, 1);
        while let Some(&(mean, before, members)) = pools.last()
            && mean >= pool.0
        {
            pools.pop();
            let sum = before + pool.1;
            pool = ((mean * before + pool.0 * pool.1) / sum, sum, members + pool.2);
        }
        pools.push(pool);
    }
    let means = pools.into_iter().flat_map(|(mean, _, members)| std::iter::repeat_n(mean, members));
    means.zip(offsets).map(|(mean, offset)| mean + offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Half widths, levels and edges of up to nine nodes.
    fn graph() -> impl Strategy<Value = (Vec<f64>, Vec<u32>, BTreeSet<Edge>)> {
        (1..10usize).prop_flat_map(|n| {
            let edge = (0..n, 0..n, 0..2usize);
            (
                prop::collection::vec(1.0..50.0f64, n),
                prop::collection::vec(0..4u32, n),
                prop::collection::btree_set(edge, 0..40)
                    .prop_map(|edges| edges.into_iter().filter(|edge| edge.0 != edge.1).collect()),
            )
        })
    }

    proptest! {
        /// Every edge is drawn once, from layer to layer, and nothing in a layer overlaps.
        #[test]
        fn all_edges_are_routed((halves, levels, edges) in graph()) {
            let layout = Layered::new(&halves, &levels, &edges);
            let mut drawn = BTreeSet::new();
            for tree in &layout.trees {
                let stops: Vec<usize> = [&[tree.source][..], &tree.lanes].concat();
                for pair in stops.windows(2) {
                    prop_assert_eq!(layout.items[pair[0]].layer.abs_diff(layout.items[pair[1]].layer), 1);
                }
                for &(to, from) in &tree.targets {
                    prop_assert!(stops.contains(&from));
                    prop_assert_eq!(layout.items[from].layer.abs_diff(layout.items[to].layer), 1);
                    prop_assert!(drawn.insert((tree.source, to, tree.kind)));
                }
            }
            prop_assert_eq!(drawn, edges);
            for (a, b) in (0..halves.len()).flat_map(|a| (0..halves.len()).map(move |b| (a, b))) {
                prop_assert!(levels[a] >= levels[b] || layout.items[a].layer < layout.items[b].layer);
            }
            let mut placed = 0;
            for layer in &layout.layers {
                placed += layer.len();
                for pair in layer.windows(2) {
                    let (left, right) = (&layout.items[pair[0]], &layout.items[pair[1]]);
                    prop_assert!(left.x + left.half <= right.x - right.half + 1e-6);
                }
            }
            prop_assert_eq!(placed, layout.items.len());
            for item in &layout.items {
                prop_assert!(item.x - item.half >= -1e-6 && item.x + item.half <= layout.width() + 1e-6);
            }
        }

        /// No shift of a run of items comes nearer to the wishes.
        #[test]
        fn nearest_places_are_the_nearest(items in prop::collection::vec((-99.0..99.0f64, 0.1..9.0f64, 1.0..20.0f64), 1..9)) {
            let wishes: Vec<(f64, f64)> = items.iter().map(|item| (item.0, item.1)).collect();
            let halves: Vec<f64> = items.iter().map(|item| item.2).collect();
            let places = nearest(&wishes, &halves);
            let apart = |x: &[f64]| (1..x.len()).all(|i| x[i] - x[i - 1] >= halves[i] + halves[i - 1] - 1e-9);
            let cost = |x: &[f64]| x.iter().zip(&wishes).map(|(x, (wish, weight))| weight * (x - wish).powi(2)).sum::<f64>();
            prop_assert!(apart(&places));
            for (from, to) in (0..items.len()).flat_map(|from| (from..items.len()).map(move |to| (from, to))) {
                for shift in [-1e-3, 1e-3] {
                    let mut other = places.clone();
                    other[from..=to].iter_mut().for_each(|x| *x += shift);
                    prop_assert!(!apart(&other) || cost(&other) >= cost(&places) - 1e-9);
                }
            }
        }
    }

    /// Two chains side by side need no crossing, in whatever order they come.
    #[test]
    fn chains_do_not_cross() {
        let levels = [0, 0, 1, 1, 2, 2];
        let edges = BTreeSet::from([(0, 3, 0), (3, 4, 0), (1, 2, 0), (2, 5, 0), (0, 4, 0), (1, 5, 1)]);
        let layout = Layered::new(&[20.0; 6], &levels, &edges);
        assert_eq!(layout.crossings(), 0);
        assert_eq!((layout.layers.len(), layout.links(0)), (3, 4));
    }
}
