//! Set-up, demo, tests and races of this workspace: `cargo xtask COMMAND`.

mod bench;
mod ci;
mod console;
mod cuda_check;
mod demo;
mod doctor;
mod error;
mod libtorch;
mod mpi_check;
mod options;
mod peers;
mod pool;
mod programs;
mod race;
mod report;
mod setup;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use error::{Error, Result};

/// A command: takes its arguments, returns the exit code.
type Command = fn(&[String]) -> Result<ExitCode>;

const HELP: &str = "\
Usage: cargo xtask COMMAND [OPTIONS]

  setup    fetch libtorch 2.11.0 into .libtorch/, or check the one that you have
  doctor   say what was found on this machine, and what to do about what is missing
  demo     set up, build, and show moving edges to the 50 published models of the fly's eye
  test     set up, then fmt, clippy, doc, tests, doc tests and examples, with a table at the end
  ci       what continuous integration runs: the same as test
  bench    cargo bench of the benches package
  race     time this workspace and its peers in one run
  cuda-check
           pack, and run, the comparison of CUDA kernels and models with the CPU
  mpi-check
           two ranks of MPI against one process

`cargo xtask COMMAND --help` tells more. Nothing needs to be exported; after `setup`, plain `cargo run`, `cargo test`
and `cargo bench` work from any folder of the workspace.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(if matches!(error, Error::Usage(_)) { 2 } else { 1 })
        }
    }
}

fn run(args: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = args.split_first() else {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let (help, run): (&str, Command) = match command.as_str() {
        "setup" => (setup::HELP, setup::run),
        "doctor" => (doctor::HELP, doctor::run),
        "demo" => (demo::HELP, demo::run),
        "test" => (test::HELP, test::run),
        "ci" => (ci::HELP, ci::run),
        "bench" => (bench::HELP, bench::run),
        "race" => (race::HELP, race::run),
        "cuda-check" => (cuda_check::HELP, cuda_check::run),
        "mpi-check" => (mpi_check::HELP, mpi_check::run),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        other => {
            return Err(Error::Usage(format!("there is no command {other:?}; `cargo xtask --help` lists them")));
        }
    };
    if options::ask_for_help(rest) {
        print!("{help}");
        return Ok(ExitCode::SUCCESS);
    }
    run(rest)
}
