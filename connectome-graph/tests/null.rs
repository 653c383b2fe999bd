//! What null models preserve, that they randomise, and that all networks they can make are equally likely.

use std::collections::HashMap;

use connectome_graph::generate::{Benchmark, ByType, TypeAssignment};
use connectome_graph::null::{
    BlockShuffle, Comparison, Configuration, DegreePreserving, DistancePreserving, ErdosRenyi, LatticeShuffle,
    NullModel, SelfConnections, SignShuffle, WeightShuffle, compare, configuration, gnm, gnp, overlap,
};
use connectome_graph::{Aggregate, Dale, Duplicates, Error, Measure, Topology, WeightRule, aggregate, hex};
use connectome_io::{
    Connectome, Labels, LatticeWiring, NeuronTable, Orientation, Placement, Positions, Provenance, Sign, SynapseTable,
    TypePair, read,
};
use proptest::prelude::*;

/// Dense square matrices with few or many zeros and self connections.
fn network() -> impl Strategy<Value = Topology> {
    (1..14usize, 1..6u32).prop_flat_map(|(n, zeros)| {
        let weight =
            prop_oneof![zeros => Just(0.0), 2 => (1..9i32).prop_map(f64::from), 1 => (-8..0i32).prop_map(f64::from)];
        prop::collection::vec(weight, n * n).prop_map(move |dense| Topology::from_dense(n, n, &dense).unwrap())
    })
}

/// `n` labels of three types, the last of which has no neuron.
fn types(n: usize) -> Labels {
    let names = ["a", "b", "c", "none"].map(String::from).to_vec();
    Labels::new(names, (0..n as u32).map(|i| i * i % 3).collect()).unwrap()
}

/// Points on a disc that is filled by the golden angle, one in ten unknown.
fn places(n: usize) -> Positions {
    let point = |i: usize| {
        let (radius, angle) = ((i as f64).sqrt() / 2.0, i as f64 * 2.399_963);
        (i % 10 != 3).then(|| [radius * angle.cos(), radius * angle.sin(), 0.0])
    };
    Positions::new((0..n).map(point).collect(), "mm").unwrap()
}

/// Numbers of synapses, and synapses of unknown length.
type Reach = (HashMap<u64, u32>, Vec<(u32, u32, f64)>);

/// Number of synapses by distance in bins of `width`; those of neurons without position as they are.
fn reach(topology: &Topology, places: &Positions, width: f64) -> Reach {
    let (mut bins, mut fixed) = (HashMap::new(), Vec::new());
    for synapse in topology.iter() {
        match (places.points()[synapse.0 as usize], places.points()[synapse.1 as usize]) {
            (Some(a), Some(b)) => {
                let distance = (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt();
                *bins.entry((distance / width * (1.0 + 1e-9) + 1e-9) as u64).or_default() += 1;
            }
            _ => fixed.push(synapse),
        }
    }
    (bins, fixed)
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn all_weights(topology: &Topology) -> Vec<f64> {
    sorted(topology.weights().to_vec())
}

/// Sorted outgoing weights of each neuron.
fn outgoing(topology: &Topology) -> Vec<Vec<f64>> {
    let transpose = topology.transpose();
    (0..transpose.n_post()).map(|i| sorted(transpose.row(i).1.to_vec())).collect()
}

fn counts(topology: &Topology, types: &Labels) -> Aggregate {
    aggregate(topology, types, Measure::Count).unwrap()
}

/// Number of inputs of each neuron from each type, and of targets in each type.
fn degrees_by_type(topology: &Topology, types: &Labels) -> HashMap<(u32, u32, bool), u32> {
    let mut degrees = HashMap::new();
    for (post, pre, _) in topology.iter() {
        *degrees.entry((post, types.codes()[pre as usize], true)).or_default() += 1;
        *degrees.entry((pre, types.codes()[post as usize], false)).or_default() += 1;
    }
    degrees
}

fn self_connections(topology: &Topology) -> Vec<(u32, f64)> {
    topology.iter().filter(|(post, pre, _)| post == pre).map(|(post, _, weight)| (post, weight)).collect()
}

fn models(n: usize) -> Vec<Box<dyn NullModel + Send>> {
    vec![
        Box::new(ErdosRenyi::new()),
        Box::new(BlockShuffle::new(types(n))),
        Box::new(DegreePreserving::new()),
        Box::new(DegreePreserving::new().within(types(n))),
        Box::new(Configuration::new()),
        Box::new(DistancePreserving::new(&places(n), 2.0)),
        Box::new(WeightShuffle::All),
        Box::new(WeightShuffle::Sign),
        Box::new(WeightShuffle::Presynaptic),
        Box::new(WeightShuffle::Postsynaptic),
        Box::new(WeightShuffle::Types(types(n))),
        Box::new(SignShuffle::Synapses),
    ]
}

/// A connectome with the synapses of a network and nothing else.
fn connectome(topology: &Topology) -> Connectome {
    let (pre, post) = topology.iter().map(|(post, pre, _)| (pre, post)).unzip();
    let synapses = SynapseTable::new(pre, post, topology.weights().to_vec()).unwrap();
    Connectome::new(
        NeuronTable::numbered(topology.n_post()),
        synapses,
        Provenance::new("test", Orientation::PostPre).with_licence("none"),
    )
    .unwrap()
}

fn worm() -> Connectome {
    read(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/celegans/chemical.csv")).unwrap()
}

fn medium() -> Topology {
    let model = ByType {
        type_probability: vec![0.5, 0.3, 0.2],
        connection_probability: vec![0.02, 0.1, 0.0, 0.05, 0.3, 0.1, 0.2, 0.01, 0.9],
        assignment: TypeAssignment::Exact,
    };
    let topology = model.generate(700, 4).unwrap().topology;
    let signed =
        |e: usize| (e * 37 % 101 + 1) as f64 * if topology.columns()[e].is_multiple_of(4) { -1.0 } else { 1.0 };
    topology.with_weights((0..topology.nnz()).map(signed).collect()).unwrap()
}

/// The laws of all models that move synapses.
fn check_moved(original: &Topology, seed: u64) {
    let types = types(original.n_post());
    let null = ErdosRenyi::new().topology(original, seed).unwrap();
    assert_eq!(all_weights(&null), all_weights(original));
    assert_eq!(null.self_loops(), original.self_loops());

    let null = BlockShuffle::new(types.clone()).topology(original, seed).unwrap();
    assert_eq!(all_weights(&null), all_weights(original));
    assert_eq!(counts(&null, &types), counts(original, &types));
    assert_eq!(aggregate(&null, &types, Measure::Sum).unwrap(), aggregate(original, &types, Measure::Sum).unwrap());
    assert_eq!(null.self_loops(), original.self_loops());

    let within = DegreePreserving::new().within(types.clone());
    let places = places(original.n_post());
    let near = DistancePreserving::new(&places, 1.5).swaps_per_synapse(20.0);
    let models: [&dyn NullModel; 4] = [&DegreePreserving::new(), &within, &Configuration::new(), &near];
    for (which, model) in models.into_iter().enumerate() {
        let (null, report) = model.topology_with_report(original, seed).unwrap();
        assert_eq!(null.in_degree(), original.in_degree());
        assert_eq!(outgoing(&null), outgoing(original));
        assert_eq!(self_connections(&null), self_connections(original));
        assert!(which == 3 || report.fixed == original.self_loops() as u64);
        assert!(report.accepted <= report.proposed);
        if which == 1 {
            assert_eq!(degrees_by_type(&null, &types), degrees_by_type(original, &types));
        }
        if which == 3 {
            assert!(reach(&null, &places, 1.5) == reach(original, &places, 1.5));
        }
    }
}

/// The laws of all models that leave synapses in place.
fn check_in_place(original: &Topology, seed: u64) {
    let types = types(original.n_post());
    type Group<'a> = &'a dyn Fn(u32, u32, f64) -> u32;
    let groups: [(WeightShuffle, Group<'_>); 5] = [
        (WeightShuffle::All, &|_, _, _| 0),
        (WeightShuffle::Sign, &|_, _, weight| u32::from(weight > 0.0)),
        (WeightShuffle::Presynaptic, &|_, pre, _| pre),
        (WeightShuffle::Postsynaptic, &|post, _, _| post),
        (WeightShuffle::Types(types.clone()), &|post, pre, _| {
            types.codes()[post as usize] * 4 + types.codes()[pre as usize]
        }),
    ];
    let in_groups = |topology: &Topology, group: Group<'_>| {
        let mut grouped: HashMap<u32, Vec<f64>> = HashMap::new();
        for ((post, pre, weight), (.., before)) in topology.iter().zip(original.iter()) {
            grouped.entry(group(post, pre, before)).or_default().push(weight);
        }
        grouped.into_iter().map(|(group, weights)| (group, sorted(weights))).collect::<HashMap<_, _>>()
    };
    for (model, group) in groups {
        let null = model.topology(original, seed).unwrap();
        assert_eq!((null.row_ptr(), null.columns()), (original.row_ptr(), original.columns()));
        assert_eq!(in_groups(&null, group), in_groups(original, group), "{model:?}");
    }
    let null = SignShuffle::Synapses.topology(original, seed).unwrap();
    let negative = |t: &Topology| t.weights().iter().filter(|&&w| w < 0.0).count();
    assert_eq!(null.map_weights(f64::abs).unwrap(), original.map_weights(f64::abs).unwrap());
    assert_eq!(negative(&null), negative(original));
}

proptest! {
    #[test]
    fn small_networks_keep_what_they_should(original in network(), seed: u64) {
        check_moved(&original, seed);
        check_in_place(&original, seed);
        // every neuron has the sign of its number: then signs of neurons can be exchanged
        let signed = original.iter().map(|(_, pre, w)| if pre.is_multiple_of(3) { -w.abs() } else { w.abs() }).collect();
        let signed = original.with_weights(signed).unwrap();
        let null = SignShuffle::Neurons.topology(&signed, seed).unwrap();
        let ((magnitudes, mut before), (same, mut after)) =
            (signed.split_signs(Dale::Strict).unwrap(), null.split_signs(Dale::Strict).unwrap());
        prop_assert_eq!(magnitudes, same);
        before.sort_unstable_by_key(|sign| sign.value());
        after.sort_unstable_by_key(|sign| sign.value());
        prop_assert_eq!(before, after);
    }

    /// A connectome without parallel rows and gap junctions is randomised as its topology is, whatever the order of rows.
    #[test]
    fn connectomes_follow_their_topology(original in network(), seed: u64) {
        let connectome = connectome(&original);
        for model in models(original.n_post()) {
            let null = model.connectome(&connectome, seed).unwrap();
            let topology = Topology::from_connectome(&null, WeightRule::AsStored, Duplicates::Error).unwrap();
            prop_assert_eq!(topology, model.topology(&original, seed).unwrap());
            let (source, ending) = (null.provenance().source(), format!(", seed {seed}"));
            prop_assert!(source.starts_with("test; ") && source.ends_with(&ending));
            prop_assert_eq!(null.provenance().licence(), Some("none"));
            prop_assert_eq!(null.neurons().ids(), connectome.neurons().ids());
        }
    }

    /// Generators give what they are asked for.
    #[test]
    fn generators_are_exact(n in 0..30usize, fill in 0.0..=1.0f64, loops: bool, seed: u64) {
        let own = if loops { SelfConnections::Allowed } else { SelfConnections::Excluded };
        let pairs = if loops { n * n } else { n * n.saturating_sub(1) };
        let m = (pairs as f64 * fill) as usize;
        let random = gnm(n, m, own, seed).unwrap();
        prop_assert_eq!((random.n_post(), random.n_pre(), random.nnz()), (n, n, m));
        prop_assert!(loops || random.self_loops() == 0);
        prop_assert!(gnm(n, pairs + 1, own, seed).is_err());
        prop_assert_eq!(gnp(n, 1.0, own, seed).unwrap().nnz(), pairs);
        prop_assert_eq!(gnp(n, 0.0, own, seed).unwrap().nnz(), 0);
        prop_assert!(loops || gnp(n, fill, own, seed).unwrap().self_loops() == 0);
        let again = configuration(&random.in_degree(), &random.out_degree(), own, seed).unwrap();
        prop_assert_eq!((again.in_degree(), again.out_degree()), (random.in_degree(), random.out_degree()));
        prop_assert!(loops || again.self_loops() == 0);
    }
}

#[test]
fn larger_networks_keep_what_they_should() {
    for original in [medium(), Benchmark { neurons: 3000, synapses: 200_000 }.topology().unwrap()] {
        check_moved(&original, 11);
        check_in_place(&original, 12);
    }
    let original = medium();
    let null = SignShuffle::Neurons.topology(&original, 1).unwrap();
    let inhibitory = |t: &Topology| {
        let signs = t.split_signs(Dale::Strict).unwrap().1;
        (0..signs.len()).filter(|&i| signs[i] == Sign::Inhibitory).collect::<Vec<_>>()
    };
    assert_eq!(inhibitory(&null).len(), inhibitory(&original).len());
    assert_ne!(inhibitory(&null), inhibitory(&original));
}

/// Nothing is left of who connects to whom but what the model keeps: the overlap is that of two independent draws.
#[test]
fn models_randomise() {
    let original = Benchmark { neurons: 3000, synapses: 200_000 }.topology().unwrap();
    let (m, density) = (original.nnz() as f64, original.density());
    let near = |x: f64, expected: f64| (x - expected).abs() < 5.0 * (expected * (1.0 - expected) / m).sqrt();
    let random = ErdosRenyi::new().topology(&original, 1).unwrap();
    assert!(near(overlap(&original, &random), density));

    // networks of equal degrees share more pairs; one drawn among them shares no more with a null than two nulls do
    let original = Configuration::new().swaps_per_synapse(10.0).topology(&original, 9).unwrap();
    for model in models(3000).iter().skip(2).take(3) {
        let nulls: Vec<Topology> = (0..2).map(|seed| model.topology(&original, seed).unwrap()).collect();
        let between = overlap(&nulls[0], &nulls[1]);
        assert!(between < 0.5, "{between}");
        assert!(near(overlap(&original, &nulls[0]), between), "{} {between}", overlap(&original, &nulls[0]));
        assert_ne!(nulls[0], nulls[1]);
    }

    // at equal distance it takes more swaps until the original is forgotten
    let places =
        Positions::new((0..700).map(|i| Some([f64::from(i % 20), f64::from(i / 20), 0.0])).collect(), "").unwrap();
    let model = DistancePreserving::new(&places, 4.0).swaps_per_synapse(90.0);
    let original = model.topology(&medium(), 7).unwrap();
    let nulls: Vec<Topology> = (0..2).map(|seed| model.topology(&original, seed).unwrap()).collect();
    let (m, between) = (original.nnz() as f64, overlap(&nulls[0], &nulls[1]));
    let deviation = (between * (1.0 - between) / m).sqrt();
    assert!(between < 0.5 && (overlap(&original, &nulls[0]) - between).abs() < 5.0 * deviation);
}

/// All networks with the degrees of a small one, as sorted lists of pairs (post, pre) that are no self connection.
fn with_degrees_of(original: &Topology) -> Vec<Vec<(u32, u32)>> {
    let n = original.n_post() as u32;
    let pairs: Vec<(u32, u32)> = (0..n * n).map(|k| (k / n, k % n)).filter(|(i, j)| i != j).collect();
    let (inputs, outputs) = (original.in_degree(), original.out_degree());
    (0u32..1 << pairs.len())
        .filter(|set| set.count_ones() as usize == original.nnz())
        .map(|set| pairs.iter().enumerate().filter(|(k, _)| set >> k & 1 == 1).map(|(_, &p)| p).collect())
        .filter(|chosen: &Vec<(u32, u32)>| {
            let degree = |end: fn(&(u32, u32)) -> u32| {
                let mut degree = vec![0; n as usize];
                chosen.iter().for_each(|pair| degree[end(pair) as usize] += 1);
                degree
            };
            degree(|p| p.0) == inputs && degree(|p| p.1) == outputs
        })
        .collect()
}

/// Every network is as likely as any other: chi-square of 4,000 draws below its 99.99 % point (Wilson & Hilferty 1931).
fn check_uniform(possible: Vec<Vec<(u32, u32)>>, draw: impl Fn(u64) -> Topology) {
    const DRAWS: u64 = 4000;
    assert!(possible.len() > 1);
    let mut seen: HashMap<Vec<(u32, u32)>, f64> = possible.into_iter().map(|network| (network, 0.0)).collect();
    for seed in 0..DRAWS {
        let network: Vec<(u32, u32)> = draw(seed).iter().map(|(post, pre, _)| (post, pre)).collect();
        *seen.get_mut(&network).expect("a network with these degrees") += 1.0;
    }
    let expected = DRAWS as f64 / seen.len() as f64;
    assert!(expected > 10.0, "{} networks", seen.len());
    let chi: f64 = seen.values().map(|count| (count - expected).powi(2) / expected).sum();
    let free = seen.len() as f64 - 1.0;
    let limit = free * (1.0 - 2.0 / (9.0 * free) + 3.72 * (2.0 / (9.0 * free)).sqrt()).powi(3);
    assert!(chi < limit, "chi-square {chi} of {} networks, limit {limit}", seen.len());
}

#[test]
fn all_networks_with_given_degrees_are_equally_likely() {
    let of = |n: usize, pairs: &[(u32, u32)]| {
        let (post, pre): (Vec<u32>, Vec<u32>) = pairs.iter().copied().unzip();
        Topology::from_edges(n, n, &post, &pre, &vec![1.0; pairs.len()], Duplicates::Error).unwrap()
    };
    let cases = [
        of(3, &[(1, 0), (2, 1), (0, 2)]), // only turning the cycle leads to the other network
        of(4, &[(1, 0), (2, 1), (3, 2), (0, 3)]),
        of(4, &[(1, 0), (2, 0), (3, 0), (0, 1), (2, 3), (1, 2)]),
        of(5, &[(1, 0), (2, 0), (0, 1), (3, 2), (4, 3), (1, 4)]),
    ];
    for original in cases {
        let possible = with_degrees_of(&original);
        check_uniform(possible.clone(), |seed| {
            DegreePreserving::new().swaps_per_synapse(30.0).topology(&original, seed).unwrap()
        });
        check_uniform(possible, |seed| Configuration::new().swaps_per_synapse(30.0).topology(&original, seed).unwrap());
    }
}

/// Among networks of equal degrees and distances too: on the corners of a square sides are shorter than diagonals.
#[test]
fn all_networks_with_given_distances_are_equally_likely() {
    let corners = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]].map(|[x, y]| Some([x, y, 0.0]));
    let square = Positions::new(corners.to_vec(), "").unwrap();
    let pairs = [(1, 0), (2, 1), (3, 2), (0, 3), (2, 0), (0, 2)];
    let (post, pre): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
    let original = Topology::from_edges(4, 4, &post, &pre, &[1.0; 6], Duplicates::Error).unwrap();
    let model = DistancePreserving::new(&square, 1.2).swaps_per_synapse(100.0);
    let diagonals = |network: &[(u32, u32)]| network.iter().filter(|(post, pre)| (post + pre) % 2 == 0).count();
    let possible: Vec<_> = with_degrees_of(&original).into_iter().filter(|n| diagonals(n) == 2).collect();
    check_uniform(possible, |seed| model.topology(&original, seed).unwrap());
}

/// Draws of numbers of synapses and of blocks are uniform too.
#[test]
fn all_networks_with_given_counts_are_equally_likely() {
    let mut seen: HashMap<Vec<u32>, f64> = HashMap::new();
    for seed in 0..3000 {
        let network = gnm(3, 4, SelfConnections::Excluded, seed).unwrap();
        *seen.entry(network.iter().map(|(post, pre, _)| post * 3 + pre).collect()).or_default() += 1.0;
    }
    assert_eq!(seen.len(), 15); // 4 of 6 pairs, the crowded way
    assert!(seen.values().map(|count| (count - 200.0).powi(2) / 200.0).sum::<f64>() < 42.6); // 99.99 %, 14 degrees of freedom
    let p = 0.3;
    let sizes: Vec<f64> = (0..200).map(|s| gnp(60, p, SelfConnections::Allowed, s).unwrap().nnz() as f64).collect();
    let mean = sizes.iter().sum::<f64>() / 200.0;
    assert!((mean - 3600.0 * p).abs() < 5.0 * (3600.0 * p * (1.0 - p) / 200.0).sqrt(), "{mean}");
}

#[test]
fn threads_do_not_matter() {
    let original = medium();
    let large = Benchmark { neurons: 3000, synapses: 200_000 }.topology().unwrap();
    let draw = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut nulls: Vec<Topology> = models(700).iter().map(|m| m.topology(&original, 5).unwrap()).collect();
            nulls.push(DegreePreserving::new().topology(&large, 5).unwrap());
            (nulls, compare(&original, &DegreePreserving::new(), 0..6, Topology::reciprocity).unwrap())
        })
    };
    let one = draw(1);
    assert_eq!(one, draw(2));
    assert_eq!(one, draw(5));
    for (first, model) in one.0.iter().zip(models(700)) {
        assert_ne!(first, &model.topology(&original, 6).unwrap());
    }
}

#[test]
fn edges_of_what_is_possible() {
    for topology in [
        Topology::from_dense(0, 0, &[]).unwrap(),
        Topology::from_dense(1, 1, &[0.0]).unwrap(),
        Topology::from_dense(1, 1, &[2.0]).unwrap(),
        Topology::from_dense(4, 4, &[1.0; 16]).unwrap(),
    ] {
        for model in models(topology.n_post()) {
            // nothing can move, and all weights are equal
            assert_eq!(model.topology(&topology, 3).unwrap(), topology);
        }
    }
    // between two populations there are no self connections
    let between = Topology::from_dense(2, 3, &[1.0, 0.0, 2.0, 0.0, 3.0, 0.0]).unwrap();
    let null = DegreePreserving::new().topology(&between, 1).unwrap();
    assert_eq!((null.in_degree(), outgoing(&null)), (between.in_degree(), outgoing(&between)));
    let random = ErdosRenyi::new().topology(&between, 1).unwrap();
    assert_eq!((random.n_post(), random.n_pre(), random.nnz()), (2, 3, 3));
    assert!(matches!(
        BlockShuffle::new(types(2)).topology(&between, 0),
        Err(Error::Length { expected: 3, got: 2, .. })
    ));

    let full = Topology::from_dense(2, 2, &[1.0; 4]).unwrap();
    let excluded = ErdosRenyi::new().self_connections(SelfConnections::Excluded).topology(&full, 0);
    assert!(matches!(excluded, Err(Error::TooMany { count: 4, limit: 2, .. })));
    let negative = DegreePreserving::new().swaps_per_synapse(-1.0).topology(&full, 0);
    assert!(matches!(negative, Err(Error::Parameter { .. })));
    // a neuron whose synapses balance has no sign and does not turn
    let balanced = Topology::from_dense(3, 3, &[1.0, 2.0, -1.0, -1.0, 0.0, 0.0, 0.0, 2.0, -1.0]).unwrap();
    let turned = SignShuffle::Neurons.topology(&balanced, 2).unwrap();
    assert_eq!((0..3).map(|i| turned.get(i, 0)).collect::<Vec<_>>(), [Some(1.0), Some(-1.0), None]);
}

#[test]
fn impossible_degrees_are_explained() {
    let refused = |inputs: &[u32], outputs: &[u32]| {
        configuration(inputs, outputs, SelfConnections::Excluded, 0).unwrap_err().to_string()
    };
    assert!(refused(&[1, 1], &[1, 0]).contains("in-degrees add up to 2, out-degrees to 1"));
    assert!(refused(&[2, 0], &[1, 1]).contains("in-degree of neuron 0 is 2, but it has 1 possible partners"));
    // a neuron wants three inputs, but only one other has outputs
    let reason = refused(&[3, 3, 0, 0], &[3, 3, 0, 0]);
    assert!(reason.contains("1 with most inputs need 3, but no more than 1 "), "{reason}");
    assert!(matches!(
        configuration(&[1], &[1, 2], SelfConnections::Allowed, 0),
        Err(Error::Length { expected: 1, got: 2, .. })
    ));
    // only one network has these degrees
    // a star is the only network of its degrees, which random ends do not find
    let n = 30_000;
    let degrees: Vec<u32> = (0..n).map(|i| if i == 0 { n - 1 } else { 1 }).collect();
    let star = configuration(&degrees, &degrees, SelfConnections::Excluded, 7).unwrap();
    assert!(star.nnz() == 2 * (n as usize - 1) && star.in_degree() == degrees && star.out_degree() == degrees);
    let star = configuration(&[4, 0, 0, 0, 0], &[0, 1, 1, 1, 1], SelfConnections::Excluded, 7).unwrap();
    assert_eq!(star.iter().map(|(_, pre, _)| pre).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

/// Kinds are randomised for themselves, gap junctions stay, parallel rows move together, attributes go along.
#[test]
fn connectomes_keep_their_columns() {
    let n = 40u32;
    let (mut pre, mut post, mut kinds, mut part) = (vec![], vec![], vec![], vec![]);
    for i in 0..n {
        for step in [1, 3, 7] {
            for region in ["left", "right"] {
                pre.push(i);
                post.push((i + step) % n);
                kinds.push(if step == 7 { "electrical" } else { "chemical" });
                part.push(region);
            }
        }
        pre.push(i);
        post.push((i + 1) % n);
        kinds.push("peptide");
        part.push("left");
    }
    let weight: Vec<f64> = (0..pre.len()).map(|row| (row % 17 + 1) as f64).collect();
    let synapses = SynapseTable::new(pre.clone(), post.clone(), weight.clone())
        .unwrap()
        .with_kinds(Labels::from_values(kinds.iter()))
        .unwrap()
        .with_column("region", Labels::from_values(part.iter()))
        .unwrap();
    let neurons = NeuronTable::numbered(n as usize).with_types(types(n as usize)).unwrap();
    let original = Connectome::new(neurons, synapses, Provenance::default()).unwrap();
    for model in models(n as usize) {
        let null = model.connectome(&original, 2).unwrap();
        assert_eq!(null.neurons(), original.neurons());
        assert_eq!(null.synapses().kinds(), original.synapses().kinds());
        assert_eq!(null.synapses().columns(), original.synapses().columns());
        for row in 0..pre.len() {
            if kinds[row] == "electrical" {
                assert_eq!((null.synapses().pre()[row], null.synapses().post()[row]), (pre[row], post[row]));
                assert_eq!(null.synapses().weight()[row], weight[row]);
            }
        }
    }
    let (null, report) = DegreePreserving::new().connectome_with_report(&original, 2).unwrap();
    assert_eq!(report.fixed, 2 * u64::from(n));
    let (table, mut moved) = (null.synapses(), 0);
    for kind in ["chemical", "electrical", "peptide"] {
        let rows: Vec<usize> = (0..pre.len()).filter(|&row| kinds[row] == kind).collect();
        let mut inputs = vec![0i32; n as usize];
        for &row in &rows {
            assert_eq!(table.pre()[row], pre[row]);
            inputs[table.post()[row] as usize] += 1;
            inputs[post[row] as usize] -= 1;
            moved += usize::from(table.post()[row] != post[row]);
        }
        assert!(inputs.iter().all(|&difference| difference == 0), "{kind}");
    }
    assert!(moved > 100, "{moved}");
    for row in (0..pre.len() - 1).filter(|&row| part[row] == "left" && part[row + 1] == "right") {
        assert_eq!(table.post()[row], table.post()[row + 1]);
    }
}

/// Signs turn in all tables at once.
#[test]
fn signs_of_a_connectome_turn_together() {
    let worm = worm();
    let signs = |c: &Connectome| c.neurons().signs().unwrap().to_vec();
    let count = |signs: &[Sign], sign| signs.iter().filter(|&&s| s == sign).count();
    let null = SignShuffle::Neurons.connectome(&worm, 9).unwrap();
    assert_ne!(signs(&null), signs(&worm));
    for sign in [Sign::Inhibitory, Sign::Unknown, Sign::Excitatory] {
        assert_eq!(count(&signs(&null), sign), count(&signs(&worm), sign));
    }
    assert_eq!(null.synapses().weight(), worm.synapses().weight());
    let (before, after) = (worm.synapses().signs().unwrap(), null.synapses().signs().unwrap());
    for (row, &pre) in worm.synapses().pre().iter().enumerate() {
        let turned = signs(&worm)[pre as usize] != signs(&null)[pre as usize];
        let expected = if turned { Sign::of(-before[row].factor()) } else { before[row] };
        assert_eq!(after[row], expected);
    }
    let null = SignShuffle::Synapses.connectome(&worm, 9).unwrap();
    assert_eq!(count(null.synapses().signs().unwrap(), Sign::Inhibitory), count(before, Sign::Inhibitory));
    assert_eq!(count(&signs(&null), Sign::Unknown), 302);
}

/// Counts of synapses beside signs of neurons alone: counts stay, and as many synapses as before inhibit.
#[test]
fn signs_that_only_neurons_have() {
    let worm = worm();
    let table = worm.synapses();
    let counts = SynapseTable::new(table.pre().to_vec(), table.post().to_vec(), table.weight().to_vec()).unwrap();
    let worm = Connectome::new(worm.neurons().clone(), counts, worm.provenance().clone()).unwrap();
    let before = worm.neurons().signs().unwrap();
    let inhibit = |signs: &[Sign]| signs.iter().filter(|&&sign| sign == Sign::Inhibitory).count();
    let of_pre: Vec<Sign> = worm.synapses().pre().iter().map(|&pre| before[pre as usize]).collect();

    let null = SignShuffle::Neurons.connectome(&worm, 9).unwrap();
    assert_eq!((null.synapses(), inhibit(null.neurons().signs().unwrap())), (worm.synapses(), inhibit(before)));
    assert_ne!(null.neurons().signs(), worm.neurons().signs());

    let null = SignShuffle::Synapses.connectome(&worm, 9).unwrap();
    let after = null.synapses().signs().unwrap();
    assert_eq!((null.synapses().weight(), inhibit(after)), (worm.synapses().weight(), inhibit(&of_pre)));
    assert!(
        inhibit(after) > 0 && after != of_pre && null.neurons().signs().unwrap().iter().all(|&s| s == Sign::Unknown)
    );

    // weights with signs turn, whatever else there is
    let weights = of_pre.iter().zip(table.weight()).map(|(sign, w)| if *sign == Sign::Inhibitory { -w } else { *w });
    let signed = SynapseTable::new(table.pre().to_vec(), table.post().to_vec(), weights.collect()).unwrap();
    let signed = Connectome::new(worm.neurons().clone(), signed, worm.provenance().clone()).unwrap();
    let null = SignShuffle::Neurons.connectome(&signed, 9).unwrap();
    for ((&pre, now), then) in table.pre().iter().zip(null.synapses().weight()).zip(signed.synapses().weight()) {
        let turned = null.neurons().signs().unwrap()[pre as usize] != before[pre as usize];
        assert_eq!(*now, if turned { -then } else { *then });
    }
}

/// On a lattice of cell types synapses stay, signs of types turn with their pairs.
#[test]
fn cell_types_on_a_lattice() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fly-vision/data/fib25-fib19_v2.2.json.gz");
    let types = read(path).unwrap();
    let error = DegreePreserving::new().connectome(&types, 0).unwrap_err();
    assert!(matches!(error, Error::OnLattice { .. }) && error.to_string().contains("expand it first"));
    assert!(matches!(SignShuffle::Synapses.connectome(&types, 0), Err(Error::OnLattice { .. })));
    let shuffled = WeightShuffle::All.connectome(&types, 0).unwrap();
    assert_eq!(shuffled.lattice(), types.lattice());
    let turned = SignShuffle::Neurons.connectome(&types, 3).unwrap();
    // four types have synapses of both signs: all of a type's synapses turn or none
    for (before, after) in types.lattice().unwrap().pairs().iter().zip(turned.lattice().unwrap().pairs()) {
        let first = |c: &Connectome| c.lattice().unwrap().pairs().iter().find(|p| p.pre == before.pre).unwrap().sign;
        assert_eq!(before.sign == after.sign, first(&types) == first(&turned));
    }
    assert_ne!(turned.lattice(), types.lattice());
    assert_eq!(
        hex::expand(&turned, hex::Extent(2)).unwrap().n_edges(),
        hex::expand(&types, hex::Extent(2)).unwrap().n_edges()
    );
}

/// Synapses with their distances in columns, pair by pair.
fn radial(types: &Connectome) -> Vec<(u32, u32, u64)> {
    let lattice = types.lattice().unwrap();
    let synapse = |row: usize| {
        let [u, v] = lattice.offset()[row];
        (lattice.pair()[row], hex::Axial::new(u, v).norm(), types.synapses().weight()[row].to_bits())
    };
    let mut all: Vec<_> = (0..types.n_synapses()).map(synapse).collect();
    all.sort_unstable();
    all
}

const LATTICE: [LatticeShuffle; 3] = [LatticeShuffle::Symmetries, LatticeShuffle::Numbers, LatticeShuffle::Rings];

#[test]
fn receptive_fields_keep_their_radial_profile() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fly-vision/data/fib25-fib19_v2.2.json.gz");
    let types = read(path).unwrap();
    let lattice = types.lattice().unwrap();
    for model in LATTICE {
        let null = model.connectome(&types, 4).unwrap();
        assert_eq!(radial(&null), radial(&types));
        assert_eq!(null.neurons(), types.neurons());
        assert_eq!(null, model.connectome(&types, 4).unwrap());
        assert_ne!(null, model.connectome(&types, 5).unwrap());
        assert!(null.provenance().source().ends_with("seed 4"));
        let wiring = null.lattice().unwrap();
        assert_eq!((wiring.pairs(), wiring.pair()), (lattice.pairs(), lattice.pair()));
        let same = (0..types.n_synapses())
            .filter(|&row| {
                (wiring.offset()[row], null.synapses().weight()[row])
                    == (lattice.offset()[row], types.synapses().weight()[row])
            })
            .count();
        assert!(3 * same < 2 * types.n_synapses(), "{model:?} leaves {same} of {}", types.n_synapses());
        // turned fields have as many edges, but for two sparse types; displacements stay different in all
        let edges = |c: &Connectome| {
            let full = |t: u32| lattice.placement()[t as usize] == Placement::Stride([1, 1]);
            let network = hex::expand_with(c, hex::Extent(4), hex::Fill::None).unwrap();
            let between = network.pair_groups().iter().filter(|g| full(g.source_type) && full(g.target_type));
            between.map(|group| group.n_edges).sum::<usize>()
        };
        if model == LatticeShuffle::Symmetries {
            assert_eq!(edges(&null), edges(&types));
        }
        let mut places: Vec<_> = wiring.pair().iter().zip(wiring.offset()).collect();
        places.sort_unstable();
        assert!(places.windows(2).all(|pair| pair[0] != pair[1]));
    }
    assert!(matches!(LatticeShuffle::Rings.connectome(&worm(), 0), Err(Error::NoLattice { .. })));
}

/// Displacements that lead to no cell of a sparse type do not come about.
#[test]
fn sparse_types_keep_their_synapses() {
    let placement =
        vec![Placement::Stride([1, 1]), Placement::Stride([2, 3]), Placement::Stride([4, 3]), Placement::Single];
    // pre, post, displacement: between strides [2, 3] and [4, 3] displacements are multiples of them
    let rows = [
        (0, 1, [1, 1]),
        (1, 2, [2, 3]),
        (1, 2, [0, 3]),
        (1, 2, [-2, 3]),
        (1, 1, [-2, 0]),
        (3, 3, [0, 0]),
        (3, 1, [2, -3]),
        (1, 2, [1, 0]), // leads nowhere, in the original too
    ];
    let mut pairs: Vec<TypePair> = Vec::new();
    let mut pair = Vec::new();
    for &(pre, post, _) in &rows {
        pair.push(pairs.iter().position(|p| (p.pre, p.post) == (pre, post)).unwrap_or_else(|| {
            pairs.push(TypePair { pre, post, sign: Sign::Excitatory, certainty: 1.0 });
            pairs.len() - 1
        }) as u32);
    }
    let offset = rows.iter().map(|row| row.2).collect();
    let synapses = SynapseTable::new(
        rows.iter().map(|row| row.0).collect(),
        rows.iter().map(|row| row.1).collect(),
        (0..rows.len()).map(|k| k as f64 + 1.0).collect(),
    )
    .unwrap();
    let types = Connectome::new(NeuronTable::numbered(4), synapses, Provenance::default())
        .unwrap()
        .with_lattice(LatticeWiring::new(placement, pairs, pair, offset).unwrap())
        .unwrap();
    for (model, seed) in LATTICE.into_iter().flat_map(|model| (0..20).map(move |seed| (model, seed))) {
        let null = model.connectome(&types, seed).unwrap();
        assert_eq!(radial(&null), radial(&types));
        let network = hex::expand_with(&null, hex::Extent(12), hex::Fill::None).unwrap();
        for offset in network.offsets() {
            assert_eq!(offset.edges.is_empty(), offset.n_syn == 8.0);
        }
    }
}

/// On the expanded fly, synapses reach as far as before but elsewhere.
#[test]
fn the_fly_rewired_at_equal_distance() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fly-vision/data/fib25-fib19_v2.2.json.gz");
    let fly = hex::expand(&read(path).unwrap(), hex::Extent(3)).unwrap();
    let cells = fly.to_connectome().unwrap();
    let wiring = fly.topology(WeightRule::Magnitude).unwrap();
    let places = cells.neurons().positions().unwrap();
    let model = DistancePreserving::new(places, 3f64.sqrt()).swaps_per_synapse(20.0);
    let (null, report) = model.topology_with_report(&wiring, 0).unwrap();
    assert_eq!(reach(&null, places, 3f64.sqrt()), reach(&wiring, places, 3f64.sqrt()));
    assert!(report.accepted > 2 * wiring.nnz() as u64, "{report:?}");
    assert!(overlap(&wiring, &null) < 0.3, "{}", overlap(&wiring, &null));
    let wrong = DistancePreserving::new(places, 0.0).topology(&wiring, 0);
    assert!(matches!(wrong, Err(Error::Parameter { .. })));
    let wrong = DistancePreserving::new(places, 1.0).topology(&medium(), 0);
    assert!(matches!(wrong, Err(Error::Length { expected: 700, .. })));
}

/// The worm connects back more often than its degrees explain (Varshney et al. 2011 found the same in their data).
#[test]
fn the_worm_among_its_nulls() {
    let wiring = Topology::from_connectome(&worm(), WeightRule::Magnitude, Duplicates::Error).unwrap();
    let comparison = compare(&wiring, &DegreePreserving::new(), 0..20, Topology::reciprocity).unwrap();
    assert_eq!(comparison.nulls.len(), 20);
    assert!(comparison.z_score() > 5.0 && comparison.observed > comparison.mean());
    assert!((comparison.p_value() - 2.0 / 21.0).abs() < 1e-12);
    let same = compare(&wiring, &WeightShuffle::All, 0..3, Topology::reciprocity).unwrap();
    assert_eq!((&same.nulls[..], same.p_value()), (&[same.observed; 3][..], 1.0));
    for (observed, null) in [(f64::NAN, 0.0), (0.0, f64::NAN)] {
        assert!(Comparison { observed, nulls: vec![null; 199] }.p_value().is_nan());
    }
}

/// What 32-bit indices cannot hold is refused before it is drawn.
#[test]
fn too_many_synapses_are_refused() {
    let own = SelfConnections::Excluded;
    let dense =
        ByType { type_probability: vec![1.0], connection_probability: vec![0.5], assignment: TypeAssignment::Exact };
    let all = [
        gnp(200_000, 0.5, own, 0),
        gnm(100_000, 5_000_000_000, own, 0),
        dense.generate(200_000, 0).map(|typed| typed.topology),
    ];
    for result in all {
        assert!(matches!(result, Err(Error::TooMany { what: "synapses", .. })));
    }
}
