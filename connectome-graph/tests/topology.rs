//! Laws of topologies, against brute force on small networks and in time on large ones.

use connectome_graph::aggregate::{Measure, aggregate, aggregate_between};
use connectome_graph::generate::{Benchmark, ByType, TypeAssignment};
use connectome_graph::{Dale, Duplicates, Error, Topology, UnknownSign, WeightRule};
use connectome_io::{Connectome, Labels, NeuronTable, Orientation, Provenance, Sign, SynapseTable};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use proptest::prelude::*;

/// Dense square matrices with many zeros.
fn dense() -> impl Strategy<Value = (usize, Vec<f64>)> {
    (1..12usize).prop_flat_map(|n| {
        let weight = prop_oneof![4 => Just(0.0), 1 => (-8..9i32).prop_map(f64::from)];
        (Just(n), prop::collection::vec(weight, n * n))
    })
}

/// Number of steps with which each neuron reaches each other one, by repeated closure: `reach[from * n + to]`.
fn closure(topology: &Topology) -> Vec<bool> {
    let n = topology.n_post();
    let mut reach = vec![false; n * n];
    for i in 0..n {
        reach[i * n + i] = true;
    }
    for (post, pre, _) in topology.iter() {
        reach[pre as usize * n + post as usize] = true;
    }
    for k in 0..n {
        for i in 0..n {
            for j in 0..n {
                reach[i * n + j] |= reach[i * n + k] && reach[k * n + j];
            }
        }
    }
    reach
}

proptest! {
    /// A matrix survives the way through edges in any order, CSR arrays, blocks and double transposition.
    #[test]
    fn representations_agree((n, dense) in dense(), seed in any::<u64>()) {
        let topology = Topology::from_dense(n, n, &dense).unwrap();
        prop_assert_eq!(topology.sub_matrix(0..n, 0..n), dense.clone());
        prop_assert_eq!(topology.transpose().transpose(), topology.clone());
        let mut edges: Vec<(u32, u32, f64)> = topology.iter().collect();
        edges.sort_by_key(|&(i, j, _)| (u64::from(i) << 32 | u64::from(j)).wrapping_mul(seed | 1));
        let post: Vec<u32> = edges.iter().map(|e| e.0).collect();
        let pre: Vec<u32> = edges.iter().map(|e| e.1).collect();
        let weight: Vec<f64> = edges.iter().map(|e| e.2).collect();
        let from_edges = Topology::from_edges(n, n, &post, &pre, &weight, Duplicates::Error).unwrap();
        prop_assert_eq!(&from_edges, &topology);
        let (row_ptr, columns) = (topology.row_ptr().to_vec(), topology.columns().to_vec());
        let from_csr = Topology::from_csr(n, n, row_ptr, columns, topology.weights().to_vec()).unwrap();
        prop_assert_eq!(&from_csr, &topology);
        prop_assert_eq!(topology.heat_map(n, n), dense);
        let total: f64 = topology.weights().iter().sum();
        prop_assert_eq!(topology.heat_map(1, 1), vec![total]);

        // twice the edges with half the weight are the same matrix
        let twice = |v: &[u32]| [v, v].concat();
        let halves: Vec<f64> = [&weight[..], &weight[..]].concat().iter().map(|w| w / 2.0).collect();
        let summed = Topology::from_edges(n, n, &twice(&post), &twice(&pre), &halves, Duplicates::Sum).unwrap();
        prop_assert_eq!(&summed, &topology);
        let refused = Topology::from_edges(n, n, &twice(&post), &twice(&pre), &halves, Duplicates::Error);
        let named = matches!(refused, Err(Error::Duplicate { .. }));
        prop_assert!(post.is_empty() || named);
    }

    /// Degrees, strengths and reciprocity of the transpose are those of the matrix, rows and columns exchanged.
    #[test]
    fn measures_of_the_transpose((n, dense) in dense()) {
        let topology = Topology::from_dense(n, n, &dense).unwrap();
        let transpose = topology.transpose();
        prop_assert_eq!(topology.in_degree(), transpose.out_degree());
        prop_assert_eq!(topology.out_degree(), transpose.in_degree());
        prop_assert_eq!(topology.in_strength(), transpose.out_strength());
        prop_assert_eq!(topology.self_loops(), transpose.self_loops());
        prop_assert_eq!(topology.density(), transpose.density());
        prop_assert_eq!(topology.reciprocity(), transpose.reciprocity());
        let other = |(i, j, _): &(u32, u32, f64)| i != j;
        let pairs = topology.iter().filter(other).count();
        let mutual = topology.iter().filter(other).filter(|&(i, j, _)| topology.get(j, i).is_some()).count();
        prop_assert_eq!(topology.reciprocity(), if pairs == 0 { 0.0 } else { mutual as f64 / pairs as f64 });
    }

    /// Components and reachability agree with the closure and with petgraph; synapses between strong components lead
    /// to higher numbers.
    #[test]
    fn components_agree_with_the_closure((n, dense) in dense()) {
        let topology = Topology::from_dense(n, n, &dense).unwrap();
        let reach = closure(&topology);
        let strong = topology.strongly_connected_components();
        let weak = topology.weakly_connected_components();
        let undirected: Vec<f64> = (0..n * n).map(|k| dense[k].abs() + dense[k % n * n + k / n].abs()).collect();
        let connected = closure(&Topology::from_dense(n, n, &undirected).unwrap());
        for i in 0..n {
            for j in 0..n {
                let together = reach[i * n + j] && reach[j * n + i];
                prop_assert_eq!(strong.labels()[i] == strong.labels()[j], together);
                prop_assert_eq!(weak.labels()[i] == weak.labels()[j], connected[i * n + j]);
            }
            let source = [i as u32];
            let forward: Vec<bool> = (0..n).map(|j| reach[i * n + j]).collect();
            let backward: Vec<bool> = (0..n).map(|j| reach[j * n + i]).collect();
            prop_assert_eq!(topology.reachable_from(&source), forward);
            prop_assert_eq!(topology.ancestors_of(&source), backward);
        }
        for (post, pre, _) in topology.iter() {
            prop_assert!(strong.labels()[pre as usize] <= strong.labels()[post as usize]);
        }
        let mut graph = DiGraph::<(), ()>::new();
        (0..n).for_each(|_| { graph.add_node(()); });
        for (post, pre, _) in topology.iter() {
            graph.add_edge(NodeIndex::new(pre as usize), NodeIndex::new(post as usize), ());
        }
        let mut sizes: Vec<usize> = kosaraju_scc(&graph).iter().map(Vec::len).collect();
        let mut own: Vec<usize> = strong.sizes().iter().map(|&s| s as usize).collect();
        sizes.sort_unstable();
        own.sort_unstable();
        prop_assert_eq!(&own, &sizes);
        let largest = topology.largest_strongly_connected_component();
        prop_assert_eq!(Some(&largest.len()), sizes.last());
        prop_assert_eq!(topology.induced(&largest).strongly_connected_components().count(), 1);
    }

    /// Groups partition synapses: sums and counts are preserved, fractions of a row add to 1.
    #[test]
    fn aggregates_preserve_sums((n, dense) in dense(), groups in prop::collection::vec(0..4u32, 12)) {
        let topology = Topology::from_dense(n, n, &dense).unwrap();
        let names = ["a", "b", "c", "d"].map(String::from).to_vec();
        let labels = Labels::new(names, groups[..n].to_vec()).unwrap();
        let total = |measure| aggregate(&topology, &labels, measure).unwrap().matrix.weights().iter().sum::<f64>();
        prop_assert_eq!(total(Measure::Sum), topology.weights().iter().sum::<f64>());
        prop_assert_eq!(total(Measure::Count), topology.nnz() as f64);
        let mean = aggregate(&topology, &labels, Measure::MeanPerPost).unwrap().matrix;
        let sum = aggregate(&topology, &labels, Measure::Sum).unwrap().matrix;
        for (i, j, value) in sum.iter() {
            let members = groups[..n].iter().filter(|&&g| g == i).count() as f64;
            prop_assert_eq!(mean.get(i, j), Some(value / members));
            let brute: f64 = topology
                .iter()
                .filter(|&(post, pre, _)| groups[post as usize] == i && groups[pre as usize] == j)
                .map(|e| e.2)
                .sum();
            prop_assert_eq!(value, brute);
        }
        let fraction = aggregate(&topology, &labels, Measure::InputFraction).unwrap().matrix;
        for (row, degree) in fraction.in_strength().iter().zip(fraction.in_degree()) {
            prop_assert!(degree == 0 || (row - 1.0).abs() < 1e-12);
        }
    }

    /// Magnitude times presynaptic sign is the matrix wherever Dale's law holds; otherwise the neurons are named.
    #[test]
    fn signs_split_and_join((n, dense) in dense()) {
        let mixed = Topology::from_dense(n, n, &dense).unwrap();
        let column = |j: usize| (0..n).map(move |i| i * n + j);
        let both: Vec<u32> = (0..n)
            .filter(|&j| column(j).any(|k| dense[k] > 0.0) && column(j).any(|k| dense[k] < 0.0))
            .map(|j| j as u32)
            .collect();
        match mixed.split_signs(Dale::Strict) {
            Ok((magnitude, signs)) => {
                prop_assert!(both.is_empty());
                for (i, j, w) in magnitude.iter() {
                    prop_assert_eq!(mixed.get(i, j), Some(w * signs[j as usize].factor()));
                }
            }
            Err(Error::MixedSigns { neurons, .. }) => prop_assert_eq!(neurons, both),
            Err(other) => prop_assert!(false, "{}", other),
        }
        match mixed.split_signs(Dale::Majority) {
            Ok((magnitude, signs)) => {
                prop_assert_eq!(magnitude.columns(), mixed.columns());
                for (sign, strength) in signs.iter().zip(mixed.out_strength()) {
                    prop_assert!(sign.factor() * strength >= 0.0);
                }
            }
            Err(Error::MixedSigns { neurons, .. }) => {
                prop_assert!(neurons.iter().all(|&j| mixed.out_strength()[j as usize] == 0.0));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[test]
fn faulty_arrays_are_named() {
    let csr = |row_ptr: &[usize], columns: &[u32], weights: &[f64]| {
        Topology::from_csr(2, 3, row_ptr.to_vec(), columns.to_vec(), weights.to_vec()).unwrap_err()
    };
    assert!(matches!(csr(&[0, 1], &[0], &[1.0]), Error::Length { what: "row offsets", .. }));
    assert!(matches!(csr(&[0, 1, 1], &[0], &[]), Error::Length { what: "weights", .. }));
    assert!(matches!(csr(&[1, 1, 1], &[0], &[1.0]), Error::RowOffset { position: 0, .. }));
    assert!(matches!(csr(&[0, 2, 1], &[0], &[1.0]), Error::RowOffset { position: 1, .. }));
    assert!(matches!(csr(&[0, 0, 0], &[0], &[1.0]), Error::RowOffset { position: 2, .. }));
    assert!(matches!(csr(&[0, 0, 1], &[3], &[1.0]), Error::OutOfRange { index: 3, size: 3, .. }));
    assert!(matches!(csr(&[0, 0, 2], &[1, 1], &[1.0; 2]), Error::Duplicate { post: 1, pre: 1 }));
    assert!(matches!(csr(&[0, 2, 2], &[2, 1], &[1.0; 2]), Error::Unsorted { row: 0, position: 1 }));
    let bad = [1.0, f64::INFINITY];
    assert!(matches!(csr(&[0, 0, 2], &[0, 2], &bad), Error::NotFinite { post: 1, pre: 2, .. }));
    let edges = Topology::from_edges(2, 3, &[0, 2], &[0, 0], &[1.0; 2], Duplicates::Sum);
    assert!(matches!(edges, Err(Error::OutOfRange { position: 1, index: 2, size: 2, .. })));
    let one = Topology::from_dense(1, 1, &[2.0]).unwrap();
    assert!(matches!(one.map_weights(|_| f64::NAN), Err(Error::NotFinite { post: 0, pre: 0, .. })));
    assert!(Topology::from_dense(usize::MAX, 2, &[]).is_err());
    let labels = Labels::from_values(["a", "b"]);
    assert!(matches!(aggregate_between(&one, &labels, &labels, Measure::Sum), Err(Error::Length { .. })));
}

#[test]
fn empty_networks_have_measures() {
    let none = Topology::from_edges(0, 0, &[], &[], &[], Duplicates::Sum).unwrap();
    assert_eq!((none.density(), none.reciprocity(), none.self_loops()), (0.0, 0.0, 0));
    assert_eq!(none.strongly_connected_components().count(), 0);
    assert!(none.largest_strongly_connected_component().is_empty());
    assert_eq!(none.transpose(), none);
    assert_eq!(none.heat_map(2, 2), vec![0.0; 4]);
}

#[test]
#[should_panic(expected = "wants a square topology, this one is [2, 3]")]
fn components_want_one_population() {
    Topology::from_dense(2, 3, &[0.0; 6]).unwrap().strongly_connected_components();
}

/// The weight rules on a connectome with signs of synapses and of neurons.
#[test]
fn weight_rules() {
    let signs = vec![Sign::Excitatory, Sign::Inhibitory, Sign::Unknown];
    let neurons = NeuronTable::new(vec![10, 11, 12]).unwrap().with_signs(signs.clone()).unwrap();
    let table = |weights: Vec<f64>| SynapseTable::new(vec![1, 0, 2], vec![0, 2, 1], weights).unwrap();
    let provenance = || Provenance::new("test", Orientation::EdgeList);
    let connectome = Connectome::new(neurons.clone(), table(vec![2.0, -3.0, 4.0]), provenance()).unwrap();
    let weights = |connectome: &Connectome, rule| {
        let topology = Topology::from_connectome(connectome, rule, Duplicates::Error)?;
        Ok::<_, Error>([(0, 1), (2, 0), (1, 2)].map(|(post, pre)| topology.get(post, pre).unwrap_or(0.0)))
    };
    assert_eq!(weights(&connectome, WeightRule::AsStored).unwrap(), [2.0, -3.0, 4.0]);
    assert_eq!(weights(&connectome, WeightRule::Magnitude).unwrap(), [2.0, 3.0, 4.0]);
    for (unknown, expected) in
        [(UnknownSign::Excitatory, 4.0), (UnknownSign::Inhibitory, -4.0), (UnknownSign::Omit, 0.0)]
    {
        let rule = WeightRule::PresynapticSign(unknown);
        assert_eq!(weights(&connectome, rule).unwrap(), [-2.0, 3.0, expected]);
    }
    let rule = WeightRule::PresynapticSign(UnknownSign::Error);
    assert!(matches!(weights(&connectome, rule), Err(Error::UnknownSigns { count: 1, first: 2 })));
    let rule = WeightRule::SynapseSign(UnknownSign::Error);
    assert!(matches!(weights(&connectome, rule), Err(Error::NoSigns { of: "synapses" })));
    let signed =
        table(vec![2.0, 3.0, 4.0]).with_signs(vec![Sign::Inhibitory, Sign::Excitatory, Sign::Inhibitory]).unwrap();
    let connectome = Connectome::new(neurons, signed, provenance()).unwrap();
    assert_eq!(weights(&connectome, rule).unwrap(), [-2.0, 3.0, -4.0]);
}

/// A chain of a million neurons neither overflows the stack nor takes long, closed to a ring or not.
#[test]
fn long_paths() {
    let n = 1_000_000u32;
    let pre: Vec<u32> = (0..n).collect();
    let post: Vec<u32> = (0..n).map(|i| (i + 1) % n).collect();
    let ones = vec![1.0; n as usize];
    let ring = Topology::from_edges(n as usize, n as usize, &post, &pre, &ones, Duplicates::Error).unwrap();
    assert_eq!(ring.strongly_connected_components().sizes(), [n]);
    let last = n as usize - 1;
    let path =
        Topology::from_edges(n as usize, n as usize, &post[..last], &pre[..last], &ones[..last], Duplicates::Error);
    let path = path.unwrap();
    let components = path.strongly_connected_components();
    assert!(components.labels().iter().copied().eq(0..n));
    assert_eq!(path.weakly_connected_components().sizes(), [n]);
    assert_eq!(path.reachable_from(&[n / 2]).iter().filter(|&&r| r).count(), n as usize / 2);
    assert_eq!(path.ancestors_of(&[n / 2]).iter().filter(|&&r| r).count(), n as usize / 2 + 1);
}

/// Synapses in any order, some twice, make the one topology, at 4.6 million of them too.
#[test]
fn a_large_network_from_shuffled_edges() {
    let topology = Benchmark::OPTIC_LOBE.topology().unwrap();
    let n = topology.n_post();
    let mut post: Vec<u32> = topology.iter().map(|e| e.0).collect();
    post.reverse();
    let pre: Vec<u32> = topology.columns().iter().copied().rev().collect();
    let weight: Vec<f64> = topology.weights().iter().copied().rev().collect();
    assert_eq!(Topology::from_edges(n, n, &post, &pre, &weight, Duplicates::Sum).unwrap(), topology);
    let strong = topology.strongly_connected_components();
    assert_eq!(topology.induced(&strong.largest()).strongly_connected_components().count(), 1);
    let labels = Labels::from_values((0..n).map(|i| (i % 65).to_string()));
    let by_label = aggregate(&topology, &labels, Measure::Sum).unwrap();
    let (all, kept): (f64, f64) = (topology.weights().iter().sum(), by_label.matrix.weights().iter().sum());
    assert!((all / kept - 1.0).abs() < 1e-12);
}

/// Results are the same bit by bit for any number of threads.
#[test]
fn threads_do_not_matter() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let model = ByType {
                type_probability: vec![0.6, 0.4],
                connection_probability: vec![0.1, 0.2, 0.05, 0.3],
                assignment: TypeAssignment::Exact,
            };
            let typed = model.generate(500, 4).unwrap();
            // every synapse three times, with weights whose sum depends on the order
            let (mut post, mut pre, mut weight) = (Vec::new(), Vec::new(), Vec::new());
            for k in 1..4 {
                for (e, (i, j, _)) in typed.topology.iter().enumerate() {
                    post.push(i);
                    pre.push(j);
                    weight.push(1.0 / (e % 97 + k) as f64);
                }
            }
            let summed = Topology::from_edges(500, 500, &post, &pre, &weight, Duplicates::Sum).unwrap();
            let labels = Labels::from_values(typed.types.iter().map(u32::to_string));
            let groups = aggregate(&summed, &labels, Measure::MeanPerPost).unwrap();
            let benchmark = Benchmark { neurons: 300, synapses: 9000 }.topology().unwrap();
            (typed, summed.in_strength(), summed, groups, benchmark)
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}
