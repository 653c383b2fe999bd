//! What trainings under different conditions came to: errors and direction selectivity, with statistics.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use connectome_graph::hex::Extent;
use fly_vision::measure::{self, MotionTuning, permutation_test, quantile};
use fly_vision::network::{Network, Protocol};
use fly_vision::stimulus::{BarSettings, MovingBars};
use serde::Serialize;

use super::choices::FlyWiring;
use super::model_folder;
use super::settings::FlyTrainSettings;
use super::workflow::finished;
use crate::Error;
use crate::figure::{Axis, Grid, Mark, Strip};
use crate::report::{Report, RunRecord, Table};
use crate::vision::write_csv;

/// Settings of [`compare`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CompareSettings {
    /// Radius in columns of the eye that is shown edges. Default 8.
    pub extent: u32,
    /// Speed of the edges in columns per second. Default 19.
    pub speed: f64,
    /// Seed of permutations, where there are too many to try all. Default 0.
    pub seed: u64,
}

impl Default for CompareSettings {
    fn default() -> Self {
        Self { extent: 8, speed: 19.0, seed: 0 }
    }
}

/// A trained model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedModel {
    /// Its run.
    pub run: String,
    /// Its number.
    pub model: usize,
    /// End-point error of held-out sequences at the checkpoint that was best on them, as a fraction of that of a flow that is 0.
    pub error: f64,
    /// Mean direction selectivity index of T4 and T5, to edges of the contrast that they are known to prefer.
    pub dsi_of_t4_t5: f64,
    /// The same of types that are known not to be selective.
    pub dsi_of_others: f64,
    /// How many of the eight subtypes prefer the direction that they are known to, within 45 degrees: 2 by chance.
    pub right_directions: usize,
}

/// The models of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedRun {
    /// Name of its folder.
    pub run: String,
    /// Its wiring.
    pub wiring: FlyWiring,
    /// Whether only the decoder was trained.
    pub frozen: bool,
    /// Models that are done.
    pub models: usize,
    /// Each measure.
    pub measures: Vec<ComparedMeasure>,
}

/// A measure of the models of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedMeasure {
    /// Its name.
    pub measure: &'static str,
    /// Median.
    pub median: f64,
    /// Mean.
    pub mean: f64,
    /// Difference of the mean from that of the first run.
    pub difference: f64,
    /// Its two-sided p-value, by permutation; none for the first run.
    pub p: Option<f64>,
}

/// What [`compare`] found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Runs, in the order given.
    pub runs: Vec<ComparedRun>,
    /// All models.
    pub models: Vec<ComparedModel>,
}

type Measure = (&'static str, fn(&ComparedModel) -> f64);

/// What models are compared by.
const MEASURES: [Measure; 4] = [
    ("error of that of no flow", |m| m.error),
    ("DSI of T4 and T5", |m| m.dsi_of_t4_t5),
    ("DSI of types known not to be selective", |m| m.dsi_of_others),
    ("T4 and T5 with the known direction, of 8", |m| m.right_directions as f64),
];

/// Compares the finished models of folders of trainings with those of the first folder, and writes what came of it into a folder.
/// `on_model` is told before each model.
///
/// # Errors
/// [`Error::Read`] and [`Error::Settings`] for folders that are none of trainings; [`Error::NoCheckpoint`] for one without a finished model;
/// [`Error::Setting`] for fewer than two folders, or two of the same name.
pub fn compare(
    runs: &[PathBuf],
    settings: &CompareSettings,
    folder: &Path,
    on_model: &mut dyn FnMut(&str, usize),
) -> Result<Comparison, Error> {
    let mut record = RunRecord::start();
    let names: Vec<String> = runs.iter().map(|run| name_of(run)).collect();
    if runs.len() < 2 || names.iter().collect::<BTreeSet<_>>().len() < names.len() {
        let problem = format!("{}; name at least two folders, of different names", names.join(", "));
        return Err(Error::Setting { key: "runs", problem });
    }
    let edges = MovingBars::new(BarSettings {
        speeds: vec![settings.speed],
        t_pre: 0.1,
        t_post: 0.1,
        ..BarSettings::edges_across(Extent(settings.extent))
    })?;
    edges.prepare()?;
    let (mut all, mut configs, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for (run, name) in runs.iter().zip(&names) {
        record.input(run);
        let config = FlyTrainSettings::read(&run.join("config.toml"))?;
        let before = all.len();
        for model in 0..config.models {
            let Some(trained) = finished(&config, run, model)? else { continue };
            on_model(name, model);
            let tuned = tuning(&config, run, model, settings, &edges)?;
            rows.extend(tuned.iter().map(|t| {
                let known = t.known_direction.map_or_else(String::new, |d| format!("{:.0}", d.to_degrees()));
                let direction = t.direction.to_degrees().rem_euclid(360.0);
                let [dsi, direction] = [t.dsi, direction].map(|x| format!("{x:.4}"));
                vec![name.clone(), model.to_string(), t.cell_type.to_owned(), dsi, direction, known]
            }));
            let (selective, others): (Vec<_>, Vec<_>) = tuned.iter().partition(|t| t.known_direction.is_some());
            let mean = |list: &[&MotionTuning]| list.iter().map(|t| t.dsi).sum::<f64>() / list.len() as f64;
            all.push(ComparedModel {
                run: name.clone(),
                model,
                error: trained.error / trained.error_of_zero,
                dsi_of_t4_t5: mean(&selective),
                dsi_of_others: mean(&others),
                right_directions: selective.iter().filter(|t| t.is_right()).count(),
            });
        }
        if all.len() == before {
            return Err(Error::NoCheckpoint { folder: run.clone() });
        }
        configs.push(config);
    }
    let of = |name: &str, value: fn(&ComparedModel) -> f64| -> Vec<f64> {
        all.iter().filter(|m| m.run == name).map(value).collect()
    };
    let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len() as f64;
    let summary = |(name, config): (&String, &FlyTrainSettings)| ComparedRun {
        run: name.clone(),
        wiring: config.wiring,
        frozen: config.frozen,
        models: of(name, |_| 0.0).len(),
        measures: MEASURES
            .iter()
            .map(|&(measure, value)| {
                let (first, own) = (of(&names[0], value), of(name, value));
                ComparedMeasure {
                    measure,
                    median: quantile(&own, 0.5),
                    mean: mean(&own),
                    difference: mean(&own) - mean(&first),
                    p: (*name != names[0]).then(|| permutation_test(&first, &own, settings.seed)),
                }
            })
            .collect(),
    };
    let comparison = Comparison { runs: names.iter().zip(&configs).map(summary).collect(), models: all };
    record.seed("seed", settings.seed);
    record.result(&comparison.runs);
    let head = ["run", "model", "type", "dsi", "direction_degrees", "known_direction_degrees"];
    write_csv(folder, "tuning.csv", &head, &rows)?;
    write(&comparison, settings, folder, &record)?;
    Ok(comparison)
}

fn name_of(run: &Path) -> String {
    run.file_name().map_or_else(|| run.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Tuning of the known types of a model.
fn tuning(
    config: &FlyTrainSettings,
    run: &Path,
    model: usize,
    settings: &CompareSettings,
    edges: &MovingBars,
) -> Result<Vec<MotionTuning>, Error> {
    let mut trained = Network::builder(config.wiring(model, Extent(config.extent))?).build_alone()?;
    trained.load(model_folder(run, model).join("network.safetensors"))?;
    let mut network = Network::builder(config.wiring(model, Extent(settings.extent))?).build_alone()?;
    network.set_from(&trained)?;
    Ok(measure::motion_tuning(&network.responses_to(edges, &Protocol::default())?, 0)?)
}

fn write(comparison: &Comparison, settings: &CompareSettings, folder: &Path, record: &RunRecord) -> Result<(), Error> {
    let row = |m: &ComparedModel| {
        let numbers = MEASURES.map(|(_, value)| format!("{:.6}", value(m)));
        [vec![m.run.clone(), m.model.to_string()], numbers.to_vec()].concat()
    };
    let rows: Vec<Vec<String>> = comparison.models.iter().map(row).collect();
    let head = ["run", "model", "error", "dsi_of_t4_t5", "dsi_of_others", "right_directions"];
    write_csv(folder, "models.csv", &head, &rows)?;
    let names: Vec<&str> = comparison.runs.iter().map(|run| run.run.as_str()).collect();
    let mut grid = Grid::new(2);
    for (title, value) in MEASURES {
        let samples: Vec<Vec<f64>> =
            names.iter().map(|name| comparison.models.iter().filter(|m| m.run == *name).map(value).collect()).collect();
        let strip = Strip::new(title).y(Axis::linear("")).names(&names).series("models", &samples).size(440.0, 320.0);
        let strip = if title == MEASURES[0].0 { strip.mark(Mark::Horizontal(1.0), "no flow") } else { strip };
        grid = grid.add(strip.build()?);
    }
    let mut report = Report::new("Trainings compared").text(format!(
        "Errors are of sequences that were not trained on, at the checkpoint that was best on them. Selectivity is to edges at {} columns per second. p: by permutation, of the \
         difference of means from {}, two-sided, not corrected for how many there are.",
        settings.speed, names[0]
    ));
    for (i, (title, _)) in MEASURES.iter().enumerate() {
        let table = Table::new(*title, &["run", "models", "median", "mean", "difference", "p"]);
        let table = comparison.runs.iter().fold(table, |table, run| {
            let m = &run.measures[i];
            let numbers = [m.median, m.mean, m.difference].map(|x| format!("{x:.3}"));
            let p = m.p.map_or_else(String::new, |p| format!("{p:.4}"));
            table.row(&[&[run.run.clone(), run.models.to_string()][..], &numbers, &[p]].concat())
        });
        report = report.table(table);
    }
    report
        .saved_figure("Each point is a model.", &grid.build()?, folder, "comparison")?
        .of_run(&serde_json::to_string_pretty(settings).unwrap_or_default(), record)
        .write(folder)?;
    record.write(folder)
}
