//! The loop.

mod outcome;
mod run;
mod save;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use serde_json::Value;

pub use outcome::{Batch, Ended, Outcome, Report, Scores, Stepped};

use crate::metrics::Log;
use crate::{
    Batches, BoxError, Checkpoints, Clip, Error, Identity, OnSignal, Optimizer, Parameters, Progress, Schedule,
};

type Hook<'a> = Box<dyn FnMut(&Stepped) -> Result<(), BoxError> + 'a>;
type Validation<'a> = Box<dyn FnMut(u64) -> Result<Scores, BoxError> + 'a>;

/// Trains: order of the data, gradients, clipping, schedules, optimiser, hooks, validation, log, checkpoints, in this order.
///
/// A run that was stopped, at whatever moment and by whatever, goes on from its newest checkpoint as if it never had been: parameters,
/// buffers, optimiser, order of the data, schedules and random numbers are the same bit for bit, as long as the number of threads that
/// libtorch computes with is. libtorch's generators are seeded before each step with a function of seed and step; they belong to the
/// process, so that two trainers with dropout at the same time in one process disturb each other.
///
/// | option | default |
/// | --- | --- |
/// | [`seed`](Self::seed) | 0 |
/// | [`lr`](Self::lr), [`group_lr`](Self::group_lr), [`momentum`](Self::momentum) | those of the optimiser |
/// | [`clip`](Self::clip) | not at all |
/// | [`after_step`](Self::after_step), [`validate`](Self::validate) | none |
/// | [`checkpoints`](Self::checkpoints), [`log`](Self::log) | none |
/// | [`progress`](Self::progress) | silent |
/// | [`on_signal`](Self::on_signal) | untouched |
///
/// An example is in the description of the crate.
pub struct Trainer<'a> {
    parameters: Parameters,
    optimizer: Optimizer,
    batches: Batches,
    step: u64,
    seed: u64,
    /// By group; "" for all.
    lr: BTreeMap<String, Schedule>,
    momentum: Option<Schedule>,
    clip: Clip,
    after_step: Option<Hook<'a>>,
    validation: Option<(u64, Validation<'a>)>,
    checkpoints: Option<(u64, Checkpoints)>,
    identity: Identity,
    notes: Value,
    best: Option<f64>,
    /// Folder, steps between rows.
    log: Option<(PathBuf, u64)>,
    logs: Option<[Log; 2]>,
    progress: Progress,
    on_signal: OnSignal,
    /// Whether the caller knows what is in the folder of checkpoints.
    looked: bool,
    /// What keeps others out of the folder between `resume` and the end of `run`.
    locked: Option<File>,
    due: Due,
}

/// What is still to be done about the last step. What fails stays due and is done first by the next run, except for rows of the log.
#[derive(Debug, Default)]
struct Due {
    /// The hook, with the loss.
    hook: Option<f64>,
    /// The values of the log.
    row: Option<Vec<(String, f64)>>,
    validation: bool,
    save: bool,
    /// Of the validation, for the checkpoint.
    score: Option<f64>,
}

impl<'a> Trainer<'a> {
    /// Trains `optimizer`'s parameters on `batches`. `parameters` is what is saved: all parameters and buffers of the model.
    ///
    /// # Errors
    /// [`Error::Parameter`] where the optimiser changes something that is not saved.
    pub fn new(parameters: Parameters, optimizer: Optimizer, batches: Batches) -> Result<Self, Error> {
        for (name, tensor) in optimizer.parameters().iter() {
            if parameters.get(name).is_none_or(|saved| saved.data_ptr() != tensor.data_ptr()) {
                let what = "the optimiser changes it, and it would not be saved; give it to the trainer".into();
                return Err(Error::Parameter { name: name.into(), what });
            }
        }
        Ok(Self {
            parameters,
            optimizer,
            batches,
            step: 0,
            seed: 0,
            lr: BTreeMap::new(),
            momentum: None,
            clip: Clip::Not,
            after_step: None,
            validation: None,
            checkpoints: None,
            identity: Identity::default(),
            notes: Value::Null,
            best: None,
            log: None,
            logs: None,
            progress: Progress::Silent,
            on_signal: OnSignal::Untouched,
            looked: false,
            locked: None,
            due: Due::default(),
        })
    }

    /// The seed of everything random in a step. Default: 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The learning rate of all groups without a schedule of their own.
    ///
    /// # Errors
    /// As [`Schedule::validate`].
    pub fn lr(self, schedule: Schedule) -> Result<Self, Error> {
        self.with_lr("", schedule)
    }

    /// The learning rate of one group.
    ///
    /// # Errors
    /// As [`Schedule::validate`]; and where there is no such group.
    pub fn group_lr(self, group: &str, schedule: Schedule) -> Result<Self, Error> {
        if self.optimizer.groups().all(|(name, _)| name != group) {
            return Err(Error::Setting { option: "group", what: format!("there is no {group:?}") });
        }
        self.with_lr(group, schedule)
    }

    fn with_lr(mut self, group: &str, schedule: Schedule) -> Result<Self, Error> {
        schedule.validate()?;
        self.lr.insert(group.into(), schedule);
        Ok(self)
    }

    /// The momentum of all groups, Adam's `beta1`, such as [`OneCycle::momentum`](crate::OneCycle::momentum).
    ///
    /// # Errors
    /// As [`Schedule::validate`].
    pub fn momentum(mut self, schedule: Schedule) -> Result<Self, Error> {
        schedule.validate()?;
        self.momentum = Some(schedule);
        Ok(self)
    }

    /// How gradients are clipped. Default: not at all.
    #[must_use]
    pub fn clip(mut self, clip: Clip) -> Self {
        self.clip = clip;
        self
    }

    /// Called after each step, without recording of gradients: projections of parameters, steps of other losses.
    #[must_use]
    pub fn after_step(mut self, hook: impl FnMut(&Stepped) -> Result<(), BoxError> + 'a) -> Self {
        self.after_step = Some(Box::new(hook));
        self
    }

    /// Called every `every` steps and at the end, without recording of gradients, with the number of steps done. Where the score is the
    /// best so far, a checkpoint is saved.
    ///
    /// # Errors
    /// [`Error::Setting`] where `every` is 0.
    pub fn validate(
        mut self,
        every: u64,
        validation: impl FnMut(u64) -> Result<Scores, BoxError> + 'a,
    ) -> Result<Self, Error> {
        self.validation = Some((at_least_one("validate", every)?, Box::new(validation)));
        Ok(self)
    }

    /// Saves every `every` steps, at the end and when interrupted. `identity` says which model it is, and is checked by
    /// [`resume`](Self::resume).
    ///
    /// # Errors
    /// [`Error::Setting`] where `every` is 0.
    pub fn checkpoints(mut self, every: u64, checkpoints: Checkpoints, identity: Identity) -> Result<Self, Error> {
        self.checkpoints = Some((at_least_one("checkpoints", every)?, checkpoints));
        self.identity = identity;
        Ok(self)
    }

    /// What else is written into each checkpoint.
    #[must_use]
    pub fn notes(mut self, notes: Value) -> Self {
        self.notes = notes;
        self
    }

    /// Writes `training.csv` (step, epoch, learning rates, loss, norm of the gradient where it is clipped by it, metrics; every `every`
    /// steps) and `validation.csv` into a folder. Rows of steps that are done again after a resumption are replaced; a new run
    /// overwrites.
    ///
    /// # Errors
    /// [`Error::Setting`] where `every` is 0.
    pub fn log(mut self, folder: impl Into<PathBuf>, every: u64) -> Result<Self, Error> {
        self.log = Some((folder.into(), at_least_one("log", every)?));
        Ok(self)
    }

    /// What is shown. Default: nothing.
    #[must_use]
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// What Ctrl-C does. Default: what it does otherwise.
    #[must_use]
    pub fn on_signal(mut self, on_signal: OnSignal) -> Self {
        self.on_signal = on_signal;
        self
    }

    /// Steps done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// The optimiser.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }
}

impl std::fmt::Debug for Trainer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer").field("step", &self.step).field("identity", &self.identity).finish_non_exhaustive()
    }
}

fn at_least_one(option: &'static str, every: u64) -> Result<u64, Error> {
    if every == 0 {
        return Err(Error::Setting { option, what: "every 0 steps; at least every 1".into() });
    }
    Ok(every)
}
