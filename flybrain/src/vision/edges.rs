//! Responses to moving edges and bars: which cells are selective for the direction of motion, and for which.

use std::path::Path;

use fly_vision::Conditions;
use fly_vision::measure::{self, Averaging, PeakOptions, PerCell, PerCondition, Responses, known};
use fly_vision::network::{Grey, Network, Protocol, Record, Run, Start};
use fly_vision::stimulus::{BarSettings, MovingBars, Stimuli, Tail};
use serde::Serialize;
use tch::Kind;
use tch_function::slices::as_slice;

use super::clusters::{self, Cluster, Traces};
use super::flash::{no_models, silenced};
use super::population::{Model, Population};
use super::write_csv;
use crate::Error;
use crate::figure::{Animation, Axis, Figure, HexMovie, Mark, Polar, PreferredDirections, Share, Strip};
use crate::report::{Report, RunRecord, Table};

/// What moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Moving {
    /// Edges: one side of the eye turns light or dark.
    Edges,
    /// Bars.
    Bars,
}

/// Settings of [`edges`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EdgeSettings {
    /// Edges or bars.
    pub moving: Moving,
    /// Directions in degrees, counter-clockwise from rightwards: two or more, equally spaced over the circle, as selectivity and preferred
    /// direction are sums over them. Default: 0, 30, ... 330.
    pub angles: Vec<f64>,
    /// Speeds in columns (5.8 degrees) per second. Default: 19.
    pub speeds: Vec<f64>,
    /// Widths of bars in LEDs (2.25 degrees). Default: 1, 2, 4. Edges have none.
    pub widths: Vec<f64>,
    /// Height of what moves, across its direction, in LEDs. Default: as much as the eye sees for edges (80, more for eyes of more than 721
    /// columns); 9 for bars.
    pub height: Option<f64>,
    /// Grey before and what stays after, seconds. Default: 1.
    pub t_pre: f64,
    /// Length of a frame, seconds. Default: 1/200.
    pub dt: f64,
    /// Types whose activity is shown as a movie. Default: [`SHOWN`](super::SHOWN).
    pub movie: Vec<String>,
}

impl EdgeSettings {
    /// Defaults for edges or bars.
    pub fn new(moving: Moving) -> Self {
        Self {
            moving,
            angles: (0..12).map(|i| f64::from(30 * i)).collect(),
            speeds: vec![19.0],
            widths: vec![1.0, 2.0, 4.0],
            height: None,
            t_pre: 1.0,
            dt: 1.0 / 200.0,
            movie: super::SHOWN.map(str::to_owned).to_vec(),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |key, problem: String| Err(Error::Setting { key, problem });
        for (key, list) in [("speeds", &self.speeds), ("widths", &self.widths)] {
            if list.is_empty() {
                return refuse(key, "none; at least one is needed".into());
            }
        }
        let n = self.angles.len();
        let mut turned: Vec<f64> = self.angles.iter().map(|angle| (angle - self.angles[0]).rem_euclid(360.0)).collect();
        // what is a whole turn but for rounding is none
        turned.iter_mut().filter(|angle| **angle > 360.0 - 1e-6).for_each(|angle| *angle = 0.0);
        turned.sort_by(f64::total_cmp);
        let wanted = |i: usize| 360.0 * i as f64 / n as f64;
        // angles that are no numbers are refused with the stimuli
        let uneven = turned.iter().enumerate().any(|(i, angle)| (angle - wanted(i)).abs() > 1e-6);
        if n < 2 || uneven {
            let list: Vec<String> = self.angles.iter().map(f64::to_string).collect();
            let problem = format!(
                "{} degrees; selectivity and preferred direction need two or more directions, each once and equally spaced over the circle, \
                 such as 0,90,180,270",
                list.join(",")
            );
            return refuse("angles", problem);
        }
        Ok(())
    }

    fn stimuli(&self, population: &Population) -> BarSettings {
        let (defaults, widths) = match self.moving {
            Moving::Edges => {
                let edges = BarSettings::edges_across(population.lattice());
                (edges.clone(), edges.widths)
            }
            Moving::Bars => (BarSettings::bars(), self.widths.clone()),
        };
        BarSettings {
            extent: population.lattice(),
            angles: self.angles.clone(),
            speeds: self.speeds.clone(),
            widths,
            height: self.height.unwrap_or(defaults.height),
            t_pre: self.t_pre,
            t_post: self.t_pre,
            dt: self.dt,
            ..defaults
        }
    }
}

/// A subtype of T4 or T5 across models, judged by edges of the contrast that it prefers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Subtype {
    /// Its name.
    pub name: String,
    /// Direction that it is known to prefer, degrees.
    pub known: f64,
    /// Direction that it prefers in the first model, degrees.
    pub first_direction: f64,
    /// Direction selectivity index in the first model.
    pub first_dsi: f64,
    /// The same relative to responses to this contrast only, where the index takes the larger ones of both contrasts.
    pub first_dsi_alone: f64,
    /// Median of the direction selectivity index.
    pub median_dsi: f64,
    /// Median of the index relative to responses to this contrast only.
    pub median_dsi_alone: f64,
    /// Fraction of models that prefer the known direction within 45 degrees.
    pub right: f64,
    /// Fraction of models that prefer the opposite direction within 45 degrees.
    pub reversed: f64,
}

/// What [`edges`] found.
#[derive(Debug, Clone, Serialize)]
pub struct EdgeResults {
    /// Names of the models.
    pub models: Vec<String>,
    /// Cell types.
    pub types: Vec<String>,
    /// Direction selectivity index for dark and for light, by model and type.
    pub dsi: [Vec<Vec<f64>>; 2],
    /// Preferred direction for dark and for light, degrees in (-180, 180], by model and type.
    pub direction: [Vec<Vec<f64>>; 2],
    /// T4 and T5.
    pub subtypes: Vec<Subtype>,
    /// Correlation of direction selectivity with what is known of 18 types, by model.
    pub correlation: Vec<f64>,
    /// Models that found the same solution for a subtype; none where fewer than twelve respond.
    pub clusters: Vec<Cluster>,
}

/// Luminances of what moves, in the order of results.
const DARK_LIGHT: [f64; 2] = [0.0, 1.0];

/// Shows edges or bars that move in many directions to models, and writes what came of it into a folder.
///
/// # Errors
/// [`Error::Vision`] for settings that make no sense or models that cannot be read; [`Error::Write`].
pub fn edges(
    population: &Population,
    settings: &EdgeSettings,
    folder: &Path,
    on_model: &mut dyn FnMut(usize, &Model),
) -> Result<EdgeResults, Error> {
    let mut record = RunRecord::start();
    population.check_types(&settings.movie)?;
    settings.check()?;
    let stimuli = MovingBars::new(settings.stimuli(population))?;
    let filmed = (!settings.movie.is_empty()).then(|| passing(population, settings)).transpose()?;
    population.note(&mut record)?;
    stimuli.prepare()?;
    record.timing("stimuli", record.seconds());
    let mut all: Vec<f64> = Vec::new();
    let mut cells = Vec::new();
    let mut movie = None;
    let mut traces = Traces::default();
    population.each_response(&stimuli, &Protocol::default(), on_model, |number, network, responses: Responses| {
        traces.add(&responses)?;
        let peaks = measure::peak_responses(&responses, &PeakOptions::default())?;
        all.extend_from_slice(peaks.values());
        cells = responses.cells().to_vec();
        if let Some((stimuli, shown)) = filmed.as_ref().filter(|_| number == 0) {
            movie = Some(self::movie(network, settings, stimuli, shown)?);
        }
        Ok(())
    })?;
    if cells.is_empty() {
        return Err(no_models());
    }
    let peaks = PerCondition::new(all, population.models().len(), stimuli.conditions().clone(), cells)?;
    let mut results = results(population, &peaks)?;
    results.clusters = traces.clusters(population, &results)?;
    record.result(&results.subtypes);
    write(population, settings, folder, &mut record, &results, &peaks, movie.as_ref())?;
    Ok(results)
}

fn results(population: &Population, peaks: &PerCondition) -> Result<EdgeResults, Error> {
    let dsi = measure::direction_selectivity_index(peaks, Averaging::OverWidthAndSpeed)?;
    let directions = measure::preferred_direction(peaks, Averaging::OverWidthAndSpeed)?;
    let by = |table: &PerCondition, scale: f64| -> Result<[Vec<Vec<f64>>; 2], Error> {
        let of = |intensity: f64| -> Result<Vec<Vec<f64>>, Error> {
            let table = table.select("intensity", intensity)?;
            Ok((0..table.models()).map(|m| table.row(m).iter().map(|x| x * scale).collect()).collect())
        };
        Ok([of(DARK_LIGHT[0])?, of(DARK_LIGHT[1])?])
    };
    let alone = [alone(peaks, DARK_LIGHT[0])?, alone(peaks, DARK_LIGHT[1])?];
    let (dsi_by, direction_by) = (by(&dsi, 1.0)?, by(&directions, 180.0 / std::f64::consts::PI)?);
    let mut subtypes = Vec::new();
    for (cell, name) in peaks.cells().iter().enumerate() {
        let (Some(known), Some(contrast)) = (known::preferred_direction(name), known::preferred_contrast(name)) else {
            continue;
        };
        let light = usize::from(contrast.intensity() > 0.5);
        let all: Vec<f64> = direction_by[light].iter().map(|row| row[cell]).collect();
        let selectivity: Vec<f64> = dsi_by[light].iter().map(|row| row[cell]).collect();
        let alone = alone[light].across_models(cell);
        // a cell that does not respond prefers no direction
        let near = |to: f64| {
            let apart = |d: f64| measure::angular_distance(d.to_radians(), to.to_radians()).to_degrees();
            let prefer = all.iter().zip(&selectivity).filter(|(d, dsi)| **dsi > 0.0 && apart(**d) <= 45.0);
            prefer.count() as f64 / all.len() as f64
        };
        subtypes.push(Subtype {
            name: name.clone(),
            known,
            first_direction: all[0],
            first_dsi: selectivity[0],
            first_dsi_alone: alone[0],
            median_dsi: measure::quantile(&selectivity, 0.5),
            median_dsi_alone: measure::quantile(&alone, 0.5),
            right: near(known),
            reversed: near(known + 180.0),
        });
    }
    Ok(EdgeResults {
        models: population.models().iter().map(Model::name).collect(),
        types: peaks.cells().to_vec(),
        dsi: dsi_by,
        direction: direction_by,
        subtypes,
        correlation: measure::dsi_correlation(&dsi)?,
        clusters: Vec::new(),
    })
}

/// Direction selectivity as if only edges of an intensity had been shown.
fn alone(peaks: &PerCondition, intensity: f64) -> Result<PerCell, Error> {
    let samples = peaks.conditions().samples_where("intensity", intensity)?;
    let column = |name: &'static str| -> Result<(&'static str, Vec<f64>), Error> {
        let all = peaks.conditions().column(name)?;
        Ok((name, samples.iter().map(|&sample| all[sample]).collect()))
    };
    let conditions = ["angle", "width", "intensity", "speed"].map(column).into_iter().collect::<Result<_, _>>()?;
    let values = (0..peaks.models()).flat_map(|model| samples.iter().flat_map(move |&s| peaks.row(model, s)));
    let conditions = Conditions::from_columns(conditions)?;
    let own = PerCondition::new(values.copied().collect(), peaks.models(), conditions, peaks.cells().to_vec())?;
    let dsi = measure::direction_selectivity_index(&own, Averaging::OverWidthAndSpeed)?;
    Ok(dsi.select("intensity", intensity)?)
}

/// What passes from left to right for the movie: the set, and its only sample.
fn passing(population: &Population, settings: &EdgeSettings) -> Result<(MovingBars, fly_vision::Movie), Error> {
    let bars = BarSettings {
        angles: vec![0.0],
        speeds: settings.speeds[..1].to_vec(),
        intensities: vec![1.0],
        t_pre: 0.05,
        t_post: 0.1,
        tail: Tail::Hold,
        widths: settings.stimuli(population).widths[..1].to_vec(),
        ..settings.stimuli(population)
    };
    let stimuli = MovingBars::new(bars)?;
    let shown = stimuli.movie(0)?;
    Ok((stimuli, shown))
}

/// All cells of some types meanwhile, in the model that the network holds.
fn movie(
    network: &Network,
    settings: &EdgeSettings,
    stimuli: &MovingBars,
    shown: &fly_vision::Movie,
) -> Result<Animation, Error> {
    let title = match settings.moving {
        Moving::Edges => "A bright edge moves to the right",
        Moving::Bars => "A bright bar moves to the right",
    };
    film(network, shown, stimuli.dt(), &stimuli.time(), 0.0, &settings.movie, title, 60)
}

/// A movie of luminance and of all cells of some types, as deviations from rest in grey, about `frames` frames of it. Grey fades into it
/// within `t_fade_in` seconds.
#[allow(clippy::too_many_arguments)] // called by two workflows, each with other values of all of them
pub(super) fn film(
    network: &Network,
    shown: &fly_vision::Movie,
    dt: f64,
    time: &[f64],
    t_fade_in: f64,
    types: &[String],
    title: &str,
    frames: usize,
) -> Result<Animation, Error> {
    let grey = network.steady_state(1.0, dt, 1, Grey::default())?;
    let stimulus = shown.to_tensor(Kind::Float)?.unsqueeze(0);
    let start = match t_fade_in > 0.0 {
        true => network.fade_in(t_fade_in, dt, &stimulus.select(1, 0), Start::State(&grey))?,
        false => grey.shallow_clone(),
    };
    let every = shown.frames().div_ceil(frames).max(1);
    let picked: Vec<usize> = (0..shown.frames()).step_by(every).collect();
    let times: Vec<f64> = picked.iter().map(|&frame| 1e3 * time[frame]).collect();
    let mut movie = HexMovie::new(title).times(&times, "ms").color_label("change of potential, of its largest");
    let light: Vec<f64> =
        picked.iter().flat_map(|&f| shown.frame(f).iter().map(|x| 2.0 * f64::from(*x) - 1.0)).collect();
    movie = movie.panel("light", shown.columns(), &light);
    // one run for all types, whose cells stand one after the other in each frame
    let cells = types.iter().map(|name| network.wiring().cells_of(name)).collect::<Result<Vec<_>, _>>()?;
    let all = cells.concat();
    let run = Run::new(dt).from(&start).record(Record::Cells(all.clone()));
    let activity = network.simulate(&stimulus, &run)?.activity;
    let (values, rest) = (as_slice::<f32>(&activity), as_slice::<f32>(&grey));
    let mut first = 0;
    for (name, cells) in types.iter().zip(&cells) {
        let change = |&frame: &usize| {
            let row = &values[frame * all.len() + first..][..cells.len()];
            row.iter().zip(cells).map(|(v, &cell)| f64::from(v - rest[cell as usize]))
        };
        let mut changes: Vec<f64> = picked.iter().flat_map(change).collect();
        let largest = changes.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        if largest > 0.0 {
            changes.iter_mut().for_each(|x| *x /= largest);
        }
        movie = movie.panel(name.as_str(), cells.len(), &changes);
        first += cells.len();
    }
    movie.colors(crate::figure::ColorScale::Diverging).color_range(-1.0, 1.0).build()
}

fn write(
    population: &Population,
    settings: &EdgeSettings,
    folder: &Path,
    record: &mut RunRecord,
    results: &EdgeResults,
    peaks: &PerCondition,
    movie: Option<&Animation>,
) -> Result<(), Error> {
    let mut rows = Vec::new();
    for (m, model) in results.models.iter().enumerate() {
        for (t, name) in results.types.iter().enumerate() {
            for (light, contrast) in ["dark", "light"].iter().enumerate() {
                let numbers = [results.dsi[light][m][t], results.direction[light][m][t]].map(|x| format!("{x:.6}"));
                rows.push([vec![model.clone(), name.clone(), (*contrast).to_owned()], numbers.to_vec()].concat());
            }
        }
    }
    write_csv(folder, "directions.csv", &["model", "type", "contrast", "dsi", "preferred_direction_degrees"], &rows)?;
    write_csv(
        folder,
        "peaks.csv",
        &["model", "type", "angle", "width", "intensity", "speed", "peak"],
        &peak_rows(results, peaks)?,
    )?;

    let what = match settings.moving {
        Moving::Edges => "edges",
        Moving::Bars => "bars",
    };
    let mut report = Report::new(format!("Moving {what}"))
        .text(format!(
            "{} models were shown {what} that move in {} directions at {:?} columns per second{}.",
            results.models.len(),
            settings.angles.len(),
            settings.speeds,
            silenced(population)
        ))
        .table(subtype_table(results))
        .text(
            "DSI, the direction selectivity index, is the length of the sum of responses as vectors in their directions, over the sum of \
             their lengths: for bright or dark edges, whichever cells respond to more, or of this contrast alone.",
        );
    if let Some(movie) = movie {
        movie.save(folder.join("movie"))?;
        let caption = format!(
            "Model {}: light, and cells' changes of potential as parts of each type's largest.",
            results.models[0]
        );
        report = report.movie(caption, movie);
    }
    if !results.clusters.is_empty() {
        report = report.table(clusters::table(population, &results.clusters));
    }
    report
        .saved_figure(
            "Peak responses over direction, of the largest; each type with edges of the contrast that it prefers. Arrows: vector sums.",
            &polar(results, peaks)?,
            folder,
            "tuning",
        )?
        .saved_figure("Each point is a model.", &strip(results)?, folder, "dsi")?
        .of_run(&super::panel::settings_text(population, settings)?, record)
        .write(folder)?;
    record.write(folder)
}

fn peak_rows(results: &EdgeResults, peaks: &PerCondition) -> Result<Vec<Vec<String>>, Error> {
    let columns =
        ["angle", "width", "intensity", "speed"].map(|name| peaks.conditions().column(name).map(<[f64]>::to_vec));
    let mut all = Vec::with_capacity(4);
    for column in columns {
        all.push(column?);
    }
    let mut rows = Vec::new();
    for (m, model) in results.models.iter().enumerate() {
        for sample in 0..peaks.conditions().len() {
            for (cell, name) in results.types.iter().enumerate() {
                let mut row = vec![model.clone(), name.clone()];
                row.extend(all.iter().map(|column| column[sample].to_string()));
                row.push(format!("{:.6}", peaks.value(m, sample, cell)));
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

fn subtype_table(results: &EdgeResults) -> Table {
    let columns = [
        "type",
        "known direction",
        "first model: direction",
        "first model: DSI",
        "of this contrast alone",
        "median DSI",
        "of this contrast alone",
        "models within 45° of the known (%)",
        "reversed (%)",
    ];
    let degrees = |x: f64| format!("{x:.0}°");
    results.subtypes.iter().fold(Table::new("T4 by bright, T5 by dark", &columns), |table, s| {
        table.row(&[
            s.name.clone(),
            degrees(s.known),
            degrees(s.first_direction),
            format!("{:.2}", s.first_dsi),
            format!("{:.2}", s.first_dsi_alone),
            format!("{:.2}", s.median_dsi),
            format!("{:.2}", s.median_dsi_alone),
            format!("{:.0}", 100.0 * s.right),
            format!("{:.0}", 100.0 * s.reversed),
        ])
    })
}

/// Tuning curves of T4 and T5: the first model, and the mean over models, each divided by its largest.
fn polar(results: &EdgeResults, peaks: &PerCondition) -> Result<Figure, Error> {
    let (angles, intensities) = (peaks.conditions().column("angle")?, peaks.conditions().column("intensity")?);
    let distinct = peaks.conditions().distinct("angle")?;
    let mut figure = Polar::new("Tuning of T4 and T5").radius("peak response, of the largest").share(Share::Both);
    for subtype in &results.subtypes {
        let cell = peaks.cell(&subtype.name)?;
        let intensity = known::preferred_contrast(&subtype.name).map_or(1.0, known::Contrast::intensity);
        let curve = |model: usize| -> Vec<f64> {
            let at = |angle: &f64| {
                let of = (0..angles.len()).filter(|&s| angles[s] == *angle && intensities[s] == intensity);
                let all: Vec<f64> = of.map(|s| peaks.value(model, s, cell)).collect();
                all.iter().sum::<f64>() / all.len() as f64
            };
            let curve: Vec<f64> = distinct.iter().map(at).collect();
            let largest = curve.iter().fold(0.0f64, |m, x| m.max(*x));
            curve.iter().map(|x| if largest > 0.0 { x / largest } else { 0.0 }).collect()
        };
        figure =
            figure.panel(subtype.name.as_str()).series(format!("model {}", results.models[0]), &distinct, &curve(0));
        if results.models.len() > 1 {
            let all: Vec<Vec<f64>> = (0..results.models.len()).map(curve).collect();
            let mean: Vec<f64> =
                (0..distinct.len()).map(|i| all.iter().map(|c| c[i]).sum::<f64>() / all.len() as f64).collect();
            figure = figure.series("mean of all models", &distinct, &mean);
        }
    }
    figure.preferred(PreferredDirections::Arrows).per_row(4).build()
}

fn strip(results: &EdgeResults) -> Result<Figure, Error> {
    let of = |light: usize| -> Vec<Vec<f64>> {
        (0..results.types.len()).map(|t| results.dsi[light].iter().map(|row| row[t]).collect()).collect()
    };
    let here = |list: &[&str]| -> Vec<String> {
        results.types.iter().filter(|name| list.contains(&name.as_str())).cloned().collect()
    };
    Strip::new("Direction selectivity")
        .y(Axis::linear("direction selectivity index").range(0.0, 1.0))
        .names(&results.types)
        .series("light", &of(1))
        .series("dark", &of(0))
        .mark(Mark::Horizontal(0.0), "")
        .highlight("known to be selective", &here(&known::MOTION_TYPES))
        .highlight("known not to be", &here(&known::NOT_MOTION_TYPES))
        .build()
}
