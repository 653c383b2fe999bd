//! `flybrain vision explore`.

use std::fmt::Write as _;

use clap::Args;
use flybrain::vision::explore;

use super::{Shown, where_to_look};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// The wiring, the partners of a cell type, and the parameters of models
#[derive(Debug, Args)]
pub(crate) struct Explore {
    /// The cell type whose partners are shown
    #[arg(default_value = "T4c")]
    cell_type: String,
    #[command(flatten)]
    shown: Shown,
}

impl Explore {
    pub(super) fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        let (population, folder) = (self.shown.population()?, self.shown.folder("explore"));
        let results = explore(&population, &self.cell_type, &folder)?;
        terminal.result(&results, || {
            let mut text = format!(
                "{} cells, {} edges, {} pairs of types\n\ninputs of {}\n",
                results.cells, results.edges, results.pairs, self.cell_type
            );
            for (name, synapses) in &results.inputs {
                let _ = writeln!(text, "  {name:<10} {synapses:>8.1} synapses");
            }
            text + &where_to_look(&folder)
        })
    }
}
