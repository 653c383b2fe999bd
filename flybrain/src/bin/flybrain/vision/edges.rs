//! `flybrain vision edges` and `flybrain vision bars`.

use std::fmt::Write as _;

use clap::Args;
use flybrain::vision::{EdgeResults, EdgeSettings, Moving, edges};

use super::{Shown, telling, where_to_look};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Moving edges: which cells are selective for direction, and for which
#[derive(Debug, Args)]
pub(crate) struct Edges {
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    moving: MovingOptions,
}

/// Moving bars: which cells are selective for direction, and for which
#[derive(Debug, Args)]
pub(crate) struct Bars {
    #[command(flatten)]
    shown: Shown,
    /// Widths in LEDs of 2.25 degrees
    #[arg(long, value_delimiter = ',', default_values_t = [1.0, 2.0, 4.0])]
    widths: Vec<f64>,
    #[command(flatten)]
    moving: MovingOptions,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Stimuli")]
struct MovingOptions {
    /// Directions in degrees, counter-clockwise from rightwards, equally spaced over the circle [default: 0, 30, ... 330]
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    angles: Option<Vec<f64>>,
    /// Speeds in columns of 5.8 degrees per second
    #[arg(long, value_delimiter = ',', default_values_t = [19.0])]
    speeds: Vec<f64>,
    /// Height across the direction of motion, in LEDs of 2.25 degrees [default: the whole eye for edges, 9 for bars]
    #[arg(long)]
    height: Option<f64>,
    /// Time before and after the motion, seconds
    #[arg(long, default_value_t = 1.0)]
    t_pre: f64,
    /// Length of a frame, seconds
    #[arg(long, default_value_t = 0.005)]
    dt: f64,
    /// Types whose activity is shown as a movie [default: twelve, from R1 to T5b]
    #[arg(long, value_name = "TYPE,..", value_delimiter = ',')]
    movie: Option<Vec<String>>,
}

impl Edges {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        run(&self.shown, &self.moving, EdgeSettings::new(Moving::Edges), "edges", terminal)
    }
}

impl Bars {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let settings = EdgeSettings { widths: self.widths.clone(), ..EdgeSettings::new(Moving::Bars) };
        run(&self.shown, &self.moving, settings, "bars", terminal)
    }
}

fn run(
    shown: &Shown,
    options: &MovingOptions,
    defaults: EdgeSettings,
    command: &str,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let settings = EdgeSettings {
        angles: options.angles.clone().unwrap_or(defaults.angles),
        speeds: options.speeds.clone(),
        height: options.height.or(defaults.height),
        t_pre: options.t_pre,
        dt: options.dt,
        movie: options.movie.clone().unwrap_or(defaults.movie),
        ..defaults
    };
    let (population, folder) = (shown.population()?, shown.folder(command));
    let count = terminal.count("models");
    let results = edges(&population, &settings, &folder, &mut telling(&count, &population))?;
    drop(count);
    terminal.result(&results, || table(&results) + &where_to_look(&folder))
}

fn table(results: &EdgeResults) -> String {
    let n = results.models.len();
    let mut text = format!(
        "T4 and bright edges, T5 and dark ones; 0° is to the right, 90° upwards. DSI: direction selectivity index, 0 to 1.\n\n\
         {:12} model {}                {}\n\
         type  known  direction   DSI  alone  {:>10}  alone  as known  reversed\n",
        "",
        results.models[0],
        if n == 1 { String::new() } else { format!("{n} models") },
        if n == 1 { "DSI" } else { "median DSI" },
    );
    for s in &results.subtypes {
        let _ = writeln!(
            text,
            "{:<5} {:>4.0}°  {:>8.0}°  {:.2}   {:.2}  {:>10.2}   {:.2}  {:>6.0} %  {:>6.0} %",
            s.name,
            s.known,
            s.first_direction.rem_euclid(360.0),
            s.first_dsi,
            s.first_dsi_alone,
            s.median_dsi,
            s.median_dsi_alone,
            100.0 * s.right,
            100.0 * s.reversed
        );
    }
    text + "\nalone: relative to responses to edges of this contrast only; as known: within 45°\n"
}
