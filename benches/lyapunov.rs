//! `cargo xtask bench --bench lyapunov`: steps of rate networks with tangents over neurons and exponents, and on the fly's visual
//! system with its 45,669 neurons the share of the sparse product and of the factorisation.

use benches::fit::Growth;
use connectome_graph::hex::{Extent, expand};
use connectome_graph::{Topology, UnknownSign, WeightRule};
use criterion::{BenchmarkId, Criterion};
use lyapunov::{Activation, Coupling, RateNetwork, Settings, StepMap, qr};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::time::{Duration, Instant};
use tch_sparse::kernel::Into;
use tch_sparse::parallel::product_all;
use tch_sparse::{Aligned, SparsityPattern};

type Failure = Box<dyn std::error::Error>;

const GAIN: f64 = 1.5;
/// Exponents of the fly.
const K: usize = 20;

fn main() -> Result<(), Failure> {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    tch_sparse::set_threads(1)?;
    dense(&mut criterion)?;
    connectome(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

fn normals(n: usize, scale: f64, seed: u64) -> Vec<f32> {
    let numbers = StandardNormal.sample_iter(ChaCha8Rng::seed_from_u64(seed)).take(n);
    numbers.map(|x: f64| (scale * x) as f32).collect()
}

/// Time per unit of time of random networks.
fn dense(criterion: &mut Criterion) -> Result<(), Failure> {
    let mut growth = Growth::default();
    let mut group = criterion.benchmark_group("ten time constants of a random network, f32, one thread");
    let sizes = [100, 200, 400, 800].map(|n| (n, 10)).into_iter().chain([25, 50, 100, 200, 400].map(|k| (400, k)));
    for (n, k) in sizes {
        let coupling = Coupling::dense(n, normals(n * n, GAIN / (n as f64).sqrt(), 1))?;
        let network = RateNetwork::builder(coupling).activation(Activation::Tanh).build()?;
        let state = normals(n, 1.0, 2);
        let settings = Settings::new(k).duration(10.0).history(false);
        group.bench_function(BenchmarkId::new(format!("{n} neurons"), format!("{k} exponents")), |bencher| {
            bencher.iter_custom(|calls| {
                let start = Instant::now();
                for _ in 0..calls {
                    settings.run(&network, &state).expect("a network that stays finite");
                }
                let took = start.elapsed();
                let each = took.as_secs_f64() / calls as f64;
                if k == 10 {
                    growth.add("10 exponents, neurons", n as f64, each);
                } else {
                    growth.add("400 neurons, exponents", k as f64, each);
                }
                took
            });
        });
    }
    group.finish();
    print!("{growth}");
    Ok(())
}

/// The fly's visual system, `[45669, 45669]`: numbers of synapses with signs.
fn fly() -> Result<Topology, Failure> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../fly-vision/data/fib25-fib19_v2.2.json.gz");
    Ok(expand(&connectome_io::read(file)?, Extent(15))?.topology(WeightRule::SynapseSign(UnknownSign::Error))?)
}

/// The fly's visual system.
fn connectome(criterion: &mut Criterion) -> Result<(), Failure> {
    let wiring = fly()?;
    let (n, entries) = (wiring.n_post(), wiring.nnz());
    let scale = GAIN / (wiring.weights().iter().map(|w| w * w).sum::<f64>() / n as f64).sqrt();
    let values: Vec<f32> = wiring.weights().iter().map(|w| (scale * w) as f32).collect();
    let pattern = SparsityPattern::from_csr(n, n, wiring.row_ptr().to_vec(), wiring.columns())?;
    let network =
        RateNetwork::builder(Coupling::sparse(&pattern, values.clone())?).activation(Activation::Tanh).build()?;
    let settings = Settings::new(K).duration(10.0).history(false);
    let mut group =
        criterion.benchmark_group(format!("{n} neurons, {entries} synapses, {K} exponents, f32, one thread"));
    let mut times = [0.0; 3];
    let state = normals(n, 1.0, 2);
    let mut time = |name: &str, at: usize, job: &mut dyn FnMut()| {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|calls| {
                let start = Instant::now();
                (0..calls).for_each(|_| job());
                let took = start.elapsed();
                times[at] = took.as_secs_f64() / calls as f64;
                took
            });
        });
    };
    let (mut h, mut q, mut work) = (state.clone(), normals(n * K, 1.0 / (n as f64).sqrt(), 3), network.work(K));
    // A step, with tangents kept within range.
    time("a step", 0, &mut || {
        network.push(0, &mut h, &mut q, &mut work);
        if q[0].abs() > 1e6 {
            q.iter_mut().for_each(|x| *x *= 1e-6);
        }
    });
    let mut x = Aligned::<f32>::zeros(n * (K + 1));
    x.copy_from_slice(&normals(n * (K + 1), 1.0, 4));
    let mut y = Aligned::zeros(n * (K + 1));
    time("its sparse product", 1, &mut || {
        product_all(pattern.layout(), &values, &x, K + 1, Into::Replace, &mut y);
    });
    let tangents = normals(n * K, 1.0, 5);
    time("a factorisation", 2, &mut || {
        std::hint::black_box(qr(n, K, &tangents));
    });
    group.finish();
    let run = settings.history(true).run(&network, &state)?;
    let factorised = run.history().map_or(0, |history| history.times.len());
    println!("ten time constants: {} steps, transients included; {factorised} factorisations counted", run.steps());
    let share = times[1] / times[0];
    println!(
        "a unit of network time (10 steps, a factorisation): {:.1} ms; a step {:.2} ms, {:.0} % of it the sparse product; \
         with the factorisation, {:.0} % of all",
        1e3 * (10.0 * times[0] + times[2]),
        1e3 * times[0],
        100.0 * share,
        100.0 * (10.0 * times[1] + times[2]) / (10.0 * times[0] + times[2])
    );
    Ok(())
}
