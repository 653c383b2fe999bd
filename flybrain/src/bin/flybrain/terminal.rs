//! What is printed where: results on standard output, everything else on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use connectome_io::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::failure::Failure;

/// How the program talks.
#[derive(Debug)]
pub(crate) struct Terminal {
    json: bool,
    quiet: bool,
}

impl Terminal {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether only results and errors are wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints a result: as JSON if that is wanted, else as text.
    pub(crate) fn result<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, value).map_err(|error| match error.io_error_kind() {
                Some(kind) => Failure::Output(kind.into()),
                None => Failure::Json(error),
            })?;
            writeln!(out)?;
        } else {
            write!(out, "{}", text())?;
        }
        out.flush()?;
        Ok(())
    }

    /// A remark that is no result.
    pub(crate) fn remark(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// Shows what is being done until the value goes; a line where there is no terminal.
    pub(crate) fn step(&self, what: &str) -> Step {
        if self.quiet {
            return Step(None);
        }
        if !io::stderr().is_terminal() {
            eprintln!("{what}");
            return Step(None);
        }
        let bar = ProgressBar::new_spinner().with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Step(Some(bar))
    }
}

impl Terminal {
    /// Shows how many of many are done; a line for each tenth of them where there is no terminal.
    pub(crate) fn count(&self, what: &str) -> Count {
        let bar = (!self.quiet && io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}, {eta} to go");
            let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(500));
            bar.with_message(what.to_owned())
        });
        Count { what: what.to_owned(), lines: !self.quiet && bar.is_none(), bar }
    }
}

/// How many are done.
#[derive(Debug)]
pub(crate) struct Count {
    what: String,
    lines: bool,
    bar: Option<ProgressBar>,
}

impl Count {
    /// Says it.
    pub(crate) fn tell(&self, done: usize, all: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        } else if self.lines && (done * 10 / all > (done - 1) * 10 / all) {
            eprintln!("{}: {done} of {all}", self.what);
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Step {
    /// Shows the share of a file that has been read, as soon as it is told.
    pub(crate) fn progress(&self) -> Progress {
        let Some(bar) = self.0.clone() else {
            return Progress::default();
        };
        let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} to go");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        Progress::new(move |done| {
            if bar.length() != Some(done.total_bytes) {
                bar.set_style(style.clone());
                bar.set_length(done.total_bytes);
            }
            bar.set_position(done.bytes);
        })
    }
}

/// Something being done.
#[derive(Debug)]
pub(crate) struct Step(Option<ProgressBar>);

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Lines of a name and a value, aligned.
pub(crate) fn aligned(lines: &[(String, String)]) -> String {
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    lines.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect()
}
