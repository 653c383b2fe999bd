//! Saving a run and going on with it.

use std::path::PathBuf;

use tch::Tensor;

use super::Trainer;
use crate::metrics::Log;
use crate::{Checkpoint, Error, Schedule};

impl Trainer<'_> {
    /// Goes on from the newest complete checkpoint, if there is one. Returns its step.
    ///
    /// Everything is checked before anything is changed. Schedules may differ from the saved ones, to lengthen a run, with a warning.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with all differences of kind, configuration, seed, parameters, optimiser or order of the data;
    /// [`Error::Damaged`] where all checkpoints are; [`Error::Setting`] where no checkpoints were asked for.
    pub fn resume(&mut self) -> Result<Option<u64>, Error> {
        let Some((_, checkpoints)) = &self.checkpoints else {
            let what = "there are none to resume from; call `checkpoints` first".into();
            return Err(Error::Setting { option: "checkpoints", what });
        };
        self.looked = true;
        let Some((path, saved)) = checkpoints.latest()? else { return Ok(None) };
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
        self.optimizer.load_state(state)?;
        saved.load_model(&self.parameters)?;
        self.batches.set_cursor(cursor)?;
        (self.step, self.best, self.logs) = (saved.step, best, None);
        for (name, schedule) in self.schedules() {
            if saved.schedules.get(&name) != Some(&schedule) {
                tracing::warn!(
                    "{name}: the checkpoint was made with {:?}, now {schedule:?}",
                    saved.schedules.get(&name)
                );
            }
        }
        Ok(Some(self.step))
    }

    /// The state as it is now.
    ///
    /// # Errors
    /// What libtorch reports.
    pub fn checkpoint(&self) -> Result<Checkpoint, Error> {
        let model: Vec<(String, Tensor)> = self
            .parameters
            .iter()
            .map(|(name, tensor)| Ok((name.to_owned(), tensor.f_detach()?)))
            .collect::<Result<_, Error>>()?;
        Ok(Checkpoint {
            step: self.step,
            identity: self.identity.clone(),
            seed: self.seed,
            score: None,
            cursor: Some(self.batches.cursor()),
            schedules: self.schedules().into_iter().collect(),
            notes: self.notes.clone(),
            model: model.into_iter().collect(),
            optimizer: Some(self.optimizer.state()?),
        })
    }

    /// Saves a checkpoint, after the log has come to the disk.
    pub(super) fn save(&self, score: Option<f64>) -> Result<Option<PathBuf>, Error> {
        let Some((_, checkpoints)) = &self.checkpoints else { return Ok(None) };
        self.logs.iter().flatten().try_for_each(Log::sync)?;
        checkpoints.save(&Checkpoint { score, ..self.checkpoint()? }).map(Some)
    }

    fn schedules(&self) -> Vec<(String, Schedule)> {
        let lr = |group: &str| if group.is_empty() { "lr".to_owned() } else { format!("lr.{group}") };
        let momentum = self.momentum.iter().map(|schedule| ("momentum".to_owned(), schedule.clone()));
        self.lr.iter().map(|(group, schedule)| (lr(group), schedule.clone())).chain(momentum).collect()
    }
}
