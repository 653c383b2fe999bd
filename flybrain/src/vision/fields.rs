//! Receptive fields in space and time, from responses to impulses at single columns.

use std::path::Path;

use connectome_graph::hex::Extent;
use fly_vision::measure::{Baseline, RadialProfile, Responses, SpatioTemporalField};
use fly_vision::network::{Protocol, Record};
use fly_vision::stimulus::{DotSettings, ImpulseSettings, Impulses};
use serde::Serialize;

use super::flash::{no_models, silenced};
use super::panel::settings_text;
use super::population::{Model, Population};
use super::write_csv;
use crate::Error;
use crate::figure::{ColorScale, Hexagons, Lines, Share};
use crate::report::{Report, RunRecord, Table};

/// Settings of [`receptive_fields`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldSettings {
    /// Types whose fields are measured. Default: [`SHOWN`](super::SHOWN).
    pub types: Vec<String>,
    /// Radius around the middle in which impulses are shown, columns. Default: 4.
    pub radius: u32,
    /// Duration of an impulse, seconds. Default: 0.02.
    pub t_impulse: f64,
    /// Time after its onset that is recorded, seconds. Default: 0.5.
    pub t_stim: f64,
    /// Length of a frame, seconds. Default: 1/200.
    pub dt: f64,
}

impl Default for FieldSettings {
    fn default() -> Self {
        Self {
            types: super::SHOWN.map(str::to_owned).to_vec(),
            radius: 4,
            t_impulse: 0.02,
            t_stim: 0.5,
            dt: 1.0 / 200.0,
        }
    }
}

/// The field of a type in a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldSummary {
    /// The model.
    pub model: String,
    /// The type.
    pub cell_type: String,
    /// Response where and when it is largest in size.
    pub peak: f64,
    /// Its time after the onset, seconds.
    pub time_to_peak: f64,
    /// Its column.
    pub column: [i32; 2],
    /// Size of the opposite phase over that of the peak.
    pub biphasic: f64,
    /// Radius at which the mean response falls to half of that of the centre, columns; none if it does not within the field.
    pub centre_radius: Option<f64>,
    /// Strength of the surround of opposite sign over that of the centre.
    pub surround: f64,
}

/// What [`receptive_fields`] found.
#[derive(Debug, Clone, Serialize)]
pub struct FieldResults {
    /// One for each model and type that responds.
    pub fields: Vec<FieldSummary>,
}

/// Shows impulses of light to models, column by column, and writes receptive fields into a folder.
///
/// # Errors
/// [`Error::Vision`] for settings that make no sense, models that cannot be read, types that are not there; [`Error::Setting`] if none of
/// them responds; [`Error::Write`].
pub fn receptive_fields(
    population: &Population,
    settings: &FieldSettings,
    folder: &Path,
    on_model: &mut dyn FnMut(usize, &Model),
) -> Result<FieldResults, Error> {
    let mut record = RunRecord::start();
    let stimuli = Impulses::new(ImpulseSettings {
        durations: vec![settings.t_impulse],
        dots: DotSettings {
            extent: population.lattice(),
            max_extent: Extent(settings.radius),
            t_stim: settings.t_stim,
            t_pre: 0.1,
            dt: settings.dt,
            ..DotSettings::default()
        },
    })?;
    let wiring = population.wiring()?;
    let central = wiring.central_cells();
    let cells: Vec<u32> = settings
        .types
        .iter()
        .map(|name| Ok(central[wiring.type_index(name)? as usize]))
        .collect::<Result<_, Error>>()?;
    population.note(&mut record)?;
    let protocol = Protocol { t_pre: 2.0, record: Record::Cells(cells), ..Protocol::default() };
    let mut fields = Vec::new();
    let mut first: Vec<(String, SpatioTemporalField)> = Vec::new();
    population.each_response(&stimuli, &protocol, on_model, |number, _, responses: Responses| {
        for name in &settings.types {
            let field = SpatioTemporalField::of_cell(&responses, 0, name, &[("intensity", 1.0)], Baseline::LastBefore)?;
            fields.extend(summary(population.models()[number].name(), name, &field));
            if number == 0 {
                first.push((name.clone(), field));
            }
        }
        Ok(())
    })?;
    if first.is_empty() {
        return Err(no_models());
    }
    if first.iter().all(|(_, field)| field.peak().is_none()) {
        let model = population.models()[0].name();
        let problem = format!("no {} responds in model {model}; name others", settings.types.join(", "));
        return Err(Error::Setting { key: "types", problem });
    }
    let results = FieldResults { fields };
    record.result(&results);
    write(population, settings, folder, &record, &results, &first)?;
    Ok(results)
}

fn summary(model: String, name: &str, field: &SpatioTemporalField) -> Option<FieldSummary> {
    let peak = field.peak()?;
    let profile = field.profile();
    Some(FieldSummary {
        model,
        cell_type: name.to_owned(),
        peak: peak.value,
        time_to_peak: peak.time,
        column: [peak.column.u, peak.column.v],
        biphasic: field.biphasic_index().unwrap_or(0.0),
        centre_radius: profile.as_ref().and_then(RadialProfile::centre_radius),
        surround: profile.as_ref().map_or(0.0, RadialProfile::surround_strength),
    })
}

fn write(
    population: &Population,
    settings: &FieldSettings,
    folder: &Path,
    record: &RunRecord,
    results: &FieldResults,
    first: &[(String, SpatioTemporalField)],
) -> Result<(), Error> {
    let mut rows = Vec::new();
    let head = ["model", "type", "peak", "time_to_peak_s", "u", "v", "biphasic", "centre_radius_columns", "surround"];
    let columns = ["model", "type", "peak", "time to peak (ms)", "biphasic", "centre radius (columns)", "surround"];
    let mut table = Table::new("Receptive fields", &columns);
    for f in &results.fields {
        let radius = f.centre_radius.map_or(String::new(), |r| format!("{r:.2}"));
        rows.push(vec![
            f.model.clone(),
            f.cell_type.clone(),
            format!("{:.6}", f.peak),
            format!("{:.4}", f.time_to_peak),
            f.column[0].to_string(),
            f.column[1].to_string(),
            format!("{:.4}", f.biphasic),
            radius.clone(),
            format!("{:.4}", f.surround),
        ]);
        table = table.row(&[
            f.model.clone(),
            f.cell_type.clone(),
            format!("{:.3}", f.peak),
            format!("{:.0}", 1e3 * f.time_to_peak),
            format!("{:.2}", f.biphasic),
            radius,
            format!("{:.2}", f.surround),
        ]);
    }
    write_csv(folder, "fields.csv", &head, &rows)?;

    let mut maps =
        Hexagons::new("Receptive fields when they are strongest").colors(ColorScale::Diverging).color_range(-1.0, 1.0);
    let mut traces = Lines::new("Responses to an impulse where they are strongest")
        .x("time (ms)")
        .y("response, of the largest")
        .share(Share::Both);
    for (name, field) in first {
        let Some(peak) = field.peak() else { continue };
        let (u, v): (Vec<i32>, Vec<i32>) = field.columns().iter().map(|c| (c.u, c.v)).unzip();
        let scaled = |x: &f64| x / peak.value.abs();
        let map: Vec<f64> = field.spatial(peak.frame).iter().map(scaled).collect();
        maps = maps.lattice(name.as_str(), &u, &v, &map);
        let time: Vec<f64> = field.time().iter().map(|t| 1e3 * t).collect();
        let trace: Vec<f64> = field.temporal(peak.index).iter().map(scaled).collect();
        traces = traces.panel(name.as_str()).series("", &time, &trace);
    }
    let model = &population.models()[0].name();
    Report::new("Receptive fields")
        .text(format!(
            "{} models were shown impulses of {} s of light on grey, at each column within {} columns of the middle{}.",
            population.models().len(),
            settings.t_impulse,
            settings.radius,
            silenced(population)
        ))
        .saved_figure(
            &format!("Model {model}: response of the central cell to light at each column, of the largest, when it is largest."),
            &maps.color_label("response, of the largest").build()?,
            folder,
            "maps",
        )?
        .saved_figure(&format!("Model {model}."), &traces.build()?, folder, "traces")?
        .table(table)
        .of_run(&settings_text(population, settings)?, record)
        .write(folder)?;
    record.write(folder)
}
