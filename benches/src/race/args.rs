//! The command line of `race`.

use super::child::Request;
use crate::{Error, Result};
use std::path::PathBuf;

/// What `race --help` says.
pub const HELP: &str = "\
Usage: race NAME [--ours] [--json] [--threads N] [--batch N] [--repeat N] [--only TEXT]
       race --list

Times this workspace and its peers on one job. `cargo xtask race` installs the peers and sets the variables that hold each
library to the same number of threads.

  --ours        this workspace only; needs no Python
  --json        one JSON object for each contestant in place of the table
  --threads N   threads for each contestant (default 1)
  --batch N     samples in the batch (default 8; for areas 64; for spmm all of 1, 8, 64, 128)
  --repeat N    rounds, the least time counts (default 5)
  --only TEXT   ours, and the peers with this in their names
";

/// Settings of a race.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// Name of the race.
    pub race: String,
    /// Leave the peers out.
    pub ours: bool,
    /// JSON in place of a table.
    pub json: bool,
    /// Threads for each contestant.
    pub threads: usize,
    /// Samples in the batch, where given.
    pub batch: Option<usize>,
    /// Rounds.
    pub repeat: usize,
    /// Part of the names of the peers that run.
    pub only: Option<String>,
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The help.
    Help,
    /// The names of the races.
    List,
    /// A race.
    Race(Args),
    /// The files of `peers/` that name what the peers of a race, if one is asked for, need in their Python.
    Needs(Option<Args>),
    /// Our part of a race, asked for by a race.
    Child(Request),
}

impl Command {
    /// Reads the command line.
    ///
    /// # Errors
    /// [`Error::Usage`] names the first argument that makes no sense.
    pub fn parse(args: &[String]) -> Result<Self> {
        if let [first, rest @ ..] = args
            && first == "child"
        {
            return child(rest);
        }
        if let [first, rest @ ..] = args
            && first == "needs"
        {
            return Ok(Self::Needs(match Self::parse(rest)? {
                Self::Race(args) => Some(args),
                _ => None,
            }));
        }
        let mut race = None;
        let mut settings =
            Args { race: String::new(), ours: false, json: false, threads: 1, batch: None, repeat: 5, only: None };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let (name, given) = match arg.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (arg.as_str(), None),
            };
            let mut value = || {
                given
                    .clone()
                    .or_else(|| rest.next().cloned())
                    .ok_or_else(|| Error::Usage(format!("{name} wants a value")))
            };
            match name {
                "--help" | "-h" => return Ok(Self::Help),
                "--list" => return Ok(Self::List),
                "--ours" => settings.ours = true,
                "--json" => settings.json = true,
                "--threads" => settings.threads = number(name, &value()?)?,
                "--batch" => settings.batch = Some(number(name, &value()?)?),
                "--repeat" => settings.repeat = number(name, &value()?)?,
                "--only" => settings.only = Some(value()?),
                _ if name.starts_with('-') || race.is_some() => {
                    return Err(Error::Usage(format!("unknown argument {arg:?}")));
                }
                _ => race = Some(arg.clone()),
            }
        }
        match race {
            Some(race) => Ok(Self::Race(Args { race, ..settings })),
            None => Err(Error::Usage("which race?".into())),
        }
    }
}

fn child(args: &[String]) -> Result<Command> {
    match args {
        [job, variant, dir, calls, threads] => Ok(Command::Child(Request {
            job: job.clone(),
            variant: variant.clone(),
            dir: PathBuf::from(dir),
            calls: number("calls", calls)?,
            threads: number("threads", threads)?,
        })),
        _ => Err(Error::Usage("race child JOB VARIANT DIR CALLS THREADS is for races".into())),
    }
}

fn number(name: &str, text: &str) -> Result<usize> {
    text.parse()
        .ok()
        .filter(|&n| n > 0)
        .ok_or_else(|| Error::Usage(format!("{name} wants a number from 1 on, not {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Command> {
        Command::parse(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    fn settings(args: &[&str]) -> Args {
        match parse(args).unwrap() {
            Command::Race(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_in_any_order_and_form() {
        let want =
            Args { race: "spmm".into(), ours: true, json: false, threads: 2, batch: Some(64), repeat: 3, only: None };
        for args in [
            ["spmm", "--ours", "--threads", "2", "--batch=64", "--repeat=3"].as_slice(),
            &["--batch", "64", "--repeat", "3", "--threads=2", "--ours", "spmm"],
        ] {
            assert_eq!(settings(args), want);
        }
        assert_eq!((settings(&["x"]).threads, settings(&["x"]).repeat), (1, 5));
    }

    #[test]
    fn nonsense_is_refused() {
        for args in [
            [].as_slice(),
            &["a", "b"],
            &["a", "--threads"],
            &["a", "--threads", "0"],
            &["a", "--repeat=x"],
            &["a", "--quiet"],
            &["child", "a"],
        ] {
            assert!(matches!(parse(args), Err(Error::Usage(_))), "{args:?}");
        }
        assert_eq!(parse(&["a", "--help"]).unwrap(), Command::Help);
        assert_eq!(parse(&["--list"]).unwrap(), Command::List);
        let needs = parse(&["needs", "a", "--ours"]).unwrap();
        assert!(matches!(needs, Command::Needs(Some(args)) if args.race == "a" && args.ours));
        assert_eq!(parse(&["needs", "--list"]).unwrap(), Command::Needs(None));
        assert!(matches!(parse(&["needs", "a", "--quiet"]), Err(Error::Usage(_))));
    }
}
