//! What is raced on, and who races.

use super::args::Args;
use super::child::{Clock, Measurement};
use crate::Result;
use std::path::{Path, PathBuf};

/// A job that several programs can do.
pub trait Job: Sync {
    /// What the race is called.
    fn name(&self) -> &'static str;

    /// The job in a sentence, with its size.
    fn about(&self, args: &Args) -> String;

    /// Who races, ours first.
    fn contestants(&self) -> Vec<Contestant>;

    /// Writes the job's arrays and what results are compared with, unless they are there; the folder.
    ///
    /// # Errors
    /// What went wrong.
    fn prepare(&self, args: &Args) -> Result<PathBuf>;

    /// Our part, in a process of its own: reads the arrays, does the job on the clock, compares.
    ///
    /// # Errors
    /// What went wrong.
    fn ours(&self, variant: &str, dir: &Path, clock: &mut Clock) -> Result<Measurement>;

    /// The number by which one sees that a contestant did this job, where it is known.
    fn check(&self, args: &Args) -> Option<Check>;
}

/// A number by which one sees that a contestant did the job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Check {
    /// What it is.
    pub what: &'static str,
    /// Its value.
    pub want: f64,
    /// How far it may be off, relative.
    pub tolerance: f64,
}

/// Who races.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contestant {
    /// For people.
    pub name: &'static str,
    /// For the machine.
    pub who: Who,
}

/// What runs for a contestant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// [`Job::ours`] with this variant.
    Ours(&'static str),
    /// A script of `benches/peers` with this variant, called as `script DIR VARIANT CALLS THREADS`; it prints a
    /// [`Measurement`] as JSON.
    Peer(&'static str, &'static str),
}

impl Contestant {
    /// One of ours.
    pub fn ours(name: &'static str, variant: &'static str) -> Self {
        Self { name, who: Who::Ours(variant) }
    }

    /// A peer.
    pub fn peer(name: &'static str, script: &'static str, variant: &'static str) -> Self {
        Self { name, who: Who::Peer(script, variant) }
    }

    /// The script of a peer.
    pub fn script(&self) -> Option<&'static str> {
        match self.who {
            Who::Ours(_) => None,
            Who::Peer(script, _) => Some(script),
        }
    }

    /// Whether it is one of ours.
    pub fn is_ours(&self) -> bool {
        matches!(self.who, Who::Ours(_))
    }
}
