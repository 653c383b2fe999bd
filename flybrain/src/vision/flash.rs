//! Responses to flashes: which cells prefer light, and which dark.

use std::path::Path;

use fly_vision::measure::{self, FlashOptions, PerCell, Responses, known};
use fly_vision::network::Protocol;
use fly_vision::stimulus::{self, Flashes, Stimuli};
use serde::Serialize;

use super::panel::{on_off_types, traces};
use super::population::{Model, Population};
use super::write_csv;
use crate::Error;
use crate::figure::{Axis, Mark, Strip};
use crate::report::{Report, RunRecord, Table};

/// Settings of [`flash`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlashSettings {
    /// Radius of the disc in columns. Default: 6.
    pub radius: i32,
    /// Duration of the flash, seconds. Default: 1.
    pub t_stim: f64,
    /// Grey before and after, seconds. Default: 1.
    pub t_pre: f64,
    /// Length of a frame, seconds. Default: 1/200.
    pub dt: f64,
}

impl Default for FlashSettings {
    fn default() -> Self {
        Self { radius: 6, t_stim: 1.0, t_pre: 1.0, dt: 1.0 / 200.0 }
    }
}

/// What [`flash`] found.
#[derive(Debug, Clone, Serialize)]
pub struct FlashResults {
    /// Names of the models.
    pub models: Vec<String>,
    /// Cell types.
    pub types: Vec<String>,
    /// Flash response index, -1 (off) to 1 (on), by model and type.
    pub fri: Vec<Vec<f64>>,
    /// Median over models, by type.
    pub median: Vec<f64>,
    /// Fraction of the types of known contrast whose index has the right sign, by model.
    pub agreement: Vec<f64>,
    /// The same of the median over models.
    pub agreement_of_median: f64,
    /// Types of known contrast for which the median has the wrong sign.
    pub wrong: Vec<String>,
}

/// Shows flashes of light and of dark to models, and writes what came of it into a folder.
///
/// # Errors
/// [`Error::Vision`] for settings that make no sense or models that cannot be read; [`Error::Write`].
pub fn flash(
    population: &Population,
    settings: &FlashSettings,
    folder: &Path,
    on_model: &mut dyn FnMut(usize, &Model),
) -> Result<FlashResults, Error> {
    let mut record = RunRecord::start();
    let flashes = Flashes::new(stimulus::FlashSettings {
        extent: population.lattice(),
        radius: vec![settings.radius],
        t_stim: settings.t_stim,
        t_pre: settings.t_pre,
        dt: settings.dt,
        ..stimulus::FlashSettings::default()
    })?;
    population.note(&mut record)?;
    let options =
        FlashOptions { radius: f64::from(settings.radius), ..FlashOptions::lasting(settings.t_stim, settings.dt) };
    let mut indices = Vec::new();
    let mut first: Option<Responses> = None;
    population.each_response(&flashes, &Protocol::default(), on_model, |_, _, responses| {
        indices.extend_from_slice(measure::flash_response_index(&responses, &options)?.values());
        first.get_or_insert(responses);
        Ok(())
    })?;
    let Some(first) = first else { return Err(no_models()) };
    let fri = PerCell::new(indices, population.models().len(), first.cells().to_vec())?;
    let results = results(population, &fri)?;
    record.result(&results);
    write(population, settings, folder, &record, &results, &fri, &first, &flashes)?;
    Ok(results)
}

pub(super) fn no_models() -> Error {
    Error::from(fly_vision::Error::Setting { setting: "models", what: "there are none".into() })
}

fn results(population: &Population, fri: &PerCell) -> Result<FlashResults, Error> {
    let median: Vec<f64> =
        (0..fri.cells().len()).map(|cell| measure::quantile(&fri.across_models(cell), 0.5)).collect();
    let of_median = PerCell::new(median.clone(), 1, fri.cells().to_vec())?;
    let agrees = |name: &str, index: f64| known::preferred_contrast(name).is_none_or(|c| c.sign() * index > 0.0);
    let wrong = fri.cells().iter().zip(&median).filter(|(name, index)| !agrees(name, **index));
    Ok(FlashResults {
        models: population.models().iter().map(Model::name).collect(),
        types: fri.cells().to_vec(),
        fri: (0..fri.models()).map(|model| fri.row(model).to_vec()).collect(),
        agreement: measure::fri_agreement(fri)?,
        agreement_of_median: measure::fri_agreement(&of_median)?[0],
        wrong: wrong.map(|(name, _)| name.clone()).collect(),
        median,
    })
}

#[allow(clippy::too_many_arguments)] // called once, above, with all that a run has
fn write(
    population: &Population,
    settings: &FlashSettings,
    folder: &Path,
    record: &RunRecord,
    results: &FlashResults,
    fri: &PerCell,
    first: &Responses,
    flashes: &Flashes,
) -> Result<(), Error> {
    let mut rows = Vec::new();
    for (model, row) in results.models.iter().zip(&results.fri) {
        for (name, index) in results.types.iter().zip(row) {
            rows.push(vec![model.clone(), name.clone(), format!("{index:.6}")]);
        }
    }
    write_csv(folder, "fri.csv", &["model", "type", "fri"], &rows)?;

    let samples: Vec<Vec<f64>> = (0..results.types.len()).map(|cell| fri.across_models(cell)).collect();
    let (on, off) = on_off_types(&results.types);
    let strip = Strip::new("Preference for light or dark")
        .y(Axis::linear("flash response index").range(-1.0, 1.0))
        .names(&results.types)
        .series("models", &samples)
        .mark(Mark::Horizontal(0.0), "")
        .highlight("known on cells", &on)
        .highlight("known off cells", &off)
        .build()?;
    let intensities = flashes.conditions().column("intensity")?.to_vec();
    let label = |sample: usize| if intensities[sample] > 0.5 { "light".to_owned() } else { "dark".to_owned() };
    let shown = traces("Responses to a flash", first, &super::SHOWN, &[0, 1], &label, Some((0.0, settings.t_stim)))?;

    let percent = |x: f64| format!("{:.0} %", 100.0 * x);
    let sorted = |mut list: Vec<f64>| {
        list.sort_by(f64::total_cmp);
        list
    };
    let agreement = sorted(results.agreement.clone());
    let mut table =
        Table::new("Flash response index of types whose contrast is known", &["type", "known", "median", "right"]);
    for (cell, name) in results.types.iter().enumerate() {
        if let Some(contrast) = known::preferred_contrast(name) {
            let all = &samples[cell];
            let right = all.iter().filter(|x| **x * contrast.sign() > 0.0).count() as f64 / all.len() as f64;
            let kind = if contrast.sign() > 0.0 { "on" } else { "off" };
            table = table.row(&[name.clone(), kind.to_owned(), format!("{:.2}", results.median[cell]), percent(right)]);
        }
    }
    let silenced = silenced(population);
    Report::new("Flashes")
        .text(format!(
            "{} models were shown discs of {} columns' radius, {} s of light or dark on grey{silenced}.",
            results.models.len(),
            settings.radius,
            settings.t_stim
        ))
        .values(&[
            ("right sign, median model", percent(results.agreement_of_median)),
            (
                "right sign, worst to best model",
                format!("{} to {}", percent(agreement[0]), percent(agreement[agreement.len() - 1])),
            ),
            ("wrong in the median", if results.wrong.is_empty() { "none".into() } else { results.wrong.join(", ") }),
        ])
        .saved_figure("Each point is a model; 1: responds to light only, -1: to dark only.", &strip, folder, "fri")?
        .saved_figure(&format!("Central cells of model {}.", results.models[0]), &shown, folder, "traces")?
        .table(table)
        .of_run(&super::panel::settings_text(population, settings)?, record)
        .write(folder)?;
    record.write(folder)
}

/// What was silenced, as a clause.
pub(super) fn silenced(population: &Population) -> String {
    match population.silenced() {
        [] => String::new(),
        types => format!("; {} held at 0", types.join(", ")),
    }
}
