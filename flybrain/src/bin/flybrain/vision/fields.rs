//! `flybrain vision receptive-fields`.

use std::fmt::Write as _;

use clap::Args;
use flybrain::vision::{FieldSettings, receptive_fields};

use super::{Shown, telling, where_to_look};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Receptive fields in space and time, from impulses of light at single columns
#[derive(Debug, Args)]
pub(crate) struct ReceptiveFields {
    #[command(flatten)]
    shown: Shown,
    /// Cell types [default: twelve, from R1 to T5b]
    #[arg(long, value_name = "TYPE,..", value_delimiter = ',')]
    types: Option<Vec<String>>,
    /// Radius around the middle within which impulses are shown, columns
    #[arg(long, default_value_t = 4)]
    radius: u32,
    /// Duration of an impulse, seconds
    #[arg(long, default_value_t = 0.02)]
    t_impulse: f64,
    /// Time from the impulse that is recorded, seconds
    #[arg(long, default_value_t = 0.5)]
    t_stim: f64,
    /// Length of a frame, seconds
    #[arg(long, default_value_t = 0.005)]
    dt: f64,
}

impl ReceptiveFields {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let settings = FieldSettings {
            types: self.types.clone().unwrap_or_else(|| FieldSettings::default().types),
            radius: self.radius,
            t_impulse: self.t_impulse,
            t_stim: self.t_stim,
            dt: self.dt,
        };
        let (population, folder) = (self.shown.population()?, self.shown.folder("receptive-fields"));
        let count = terminal.count("models");
        let results = receptive_fields(&population, &settings, &folder, &mut telling(&count, &population))?;
        drop(count);
        terminal.result(&results, || {
            let mut text = String::from("model  type       peak  time to peak  biphasic  surround\n");
            for f in &results.fields {
                let _ = writeln!(
                    text,
                    "{:<5}  {:<8} {:>6.3}  {:>9.0} ms  {:>8.2}  {:>8.2}",
                    f.model,
                    f.cell_type,
                    f.peak,
                    1e3 * f.time_to_peak,
                    f.biphasic,
                    f.surround
                );
            }
            text + &where_to_look(&folder)
        })
    }
}
