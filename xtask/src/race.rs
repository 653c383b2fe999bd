//! `cargo xtask race`: this workspace and its peers, timed in one run.

use std::{
    env,
    process::{Command, ExitCode},
};

use crate::{
    error::{Error, Result},
    options,
    peers::{self, Peers},
    programs, setup, workspace,
};

pub(crate) const HELP: &str = "\
Usage: cargo xtask race NAME [--ours] [--threads N] [--json] [ARGS]

Sets up what is missing, builds the program `race` of the package benches and runs the race NAME; `cargo xtask race --list`
names them. The peers (numpy, scipy, pandas, pyarrow, networkx, torch, torchode, torchdiffeq, jax, diffrax, lyapax, clvlib, at
the versions of benches/peers/requirements.txt; for fly-... also flyvis, of requirements-flyvis.txt) are put into a Python
environment of their own under target/peers the first time: about 0.8 GB to download and 2.2 GB on disk, with Python 3.11 or
later; torch comes without the CUDA libraries, since the races run on the CPU. A PEERS_PYTHON of your own, a Python that has
the peers, is taken as it is.

  --ours        this workspace only; needs no Python (nor does spmm, whose peer is libtorch)
  --threads N   threads for each contestant (default 1): sets OMP_NUM_THREADS, MKL_NUM_THREADS, OPENBLAS_NUM_THREADS,
                RAYON_NUM_THREADS, NPROC (the size of XLA's pool) and XLA's flag for matrix products
  --json        the results for a program, on standard output

Arguments are passed on to the program; `cargo xtask race -- --help` lists the others. OMP_WAIT_POLICY is passive: OpenMP
threads that spin while they wait would take the cores from other contestants.
";

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let args = options::passed_on(args);
    let root = workspace::root();
    let threads = threads(args)?;
    eprintln!("{}", setup::ensure_some(&root)?.describe());
    // With the features of the whole workspace, for which everything is compiled after the tests.
    let mut build = workspace::cargo(&root);
    let program = programs::build(build.args(["build", "--release", "--workspace", "--bin", "race"]), "race")?;
    let mut race = Command::new(&program);
    race.args(args).current_dir(&root);
    // Nothing is fetched for arguments that the program refuses; it says why when it runs.
    let needs = workspace::output(Command::new(&program).arg("needs").args(args)).unwrap_or_default();
    if !needs.is_empty() && !peers::are_the_users() {
        let peers = Peers::of(&root);
        let python = peers.ensure()?;
        needs.lines().skip(1).try_for_each(|requirements| peers.ensure_also(requirements))?;
        python.offer(&mut race);
    }
    for name in THREAD_VARIABLES {
        race.env(name, threads.to_string());
    }
    race.env("XLA_FLAGS", xla_flags(threads)).env("OMP_WAIT_POLICY", "passive");
    eprintln!("{threads} thread(s) for each contestant ({}), OMP_WAIT_POLICY=passive", THREAD_VARIABLES.join(", "));
    workspace::end_as(&mut race)
}

/// One for each library; XLA takes the size of its pool from NPROC.
const THREAD_VARIABLES: [&str; 5] =
    ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "NPROC"];

/// XLA's products of matrices have threads of their own.
fn xla_flags(threads: usize) -> String {
    let user = env::var("XLA_FLAGS").unwrap_or_default();
    let ours = if threads == 1 { "--xla_cpu_multi_thread_eigen=false" } else { "" };
    format!("{ours} {user}").trim().to_owned()
}

/// The value of `--threads`, 1 without it. The argument itself is passed on.
fn threads(args: &[String]) -> Result<usize> {
    let wrong = || Error::Usage("--threads wants a number from 1 on".into());
    let value = args.iter().enumerate().find_map(|(at, arg)| match arg.strip_prefix("--threads")? {
        "" => Some(args.get(at + 1).cloned().unwrap_or_default()),
        rest => rest.strip_prefix('=').map(str::to_owned),
    });
    let threads = value.map_or(Ok(1), |value| value.parse::<usize>().map_err(|_| wrong()))?;
    if threads == 0 { Err(wrong()) } else { Ok(threads) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> Result<usize> {
        threads(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn one_thread_unless_said() {
        assert_eq!(of(&["spmm"]).unwrap(), 1);
        assert_eq!(of(&["spmm", "--threads", "2"]).unwrap(), 2);
        assert_eq!(of(&["--threads=4", "spmm"]).unwrap(), 4);
        for wrong in [["--threads"].as_slice(), &["--threads", "0"], &["--threads=many"]] {
            assert!(of(wrong).is_err());
        }
    }
}
