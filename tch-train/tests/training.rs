//! The loop.

use std::cell::RefCell;

use serde_json::json;
use tch::{Device, Kind, Tensor};
use tch_train::{
    Adam, AdamW, Batches, Checkpoints, Clip, Error, Identity, Optimizer, Outcome, Parameters, Schedule, Scores, Sgd,
    Trainer,
};

/// `p` with the loss `p²`, by gradient descent with lr 0.25, which halves it.
fn halving() -> (Tensor, Optimizer, Parameters) {
    let p = Tensor::from_slice(&[8.0]).set_requires_grad(true);
    let all = Parameters::new([("p", p.shallow_clone())]).unwrap();
    (p, Optimizer::new(Sgd { lr: 0.25, ..Sgd::default() }, &all).unwrap(), all)
}

#[test]
fn an_exploded_step_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (p, optimizer, all) = halving();
    let checkpoints = Checkpoints::new(folder.path());
    let mut trainer = Trainer::new(all, optimizer, Batches::sequential(10, 1).unwrap())
        .unwrap()
        .checkpoints(2, checkpoints, Identity::new("p", json!({})))
        .unwrap();
    let factor = RefCell::new(f64::NAN);
    let mut seen = Vec::new();
    let run = |trainer: &mut Trainer<'_>, seen: &mut Vec<i64>| {
        trainer.run(5, |batch| {
            seen.push(batch.indices[0]);
            let loss = p.square().sum(Kind::Double);
            Ok(Outcome::loss(if batch.step == 3 { loss * *factor.borrow() } else { loss }))
        })
    };
    let error = run(&mut trainer, &mut seen).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Exploded { step: 3, .. }));
    assert!(text.contains("the last good checkpoint is") && text.contains("step_000000000002.safetensors"), "{text}");
    assert_eq!(p.double_value(&[0]), 1.0);
    // with the cause removed it goes on with the same sample
    factor.replace(1.0);
    run(&mut trainer, &mut seen).unwrap();
    assert_eq!(seen, [0, 1, 2, 3, 3, 4]);
    assert_eq!(p.double_value(&[0]), 0.25);
}

#[test]
fn a_gradient_that_is_not_finite_names_the_parameter() {
    let (p, optimizer, all) = halving();
    let mut trainer = Trainer::new(all, optimizer, Batches::sequential(1, 1).unwrap()).unwrap().clip(Clip::Norm(1.0));
    // the square root of 0 has a value, and no finite slope
    let error = trainer.run(1, |_| Ok(Outcome::loss((&p - 8.0).sqrt().sum(Kind::Double)))).unwrap_err();
    assert!(matches!(&error, Error::Gradient { parameters, .. } if parameters == &["p"]), "{error}");
    assert_eq!(p.double_value(&[0]), 8.0);
}

/// Without clipping, and though a clamp would make the gradient finite; the checkpoint is that of the last good step.
#[test]
fn a_bad_gradient_never_comes_to_the_parameters() {
    for clip in [Clip::Not, Clip::Value(1.0)] {
        let folder = tempfile::tempdir().unwrap();
        let (p, optimizer, all) = halving();
        let checkpoints = Checkpoints::new(folder.path());
        let mut trainer = Trainer::new(all, optimizer, Batches::sequential(1, 1).unwrap())
            .unwrap()
            .clip(clip)
            .checkpoints(1, checkpoints.clone(), Identity::default())
            .unwrap();
        let error = trainer.run(3, |batch| {
            let root = if batch.step == 1 { (&p * 0.0).sqrt() } else { p.sqrt() };
            Ok(Outcome::loss(root.sum(Kind::Double)))
        });
        assert!(matches!(error, Err(Error::Gradient { .. })), "{error:?}");
        let (_, last) = checkpoints.latest().unwrap().unwrap();
        assert_eq!((last.step, &last.model["p"]), (1, &p.detach()));
        assert!(p.double_value(&[0]).is_finite());
    }
}

/// A hook that spoils the parameters: the checkpoint before stays the newest.
#[test]
fn parameters_that_are_not_finite_are_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (p, optimizer, all) = halving();
    let checkpoints = Checkpoints::new(folder.path());
    let mut spoilt = p.shallow_clone();
    let mut trainer = Trainer::new(all, optimizer, Batches::sequential(1, 1).unwrap())
        .unwrap()
        .checkpoints(1, checkpoints.clone(), Identity::default())
        .unwrap()
        .after_step(move |stepped| {
            if stepped.step == 2 {
                let _ = spoilt.f_fill_(f64::INFINITY)?;
            }
            Ok(())
        });
    let error = trainer.run(3, |_| Ok(Outcome::loss(p.square().sum(Kind::Double)))).unwrap_err();
    let text = error.to_string();
    assert!(matches!(&error, Error::NotFinite { step: 2, parameters, .. } if parameters == &["p"]), "{text}");
    assert!(text.contains("the last good checkpoint is") && text.contains("step_000000000001"), "{text}");
    assert_eq!(checkpoints.latest().unwrap().unwrap().1.step, 1);
}

#[test]
fn a_checkpoint_in_memory_is_a_copy() {
    let (p, optimizer, all) = halving();
    let same = all.clone();
    let mut trainer = Trainer::new(all, optimizer, Batches::sequential(1, 1).unwrap()).unwrap();
    let loss = || Ok(Outcome::loss(p.square().sum(Kind::Double)));
    trainer.run(1, |_| loss()).unwrap();
    let kept = trainer.checkpoint().unwrap();
    trainer.run(3, |_| loss()).unwrap();
    assert_eq!((kept.step, kept.model["p"].double_value(&[0]), p.double_value(&[0])), (1, 4.0, 1.0));
    kept.load_model(&same).unwrap();
    assert_eq!(p.double_value(&[0]), 4.0);
}

/// Hook, validation and checkpoint of a step that fail are made up for by the next call, each once.
#[test]
fn what_failed_after_a_step_is_done_first_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let (p, optimizer, all) = halving();
    let checkpoints = Checkpoints::new(folder.path().join("checkpoints"));
    // in the way of the file
    let obstacle = checkpoints.folder().join("step_000000000001.safetensors.partial");
    std::fs::create_dir_all(&obstacle).unwrap();
    let (calls, fails) = (RefCell::new(Vec::new()), RefCell::new(vec!["validation", "hook"]));
    let call = |what: &'static str, step: u64| {
        calls.borrow_mut().push((what, step));
        let fail = fails.borrow().last() == Some(&what);
        if fail { Err(fails.borrow_mut().pop().unwrap().into()) } else { Ok(()) }
    };
    let mut trainer = Trainer::new(all, optimizer, Batches::sequential(1, 1).unwrap())
        .unwrap()
        .after_step(|stepped| call("hook", stepped.step))
        .validate(9, |step| call("validation", step).map(|()| Scores::new("loss", 0.5)))
        .unwrap()
        .log(folder.path(), 1)
        .unwrap();
    let loss = || Ok(Outcome::loss(p.square().sum(Kind::Double)));
    trainer = trainer.checkpoints(9, checkpoints.clone(), Identity::default()).unwrap();
    let mut run = |steps| trainer.run(steps, |_| loss());
    assert!(matches!(run(1), Err(Error::Caller { what: "the hook after a step", .. })));
    assert!(matches!(run(1), Err(Error::Caller { what: "the validation", .. })));
    assert!(matches!(run(1), Err(Error::File { .. })));
    std::fs::remove_dir(&obstacle).unwrap();
    // the checkpoint of the step that was the last one, though more are asked for
    let report = run(2).unwrap();
    assert!(report.checkpoint.is_some_and(|path| path.ends_with("step_000000000002.safetensors")));
    let saved: Vec<u64> = checkpoints.list().unwrap().iter().map(|file| file.0).collect();
    assert_eq!((saved, checkpoints.best().unwrap().unwrap().1.score), (vec![2, 1], Some(0.5)));
    drop(trainer);
    let (hook, validation) = ("hook", "validation");
    assert_eq!(
        calls.into_inner(),
        [(hook, 1), (hook, 1), (validation, 1), (validation, 1), (hook, 2), (validation, 2)]
    );
    for (name, rows) in [("training.csv", 2), ("validation.csv", 2)] {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(text.lines().count(), 1 + rows, "{name}: {text}");
    }
}

#[test]
fn gradients_computed_by_the_caller() {
    let (p, optimizer, all) = halving();
    let rates = RefCell::new(Vec::new());
    let mut trainer = Trainer::new(all, optimizer, Batches::sequential(1, 1).unwrap())
        .unwrap()
        .lr(Schedule::Step { start: 0.25, every: 1, factor: 0.5 })
        .unwrap()
        .after_step(|stepped| {
            rates.borrow_mut().push((stepped.step, stepped.loss, stepped.lr[0].1));
            Ok(())
        });
    trainer
        .run(2, |_| {
            let loss = p.square().sum(Kind::Double);
            loss.f_backward()?;
            Ok(Outcome::differentiated(loss.double_value(&[])))
        })
        .unwrap();
    drop(trainer);
    assert_eq!(rates.into_inner(), [(1, 64.0, 0.25), (2, 16.0, 0.125)]);
    assert_eq!(p.double_value(&[0]), 3.0);
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_changed() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = |size: i64, seed: u64, width: i64, samples: usize| {
        let p = Tensor::ones([size], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let all = Parameters::new([("p", p.shallow_clone())]).unwrap();
        let optimizer = Optimizer::new(Adam::default(), &all).unwrap();
        let trainer = Trainer::new(all, optimizer, Batches::shuffled(samples, 1, 0).unwrap()).unwrap().seed(seed);
        let identity = Identity::new("p", json!({"width": width}));
        (trainer.checkpoints(1, Checkpoints::new(folder.path()), identity).unwrap(), p)
    };
    let (mut first, p) = trainer(3, 1, 5, 4);
    assert_eq!(first.resume().unwrap(), None);
    first.run(2, |_| Ok(Outcome::loss(p.sum(Kind::Float)))).unwrap();
    let refused = |(mut trainer, p): (Trainer<'_>, Tensor)| {
        let text = trainer.resume().unwrap_err().to_string();
        assert!(p.equal(&p.ones_like()) && trainer.steps_done() == 0);
        text
    };
    let text = refused(trainer(3, 2, 6, 4));
    assert!(text.ends_with("does not fit:\n  config.width: 5 saved, 6 here\n  seed: 1 saved, 2 here"), "{text}");
    assert!(refused(trainer(4, 1, 5, 4)).ends_with("p: [3] Float saved, [4] Float here"));
    assert!(refused(trainer(3, 1, 5, 5)).contains("the order of the data does not fit"));
    let (mut good, p) = trainer(3, 1, 5, 4);
    assert_eq!(good.resume().unwrap(), Some(2));
    assert!(!p.equal(&p.ones_like()));
}

#[test]
fn settings_are_checked() {
    let new = || {
        let (_, optimizer, all) = halving();
        Trainer::new(all, optimizer, Batches::sequential(1, 1).unwrap()).unwrap()
    };
    assert!(new().lr(Schedule::Constant(-1.0)).is_err());
    assert!(new().group_lr("other", Schedule::Constant(1.0)).is_err());
    assert!(new().log("/nowhere", 0).is_err());
    assert!(new().validate(0, |_| Ok(Scores::new("loss", 0.0))).is_err());
    assert!(new().resume().unwrap_err().to_string().contains("call `checkpoints` first"));
    let (_, optimizer, _) = halving();
    let other = Trainer::new(Parameters::default(), optimizer, Batches::sequential(1, 1).unwrap());
    assert!(matches!(other, Err(Error::Parameter { name, .. }) if name == "p"));
    let loss = new().run(1, |_| Ok(Outcome::loss(Tensor::ones([2], (Kind::Float, Device::Cpu)))));
    assert_eq!(loss.unwrap_err().to_string(), "loss: a tensor of shape [2]; it must be one number");
}

/// Another run of the same folder is told so as long as the first one goes on, whether it begins anew or resumes, and may go on then.
#[test]
fn one_run_at_a_time_saves_to_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = || {
        let (p, optimizer, all) = halving();
        let checkpoints = Checkpoints::new(folder.path().join("checkpoints"));
        let trainer = Trainer::new(all, optimizer, Batches::sequential(10, 1).unwrap()).unwrap();
        (p, trainer.checkpoints(1, checkpoints, Identity::new("p", json!({}))).unwrap())
    };
    let run = |steps: u64| {
        let (p, mut trainer) = trainer();
        trainer.resume()?;
        trainer.run(steps, |_| Ok(Outcome::loss(p.square().sum(Kind::Double))))
    };
    let (p, mut first) = trainer();
    first
        .run(3, |_| {
            let busy = run(5).unwrap_err();
            assert!(
                matches!(&busy, Error::Busy { .. }) && busy.to_string().contains("checkpoints now: wait"),
                "{busy}"
            );
            Ok(Outcome::loss(p.square().sum(Kind::Double)))
        })
        .unwrap();
    assert_eq!(run(5).unwrap().step, 5);
}

/// A run whose resumption was refused does not write among the checkpoints of the other.
#[test]
fn a_refused_resumption_leaves_the_folder_alone() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = |kind: &str| {
        let (p, optimizer, all) = halving();
        let trainer = Trainer::new(all, optimizer, Batches::sequential(10, 1).unwrap()).unwrap();
        (p, trainer.checkpoints(1, Checkpoints::new(folder.path()), Identity::new(kind, json!({}))).unwrap())
    };
    let (p, mut old) = trainer("old");
    old.run(3, |_| Ok(Outcome::loss(p.square().sum(Kind::Double)))).unwrap();
    drop(old);
    let (p, mut new) = trainer("new");
    assert!(matches!(new.resume(), Err(Error::Mismatch { .. })));
    let refused = new.run(2, |_| Ok(Outcome::loss(p.square().sum(Kind::Double))));
    assert!(matches!(refused, Err(Error::NotFresh { step: 3, .. })));
}

/// A parameter that is in no loss is left alone, also after a step that was refused gave it a gradient.
#[test]
fn a_refused_step_leaves_no_gradient_behind() {
    let leaf = |x: f64| Tensor::from_slice(&[x]).set_requires_grad(true);
    let (p, q) = (leaf(1.0), leaf(4.0));
    let all = Parameters::new([("p", p.shallow_clone()), ("q", q.shallow_clone())]).unwrap();
    let rule = AdamW { lr: 0.1, weight_decay: 0.5, ..AdamW::default() };
    let optimizer = Optimizer::new(rule, &all).unwrap();
    let mut trainer = Trainer::new(all, optimizer, Batches::sequential(1, 1).unwrap()).unwrap();
    let refused = trainer.run(1, |_| Ok(Outcome::loss((&p + (&q - 4.0).sqrt()).sum(Kind::Double))));
    assert!(matches!(refused, Err(Error::Gradient { .. })));
    trainer.run(5, |_| Ok(Outcome::loss(p.square().sum(Kind::Double)))).unwrap();
    assert_eq!(q.double_value(&[0]), 4.0);
}
