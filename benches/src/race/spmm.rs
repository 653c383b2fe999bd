//! Race `spmm`: sparse-dense products, ours and libtorch's in turn in one process.

use super::args::Args;
use crate::meter::{self, Time, time};
use crate::products::{Matrix, Operation, Work};
use crate::table::{Table, error, number, ratio};
use crate::wiring::Degrees;
use crate::{Error, Result};
use connectome_graph::generate::Benchmark;
use serde_json::json;

const SIZE: Benchmark = Benchmark::OPTIC_LOBE;
const BATCHES: [usize; 4] = [1, 8, 64, 128];

/// Calls of each contestant in a round.
const CALLS: usize = 4;

/// Largest batch at which rows are gathered for each entry: at 64 these are 1.2 GB.
const GATHERED: usize = 8;

/// One line of the outcome.
struct Line {
    operation: Operation,
    batch: usize,
    name: &'static str,
    least: Time,
    error: f64,
    /// Least time of ours on the same product.
    ours: Time,
}

pub(super) fn run(args: &Args) -> Result<()> {
    tch_sparse::set_threads(args.threads)?;
    let matrix = Matrix::new(&Degrees::HeavyTailed.network(SIZE)?)?;
    let batches = args.batch.map_or(BATCHES.to_vec(), |batch| vec![batch]);
    let mut lines = Vec::new();
    for operation in Operation::ALL {
        for &batch in &batches {
            eprintln!("load {:.1}: {}, batch {batch}", meter::load(), operation.name());
            lines.extend(product(&matrix, operation, batch, args)?);
        }
    }
    if args.json {
        for line in &lines {
            let name = format!("{}, {}, batch {}", line.name, line.operation.name(), line.batch);
            println!(
                "{}",
                json!({
                    "job": "spmm", "impl": name, "threads": args.threads, "wall_s": line.least.wall_s,
                    "cpu_s": line.least.cpu_s, "error": line.error,
                })
            );
        }
        return Ok(());
    }
    println!(
        "spmm: products of a {n} x {n} matrix of {} entries with dense ones, f32, heavy-tailed rows and columns\n\
         libtorch: CSR with 32-bit indices (MKL) into an existing tensor; its transposed product with the transpose stored, as ours\n\
         transposed + SDDMM: both, the backward pass of a product; ours in one pass, which adds to the gradient\n\
         error: largest difference from the product in f64, over its largest number\n\
         {}; load {:.1}; {} thread(s); the least of {} calls, contestants in turn\n",
        SIZE.synapses,
        meter::machine(),
        meter::load(),
        args.threads,
        args.repeat * CALLS,
        n = SIZE.neurons
    );
    print!("{}", table(&lines));
    Ok(())
}

type Contestant = (&'static str, fn(&mut Work<'_>) -> Result<()>);

fn product(matrix: &Matrix, operation: Operation, batch: usize, args: &Args) -> Result<Vec<Line>> {
    let mut contestants: Vec<Contestant> = vec![("ours", |work| {
        work.ours();
        Ok(())
    })];
    if !args.ours {
        contestants.push(("libtorch CSR", |work| work.libtorch()));
        if operation == Operation::Forward && batch <= GATHERED {
            contestants.push(("gather, multiply, scatter", |work| work.gather_scatter()));
        }
    }
    let mut work = matrix.work(operation, batch)?;
    let mut least: Vec<Option<Time>> = vec![None; contestants.len()];
    for _ in 0..args.repeat {
        for ((_, call), least) in contestants.iter().zip(&mut least) {
            // what the others left in the caches is not this one's
            call(&mut work)?;
            for _ in 0..CALLS {
                let (took, done) = time(|| call(&mut work));
                done?;
                *least = Some(least.map_or(took, |best| best.min(took)));
            }
        }
    }
    let truth = work.truth();
    let mut lines: Vec<Line> = Vec::new();
    for ((name, call), least) in contestants.into_iter().zip(least) {
        work.clear();
        call(&mut work)?;
        let error = match name {
            "ours" => work.error_of_ours(&truth),
            _ => work.error_of_libtorch(&truth)?,
        };
        if error.is_nan() || error > 1e-4 {
            let who = format!("{name}, {}, batch {batch}", operation.name());
            return Err(Error::WrongJob { who, what: "relative error", got: error, want: 0.0 });
        }
        let Some(least) = least else { continue };
        let ours = lines.first().map_or(least, |first| first.least);
        lines.push(Line { operation, batch, name, least, error, ours });
    }
    Ok(lines)
}

fn table(lines: &[Line]) -> Table {
    let mut table =
        Table::new(&["product", "batch", "implementation", "wall ms", "CPU ms", "error", "wall / ours", "CPU / ours"]);
    for line in lines {
        table.row(vec![
            line.operation.name().into(),
            line.batch.to_string(),
            line.name.into(),
            number(1e3 * line.least.wall_s),
            number(1e3 * line.least.cpu_s),
            error(line.error),
            ratio(line.least.wall_s / line.ours.wall_s),
            ratio(line.least.cpu_s / line.ours.cpu_s),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_to_ours_on_the_same_product() {
        let time = |s: f64| Time { wall_s: s, cpu_s: s };
        let line = |name, s: f64, ours: f64| Line {
            operation: Operation::Forward,
            batch: 8,
            name,
            least: time(s),
            error: 1e-7,
            ours: time(ours),
        };
        let text = table(&[line("ours", 0.002, 0.002), line("libtorch CSR", 0.003, 0.002)]).to_string();
        let last = text.lines().last().unwrap();
        assert!(last.contains("3.00 |") && last.contains("1.50x |"), "{last}");
    }
}
