//! `flybrain vision predict`.

use std::fmt::Write as _;

use clap::Args;
use flybrain::vision::{PredictSettings, predict};

use super::{Shown, telling, where_to_look};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// What models agree on about cell types whose tuning is not known; take several, such as --models 0-9
#[derive(Debug, Args)]
pub(crate) struct Predict {
    #[command(flatten)]
    shown: Shown,
    /// Speed of edges, columns per second
    #[arg(long, default_value_t = 19.0)]
    speed: f64,
    /// Radius of flashes in columns; -1 is the whole eye
    #[arg(long, default_value_t = 6, allow_negative_numbers = true)]
    radius: i32,
    /// Length of a frame, seconds
    #[arg(long, default_value_t = 0.005)]
    dt: f64,
    /// Fraction of models that must agree
    #[arg(long, default_value_t = 0.75)]
    agreement: f64,
}

impl Predict {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let settings =
            PredictSettings { speed: self.speed, radius: self.radius, dt: self.dt, agreement: self.agreement };
        let (population, folder) = (self.shown.population()?, self.shown.folder("predict"));
        let count = terminal.count("models");
        let found = predict(&population, &settings, &folder, &mut telling(&count, &population))?;
        drop(count);
        terminal.result(&found, || {
            let mut text = String::from("type       contrast  selective  direction\n");
            for p in found.types.iter().filter(|p| p.contrast.is_some() || p.motion.is_some()) {
                let motion = p.motion.map_or("", |yes| if yes { "yes" } else { "no" });
                let direction = match p.motion {
                    Some(true) => format!("{:.0}", p.direction),
                    _ => String::new(),
                };
                let line = format!("{:<10} {:<9} {motion:<10} {direction}", p.cell_type, p.contrast.unwrap_or(""));
                let _ = writeln!(text, "{}", line.trim_end());
            }
            text + &where_to_look(&folder)
        })
    }
}
