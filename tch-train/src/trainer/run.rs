//! Steps one after the other.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Instant;

use super::outcome::Loss;
use super::{Batch, Due, Ended, Outcome, Report, Scores, Stepped, Trainer};
use crate::metrics::Log;
use crate::progress::Display;
use crate::signals::Listening;
use crate::{BoxError, Error, OnSignal, Optimizer};

impl Trainer<'_> {
    /// Trains until `steps` steps are done, those before a resumption included. May be called again with more.
    ///
    /// `compute` gets a batch and returns its loss, see [`Outcome`]. Where it fails, or loss or gradients are not finite, parameters,
    /// optimiser and order of the data are as before the step. Where what follows a step fails, be it hook, validation or checkpoint, the
    /// step is done, and the next call begins with what failed.
    ///
    /// # Errors
    /// [`Error::Exploded`] and [`Error::Gradient`] where loss or gradients are not finite; [`Error::NotFinite`] where a parameter is not
    /// that should be saved; [`Error::Caller`] with what a closure returned; [`Error::NotFresh`] where the folder holds checkpoints and
    /// [`resume`](Self::resume) was not called, [`Error::Busy`] where another run is saving to it; [`Error::File`] where log or checkpoint cannot be written.
    pub fn run(
        &mut self,
        steps: u64,
        mut compute: impl FnMut(&Batch) -> Result<Outcome, BoxError>,
    ) -> Result<Report, Error> {
        if let Some((_, checkpoints)) = &self.checkpoints {
            checkpoints.make()?;
        }
        // until this returns, whether `resume` locked it or not
        let _locked = match self.locked.take() {
            None => self.lock()?,
            locked => locked,
        };
        self.begin()?;
        let listening = (self.on_signal == OnSignal::SaveAndStop).then(Listening::start).transpose()?;
        let mut display = Display::new(self.progress, self.step, steps);
        let start = Instant::now();
        let mut report =
            Report { ended: Ended::Finished, step: self.step, loss: f64::NAN, checkpoint: None, seconds: 0.0 };
        self.finish_step()?;
        report.checkpoint = self.validate_and_save()?;
        while self.step < steps && report.ended == Ended::Finished {
            report.loss = self.step(steps, &mut compute)?;
            self.finish_step()?;
            display.step(self.step, report.loss);
            if self.step < steps && listening.as_ref().is_some_and(Listening::requested) {
                report.ended = Ended::Interrupted;
                self.due.save = true;
            }
            report.checkpoint = self.validate_and_save()?.or(report.checkpoint);
        }
        (report.step, report.seconds) = (self.step, start.elapsed().as_secs_f64());
        display.finish();
        display.note(&report.to_string());
        Ok(report)
    }

    /// Keeps others out of the folder of checkpoints, if there is one.
    pub(super) fn lock(&self) -> Result<Option<File>, Error> {
        Ok(self.checkpoints.as_ref().map(|(_, checkpoints)| checkpoints.lock()).transpose()?.flatten())
    }

    fn begin(&mut self) -> Result<(), Error> {
        if let Some((_, checkpoints)) = &self.checkpoints
            && !self.looked
        {
            if let Some((step, _)) = checkpoints.list()?.first() {
                return Err(Error::NotFresh { folder: checkpoints.folder().into(), step: *step });
            }
            self.looked = true;
        }
        if let Some((folder, _)) = &self.log
            && self.logs.is_none()
        {
            fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
            let open = |name| Log::open(&folder.join(name), self.step);
            self.logs = Some([open("training.csv")?, open("validation.csv")?]);
        }
        Ok(())
    }

    /// One step of `steps`, up to what is due after it. Returns the loss before it.
    fn step(
        &mut self,
        steps: u64,
        compute: &mut impl FnMut(&Batch) -> Result<Outcome, BoxError>,
    ) -> Result<f64, Error> {
        let cursor = self.batches.cursor();
        let seed = mix(self.seed, self.step);
        let batch = Batch { step: self.step, epoch: cursor.epoch, indices: self.batches.next_batch(), seed };
        tch::manual_seed(seed as i64);
        match self.change(&batch, compute) {
            Ok((loss, values)) => {
                self.step += 1;
                let is_due = |every: u64| self.step == steps || self.step.is_multiple_of(every);
                self.due = Due {
                    hook: Some(loss),
                    row: Some(values),
                    validation: self.validation.as_ref().is_some_and(|(every, _)| is_due(*every)),
                    save: self.checkpoints.as_ref().is_some_and(|(every, _)| is_due(*every)),
                    score: None,
                };
                Ok(loss)
            }
            Err(error) => {
                self.batches.set_cursor(&cursor)?;
                Err(error)
            }
        }
    }

    /// Computes and changes the parameters. Returns the loss and the values of the log.
    fn change(
        &mut self,
        batch: &Batch,
        compute: &mut impl FnMut(&Batch) -> Result<Outcome, BoxError>,
    ) -> Result<(f64, Vec<(String, f64)>), Error> {
        self.follow_schedules()?;
        self.optimizer.zero_grad()?;
        let outcome = compute(batch).map_err(|source| Error::Caller { what: "the step", step: self.step, source })?;
        let value = match &outcome.loss {
            Loss::Number(value) => *value,
            Loss::Tensor(loss) if loss.numel() == 1 => loss.f_double_value(&vec![0; loss.dim()])?,
            Loss::Tensor(loss) => {
                let what = format!("a tensor of shape {:?}; it must be one number", loss.size());
                return Err(Error::Setting { option: "loss", what });
            }
        };
        if !value.is_finite() {
            return Err(Error::Exploded { step: self.step, loss: value, last: self.last_good() });
        }
        if let Loss::Tensor(loss) = &outcome.loss {
            loss.f_backward()?;
        }
        let norm = self.clip.apply(&self.optimizer)?;
        self.optimizer.step()?;
        let mut values = vec![("epoch".to_owned(), batch.epoch as f64)];
        let column = |(i, (name, lr))| (if i == 0 { "lr".to_owned() } else { format!("lr.{name}") }, lr);
        values.extend(learning_rates(&self.optimizer).into_iter().enumerate().map(column));
        values.push(("loss".to_owned(), value));
        values.extend(norm.map(|norm| ("grad_norm".to_owned(), norm)));
        values.extend(outcome.metrics);
        Ok((value, values))
    }

    fn follow_schedules(&mut self) -> Result<(), Error> {
        if let Some(schedule) = self.lr.get("") {
            self.optimizer.set_lr(schedule.at(self.step))?;
        }
        for (group, schedule) in self.lr.iter().filter(|(group, _)| !group.is_empty()) {
            self.optimizer.set_group_lr(group, schedule.at(self.step))?;
        }
        self.momentum.as_ref().map_or(Ok(()), |schedule| self.optimizer.set_momentum(schedule.at(self.step)))
    }

    /// Hook and log, where they are due.
    fn finish_step(&mut self) -> Result<(), Error> {
        if let (Some(hook), Some(loss)) = (&mut self.after_step, self.due.hook) {
            let _guard = tch::no_grad_guard();
            hook(&Stepped { step: self.step, loss, lr: learning_rates(&self.optimizer) })
                .map_err(|source| Error::Caller { what: "the hook after a step", step: self.step, source })?;
        }
        self.due.hook = None;
        if let (Some(values), Some([training, _]), Some((_, every))) = (self.due.row.take(), &mut self.logs, &self.log)
            && self.step.is_multiple_of(*every)
        {
            training.row(self.step, &values)?;
        }
        Ok(())
    }

    /// Validation and checkpoint, where they are due.
    fn validate_and_save(&mut self) -> Result<Option<PathBuf>, Error> {
        let step = self.step;
        if let Some((_, validation)) = &mut self.validation
            && self.due.validation
        {
            let _guard = tch::no_grad_guard();
            // another stream than that of steps
            tch::manual_seed(mix(!self.seed, step) as i64);
            let Scores { list } =
                validation(step).map_err(|source| Error::Caller { what: "the validation", step, source })?;
            self.due.score = list.first().map(|(_, score)| *score);
            self.due.validation = false;
            if let (Some(score), Some((_, checkpoints))) = (self.due.score, &self.checkpoints)
                && checkpoints.is_better(score, self.best)
            {
                (self.best, self.due.save) = (Some(score), true);
            }
            if let Some([_, log]) = &mut self.logs {
                log.row(step, &list)?;
            }
        }
        let saved = if self.due.save { self.save(self.due.score)? } else { None };
        self.due.save = false;
        Ok(saved)
    }
}

fn learning_rates(optimizer: &Optimizer) -> Vec<(String, f64)> {
    optimizer.groups().map(|(name, rule)| (name.to_owned(), rule.lr())).collect()
}

/// A seed for each step of each run. Source: Steele, Lea & Flood, OOPSLA 2014, the finaliser of SplitMix.
fn mix(seed: u64, step: u64) -> u64 {
    let finalised = |x: u64| {
        let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    finalised(
        finalised(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)).wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
    )
}
