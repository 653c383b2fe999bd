//! Time and memory of this process.

use std::fs;
use std::time::Instant;

/// How long something took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Time {
    /// By the clock on the wall, seconds.
    pub wall_s: f64,
    /// Seconds of CPU of all threads of the process. On a busy machine the better measure for one thread.
    pub cpu_s: f64,
}

impl Time {
    /// The smaller of both in each.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self { wall_s: self.wall_s.min(other.wall_s), cpu_s: self.cpu_s.min(other.cpu_s) }
    }
}

/// Runs something and says how long it took.
pub fn time<R>(run: impl FnOnce() -> R) -> (Time, R) {
    let (wall, cpu) = (Instant::now(), cpu_seconds());
    let result = run();
    let time = Time { wall_s: wall.elapsed().as_secs_f64(), cpu_s: cpu_seconds() - cpu };
    (time, result)
}

/// Seconds of CPU that this process has used, all threads together.
pub fn cpu_seconds() -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the function writes the timespec that it is given, which lives until it returns.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut t) };
    assert_eq!(failed, 0, "every Linux has this clock");
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// Memory of this process in MiB: `(now, peak)` of what is resident; NaN where the system does not say.
pub fn memory_mib() -> (f64, f64) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    (field_mib(&status, "VmRSS:"), field_mib(&status, "VmHWM:"))
}

fn field_mib(status: &str, name: &str) -> f64 {
    let kib =
        status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}

/// The load of the machine over the last minute: processes that run or want to; NaN where the system does not say.
pub fn load() -> f64 {
    fs::read_to_string("/proc/loadavg").ok().and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or(f64::NAN)
}

/// The machine in words: processor, and threads that it runs at a time.
pub fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} hardware threads")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_status_file() {
        let status = "Name:\trace\nVmHWM:\t  204800 kB\nVmRSS:\t1024 kB\n";
        assert_eq!(field_mib(status, "VmHWM:"), 200.0);
        assert_eq!(field_mib(status, "VmRSS:"), 1.0);
        assert!(field_mib(status, "VmSwap:").is_nan());
    }

    /// Work costs CPU time, waiting does not.
    #[test]
    fn waiting_is_not_work() {
        let (waited, ()) = time(|| std::thread::sleep(std::time::Duration::from_millis(60)));
        assert!(waited.wall_s >= 0.06);
        let before = cpu_seconds();
        let mut x = 1u64;
        while cpu_seconds() - before < 0.01 {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        assert!(cpu_seconds() - before >= 0.01);
    }
}
