//! `flybrain areas inspect`.

use std::path::PathBuf;

use clap::Args;
use connectome_io::format::area_table::AreaTable;
use flybrain::areas::{AreaSummary, Inspection, graph_picture, inspect};

use super::Settings;
use crate::failure::Failure;
use crate::terminal::{Terminal, aligned};

/// Areas, edges, parameters and timing of a table of areas, and what looks wrong with it
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    settings: Settings,
    /// Draw the areas and their edges into PATH.svg and PATH.png
    #[arg(long, value_name = "PATH")]
    picture: Option<PathBuf>,
}

impl Inspect {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let config = self.settings.read()?;
        config.check()?;
        let table = AreaTable::read(&config.graph_loc)?;
        let found = inspect(&config, &table)?;
        terminal.result(&found, || text(&found))?;
        if let Some(path) = &self.picture {
            let [svg, png] = graph_picture(&config, &table)?.save(path)?;
            terminal.remark(&format!("drawn: {}, {}", svg.display(), png.display()));
        }
        Ok(())
    }
}

fn text(found: &Inspection) -> String {
    let edges = |list: &[[String; 2]], arrow: &str| {
        let list: Vec<String> = list.iter().map(|[from, to]| format!("{from} {arrow} {to}")).collect();
        if list.is_empty() { "none".to_owned() } else { list.join(", ") }
    };
    let mut lines: Vec<(String, String)> = found.areas.iter().map(|area| (area.name.clone(), line(area))).collect();
    lines.push(("feedforward".into(), edges(&found.feedforward, "->")));
    lines.push(("feedback".into(), edges(&found.feedback, "-.>")));
    let [network, readout] = [found.parameters, found.readout_parameters];
    lines.push(("parameters".into(), format!("{network} in the network, {readout} in the readout")));
    let sufficient = match found.sufficient_steps {
        Some(steps) => format!("{steps} are enough"),
        None => "areas form a cycle, so that no number is enough".to_owned(),
    };
    lines.push(("steps".into(), format!("{}; {sufficient}", found.steps)));
    let remarks: String = found.remarks.iter().map(|remark| format!("note: {remark}\n")).collect();
    format!("{}{remarks}", aligned(&lines))
}

fn line(area: &AreaSummary) -> String {
    let AreaSummary { state: [c, h, w], kernel: [kh, kw], basal_apical: [basal, apical], .. } = area;
    let first = area.first_update.map_or("never updated".to_owned(), |step| format!("first updated in step {step}"));
    let role = match (area.is_input, area.is_output) {
        (true, true) => ", input and output",
        (true, false) => ", input",
        (false, true) => ", output",
        (false, false) => "",
    };
    format!("{c} x {h} x {w}, kernel {kh} x {kw}, basal {basal}, apical {apical}; level {}, {first}{role}", area.level)
}
