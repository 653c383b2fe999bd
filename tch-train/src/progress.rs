//! What is seen of a run.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What a run shows, on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// Nothing. The default.
    #[default]
    Silent,
    /// A bar on a terminal, lines otherwise.
    Auto,
    /// A bar.
    Bar,
    /// A line every ten seconds.
    Lines,
}

/// Time between lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// Shows a run from step `first` to step `last`.
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    lines: bool,
    first: u64,
    last: u64,
    start: Instant,
    shown: Option<Instant>,
}

impl Display {
    pub(crate) fn new(progress: Progress, first: u64, last: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let (as_bar, lines) = match progress {
            Progress::Silent => (false, false),
            Progress::Auto => (terminal, !terminal),
            Progress::Bar => (true, false),
            Progress::Lines => (false, true),
        };
        let bar = as_bar.then(|| {
            let bar = ProgressBar::with_draw_target(Some(last), ProgressDrawTarget::stderr()).with_position(first);
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg} {per_sec} {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.reset_eta();
            bar
        });
        Self { bar, lines, first, last, start: Instant::now(), shown: None }
    }

    pub(crate) fn step(&mut self, step: u64, loss: f64) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("loss {loss:.4}"));
            bar.set_position(step);
        }
        if self.lines && (step == self.last || self.shown.is_none_or(|shown| shown.elapsed() >= INTERVAL)) {
            self.shown = Some(Instant::now());
            self.note(&line(self.first, step, self.last, loss, self.start.elapsed()));
        }
    }

    /// A line of its own.
    pub(crate) fn note(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.suspend(|| eprintln!("{text}"));
        } else if self.lines {
            // a closed pipe is no reason to stop training
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}

fn line(first: u64, step: u64, last: u64, loss: f64, time: Duration) -> String {
    let rate = (step - first) as f64 / time.as_secs_f64().max(1e-9);
    let left = Duration::try_from_secs_f64((last - step) as f64 / rate).unwrap_or(Duration::MAX);
    format!("step {step} of {last}, loss {loss:.4}, {rate:.1} steps/s, {} left", HumanDuration(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_where_how_fast_and_how_long() {
        let text = line(100, 200, 1000, 0.25, Duration::from_secs(8));
        assert_eq!(text, "step 200 of 1000, loss 0.2500, 12.5 steps/s, 64 seconds left");
    }
}
