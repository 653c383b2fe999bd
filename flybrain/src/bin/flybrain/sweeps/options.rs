//! Options that sweeps have in common.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use flybrain::rate::sweep::{Options, Swept};
use flybrain::rate::{Collected, Dynamics, Plan, Varied};
use lyapunov::Activation;
use serde::Serialize;
use tch_train::Listening;

use crate::failure::Failure;
use crate::sharing::{Processes, Sharing};
use crate::terminal::Terminal;
use crate::threads::threads;

/// Where points go, and who computes them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(super) struct Sweeping {
    /// Folder of the sweep; one that holds points of the same settings is gone on with, values and samples may be more or fewer [default: the command's name]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Insist that the folder holds this sweep already
    #[arg(long)]
    resume: bool,
    /// Points are computed at once by so many threads [default: all cores]
    #[arg(long, value_parser = threads())]
    threads: Option<usize>,
    #[command(flatten)]
    sharing: Sharing,
    /// Reproduce FlyStability: its counts, which make exponents about 2 % too small, and its derivative
    #[arg(long)]
    compat: bool,
    /// Seed of all that is drawn
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Length of a step in time constants; of those as long as a time constant, some forget directions, which then have no exponent
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    dt: f64,
}

/// What a sweep came to, for programs.
#[derive(Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    swept: &'a Swept,
    collected: Option<&'a Collected>,
}

impl Sweeping {
    /// Networks and computation of a plan.
    pub(super) fn dynamics(&self, n: usize, activation: Activation, tsim: f64, tons: Tons) -> Dynamics {
        Dynamics { n, activation, dt: self.dt, tsim, tons: tons.0, seed: self.seed, compat: self.compat }
    }

    /// Computes this task's points, and puts all together where none is missing.
    pub(super) fn run(&self, plan: &Plan, save: bool, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let out = self.out.clone().unwrap_or_else(|| plan.workflow().into());
        let processes = self.sharing.start()?;
        let mut swept = processes.join(self.points(plan, &out, &processes, terminal))?;
        for (point, why) in &swept.failed {
            eprintln!("error: {point}: {why}");
        }
        let [computed, found, interrupted, failed] =
            processes.sum([swept.computed, swept.found, usize::from(swept.interrupted), swept.failed.len()]);
        (swept.computed, swept.found, swept.interrupted) = (computed, found, interrupted > 0);
        let others = failed - swept.failed.len();
        swept
            .failed
            .extend((others > 0).then(|| (format!("{others} points of other ranks"), "they say why".to_owned())));
        let code = match (swept.interrupted, failed) {
            (true, _) => ExitCode::from(130),
            (false, 0) => ExitCode::SUCCESS,
            (false, _) => ExitCode::FAILURE,
        };
        let told = if processes.reports() { self.tell(plan, &out, &swept, save, terminal) } else { Ok(()) };
        processes.join(told)?;
        Ok(code)
    }

    /// Puts together what is there, and tells of it.
    fn tell(&self, plan: &Plan, out: &Path, swept: &Swept, save: bool, terminal: &Terminal) -> Result<(), Failure> {
        let missing = if swept.interrupted { Vec::new() } else { plan.missing(out)? };
        let collected = match (swept.interrupted || !missing.is_empty(), save) {
            (true, _) => None,
            (false, true) => Some(plan.collect(out)?),
            (false, false) => Some(plan.summary(out)?),
        };
        terminal.result(&Found { swept, collected: collected.as_ref() }, || {
            let folder = out.display();
            let points = format!("{} points computed, {} were there\n", swept.computed, swept.found);
            let rest = match &collected {
                Some(collected) => text(collected, out),
                None if swept.interrupted => format!("interrupted: the same command goes on in {folder}\n"),
                None => format!(
                    "{} points are missing yet; `flybrain collect {folder}` takes what is there\n",
                    missing.len()
                ),
            };
            points + &rest
        })
    }

    /// Computes the points of this process.
    fn points(&self, plan: &Plan, out: &Path, processes: &Processes, terminal: &Terminal) -> Result<Swept, Failure> {
        if self.resume {
            Plan::read(out)?;
        }
        // Threads are rayon's; what libtorch still does is small.
        tch::set_num_threads(1);
        let listening = Listening::start().map_err(flybrain::Error::from)?;
        let count = terminal.count("points");
        let (default, tells) = (Options::default(), processes.reports());
        let options = Options {
            share: processes.share(),
            threads: self.threads.unwrap_or(default.threads),
            stop: &|| listening.requested(),
            progress: &|done, all| {
                if tells {
                    count.tell(done, all);
                }
            },
            ..default
        };
        Ok(plan.run(out, &options)?)
    }
}

/// What was put together, for people.
pub(super) fn text(collected: &Collected, folder: &Path) -> String {
    let mut text = collected.text.clone();
    let missing = &collected.missing;
    if !missing.is_empty() {
        let first: Vec<&str> = missing.iter().take(3).map(String::as_str).collect();
        let more = if missing.len() > 3 { ", ..." } else { "" };
        let (n, points) = (missing.len(), collected.points);
        text += &format!("missing: {n} of {points} points ({}{more})\n", first.join(", "));
    }
    let names = |ending: &str| {
        let names = collected.files.iter().filter(|file| file.extension().is_some_and(|e| e == ending));
        names.filter_map(|file| file.file_name()?.to_str()).map(str::to_owned).collect::<Vec<_>>()
    };
    for name in ["html", "csv", "json", "svg"].iter().flat_map(|ending| names(ending)) {
        text += &format!("written: {}\n", folder.join(name).display());
    }
    text
}

/// What a value is the spread of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Parameter {
    Weights,
    Shifts,
    Gains,
}

pub(super) fn varied(parameters: &[Parameter]) -> Varied {
    let has = |parameter| parameters.contains(&parameter);
    Varied { weights: has(Parameter::Weights), shifts: has(Parameter::Shifts), gains: has(Parameter::Gains) }
}

/// FlyStability's names of activations, and right ones.
pub(super) fn activation(text: &str) -> Result<Activation, String> {
    flybrain::rate::activation(text)
        .ok_or_else(|| "known are tanh (std), tanh_pos (pos), tanh_streched (strech)".to_owned())
}

/// `True` or `False`.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err("give True or False".to_owned()),
    }
}

/// A time between orthonormalisations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tons(Option<f64>);

impl std::str::FromStr for Tons {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "adaptive" | "none" => Ok(Self(None)),
            number => number.parse().map(|time| Self(Some(time))).map_err(|_| "give a time, or `adaptive`".to_owned()),
        }
    }
}
