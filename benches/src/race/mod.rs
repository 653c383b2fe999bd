//! Races: this workspace and other libraries on the same job, in one run.
//!
//! A [`Job`] has its numbers on disk and a list of [`Contestant`]s. [`contest`](contest::contest) lets them run in turn, each in a
//! process of its own that begins fresh, round after round, so that the machine's other load falls on all alike. A new job is one
//! file here, one script for each family of peers, and a line in [`RACES`].

mod areas;
pub mod args;
pub mod child;
pub mod contest;
mod fly_training;
mod fly_vision;
mod io;
pub mod job;
mod lyapunov;
mod sparse_backward;
mod sparse_forward;
mod spmm;

use crate::{Error, Result};
use args::{Args, Command};
pub use contest::contest;
pub use job::{Contestant, Job, Who};

/// A race.
#[derive(Clone, Copy)]
pub struct Race {
    /// What it is called.
    pub name: &'static str,
    /// What is done, in a line.
    pub about: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// Jobs, one after the other, each contestant in processes of its own.
    Contests(&'static [&'static dyn Job]),
    /// All in this process.
    Here(fn(&Args) -> Result<()>),
}

/// All races.
pub const RACES: &[Race] = &[
    Race {
        name: "areas",
        about: "training and inference of three areas of convolutional GRU cells, 1 and 5 frames (torch)",
        kind: Kind::Contests(&[&areas::TRAIN_1, &areas::TRAIN_5, &areas::INFER_1, &areas::INFER_5]),
    },
    Race {
        name: "fly-training",
        about: "an iteration of the training of the fly's eye on optic flow (flyvis)",
        kind: Kind::Contests(&[&fly_training::FlyTrainingJob]),
    },
    Race {
        name: "fly-vision",
        about: "forty frames of a moving edge over the fly's eye, 1, 4 and 16 samples (flyvis)",
        kind: Kind::Contests(&[&fly_vision::ONE, &fly_vision::FOUR, &fly_vision::SIXTEEN]),
    },
    Race {
        name: "io",
        about: "reading 4.6 million connections from .pt, .npz, CSV and parquet (torch, scipy, pandas, pyarrow)",
        kind: Kind::Contests(&[&io::PT, &io::NPZ, &io::CSV, &io::CSV_IDS, &io::PARQUET]),
    },
    Race {
        name: "lyapunov",
        about: "spectra of 200 and 1000 neurons and a step of training on them (torch, lyapax, clvlib)",
        kind: Kind::Contests(&[&lyapunov::FULL, &lyapunov::LEADING, &lyapunov::TRAIN]),
    },
    Race {
        name: "sparse-backward",
        about: "forward and backward pass of the same network: gradients of all weights (diffrax, torchode)",
        kind: Kind::Contests(&[&sparse_backward::SparseBackward]),
    },
    Race {
        name: "sparse-forward",
        about: "forward pass of a continuous network on 47,521 neurons (scipy, torchode, torchdiffeq, diffrax)",
        kind: Kind::Contests(&[&sparse_forward::SparseForward]),
    },
    Race {
        name: "spmm",
        about: "sparse-dense products on the same network: forward, transposed, SDDMM (libtorch)",
        kind: Kind::Here(spmm::run),
    },
];

/// Runs what the command line asks for.
///
/// # Errors
/// What went wrong, in words for the terminal.
pub fn main(args: &[String]) -> Result<()> {
    match Command::parse(args)? {
        Command::Help => print!("{}", args::HELP),
        Command::List => {
            for race in RACES {
                println!("{:<16} {}", race.name, race.about);
            }
        }
        Command::Race(args) => match find(&args.race)?.kind {
            Kind::Contests(jobs) => jobs.iter().try_for_each(|job| contest(*job, &args))?,
            Kind::Here(run) => run(&args)?,
        },
        Command::Needs(None) => {}
        Command::Needs(Some(args)) => {
            for file in requirements(find(&args.race)?, &args) {
                println!("{file}");
            }
        }
        Command::Child(request) => child::serve(find_job(&request.job)?, &request)?,
    }
    Ok(())
}

/// The files of `peers/` that name what the peers of a race need in their Python, what all of them need first.
fn requirements(race: &Race, args: &Args) -> Vec<&'static str> {
    let scripts: Vec<&str> = match race.kind {
        Kind::Contests(jobs) => {
            jobs.iter().flat_map(|job| contest::entered(*job, args)).filter_map(|c| c.script()).collect()
        }
        Kind::Here(_) => Vec::new(),
    };
    let mut files = Vec::new();
    if !scripts.is_empty() {
        files.push("requirements.txt");
    }
    if scripts.contains(&"fly_vision.py") {
        files.push("requirements-flyvis.txt");
    }
    files
}

/// The job of a name, whichever race it belongs to.
fn find_job(name: &str) -> Result<&'static dyn Job> {
    let jobs = RACES.iter().flat_map(|race| match race.kind {
        Kind::Contests(jobs) => jobs,
        Kind::Here(_) => &[],
    });
    let found = jobs.copied().find(|job| job.name() == name);
    found.ok_or_else(|| Error::Usage(format!("no race has a job {name:?}")))
}

fn find(name: &str) -> Result<&'static Race> {
    RACES.iter().find(|race| race.name == name).ok_or_else(|| Error::Usage(format!("there is no race {name:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_fetched_for_the_peers_that_run() {
        let needs = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(ToString::to_string).collect();
            match Command::parse(&args).unwrap() {
                Command::Race(args) => requirements(find(&args.race).unwrap(), &args),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(needs(&["io"]), ["requirements.txt"]);
        assert_eq!(needs(&["fly-vision"]), ["requirements.txt", "requirements-flyvis.txt"]);
        for args in [["spmm"].as_slice(), &["io", "--ours"], &["io", "--only", "nobody"]] {
            assert!(needs(args).is_empty(), "{args:?}");
        }
        assert!(matches!(find("spm"), Err(Error::Usage(_))));
    }
}
