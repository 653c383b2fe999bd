//! `flybrain vision`: the fly visual system.

mod edges;
mod explore;
mod fields;
mod flash;
mod predict;
mod respond;
mod train;

use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) use train::listed;

use clap::{Args, Subcommand};
use connectome_graph::hex::Fill;
use flybrain::vision::{Model, Population};

use crate::failure::Failure;
use crate::terminal::{Count, Terminal};
use crate::threads::threads;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Flash(flash::Flash),
    Edges(edges::Edges),
    Bars(edges::Bars),
    Respond(respond::Respond),
    ReceptiveFields(fields::ReceptiveFields),
    Explore(explore::Explore),
    Predict(predict::Predict),
    Train(train::Train),
    Validate(train::Validate),
    Record(train::RecordResponses),
    Compare(train::Compare),
}

impl Command {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        match self {
            Self::Flash(flash) => flash.run(terminal),
            Self::Edges(edges) => edges.run(terminal),
            Self::Bars(bars) => bars.run(terminal),
            Self::Respond(respond) => respond.run(terminal),
            Self::ReceptiveFields(fields) => fields.run(terminal),
            Self::Explore(explore) => explore.run(terminal),
            Self::Predict(predict) => predict.run(terminal),
            Self::Train(train) => return train.run(terminal),
            Self::Validate(validate) => validate.run(terminal),
            Self::Record(record) => record.run(terminal),
            Self::Compare(compare) => compare.run(terminal),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Which models, and where results go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Models")]
struct Shown {
    /// Published models by number and range (0,3,10-19), `all` 50, or files: .safetensors, or .pt of flyvis
    #[arg(long, value_name = "LIST", default_value = "0")]
    models: Population,
    /// Cell types that are silenced: their potential is held at 0
    #[arg(long, value_name = "TYPE,..", value_delimiter = ',')]
    silence: Vec<String>,
    /// Gaps within receptive fields are not filled: the wiring that models from scratch are trained on
    #[arg(long)]
    unfilled: bool,
    /// Radius of the eye in columns; 15 are all 721
    #[arg(long, default_value_t = 15)]
    extent: u32,
    /// Threads [default: all cores]; results do not depend on it
    #[arg(long, value_parser = threads())]
    threads: Option<usize>,
    /// Folder for report.html, figures, tables [default: vision-COMMAND]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Shown {
    fn population(&self) -> Result<Population, Failure> {
        if let Some(threads) = self.threads {
            tch_sparse::set_threads(threads).map_err(fly_vision::Error::from).map_err(flybrain::Error::from)?;
        }
        let fill = if self.unfilled { Fill::None } else { Fill::default() };
        Ok(self.models.clone().extent(self.extent).silence(&self.silence).fill(fill))
    }

    fn folder(&self, command: &str) -> PathBuf {
        self.out.clone().unwrap_or_else(|| format!("vision-{command}").into())
    }
}

/// Tells which model is shown something.
fn telling<'a>(count: &'a Count, population: &Population) -> impl FnMut(usize, &Model) + use<'a> {
    let all = population.models().len();
    move |number, _| count.tell(number + 1, all)
}

/// The last line of a command.
fn where_to_look(folder: &std::path::Path) -> String {
    format!("{}\n", folder.join("report.html").display())
}
