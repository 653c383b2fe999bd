//! `flybrain vision respond`.

use std::path::PathBuf;

use clap::Args;
use flybrain::vision::{Film, RespondSettings, respond};

use super::{Shown, telling, where_to_look};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Responses to a film of yours
#[derive(Debug, Args)]
pub(crate) struct Respond {
    /// The film: .npy or .npy.gz [frames, height, width], bytes or 0 to 1; or a folder of PNG images
    film: PathBuf,
    /// Its frames per second
    #[arg(long, default_value_t = 24.0)]
    rate: f64,
    /// Length of a frame of the simulation, seconds
    #[arg(long, default_value_t = 0.01)]
    dt: f64,
    /// Side of a receptor in pixels; a whole eye is 391 pixels wide at 13, smaller films are stretched
    #[arg(long, default_value_t = 13)]
    kernel: usize,
    /// Types whose activity is shown as a movie [default: twelve, from R1 to T5b]
    #[arg(long, value_name = "TYPE,..", value_delimiter = ',')]
    movie: Option<Vec<String>>,
    #[command(flatten)]
    shown: Shown,
}

impl Respond {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let film = if self.film.is_dir() { Film::Images(self.film.clone()) } else { Film::Array(self.film.clone()) };
        let defaults = RespondSettings::new(film, self.rate);
        let settings = RespondSettings {
            dt: self.dt,
            kernel: self.kernel,
            movie: self.movie.clone().unwrap_or_else(|| defaults.movie.clone()),
            ..defaults
        };
        let (population, folder) = (self.shown.population()?, self.shown.folder("respond"));
        let count = terminal.count("models");
        let results = respond(&population, &settings, &folder, &mut telling(&count, &population))?;
        drop(count);
        terminal.result(&results, || {
            format!("{} frames to {} models\n{}", results.frames, results.models.len(), where_to_look(&folder))
        })
    }
}
