//! Triads against brute force, against networkx 3.6, and against nulls.

use connectome_graph::generate::{Benchmark, ByType, TypeAssignment};
use connectome_graph::motif::{Triad, against_nulls, triad_census, triads_against_nulls};
use connectome_graph::{Duplicates, Error, Topology, WeightRule};
use proptest::prelude::*;

/// A network of arcs `from -> to`.
fn network(n: usize, arcs: &[(u32, u32)]) -> Topology {
    let post: Vec<u32> = arcs.iter().map(|arc| arc.1).collect();
    let pre: Vec<u32> = arcs.iter().map(|arc| arc.0).collect();
    Topology::from_edges(n, n, &post, &pre, &vec![1.0; arcs.len()], Duplicates::Sum).unwrap()
}

/// One wiring of neurons 0, 1, 2 per class: `networkx.triad_graph`.
const EXAMPLES: [&[(u32, u32)]; 16] = [
    &[],
    &[(0, 1)],
    &[(0, 1), (1, 0)],
    &[(1, 0), (1, 2)],
    &[(0, 1), (2, 1)],
    &[(0, 1), (1, 2)],
    &[(0, 2), (1, 2), (2, 0)],
    &[(0, 2), (2, 0), (2, 1)],
    &[(0, 1), (0, 2), (2, 1)],
    &[(0, 2), (1, 0), (2, 1)],
    &[(0, 1), (0, 2), (1, 0), (2, 0)],
    &[(0, 2), (1, 0), (1, 2), (2, 0)],
    &[(0, 1), (0, 2), (2, 0), (2, 1)],
    &[(0, 1), (0, 2), (1, 2), (2, 0)],
    &[(0, 1), (0, 2), (1, 2), (2, 0), (2, 1)],
    &[(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)],
];

/// The class of three neurons: the one whose example they match in some order.
fn class_of(topology: &Topology, triad: [u32; 3]) -> usize {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let matches = |arcs: &&[(u32, u32)]| {
        orders.iter().any(|order| {
            let at = |k: u32| triad[order[k as usize]];
            (0..9).filter(|k| k / 3 != k % 3).all(|k| {
                let arc = (k / 3, k % 3);
                topology.get(at(arc.1), at(arc.0)).is_some() == arcs.contains(&arc)
            })
        })
    };
    EXAMPLES.iter().position(matches).unwrap()
}

#[test]
fn each_class_has_its_example() {
    for (k, arcs) in EXAMPLES.iter().enumerate() {
        let census = triad_census(&network(3, arcs));
        assert_eq!(census.count(Triad::ALL[k]), 1, "{}", Triad::ALL[k].name());
        assert_eq!(census.total(), 1);
    }
}

proptest! {
    /// Every triple is counted in its class, whatever the loops.
    #[test]
    fn census_agrees_with_brute_force(n in 0..14usize, bits in prop::collection::vec(0..3u8, 196)) {
        let arcs: Vec<(u32, u32)> = (0..n * n)
            .filter(|&k| bits[k] == 0)
            .map(|k| ((k / n) as u32, (k % n) as u32))
            .collect();
        let topology = network(n, &arcs);
        let mut counts = [0u128; 16];
        for a in 0..n as u32 {
            for b in 0..a {
                for c in 0..b {
                    counts[class_of(&topology, [a, b, c])] += 1;
                }
            }
        }
        let census = triad_census(&topology);
        prop_assert_eq!(census.counts(), &counts);
    }
}

/// `networkx.triadic_census` of networks of powers modulo n.
#[test]
fn census_agrees_with_networkx() {
    type Case = ((u64, u64, [u64; 3]), [u128; 16]);
    let cases: [Case; 3] = [
        ((7, 30, [3, 1, 2]), [15, 16, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        ((23, 200, [5, 3, 7]), [1404, 319, 16, 7, 5, 15, 3, 2, 0, 0, 0, 0, 0, 0, 0, 0]),
        ((40, 300, [7, 2, 11]), [8894, 880, 0, 49, 39, 8, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for ((n, m, [a, b, c]), expected) in cases {
        let arc = |k: u64| (((a * k * k + b * k) % n) as u32, ((c * k + k * k * k) % n) as u32);
        let arcs: Vec<(u32, u32)> = (0..m).map(arc).collect();
        assert_eq!(triad_census(&network(n as usize, &arcs)).counts(), &expected);
    }
}

fn worm() -> Topology {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/celegans/chemical.csv");
    let worm = connectome_io::read(path).unwrap();
    Topology::from_connectome(&worm, WeightRule::Magnitude, Duplicates::Sum).unwrap()
}

/// The chemical synapses of *C. elegans*: `networkx.triadic_census` and `overall_reciprocity`.
#[test]
fn worm_census() {
    let worm = worm();
    let expected =
        [3_736_989, 570_707, 172_442, 9402, 11_551, 16_683, 9402, 8866, 2144, 158, 2531, 996, 1255, 644, 1057, 273];
    assert_eq!((worm.n_post(), worm.nnz() - worm.self_loops()), (302, 3604));
    assert_eq!(triad_census(&worm).counts(), &expected);
    assert!((worm.reciprocity() - 0.372_918_978_912_319_6).abs() < 1e-15);
}

/// A large network: counts that follow from sums over its neurons alone, and the same for any number of threads.
#[test]
fn large_census() {
    let topology = Benchmark { neurons: 5000, synapses: 200_000 }.topology().unwrap();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| triad_census(&topology))
    };
    let census = run(1);
    assert_eq!(census, run(2));
    assert_eq!(census, run(5));
    assert_eq!(census.total(), 5000 * 4999 * 4998 / 6);
    // out-stars with two arcs, whatever else joins their ends
    let own = |i: usize| u128::from(topology.get(i as u32, i as u32).is_some());
    let degree = topology.out_degree();
    let stars: u128 = (0..5000).map(|i| u128::from(degree[i]) - own(i)).map(|d| d * d.saturating_sub(1) / 2).sum();
    let in_class = [
        (Triad::T021D, 1),
        (Triad::T111U, 1),
        (Triad::T030T, 1),
        (Triad::T201, 1),
        (Triad::T120D, 1),
        (Triad::T120U, 2),
        (Triad::T120C, 1),
        (Triad::T210, 2),
        (Triad::T300, 3),
    ];
    assert_eq!(in_class.iter().map(|&(class, stars)| census.count(class) * stars).sum::<u128>(), stars);
}

fn random(p: f64) -> ByType {
    ByType { type_probability: vec![1.0], connection_probability: vec![p], assignment: TypeAssignment::Exact }
}

/// Measures stand beside those of their seeds, in order, for any number of threads.
#[test]
fn measures_of_nulls() {
    let network = Topology::from_dense(2, 2, &[0.0, 3.0, 0.0, 0.0]).unwrap();
    let null = |seed: u64| Topology::from_dense(2, 2, &[0.0, (seed * seed % 7) as f64, 0.0, 0.0]);
    let measures = |topology: &Topology| vec![topology.weights().iter().sum(), topology.nnz() as f64];
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| against_nulls(&network, 5..40, null, measures).unwrap())
    };
    let compared = run(1);
    assert_eq!(compared, run(2));
    assert_eq!(compared, run(5));
    assert_eq!((compared[0].observed, compared[1].observed), (3.0, 1.0));
    let weights: Vec<f64> = (5..40).map(|seed| f64::from(seed * seed % 7)).collect();
    assert_eq!(compared[0].nulls, weights);
    assert_eq!(compared[1].nulls, weights.iter().map(|&w| if w == 0.0 { 0.0 } else { 1.0 }).collect::<Vec<_>>());
}

/// The worm has more reciprocal synapses and feed-forward loops than random networks of its density, whose triads are
/// those expected of independent pairs.
#[test]
fn worm_against_nulls() {
    let worm = worm();
    let p: f64 = 3604.0 / (302.0 * 301.0);
    let null = |seed: u64| Ok(random(p).generate(302, seed)?.topology);
    let triads = triads_against_nulls(&worm, 0..20, null).unwrap();
    assert!(triads.iter().map(|(class, _)| class).eq(Triad::connected()));
    let of = |class: Triad| &triads.iter().find(|(other, _)| *other == class).unwrap().1;
    let (loops, cliques) = (of(Triad::T030T), of(Triad::T300));
    assert!(loops.z_score() > 5.0 && cliques.z_score() > 5.0, "{} {}", loops.z_score(), cliques.z_score());
    assert!((loops.p_value() - 2.0 / 21.0).abs() < 1e-12);
    let expected = 302.0 * 301.0 * 300.0 / 6.0 * 6.0 * p.powi(3) * (1.0 - p).powi(3);
    assert!((loops.mean() - expected).abs() < loops.standard_deviation(), "{} {expected}", loops.mean());
}

#[test]
fn impossible_nulls_are_refused() {
    let worm = worm();
    let refused = triads_against_nulls(&worm, 0..4, |seed| Ok(random(2.0).generate(5, seed)?.topology));
    assert!(matches!(refused, Err(Error::Parameter { what: "connection probability", .. })));
    let null = |seed: u64| Ok(random(0.5).generate(5, seed)?.topology);
    let refused = against_nulls(&worm, 0..4, null, Topology::in_strength);
    assert!(matches!(refused, Err(Error::Length { expected: 302, got: 5, .. })));
    assert!(against_nulls(&worm, 0..0, null, Topology::in_strength).unwrap()[0].nulls.is_empty());
}
