//! Training.

use std::fs;
use std::path::Path;

use connectome_io::format::area_table::AreaTable;
use convgru_feedback::{Mode, load_state_dict, save_state_dict};
use serde::Serialize;
use serde_json::json;
use tch::{Device, Kind, Reduction, Tensor};
use tch_train::{Adam, Batches, Ended, OnSignal, Optimizer, Outcome, Progress, Schedule, Scores, Trainer};

use super::{AreaClassifier, Config, Evaluation, Run, Task, evaluate};
use super::{folder, pictures};
use crate::report::{Report, RunRecord};
use crate::{Error, atomic, input_file};

/// How a run is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainOptions {
    /// Whether it goes on from the newest checkpoint in its folder.
    pub resume: bool,
    /// What is shown of it.
    pub progress: Progress,
    /// What Ctrl-C does.
    pub on_signal: OnSignal,
    /// Where it is computed.
    pub device: Device,
}

impl Default for TrainOptions {
    /// From the start, silently, on the CPU.
    fn default() -> Self {
        Self { resume: false, progress: Progress::Silent, on_signal: OnSignal::Untouched, device: Device::Cpu }
    }
}

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trained {
    /// Whether it was interrupted; it can be resumed then, and the rest is as of now.
    pub interrupted: bool,
    /// Steps done, earlier parts of the run included.
    pub steps: u64,
    /// Epochs done.
    pub epochs: f64,
    /// Time of this part of the run, seconds.
    pub seconds: f64,
    /// Images learned from.
    pub learned: usize,
    /// On the images that were held out.
    pub held_out: Evaluation,
}

/// Settings that may change when a run goes on: where files are, how long and how fast it learns, and what only the digests of its table
/// and images tell.
const MAY_DIFFER: [&str; 12] = [
    "graph_loc",
    "data_path",
    "model_save",
    "results_save",
    "num_workers",
    "image_size",
    "epochs",
    "lr",
    "lr_epochs",
    "lr_factor",
    "dropout",
    "dropout_p",
];

/// Checkpoints in an epoch, beside that at its end.
const CHECKPOINTS: u64 = 4;

/// Trains a network of areas and its readout as the settings say, in a run folder.
///
/// # Errors
/// [`Error::Setting`], [`Error::Data`], [`Error::Graph`], [`Error::Areas`] for settings and files that cannot be used, before anything is
/// written; [`Error::Exists`] for a folder that is not empty, unless the run in it is resumed; [`Error::Settings`] for one to resume in
/// that is of other settings or holds something else than a run; [`Error::Train`] for what goes wrong on the way.
pub fn train(config: &Config, folder: &Path, options: &TrainOptions) -> Result<Trained, Error> {
    let mut record = RunRecord::start();
    config.check()?;
    let run = Run::new(folder);
    let read = |path: &Path| Ok(Config::read(path)?.comparable());
    let there = folder::check(folder, options.resume, &config.comparable(), &MAY_DIFFER, read)?;
    let table = AreaTable::read(&config.graph_loc)?;
    record.input(input_file(&config.graph_loc)?);
    record.seed("seed", config.seed);
    let task = Task::read(config, options.device)?;
    record.input(json!({ "name": "images and classes", "sha256": task.digest }));
    let model = AreaClassifier::new(config, table, task.image_shape(), options.device)?;
    // a checkpoint replaces them
    let begins = !options.resume || run.checkpoints().list()?.is_empty();
    if let Some(path) = config.model_save.as_ref().filter(|path| begins && path.exists()) {
        load_state_dict(model.store(), "model", path)?;
    }
    let batches = Batches::shuffled(task.learned.len(), config.batch_size, config.seed)?;
    let per_epoch = batches.per_epoch();
    let steps = per_epoch.saturating_mul(config.epochs);
    let schedule = match config.lr_epochs {
        None => Schedule::Constant(config.lr),
        Some(epochs) => {
            Schedule::Step { start: config.lr, every: epochs.saturating_mul(per_epoch), factor: config.lr_factor }
        }
    };

    let parameters = model.parameters();
    let optimizer = Optimizer::new(Adam { lr: config.lr, ..Adam::default() }, &parameters)?;
    let mut judged = None;
    let mut trainer = Trainer::new(parameters, optimizer, batches)?
        .seed(config.seed)
        .lr(schedule)?
        .validate(per_epoch, |step| {
            let answers = evaluate(&model, &task.held_out)?;
            let scores = Scores::new("accuracy", answers.accuracy).and("loss", answers.loss);
            judged = Some((step, answers));
            Ok(scores)
        })?
        .checkpoints(per_epoch.div_ceil(CHECKPOINTS), run.checkpoints(), model.identity(Some(&task.digest)))?
        .notes(folder::notes())
        .log(folder, 1)?
        .progress(options.progress)
        .on_signal(options.on_signal);
    if options.resume {
        folder::compare_threads(&run)?;
        let [then, now] = [there.as_ref().unwrap_or(config), config].map(|c| if c.dropout { c.dropout_p } else { 0.0 });
        if trainer.resume()?.is_none() {
            folder::nothing_to_resume(&run);
        } else if then != now {
            tracing::warn!("dropout: the run was made with {then}, now {now}");
        }
    }
    prepare(&run, config, &model)?;
    let report = trainer.run(steps, |batch| {
        let index = batch.index().f_to_device(options.device)?;
        let (images, labels) =
            (task.learned.images.f_index_select(0, &index)?, task.learned.labels.f_index_select(0, &index)?);
        let logits = model.logits(&images, Mode::Train)?;
        let right = logits.f_argmax(-1, false)?.f_eq_tensor(&labels)?.f_mean(Kind::Float)?.f_double_value(&[])?;
        let loss = logits.f_cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, 0.0)?;
        Ok(Outcome::loss(loss).metric("accuracy", right))
    })?;
    drop(trainer);

    // an interrupted run, and one that was complete already, was not judged at its end
    let held_out = match judged {
        Some((step, answers)) if step == report.step => answers,
        _ => evaluate(&model, &task.held_out)?,
    };
    let trained = Trained {
        interrupted: report.ended == Ended::Interrupted,
        steps: report.step,
        epochs: report.step as f64 / per_epoch as f64,
        seconds: record.seconds(),
        learned: task.learned.len(),
        held_out,
    };
    if !trained.interrupted {
        record.result(&trained);
        finish(&run, &model, &record, &trained, per_epoch)?;
    }
    Ok(trained)
}

/// Writes what is known before the first step.
fn prepare(run: &Run, config: &Config, model: &AreaClassifier) -> Result<(), Error> {
    let figure = pictures::graph(model.network().graph())?;
    // Paths that mean the same from inside the run folder.
    let absolute = |path: &Path| {
        fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_path_buf())
    };
    let mut resolved = config.clone();
    resolved.graph_loc = absolute(&config.graph_loc);
    resolved.data_path = absolute(&config.data_path);
    resolved.model_save = config.model_save.as_deref().map(&absolute);
    resolved.results_save = config.results_save.as_deref().map(&absolute);
    let settings = resolved.to_toml()?;
    [&config.model_save, &config.results_save].into_iter().flatten().try_for_each(|path| folder::check_file(path))?;
    let folder = run.path("");
    fs::create_dir_all(&folder).map_err(|source| Error::Write { path: folder, source })?;
    model.table().write(run.path("graph.csv"))?;
    write(&run.path("config.toml"), &settings)?;
    figure.save(run.path("graph"))?;
    Ok(())
}

/// Writes what is known after the last step.
fn finish(
    run: &Run,
    model: &AreaClassifier,
    record: &RunRecord,
    trained: &Trained,
    per_epoch: u64,
) -> Result<(), Error> {
    let config = model.config();
    save_state_dict(model.store(), "model", run.path("network.pt"))?;
    save_state_dict(model.store(), "readout", run.path("readout.pt"))?;
    if let Some(path) = &config.model_save {
        save_state_dict(model.store(), "model", path)?;
    }
    let log = pictures::Log::read(run, per_epoch)?;
    if let Some(path) = &config.results_save {
        write(path, &format!("{:#}\n", log.history()))?;
    }
    record.write(run.path(""))?;
    report(run, model, record, trained, &log)?.write(run.path(""))?;
    Ok(())
}

/// Pictures, saved and in a report.
fn report(
    run: &Run,
    model: &AreaClassifier,
    record: &RunRecord,
    trained: &Trained,
    log: &pictures::Log,
) -> Result<Report, Error> {
    let (held_out, folder) = (&trained.held_out, run.path(""));
    let graph = model.network().graph();
    let settings = run.path("config.toml");
    let settings = fs::read_to_string(&settings).map_err(|source| Error::Read { path: settings, source })?;
    let count = |under: &str| model.parameters().under(under).iter().map(|(_, tensor)| tensor.numel()).sum::<usize>();
    let report = Report::new(format!("A network of {} brain areas learned to tell images apart", graph.n_areas()))
        .text(format!(
            "It saw {} images for {:.2} epochs. Of {} images that were held out it tells {:.2} % rightly.",
            trained.learned,
            trained.epochs,
            held_out.images,
            100.0 * held_out.accuracy
        ))
        .values(&[
            ("steps of training", trained.steps.to_string()),
            ("images told rightly (%)", format!("{:.2}", 100.0 * held_out.accuracy)),
            ("cross-entropy, held out", format!("{:.4}", held_out.loss)),
            ("parameters of the network", count("model").to_string()),
            ("parameters of the readout", count("readout").to_string()),
        ])
        .figure(pictures::graph_caption(graph), &pictures::graph(graph)?)
        .saved_figure("Loss and accuracy over epochs.", &log.figure()?, &folder, "learning")?
        .saved_figure("Which classes are taken for which.", &pictures::confusion(held_out)?, &folder, "confusion")?;
    Ok(report.of_run(&settings, record))
}

/// Writes a text, whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    atomic::write(path, text.as_bytes()).map_err(|source| Error::Write { path: path.to_path_buf(), source })
}
