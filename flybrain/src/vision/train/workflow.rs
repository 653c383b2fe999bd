//! Trainings one after the other.

use std::path::{Path, PathBuf};

use fly_vision::task::{FlowData, FlowSet, Split};
use fly_vision::training::{FlyTraining, RunOptions, Start};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch_train::{Checkpoints, Ended, OnSignal, Progress};

use super::choices::Movies;
use super::settings::FlyTrainSettings;
use super::{model_folder, pictures, read, write};
use crate::rate::sweep::Share;
use crate::report::{Report, RunRecord, Table};
use crate::vision::Model;
use crate::{Error, input_file, run_folder};

/// How trainings are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainOptions {
    /// Whether models that were interrupted go on from their newest checkpoint.
    pub start: Start,
    /// Which of the models are trained by this process. Default: all.
    pub share: Share,
    /// What is shown.
    pub progress: Progress,
    /// What Ctrl-C does.
    pub on_signal: OnSignal,
}

impl Default for TrainOptions {
    /// All from the start, silently.
    fn default() -> Self {
        Self { start: Start::Anew, share: Share::default(), progress: Progress::Silent, on_signal: OnSignal::Untouched }
    }
}

/// What trainings gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlyTrained {
    /// Whether one was interrupted, or is not at its end where a run is put together; it can be resumed.
    pub interrupted: bool,
    /// Models that are done, in the order of their numbers, those of other processes included.
    pub models: Vec<TrainedModel>,
    /// Models that are not.
    pub missing: usize,
    /// Time of this run, seconds.
    pub seconds: f64,
}

/// What a training gave. Errors are end-point errors of sequences that were not trained on, in the data's unit of flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainedModel {
    /// Its number, from 0.
    pub model: usize,
    /// Its seed.
    pub seed: u64,
    /// Iterations.
    pub iterations: u64,
    /// Error before training.
    pub error_before: f64,
    /// Least error.
    pub error: f64,
    /// The iteration with it.
    pub best_iteration: u64,
    /// Error of a flow that is 0.
    pub error_of_zero: f64,
    /// Error of a flow that is the mean of all; NaN in results of earlier versions.
    #[serde(default = "unknown")]
    pub error_of_mean: f64,
    /// The network at its least error.
    pub network: PathBuf,
}

fn unknown() -> f64 {
    f64::NAN
}

/// Errors before the first iteration, which are kept for when a training goes on.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    error: f64,
}

/// Trains models as the settings say, each in a folder of its own within `folder`. Models that are finished there are kept as they are, so
/// that more of them, or more iterations, may be asked for later.
///
/// # Errors
/// [`Error::Setting`], [`Error::Vision`] for settings and data that cannot be used, before anything is written; [`Error::Exists`] for a
/// folder of something else; [`Error::Settings`] for one of other settings; [`Error::Vision`] for what goes wrong on the way, such as a
/// network that explodes.
pub fn train(settings: &FlyTrainSettings, folder: &Path, options: &TrainOptions) -> Result<FlyTrained, Error> {
    let mut record = RunRecord::start();
    record.seed("seed", settings.seed);
    if settings.models == 0 {
        return Err(Error::Setting { key: "models", problem: "0; at least 1".into() });
    }
    same_settings(settings, folder)?;
    settings.blank(0)?;
    for model in options.share.of(settings.models) {
        // the first to begin, if one does, tells whether what it starts from fits
        if checkpoints(folder, model).list()?.is_empty() && finished(settings, folder, model)?.is_none() {
            settings.build(model)?;
            break;
        }
    }
    let (data, split) = settings.data()?;
    record.timing("data", record.seconds());
    write(&folder.join("config.toml"), &settings.to_toml()?)?;
    let mut interrupted = false;
    for model in options.share.of(settings.models) {
        if finished(settings, folder, model)?.is_some() {
            continue;
        }
        if !train_one(settings, &data, &split, folder, model, options)? {
            interrupted = true;
            break;
        }
    }
    let name = match options.share {
        share if share == Share::default() => "run.json".to_owned(),
        share => format!("run_{}.json", share.task()),
    };
    put_together(settings, &data, &split, folder, interrupted, (record, &name))
}

/// Puts together which models of a run are done, whoever trained them: a report and `run.json`.
///
/// # Errors
/// [`Error::Read`], [`Error::Settings`], [`Error::NoCheckpoint`] for a folder that is none of [`train`], or a part of one; errors of the data;
/// [`Error::Write`].
pub fn collect(folder: &Path) -> Result<FlyTrained, Error> {
    let mut record = RunRecord::start();
    let settings = FlyTrainSettings::read(&folder.join("config.toml"))?;
    record.seed("seed", settings.seed);
    let (data, split) = settings.data()?;
    let mut interrupted = false;
    for model in 0..settings.models {
        interrupted |= finished(&settings, folder, model)?.is_none() && !checkpoints(folder, model).list()?.is_empty();
    }
    put_together(&settings, &data, &split, folder, interrupted, (record, "run.json"))
}

fn put_together(
    settings: &FlyTrainSettings,
    data: &FlowSet,
    split: &Split,
    folder: &Path,
    interrupted: bool,
    (mut record, name): (RunRecord, &str),
) -> Result<FlyTrained, Error> {
    let mut models = Vec::new();
    for model in 0..settings.models {
        models.extend(finished(settings, folder, model)?);
    }
    inputs(settings, data, &mut record)?;
    let missing = settings.models - models.len();
    let trained = FlyTrained { interrupted, missing, models, seconds: record.seconds() };
    record.result(&trained);
    record.write_as(&folder.join(name))?;
    if !trained.models.is_empty() {
        report(settings, data, split, folder, &trained, &record)?;
    }
    Ok(trained)
}

/// Notes what the models were trained on, and what they started from.
fn inputs(settings: &FlyTrainSettings, data: &FlowSet, record: &mut RunRecord) -> Result<(), Error> {
    if let Movies::Sintel { folder } = &settings.movies {
        let hash = fly_vision::training::data_hash(data, 0..data.len())?;
        record.input(json!({ "name": folder, "sequences": data.len(), "sha256_as_seen": hash }));
    }
    // where all trainings go on, it may be gone
    if let Some(Model::File(path)) = settings.start()?
        && path.exists()
    {
        record.input(input_file(path)?);
    }
    Ok(())
}

fn checkpoints(folder: &Path, model: usize) -> Checkpoints {
    Checkpoints::new(model_folder(folder, model).join("checkpoints"))
}

/// Trains a model. Returns whether it came to its end.
fn train_one(
    settings: &FlyTrainSettings,
    data: &FlowSet,
    split: &Split,
    folder: &Path,
    model: usize,
    options: &TrainOptions,
) -> Result<bool, Error> {
    let own = model_folder(folder, model);
    let validated = if split.validation.is_empty() { &split.training } else { &split.validation };
    let checkpoints = checkpoints(folder, model);
    let before_path = own.join("before.json");
    let started = !checkpoints.list()?.is_empty();
    if started && options.start == Start::Anew {
        let problem = "it holds a training that is not at its end; resume it, or name another folder".into();
        return Err(Error::Settings { path: own, problem });
    }
    let mut training = if started { settings.blank(model)? } else { settings.build(model)? };
    if !started {
        let t_pre = training.settings().t_pre_validation;
        let error = training.errors(data, validated, t_pre)?.epe;
        write(&before_path, &to_json(&Before { error }))?;
    }
    let run = RunOptions {
        folder: Some(own.clone()),
        start: options.start,
        progress: options.progress,
        on_signal: options.on_signal,
        ..RunOptions::default()
    };
    let report = training.run(data, split, &run)?;
    if report.ended == Ended::Interrupted {
        return Ok(false);
    }
    let best_iteration = load_best(&mut training, &own)?;
    let network = own.join("network.safetensors");
    training.network().save(&network)?;
    let errors = training.errors(data, validated, training.settings().t_pre_validation)?;
    let before: Before = parsed(&before_path)?;
    let trained = TrainedModel {
        model,
        seed: settings.model_seed(model),
        iterations: report.step,
        error_before: before.error,
        error: errors.epe,
        best_iteration,
        error_of_zero: errors.epe_of_zero,
        error_of_mean: errors.epe_of_mean,
        network,
    };
    write(&own.join("result.json"), &to_json(&trained))?;
    Ok(true)
}

/// Gives a training the parameters of its least error. Returns their iteration.
pub(super) fn load_best(training: &mut FlyTraining, own: &Path) -> Result<u64, Error> {
    let folder = own.join("checkpoints");
    let (_, best) = Checkpoints::new(&folder).best()?.ok_or(Error::NoCheckpoint { folder })?;
    training.load(&best)?;
    Ok(best.step)
}

/// What is known of a model that needs nothing any more.
pub(super) fn finished(
    settings: &FlyTrainSettings,
    folder: &Path,
    model: usize,
) -> Result<Option<TrainedModel>, Error> {
    let own = model_folder(folder, model);
    let path = own.join("result.json");
    if !path.exists() {
        return Ok(None);
    }
    let trained: TrainedModel = parsed(&path)?;
    Ok((trained.iterations >= settings.iterations).then_some(trained))
}

fn to_json(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|e| panic!("results must be JSON: {e}"));
    text + "\n"
}

fn parsed<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, Error> {
    let text = read(path)?;
    serde_json::from_str(&text).map_err(|e| Error::Settings { path: path.to_path_buf(), problem: e.to_string() })
}

/// Refuses a folder of something else, and one of trainings with other settings. Models and iterations may become more.
fn same_settings(settings: &FlyTrainSettings, folder: &Path) -> Result<(), Error> {
    if !run_folder::holds(folder, "config.toml")? {
        return Ok(());
    }
    let path = folder.join("config.toml");
    let saved = FlyTrainSettings::read(&path)?.located();
    run_folder::same_settings(&path, &saved, &settings.clone().located(), &["models", "iterations"])
}

fn report(
    settings: &FlyTrainSettings,
    data: &FlowSet,
    split: &Split,
    folder: &Path,
    trained: &FlyTrained,
    record: &RunRecord,
) -> Result<(), Error> {
    let columns =
        ["model", "seed", "iterations", "error before", "least error", "at iteration", "of no flow", "of mean flow"];
    let table = trained.models.iter().fold(Table::new("Models", &columns), |table, m| {
        let error = |x: f64| format!("{x:.4}");
        table.row(&[
            format!("{:03}", m.model),
            m.seed.to_string(),
            m.iterations.to_string(),
            error(m.error_before),
            error(m.error),
            m.best_iteration.to_string(),
            error(m.error_of_zero),
            error(m.error_of_mean),
        ])
    });
    let state = match trained.missing {
        0 => String::new(),
        n => format!(" {n} more are not done yet; `--resume` goes on."),
    };
    let by = |m: &TrainedModel| 100.0 * (1.0 - m.error / m.error_of_zero);
    let best = trained.models.iter().min_by(|a, b| a.error.total_cmp(&b.error));
    let best = best.map_or_else(String::new, |m| {
        format!(
            " The best is {:03}: the end-point error of flow that it was not trained on is {:.0} % below that of seeing no motion at all.",
            m.model,
            by(m)
        )
    });
    let ids: Vec<usize> = trained.models.iter().map(|m| m.model).collect();
    let mut report = Report::new("The fly visual system trained on optic flow")
        .text(format!(
            "{} models were trained on {} sequences and validated on {}.{best}{state}",
            trained.models.len(),
            split.training.len(),
            split.validation.len()
        ))
        .table(table)
        .saved_figure(
            "Loss on what is trained on, with variations and dropout; error of what is not trained on; activity of central cells.",
            &pictures::learning(folder, &ids)?,
            folder,
            "learning",
        )?;
    if let Some(&first) = ids.first() {
        let mut training = settings.blank(first)?;
        load_best(&mut training, &model_folder(folder, first))?;
        let sequence = split.validation.first().or(split.training.first()).copied().unwrap_or(0);
        let figure = pictures::flow(&training, data, sequence)?;
        let caption = format!("Flow of a sequence in its middle, and what model {first:03} reads from its cells.");
        report = report.saved_figure(&caption, &figure, folder, "flow")?;
    }
    report.of_run(&settings.to_toml()?, record).write(folder)?;
    Ok(())
}
