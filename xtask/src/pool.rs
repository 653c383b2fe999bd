//! Programs that run beside each other, the output of each in one piece.

use std::{
    io::{self, Read},
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use crate::error::{Error, Result};

/// Whoever waits hears something at least so often.
const SILENCE: Duration = Duration::from_secs(5);

/// A program to run, and what to call it.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) command: Command,
}

/// A job that has ended.
pub(crate) struct Ended {
    pub(crate) name: String,
    /// Standard output and standard error, as they came.
    pub(crate) output: String,
    pub(crate) time: Duration,
    pub(crate) result: Result<()>,
}

/// How many jobs run at once: one for each core.
pub(crate) fn width() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Starts jobs in their order, `width` of them at once, and hands over each as soon as it has ended. After a failure no
/// more are started, unless `keep_going`; those that run come to their end.
pub(crate) fn run(jobs: Vec<Job>, width: usize, keep_going: bool, mut ended: impl FnMut(Ended)) {
    let (all, mut done, mut failed) = (jobs.len(), 0, false);
    let mut waiting = jobs.into_iter();
    let mut running: Vec<(String, Instant)> = Vec::new();
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        loop {
            while running.len() < width.max(1) && (keep_going || !failed) {
                let Some(job) = waiting.next() else { break };
                let sender = sender.clone();
                running.push((job.name.clone(), Instant::now()));
                scope.spawn(move || {
                    // The receiver lives as long as the jobs.
                    let _ = sender.send(job.run());
                });
            }
            if running.is_empty() {
                break;
            }
            match receiver.recv_timeout(SILENCE) {
                Ok(job) => {
                    if let Some(place) = running.iter().position(|(name, _)| *name == job.name) {
                        running.remove(place);
                    }
                    done += 1;
                    failed |= job.result.is_err();
                    ended(job);
                }
                Err(RecvTimeoutError::Timeout) => eprintln!("{done} of {all} done, running: {}", list(&running)),
                Err(RecvTimeoutError::Disconnected) => unreachable!("a sender is kept"),
            }
        }
    });
}

/// "sparse-ode --lib (12 s), flybrain --lib (3 s)".
fn list(running: &[(String, Instant)]) -> String {
    let each = running.iter().map(|(name, start)| format!("{name} ({:.0} s)", start.elapsed().as_secs_f64()));
    each.collect::<Vec<_>>().join(", ")
}

impl Job {
    fn run(self) -> Ended {
        let (name, start) = (self.name, Instant::now());
        let (output, result) = match capture(self.command) {
            Ok((status, output)) if status.success() => (output, Ok(())),
            Ok((status, output)) => (output, Err(Error::Failed { command: name.clone(), status: status.to_string() })),
            Err(error) => (Vec::new(), Err(Error::io(format!("running {name}"))(error))),
        };
        let output = String::from_utf8_lossy(&output).into_owned();
        Ended { name, output, time: start.elapsed(), result }
    }
}

/// Both streams go into one pipe, which keeps their lines in order.
fn capture(mut command: Command) -> io::Result<(ExitStatus, Vec<u8>)> {
    let (mut reader, writer) = io::pipe()?;
    let mut child = command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // It holds the pipe open for writing, and reading would never end.
    drop(command);
    let mut output = Vec::new();
    reader.read_to_end(&mut output)?;
    Ok((child.wait()?, output))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str) -> Job {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Job { name: name.into(), command }
    }

    fn run_all(jobs: Vec<Job>, width: usize, keep_going: bool) -> Vec<Ended> {
        let mut all = Vec::new();
        run(jobs, width, keep_going, |job| all.push(job));
        all
    }

    fn names(ended: &[Ended]) -> Vec<&str> {
        ended.iter().map(|job| job.name.as_str()).collect()
    }

    #[test]
    fn one_at_a_time_runs_them_in_order() {
        let all = run_all(vec![shell("a", "echo 1; echo 2 >&2; echo 3"), shell("b", "echo 4")], 1, false);
        assert_eq!(names(&all), ["a", "b"]);
        assert_eq!([all[0].output.as_str(), &all[1].output], ["1\n2\n3\n", "4\n"]);
        assert!(all.iter().all(|job| job.result.is_ok()));
    }

    #[test]
    fn as_many_run_at_once_as_there_is_room_for() {
        // Each waits for a sign of the other.
        let folder = tempfile::tempdir().unwrap();
        let meet = |own: &str, other: &str| {
            let script = format!("touch {own}; while ! [ -e {other} ]; do sleep 0.01; done; echo {own}; echo {own}");
            let mut job = shell(own, &script);
            job.command.current_dir(folder.path());
            job
        };
        let mut all = run_all(vec![meet("a", "b"), meet("b", "a")], 2, false);
        all.sort_by(|x, y| x.name.cmp(&y.name));
        assert_eq!([all[0].output.as_str(), &all[1].output], ["a\na\n", "b\nb\n"]);
    }

    #[test]
    fn no_more_are_started_after_a_failure() {
        let jobs = || vec![shell("good", "true"), shell("bad", "echo why; exit 3"), shell("late", "true")];
        let all = run_all(jobs(), 1, false);
        assert_eq!(names(&all), ["good", "bad"]);
        assert_eq!(all[1].output, "why\n");
        assert_eq!(all[1].result.as_ref().unwrap_err().to_string(), "`bad` ended with exit status: 3");
        assert_eq!(names(&run_all(jobs(), 1, true)), ["good", "bad", "late"]);
    }

    #[test]
    fn what_runs_beside_a_failure_ends() {
        let all =
            run_all(vec![shell("slow", "sleep 0.2; echo done"), shell("bad", "exit 1"), shell("late", "")], 2, false);
        assert_eq!(names(&all), ["bad", "slow"]);
        assert_eq!(all[1].output, "done\n");
    }

    #[test]
    fn a_program_that_is_not_there_is_a_failure() {
        let all = run_all(vec![Job { name: "none".into(), command: Command::new("/there/is/none") }], 1, false);
        assert!(all[0].result.as_ref().unwrap_err().to_string().starts_with("running none: "));
    }
}
