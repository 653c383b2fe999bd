//! Connectomes of cell types on a lattice.

use connectome_graph::null::{DegreePreserving, LatticeShuffle, NullModel, SignShuffle, WeightShuffle};
use connectome_graph::{Error, hex};
use connectome_io::{
    Connectome, LatticeWiring, NeuronTable, Placement, Provenance, Sign, SynapseTable, TypePair, read,
};

use crate::worm;

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
