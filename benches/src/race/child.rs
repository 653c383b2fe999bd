//! One run of one contestant, in a process of its own.

use super::args::Args;
use super::job::{Contestant, Job, Who};
use crate::meter::{Time, memory_mib, time};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Times that a contestant does the job after the first in each of its processes; the least counts.
pub const CALLS: usize = 3;

/// What a contestant's process reports. The peers' scripts print the same names.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Least time on the wall, seconds, the first call left out.
    pub wall_s: f64,
    /// Least CPU time, seconds, likewise.
    pub cpu_s: f64,
    /// Wall time of the first call, seconds: with compiling, page faults and cold caches.
    pub cold_s: f64,
    /// Memory before the first call, MiB: program, libraries and the job's arrays.
    pub start_mib: f64,
    /// The most memory that the process ever had resident, up to the end of the last call, MiB.
    pub peak_mib: f64,
    /// Steps of the solver, rejected ones too; the most of any sample.
    pub steps: Option<u64>,
    /// Evaluations of the right-hand side.
    pub evaluations: Option<u64>,
    /// The largest difference from the reference.
    pub error: f64,
    /// [`Check::want`](super::job::Check::want) as this contestant has it.
    pub check: f64,
}

/// Times calls.
#[derive(Debug)]
pub struct Clock {
    calls: usize,
}

/// What [`Clock::run`] gives.
#[derive(Debug)]
pub struct Timed<R> {
    /// Result of the last call.
    pub result: R,
    least: Time,
    cold_s: f64,
    start_mib: f64,
    peak_mib: f64,
}

impl Clock {
    /// Does the job once to warm up and then on the clock.
    ///
    /// # Errors
    /// The job's.
    pub fn run<R>(&mut self, mut job: impl FnMut() -> Result<R>) -> Result<Timed<R>> {
        let (start_mib, _) = memory_mib();
        let (cold, first) = time(&mut job);
        let (mut least, mut result) = (cold, first?);
        for call in 0..self.calls {
            // as Python does: the old result goes before the new one comes
            drop(result);
            let (took, next) = time(&mut job);
            result = next?;
            least = if call == 0 { took } else { least.min(took) };
        }
        let (_, peak_mib) = memory_mib();
        Ok(Timed { result, least, cold_s: cold.wall_s, start_mib, peak_mib })
    }
}

impl<R> Timed<R> {
    /// Times and memory with what the result is worth.
    pub fn measurement(&self, steps: Option<u64>, evaluations: Option<u64>, error: f64, check: f64) -> Measurement {
        Measurement {
            wall_s: self.least.wall_s,
            cpu_s: self.least.cpu_s,
            cold_s: self.cold_s,
            start_mib: self.start_mib,
            peak_mib: self.peak_mib,
            steps,
            evaluations,
            error,
            check,
        }
    }
}

/// What a race asks a process of ours to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The race's name.
    pub job: String,
    /// Which of ours.
    pub variant: String,
    /// Where the arrays are.
    pub dir: PathBuf,
    /// Calls on the clock.
    pub calls: usize,
    /// Threads.
    pub threads: usize,
}

/// Does our part and prints the measurement.
///
/// # Errors
/// The job's.
pub fn serve(job: &dyn Job, request: &Request) -> Result<()> {
    tch_sparse::set_threads(request.threads)?;
    let mut clock = Clock { calls: request.calls };
    let measurement = job.ours(&request.variant, &request.dir, &mut clock)?;
    println!("{}", serde_json::to_string(&measurement)?);
    Ok(())
}

/// Runs a contestant in a process of its own.
///
/// # Errors
/// [`Error::Child`] if the process fails, [`Error::Json`] if it reports nothing that can be read.
pub fn run(contestant: &Contestant, job: &dyn Job, dir: &Path, args: &Args) -> Result<Measurement> {
    let mut command = match contestant.who {
        Who::Ours(variant) => {
            let program = env::current_exe().map_err(Error::io("finding", Path::new("race")))?;
            let mut command = Command::new(program);
            command.args(["child", job.name(), variant]).arg(dir);
            command
        }
        Who::Peer(script, variant) => {
            let python = python().ok_or_else(|| Error::NoPeers { race: job.name().into() })?;
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(script);
            let mut command = Command::new(python);
            command.args(["-W", "ignore"]).arg(script).arg(dir).arg(variant);
            command
        }
    };
    command.args([CALLS.to_string(), args.threads.to_string()]);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(Error::io("starting", Path::new(command.get_program())))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().last() {
        Some(last) if output.status.success() => Ok(serde_json::from_str(last)?),
        _ => Err(Error::Child {
            who: contestant.name.into(),
            status: output.status.to_string(),
            output: text.into_owned(),
        }),
    }
}

/// The Python in which the peers are installed.
pub fn python() -> Option<PathBuf> {
    env::var_os("PEERS_PYTHON").filter(|python| !python.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first call is no part of the least time, and the last result is kept.
    #[test]
    fn the_first_call_warms_up() {
        let mut count = 0;
        let timed = Clock { calls: 2 }
            .run(|| {
                count += 1;
                if count == 1 {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                Ok(count)
            })
            .unwrap();
        assert_eq!(timed.result, 3);
        let m = timed.measurement(Some(1), None, 0.0, 1.0);
        assert!(m.cold_s >= 0.05 && m.wall_s < 0.05, "{m:?}");
    }

    /// What the peers' scripts print.
    #[test]
    fn peers_speak_json() {
        let line = r#"{"wall_s": 0.8, "cpu_s": 0.7, "cold_s": 2.0, "start_mib": 500.0, "peak_mib": 600.5,
            "steps": null, "evaluations": 38, "error": 1e-4, "check": 91730.7}"#;
        let m: Measurement = serde_json::from_str(line).unwrap();
        assert_eq!((m.steps, m.evaluations, m.error), (None, Some(38), 1e-4));
    }
}
