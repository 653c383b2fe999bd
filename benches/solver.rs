//! `cargo xtask bench --bench solver`: the solver on a small problem in a large batch, and on a connectome.

use benches::fit::Growth;
use benches::tutorial::Tutorial;
use connectome_graph::generate::Benchmark;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use sparse_ode::{At, ConnectomeOdeRnn, FieldError, Forward, Solver, Times, VectorField};
use std::time::{Duration, Instant};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut growth = Growth::default();
    oscillators(&mut criterion, &mut growth)?;
    connectome(&mut criterion, &mut growth)?;
    criterion.final_summary();
    print!("{growth}");
    Ok(())
}

/// Two coupled oscillators of van der Pol per sample, the damping different in each: four variables.
struct Oscillators {
    mu: Vec<f64>,
}

const COUPLING: f64 = 0.5;

impl VectorField<f64> for Oscillators {
    fn features(&self) -> usize {
        4
    }

    fn eval(&mut self, at: At<'_>, y: &[f64], dy: &mut [f64]) -> Result<(), FieldError> {
        let batch = at.t.len();
        let row = |i: usize| &y[i * batch..(i + 1) * batch];
        let (x1, v1, x2, v2) = (row(0), row(1), row(2), row(3));
        for b in 0..batch {
            let mu = self.mu[at.sample[b]];
            let pull = COUPLING * (x2[b] - x1[b]);
            dy[b] = v1[b];
            dy[batch + b] = mu * (1.0 - x1[b] * x1[b]) * v1[b] - x1[b] + pull;
            dy[2 * batch + b] = v2[b];
            dy[3 * batch + b] = mu * (1.0 - x2[b] * x2[b]) * v2[b] - x2[b] - pull;
        }
        Ok(())
    }
}

/// Time per step of a sample. Samples take different numbers of steps, so that finished ones leave the batch.
fn oscillators(criterion: &mut Criterion, growth: &mut Growth) -> Result<(), Failure> {
    let mut group = criterion.benchmark_group("four variables, rtol 1e-5, per step of a sample");
    let solver = Solver::new().tolerances(1e-8, 1e-5);
    for batch in [16, 64, 256, 1024] {
        let mut field = Oscillators { mu: (0..batch).map(|b| 1.0 + 4.0 * b as f64 / batch as f64).collect() };
        let y0 = [2.0, 0.0, 1.0, 0.5].repeat(batch);
        let times = Times::span(batch, 0.0, 10.0)?.evenly(20)?;
        let solution = solver.solve(&mut field, &y0, &times)?.into_success()?;
        let steps: usize = solution.stats().iter().map(|s| s.steps).sum();
        // what others count: a step of the whole batch
        let rounds = solution.stats().iter().map(|s| s.steps).max().unwrap_or(1);
        group.throughput(Throughput::Elements(steps as u64));
        let least = measure(&mut group, batch, || {
            solver.solve(&mut field, &y0, &times).expect("it was solved before");
        });
        if let Some(least) = least {
            let coarse = solution.end();
            let exact = Solver::new().tolerances(1e-12, 1e-12).solve(&mut field, &y0, &times)?;
            let off = coarse.iter().zip(exact.end()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            println!(
                "batch {batch}: {steps} steps, {:.0} ns per step of a sample, {:.4} ms per step of the batch, largest error at the end \
                 {off:.1e}\n",
                1e9 * least / steps as f64,
                1e3 * least / rounds as f64
            );
            growth.add("four variables, batch", batch as f64, least);
        }
    }
    group.finish();
    Ok(())
}

/// The tutorial's forward pass, batch 8, on networks of several sizes; and with the gradients of the mean of the squared last states
/// with respect to all parameters.
fn connectome(criterion: &mut Criterion, growth: &mut Growth) -> Result<(), Failure> {
    sizes(criterion, growth, "forward", |model, x| {
        Tutorial::forward(model, x).expect("a network that runs");
    })?;
    sizes(criterion, growth, "forward and backward", |model, x| {
        let run = model.forward(x, &Forward::new()).expect("a network that runs");
        let last = run.hs.select(1, -1);
        (&last * &last).mean(Kind::Float).backward();
    })
}

fn sizes(
    criterion: &mut Criterion,
    growth: &mut Growth,
    what: &str,
    call: impl Fn(&ConnectomeOdeRnn, &Tensor),
) -> Result<(), Failure> {
    let mut group = criterion.benchmark_group(format!("tutorial, {what}, batch 8"));
    let full = Benchmark::OPTIC_LOBE;
    for part in [8, 4, 2, 1] {
        let size = Benchmark { neurons: full.neurons / part, synapses: full.synapses / part };
        let job = Tutorial::generate(size, 8)?;
        let vs = VarStore::new(Device::Cpu);
        let (model, x) = (job.model(&vs)?, job.images(Kind::Float));
        group.throughput(Throughput::Elements(job.wiring.nnz() as u64));
        if let Some(least) = measure(&mut group, job.neurons(), || call(&model, &x)) {
            growth.add(&format!("tutorial, {what}, neurons at constant degree"), job.neurons() as f64, least);
        }
    }
    group.finish();
    Ok(())
}

/// Seconds of the fastest sample; `None` where it does not run, by the filter of the command line.
fn measure(group: &mut BenchmarkGroup<'_, WallTime>, size: usize, mut call: impl FnMut()) -> Option<f64> {
    let mut least: Option<f64> = None;
    group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
        bencher.iter_custom(|calls| {
            let start = Instant::now();
            for _ in 0..calls {
                call();
            }
            let took = start.elapsed();
            let each = took.as_secs_f64() / calls as f64;
            least = Some(least.map_or(each, |least| least.min(each)));
            took
        });
    });
    least
}
