//! `cargo xtask bench --bench graph`: expansion of the fly visual system, and operations on a topology of 4.6 million synapses.

use connectome_graph::generate::Benchmark;
use connectome_graph::hex::{Extent, expand};
use connectome_graph::{Duplicates, Topology, WeightRule};
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
    criterion.final_summary();
    Ok(())
}

/// Cell types to neurons and synapses, and these to a topology.
fn expansion(criterion: &mut Criterion) -> Result<(), Failure> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/flyvis/fib25-fib19_v2.2.json.gz");
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
    Ok(())
}
