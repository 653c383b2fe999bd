//! `cargo xtask bench --bench graph`: expansion of the fly visual system, operations on a topology of 4.6 million
//! synapses, and its null models.

use connectome_graph::generate::Benchmark;
use connectome_graph::hex::{Extent, expand};
use connectome_graph::motif::triad_census;
use connectome_graph::normalise::Sinkhorn;
use connectome_graph::null::{
    BlockShuffle, Configuration, DegreePreserving, ErdosRenyi, NullModel, SignShuffle, WeightShuffle,
};
use connectome_graph::reorder::reverse_cuthill_mckee;
use connectome_graph::spectrum::{Krylov, spectral_radius};
use connectome_graph::surgery::{Amount, Neurons, Rank, remove};
use connectome_graph::{Duplicates, Topology, WeightRule};
use connectome_io::Labels;
use criterion::{BenchmarkId, Criterion};
use std::time::Duration;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(500))
        .configure_from_args();
    expansion(&mut criterion)?;
    operations(&mut criterion)?;
    null_models(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

/// Cell types to neurons and synapses, and these to a topology.
fn expansion(criterion: &mut Criterion) -> Result<(), Failure> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fly-vision/data/fib25-fib19_v2.2.json.gz");
    let types = connectome_io::read(path)?;
    let mut group = criterion.benchmark_group("fly visual system");
    for extent in [2, 5, 10, 15] {
        let network = expand(&types, Extent(extent))?;
        let id = format!("extent {extent}, {} synapses", network.n_edges());
        group.bench_function(BenchmarkId::new("expand", &id), |b| b.iter(|| expand(&types, Extent(extent))));
        group.bench_function(BenchmarkId::new("topology", &id), |b| b.iter(|| network.topology(WeightRule::Magnitude)));
    }
    Ok(())
}

fn operations(criterion: &mut Criterion) -> Result<(), Failure> {
    let topology = Benchmark::OPTIC_LOBE.topology()?;
    let n = topology.n_post();
    let mut post: Vec<u32> = topology.iter().map(|(post, ..)| post).collect();
    post.reverse();
    let pre: Vec<u32> = topology.columns().iter().copied().rev().collect();
    let weight: Vec<f64> = topology.weights().iter().copied().rev().collect();
    let mut group = criterion.benchmark_group("4,623,254 synapses");
    group.bench_function("from_edges", |b| {
        b.iter(|| Topology::from_edges(n, n, &post, &pre, &weight, Duplicates::Sum));
    });
    group.bench_function("transpose", |b| b.iter(|| topology.transpose()));
    group.bench_function("reciprocity", |b| b.iter(|| topology.reciprocity()));
    group.bench_function("strong components", |b| b.iter(|| topology.strongly_connected_components()));
    group.bench_function("weak components", |b| b.iter(|| topology.weakly_connected_components()));
    group.bench_function("reachable", |b| b.iter(|| topology.reachable_from(&[0])));
    group.bench_function("reverse Cuthill-McKee", |b| b.iter(|| reverse_cuthill_mckee(&topology)));
    group.bench_function("spectral radius", |b| b.iter(|| spectral_radius(&topology, &Krylov::default())));
    group.bench_function("Sinkhorn-Knopp", |b| b.iter(|| Sinkhorn::default().balance(&topology)));
    group.bench_function("triad census", |b| b.iter(|| triad_census(&topology)));
    Ok(())
}

fn null_models(criterion: &mut Criterion) -> Result<(), Failure> {
    let topology = Benchmark::OPTIC_LOBE.topology()?;
    let types = Labels::from_values((0..topology.n_post()).map(|i| (i % 65).to_string()));
    let once = DegreePreserving::new().swaps_per_synapse(1.0);
    let models: [(&str, Box<dyn NullModel>); 7] = [
        ("Erdős-Rényi", Box::new(ErdosRenyi::new())),
        ("types", Box::new(BlockShuffle::new(types.clone()))),
        ("degrees, 1 swap per synapse", Box::new(once.clone())),
        ("degrees within types, 1 swap per synapse", Box::new(once.within(types))),
        ("configuration", Box::new(Configuration::new())),
        ("weights", Box::new(WeightShuffle::Presynaptic)),
        ("signs", Box::new(SignShuffle::Neurons)),
    ];
    let mut group = criterion.benchmark_group("null models of 4,623,254 synapses");
    for (name, model) in &models {
        group.bench_function(*name, |b| b.iter(|| model.topology(&topology, 0)));
    }
    let hubs = Neurons::all().top(Amount::Fraction(0.1), Rank::Strength);
    group.bench_function("a tenth of the neurons removed", |b| b.iter(|| remove(&topology, &hubs)));
    Ok(())
}
