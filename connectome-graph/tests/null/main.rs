//! What null models preserve, that they randomise, and that all networks they can make are equally likely.

mod connectomes;
mod lattice;
mod uniform;

use std::collections::HashMap;

use connectome_graph::generate::{Benchmark, ByType, TypeAssignment};
use connectome_graph::null::{
    BlockShuffle, Comparison, Configuration, DegreePreserving, DistancePreserving, ErdosRenyi, NullModel,
    SelfConnections, SignShuffle, WeightShuffle, compare, configuration, gnm, gnp, overlap,
};
use connectome_graph::{Aggregate, Dale, Duplicates, Error, Measure, Topology, WeightRule, aggregate, hex};
use connectome_io::{Connectome, Labels, NeuronTable, Orientation, Positions, Provenance, Sign, SynapseTable, read};
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
