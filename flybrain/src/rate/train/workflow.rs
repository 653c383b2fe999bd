//! Trainings in a folder, sample by sample.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use serde_json::json;
use tch_train::{Batches, Best, Checkpoints, Ended, Identity, OnSignal, Progress, Scores, Trainer};

use super::log::{Listed, Log, rows};
use super::{Epoch, Masks, TrainSettings, Training, pictures};
use crate::rate::RateSystem;
use crate::report::{Report, RunRecord, Table};
use crate::{Error, atomic, run_folder};

/// How a training is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunOptions {
    /// Whether a sample that was interrupted goes on from its newest checkpoint.
    pub resume: bool,
    /// What is shown of it.
    pub progress: Progress,
    /// What Ctrl-C does.
    pub on_signal: OnSignal,
}

impl Default for RunOptions {
    /// From the start, silently.
    fn default() -> Self {
        Self { resume: false, progress: Progress::Silent, on_signal: OnSignal::Untouched }
    }
}

/// What a training gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trained {
    /// FlyStability's name of such a training.
    pub name: String,
    /// Whether it was interrupted; it can be resumed then.
    pub interrupted: bool,
    /// The samples that are done.
    pub samples: Vec<Sample>,
    /// Time of this run, seconds.
    pub seconds: f64,
}

/// What a sample gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// Its number, from 0.
    pub sample: u64,
    /// Whether it was done before.
    pub kept: bool,
    /// Epochs.
    pub epochs: usize,
    /// Loss before the first step and before the last.
    pub loss: [f64; 2],
    /// Largest exponent of the full spectrum before training and after.
    pub lambda_max: [f64; 2],
}

/// Epochs between two full spectra, and between two checkpoints.
const EVERY: u64 = 10;

/// Trains the networks that the settings say, each in a folder `sample_N` of `folder`. Samples that are finished there are kept as they
/// are, so that more samples and, with [`RunOptions::resume`], more epochs may be asked for later.
///
/// # Errors
/// [`Error::Setting`], [`Error::Data`], [`Error::Graph`] for settings and data that cannot be used, before anything is written;
/// [`Error::Exists`] for a folder of something else; [`Error::Settings`] for one of other settings or of another connectome, and for a
/// sample that was interrupted, unless the run is resumed; [`Error::Lyapunov`] and [`Error::Train`] for what goes wrong on the way.
pub fn train(settings: &TrainSettings, folder: &Path, options: &RunOptions) -> Result<Trained, Error> {
    let mut record = RunRecord::start();
    record.seed("seed", settings.seed);
    settings.check()?;
    same_settings(settings, folder)?;
    let connectome = settings.network.read()?;
    let build = |sample| settings.network.build(connectome.as_ref(), settings, sample);
    // What the first sample refuses is known before anything is written.
    let first = build(0)?;
    same_connectome(settings, folder, &first)?;
    training(settings, first, 0)?;
    let mut trained = Trained { name: settings.name(), interrupted: false, samples: Vec::new(), seconds: 0.0 };
    let mut logs = Vec::new();
    write(&folder.join("config.toml"), &settings.to_toml()?)?;
    for sample in 0..settings.n_samples {
        let own = folder.join(format!("sample_{sample}"));
        let kept = finished(&own, settings)?;
        let is_kept = kept.is_some();
        let log = match kept {
            Some(log) => Some(log),
            None => train_one(settings, &training(settings, build(sample)?, sample)?, sample, &own, options)?,
        };
        let Some(log) = log else {
            trained.interrupted = true;
            break;
        };
        let ends = |of: &dyn Fn(&Epoch) -> f64| [log.epochs.first(), log.epochs.last()].map(|e| e.map_or(f64::NAN, of));
        trained.samples.push(Sample {
            sample,
            kept: is_kept,
            epochs: log.epochs.len(),
            loss: ends(&|e| e.loss),
            lambda_max: [&log.before, &log.after].map(|s| s.iter().copied().fold(f64::NAN, f64::max)),
        });
        logs.push(log);
        // Drawing all again after each sample would take ever longer.
        if logs.len().is_power_of_two() {
            draw(settings, &logs, folder)?;
        }
    }
    if !logs.is_empty() {
        draw(settings, &logs, folder)?;
    }
    trained.seconds = record.seconds();
    record.input(inputs(&build(0)?));
    record.result(&trained);
    record.write(folder)?;
    report(settings, &trained, &logs, &record)?.write(folder)?;
    Ok(trained)
}

/// Draws what came of samples.
fn draw(settings: &TrainSettings, logs: &[Log], folder: &Path) -> Result<(), Error> {
    pictures::learning(settings, logs)?.save(folder.join("learning"))?;
    pictures::spectrum(settings, logs)?.save(folder.join("spectrum"))?;
    Ok(())
}

/// What came of all samples that are done.
fn report(settings: &TrainSettings, trained: &Trained, logs: &[Log], record: &RunRecord) -> Result<Report, Error> {
    let state = if trained.interrupted { "The training was interrupted and can be resumed. " } else { "" };
    let columns = ["sample", "epochs", "loss before", "loss after", "largest exponent before", "after"];
    let table = trained.samples.iter().fold(Table::new("Networks", &columns), |table, sample| {
        let ([l0, l1], [e0, e1]) = (sample.loss, sample.lambda_max);
        let numbers = [l0, l1, e0, e1].map(|x| format!("{x:.5}"));
        let cells = [sample.sample.to_string(), sample.epochs.to_string()];
        table.row(&[&cells[..], &numbers].concat())
    });
    let mut report = Report::new("Rate networks trained on their Lyapunov exponents")
        .text(format!(
            "{state}{} of {} networks are done, with Adam on the loss {} of the {} largest exponents.",
            trained.samples.len(),
            settings.n_samples,
            settings.loss,
            settings.nle
        ))
        .values(&[("run", settings.name())])
        .table(table);
    if !logs.is_empty() {
        report = report
            .figure("Loss, largest exponent and norms of gradients over epochs.", &pictures::learning(settings, logs)?)
            .figure("The full spectrum before and after.", &pictures::spectrum(settings, logs)?);
    }
    Ok(report.of_run(&settings.to_toml()?, record))
}

fn inputs(system: &RateSystem) -> serde_json::Value {
    json!({
        "neurons": system.n(), "types": system.n_types(), "connections": system.signs().iter().filter(|c| **c != 0.0).count(),
        "connectome": system.origin(),
    })
}

/// The training of a sample.
fn training(settings: &TrainSettings, system: RateSystem, sample: u64) -> Result<Training, Error> {
    let recipe = settings.recipe()?;
    let masks = Masks::draw(&system, &recipe.groups, settings.among(), settings.seed, sample)?;
    Training::new(system, recipe, &masks)
}

/// Refuses a folder of something else, and one of a training with other settings.
fn same_settings(settings: &TrainSettings, folder: &Path) -> Result<(), Error> {
    if !run_folder::holds(folder, "config.toml")? {
        return Ok(());
    }
    let there = TrainSettings::read(folder)?;
    run_folder::same_settings(&folder.join("config.toml"), &there, settings, &["n_samples", "n_epochs"])
}

/// Refuses samples that are done where they are of another connectome, as of a file that was changed since. Those that are not at their
/// end are compared by their checkpoints.
fn same_connectome(settings: &TrainSettings, folder: &Path, now: &RateSystem) -> Result<(), Error> {
    // Random networks follow from the settings.
    let Some(now) = now.origin() else { return Ok(()) };
    let number = |name: &String| name.strip_prefix("sample_")?.parse::<u64>().ok();
    let mut there: Vec<u64> = run_folder::names(folder)?.iter().filter_map(number).collect();
    there.retain(|sample| *sample < settings.n_samples);
    there.sort_unstable();
    for sample in there {
        let own = folder.join(format!("sample_{sample}"));
        if finished(&own, settings)?.is_none() {
            continue;
        }
        let path = own.join("network.safetensors");
        let of = RateSystem::read(&path)?.origin().map_or_else(|| "none".to_owned(), |origin| origin.sha256.clone());
        if of != now.sha256 {
            let problem = format!(
                "it was trained on a connectome with the digest {of}; that of {} is {} now: name another folder, or bring back what \
                 the connectome was",
                now.source, now.sha256
            );
            return Err(Error::Settings { path, problem });
        }
    }
    Ok(())
}

/// The log of a sample that needs nothing any more.
fn finished(folder: &Path, settings: &TrainSettings) -> Result<Option<Log>, Error> {
    if !folder.join("network.safetensors").exists() {
        return Ok(None);
    }
    let mut log = Log::read(folder)?;
    if let Some(log) = &mut log {
        // Rows beyond are of a training that went on for more epochs and was interrupted; the network is of before.
        log.epochs.truncate(log.measured);
    }
    Ok(log.filter(|log| log.finished && !log.after.is_empty() && log.epochs.len() as u64 >= settings.n_epochs))
}

/// Trains a sample. `None` where it was interrupted.
fn train_one(
    settings: &TrainSettings,
    training: &Training,
    sample: u64,
    folder: &Path,
    options: &RunOptions,
) -> Result<Option<Log>, Error> {
    let initial = training.system()?;
    let best = if training.recipe().loss.is_maximised() { Best::Highest } else { Best::Lowest };
    let checkpoints = Checkpoints::new(folder.join("checkpoints")).best_is(best);
    if !options.resume && !checkpoints.list()?.is_empty() {
        let problem = "it holds a training that is not at its end; resume it, or name another folder".into();
        return Err(Error::Settings { path: folder.to_path_buf(), problem });
    }
    let listed = match settings.number_param {
        None if settings.compat => Listed::WithoutLast,
        _ => Listed::All,
    };
    let log = RefCell::new(Log::default());
    let start = Instant::now();
    let before = if options.resume { Log::read(folder)?.unwrap_or_default() } else { Log::default() };
    let earlier = before.seconds;
    let put = |log: &Log| write(&folder.join("log.json"), &format!("{:#}\n", log.to_json(listed)));
    let mut trainer = Trainer::new(training.parameters(), training.optimizer()?, Batches::sequential(1, 1)?)?
        .seed(settings.seed)
        .after_step(|_| {
            training.bound();
            Ok(())
        })
        .validate(EVERY, |_| {
            let spectrum = training.spectrum(&training.full_settings())?;
            let mut log = log.borrow_mut();
            (log.after, log.measured) = (spectrum.exponents().to_vec(), log.epochs.len());
            log.seconds = earlier + start.elapsed().as_secs_f64();
            put(&log)?;
            let loss = log.epochs.last().map_or(f64::NAN, |e| e.loss);
            let scores = Scores::new("loss", loss).and("lambda_max", spectrum.largest());
            Ok(scores.and("entropy", spectrum.entropy()).and("dimension", spectrum.kaplan_yorke_dimension()))
        })?
        .checkpoints(EVERY, checkpoints, identity(settings, training, sample)?)?
        .log(folder, 1)?
        .progress(options.progress)
        .on_signal(options.on_signal);
    if options.resume && trainer.resume()?.is_some() {
        let mut log = log.borrow_mut();
        let (path, done) = (folder.join("training.csv"), trainer.steps_done() as usize);
        log.epochs = rows(&path)?;
        if log.epochs.len() < done {
            let problem = format!(
                "it has {} epochs, but the newest checkpoint is of epoch {done}; restore it, or remove checkpoints of later epochs",
                log.epochs.len()
            );
            return Err(Error::Settings { path, problem });
        }
        log.epochs.truncate(done);
        (log.after, log.measured) = (before.after, before.measured);
    }
    fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.to_path_buf(), source })?;
    initial.save(folder.join("initial.safetensors"))?;
    let report = trainer.run(settings.n_epochs, |_| {
        let epoch = training.epoch()?;
        let outcome = epoch.outcome();
        log.borrow_mut().epochs.push(epoch);
        Ok(outcome)
    })?;
    drop(trainer);
    if report.ended == Ended::Interrupted {
        return Ok(None);
    }
    let mut log = log.into_inner();
    let system = training.system()?;
    if log.measured != log.epochs.len() {
        // It was interrupted between two spectra, and no epoch was left to do.
        log.after = training.full_spectrum(&system)?.exponents().to_vec();
        log.measured = log.epochs.len();
    }
    log.before = training.full_spectrum(&initial)?.exponents().to_vec();
    log.seconds = earlier + start.elapsed().as_secs_f64();
    log.finished = true;
    write(&folder.join("spectrum.csv"), &table(&log))?;
    system.save(folder.join("network.safetensors"))?;
    put(&log)?;
    Ok(Some(log))
}

/// What a checkpoint is of: all settings but those that may grow.
fn identity(settings: &TrainSettings, training: &Training, sample: u64) -> Result<Identity, Error> {
    let path = || "config.toml".into();
    let mut config = serde_json::to_value(settings)
        .map_err(|e| Error::Settings { path: path(), problem: format!("as JSON: {e}") })?;
    config["n_samples"] = serde_json::Value::Null;
    config["n_epochs"] = serde_json::Value::Null;
    config["sample"] = sample.into();
    let built_on = training.system()?.origin().map(|origin| origin.sha256.clone());
    Ok(Identity { built_on, ..Identity::new("rate network", config) })
}

/// Spectra before and after as CSV.
fn table(log: &Log) -> String {
    let rows = log.before.iter().zip(&log.after).enumerate();
    rows.fold("index,before,after\n".to_owned(), |text, (i, (before, after))| {
        text + &format!("{i},{before:?},{after:?}\n")
    })
}

/// Writes a text, whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    atomic::write(path, text.as_bytes()).map_err(|source| Error::Write { path: path.to_path_buf(), source })
}
