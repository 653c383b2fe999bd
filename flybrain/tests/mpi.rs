//! Two ranks of MPI do what one process does. With feature `mpi`; skipped without an `mpirun`. `cargo xtask mpi-check` brings both.
#![cfg(feature = "mpi")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use flybrain::vision::{FlyTrainSettings, Movies};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flybrain");

/// What two ranks of a command do; none where there is no MPI.
fn ranks(folder: &Path, args: &[&str]) -> Option<Output> {
    let mut command = Command::new("mpirun");
    // Open MPI starts nothing for root, nor more ranks than cores, unless it is told to
    for variable in ["OMPI_ALLOW_RUN_AS_ROOT", "PRTE_ALLOW_RUN_AS_ROOT"] {
        command.env(variable, "1").env(format!("{variable}_CONFIRM"), "1");
    }
    command
        .env("OMPI_MCA_rmaps_base_oversubscribe", "1")
        .env("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe");
    match command.args(["-n", "2", PROGRAM]).args(args).current_dir(folder).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no mpirun");
            None
        }
        output => Some(output.unwrap()),
    }
}

fn alone(folder: &Path, args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).current_dir(folder).output().unwrap()
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn settings(folder: &Path) {
    let settings = FlyTrainSettings {
        models: 3,
        extent: 1,
        iterations: 4,
        batch: 2,
        frames: 6,
        validate_every: 2,
        movies: Movies::Scenes { scenes: 5, held_out: 1, seed: 0, look: Default::default() },
        ..FlyTrainSettings::default()
    };
    fs::write(folder.join("short.toml"), settings.to_toml().unwrap()).unwrap();
}

const TRAIN: [&str; 7] = ["vision", "train", "--quiet", "--config", "short.toml", "--threads", "1"];

#[test]
fn trainings_are_those_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    settings(folder);
    let Some(output) = ranks(folder, &[&TRAIN[..], &["--mpi", "--out", "two"]].concat()) else { return };
    let told = succeeded(&output);
    // once, by the first rank
    let one = succeeded(&alone(folder, &[&TRAIN[..], &["--out", "one"]].concat()));
    assert_eq!(told, one.replace("one/", "two/"));
    for model in 0..3 {
        for file in ["training.csv", "validation.csv", "network.safetensors"] {
            let read = |run: &str| fs::read(folder.join(run).join(format!("model_00{model}")).join(file)).unwrap();
            assert!(read("two") == read("one"), "{file} of model {model} differs");
        }
    }
    for file in ["config.toml", "learning.svg", "flow.svg"] {
        let read = |run: &str| fs::read(folder.join(run).join(file)).unwrap();
        assert!(read("two") == read("one"), "{file} differs");
    }
    assert!(folder.join("two/run_1.json").is_file() && folder.join("two/report.html").is_file());
}

#[test]
fn sweeps_are_those_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let sweep = ["transition-to-chaos", "--quiet", "--gmin", "0.5", "--gmax", "2", "--m_g", "2", "--n_samples", "2"];
    let sweep = [&sweep[..], &["--n", "20", "--tsim", "5", "--threads", "1"]].concat();
    let Some(output) = ranks(folder, &[&sweep[..], &["--mpi", "--out", "two"]].concat()) else { return };
    let told = succeeded(&output);
    assert!(told.starts_with("4 points computed, 0 were there\n"), "{told}");
    succeeded(&alone(folder, &[&sweep[..], &["--out", "one"]].concat()));
    let files = |run: &str| {
        let points = fs::read_dir(folder.join(run).join("points")).unwrap().map(|file| file.unwrap().path());
        let reports = ["sweep.json", "report.html"].map(|file| folder.join(run).join(file));
        let mut all: Vec<_> = points.chain(reports).collect();
        all.sort();
        all.iter().map(|path| (path.file_name().unwrap().to_owned(), fs::read(path).unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(files("two").len(), 6);
    assert!(files("two") == files("one"));
}

/// A rank that fails takes the others along, and what they did is kept.
#[test]
fn failures_of_a_rank_are_those_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    settings(folder);
    let train = [&TRAIN[..], &["--mpi", "--out", "run"]].concat();
    // the settings of a run, and a file where the second rank's model belongs
    fs::create_dir(folder.join("run")).unwrap();
    fs::copy(folder.join("short.toml"), folder.join("run/config.toml")).unwrap();
    fs::write(folder.join("run/model_001"), "").unwrap();
    let Some(output) = ranks(folder, &train) else { return };
    let error = error_of(&output);
    assert!(!output.status.success() && output.stdout.is_empty(), "{error}");
    assert!(error.contains("rank 1 failed") && error.contains("model_001"), "{error}");
    assert!(folder.join("run/model_000/result.json").is_file() && folder.join("run/model_002/result.json").is_file());
    fs::remove_file(folder.join("run/model_001")).unwrap();
    succeeded(&ranks(folder, &train).unwrap());
    assert!(folder.join("run/model_001/result.json").is_file());
}

/// Processes that would all do the same are refused, and each tells.
#[test]
fn ranks_that_share_nothing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    settings(folder.path());
    let Some(output) = ranks(folder.path(), &[&TRAIN[..], &["--out", "run"]].concat()) else { return };
    let error = error_of(&output);
    assert!(!output.status.success() && error.contains("one of 2 processes") && error.contains("--mpi"), "{error}");
    assert!(!folder.path().join("run").exists());
}
