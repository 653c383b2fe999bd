//! The command `flybrain`.

mod areas;
mod data;
mod failure;
mod reading;
mod sharing;
mod sweeps;
mod terminal;
mod threads;
mod train;
mod vision;
mod warnings;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;
use reading::{in_options, in_options_of_convert};
use terminal::Terminal;

/// Connectomes as neural networks.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done; 1 a file was refused or something failed; 2 wrong usage; 3 `data check` found problems, or `collect` missing points or models; 130 interrupted, to be resumed."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print results as JSON, for programs
    #[arg(long, global = true)]
    json: bool,
    /// No progress and no remarks; results and errors only
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find, import, look at, convert and check connectomes
    #[command(subcommand)]
    Data(data::Command),
    /// Train, evaluate and inspect networks of brain areas with top-down feedback
    #[command(subcommand)]
    Areas(areas::Command),
    /// Show stimuli to models of the fly visual system, train and compare them
    #[command(subcommand)]
    Vision(vision::Command),
    #[command(visible_alias = "lyapu_convergence")]
    LyapunovConvergence(sweeps::LyapunovConvergence),
    #[command(visible_alias = "lyapu_benchmark")]
    LyapunovBenchmark(sweeps::LyapunovBenchmark),
    #[command(visible_alias = "transition_2_chaos")]
    TransitionToChaos(sweeps::TransitionToChaos),
    Spectrum(sweeps::Spectrum),
    Collect(sweeps::Collect),
    #[command(visible_alias = "train_rd_model")]
    TrainRandom(train::Random),
    #[command(visible_alias = "train_rd_model_fixed_param")]
    TrainRandomFixed(train::RandomFixed),
    #[command(visible_alias = "train_flybrain_full")]
    TrainConnectome(train::Connectome),
    #[command(visible_alias = "train_flybrain_pop")]
    TrainPopulations(train::Populations),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = Terminal::new(cli.json, cli.quiet);
    if !cli.quiet {
        warnings::show();
    }
    let result = match &cli.command {
        Command::Data(command) => command.run(&terminal),
        Command::Areas(command) => command.run(&terminal),
        Command::Vision(command) => command.run(&terminal),
        Command::LyapunovConvergence(command) => command.run(&terminal),
        Command::LyapunovBenchmark(command) => command.run(&terminal),
        Command::TransitionToChaos(command) => command.run(&terminal),
        Command::Spectrum(command) => command.run(&terminal),
        Command::Collect(command) => command.run(&terminal),
        Command::TrainRandom(command) => command.run(&terminal),
        Command::TrainRandomFixed(command) => command.run(&terminal),
        Command::TrainConnectome(command) => command.run(&terminal),
        Command::TrainPopulations(command) => command.run(&terminal),
    };
    match result {
        Ok(code) => code,
        // The reader of a pipe may go: `flybrain data list | head -1`.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            let message = failure.to_string();
            let message = match &cli.command {
                Command::Data(_) => in_options(&message),
                _ => in_options_of_convert(&message),
            };
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
