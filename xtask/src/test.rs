//! `cargo xtask test`: everything that must hold, with a table at the end.

use std::{
    io::{BufRead, BufReader, IsTerminal, Write},
    path::Path,
    process::{Command, ExitCode, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, Result},
    mpi_check,
    options::Options,
    peers::{Peers, Python},
    setup, workspace,
};

pub(crate) const HELP: &str = "\
Usage: cargo xtask test [--fast] [--keep-going]

Sets up what is missing, then, all in release (the C++ is compiled once):
  fmt        cargo fmt --all --check
  clippy     cargo clippy --workspace --all-targets, warnings are errors
  doc        cargo doc --workspace --no-deps, warnings are errors
  test       cargo test --workspace: unit tests, integration tests, doc tests; files are exchanged with numpy, scipy, pandas,
             pyarrow, networkx and torch, which are put into target/peers the first time (0.8 GB to download); without a
             Python or a network these tests say so and are skipped. They are fetched while the stages before run
  mpi        the feature `mpi` of `flybrain` with two ranks, where mpicc, mpirun and libclang are installed
  examples   each example of the package `examples` with --quick
and ends with a table of stages and the number of tests. Stops at the first stage that fails.

  --fast         without doc, doc tests, mpi, examples and target/peers
  --keep-going   all stages and all tests, also after a failure

CARGO_BUILD_JOBS limits how many compilers run at once (the C++ takes 2 GB each).
";

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let mut options = Options::new("test", args);
    let fast = options.flag("--fast");
    let keep_going = options.flag("--keep-going");
    options.finish()?;
    let root = workspace::root();
    let start = Instant::now();
    let mut report = Report { stages: vec![stage("setup", &mut |_| setup::ensure_some(&root).map(drop))] };
    let peers = (!fast && !report.failed()).then(|| Fetching::start(&root)).flatten();
    for (name, mut work) in stages(&root, fast, keep_going, peers) {
        if report.failed() && !keep_going || report.stages[0].failure.is_some() {
            break;
        }
        report.stages.push(stage(name, &mut work));
    }
    print!("{}", report.table(start.elapsed()));
    Ok(if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

type Work<'a> = Box<dyn FnMut(&mut Counts) -> Result<()> + 'a>;

fn stages(root: &Path, fast: bool, keep_going: bool, mut peers: Option<Fetching>) -> Vec<(&'static str, Work<'_>)> {
    let mut stages: Vec<(&'static str, Work<'_>)> = vec![
        ("fmt", Box::new(|_| workspace::run(announce(workspace::cargo(root).args(["fmt", "--all", "--check"]))))),
        (
            "clippy",
            Box::new(|_| {
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
    stages.push((
        "test",
        Box::new(move |counts| {
            let mut command = workspace::cargo(root);
            command.args(["test", "--release", "--workspace"]);
            if fast {
                command.args(["--lib", "--bins", "--tests"]);
            }
            if keep_going {
                command.arg("--no-fail-fast");
            }
            workspace::default_env(&mut command, "OMP_WAIT_POLICY", "passive");
            if let Some(peers) = peers.take() {
                peers.offer(&mut command);
            }
            counted(announce(&mut command), counts)
        }),
    ));
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
        let peers = Peers::of(root);
        std::env::var_os("PEERS_PYTHON").is_none().then(|| Self(Some(std::thread::spawn(move || peers.ensure()))))
    }

    /// Tells the tests where they are; without them some tests are skipped.
    fn offer(mut self, command: &mut Command) {
        let Some(thread) = self.0.take() else { return };
        match thread.join() {
            Ok(Ok(python)) => python.offer(command),
            Ok(Err(error)) => {
                eprintln!("no files are exchanged with libraries of Python, which could not be set up: {error}");
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Fetching {
    /// Where a stage failed before they were needed: pip is not left behind.
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

/// Runs each example as a test of its own.
fn examples(root: &Path, keep_going: bool, counts: &mut Counts) -> Result<()> {
    // With the features of the whole workspace, for which everything is compiled already.
    workspace::run(announce(workspace::cargo(root).args(["build", "--release", "--workspace", "--examples"])))?;
    let programs = workspace::target_dir(root)?.join("release/examples");
    for name in workspace::targets(root, "examples", "example")? {
        let mut command = Command::new(programs.join(&name));
        command.arg("--quick").current_dir(root);
        workspace::default_env(&mut command, "OMP_WAIT_POLICY", "passive");
        match workspace::run(announce(&mut command)) {
            Ok(()) => counts.passed += 1,
            Err(error) => {
                counts.failed += 1;
                counts.failures.push(format!("example {name}"));
                if !keep_going {
                    return Err(error);
                }
                eprintln!("error: {error}");
            }
        }
    }
    match counts.failed {
        0 => Ok(()),
        n => Err(Error::Failed { command: "examples".into(), status: format!("{n} failures") }),
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
    let bold = if std::io::stderr().is_terminal() { ["\x1b[1m", "\x1b[0m"] } else { ["", ""] };
    eprintln!("\n{}> {}{}", bold[0], workspace::describe(command), bold[1]);
    command
}

/// Tests as libtest tells them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
    failures: Vec<String>,
}

impl Counts {
    /// Reads a line such as "test result: ok. 5 passed; 0 failed; 1 ignored; ..." or "test name ... FAILED".
    fn read(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("test result: ") {
            for part in rest.split(['.', ';']) {
                let mut words = part.split_whitespace();
                let (Some(number), Some(what)) = (words.next().and_then(|n| n.parse::<u64>().ok()), words.next())
                else {
                    continue;
                };
                match what {
                    "passed" => self.passed += number,
                    "failed" => self.failed += number,
                    "ignored" => self.ignored += number,
                    _ => {}
                }
            }
        } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failures.push(name.to_owned());
        }
    }
}

/// One line of the table.
#[derive(Debug)]
struct Stage {
    name: &'static str,
    time: Duration,
    counts: Counts,
    failure: Option<String>,
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

#[derive(Debug)]
struct Report {
    stages: Vec<Stage>,
}

impl Report {
    fn failed(&self) -> bool {
        self.stages.iter().any(|stage| stage.failure.is_some())
    }

    /// The closing table; its last line is the plain count that scripts look for.
    fn table(&self, total: Duration) -> String {
        let mut text = format!("\n{:<10} {:<8} {:>9} {:>8} {:>8}\n", "stage", "result", "seconds", "passed", "failed");
        let (mut passed, mut failed, mut ignored) = (0, 0, 0);
        for Stage { name, time, counts, failure } in &self.stages {
            let result = if failure.is_some() { "FAILED" } else { "ok" };
            text += &format!("{name:<10} {result:<8} {:>9.1}", time.as_secs_f64());
            if counts.passed + counts.failed > 0 {
                text += &format!(" {:>8} {:>8}", counts.passed, counts.failed);
            }
            text.push('\n');
            passed += counts.passed;
            failed += counts.failed;
            ignored += counts.ignored;
        }
        let result = if self.failed() { "FAILED" } else { "ok" };
        text += &format!("{:<10} {result:<8} {:>9.1} {passed:>8} {failed:>8}\n", "total", total.as_secs_f64());
        for stage in &self.stages {
            if let Some(failure) = &stage.failure {
                text += &format!("\n{} failed: {failure}\n", stage.name);
                for name in &stage.counts.failures {
                    text += &format!("  {name}\n");
                }
            }
        }
        let skipped = if ignored > 0 { format!(", {ignored} skipped") } else { String::new() };
        text + &format!("\n{passed} passed, {failed} failed{skipped}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_libtest_prints() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test laws::sum ... ok",
            "test laws::product ... FAILED",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.51s",
            "test src/lib.rs - solve (line 12) ... ok",
            "test result: ok. 40 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; finished in 10.00s",
        ] {
            counts.read(line);
        }
        let failures = vec!["laws::product".to_owned()];
        assert_eq!(counts, Counts { passed: 42, failed: 1, ignored: 2, failures });
    }

    #[test]
    fn the_table_names_what_failed_and_closes_with_the_count() {
        let counts = Counts { passed: 41, failed: 1, ignored: 2, failures: vec!["laws::product".into()] };
        let seconds = Duration::from_secs(3);
        let good = Stage { name: "fmt", time: seconds, counts: Counts::default(), failure: None };
        let bad = Stage { name: "test", time: seconds, counts, failure: Some("`cargo test` ended with 101".into()) };
        let report = Report { stages: vec![good, bad] };
        let table = report.table(seconds);
        assert!(report.failed());
        assert!(table.contains("laws::product"));
        assert!(table.contains("test failed: `cargo test` ended with 101"));
        assert_eq!(table.lines().last(), Some("41 passed, 1 failed, 2 skipped"));
    }
}
