//! Messages and progress for the person who waits.

use std::{
    cell::RefCell,
    fs::{self, OpenOptions},
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// Where messages go. On a terminal progress is one line that is written over, elsewhere a line now and then.
pub(crate) struct Console {
    out: RefCell<Box<dyn Write>>,
    live: bool,
    prefix: &'static str,
}

impl Console {
    /// Standard error.
    pub(crate) fn stderr() -> Self {
        Self { out: RefCell::new(Box::new(io::stderr())), live: io::stderr().is_terminal(), prefix: "" }
    }

    /// For a set-up that starts inside a linker call, whose standard error nobody sees while it runs: the terminal, else
    /// the standard error of the cargo that called the linker, else our own. Cargo's progress bar may be on the same
    /// terminal, so each message clears its line and there is no live line.
    pub(crate) fn above_linker() -> Self {
        let terminal = OpenOptions::new().write(true).open("/dev/tty").ok();
        let prefix = if terminal.is_some() { "\r\x1b[K" } else { "" };
        let out: Box<dyn Write> = match terminal.or_else(stderr_of_cargo) {
            Some(file) => Box::new(file),
            None => Box::new(io::stderr()),
        };
        Self { out: RefCell::new(out), live: false, prefix }
    }

    /// Nowhere.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self { out: RefCell::new(Box::new(io::sink())), live: false, prefix: "" }
    }

    /// One line.
    pub(crate) fn say(&self, message: impl AsRef<str>) {
        // A closed pipe must not end the work.
        let _ = writeln!(self.out.borrow_mut(), "{}{}", self.prefix, message.as_ref());
    }

    /// Starts a measure of `total` bytes of work.
    pub(crate) fn meter(&self, label: impl Into<String>, total: u64) -> Meter<'_> {
        let now = Instant::now();
        Meter { console: self, label: label.into(), total, start: now, last: now }
    }
}

/// The standard error of the nearest process above this one that is called cargo, where it is a pipe or a device. (A
/// regular file would have to be opened anew, with a position of its own, and the two writers would overwrite each other.)
fn stderr_of_cargo() -> Option<fs::File> {
    use std::os::unix::fs::FileTypeExt;
    let mut pid = std::os::unix::process::parent_id();
    while pid > 1 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // pid (name) state parent ...; the name may hold spaces and brackets
        let (head, tail) = stat.rsplit_once(')')?;
        if head.ends_with("(cargo") {
            let path = format!("/proc/{pid}/fd/2");
            let kind = fs::metadata(&path).ok()?.file_type();
            return (kind.is_fifo() || kind.is_char_device())
                .then(|| OpenOptions::new().write(true).open(path).ok())
                .flatten();
        }
        pid = tail.split_whitespace().nth(1)?.parse().ok()?;
    }
    None
}

/// Progress of one piece of work, in bytes.
pub(crate) struct Meter<'a> {
    console: &'a Console,
    label: String,
    total: u64,
    start: Instant,
    last: Instant,
}

impl Meter<'_> {
    /// Tells that `done` bytes are done; shown at most every 0.2 s on a terminal, every 3 s elsewhere.
    pub(crate) fn update(&mut self, done: u64) {
        let every = if self.console.live { Duration::from_millis(200) } else { Duration::from_secs(3) };
        if self.last.elapsed() >= every {
            self.last = Instant::now();
            self.show(done, if self.console.live { "\r\x1b[K" } else { "" });
        }
    }

    /// Closes with a line that stays.
    pub(crate) fn finish(self) {
        let prefix = if self.console.live { "\r\x1b[K" } else { self.console.prefix };
        let seconds = self.start.elapsed().as_secs_f64();
        let _ = writeln!(
            self.console.out.borrow_mut(),
            "{prefix}  {}: {:.1} MB in {seconds:.1} s",
            self.label,
            self.total as f64 / 1e6
        );
    }

    fn show(&self, done: u64, prefix: &str) {
        let text = describe(&self.label, done, self.total, self.start.elapsed());
        let mut out = self.console.out.borrow_mut();
        let _ = if self.console.live {
            write!(out, "{prefix}  {text}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{}  {text}", self.console.prefix)
        };
    }
}

/// "torch 2.11.0: 213.4 of 530.6 MB (40 %), 88.1 MB/s, 4 s left".
fn describe(label: &str, done: u64, total: u64, elapsed: Duration) -> String {
    let done = done.min(total);
    let rate = done as f64 / elapsed.as_secs_f64().max(1e-3);
    let percent = if total == 0 { 100.0 } else { 100.0 * done as f64 / total as f64 };
    let mut text = format!("{label}: {:.1} of {:.1} MB ({percent:.0} %)", done as f64 / 1e6, total as f64 / 1e6);
    // before that there is nothing to measure by
    if done >= 1_000_000 {
        let left = ((total - done) as f64 / rate).ceil() as u64;
        let left = if left < 100 { format!("{left} s") } else { format!("{} min", left.div_ceil(60)) };
        text += &format!(", {:.1} MB/s, {left} left", rate / 1e6);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_line_has_share_rate_and_time_left() {
        let text = describe("torch 2.11.0", 200_000_000, 500_000_000, Duration::from_secs(4));
        assert_eq!(text, "torch 2.11.0: 200.0 of 500.0 MB (40 %), 50.0 MB/s, 6 s left");
        assert!(describe("x", 1_000_000, 1_000_000_000, Duration::from_secs(1)).ends_with("17 min left"));
    }

    #[test]
    fn progress_line_survives_the_ends() {
        assert_eq!(describe("x", 0, 1_000_000, Duration::ZERO), "x: 0.0 of 1.0 MB (0 %)");
        assert_eq!(describe("x", 900, 1_000_000, Duration::from_secs(3)), "x: 0.0 of 1.0 MB (0 %)");
        assert!(describe("x", 9, 0, Duration::ZERO).starts_with("x: 0.0 of 0.0 MB (100 %)"));
    }
}
