//! Runs in processes that are killed. Each child is this program again.

mod common;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::Toy;
use libtest_mimic::{Arguments, Trial};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tch::Kind;
use tch_train::{Checkpoints, OnSignal};

const FOLDER: &str = "TCH_TRAIN_TEST_FOLDER";
const STEPS: u64 = 200;

fn main() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return train(Path::new(&folder));
    }
    let trial = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    let trials = vec![
        trial("a_killed_run_goes_on_as_if_it_never_had_been", killed),
        trial("ctrl_c_saves_and_says_how_to_go_on", interrupted),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn train(folder: &Path) {
    let toy = Toy::new(Kind::Float);
    let mut trainer = toy.trainer(folder, STEPS).on_signal(OnSignal::SaveAndStop);
    trainer.resume().unwrap();
    let report = trainer.run(STEPS, |batch| {
        std::thread::sleep(Duration::from_millis(2));
        toy.step(batch)
    });
    println!("{}", report.unwrap());
}

fn start(folder: &Path) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new(program).env(FOLDER, folder).stdout(Stdio::piped()).spawn().unwrap()
}

fn finish(folder: &Path) -> String {
    let output = start(folder).wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until a checkpoint of a step or later is there.
fn wait_for(folder: &Path, step: u64, child: &mut Child) {
    let checkpoints = Checkpoints::new(folder.join("checkpoints"));
    while checkpoints.list().unwrap().first().is_none_or(|(newest, _)| *newest < step) {
        assert!(child.try_wait().unwrap().is_none(), "the child ended before step {step}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Every file of a run.
fn files(folder: &Path) -> BTreeMap<OsString, Vec<u8>> {
    [folder.to_path_buf(), folder.join("checkpoints")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_file())
        .map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

fn assert_same(run: &Path, whole: &Path) {
    let (run, whole) = (files(run), files(whole));
    assert!(run.keys().eq(whole.keys()), "{:?} instead of {:?}", run.keys(), whole.keys());
    for (name, bytes) in &whole {
        assert!(run[name] == *bytes, "{name:?} differs");
    }
    assert!(whole.len() >= 5);
}

fn killed() {
    let [run, whole] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    assert!(finish(whole.path()).starts_with("finished: 200 steps"));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for step in [1, 20, 21, 60, 110, 150, 170] {
        let mut child = start(run.path());
        wait_for(run.path(), step, &mut child);
        std::thread::sleep(Duration::from_micros(rng.next_u64() % 9000));
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
    }
    finish(run.path());
    assert_same(run.path(), whole.path());
}

fn interrupted() {
    let [run, whole] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut child = start(run.path());
    wait_for(run.path(), 50, &mut child);
    // SAFETY: a signal to a process of our own, which was not waited for, so that its number is still its own.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("interrupted after step "), "{text}");
    assert!(text.contains("safetensors: start the same run again with `resume` to go on"), "{text}");
    finish(run.path());
    finish(whole.path());
    assert_same(run.path(), whole.path());
}
