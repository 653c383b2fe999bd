//! Runs that are resumed, with random numbers in their steps.

mod common;

use std::fs;
use std::sync::{Mutex, PoisonError};

use common::Toy;
use tch::Kind;
use tch_train::{Checkpoint, Checkpoints, Ended, Error};

/// libtorch's generator is the process's: held by tests with dropout.
static GENERATOR: Mutex<()> = Mutex::new(());

/// All tensors of two models are the same, bit for bit.
fn assert_same(a: &Checkpoint, b: &Checkpoint) {
    let states = [a, b].map(|c| c.optimizer.as_ref().unwrap());
    assert_eq!((a.step, &a.cursor, &states[0].groups), (b.step, &b.cursor, &states[1].groups));
    for (a, b) in [(&a.model, &b.model), (&states[0].tensors, &states[1].tensors)] {
        assert!(a.keys().eq(b.keys()));
        for (name, tensor) in a {
            assert!(tensor.equal(&b[name]), "{name} differs");
        }
    }
}

/// N steps are k steps, a checkpoint, another process' worth of new objects, and N - k steps.
#[test]
fn a_resumed_run_is_the_whole_run() {
    const STEPS: u64 = 30;
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    for kind in [Kind::Float, Kind::Double] {
        let folder = tempfile::tempdir().unwrap();
        let whole = Toy::new(kind);
        let mut trainer = whole.trainer(&folder.path().join("whole"), STEPS);
        trainer.run(STEPS, |batch| whole.step(batch)).unwrap();
        let want = trainer.checkpoint().unwrap();
        for k in [3, 6, 9, 21] {
            let run = folder.path().join(format!("{k}"));
            let first = Toy::new(kind);
            // fails in the middle of step k + 1, after the forward pass has changed the buffers
            let failed = first.trainer(&run, STEPS).run(STEPS, |batch| {
                let outcome = first.step(batch)?;
                if batch.step == k + 1 { Err("power cut".into()) } else { Ok(outcome) }
            });
            assert!(matches!(failed, Err(Error::Caller { what: "the step", step, .. }) if step == k + 1));
            // other numbers in memory than those of the checkpoint
            let second = Toy::new(kind);
            tch::no_grad(|| second.vs.trainable_variables().iter_mut().for_each(|t| *t += 1.0));
            tch::manual_seed(k as i64);
            let mut trainer = second.trainer(&run, STEPS);
            assert_eq!(trainer.resume().unwrap().map(|step| step / 3), Some((k + 1) / 3));
            let report = trainer.run(STEPS, |batch| second.step(batch)).unwrap();
            assert_eq!((report.ended, report.step), (Ended::Finished, STEPS));
            assert_same(&trainer.checkpoint().unwrap(), &want);
            for name in ["training.csv", "validation.csv"] {
                let text = |run: &str| fs::read_to_string(folder.path().join(run).join(name)).unwrap();
                assert_eq!(text(&format!("{k}")), text("whole"), "{name}");
            }
        }
    }
}

#[test]
fn it_learns_and_the_log_tells() {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let toy = Toy::new(Kind::Float);
    let mut trainer = toy.trainer(folder.path(), 60);
    let report = trainer.run(60, |batch| toy.step(batch)).unwrap();
    assert!(report.to_string().starts_with("finished: 60 steps, loss "), "{report}");
    let text = fs::read_to_string(folder.path().join("training.csv")).unwrap();
    assert_eq!(text.lines().next().unwrap(), "step,epoch,lr,lr.readout,loss,grad_norm,samples");
    assert_eq!(text.lines().count(), 61);
    // 50 samples in batches of 8: the seventh has two
    let row: Vec<&str> = text.lines().nth(7).unwrap().split(',').collect();
    assert_eq!((row[0], row[1], row[6]), ("7", "0.0", "2.0"));
    let validation = fs::read_to_string(folder.path().join("validation.csv")).unwrap();
    let losses: Vec<f64> = validation.lines().skip(1).map(|l| l.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(validation.lines().next().unwrap(), "step,loss");
    assert_eq!(losses.len(), 60 / 7 + 1);
    assert!(losses[8] < 0.7 * losses[0], "{losses:?}");
    let checkpoints = Checkpoints::new(folder.path().join("checkpoints"));
    let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(checkpoints.best().unwrap().unwrap().1.score, Some(lowest));
    let hidden_bias = toy.vs.variables()["hidden.bias"].min().double_value(&[]);
    assert!(hidden_bias >= 0.0, "the hook did not clamp");

    // a longer run goes on from here
    trainer.run(61, |batch| toy.step(batch)).unwrap();
    assert_eq!(trainer.steps_done(), 61);
    let again = toy.trainer(folder.path(), 60).run(70, |batch| toy.step(batch));
    assert!(matches!(again, Err(Error::NotFresh { step: 61, .. })));
}
