//! A training from its beginning to its end.

use std::path::PathBuf;
use std::thread;

use serde_json::json;
use tch::Tensor;
use tch_train::{Batches, Checkpoints, Identity, LastBatch, OnSignal, Outcome, Progress, Report, Scores, Trainer};

use super::fingerprint;
use super::loader::{Ahead, Loader};
use super::model::FlyTraining;
use crate::Error;
use crate::network::Activation;
use crate::task::{FlowData, Split, mean};

/// Whether a folder's training goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// A new one; a folder with checkpoints is refused. The default.
    #[default]
    Anew,
    /// From the newest checkpoint, if there is one.
    Resume,
}

/// How a training is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOptions {
    /// Where `checkpoints/`, `training.csv` and `validation.csv` go. Default: nowhere; nothing is saved.
    pub folder: Option<PathBuf>,
    /// Whether the folder's training goes on. Default: [`Start::Anew`].
    pub start: Start,
    /// Iterations between rows of `training.csv`. Default 10.
    pub log_every: u64,
    /// What is shown. Default: nothing.
    pub progress: Progress,
    /// What Ctrl-C does. Default: what it does otherwise.
    pub on_signal: OnSignal,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            folder: None,
            start: Start::Anew,
            log_every: 10,
            progress: Progress::Silent,
            on_signal: OnSignal::Untouched,
        }
    }
}

impl FlyTraining {
    /// Trains until all iterations are done, those before a resumption included. Sequences are read and varied by a thread of their own
    /// while the network computes.
    ///
    /// Validation, every [`validate_every`](super::TrainingSettings::validate_every) iterations and at the end, is by the end-point error;
    /// without sequences that validate, by that of those that train.
    ///
    /// `training.csv` has loss, penalty, and mean, least and largest potential of central cells.
    ///
    /// # Errors
    /// [`Error::Setting`] for an eye that is not the network's; [`Error::Training`] for a folder of another training, and if the training
    /// exploded, with what came of it and where the last checkpoint is; errors of the data.
    pub fn run(&mut self, data: &dyn FlowData, split: &Split, options: &RunOptions) -> Result<Report, Error> {
        let (settings, this) = (self.settings().clone(), &*self);
        this.check_leak()?;
        if data.columns() != this.lattice().len() {
            let want = format!("{} columns, as the network's", this.lattice().len());
            return Err(Error::shape("the eye of the data", format!("of {} columns", data.columns()), want));
        }
        if let Some(&missing) = split.training.iter().chain(&split.validation).find(|&&i| i >= data.len()) {
            return Err(Error::setting("split", format!("there is no sequence {missing} of {}", data.len())));
        }
        let batches = Batches::shuffled(split.training.len(), settings.batch, settings.seed)?;
        let batches = batches.last_batch(LastBatch::Drop)?;
        let per_epoch = batches.per_epoch();
        let validated = if split.validation.is_empty() { &split.training } else { &split.validation };

        let optimizer = this.optimizer()?;
        let rates = this.rates().into_iter().filter(|(name, _)| optimizer.group(name).is_some());
        let rates: Vec<_> = rates.map(|(name, decay)| (name, decay.schedule())).collect();
        let mut trainer = Trainer::new(this.parameters(), optimizer, batches.clone())?;
        for (group, rate) in rates {
            trainer = trainer.group_lr(group, rate)?;
        }
        let mut trainer = trainer
            .seed(settings.seed)
            .clip(settings.clip)
            .after_step(|stepped| Ok(this.penalise(settings.lr_penalty.at(stepped.step - 1))?))
            .validate(settings.validate_every, |step| {
                this.enter(step);
                let errors = this.errors(data, validated, settings.t_pre_validation)?;
                Ok(Scores::new("epe", errors.epe)
                    .and("l2norm", errors.l2norm)
                    .and("epe_of_zero", errors.epe_of_zero)
                    .and("epe_of_mean", errors.epe_of_mean))
            })?
            .progress(options.progress)
            .on_signal(options.on_signal);
        if let Some(folder) = &options.folder {
            let mut config = settings.identity();
            let activation = this.network().activation();
            if activation != Activation::Relu {
                // the slope may change with the iteration, as learning rates may
                let slope = settings.leak.is_none().then_some(activation);
                config["activation"] = json!(slope.map_or(activation.name().to_owned(), |a| format!("{a:?}")));
            }
            if let Some(bonds) = fingerprint::of_bonds(this.network()) {
                config["bonds"] = json!(bonds);
            }
            config["data"] = json!(fingerprint::data_hash(data, split.training.iter().copied())?);
            if !split.validation.is_empty() {
                // the best of a run is by the same sequences throughout
                config["validation_data"] = json!(fingerprint::data_hash(data, split.validation.iter().copied())?);
            }
            config["split"] = json!({ "training": split.training, "validation": split.validation });
            let built_on = Some(fingerprint::of_wiring(this.network().wiring()));
            let identity = Identity { built_on, ..Identity::new("fly-vision training", config) };
            let checkpoints = Checkpoints::new(folder.join("checkpoints"));
            trainer = trainer
                .checkpoints(settings.validate_every, checkpoints, identity)?
                .log(folder.clone(), options.log_every)?;
            if options.start == Start::Resume {
                trainer.resume()?;
            }
        }
        let (first, steps) = (trainer.steps_done(), settings.iterations);
        if first == 0 {
            this.keep_start()?;
        }
        let loader = Loader { data, training: &split.training, settings: &settings, lattice: *this.lattice() };
        thread::scope(|scope| {
            let ahead = Ahead::start(scope, loader, batches, first, steps)?;
            let report = trainer.run(steps, |batch| {
                this.enter(batch.step);
                if batch.step.is_multiple_of(per_epoch) {
                    this.settle()?;
                }
                let items = ahead.next(batch.step)?;
                let (loss, penalty, pass) = this.loss(&items.luminance, &items.flow, batch.step, batch.seed)?;
                let central = pass.central.f_detach()?;
                let number = |t: Result<Tensor, tch::TchError>| t?.f_double_value(&[]);
                Ok(Outcome::loss(loss)
                    .metric("penalty", penalty)
                    .metric("activity", number(mean(&central))?)
                    .metric("activity_min", number(central.f_min())?)
                    .metric("activity_max", number(central.f_max())?))
            });
            Ok(report?)
        })
    }
}
