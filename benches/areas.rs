//! `cargo xtask bench --bench areas`: inference of three areas over batches.

use benches::areas::{Images, Model};
use benches::fit::Growth;
use convgru_feedback::Schedule;
use criterion::{BenchmarkId, Criterion, Throughput};
use std::time::{Duration, Instant};
use tch::Kind;

type Failure = Box<dyn std::error::Error>;

const FRAMES: usize = 5;

fn main() -> Result<(), Failure> {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    tch::set_num_threads(1);
    let mut growth = Growth::default();
    let mut group = criterion.benchmark_group(format!("three areas, {FRAMES} frames, inference, one thread"));
    for batch in [16, 64, 256] {
        let model = Model::new(Schedule::Synchronous, Kind::Float, &Images::generate(batch, FRAMES))?;
        group.throughput(Throughput::Elements((batch * FRAMES) as u64));
        group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
            bencher.iter_custom(|calls| {
                let start = Instant::now();
                for _ in 0..calls {
                    drop(model.infer().expect("a network that runs"));
                }
                let took = start.elapsed();
                growth.add("inference, batch", batch as f64, took.as_secs_f64() / calls as f64);
                took
            });
        });
    }
    group.finish();
    criterion.final_summary();
    print!("{growth}");
    Ok(())
}
