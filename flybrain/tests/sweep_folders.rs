//! Folders of sweeps whose settings change, that cannot be completed, or that are given to commands of others.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use common::Cli;

const BENCHMARK: Cli = Cli("lyapunov-benchmark");
const CHAOS: Cli = Cli("transition-to-chaos");
const CONVERGENCE: Cli = Cli("lyapunov-convergence");
const SPECTRUM: Cli = Cli("spectrum");

/// Points that were computed and points that were there.
fn points(found: &Value) -> (u64, u64) {
    (found["computed"].as_u64().unwrap(), found["found"].as_u64().unwrap())
}

/// More timings are taken where more are asked for; fewer are no reason to take any.
#[test]
fn timings_are_as_many_as_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let run = |repeats: &str| {
        let args = ["--n", "10", "--tsim", "10", "--out", "run", "--repeats", repeats];
        points(&BENCHMARK.json(folder.path(), &args))
    };
    let timings = || {
        let text = fs::read(folder.path().join("run/points/duration_0.5.json")).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()["seconds"].as_array().unwrap().len()
    };
    let (all, _) = run("1");
    assert_eq!((run("1"), timings()), ((0, all), 1));
    assert_eq!((run("2"), timings()), ((all, 0), 2));
    assert_eq!((run("1"), timings()), ((0, all), 2));
}

/// A picture of each of many states would be too large to draw, or to look at.
#[test]
fn of_many_states_the_first_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let run = |samples: &str, out: &str| {
        let args = ["--tons", "1", "--activation", "tanh", "--n", "3", "--nle", "1", "--tsim", "5", "--out", out];
        CONVERGENCE.json(folder.path(), &[&args[..], &["--n_samples", samples]].concat());
        fs::read_to_string(folder.path().join(out).join("report.html")).unwrap()
    };
    let many = run("25", "many");
    assert!(many.contains("drawn: the first 24 of 25 states") && many.contains("from the first 24 of 25 states"));
    assert!(!run("24", "few").contains("first 24"));
}

/// What cannot be computed is said with what can be done about it, by options that there are.
#[test]
fn vanishing_directions_have_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let spectrum = ["--n", "40", "--n_samples", "1", "--variance_max", "9", "--parameter", "weights", "--tsim", "50"];
    let chaos = ["--gmin", "0", "--gmax", "0", "--m_g", "1", "--n_samples", "1", "--n", "4", "--tsim", "10"];
    for (command, args, all) in [(SPECTRUM, &spectrum[..], 9), (CHAOS, &chaos, 1)] {
        let with = |dt: &'static str| [args, &["--tons", "1", "--dt", dt]].concat();
        let output = command.run(folder.path(), &with("1"));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && message.contains("take a shorter --dt"), "{message}");
        assert!(!message.contains("ask for at most"), "{message}");
        let other = tempfile::tempdir().unwrap();
        assert_eq!(points(&command.json(other.path(), &with("0.5"))), (all, 0));
    }
}

/// A benchmark is refused where one of its points could never be computed.
#[test]
fn all_cases_of_a_benchmark_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--n", "10", "--tsim", "10", "--dt", "1", "--tons", "1", "--compat", "--out", "bad"];
    let message = BENCHMARK.fails(folder.path(), &args, 1);
    assert!(message.contains("tsim: duration_0.5: ") && message.contains("two steps or more"), "{message}");
    assert!(!folder.path().join("bad").exists(), "something is left behind");
}

/// A small training on exponents, in an environment.
fn train(folder: &Path, more: &[&str], environment: &[(&str, &str)]) -> Output {
    let args = ["train-random", "--n", "4", "--n_samples", "1", "--nle", "1", "--g", "1", "--activation", "tanh"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_flybrain"));
    command.args(args).args(["--loss", "l2", "--n_epochs", "1"]).args(more).current_dir(folder);
    if !more.contains(&"--tsim") {
        command.args(["--tsim", "2"]);
    }
    command.envs(environment.iter().copied()).output().unwrap()
}

/// Numbers of hundreds of digits are said in a few.
#[test]
fn large_numbers_are_said_briefly() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--gmin", "1", "--gmax", "2", "--m_g", "2", "--n_samples", "1", "--tsim", "1e300"];
    let sweep = CHAOS.fails(folder.path(), &args, 1);
    let training = String::from_utf8(train(folder.path(), &["--tsim", "1e300"], &[]).stderr).unwrap();
    for message in [sweep, training] {
        assert!(message.contains("tsim: 1e300") && message.len() < 300, "{message}");
    }
}
