//! Responses to films.

use std::path::{Path, PathBuf};

use connectome_graph::hex::Extent;
use fly_vision::network::Protocol;
use fly_vision::stimulus::{NaturalMovies, NaturalSettings, Stimuli, Video, Views};
use serde::Serialize;
use serde_json::json;

use super::CsvFile;
use super::edges::film;
use super::flash::{no_models, silenced};
use super::panel::{settings_text, traces};
use super::population::{Model, Population};
use crate::report::{Report, RunRecord};
use crate::{Error, input_file};

/// Where a film is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Film {
    /// An array `[frames, height, width]`, `.npy` or `.npy.gz`: bytes, or floats between 0 and 1.
    Array(PathBuf),
    /// A folder of PNG images, in the order of their names.
    Images(PathBuf),
}

/// Settings of [`respond`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RespondSettings {
    /// The film.
    pub film: Film,
    /// Its frames per second.
    pub rate: f64,
    /// Length of a frame of the simulation, seconds. Default: 1/100.
    pub dt: f64,
    /// Side of a receptor in pixels. Default: 13, of which 391 by 391 pixels are a whole eye; smaller films are stretched.
    pub kernel: usize,
    /// Seconds in which grey fades into the first frame. Default: 1.
    pub t_fade_in: f64,
    /// Types that are shown as a movie. Default: [`SHOWN`](super::SHOWN).
    pub movie: Vec<String>,
}

impl RespondSettings {
    /// Defaults for a film.
    pub fn new(film: Film, rate: f64) -> Self {
        Self { film, rate, dt: 0.01, kernel: 13, t_fade_in: 1.0, movie: super::SHOWN.map(str::to_owned).to_vec() }
    }
}

/// What [`respond`] found.
#[derive(Debug, Clone, Serialize)]
pub struct RespondResults {
    /// Names of the models.
    pub models: Vec<String>,
    /// Cell types.
    pub types: Vec<String>,
    /// Frames of the simulation.
    pub frames: usize,
    /// Root mean square of the central cell's change of potential, by model and type.
    pub activity: Vec<Vec<f64>>,
}

/// Shows a film to models, and writes what came of it into a folder.
///
/// # Errors
/// [`Error::Vision`] for films and models that cannot be read; [`Error::Write`].
pub fn respond(
    population: &Population,
    settings: &RespondSettings,
    folder: &Path,
    on_model: &mut dyn FnMut(usize, &Model),
) -> Result<RespondResults, Error> {
    let mut record = RunRecord::start();
    population.check_types(&settings.movie)?;
    let video = match &settings.film {
        Film::Array(path) => Video::from_npy(path, settings.rate)?,
        Film::Images(path) => Video::from_png_folder(path, settings.rate)?,
    };
    let Extent(extent) = population.lattice();
    let natural =
        NaturalSettings { extent: Extent(extent), kernel: settings.kernel, views: Views::Whole, dt: settings.dt };
    population.note(&mut record)?;
    let frames = video.frames();
    let stimuli = NaturalMovies::new(vec![video], natural)?;
    match &settings.film {
        Film::Array(path) => record.input(input_file(path)?),
        Film::Images(path) => {
            let hash = &stimuli.configuration()["sha256"][0];
            record.input(json!({ "name": path, "images": frames, "sha256_of_luminance": hash }));
        }
    }
    let shown = stimuli.movie(0)?;
    let protocol = Protocol { t_fade_in: settings.t_fade_in, ..Protocol::default() };
    let (mut activity, mut types, mut movie, mut first) = (Vec::new(), Vec::new(), None, None);
    let mut table = CsvFile::create(folder, "responses.csv", &["model", "type", "time_s", "potential"])?;
    population.each_response(&stimuli, &protocol, on_model, |number, network, responses| {
        let model = population.models()[number].name();
        types = responses.cells().to_vec();
        let mut own = Vec::with_capacity(types.len());
        for (cell, name) in types.iter().enumerate() {
            let trace: Vec<f64> = responses.trace(0, 0, cell).collect();
            let mean = trace.iter().sum::<f64>() / trace.len() as f64;
            own.push((trace.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / trace.len() as f64).sqrt());
            for (t, v) in responses.time().iter().zip(&trace) {
                table.row(&[&model, name, &format!("{t:.4}"), &format!("{v:.6}")])?;
            }
        }
        activity.push(own);
        if number == 0 {
            if !settings.movie.is_empty() {
                let title = "A film, and the cells that see it";
                let fade = settings.t_fade_in;
                movie = Some(film(network, &shown, stimuli.dt(), &stimuli.time(), fade, &settings.movie, title, 80)?);
            }
            first = Some(responses);
        }
        Ok(())
    })?;
    let Some(first) = first else { return Err(no_models()) };
    let results = RespondResults {
        models: population.models().iter().map(Model::name).collect(),
        frames: stimuli.frames(),
        types,
        activity,
    };
    record.result(&results);
    table.finish()?;
    let shown_types: Vec<&str> = settings.movie.iter().map(String::as_str).collect();
    let mut report = Report::new("Responses to a film").text(format!(
        "{} models were shown {} frames of {} s{}.",
        results.models.len(),
        results.frames,
        settings.dt,
        silenced(population)
    ));
    if let Some(movie) = &movie {
        movie.save(folder.join("movie"))?;
        let caption = format!(
            "Model {}: light, and cells' changes of potential as parts of each type's largest.",
            results.models[0]
        );
        report = report.movie(caption, movie);
    }
    if !shown_types.is_empty() {
        let figure = traces("Central cells", &first, &shown_types, &[0], &|_| String::new(), None)?;
        report =
            report.saved_figure(&format!("Potentials in model {}.", results.models[0]), &figure, folder, "traces")?;
    }
    report.of_run(&settings_text(population, settings)?, &record).write(folder)?;
    record.write(folder)?;
    Ok(results)
}
