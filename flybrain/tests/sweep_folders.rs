//! Folders of sweeps whose settings change, that cannot be completed, or that are given to commands of others.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use flybrain::areas::{Config, multimodal};
use flybrain::vision::FlyTrainSettings;
use serde_json::Value;

use common::Cli;

const BENCHMARK: Cli = Cli("lyapunov-benchmark");
const CHAOS: Cli = Cli("transition-to-chaos");
const COLLECT: Cli = Cli("collect");
const CONVERGENCE: Cli = Cli("lyapunov-convergence");
const SPECTRUM: Cli = Cli("spectrum");

/// Files of a folder, but for those of folders in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())).collect()
}

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

/// Tables and pictures are of the plan that the folder has now; points that were computed are kept, and so is what others put there.
#[test]
fn nothing_is_left_of_another_number_of_samples() {
    let folder = tempfile::tempdir().unwrap();
    let chaos = ["--gmin", "0.5", "--gmax", "1.5", "--m_g", "2", "--n", "4", "--tsim", "10"];
    let spectrum = ["--variance_max", "2", "--parameter", "weights", "--n", "4", "--tsim", "10"];
    for (command, args) in [(CHAOS, &chaos[..]), (SPECTRUM, &spectrum)] {
        let at = |out: &str| folder.path().join(format!("{}_{out}", command.0));
        let run = |samples: &'static str, out: &str, more: &[&'static str]| {
            let out = at(out).display().to_string();
            let args = [args, &["--n_samples", samples, "--out", &out], more].concat();
            command.run(folder.path(), &args)
        };
        assert!(run("1", "fresh", &[]).status.success());
        assert!(run("2", "run", &[]).status.success());
        fs::write(at("run").join("notes.csv"), "mine").unwrap();
        let before = files(&at("run"));
        let output = run("1", "run", &["--resume"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.contains("warning: 2 points in"), "{said}");
        assert!(said.contains("n_samples was 2, is 1"), "{said}");
        let mut after = files(&at("run"));
        assert_eq!(after.remove("notes.csv").unwrap(), b"mine");
        assert_eq!(after.keys().collect::<Vec<_>>(), files(&at("fresh")).keys().collect::<Vec<_>>());
        assert!(after == files(&at("fresh")), "files differ from those of a fresh run");
        let again = run("2", "run", &["--json", "--quiet"]);
        assert_eq!(points(&serde_json::from_slice(&again.stdout).unwrap()), (0, 4));
        assert!(files(&at("run")) == before && again.stderr.is_empty());
    }
    // what was put together of fewer samples is not there while more are missing
    let args = [&chaos[..], &["--n_samples", "3", "--out", "transition-to-chaos_run"]].concat();
    CHAOS.json(folder.path(), &[&args[..], &["--task-id", "1", "--n-tasks", "2"]].concat());
    let names: Vec<String> = files(&folder.path().join("transition-to-chaos_run")).into_keys().collect();
    assert_eq!(names, ["notes.csv", "sweep.json"]);
}

/// Commands that are given the folder of another one say whose it is.
#[test]
fn folders_of_other_commands_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: String| {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("config.toml"), text).unwrap();
    };
    put("areas", Config::default().to_toml().unwrap());
    put("scenarios", multimodal::Settings::default().to_toml().unwrap());
    put("fly", FlyTrainSettings::default().to_toml().unwrap());
    CHAOS.json(
        folder.path(),
        &["--gmin", "1", "--gmax", "1", "--m_g", "1", "--n_samples", "1", "--n", "4", "--tsim", "5", "--out", "sweep"],
    );
    assert!(train(folder.path(), &["--out", "exponents"], &[]).status.success());
    let whose = [
        ("areas", "a run of `areas train`"),
        ("scenarios", "a run of `areas scenarios`"),
        ("exponents", "a training on exponents"),
        ("fly", "models of `vision train`"),
        ("sweep", "a sweep of exponents"),
    ];
    for (name, what) in &whose[..3] {
        let message = COLLECT.fails(folder.path(), &[name], 1);
        assert!(message.contains(what) && message.contains("no putting together"), "{name}: {message}");
    }
    for (name, what) in &whose[1..] {
        let message = Cli("areas").fails(folder.path(), &["eval", name], 1);
        assert!(message.contains(what) && message.contains("name the folder"), "{name}: {message}");
    }
    put("damaged", "extent = \"wide\"".into());
    assert!(COLLECT.fails(folder.path(), &["damaged"], 1).contains("extent"));
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

/// A training in each of many tasks is the same one, unless they were told apart.
#[test]
fn tasks_of_an_array_that_do_the_same_are_warned() {
    let folder = tempfile::tempdir().unwrap();
    let slurm = [("SLURM_ARRAY_TASK_ID", "1"), ("SLURM_ARRAY_TASK_MIN", "0"), ("SLURM_ARRAY_TASK_COUNT", "4")];
    let said = |more: &[&str], environment: &[(&str, &str)]| {
        let output = train(folder.path(), more, environment);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let warned = said(&["--out", "a"], &slurm);
    assert!(warned.contains("warning: SLURM_ARRAY_TASK_ID") && warned.contains("one of 4 tasks"), "{warned}");
    let warned = said(&["--out", "b"], &[("LSB_JOBINDEX", "2"), ("LSB_JOBINDEX_END", "3")]);
    assert!(warned.contains("warning: LSB_JOBINDEX") && warned.contains("one of 3 tasks"), "{warned}");
    assert!(!said(&["--out", "c", "--seed", "7"], &slurm).contains("warning"));
    let single = [("SLURM_ARRAY_TASK_ID", "5"), ("SLURM_ARRAY_TASK_MIN", "5"), ("SLURM_ARRAY_TASK_COUNT", "1")];
    assert!(!said(&["--out", "d"], &single).contains("warning"));
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
