//! `cuda_check`: what runs on CUDA devices, compared with the CPU and timed. `cargo xtask cuda-check` packs it.

use benches::cuda_check::{self, Outcome};
use connectome_graph::generate::Benchmark;
use std::process::ExitCode;

const HELP: &str = "\
Usage: cuda_check [--quick]

Compares each operation and model on the first CUDA device with the CPU in double precision, and times the operations beside
libtorch's CSR (cuSPARSE) on the benchmark connectome: 47,521 neurons, 4,623,254 synapses.

  --quick    on a network of 2,000 neurons; the times mean nothing then

Ends with 0 when all is equal, 1 when something differs or fails, 2 for a wrong argument, 3 without a CUDA device.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let size = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Benchmark::OPTIC_LOBE,
        ["--quick"] => Benchmark { neurons: 2000, synapses: 100_000 },
        ["--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("cuda_check knows --quick and --help, not {}", args.join(" "));
            return ExitCode::from(2);
        }
    };
    match cuda_check::run(size) {
        Ok(Outcome::Equal) => ExitCode::SUCCESS,
        Ok(Outcome::Different) => ExitCode::FAILURE,
        Ok(Outcome::NoDevice) => ExitCode::from(3),
        Err(error) => {
            eprintln!("cuda_check: {error}");
            ExitCode::FAILURE
        }
    }
}
