//! Saving a run and going on with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};
use tch::{Device, Tensor};

use super::{Due, Trainer};
use crate::metrics::Log;
use crate::slices::copy_to;
use crate::{Checkpoint, Error, Schedule};

impl Trainer<'_> {
    /// Goes on from the newest complete checkpoint, if there is one. Returns its step. From then on until [`run`](Self::run) returns, no other
    /// run can save to the folder.
    ///
    /// Everything is checked before anything is changed. Schedules may differ from the saved ones, to lengthen a run, and so may the
    /// clipping, with a warning. Learning rates and momentum without a schedule go on as they were saved, with a warning where the
    /// optimiser was made with others.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with all differences of kind, configuration, seed, parameters, optimiser or order of the data;
    /// [`Error::Damaged`] where all checkpoints are; [`Error::Busy`] where another run is saving to the folder; [`Error::Setting`] where no
    /// checkpoints were asked for.
    pub fn resume(&mut self) -> Result<Option<u64>, Error> {
        let Some((_, checkpoints)) = &self.checkpoints else {
            let what = "there are none to resume from; call `checkpoints` first".into();
            return Err(Error::Setting { option: "checkpoints", what });
        };
        let locked = match self.locked.take() {
            None => self.lock()?,
            locked => locked,
        };
        let Some((path, saved)) = checkpoints.latest()? else {
            (self.looked, self.locked) = (true, locked);
            return Ok(None);
        };
        let mut differences = self.identity.differences(&saved.identity);
        if saved.seed != self.seed {
            differences.push(format!("seed: {} saved, {} here", saved.seed, self.seed));
        }
        let (Some(cursor), Some(state)) = (&saved.cursor, &saved.optimizer) else {
            differences.push("it holds a model alone; load that by `Checkpoint::load_model`".into());
            return Err(Error::Mismatch { what: path.display().to_string(), differences });
        };
        Error::unless_empty(path.display().to_string(), differences)?;
        self.batches.check(cursor)?;
        saved.check_model(&self.parameters)?;
        let best = checkpoints.best_score()?;
        let changes = self.changes(&saved);
        self.optimizer.load_state(state)?;
        saved.load_model(&self.parameters)?;
        self.batches.set_cursor(cursor)?;
        (self.step, self.best, self.logs, self.due) = (saved.step, best, None, Due::default());
        (self.looked, self.locked) = (true, locked);
        for change in changes {
            tracing::warn!("{change}");
        }
        Ok(Some(self.step))
    }

    /// What may differ from a checkpoint, and does.
    fn changes(&self, saved: &Checkpoint) -> Vec<String> {
        let here = self.schedules();
        let mut found = Vec::new();
        let names: BTreeSet<&String> = here.keys().chain(saved.schedules.keys()).collect();
        for name in names {
            let [then, now] = [&saved.schedules, &here].map(|schedules| schedules.get(name));
            if then != now {
                let words = |schedule: Option<&Schedule>| schedule.map_or("none".to_owned(), |s| format!("{s:?}"));
                found.push(format!(
                    "schedule of {name}: the checkpoint was made with {}, now {}",
                    words(then),
                    words(now)
                ));
            }
        }
        let groups = saved.optimizer.iter().flat_map(|state| &state.groups);
        for ((name, rule), then) in self.optimizer.groups().zip(groups) {
            let mut differs = |what: &str, then: f64, now: f64| {
                if then != now {
                    found.push(format!(
                        "{what} of group {name}: {then} as saved, not {now}; to change it, give a schedule"
                    ));
                }
            };
            if !self.lr.contains_key("") && !self.lr.contains_key(name) {
                differs("learning rate", then.rule.lr(), rule.lr());
            }
            if self.momentum.is_none() {
                differs("momentum", then.rule.momentum(), rule.momentum());
            }
        }
        let clip = json!(self.clip);
        if saved.clip != Value::Null && saved.clip != clip {
            found.push(format!("clipping: the checkpoint was made with {}, now {clip}", saved.clip));
        }
        found
    }

    /// A copy of the state as it is now, on the CPU.
    ///
    /// # Errors
    /// What libtorch reports.
    pub fn checkpoint(&self) -> Result<Checkpoint, Error> {
        let _guard = tch::no_grad_guard();
        let copied = |(name, tensor): (&str, &Tensor)| Ok((name.to_owned(), copy_to(tensor, Device::Cpu)?));
        Ok(Checkpoint {
            step: self.step,
            identity: self.identity.clone(),
            seed: self.seed,
            score: None,
            cursor: Some(self.batches.cursor()),
            schedules: self.schedules(),
            clip: json!(self.clip),
            notes: self.notes.clone(),
            model: self.parameters.iter().map(copied).collect::<Result<_, Error>>()?,
            optimizer: Some(self.optimizer.state()?),
        })
    }

    /// Saves a checkpoint, after the log has come to the disk. Parameters that are not finite are refused.
    pub(super) fn save(&self, score: Option<f64>) -> Result<Option<PathBuf>, Error> {
        let Some((_, checkpoints)) = &self.checkpoints else { return Ok(None) };
        let mut bad = Vec::new();
        for (name, tensor) in self.optimizer.parameters().iter() {
            if !tensor.f_isfinite()?.f_all()?.f_is_nonzero()? {
                bad.push(name.to_owned());
            }
        }
        if !bad.is_empty() {
            return Err(Error::NotFinite { step: self.step, parameters: bad, last: self.last_good() });
        }
        self.logs.iter().flatten().try_for_each(Log::sync)?;
        checkpoints.save(&Checkpoint { score, ..self.checkpoint()? }).map(Some)
    }

    /// The newest complete checkpoint.
    pub(super) fn last_good(&self) -> Option<PathBuf> {
        self.checkpoints.as_ref().and_then(|(_, checkpoints)| Some(checkpoints.latest().ok()??.0))
    }

    fn schedules(&self) -> BTreeMap<String, Schedule> {
        let lr = |group: &str| if group.is_empty() { "lr".to_owned() } else { format!("lr.{group}") };
        let momentum = self.momentum.iter().map(|schedule| ("momentum".to_owned(), schedule.clone()));
        self.lr.iter().map(|(group, schedule)| (lr(group), schedule.clone())).chain(momentum).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batches, Clip, Optimizer, Parameters, Sgd};

    fn trainer(lr: f64) -> Trainer<'static> {
        let p = Tensor::from_slice(&[8.0]).set_requires_grad(true);
        let all = Parameters::new([("p", p)]).unwrap();
        let optimizer = Optimizer::new(Sgd { lr, ..Sgd::default() }, &all).unwrap();
        Trainer::new(all, optimizer, Batches::sequential(1, 1).unwrap()).unwrap()
    }

    #[test]
    fn what_differs_from_a_checkpoint_is_told() {
        let constant = |trainer: Trainer<'static>| trainer.lr(Schedule::Constant(0.1)).unwrap();
        let saved = constant(trainer(0.1)).clip(Clip::Norm(1.0)).checkpoint().unwrap();
        let told = |trainer: Trainer<'_>| trainer.changes(&saved);
        assert_eq!(told(constant(trainer(0.7)).clip(Clip::Norm(1.0))), [""; 0]);
        assert_eq!(
            told(trainer(0.7).clip(Clip::Value(1.0))),
            [
                "schedule of lr: the checkpoint was made with Constant(0.1), now none",
                "learning rate of group main: 0.1 as saved, not 0.7; to change it, give a schedule",
                r#"clipping: the checkpoint was made with {"norm":1.0}, now {"value":1.0}"#,
            ]
        );
        let more = constant(trainer(0.1)).momentum(Schedule::Constant(0.0)).unwrap().clip(Clip::Norm(1.0));
        assert_eq!(told(more), ["schedule of momentum: the checkpoint was made with none, now Constant(0.0)"]);
    }
}
