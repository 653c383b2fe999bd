//! `flybrain vision flash`.

use std::fmt::Write as _;

use clap::Args;
use flybrain::vision::{FlashSettings, flash};

use super::{Shown, telling, where_to_look};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Flashes of light and dark: which cells prefer which
#[derive(Debug, Args)]
pub(crate) struct Flash {
    #[command(flatten)]
    shown: Shown,
    /// Radius of the disc in columns; -1 is the whole eye
    #[arg(long, default_value_t = 6, allow_negative_numbers = true)]
    radius: i32,
    /// Duration of the flash, seconds
    #[arg(long, default_value_t = 1.0)]
    t_stim: f64,
    /// Grey before and after, seconds
    #[arg(long, default_value_t = 1.0)]
    t_pre: f64,
    /// Length of a frame, seconds
    #[arg(long, default_value_t = 0.005)]
    dt: f64,
}

impl Flash {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let settings = FlashSettings { radius: self.radius, t_stim: self.t_stim, t_pre: self.t_pre, dt: self.dt };
        let (population, folder) = (self.shown.population()?, self.shown.folder("flash"));
        let count = terminal.count("models");
        let results = flash(&population, &settings, &folder, &mut telling(&count, &population))?;
        drop(count);
        terminal.result(&results, || {
            let mut text = format!(
                "contrast right in {:.0} % of the known types (median of {} models)\n",
                100.0 * results.agreement_of_median,
                results.models.len()
            );
            if !results.wrong.is_empty() {
                let _ = writeln!(text, "wrong: {}", results.wrong.join(", "));
            }
            text + &where_to_look(&folder)
        })
    }
}
