//! Permutations and orders.

use connectome_graph::generate::Benchmark;
use connectome_graph::motif::triad_census;
use connectome_graph::reorder::{Degree, NameOrder, Permutation, Spread, reverse_cuthill_mckee};
use connectome_graph::{Duplicates, Error, Topology};
use connectome_io::{Connectome, Labels, NeuronTable, Orientation, Positions, Provenance, Sign, SynapseTable};
use proptest::prelude::*;

/// A symmetric network of the given pairs, neuron `i` renamed to `step * i % n`.
fn scattered(n: u32, step: u32, pairs: &[(u32, u32)]) -> Topology {
    let name = |i: u32| step * i % n;
    let post: Vec<u32> = pairs.iter().flat_map(|&(i, j)| [name(i), name(j)]).collect();
    let pre: Vec<u32> = pairs.iter().flat_map(|&(i, j)| [name(j), name(i)]).collect();
    let n = n as usize;
    Topology::from_edges(n, n, &post, &pre, &vec![1.0; post.len()], Duplicates::Sum).unwrap()
}

fn grid(rows: u32, columns: u32) -> Vec<(u32, u32)> {
    let right = (0..rows * columns).filter(|i| i % columns + 1 < columns).map(|i| (i, i + 1));
    let down = (0..(rows - 1) * columns).map(|i| (i, i + columns));
    right.chain(down).collect()
}

/// No wider than `scipy.sparse.csgraph.reverse_cuthill_mckee` (scipy 1.17).
#[test]
fn bandwidths_beside_scipy() {
    let tree = |n: u32| -> Vec<(u32, u32)> { (1..n).map(|i| (i, (i - 1) / 2)).collect() };
    let powers = |n: u32, m: u32, [a, b, c]: [u32; 3]| -> Vec<(u32, u32)> {
        let pair = |k: u32| ((a * k * k + b * k) % n, (c * k + k * k * k) % n);
        (0..m).map(pair).filter(|(i, j)| i != j).collect()
    };
    let cycle: Vec<(u32, u32)> = (0..21).map(|i| (i, (i + 1) % 21)).collect();
    for (name, topology, before, scipy) in [
        ("grid 5 x 7", scattered(35, 8, &grid(5, 7)), 27, 6),
        ("grid 10 x 10", scattered(100, 37, &grid(10, 10)), 70, 10),
        ("grid 3 x 30", scattered(90, 49, &grid(3, 30)), 60, 3),
        ("grid 13 x 4", scattered(52, 23, &grid(13, 4)), 40, 4),
        ("tree of 15", scattered(15, 7, &tree(15)), 14, 4),
        ("tree of 63", scattered(63, 26, &tree(63)), 57, 16),
        ("cycle", scattered(21, 8, &cycle), 13, 2),
        ("powers of 23", scattered(23, 1, &powers(23, 200, [5, 3, 7])), 22, 4),
        ("powers of 40", scattered(40, 1, &powers(40, 300, [7, 2, 11])), 38, 9),
        ("powers of 60", scattered(60, 1, &powers(60, 90, [7, 2, 11])), 57, 13),
        ("powers of 101", scattered(101, 1, &powers(101, 150, [3, 5, 17])), 93, 19),
    ] {
        let spread = Spread::of(&topology);
        assert!(spread.bandwidth == before, "{name}: {spread:?}");
        let order = reverse_cuthill_mckee(&topology);
        let after = Spread::of(&order.topology(&topology));
        assert!(after.bandwidth <= scipy, "{name}: {after:?}, scipy {scipy}");
        assert!(after.profile <= spread.profile, "{name}: {after:?} of {spread:?}");
    }
}

proptest! {
    /// A permutation moves all synapses, and back; degrees move along, counts stay.
    #[test]
    fn permutations_act(n in 1..30usize, edges in prop::collection::vec((0..30u32, 0..30u32, 1..9u32), 0..90), seed in any::<u64>()) {
        let post: Vec<u32> = edges.iter().map(|e| e.0 % n as u32).collect();
        let pre: Vec<u32> = edges.iter().map(|e| e.1 % n as u32).collect();
        let weight: Vec<f64> = edges.iter().map(|e| f64::from(e.2)).collect();
        let topology = Topology::from_edges(n, n, &post, &pre, &weight, Duplicates::Sum).unwrap();
        let hash = |i: u32| (u64::from(i) + 1).wrapping_mul(seed | 1).rotate_left(29).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let labels = Labels::from_values((0..n as u32).map(|i| (hash(i) % 5).to_string()));
        for order in [
            Permutation::by_key(n, hash),
            Permutation::by_label(&labels, NameOrder::FirstAppearance).unwrap(),
            Permutation::by_degree(&topology, Degree::In),
            Permutation::by_degree(&topology, Degree::Out),
            Permutation::by_degree(&topology, Degree::Total),
            reverse_cuthill_mckee(&topology),
        ] {
            prop_assert_eq!(&Permutation::new(order.order().to_vec()).unwrap(), &order);
            for (place, &old) in order.order().iter().enumerate() {
                prop_assert_eq!(order.places()[old as usize] as usize, place);
            }
            let moved = order.topology(&topology);
            for (i, j, w) in topology.iter() {
                prop_assert_eq!(moved.get(order.places()[i as usize], order.places()[j as usize]), Some(w));
            }
            prop_assert_eq!(order.apply(&topology.in_degree()), moved.in_degree());
            prop_assert_eq!(order.apply(&topology.out_strength()), moved.out_strength());
            prop_assert_eq!(order.inverse().topology(&moved), topology.clone());
            prop_assert_eq!(triad_census(&moved), triad_census(&topology));
        }
        let out = Permutation::by_degree(&topology, Degree::Out).topology(&topology).out_degree();
        prop_assert!(out.is_sorted_by(|a, b| a >= b));
        let grouped = Permutation::by_label(&labels, NameOrder::FirstAppearance).unwrap();
        let codes = grouped.apply(labels.codes());
        prop_assert!(codes.is_sorted()); // codes count names by first appearance
        for pair in grouped.order().windows(2) {
            let same = labels.codes()[pair[0] as usize] == labels.codes()[pair[1] as usize];
            prop_assert!(!same || pair[0] < pair[1]);
        }
    }
}

/// Components stay together, each as narrow as it can be; neurons without synapses stay too.
#[test]
fn components_stay_together() {
    // three chains of five among twenty neurons
    let pairs: Vec<(u32, u32)> = (0..15).filter(|i| i % 5 != 4).map(|i| (i, i + 1)).collect();
    let topology = scattered(20, 7, &pairs);
    let order = reverse_cuthill_mckee(&topology);
    let moved = order.topology(&topology);
    assert_eq!(Spread::of(&moved), Spread { bandwidth: 1, profile: 12 });
    let components = moved.weakly_connected_components();
    assert!(components.labels().is_sorted());
    assert_eq!(components.count(), 3 + 5);
    let empty = Topology::from_dense(0, 0, &[]).unwrap();
    assert!(reverse_cuthill_mckee(&empty).is_empty());
    assert_eq!(Spread::of(&empty), Spread { bandwidth: 0, profile: 0 });
}

/// Linear time: a path of 300,000 neurons in scattered order.
#[test]
fn long_path() {
    let n = 300_007u32;
    let name = |i: u32| (u64::from(i) * 1_234_567 % u64::from(n)) as u32;
    let post: Vec<u32> = (1..n).map(name).collect();
    let pre: Vec<u32> = (0..n - 1).map(name).collect();
    let size = n as usize;
    let path = Topology::from_edges(size, size, &post, &pre, &vec![1.0; post.len()], Duplicates::Error).unwrap();
    let order = reverse_cuthill_mckee(&path);
    assert_eq!(Spread::of(&order.topology(&path)), Spread { bandwidth: 1, profile: u64::from(n) - 1 });
}

#[test]
fn large_network() {
    let topology = Benchmark { neurons: 20_000, synapses: 400_000 }.topology().unwrap();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| reverse_cuthill_mckee(&topology))
    };
    let order = run(1);
    assert_eq!(order, run(4));
    let (before, after) = (Spread::of(&topology), Spread::of(&order.topology(&topology)));
    assert!(after.profile < before.profile, "{after:?} {before:?}");
}

fn typed() -> Connectome {
    let neurons = NeuronTable::new(vec![720_575_940_000_000_001, -5, 9, 8])
        .unwrap()
        .with_names(["a", "b", "c", "d"].map(String::from).to_vec())
        .unwrap()
        .with_types(Labels::from_values(["T4", "Mi1", "T4", "L1"]))
        .unwrap()
        .with_signs(vec![Sign::Excitatory, Sign::Inhibitory, Sign::Unknown, Sign::Excitatory])
        .unwrap()
        .with_positions(Positions::new(vec![Some([1.0, 2.0, 3.0]), None, None, Some([0.0; 3])], "nm").unwrap())
        .unwrap()
        .with_column("side", Labels::from_values(["l", "r", "r", "l"]))
        .unwrap();
    let synapses = SynapseTable::new(vec![0, 1, 3], vec![1, 2, 0], vec![5.0, 6.0, 7.0])
        .unwrap()
        .with_signs(vec![Sign::Excitatory, Sign::Inhibitory, Sign::Excitatory])
        .unwrap()
        .with_kinds(Labels::from_values(["chemical", "electrical", "chemical"]))
        .unwrap()
        .with_column("neuropil", Labels::from_values(["ME", "LO", "ME"]))
        .unwrap();
    Connectome::new(neurons, synapses, Provenance::new("test", Orientation::EdgeList)).unwrap()
}

/// Every column of every table follows its neurons.
#[test]
fn connectomes_move_along() {
    let connectome = typed();
    let types = connectome.neurons().types().unwrap();
    let order = Permutation::by_label(types, NameOrder::Given(&["L1", "R8", "T4", "Mi1"])).unwrap();
    assert_eq!(order.order(), [3, 0, 2, 1]);
    let moved = order.connectome(&connectome).unwrap();
    let neurons = moved.neurons();
    assert_eq!(neurons.ids(), [8, 720_575_940_000_000_001, 9, -5]);
    assert_eq!(neurons.names().unwrap(), ["d", "a", "c", "b"]);
    assert!(neurons.types().unwrap().iter().eq(["L1", "T4", "T4", "Mi1"]));
    assert_eq!(neurons.signs().unwrap()[3], Sign::Inhibitory);
    assert_eq!(neurons.positions().unwrap().points()[1], Some([1.0, 2.0, 3.0]));
    assert!(neurons.column("side").unwrap().iter().eq(["l", "l", "r", "r"]));
    let synapses = moved.synapses();
    assert_eq!((synapses.pre(), synapses.post()), (&[1, 3, 0][..], &[3, 2, 1][..]));
    assert_eq!(synapses.weight(), connectome.synapses().weight());
    assert_eq!(synapses.kinds(), connectome.synapses().kinds());
    assert_eq!(synapses.signs(), connectome.synapses().signs());
    assert_eq!(synapses.columns(), connectome.synapses().columns());
    assert_eq!(moved.provenance(), connectome.provenance());
    assert_eq!(order.inverse().connectome(&moved).unwrap(), connectome);

    let by_side = Permutation::by_label(connectome.neurons().column("side").unwrap(), NameOrder::default()).unwrap();
    assert_eq!(by_side.order(), [0, 3, 1, 2]);
}

/// Cell types of the fly in another order make the same lattice network.
#[test]
fn lattice_wiring_moves_along() {
    use connectome_graph::hex::{Extent, expand};
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fly-vision/data/fib25-fib19_v2.2.json.gz");
    let fly = connectome_io::read(path).unwrap();
    let order = Permutation::by_key(fly.n_neurons(), |i| (i * 37) % 65);
    let moved = order.connectome(&fly).unwrap();
    assert_eq!(order.inverse().connectome(&moved).unwrap(), fly);
    let (one, other) = (expand(&fly, Extent(2)).unwrap(), expand(&moved, Extent(2)).unwrap());
    assert_eq!((one.n_nodes(), one.n_edges()), (other.n_nodes(), other.n_edges()));
    for name in ["R1", "T4a", "Lawf1"] {
        let degrees = |network: &connectome_graph::hex::HexNetwork| -> Vec<u32> {
            let degree = network.in_degree();
            network.layer(name).unwrap().map(|cell| degree[cell as usize]).collect()
        };
        assert_eq!(degrees(&one), degrees(&other), "{name}");
    }
}

#[test]
fn wrong_orders_are_named() {
    let error = Permutation::new(vec![0, 2, 2]).unwrap_err();
    assert!(matches!(error, Error::NotPermutation { position: 2, neuron: 2, size: 3, .. }), "{error}");
    let error = Permutation::new(vec![0, 3, 1]).unwrap_err();
    assert!(matches!(error, Error::NotPermutation { position: 1, neuron: 3, .. }), "{error}");
    let labels = Labels::from_values(["a", "b"]);
    let error = Permutation::by_label(&labels, NameOrder::Given(&["a"])).unwrap_err();
    assert!(error.to_string().contains("leaves out \"b\""), "{error}");
    let error = Permutation::by_label(&labels, NameOrder::Given(&["a", "b", "a"])).unwrap_err();
    assert!(error.to_string().contains("repeats \"a\""), "{error}");
}

#[test]
#[should_panic(expected = "4 neurons, the permutation has 2")]
fn sizes_must_agree() {
    let _ = Permutation::by_key(2, |i| i).connectome(&typed());
}
