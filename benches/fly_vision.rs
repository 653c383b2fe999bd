//! `cargo xtask bench --bench fly_vision`: steps of the fly's eye by engine, samples and size, forward and with gradients, and the
//! expansion of the connectome.

use benches::fit::Growth;
use connectome_graph::hex::{Extent, expand};
use criterion::{BenchmarkId, Criterion};
use fly_vision::network::{EngineKind, Grey, Network, Record, Run, Wiring};
use fly_vision::task::{Arithmetic, DecoderOptions, HexDecoder, Phase};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

type Failure = Box<dyn std::error::Error>;

/// Frames of a call; times are divided by them.
const FRAMES: i64 = 20;
const DT: f64 = 1.0 / 200.0;

fn main() -> Result<(), Failure> {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    tch_sparse::set_threads(1)?;
    let types = fly_vision::connectome()?;
    let mut growth = Growth::default();

    let mut group = criterion.benchmark_group("a frame of the fly's eye, f32, one thread");
    let wiring = Arc::new(Wiring::from_hex(&expand(&types, Extent(15))?)?);
    for (engine, name) in [(EngineKind::Stencil, "stencil"), (EngineKind::Sparse, "sparse matrix")] {
        for batch in [1, 4, 16] {
            let eye = Eye::new(&wiring, engine, batch)?;
            group.bench_function(BenchmarkId::new(name, format!("{batch} samples")), |bencher| {
                bencher.iter_custom(|calls| {
                    let each = eye.time(calls, Pass::Forward);
                    if engine == EngineKind::Stencil {
                        growth.add("frame, samples", batch as f64, each.as_secs_f64());
                    }
                    each * calls as u32
                });
            });
            let each = eye.time(3, Pass::Forward).as_secs_f64();
            println!("{name}, {batch} samples: {:.1} seconds of each per second", DT / each);
        }
    }
    let eye = Eye::new(&wiring, EngineKind::Stencil, 4)?;
    group.bench_function("stencil, 4 samples, forward and backward", |bencher| {
        bencher.iter_custom(|calls| eye.time(calls, Pass::Both) * calls as u32);
    });
    group.finish();

    let mut group = criterion.benchmark_group("decoder of optic flow, 4 x 40 frames, forward and backward");
    for arithmetic in [Arithmetic::Fused, Arithmetic::Libtorch] {
        let store = VarStore::new(Device::Cpu);
        let options = DecoderOptions { arithmetic, ..DecoderOptions::default() };
        let decoder = HexDecoder::new(&store.root(), 34, Extent(15), &options)?;
        let activity = (Tensor::arange(4 * 40 * 34 * 721, (Kind::Float, Device::Cpu)) * 0.713).sin();
        let activity = activity.view([4, 40, 34, 721]).set_requires_grad(true);
        group.bench_function(format!("{arithmetic:?}"), |bencher| {
            bencher.iter(|| {
                let flow = decoder.forward(&activity, Phase::Training { seed: 1 }).expect("shapes that fit");
                flow.square().sum(Kind::Float).backward();
            });
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("lattices");
    for extent in [5, 10, 15, 20, 30] {
        group.bench_function(BenchmarkId::new("expansion", extent), |bencher| {
            bencher.iter_custom(|calls| {
                let start = Instant::now();
                for _ in 0..calls {
                    expand(&types, Extent(extent)).expect("a lattice of ordinary size");
                }
                let took = start.elapsed();
                let columns = f64::from(1 + 3 * extent * (extent + 1));
                growth.add("expansion, columns", columns, took.as_secs_f64() / calls as f64);
                took
            });
        });
        let eye = Eye::new(&Arc::new(Wiring::from_hex(&expand(&types, Extent(extent))?)?), EngineKind::Stencil, 4)?;
        group.bench_function(BenchmarkId::new("frame of 4 samples", extent), |bencher| {
            bencher.iter_custom(|calls| {
                let each = eye.time(calls, Pass::Forward);
                growth.add("frame, columns", f64::from(1 + 3 * extent * (extent + 1)), each.as_secs_f64());
                each * calls as u32
            });
        });
    }
    group.finish();
    criterion.final_summary();
    println!("\n{growth}");
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Pass {
    Forward,
    Both,
}

/// A network and what it sees.
struct Eye {
    network: Network,
    light: Tensor,
    grey: Tensor,
}

impl Eye {
    fn new(wiring: &Arc<Wiring>, engine: EngineKind, batch: i64) -> Result<Self, Failure> {
        let network = Network::builder(wiring.clone()).engine(engine).build_alone()?;
        let columns = wiring.n_columns() as i64;
        let n = batch * FRAMES * columns;
        let light = (Tensor::arange(n, (Kind::Float, Device::Cpu)) * 0.713).sin() * 0.5 + 0.5;
        let grey = network.steady_state(0.1, DT, 1, Grey::default())?;
        Ok(Self { network, light: light.view([batch, FRAMES, columns]), grey })
    }

    /// Time of a frame.
    fn time(&self, calls: u64, pass: Pass) -> Duration {
        let start = Instant::now();
        for _ in 0..calls {
            match pass {
                Pass::Forward => {
                    self.network.simulate(&self.light, &Run::new(DT).from(&self.grey)).expect("shapes that fit");
                }
                Pass::Both => {
                    let run = Run::new(DT).from(&self.grey).record(Record::Output);
                    let response = self.network.forward(&self.light, &run).expect("shapes that fit");
                    response.activity.sum(Kind::Float).backward();
                }
            }
        }
        start.elapsed() / (calls as u32 * FRAMES as u32)
    }
}
