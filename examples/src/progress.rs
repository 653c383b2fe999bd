//! How far an example is: a bar on a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// Progress through a known number of stages.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    stages: u64,
    begun: u64,
    start: Instant,
}

impl Progress {
    /// Begins with none of `stages` done.
    pub fn new(stages: u64) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} ({elapsed})");
        let bar = ProgressBar::new(stages).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        // The clock goes on while a stage computes.
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, stages, begun: 0, start: Instant::now() }
    }

    /// Ends the stage under way and begins the next.
    pub fn stage(&mut self, what: &str) {
        self.begun += 1;
        self.bar.set_position(self.begun - 1);
        self.bar.set_message(what.to_owned());
        if self.bar.is_hidden() {
            let seconds = self.start.elapsed().as_secs_f64();
            eprintln!("[{}/{}] {what} ({seconds:.1} s)", self.begun, self.stages);
        }
    }

    /// Ends the last stage: the bar goes, so that the report stands alone.
    pub fn finish(self) {
        debug_assert_eq!(self.begun, self.stages, "stages announced and begun");
        self.bar.finish_and_clear();
        eprintln!("done in {:.1} s", self.start.elapsed().as_secs_f64());
    }
}
