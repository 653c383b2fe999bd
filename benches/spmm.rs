//! `cargo xtask bench --bench spmm`: sparse-dense products, ours beside libtorch's, and how they grow with the network.

use benches::fit::Growth;
use benches::products::{Matrix, Operation, Work};
use benches::wiring::Degrees;
use connectome_graph::generate::Benchmark;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use std::time::{Duration, Instant};

const BATCHES: [usize; 4] = [1, 8, 64, 128];

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .configure_from_args();
    let mut growth = Growth::default();
    products(&mut criterion, Degrees::HeavyTailed, &Operation::ALL, &mut growth)?;
    products(&mut criterion, Degrees::Uniform, &[Operation::Forward], &mut growth)?;
    sizes(&mut criterion, &mut growth)?;
    criterion.final_summary();
    print!("{growth}");
    Ok(())
}

/// All batches at the size of the optic lobe, ours and libtorch's.
fn products(
    criterion: &mut Criterion,
    degrees: Degrees,
    operations: &[Operation],
    growth: &mut Growth,
) -> Result<(), Failure> {
    let matrix = Matrix::new(&degrees.network(Benchmark::OPTIC_LOBE)?)?;
    for &operation in operations {
        let name = format!("{}, {}", operation.name(), degrees.name());
        let mut group = criterion.benchmark_group(&name);
        let mut errors = Vec::new();
        for batch in BATCHES {
            group.throughput(Throughput::Elements((matrix.entries() * batch) as u64));
            let mut work = matrix.work(operation, batch)?;
            let series = format!("{name}, ours, batch");
            let ours = measure(&mut group, "ours", batch, &mut work, Work::ours);
            if let Some(ours) = ours {
                growth.add(&series, batch as f64, ours);
            }
            let call = |work: &mut Work<'_>| work.libtorch().expect("libtorch multiplies its own matrix");
            let libtorch = measure(&mut group, "libtorch", batch, &mut work, call);
            if let (Some(ours), Some(libtorch)) = (ours, libtorch) {
                work.clear();
                work.ours();
                let truth = work.truth();
                errors.push(format!(
                    "{name}, batch {batch}: libtorch / ours {:.2}x; relative error {:.1e} (ours), {:.1e} (libtorch)",
                    libtorch / ours,
                    work.error_of_ours(&truth),
                    work.error_of_libtorch(&truth)?
                ));
            }
        }
        group.finish();
        println!("{}\n", errors.join("\n"));
    }
    Ok(())
}

/// The forward product of batch 8 on networks of several sizes.
fn sizes(criterion: &mut Criterion, growth: &mut Growth) -> Result<(), Failure> {
    let full = Benchmark::OPTIC_LOBE;
    let neurons = |part: u32| Benchmark { neurons: full.neurons / part, synapses: full.synapses / part };
    let synapses = |part: u32| Benchmark { synapses: full.synapses / part, ..full };
    let sweeps: [(&str, [Benchmark; 4]); 2] = [
        ("neurons, degree constant", [8, 4, 2, 1].map(neurons)),
        ("entries, neurons constant", [8, 4, 2, 1].map(synapses)),
    ];
    for (name, sizes) in sweeps {
        let mut group = criterion.benchmark_group(format!("forward, batch 8, by {name}"));
        for size in sizes {
            group.throughput(Throughput::Elements(8 * u64::from(size.synapses)));
            let matrix = Matrix::new(&Degrees::HeavyTailed.network(size)?)?;
            let mut work = matrix.work(Operation::Forward, 8)?;
            let entries = size.synapses as usize;
            if let Some(ours) = measure(&mut group, "ours", entries, &mut work, Work::ours) {
                growth.add(&format!("forward, batch 8, ours, by {name}"), entries as f64, ours);
            }
        }
        group.finish();
    }
    Ok(())
}

/// Seconds of the fastest sample; `None` where it does not run, by the filter of the command line.
fn measure<'a>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    who: &str,
    size: usize,
    work: &mut Work<'a>,
    call: impl Fn(&mut Work<'a>),
) -> Option<f64> {
    let mut least: Option<f64> = None;
    group.bench_function(BenchmarkId::new(who, size), |bencher| {
        bencher.iter_custom(|calls| {
            let start = Instant::now();
            for _ in 0..calls {
                call(work);
            }
            let took = start.elapsed();
            let each = took.as_secs_f64() / calls as f64;
            least = Some(least.map_or(each, |least| least.min(each)));
            took
        });
    });
    least
}
