//! Training and what is looked at afterwards.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use convgru_feedback::{Mode, save_state_dict};
use serde::Serialize;
use serde_json::json;
use tch::{Kind, Reduction, Tensor};
use tch_train::{Adam, Batches, Ended, Optimizer, Outcome, Schedule, Scores, Trainer};

use super::network::{MAY_DIFFER, asking};
use super::{
    Answers, Gain, Neighborhood, Question, ScenarioNetwork, Sets, Settings, ask, gain, neighborhoods, pictures,
};
use crate::Error;
use crate::areas::train::write;
use crate::areas::{Run, TrainOptions, folder};
use crate::report::{Report, RunRecord, Table};

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Results {
    /// Whether it was interrupted; it can be resumed then, and the rest is as of now.
    pub interrupted: bool,
    /// Steps done, earlier parts of the run included.
    pub steps: u64,
    /// Time of this part of the run, seconds.
    pub seconds: f64,
    /// Answers to held-out items, those of scenarios that were learned first.
    pub answers: Vec<Answers>,
    /// What areas represent of held-out items; none of an interrupted run.
    pub neighborhoods: Vec<Neighborhood>,
    /// What feedback amplifies; none of an interrupted run, and none without feedback.
    pub gains: Vec<Gain>,
}

/// Trains a network and its readout as the settings say, in a run folder, and looks at what it learned.
///
/// Items are drawn by their number, another one in each step, so that a run that goes on has the same ones.
///
/// # Errors
/// [`Error::Setting`], [`Error::Areas`] for settings that cannot be used, before anything is written; [`Error::Exists`] for a folder that
/// is not empty, unless the run in it is resumed; [`Error::Settings`] for one to resume in that is of other settings or holds something
/// else than a run; [`Error::Train`] for what goes wrong on the way.
pub fn train(settings: &Settings, sets: &Sets, folder: &Path, options: &TrainOptions) -> Result<Results, Error> {
    let mut record = RunRecord::start();
    record.seed("seed", settings.seed);
    record.input(json!({ "name": "images and labels", "sha256": sets.image_digest }));
    record.input(json!({ "name": "recordings", "sha256": sets.sound_digest }));
    let run = Run::new(folder);
    folder::check(folder, options.resume, settings, &MAY_DIFFER, |path| Settings::read(path))?;
    let network = ScenarioNetwork::new(settings, options.device)?;
    let learned = Question::learned(settings.tasks);
    let items: usize = learned.iter().map(|&scenario| sets.learned.len(scenario)).sum();
    let batches = Batches::shuffled(items, settings.batch_size, settings.seed)?;

    let parameters = network.parameters();
    let optimizer = Optimizer::new(Adam { lr: settings.lr, ..Adam::default() }, &parameters)?;
    let mut trainer = Trainer::new(parameters, optimizer, batches)?
        .seed(settings.seed)
        .lr(Schedule::Constant(settings.lr))?
        .validate(settings.validate_every, |_| {
            let answers = answers(&network, sets, true)?;
            let mean = answers.iter().map(|answers| answers.right).sum::<f64>() / answers.len() as f64;
            Ok(answers.iter().fold(Scores::new("accuracy", mean), |scores, answers| {
                scores.and(answers.question.to_string(), answers.right)
            }))
        })?
        .checkpoints(settings.validate_every, run.checkpoints(), network.identity(sets))?
        .notes(folder::notes())
        .log(folder, 1)?
        .progress(options.progress)
        .on_signal(options.on_signal);
    if options.resume {
        folder::compare_threads(&run)?;
        if trainer.resume()?.is_none() {
            folder::nothing_to_resume(&run);
        }
    }
    prepare(&run, &network)?;
    let report = trainer.run(settings.steps, |batch| {
        let round = batch.epoch * items as u64;
        let numbers: Vec<_> =
            batch.indices.iter().map(|&index| sets.learned.nth(learned, round + index as u64)).collect();
        let batch = asking(sets.learned.batch(&numbers)?, settings.tasks);
        let targets = batch.targets()?.f_to_device(options.device)?;
        let logits = network.logits(&network.stimuli(&batch)?, Mode::Train)?;
        let right = logits.f_argmax(-1, false)?.f_eq_tensor(&targets)?.f_mean(Kind::Float)?.f_double_value(&[])?;
        let loss = logits.f_cross_entropy_loss::<Tensor>(&targets, None, Reduction::Mean, -100, 0.0)?;
        Ok(Outcome::loss(loss).metric("accuracy", right))
    })?;
    drop(trainer);

    let interrupted = report.ended == Ended::Interrupted;
    let (mut hits, mut gains) = (Vec::new(), Vec::new());
    let of_learned = Question::of(settings.tasks).into_iter().filter(|question| question.is_learned(settings.tasks));
    for question in of_learned.filter(|_| !interrupted) {
        hits.extend(neighborhoods(&network, &sets.held_out, question, settings.latent_items)?);
        if settings.topdown {
            gains.push(gain(&network, &sets.held_out, question, settings.latent_items)?);
        }
    }
    let results = Results {
        interrupted,
        steps: report.step,
        answers: answers(&network, sets, false)?,
        neighborhoods: hits,
        gains,
        seconds: record.seconds(),
    };
    if !interrupted {
        record.result(&results);
        finish(&run, &network, &record, &results)?;
    }
    Ok(results)
}

/// Answers to held-out items: to all questions, or to those that were learned.
fn answers(network: &ScenarioNetwork, sets: &Sets, learned: bool) -> Result<Vec<Answers>, Error> {
    let settings = network.settings();
    Question::of(settings.tasks)
        .into_iter()
        .filter(|question| !learned || question.is_learned(settings.tasks))
        .map(|question| ask(network, &sets.held_out, question, settings.test_items))
        .collect()
}

/// Writes what is known before the first step.
fn prepare(run: &Run, network: &ScenarioNetwork) -> Result<(), Error> {
    let settings = network.settings().to_toml()?;
    let path = run.path("");
    fs::create_dir_all(&path).map_err(|source| Error::Write { path, source })?;
    network.table().write(run.path("graph.csv"))?;
    write(&run.path("config.toml"), &settings)?;
    crate::areas::pictures::graph(network.network().graph())?.save(run.path("graph"))?;
    Ok(())
}

/// Writes what is known after the last step.
fn finish(run: &Run, network: &ScenarioNetwork, record: &RunRecord, results: &Results) -> Result<(), Error> {
    save_state_dict(network.store(), "model", run.path("network.pt"))?;
    save_state_dict(network.store(), "readout", run.path("readout.pt"))?;
    let mut table = "question,digits,area,step,neighborhood_hit\n".to_owned();
    for found in &results.neighborhoods {
        rows(&mut table, &format!("{},{}", found.question, found.digits), &found.areas, &found.hits);
    }
    write(&run.path("neighborhood.csv"), &table)?;
    if !results.gains.is_empty() {
        let mut table = "question,area,step,gain\n".to_owned();
        for found in &results.gains {
            rows(&mut table, &found.question, &found.areas, &found.gains);
        }
        write(&run.path("gain.csv"), &table)?;
    }
    record.write(run.path(""))?;
    report(run, network, record, results)?.write(run.path(""))?;
    Ok(())
}

/// Pictures, saved and in a report.
fn report(run: &Run, network: &ScenarioNetwork, record: &RunRecord, results: &Results) -> Result<Report, Error> {
    let (settings, folder) = (network.settings(), run.path(""));
    let columns =
        ["question", "items", "right (%)", "by the image (%)", "by the sound (%)", "by the other reading (%)"];
    let answers = results.answers.iter().fold(Table::new("Answers to held-out items", &columns), |table, answers| {
        let parts = [answers.right, answers.by_image, answers.by_sound, answers.by_other_reading];
        let [right, image, sound, other] = parts.map(|part| format!("{:.1}", 100.0 * part));
        table.row(&[answers.question.to_string(), answers.items.to_string(), right, image, sound, other])
    });
    let learned = Question::learned(settings.tasks).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut report = Report::new("A network of brain areas that sees and hears digits")
        .text(format!(
            "It learned the scenarios {learned} in {} steps of {} items, and was asked about items that it had not learned from.",
            results.steps, settings.batch_size
        ))
        .table(answers)
        .saved_figure("How questions were answered.", &pictures::scenarios(&results.answers)?, &folder, "scenarios")?
        .saved_figure("Loss and accuracy over training.", &pictures::learning(run, settings)?, &folder, "learning")?
        .figure(
            "Areas with their height, width and channels; feedback is dashed.",
            &crate::areas::pictures::graph(network.network().graph())?,
        )
        .saved_figure(
            "How many of six neighbours among the states of an area have the same digit. Grey: no state yet.",
            &pictures::neighborhood_picture(&results.neighborhoods)?,
            &folder,
            "neighborhood",
        )?;
    if !results.gains.is_empty() {
        let caption = "By how much feedback amplifies what areas take in. Grey: no feedback.";
        report = report.saved_figure(caption, &pictures::gain_picture(&results.gains)?, &folder, "gain")?;
    }
    Ok(report.of_run(&settings.to_toml()?, record))
}

/// Values by area and step as rows of a table; what there is none of has no row.
fn rows(table: &mut String, start: &str, areas: &[String], values: &[Vec<Option<f64>>]) {
    for (area, values) in areas.iter().zip(values) {
        for (step, value) in (1..).zip(values) {
            if let Some(value) = value {
                let _ = writeln!(table, "{start},{area},{step},{value}");
            }
        }
    }
}
