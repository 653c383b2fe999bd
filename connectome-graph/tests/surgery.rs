//! Laws of selections, lesions and subgraphs, against brute force on small networks and on measured ones.

use connectome_graph::hex::{Extent, Fill, expand_with};
use connectome_graph::surgery::{
    Amount, Component, Kept, Neurons, Rank, Reach, Synapses, cut, keep, keep_synapses, remove, silence,
};
use connectome_graph::{Duplicates, Error, Topology, WeightRule};
use connectome_io::{Connectome, Labels, NeuronTable, Orientation, Positions, Provenance, Sign, SynapseTable, read};
use proptest::prelude::*;

/// Dense square matrices with many zeros.
fn network() -> impl Strategy<Value = Topology> {
    (1..12usize).prop_flat_map(|n| {
        let weight = prop_oneof![4 => Just(0.0), 1 => (-8..9i32).prop_map(f64::from)];
        prop::collection::vec(weight, n * n).prop_map(move |dense| Topology::from_dense(n, n, &dense).unwrap())
    })
}

/// A connectome with every column there can be; each pair of neurons in one row or two.
fn dressed(topology: &Topology) -> Connectome {
    let n = topology.n_post();
    let sign = |i: usize| [Sign::Excitatory, Sign::Inhibitory, Sign::Unknown][i % 3];
    let labels = |k: usize, m: usize| Labels::from_values((0..m).map(|i| format!("label {}", i % k)));
    let neurons = NeuronTable::new((0..n as i64).map(|i| 720_575_940_600_000_000 - i * i).collect())
        .unwrap()
        .with_names((0..n).map(|i| format!("n{}", i / 2)).collect())
        .unwrap()
        .with_types(labels(2, n))
        .unwrap()
        .with_classes(labels(3, n))
        .unwrap()
        .with_transmitters(labels(4, n))
        .unwrap()
        .with_signs((0..n).map(sign).collect())
        .unwrap()
        .with_positions(Positions::new((0..n).map(|i| (i > 1).then_some([i as f64; 3])).collect(), "nm").unwrap())
        .unwrap()
        .with_column("side", labels(5, n))
        .unwrap();
    let mut rows: Vec<(u32, u32, f64)> = topology.iter().collect();
    rows.extend(topology.iter().filter(|(post, ..)| post % 2 == 1));
    rows.reverse();
    let m = rows.len();
    let (pre, post) = rows.iter().map(|r| (r.1, r.0)).unzip();
    let synapses = SynapseTable::new(pre, post, rows.iter().map(|r| r.2).collect())
        .unwrap()
        .with_signs((0..m).map(sign).collect())
        .unwrap()
        .with_kinds(Labels::from_values((0..m).map(|i| if i % 3 == 0 { "electrical" } else { "chemical" })))
        .unwrap()
        .with_column("neuropil", labels(3, m))
        .unwrap();
    let provenance = Provenance::new("test", Orientation::EdgeList)
        .with_version("7")
        .with_threshold(1.0)
        .with_licence("CC0")
        .with_reference("a paper");
    Connectome::new(neurons, synapses, provenance).unwrap()
}

/// Every row of the part says what its row in the whole says, and all rows between kept neurons are there.
fn check_part(whole: &Connectome, part: &Kept<Connectome>) {
    let (old, new) = (whole.synapses(), part.network.synapses());
    assert_eq!(part.network.neurons(), &whole.neurons().select(&part.rows).unwrap());
    let places = part.places();
    let inside = |row: &u32| {
        let row = *row as usize;
        places[old.pre()[row] as usize].is_some() && places[old.post()[row] as usize].is_some()
    };
    let kept: Vec<u32> = (0..old.len() as u32).filter(inside).collect();
    let selected = old.select(&kept);
    let former = |ends: &[u32]| ends.iter().map(|&i| part.rows[i as usize]).collect::<Vec<u32>>();
    assert_eq!((former(new.pre()), former(new.post())), (selected.pre().to_vec(), selected.post().to_vec()));
    assert_eq!((new.weight(), new.signs()), (selected.weight(), selected.signs()));
    assert_eq!((new.kinds(), new.columns()), (selected.kinds(), selected.columns()));
    let (before, after) = (whole.provenance(), part.network.provenance());
    assert!(after.source().starts_with(&format!("{}; ", before.source())));
    assert_eq!(
        (after.version(), after.threshold(), after.licence(), after.reference(), after.orientation(), after.inputs()),
        (
            before.version(),
            before.threshold(),
            before.licence(),
            before.reference(),
            before.orientation(),
            before.inputs()
        )
    );
}

fn worm() -> Connectome {
    read(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/celegans/chemical.csv")).unwrap()
}

proptest! {
    /// Selections join as sets do, in topologies as in connectomes.
    #[test]
    fn selections_are_sets(topology in network(), a in any::<u16>(), b in any::<u16>()) {
        let n = topology.n_post() as u32;
        let set = |bits: u16| (0..n).filter(move |i| bits >> i & 1 == 1);
        let rule = |bits| Neurons::rows(set(bits));
        let connectome = dressed(&topology);
        for (rule, bits) in [
            (rule(a) & rule(b), a & b),
            (rule(a) | rule(b), a | b),
            (rule(a) - rule(b), a & !b),
            (!rule(a), !a),
            (Neurons::all(), u16::MAX),
            (!Neurons::all(), 0),
        ] {
            let expected: Vec<u32> = set(bits).collect();
            prop_assert_eq!(&rule.select(&topology).unwrap(), &expected);
            prop_assert_eq!(&rule.select(&connectome).unwrap(), &expected);
            let part = keep(&connectome, &rule).unwrap();
            prop_assert_eq!(&part.rows, &expected);
            check_part(&connectome, &part);
            prop_assert_eq!(keep(&topology, &rule).unwrap().network, topology.induced(&expected));
            let rest = remove(&connectome, &rule).unwrap();
            check_part(&connectome, &rest);
            prop_assert_eq!(rest.rows, set(!bits).collect::<Vec<u32>>());

            // synapses of these neurons, counted by hand; without them nothing of them is left
            let chosen = |i: u32| expected.contains(&i);
            let (from, onto) = (Synapses::from(rule.clone()), Synapses::onto(rule.clone()));
            let between = keep_synapses(&topology, &(from & onto)).unwrap();
            let brute = topology.iter().filter(|&(post, pre, _)| chosen(post) && chosen(pre)).collect::<Vec<_>>();
            prop_assert_eq!(between.iter().collect::<Vec<_>>(), brute);
            let silent = silence(&topology, &rule).unwrap();
            let brute = topology.iter().filter(|&(post, pre, _)| !chosen(post) && !chosen(pre)).collect::<Vec<_>>();
            prop_assert_eq!(silent.iter().collect::<Vec<_>>(), brute);
            let silent = silence(&connectome, &rule).unwrap();
            prop_assert_eq!(silent.neurons(), connectome.neurons());
        }
    }

    /// States go to the part and back.
    #[test]
    fn states_follow(topology in network(), bits in any::<u16>()) {
        let n = topology.n_post();
        let kept = keep(&topology, &Neurons::rows((0..n as u32).filter(|i| bits >> i & 1 == 1))).unwrap();
        let states: Vec<usize> = (100..100 + n).collect();
        let whole = kept.scatter(&kept.gather(&states), 0);
        for (i, &state) in whole.iter().enumerate() {
            prop_assert_eq!(state, if bits >> i & 1 == 1 { 100 + i } else { 0 });
        }
        for (old, place) in kept.places().into_iter().enumerate() {
            prop_assert_eq!(place.map(|new| kept.rows[new as usize] as usize), (bits >> old & 1 == 1).then_some(old));
        }
    }

    /// A neighbourhood of k steps is k times one of 1 step, agrees with the definition, and ends at what is reachable.
    #[test]
    fn neighbourhoods_grow_step_by_step(topology in network(), seed in 0..12u32, steps in 0..4u32) {
        let seed = seed % topology.n_post() as u32;
        for reach in [Reach::Downstream, Reach::Upstream, Reach::Both] {
            let mut expected = vec![seed];
            for _ in 0..steps {
                for (post, pre, _) in topology.iter() {
                    let (down, up) = (reach != Reach::Upstream, reach != Reach::Downstream);
                    for (from, to) in [(pre, post, down), (post, pre, up)].into_iter().filter(|s| s.2).map(|s| (s.0, s.1)) {
                        if expected.contains(&from) && !expected.contains(&(to | 1 << 31)) {
                            expected.push(to | 1 << 31); // new in this step
                        }
                    }
                }
                expected.iter_mut().for_each(|i| *i &= !(1 << 31));
                expected.sort_unstable();
                expected.dedup();
            }
            let rule = Neurons::rows([seed]).neighbourhood(steps, reach);
            prop_assert_eq!(rule.select(&topology).unwrap(), expected);
        }
        let all = Neurons::rows([seed]).neighbourhood(u32::MAX, Reach::Downstream).select(&topology).unwrap();
        let reached = topology.reachable_from(&[seed]);
        prop_assert_eq!(all, (0..topology.n_post() as u32).filter(|&i| reached[i as usize]).collect::<Vec<_>>());
        let weak = Neurons::largest_component(Component::Weak);
        prop_assert_eq!(weak.select(&topology).unwrap(), topology.weakly_connected_components().largest());
        let strong = Neurons::largest_component(Component::Strong);
        let core = keep(&dressed(&topology), &strong).unwrap();
        prop_assert_eq!(&core.rows, &topology.largest_strongly_connected_component());
    }

    /// The chosen number is exact, ranks are in order, and chance depends on the seed alone.
    #[test]
    fn amounts_are_exact(topology in network(), fraction in 0.0..=1.0f64, seed: u64) {
        let (n, m) = (topology.n_post(), topology.nnz());
        let amount = Amount::Fraction(fraction);
        let whole = |k: usize| (fraction * k as f64).round() as usize;
        let random = Neurons::all().random(amount, seed).select(&topology).unwrap();
        prop_assert_eq!(random.len(), whole(n));
        prop_assert_eq!(random, Neurons::all().random(amount, seed).select(&dressed(&topology)).unwrap());
        let pruned = cut(&topology, &Synapses::all().random(amount, seed)).unwrap();
        prop_assert_eq!(pruned.nnz(), m - whole(m));
        prop_assert!(pruned.iter().all(|(post, pre, weight)| topology.get(post, pre) == Some(weight)));
        prop_assert_eq!(Neurons::all().random(Amount::Count(99), seed).select(&topology).unwrap().len(), n);

        let add = |a: Vec<u32>, b: Vec<u32>| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| f64::from(a + b)).collect() };
        let size = topology.map_weights(f64::abs).unwrap();
        let zero = vec![0; n];
        for (rank, values) in [
            (Rank::InDegree, add(topology.in_degree(), zero.clone())),
            (Rank::OutDegree, add(topology.out_degree(), zero)),
            (Rank::Degree, add(topology.in_degree(), topology.out_degree())),
            (Rank::InStrength, size.in_strength()),
            (Rank::OutStrength, size.out_strength()),
            (Rank::Strength, size.in_strength().iter().zip(size.out_strength()).map(|(a, b)| a + b).collect()),
        ] {
            let top = Neurons::all().top(amount, rank).select(&topology).unwrap();
            prop_assert_eq!(top.len(), whole(n));
            let order = |i: u32| (values[i as usize], std::cmp::Reverse(i));
            let rest = (0..n as u32).filter(|i| !top.contains(i));
            for other in rest {
                prop_assert!(top.iter().all(|&i| order(i) > order(other)), "{:?}", rank);
            }
        }
        let strong = keep_synapses(&topology, &Synapses::all().strongest(amount)).unwrap();
        let weakest = strong.weights().iter().fold(f64::INFINITY, |least, w| least.min(w.abs()));
        prop_assert_eq!(strong.nnz(), whole(m));
        prop_assert!(topology.weights().iter().filter(|w| w.abs() > weakest).count() <= strong.nnz());
    }

    /// Rules about single synapses agree with a look at every row.
    #[test]
    fn synapses_are_selected_by_what_they_are(topology in network()) {
        let whole = dressed(&topology);
        let table = whole.synapses();
        let brute = |f: &dyn Fn(usize) -> bool| (0..table.len() as u32).filter(|&e| f(e as usize)).collect::<Vec<_>>();
        if !table.is_empty() {
            let electrical = Synapses::of_kind([SynapseTable::ELECTRICAL]);
            prop_assert_eq!(electrical.select(&whole).unwrap(), brute(&|e| e % 3 == 0));
            let region = Synapses::with_label("neuropil", ["label 0"]);
            prop_assert_eq!(region.select(&whole).unwrap(), brute(&|e| e % 3 == 0));
        }
        prop_assert_eq!(Synapses::with_sign(Sign::Inhibitory).select(&whole).unwrap(), brute(&|e| e % 3 == 1));
        let large = Synapses::at_least(4.0);
        prop_assert_eq!(large.select(&whole).unwrap(), brute(&|e| table.weight()[e].abs() >= 4.0));
        let own = Synapses::self_connections();
        prop_assert_eq!(own.select(&whole).unwrap(), brute(&|e| table.pre()[e] == table.post()[e]));
        let upward = Synapses::when(|s| s.post > s.pre && s.weight > 0.0 && s.row > 2);
        let expected = brute(&|e| table.post()[e] > table.pre()[e] && table.weight()[e] > 0.0 && e > 2);
        prop_assert_eq!(upward.select(&whole).unwrap(), expected);
        let rows = Synapses::rows(0..(table.len() / 2) as u32);
        let rest = cut(&whole, &rows).unwrap();
        prop_assert_eq!(rest.synapses(), &table.select(&brute(&|e| e >= table.len() / 2)));
        let thresholded = keep_synapses(&whole, &large).unwrap();
        let other = whole.clone().with_threshold(4.0).unwrap();
        prop_assert_eq!(thresholded.synapses(), other.synapses());
        // signs of a matrix are those of its weights
        let negative = keep_synapses(&topology, &Synapses::with_sign(Sign::Inhibitory)).unwrap();
        prop_assert_eq!(negative.nnz(), topology.weights().iter().filter(|&&w| w < 0.0).count());
    }
}

#[test]
fn neurons_are_selected_by_their_columns() {
    let whole = dressed(&Topology::from_dense(9, 9, &[1.0; 81]).unwrap());
    let rows = |rule: Neurons| rule.select(&whole).unwrap();
    assert_eq!(rows(Neurons::named(["n1", "n4"])), [2, 3, 8]);
    assert_eq!(rows(Neurons::of_type(["label 1"])), [1, 3, 5, 7]);
    assert_eq!(rows(Neurons::of_class(["label 0", "label 2"])), [0, 2, 3, 5, 6, 8]);
    assert_eq!(rows(Neurons::with_transmitter(["label 3"])), [3, 7]);
    assert_eq!(rows(Neurons::with_label("side", ["label 4"])), [4]);
    assert_eq!(rows(Neurons::with_sign(Sign::Inhibitory)), [1, 4, 7]);
    let ids = [2usize, 7].map(|row| whole.neurons().ids()[row]);
    assert_eq!(rows(Neurons::ids(ids)), [2, 7]);
    assert_eq!(rows(Neurons::of_type(["label 1"]).top(Amount::Count(2), Rank::Degree)), [1, 3]);
    let part = remove(&whole, &(Neurons::ids(ids) | Neurons::rows([0]))).unwrap();
    check_part(&whole, &part);
    let source = "test; removed 3 of 9 neurons: (ids 720575940599999996, 720575940599999951) or (rows 0)";
    assert_eq!(part.network.provenance().source(), source);
    let cut = cut(&whole, &(Synapses::from(Neurons::rows(0..6)) & !Synapses::at_least(0.5))).unwrap();
    let note = "(from (rows 0, 1, 2, 3 and 2 more)) and (not (weight at least 0.5))";
    assert_eq!(cut.provenance().source(), format!("test; cut 0 of {} synapses: {note}", whole.n_synapses()));
}

#[test]
fn impossible_selections_are_explained() {
    let whole = worm();
    let wiring = Topology::from_connectome(&whole, WeightRule::Magnitude, Duplicates::Error).unwrap();
    let neurons = |rule: Neurons| rule.select(&whole).unwrap_err();
    assert!(matches!(neurons(Neurons::rows([1, 302])), Error::OutOfRange { position: 1, index: 302, size: 302, .. }));
    assert_eq!(
        neurons(Neurons::named(["AVAL", "AVAM"])).to_string(),
        "there is no name \"AVAM\"; check the spelling and the version of the data"
    );
    assert!(neurons(Neurons::ids([0, 900])).to_string().contains("id 900"));
    let missing = neurons(Neurons::of_type(["T4a"])).to_string();
    assert!(missing.starts_with("the network has no neurons with type; it has ids, names"), "{missing}");
    assert!(neurons(Neurons::with_label("side", ["left"])).to_string().contains("column \"side\""));
    assert!(matches!(neurons(Neurons::all().random(Amount::Fraction(1.5), 0)), Error::Parameter { .. }));
    let named = Neurons::named(["AVAL"]).select(&wiring).unwrap_err().to_string();
    assert!(named.contains("being a topology"), "{named}");
    let synapses = |rule: Synapses| rule.select(&whole).unwrap_err();
    assert!(matches!(synapses(Synapses::rows([3638])), Error::OutOfRange { size: 3638, .. }));
    assert!(synapses(Synapses::of_kind(["electrical"])).to_string().contains("it has weights, signs"));
    assert!(matches!(synapses(Synapses::at_least(f64::NAN)), Error::Parameter { .. }));
    assert!(matches!(Synapses::of_kind(["electrical"]).select(&wiring), Err(Error::NoColumn { .. })));
}

#[test]
#[should_panic(expected = "square topology, this one is [2, 3]")]
fn populations_are_no_network() {
    let _ = keep(&Topology::from_dense(2, 3, &[1.0; 6]).unwrap(), &Neurons::all());
}

#[test]
fn empty_networks() {
    let none = Topology::from_dense(0, 0, &[]).unwrap();
    for rule in [
        Neurons::all(),
        Neurons::largest_component(Component::Strong),
        Neurons::all().random(Amount::Fraction(1.0), 0),
        Neurons::all().top(Amount::Count(3), Rank::Strength).neighbourhood(3, Reach::Both),
    ] {
        assert_eq!(keep(&none, &rule).unwrap().network, none);
        assert!(keep(&dressed(&none), &rule).unwrap().network.synapses().is_empty());
    }
    let one = Topology::from_dense(1, 1, &[2.0]).unwrap();
    assert_eq!(remove(&one, &Neurons::all()).unwrap().network, none);
    assert_eq!(silence(&one, &Neurons::all()).unwrap().nnz(), 0);
}

/// A lesion of cell types before the expansion is the same as the lesion of their cells after it.
#[test]
fn lattices_are_cut_with_their_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fly-vision/data/fib25-fib19_v2.2.json.gz");
    let types = read(path).unwrap();
    let lesion = Neurons::of_type(["T4a", "Mi1", "R1"]);
    let part = remove(&types, &lesion).unwrap();
    check_part(&types, &part);
    assert_eq!(part.network.n_neurons(), 62);
    for fill in [Fill::None, Fill::default()] {
        let cells = |c: &Connectome| expand_with(c, Extent(3), fill).unwrap().to_connectome().unwrap();
        let (before, after) = (cells(&part.network), remove(&cells(&types), &lesion).unwrap().network);
        let wiring = |c: &Connectome| {
            let synapses = c.synapses();
            (0..synapses.len())
                .map(|e| (synapses.post()[e], synapses.pre()[e], synapses.weight()[e], synapses.signs().unwrap()[e]))
                .collect::<Vec<_>>()
        };
        assert_eq!(wiring(&before), wiring(&after));
        assert!(before.neurons().types().unwrap().iter().eq(after.neurons().types().unwrap().iter()));
    }
    let strong = keep_synapses(&types, &Synapses::at_least(5.0)).unwrap();
    assert_eq!(strong.lattice(), types.clone().with_threshold(5.0).unwrap().lattice());
    let silent = silence(&types, &Neurons::of_type(["Mi1"])).unwrap();
    assert_eq!(silent.lattice().unwrap().pairs(), types.lattice().unwrap().pairs());
    assert!(silent.n_synapses() < types.n_synapses());
}
