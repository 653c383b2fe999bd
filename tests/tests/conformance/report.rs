//! What the checks of a file found.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Deviations and faults of one file.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// By what was compared: the largest deviation as a fraction of what is allowed, and in words.
    worst: BTreeMap<String, (f64, String)>,
    faults: Vec<String>,
    pending: BTreeMap<&'static str, usize>,
}

/// How far two numbers may lie apart: `relative` times the size of the expected ones, plus `absolute`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tolerance {
    pub(crate) relative: f64,
    pub(crate) absolute: f64,
}

/// Relative only.
pub(crate) fn relative(relative: f64) -> Tolerance {
    Tolerance { relative, absolute: 0.0 }
}

/// Absolute only.
pub(crate) fn absolute(absolute: f64) -> Tolerance {
    Tolerance { relative: 0.0, absolute }
}

impl Report {
    /// A fault in words.
    pub(crate) fn fail(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }

    /// A fault unless `holds`.
    pub(crate) fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(what());
        }
    }

    /// Counts an array that waits.
    pub(crate) fn pending(&mut self, reason: &'static str) {
        *self.pending.entry(reason).or_default() += 1;
    }

    /// Compares integers, flags, words: anything that is equal or not.
    pub(crate) fn exact<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, got: &[T], want: &[T]) {
        if !self.same_length(what, got.len(), want.len()) {
            return;
        }
        let wrong = (0..got.len()).filter(|&i| got[i] != want[i]).count();
        if let Some(i) = (0..got.len()).find(|&i| got[i] != want[i]) {
            self.fail(format!(
                "{what}: {wrong} of {} differ, first [{i}]: {:?}, golden {:?}",
                got.len(),
                got[i],
                want[i]
            ));
        }
        self.worst.entry(what.into()).or_insert((0.0, "equal".into()));
    }

    /// Compares numbers one by one: each may deviate by its own size times the relative tolerance.
    pub(crate) fn close(&mut self, what: &str, got: &[f64], want: &[f64], tolerance: Tolerance) {
        self.close_by(what, got, want, tolerance, f64::abs);
    }

    /// Compares numbers whose size is that of the largest expected one.
    pub(crate) fn close_in_norm(&mut self, what: &str, got: &[f64], want: &[f64], tolerance: Tolerance) {
        let largest = want.iter().filter(|x| x.is_finite()).fold(0.0, |m: f64, x| m.max(x.abs()));
        self.close_by(what, got, want, tolerance, |_| largest);
    }

    /// The same, by consecutive stretches of `n` numbers with a size of their own.
    pub(crate) fn close_in_norms(&mut self, what: &str, n: usize, got: &[f64], want: &[f64], tolerance: Tolerance) {
        if self.same_length(what, got.len(), want.len()) {
            for (got, want) in got.chunks(n).zip(want.chunks(n)) {
                self.close_in_norm(what, got, want, tolerance);
            }
        }
    }

    fn close_by(&mut self, what: &str, got: &[f64], want: &[f64], tolerance: Tolerance, size: impl Fn(f64) -> f64) {
        if !self.same_length(what, got.len(), want.len()) {
            return;
        }
        let mut worst = (0.0, String::from("equal"));
        for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
            if (g.is_nan() && w.is_nan()) || g == w {
                continue;
            }
            let deviation = (g - w).abs();
            let allowed = tolerance.relative * size(w) + tolerance.absolute;
            let fraction = if deviation.is_nan() { f64::INFINITY } else { deviation / allowed };
            if fraction > worst.0 {
                worst = (fraction, format!("{deviation:.1e} of {allowed:.1e} at [{i}]: {g:?}, golden {w:?}"));
            }
        }
        if worst.0.is_nan() || worst.0 > 1.0 {
            self.fail(format!("{what}: {}", worst.1));
        }
        let entry = self.worst.entry(what.into()).or_insert_with(|| worst.clone());
        if worst.0 > entry.0 {
            *entry = worst;
        }
    }

    fn same_length(&mut self, what: &str, got: usize, want: usize) -> bool {
        self.expect(got == want, || format!("{what}: {got} numbers, golden {want}"));
        got == want
    }

    /// The largest deviation of everything compared, and what waits.
    pub(crate) fn summary(&self) -> String {
        let mut out = String::new();
        for (what, (_, words)) in &self.worst {
            let _ = writeln!(out, "    {what}: {words}");
        }
        for (reason, n) in &self.pending {
            let _ = writeln!(out, "    pending: {n} arrays wait for {reason}");
        }
        out
    }

    /// The faults, if any.
    pub(crate) fn into_result(self) -> Result<(), String> {
        let n = self.faults.len();
        if n == 0 {
            return Ok(());
        }
        let shown: Vec<&str> = self.faults.iter().take(20).map(String::as_str).collect();
        let rest = if n > 20 { format!("\n... and {} more", n - 20) } else { String::new() };
        Err(format!("{n} deviations\n{}{rest}", shown.join("\n")))
    }
}
