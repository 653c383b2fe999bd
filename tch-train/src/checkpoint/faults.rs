//! Disks that fail, files that are damaged.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::super::Identity;
use super::*;
use crate::{Adam, Batches, Optimizer, Parameters, Schedule};

/// The file system, until something fails.
struct Failing {
    /// Actions that work.
    left: usize,
    /// Whether later ones fail, too, as when the process was killed.
    for_good: bool,
    failed: bool,
    /// Whether something other than a removal failed.
    spoilt: bool,
}

impl Failing {
    fn new(left: usize, for_good: bool) -> Self {
        Self { left, for_good, failed: false, spoilt: false }
    }

    fn works(&mut self) -> io::Result<()> {
        self.removes().inspect_err(|_| self.spoilt = true)
    }

    fn removes(&mut self) -> io::Result<()> {
        if self.left == 0 && (self.for_good || !self.failed) {
            self.failed = true;
            return Err(io::Error::other("no space left"));
        }
        self.left = self.left.saturating_sub(1);
        Ok(())
    }
}

impl Disk for Failing {
    fn create(&mut self, path: &Path) -> io::Result<File> {
        self.works().and_then(|()| FileSystem.create(path))
    }
    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.works() {
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        FileSystem.write(file, bytes)
    }
    fn sync(&mut self, file: &File) -> io::Result<()> {
        self.works().and_then(|()| FileSystem.sync(file))
    }
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.works().and_then(|()| FileSystem.rename(from, to))
    }
    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        self.works().and_then(|()| FileSystem.sync_folder(folder))
    }
    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.removes().and_then(|()| FileSystem.remove(path))
    }
}

fn checkpoint(step: u64) -> Checkpoint {
    let value = Tensor::arange(6, (Kind::Float, Device::Cpu)).view([2, 3]) + step as f64;
    let p = value.tr().set_requires_grad(true);
    let parameters = Parameters::new([("layer.\"sha256\":\"w", p.shallow_clone())]).unwrap();
    let mut optimizer = Optimizer::new(Adam::default(), &parameters).unwrap();
    p.sum(Kind::Float).backward();
    optimizer.step().unwrap();
    let mut model: std::collections::BTreeMap<String, Tensor> =
        parameters.iter().map(|(n, t)| (n.to_owned(), t.detach())).collect();
    model.insert("flags".into(), Tensor::from_slice(&[true, false, true]));
    model.insert("count".into(), Tensor::from(step as i64));
    model.insert("none".into(), Tensor::zeros([0, 4], (Kind::Double, Device::Cpu)));
    Checkpoint {
        step,
        identity: Identity { built_on: Some("1f".into()), ..Identity::new("Toy", json!({"width": 3, "lr": 0.1})) },
        seed: u64::MAX,
        score: Some(1.0 / 3.0),
        cursor: Some(Batches::shuffled(10, 3, 5).unwrap().cursor()),
        schedules: [("lr".to_owned(), Schedule::Constant(0.1))].into(),
        clip: json!({"norm": 1.5}),
        notes: json!({"said": "\"sha256\":\"0"}),
        model,
        optimizer: Some(optimizer.state().unwrap()),
    }
}

fn assert_same(a: &Checkpoint, b: &Checkpoint) {
    assert_eq!((a.step, &a.identity, a.seed, a.score), (b.step, &b.identity, b.seed, b.score));
    assert_eq!((&a.cursor, &a.schedules, &a.clip, &a.notes), (&b.cursor, &b.schedules, &b.clip, &b.notes));
    let same = |a: &Tensor, b: &Tensor| a.kind() == b.kind() && a.size() == b.size() && a.equal(b);
    assert!(a.model.keys().eq(b.model.keys()) && a.model.values().zip(b.model.values()).all(|(a, b)| same(a, b)));
    let (a, b) = (a.optimizer.as_ref().unwrap(), b.optimizer.as_ref().unwrap());
    assert_eq!(a.groups, b.groups);
    assert!(
        a.tensors.keys().eq(b.tensors.keys()) && a.tensors.values().zip(b.tensors.values()).all(|(a, b)| same(a, b))
    );
}

#[test]
fn everything_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path().join("deep/er"));
    assert!(checkpoints.latest().unwrap().is_none());
    let path = checkpoints.save(&checkpoint(7)).unwrap();
    assert!(path.ends_with("deep/er/step_000000000007.safetensors"));
    assert_same(&Checkpoint::read(&path).unwrap(), &checkpoint(7));
    let first = fs::read(&path).unwrap();
    checkpoints.save(&checkpoint(7)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), first, "the same state gives other bytes");
    // any reader of safetensors can open it
    assert_eq!(Tensor::read_safetensors(&path).unwrap().len(), 6);
}

/// Whatever fails, and whether the process goes on or not: the old checkpoint loads, or the new one where all was done.
#[test]
fn a_failure_at_any_action_leaves_a_complete_checkpoint() {
    let mut failures = 0;
    for (left, for_good) in (0..40).flat_map(|n| [(n, false), (n, true)]) {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path()).keep(Keep::Newest(1)).best_is(Best::Highest);
        checkpoints.save(&checkpoint(1)).unwrap();
        let mut disk = Failing::new(left, for_good);
        let mut new = checkpoint(2);
        new.score = Some(0.5);
        let saved = checkpoints.save_to(&mut disk, &new);
        assert_eq!(saved.is_err(), disk.spoilt, "after {left} actions");
        failures += u32::from(disk.failed);
        let (_, found) = checkpoints.latest().unwrap().unwrap();
        let renamed = checkpoints.list().unwrap()[0].0 == 2;
        assert!(renamed || saved.is_err());
        let old = checkpoint(1);
        assert_same(&found, if renamed { &new } else { &old });

        // and the next save works, and cleans up
        checkpoints.save(&checkpoint(3)).unwrap();
        let names = checkpoints.files().unwrap().len();
        assert!(names <= 2, "{:?}", checkpoints.files());
        assert_eq!(checkpoints.latest().unwrap().unwrap().1.step, 3);
    }
    assert!(failures >= 2 * 10, "only {failures} failures: are the actions counted?");
}

#[test]
fn damage_anywhere_is_noticed_and_the_one_before_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path());
    checkpoints.save(&checkpoint(1)).unwrap();
    let path = checkpoints.save(&checkpoint(2)).unwrap();
    let good = fs::read(&path).unwrap();
    for length in (0..good.len()).step_by(7) {
        fs::write(&path, &good[..length]).unwrap();
        assert!(Checkpoint::read(&path).is_err() && peek(&path).is_err(), "cut at {length}");
    }
    assert_eq!(checkpoints.latest().unwrap().unwrap().1.step, 1);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&path, &bad).unwrap();
        assert!(Checkpoint::read(&path).is_err(), "byte {at} of {}", good.len());
    }
    assert_eq!(checkpoints.latest().unwrap().unwrap().1.step, 1);
    fs::write(checkpoints.list().unwrap()[1].1.clone(), b"").unwrap();
    assert!(matches!(checkpoints.latest(), Err(Error::Damaged { .. })));
}

#[test]
fn the_newest_and_the_best_stay() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path()).keep(Keep::Newest(2));
    for (step, score) in
        [(1, Some(0.9)), (2, Some(0.2)), (3, None), (4, Some(f64::NAN)), (5, Some(0.4)), (6, Some(0.3))]
    {
        checkpoints.save(&Checkpoint { score, ..checkpoint(step) }).unwrap();
    }
    fs::write(folder.path().join("mine.safetensors"), b"of the user").unwrap();
    assert_eq!(checkpoints.list().unwrap().iter().map(|file| file.0).collect::<Vec<_>>(), [6, 5, 2]);
    assert_eq!(checkpoints.best().unwrap().unwrap().1.step, 2);
    assert_eq!(checkpoints.best_score().unwrap(), Some(0.2));
    let highest = checkpoints.clone().best_is(Best::Highest).keep(Keep::All);
    assert_eq!(highest.best().unwrap().unwrap().1.step, 5);
    highest.save(&checkpoint(7)).unwrap();
    assert_eq!(highest.list().unwrap().len(), 4);
    assert!(folder.path().join("mine.safetensors").exists());
}

#[test]
fn only_its_own_unfinished_files_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let others = ["mine.partial", "step_x.safetensors.partial", "step_1.partial"];
    for name in others.iter().chain(&["step_000000000003.safetensors.partial"]) {
        fs::write(at(name), b"x").unwrap();
    }
    fs::create_dir(at("step_000000000004.safetensors.partial")).unwrap();
    Checkpoints::new(folder.path()).save(&checkpoint(5)).unwrap();
    assert!(others.iter().all(|name| at(name).exists()) && at("step_000000000004.safetensors.partial").is_dir());
    assert!(!at("step_000000000003.safetensors.partial").exists());
}

#[test]
fn differences_are_named() {
    let saved = checkpoint(3);
    let here = Identity::new("Tot", json!({"width": 4, "lr": 0.1, "bias": true}));
    assert_eq!(
        here.differences(&saved.identity),
        [
            "kind: Toy saved, Tot here",
            "built_on: 1f saved, none here",
            "config.width: 3 saved, 4 here",
            "config.bias: null saved, true here"
        ]
    );
    let here = Parameters::new([
        ("flags", Tensor::from_slice(&[1.0])),
        ("count", Tensor::from(0i64)),
        ("more", Tensor::from(0i64)),
    ])
    .unwrap();
    let text = saved.load_model(&here).unwrap_err().to_string();
    assert_eq!(
        text,
        "the checkpoint of step 3 does not fit:\n  flags: [3] Bool saved, [1] Double here\n  more: not saved\n  \
         layer.\"sha256\":\"w: saved, not here\n  none: saved, not here"
    );
    assert_eq!(here.get("count").unwrap().int64_value(&[]), 0, "half loaded");
}
