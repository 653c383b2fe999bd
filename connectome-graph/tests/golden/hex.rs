//! The expanded fly visual system against reference results.

use connectome_graph::hex::{Axial, CellType, Extent, Fill, HexNetwork, expand, expand_with};
use connectome_graph::{Error, WeightRule};
use connectome_io::{
    Connectome, LatticeWiring, NeuronTable, Orientation, Placement, Provenance, Sign, SynapseTable, TypePair,
};
use sha2::{Digest, Sha256};

use crate::reader::Golden;

fn fly() -> Connectome {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fly-vision/data/fib25-fib19_v2.2.json.gz");
    connectome_io::read(path).unwrap()
}

/// Hash of numbers as little-endian bytes.
fn sha256<T, const N: usize>(values: impl IntoIterator<Item = T>, bytes: impl Fn(T) -> [u8; N]) -> String {
    let all: Vec<u8> = values.into_iter().flat_map(bytes).collect();
    Sha256::digest(&all).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn widen<T: Into<f64> + Copy>(values: &[T]) -> Vec<f64> {
    values.iter().map(|&x| x.into()).collect()
}

fn assert_golden(network: &HexNetwork, golden: &Golden) {
    assert_eq!(network.n_nodes().to_string(), golden.meta("n_nodes"));
    assert_eq!(network.n_edges().to_string(), golden.meta("n_edges"));
    let names: Vec<&str> = network.types().iter().map(CellType::name).collect();
    assert_eq!(serde_json::to_string(&names).unwrap(), golden.meta("type_names").replace(", ", ","));

    // nodes
    let columns = network.node_columns();
    assert_eq!(widen(&network.node_types()), golden.numbers("node_type"));
    assert_eq!(columns.iter().map(|c| f64::from(c.u)).collect::<Vec<_>>(), golden.numbers("node_u"));
    assert_eq!(columns.iter().map(|c| f64::from(c.v)).collect::<Vec<_>>(), golden.numbers("node_v"));
    let roles = network.node_roles();
    assert_eq!(roles.iter().map(|&r| f64::from(r as u8)).collect::<Vec<_>>(), golden.numbers("node_role"));
    let counts: Vec<u32> = network.types().iter().map(|t| t.cells().len() as u32).collect();
    assert_eq!(counts, golden.indices("type_count"));
    assert_eq!(network.central_cells(), golden.indices("central_cells_index"));

    // displacements
    let offsets = network.offsets();
    let per_offset = |key: &str, value: &dyn Fn(&connectome_graph::hex::Offset) -> f64| {
        assert_eq!(offsets.iter().map(value).collect::<Vec<_>>(), golden.numbers(key), "{key}");
    };
    per_offset("offset_edge_id", &|o| f64::from(o.pair));
    per_offset("offset_du", &|o| f64::from(o.displacement.u));
    per_offset("offset_dv", &|o| f64::from(o.displacement.v));
    per_offset("offset_n_syn", &|o| f64::from(o.n_syn));
    per_offset("offset_filled", &|o| f64::from(u8::from(o.filled)));
    per_offset("offset_n_edges", &|o| o.edges.len() as f64);

    // edges
    let ids = |cells: &[u32]| sha256(cells.iter().map(|&c| i64::from(c)), i64::to_le_bytes);
    assert_eq!(ids(network.source()), golden.meta("sha256_source_int64_le"));
    assert_eq!(ids(network.target()), golden.meta("sha256_target_int64_le"));
    let f32s = |values: Vec<f32>| sha256(values, f32::to_le_bytes);
    assert_eq!(f32s(network.per_edge(|o| o.sign.value().into())), golden.meta("sha256_sign_f32_le"));
    assert_eq!(f32s(network.per_edge(|o| o.n_syn)), golden.meta("sha256_n_syn_f32_le"));
    assert_eq!(f32s(network.per_edge(|o| o.certainty)), golden.meta("sha256_certainty_f32_le"));
    assert_eq!(sha256(network.per_edge(|o| o.displacement.u), i32::to_le_bytes), golden.meta("sha256_du_int32_le"));
    assert_eq!(sha256(network.per_edge(|o| o.displacement.v), i32::to_le_bytes), golden.meta("sha256_dv_int32_le"));
    for (k, e) in golden.indices("sample_index").into_iter().enumerate() {
        assert_eq!(network.source()[e as usize], golden.indices("sample_source")[k]);
    }
    let signs = network.per_edge(|o| o.sign);
    let of_sign = |sign: Sign| signs.iter().filter(|&&s| s == sign).count().to_string();
    assert_eq!(of_sign(Sign::Excitatory), golden.meta("n_exc"));
    assert_eq!(of_sign(Sign::Inhibitory), golden.meta("n_inh"));

    // degrees and topology
    assert_eq!(network.in_degree(), golden.indices("in_degree"));
    assert_eq!(network.out_degree(), golden.indices("out_degree"));
    let topology = network.topology(WeightRule::SynapseSign(Default::default())).unwrap();
    assert_eq!(topology.nnz(), network.n_edges());
    assert_eq!(topology.in_degree(), network.in_degree());
    assert_eq!(topology.out_degree(), network.out_degree());
    assert_eq!(topology.self_loops().to_string(), golden.meta("n_self"));
    for (got, want) in topology.in_strength().iter().zip(golden.numbers("in_signed_nsyn")) {
        assert!((got - want).abs() <= 1e-9 * want.abs().max(1.0), "{got} {want}");
    }
    let sum: f64 = network.topology(WeightRule::Magnitude).unwrap().weights().iter().sum();
    let want: f64 = golden.meta("sum_n_syn").parse().unwrap();
    assert!((sum / want - 1.0).abs() < 1e-12);
}

#[test]
fn extent_15() {
    let fly = fly();
    let network = expand(&fly, Extent(15)).unwrap();
    assert_eq!((network.n_nodes(), network.n_edges()), (45_669, 1_513_231));
    assert_golden(&network, &Golden::open("flyvis/connectome_extent15.safetensors"));

    // groups that share parameters
    assert_eq!((network.pair_groups().len(), network.offset_groups().len()), (604, 2355));
    let (pairs, groups) = (network.edge_pair_groups(), network.edge_offset_groups());
    for (of_edge, sizes) in [
        (pairs, network.pair_groups().iter().map(|g| g.n_edges).collect::<Vec<_>>()),
        (groups, network.offset_groups().iter().map(|g| g.n_edges).collect()),
    ] {
        let mut seen = vec![0; sizes.len()];
        let mut highest = 0;
        for group in of_edge {
            assert!(group <= highest, "groups are numbered by first appearance");
            highest = highest.max(group + 1);
            seen[group as usize] += 1;
        }
        assert_eq!(seen, sizes);
    }
    let filled: usize = network.offsets().iter().filter(|o| o.filled).map(|o| o.edges.len()).sum();
    assert_eq!(filled, 155_962);
    assert_eq!(network.in_degree().iter().filter(|&&d| d == 0).count(), 79);
    assert_eq!(network.in_degree().iter().max(), Some(&208));
    assert_eq!(network.out_degree().iter().max(), Some(&256));
    assert_eq!(network.layer("Lawf1").unwrap().len(), 123);
    assert_eq!(network.layer("nobody"), None);
}

#[test]
fn extent_2() {
    let network = expand(&fly(), Extent(2)).unwrap();
    assert_eq!((network.n_nodes(), network.n_edges(), network.offset_groups().len()), (1203, 28_904, 2310));
    assert_golden(&network, &Golden::open("flyvis/connectome_extent2.safetensors"));
}

#[test]
fn extent_3_without_filling() {
    let network = expand_with(&fly(), Extent(3), Fill::None).unwrap();
    assert_golden(&network, &Golden::open("flyvis/connectome_extent3_nofill.safetensors"));
}

/// At extent 0 there is one cell per type, and edges are those of displacement (0, 0).
#[test]
fn extent_0() {
    let network = expand(&fly(), Extent(0)).unwrap();
    assert_eq!(network.n_nodes(), 65);
    assert_eq!(network.central_cells(), (0..65).collect::<Vec<_>>());
    let central = network.offsets().iter().filter(|o| o.displacement == Axial::ORIGIN).count();
    assert_eq!(network.n_edges(), central);
}

/// Each edge leads from the column of its source to the column of its target, and the connectome of single cells says
/// the same as the network.
#[test]
fn edges_follow_displacements() {
    let network = expand(&fly(), Extent(4)).unwrap();
    let (columns, types) = (network.node_columns(), network.node_types());
    for offset in network.offsets() {
        for e in offset.edges.clone() {
            let (source, target) = (network.source()[e] as usize, network.target()[e] as usize);
            assert_eq!((types[source], types[target]), (offset.source_type, offset.target_type));
            assert_eq!(columns[source] + offset.displacement, columns[target]);
        }
    }
    let single = network.to_connectome().unwrap();
    assert_eq!((single.n_neurons(), single.n_synapses()), (network.n_nodes(), network.n_edges()));
    let names: Vec<&str> = single.neurons().types().unwrap().iter().collect();
    assert_eq!(names[network.layer("T4a").unwrap().start as usize], "T4a");
    let points = single.neurons().positions().unwrap().points();
    for (cell, column) in columns.iter().enumerate() {
        let [x, y] = column.plot(Default::default());
        assert_eq!(points[cell], Some([x, y, 0.0]));
    }
    let unit = vec![1.0; network.n_edges()];
    let degree: Vec<f64> = network.topology_with(&unit).unwrap().in_strength();
    assert_eq!(degree, widen(&network.in_degree()));
}

/// Two types: "a" everywhere, "b" placed as given, connected by one displacement per direction.
fn two_types(placement: Placement, offset: [i32; 2]) -> Connectome {
    let neurons = NeuronTable::new(vec![7, 8]).unwrap();
    let synapses = SynapseTable::new(vec![0, 1], vec![1, 0], vec![2.0, 3.0]).unwrap();
    let pair = |pre, post, sign| TypePair { pre, post, sign, certainty: 1.0 };
    let pairs = vec![pair(0, 1, Sign::Excitatory), pair(1, 0, Sign::Inhibitory)];
    let placements = vec![Placement::Stride([1, 1]), placement];
    let wiring = LatticeWiring::new(placements, pairs, vec![0, 1], vec![offset, offset]).unwrap();
    let provenance = Provenance::new("test", Orientation::EdgeList);
    Connectome::new(neurons, synapses, provenance).unwrap().with_lattice(wiring).unwrap()
}

#[test]
fn placements_beyond_the_file() {
    // one cell in the centre: one edge each way while the displaced column exists
    let single = two_types(Placement::Single, [2, -1]);
    for (extent, edges) in [(0, 0), (1, 0), (2, 2), (9, 2)] {
        let network = expand(&single, Extent(extent)).unwrap();
        assert_eq!(network.types()[1].cells().len(), 1);
        assert_eq!(network.n_edges(), edges, "extent {extent}");
    }
    // displacements far outside the lattice never land
    let far = two_types(Placement::Stride([2, 2]), [i32::MIN, i32::MAX]);
    let network = expand(&far, Extent(3)).unwrap();
    assert_eq!((network.n_edges(), network.offset_groups().len(), network.offsets().len()), (0, 0, 2));
    assert_eq!(network.types()[0].name(), "7");
}

#[test]
fn impossible_expansions_are_refused() {
    let too_many = |result: Result<HexNetwork, Error>| matches!(result, Err(Error::TooMany { .. }));
    let fly = fly();
    assert!(too_many(expand(&fly, Extent(u32::MAX))));
    assert!(too_many(expand(&fly, Extent(37_000)))); // columns fit, cells do not
    assert!(too_many(expand(&fly, Extent(2_000)))); // cells fit, edges do not
    assert!(matches!(expand_with(&fly, Extent(1), Fill::Hull(0.0)), Err(Error::FillValue { .. })));
    assert!(matches!(expand_with(&fly, Extent(1), Fill::Hull(f32::NAN)), Err(Error::FillValue { .. })));
    let cells = expand(&fly, Extent(1)).unwrap().to_connectome().unwrap();
    assert!(matches!(expand(&cells, Extent(1)), Err(Error::NoLattice { .. })));
}

/// Displacements partition the list of edges in order; none has more edges than there are columns.
#[test]
fn displacements_partition_edges() {
    let network = expand(&fly(), Extent(6)).unwrap();
    let first: Vec<u32> = network.per_edge(|o| o.edges.start as u32);
    assert!(first.is_sorted());
    let longest = network.offsets().iter().map(|o| o.edges.len()).max().unwrap();
    assert_eq!(longest, network.lattice().len());
    assert_eq!(network.offsets().iter().map(|o| o.edges.len()).sum::<usize>(), network.n_edges());
}
