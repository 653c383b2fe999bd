//! `flybrain areas`: networks of brain areas with top-down feedback.

mod eval;
mod init;
mod inspect;
mod scenarios;
mod train;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use flybrain::areas::{Config, Nodes};

use crate::failure::Failure;
use crate::terminal::Terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Init),
    Inspect(inspect::Inspect),
    Train(train::Train),
    Eval(eval::Eval),
    Scenarios(scenarios::Scenarios),
}

impl Command {
    pub(crate) fn run(&self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        match self {
            Self::Init(init) => init.run(terminal).map(|()| ExitCode::SUCCESS),
            Self::Inspect(inspect) => inspect.run(terminal).map(|()| ExitCode::SUCCESS),
            Self::Train(train) => train.run(terminal),
            Self::Eval(eval) => eval.run(terminal).map(|()| ExitCode::SUCCESS),
            Self::Scenarios(scenarios) => scenarios.run(terminal),
        }
    }
}

/// Where settings come from: a file, and what is said beside it.
#[derive(Debug, Args)]
struct Settings {
    /// Settings, TOML or the reference's YAML; `flybrain areas init` writes one [default: what it would write, but for graph_loc, which has none]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Table of areas, CSV; over the settings' `graph_loc`
    #[arg(long, value_name = "FILE")]
    graph: Option<PathBuf>,
    /// Areas that get the stimulus, by number from 0
    #[arg(long, value_name = "N,..", value_delimiter = ',')]
    inputs: Option<Vec<usize>>,
    /// The area that is read, by number from 0
    #[arg(long, value_name = "N")]
    output: Option<usize>,
    /// Seed of parameters, order and dropout
    #[arg(long)]
    seed: Option<u64>,
}

impl Settings {
    fn read(&self) -> Result<Config, Failure> {
        let mut config = match &self.config {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        if let Some(graph) = &self.graph {
            config.graph_loc.clone_from(graph);
        }
        if let Some(inputs) = &self.inputs {
            config.input_nodes.clone_from(inputs);
        }
        if let Some(output) = self.output {
            config.output_nodes = Nodes::One(output);
        }
        config.seed = self.seed.unwrap_or(config.seed);
        Ok(config)
    }
}

/// Sets the threads of libtorch; the number of cores where nothing is said.
fn set_threads(threads: Option<usize>) {
    if let Some(threads) = threads {
        tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    }
}
