//! `cargo xtask test`: everything that must hold, with a table at the end.

use std::{
    cell::Cell,
    io::{BufRead, BufReader, IsTerminal, Write},
    path::Path,
    process::{Command, ExitCode, Stdio},
    thread::JoinHandle,
    time::Instant,
};

use crate::{
    error::{Error, Result},
    mpi_check,
    options::Options,
    peers::{self, Peers, Python},
    pool::{self, Ended, Job},
    programs,
    report::{Counts, Report, Stage},
    setup, workspace,
};

pub(crate) const HELP: &str = "\
Usage: cargo xtask test [--fast] [--keep-going]

Sets up what is missing, then, all in release (the C++ is compiled once):
  fmt        cargo fmt --all --check
  clippy     cargo clippy --workspace --all-targets, warnings are errors
  doc        cargo doc --workspace --no-deps, warnings are errors
  test       cargo test --workspace: unit tests, integration tests, doc tests; files are exchanged with numpy, scipy, pandas,
             pyarrow, networkx and torch, which are put into target/peers the first time (0.8 GB to download, 2.2 GB on
             disk); without a Python or a network these tests say so and are skipped. They are fetched while the stages before run
  mpi        the feature `mpi` of `flybrain` with two ranks, where mpicc, mpirun and libclang are installed
  examples   each example of the package `examples` with --quick; results in target/quick
and ends with a table of stages and the number of tests. Stops at the first stage that fails.

As many programs of tests, and examples, run at once as there are cores. Each one's output is shown when it has ended, under
its package and the options with which `cargo test --release -p` runs it alone. After a failure no more are started.

  --fast         without doc, doc tests, mpi, examples and target/peers
  --keep-going   all stages and all tests, also after a failure

CARGO_BUILD_JOBS limits how many compilers run at once (the C++ takes 2 GB each).
RUST_TEST_THREADS is 1 unless you set it: how many tests each of the programs runs at once.
";

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let mut options = Options::new("test", args);
    let fast = options.flag("--fast");
    let keep_going = options.flag("--keep-going");
    options.finish()?;
    let root = workspace::root();
    let start = Instant::now();
    let mut report = Report { stages: vec![stage("setup", &mut |_| setup::ensure_some(&root).map(drop))] };
    let peers = Cell::new(None);
    for (name, mut work) in stages(&root, fast, keep_going, &peers) {
        if report.failed() && !keep_going || report.stages[0].failure.is_some() {
            break;
        }
        report.stages.push(stage(name, &mut work));
    }
    print!("{}", report.table(start.elapsed()));
    Ok(if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

type Work<'a> = Box<dyn FnMut(&mut Counts) -> Result<()> + 'a>;

fn stages<'a>(
    root: &'a Path,
    fast: bool,
    keep_going: bool,
    peers: &'a Cell<Option<Fetching>>,
) -> Vec<(&'static str, Work<'a>)> {
    let mut stages: Vec<(&'static str, Work<'a>)> = vec![
        ("fmt", Box::new(|_| workspace::run(announce(workspace::cargo(root).args(["fmt", "--all", "--check"]))))),
        (
            "clippy",
            Box::new(move |_| {
                // Not before the stage that is over in a second: where that fails, nobody waits for pip.
                if !fast {
                    peers.set(Fetching::start(root));
                }
                workspace::run(announce(workspace::cargo(root).args([
                    "clippy",
                    "--release",
                    "--workspace",
                    "--all-targets",
                    "--",
                    "-D",
                    "warnings",
                ])))
            }),
        ),
    ];
    if !fast {
        stages.push((
            "doc",
            Box::new(|_| {
                workspace::run(announce(
                    workspace::cargo(root)
                        .args(["doc", "--release", "--workspace", "--no-deps"])
                        .env("RUSTDOCFLAGS", "-D warnings"),
                ))
            }),
        ));
    }
    stages.push(("test", Box::new(move |counts| tests(root, fast, keep_going, peers.take(), counts))));
    if !fast && mpi_check::is_installed() {
        stages.push(("mpi", Box::new(move |counts| counted(announce(&mut mpi_check::tests(root)), counts))));
    }
    if !fast {
        stages.push(("examples", Box::new(move |counts| examples(root, keep_going, counts))));
    }
    stages
}

/// The other libraries on their way, while others compile.
struct Fetching(Option<JoinHandle<Result<Python>>>);

impl Fetching {
    /// Starts to fetch them, unless the user has them.
    fn start(root: &Path) -> Option<Self> {
        let of_workspace = Peers::of(root);
        (!peers::are_the_users()).then(|| Self(Some(std::thread::spawn(move || of_workspace.ensure()))))
    }

    /// Waits for them; without them some tests are skipped.
    fn finish(mut self) -> Option<Python> {
        match self.0.take()?.join() {
            Ok(Ok(python)) => Some(python),
            Ok(Err(error)) => {
                eprintln!("no files are exchanged with libraries of Python, which could not be set up: {error}");
                None
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Fetching {
    /// Where a stage failed before they were needed: pip is not left behind.
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            if !thread.is_finished() {
                eprintln!("waiting for pip, which is still at work in target/peers (Ctrl-C ends it too)");
            }
            let _ = thread.join();
        }
    }
}

/// Compiles all tests, then runs their programs and the doc tests beside each other.
fn tests(root: &Path, fast: bool, keep_going: bool, peers: Option<Fetching>, counts: &mut Counts) -> Result<()> {
    let mut compile = workspace::cargo(root);
    compile.args(["test", "--release", "--workspace"]);
    if fast {
        compile.args(["--lib", "--bins", "--tests"]);
    }
    compile.arg("--no-run");
    let mut jobs = programs::compile(root, announce(&mut compile))?;
    if !fast {
        let mut command = workspace::cargo(root);
        command.args(["test", "--release", "--workspace", "--doc"]);
        if keep_going {
            command.arg("--no-fail-fast");
        }
        // The longest job of all.
        jobs.insert(0, Job { name: workspace::describe(&command), command });
    }
    let python = peers.and_then(Fetching::finish);
    for job in &mut jobs {
        workspace::default_env(&mut job.command, "OMP_WAIT_POLICY", "passive");
        workspace::default_env(&mut job.command, "RUST_TEST_THREADS", "1");
        if let Some(python) = &python {
            python.offer(&mut job.command);
        }
    }
    pooled("tests", jobs, keep_going, |job| counts.read_program(job))
}

/// Runs each example as a test of its own.
fn examples(root: &Path, keep_going: bool, counts: &mut Counts) -> Result<()> {
    // With the features of the whole workspace, for which everything is compiled already.
    let mut build = workspace::cargo(root);
    announce(build.args(["build", "--release", "--workspace", "--examples"]));
    let programs = programs::build_examples(&mut build, &root.join("examples"))?;
    let jobs = programs.into_iter().map(|(name, program)| example(root, &name, &program)).collect();
    pooled("examples", jobs, keep_going, |job| match job.result {
        Ok(()) => counts.passed += 1,
        Err(_) => {
            counts.failed += 1;
            counts.failures.push(job.name.clone());
        }
    })
}

/// Its results are not to take the place of those of a full run, which lie in target/examples.
fn example(root: &Path, name: &str, program: &Path) -> Job {
    let mut command = Command::new(program);
    command.arg("--quick").arg("--out").arg(root.join("target/quick").join(name)).current_dir(root);
    workspace::default_env(&mut command, "OMP_WAIT_POLICY", "passive");
    Job { name: format!("{name} --quick"), command }
}

/// Runs jobs, one on each core, and shows what each printed when it has ended.
fn pooled(what: &str, jobs: Vec<Job>, keep_going: bool, mut count: impl FnMut(&Ended)) -> Result<()> {
    let mut errors = Vec::new();
    pool::run(jobs, pool::width(), keep_going, |job| {
        let result = if job.result.is_ok() { "" } else { "FAILED after " };
        headline(&format!("{}: {result}{:.1} s", job.name, job.time.as_secs_f64()));
        // A closed pipe must not end the work.
        let _ = std::io::stdout().write_all(job.output.as_bytes());
        count(&job);
        errors.extend(job.result.err());
    });
    match errors.len() {
        0 | 1 => errors.pop().map_or(Ok(()), Err),
        n => Err(Error::Failed { command: what.into(), status: format!("{n} failures") }),
    }
}

/// Runs a command, shows its output as it comes, and counts the tests in it.
fn counted(command: &mut Command, counts: &mut Counts) -> Result<()> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Error::io(format!("starting {}", workspace::describe(command))))?;
    if let Some(stdout) = child.stdout.take() {
        let mut out = std::io::stdout();
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(Error::io("reading the output of the tests"))?;
            let line = String::from_utf8_lossy(&line);
            let _ = writeln!(out, "{line}");
            counts.read(&line);
        }
    }
    let status = child.wait().map_err(Error::io("waiting for the tests"))?;
    if status.success() { Ok(()) } else { Err(workspace::failed(command, status)) }
}

fn announce(command: &mut Command) -> &mut Command {
    headline(&workspace::describe(command));
    command
}

fn headline(text: &str) {
    let bold = if std::io::stderr().is_terminal() { ["\x1b[1m", "\x1b[0m"] } else { ["", ""] };
    eprintln!("\n{}> {text}{}", bold[0], bold[1]);
}

fn stage(name: &'static str, work: &mut dyn FnMut(&mut Counts) -> Result<()>) -> Stage {
    let start = Instant::now();
    let mut counts = Counts::default();
    let failure = work(&mut counts).err().map(|error| error.to_string());
    if let Some(failure) = &failure {
        eprintln!("error: {failure}");
    }
    Stage { name, time: start.elapsed(), counts, failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_runs_leave_the_results_of_full_ones() {
        let job = example(Path::new("/w"), "07_x", Path::new("/w/target/release/examples/07_x"));
        assert_eq!(job.name, "07_x --quick");
        assert_eq!(job.command.get_args().collect::<Vec<_>>(), ["--quick", "--out", "/w/target/quick/07_x"]);
    }
}
