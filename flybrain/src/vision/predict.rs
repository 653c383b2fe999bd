//! What models predict of cell types whose tuning has not been measured.

use std::path::Path;

use fly_vision::measure::{self, Averaging, FlashOptions, PeakOptions, PerCell, PerCondition, known, quantile};
use fly_vision::network::Protocol;
use fly_vision::stimulus::{BarSettings, FlashSettings, Flashes, MovingBars, Stimuli};
use serde::Serialize;

use super::flash::{no_models, silenced};
use super::panel::settings_text;
use super::population::{Model, Population};
use super::write_csv;
use crate::Error;
use crate::figure::{Axis, Mark, Strip};
use crate::report::{Report, RunRecord, Table};

/// Settings of [`predict`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PredictSettings {
    /// Speed of edges in columns per second. Default: 19.
    pub speed: f64,
    /// Radius of flashes in columns. Default: 6.
    pub radius: i32,
    /// Length of a frame, seconds. Default: 1/200.
    pub dt: f64,
    /// Fraction of models that must agree for a prediction to be made, above 0.5. Default: 0.75.
    pub agreement: f64,
}

impl Default for PredictSettings {
    fn default() -> Self {
        Self { speed: 19.0, radius: 6, dt: 1.0 / 200.0, agreement: 0.75 }
    }
}

/// A measure over models: quartiles and median.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// A quarter of the models is below.
    pub lower: f64,
    /// Median.
    pub median: f64,
    /// A quarter of the models is above.
    pub upper: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Self {
        Self { lower: quantile(values, 0.25), median: quantile(values, 0.5), upper: quantile(values, 0.75) }
    }

    fn text(&self) -> String {
        format!("{:.2} ({:.2} to {:.2})", self.median, self.lower, self.upper)
    }
}

/// What models say of a cell type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The type.
    pub cell_type: String,
    /// Flash response index, -1 (off) to 1 (on).
    pub fri: Spread,
    /// Fraction of models with a positive one.
    pub on: f64,
    /// Fraction of models with a negative one.
    pub off: f64,
    /// `on` or `off` where enough models agree; none for types whose contrast is known.
    pub contrast: Option<&'static str>,
    /// Direction selectivity index, the larger one of those to bright and to dark edges.
    pub dsi: Spread,
    /// Fraction of models in which it is above that of nine tenths of the types that are known not to be selective.
    pub selective: f64,
    /// Whether enough models agree that it is selective, or that it is not; none for types of which that is known.
    pub motion: Option<bool>,
    /// Mean of the preferred directions in models where it is selective, degrees from 0 to 360; NaN if there is none.
    pub direction: f64,
    /// How much they agree: 1 if all are the same, 0 if they cancel each other.
    pub direction_agreement: f64,
}

/// What [`predict`] found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Predictions {
    /// Names of the models.
    pub models: Vec<String>,
    /// Direction selectivity index above which a type counts as selective.
    pub threshold: f64,
    /// Types whose preferred contrast, or selectivity, is not known, in the order of the connectome.
    pub types: Vec<Prediction>,
}

/// Shows flashes and moving edges to models, and writes into a folder what they agree on about types whose tuning is not known.
///
/// # Errors
/// [`Error::Vision`] for settings that make no sense or models that cannot be read; [`Error::Write`].
pub fn predict(
    population: &Population,
    settings: &PredictSettings,
    folder: &Path,
    on_model: &mut dyn FnMut(usize, &Model),
) -> Result<Predictions, Error> {
    let mut record = RunRecord::start();
    if !(settings.agreement > 0.5 && settings.agreement <= 1.0) {
        let problem = format!("{}; above 0.5, at most 1", settings.agreement);
        return Err(Error::Setting { key: "agreement", problem });
    }
    let extent = population.lattice();
    let flashes =
        Flashes::new(FlashSettings { extent, radius: vec![settings.radius], dt: settings.dt, ..Default::default() })?;
    let options = FlashOptions {
        radius: f64::from(settings.radius),
        ..FlashOptions::lasting(FlashSettings::default().t_stim, settings.dt)
    };
    let edges = MovingBars::new(BarSettings {
        speeds: vec![settings.speed],
        dt: settings.dt,
        ..BarSettings::edges_across(extent)
    })?;
    population.note(&mut record)?;
    edges.prepare()?;
    let (mut fri, mut peaks, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    population.each_response(&edges, &Protocol::default(), on_model, |_, network, responses| {
        let to_flashes = network.responses_to(&flashes, &Protocol::default())?;
        fri.extend_from_slice(measure::flash_response_index(&to_flashes, &options)?.values());
        peaks.extend_from_slice(measure::peak_responses(&responses, &PeakOptions::default())?.values());
        cells = responses.cells().to_vec();
        Ok(())
    })?;
    if cells.is_empty() {
        return Err(no_models());
    }
    let models = population.models().len();
    let fri = PerCell::new(fri, models, cells.clone())?;
    let peaks = PerCondition::new(peaks, models, edges.conditions().clone(), cells)?;
    let predictions = predictions(population, settings, &fri, &peaks)?;
    record.result(&predictions);
    write(population, settings, folder, &record, &predictions, &fri)?;
    Ok(predictions)
}

fn predictions(
    population: &Population,
    settings: &PredictSettings,
    fri: &PerCell,
    peaks: &PerCondition,
) -> Result<Predictions, Error> {
    let dsi = measure::direction_selectivity_index(peaks, Averaging::OverWidthAndSpeed)?;
    let directions = measure::preferred_direction(peaks, Averaging::OverWidthAndSpeed)?;
    let [dark, light] = [dsi.select("intensity", 0.0)?, dsi.select("intensity", 1.0)?];
    let [to_dark, to_light] = [directions.select("intensity", 0.0)?, directions.select("intensity", 1.0)?];
    // by type: the larger index of each model, and the direction that goes with it
    let of = |cell: usize| -> Vec<[f64; 2]> {
        let sides = [(&dark, &to_dark), (&light, &to_light)].map(|(dsi, to)| {
            dsi.across_models(cell).into_iter().zip(to.across_models(cell)).map(|(d, a)| [d, a]).collect::<Vec<_>>()
        });
        let [dark, light] = sides;
        dark.into_iter().zip(light).map(|(d, l)| if d[0] > l[0] { d } else { l }).collect()
    };
    let mut not_selective = Vec::new();
    for name in known::NOT_MOTION_TYPES {
        not_selective.extend(of(peaks.cell(name)?).into_iter().map(|[dsi, _]| dsi));
    }
    let threshold = quantile(&not_selective, 0.9);
    let share = |count: usize, all: usize| if all == 0 { f64::NAN } else { count as f64 / all as f64 };
    let mut types = Vec::new();
    for (cell, name) in peaks.cells().iter().enumerate() {
        if known::preferred_contrast(name).is_some() && known::motion_selective(name).is_some() {
            continue;
        }
        let (index, tuned) = (fri.across_models(cell), of(cell));
        let [on, off] = [1.0, -1.0].map(|sign| share(index.iter().filter(|x| sign * **x > 0.0).count(), index.len()));
        let selective: Vec<f64> = tuned.iter().filter(|[dsi, _]| *dsi > threshold).map(|[_, angle]| *angle).collect();
        let of_selective = share(selective.len(), tuned.len());
        let of_others = share(tuned.iter().filter(|[dsi, _]| *dsi <= threshold).count(), tuned.len());
        let [x, y] =
            [f64::cos, f64::sin].map(|f| selective.iter().map(|a| f(*a)).sum::<f64>() / selective.len() as f64);
        let agreed = |yes: f64, no: f64| match settings.agreement {
            enough if yes >= enough => Some(true),
            enough if no >= enough => Some(false),
            _ => None,
        };
        let contrast = agreed(on, off).filter(|_| known::preferred_contrast(name).is_none());
        types.push(Prediction {
            cell_type: name.clone(),
            fri: Spread::of(&index),
            on,
            off,
            contrast: contrast.map(|on| if on { "on" } else { "off" }),
            dsi: Spread::of(&tuned.iter().map(|[dsi, _]| *dsi).collect::<Vec<_>>()),
            selective: of_selective,
            motion: agreed(of_selective, of_others).filter(|_| known::motion_selective(name).is_none()),
            direction: y.atan2(x).to_degrees().rem_euclid(360.0),
            direction_agreement: x.hypot(y),
        });
    }
    Ok(Predictions { models: population.models().iter().map(Model::name).collect(), threshold, types })
}

fn write(
    population: &Population,
    settings: &PredictSettings,
    folder: &Path,
    record: &RunRecord,
    found: &Predictions,
    fri: &PerCell,
) -> Result<(), Error> {
    let number = |x: f64| format!("{x:.6}");
    let row = |p: &Prediction| {
        let spreads = [p.fri, p.dsi].map(|s| [s.median, s.lower, s.upper]).concat();
        let others = [p.on, p.off, p.selective, p.direction, p.direction_agreement];
        [vec![p.cell_type.clone()], spreads.into_iter().chain(others).map(number).collect()].concat()
    };
    let rows: Vec<Vec<String>> = found.types.iter().map(row).collect();
    let head = [
        "type",
        "fri_median",
        "fri_lower_quartile",
        "fri_upper_quartile",
        "dsi_median",
        "dsi_lower_quartile",
        "dsi_upper_quartile",
        "fraction_on",
        "fraction_off",
        "fraction_selective",
        "direction_degrees",
        "direction_agreement",
    ];
    write_csv(folder, "predictions.csv", &head, &rows)?;

    let names: Vec<&String> = found.types.iter().map(|p| &p.cell_type).collect();
    let mut index = Vec::with_capacity(names.len());
    for name in &names {
        index.push(fri.across_models(fri.cell(name)?));
    }
    let strip = Strip::new("Preference for light or dark")
        .y(Axis::linear("flash response index").range(-1.0, 1.0))
        .names(&names)
        .series("models", &index)
        .mark(Mark::Horizontal(0.0), "")
        .build()?;
    let columns = ["type", "flash response index", "contrast", "direction selectivity", "selective", "direction"];
    let caption = "Median and quartiles over models; blank where too few agree, and where it is known";
    let table = found.types.iter().fold(Table::new(caption, &columns), |table, p| {
        let motion = p.motion.map_or("", |yes| if yes { "yes" } else { "no" });
        let direction = match p.motion {
            Some(true) => format!("{:.0}° (agreement {:.2})", p.direction, p.direction_agreement),
            _ => String::new(),
        };
        let contrast = p.contrast.unwrap_or_default().to_owned();
        table.row(&[p.cell_type.clone(), p.fri.text(), contrast, p.dsi.text(), motion.to_owned(), direction])
    });
    Report::new("Predictions for cell types whose tuning is not known, or not all of it")
        .text(format!(
            "{} models were shown flashes of light and dark and edges that move in twelve directions at {} columns per second{}. A contrast \
             or selectivity is given where {:.0} % of them agree. A type counts as selective above an index of {:.3}, which nine tenths of \
             the types that are known not to be selective, in all models, are below.",
            found.models.len(),
            settings.speed,
            silenced(population),
            100.0 * settings.agreement,
            found.threshold
        ))
        .table(table)
        .saved_figure("Each point is a model; 1: responds to light only, -1: to dark only.", &strip, folder, "fri")?
        .of_run(&settings_text(population, settings)?, record)
        .write(folder)?;
    record.write(folder)
}
