//! Many computations that differ in a value and a sample: shared out to processes, stopped, taken up again.
//!
//! Each point is a JSON file of its own, named by what it was computed for and written in one step, so that points that are there are
//! done, whoever did them and whatever happened since. Files do not depend on the number of threads, on interruptions, or on which
//! process computed them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;
use std::time::{Duration, Instant};

use lyapunov::{Derivative, Run, Settings, Spectrum};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RateSystem;
use crate::{Error, atomic};

/// What is computed at many points.
pub trait Sweep: Sync {
    /// What is kept of a point. It holds nothing that differs from one computation to the next, unless that is what is measured.
    type Record: Serialize + DeserializeOwned + Send;

    /// The name of each point's file, without `.json`.
    fn names(&self) -> Vec<String>;

    /// Computes a point by its place in the list of names; `None` if it was interrupted.
    ///
    /// # Errors
    /// What keeps this point from being computed.
    fn compute(&self, point: usize, piece: &Piece<'_>) -> Result<Option<Self::Record>, Error>;

    /// Tells what is wrong with a record that was read from the file of a point; files may be damaged or edited.
    ///
    /// # Errors
    /// What is wrong.
    fn check_record(&self, point: usize, record: &Self::Record) -> Result<(), String>;

    /// Whether a record has all that is asked for. One that has not counts as missing, and is computed again.
    fn suffices(&self, _record: &Self::Record) -> bool {
        true
    }

    /// Whether points are computed one by one, so that they can be timed.
    fn alone(&self) -> bool {
        false
    }
}

/// The part of a sweep that one of many processes computes: every `tasks`-th point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    task: usize,
    tasks: usize,
}

impl Default for Share {
    /// All of it.
    fn default() -> Self {
        Self { task: 0, tasks: 1 }
    }
}

impl Share {
    /// That of one task, numbered from 0.
    ///
    /// # Errors
    /// [`Error::Setting`] unless `task < tasks`.
    pub fn new(task: usize, tasks: usize) -> Result<Self, Error> {
        if task < tasks {
            return Ok(Self { task, tasks });
        }
        let problem = format!("{task} of {tasks} tasks; they are numbered from 0 to their number less 1");
        Err(Error::Setting { key: "task-id", problem })
    }

    /// The number of the task.
    pub fn task(self) -> usize {
        self.task
    }

    /// How many tasks there are.
    pub fn tasks(self) -> usize {
        self.tasks
    }

    /// Those of `n` things, numbered from 0, that are this task's.
    pub fn of(self, n: usize) -> impl Iterator<Item = usize> {
        (self.task..n).step_by(self.tasks)
    }

    /// What is asked for, and for what is not, what the scheduler of a cluster says: an array job of Slurm (`SLURM_ARRAY_TASK_ID`, `_MIN`,
    /// `_STEP`, `_COUNT`) or of LSF (`LSB_JOBINDEX`, which counts from 1 to `LSB_JOBINDEX_END` in steps of `LSB_JOBINDEX_STEP`).
    ///
    /// `variable` looks up a variable of the environment.
    ///
    /// # Errors
    /// [`Error::Setting`] for numbers that make no sense, alone or together.
    pub fn find(
        task: Option<usize>,
        tasks: Option<usize>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let number = |key: &'static str| match variable(key).filter(|text| !text.trim().is_empty()) {
            None => Ok(None),
            Some(text) => text.trim().parse::<usize>().map(Some).map_err(|_| Error::Setting {
                key,
                problem: format!("{text:?} in the environment is no number; give --task-id and --n-tasks"),
            }),
        };
        let place = |key: &'static str, id: usize, first: usize, step: usize| {
            let place = id.checked_sub(first).filter(|from| from % step.max(1) == 0).map(|from| from / step.max(1));
            let problem = format!("{id} is not counted from {first} in steps of {step}; give --task-id and --n-tasks");
            place.ok_or(Error::Setting { key, problem })
        };
        let scheduled = if let Some(id) = number("SLURM_ARRAY_TASK_ID")? {
            let (first, step) = (number("SLURM_ARRAY_TASK_MIN")?, number("SLURM_ARRAY_TASK_STEP")?);
            let place = place("SLURM_ARRAY_TASK_ID", id, first.unwrap_or(0), step.unwrap_or(1))?;
            Some((place, number("SLURM_ARRAY_TASK_COUNT")?))
        // 0 is a job that is no array
        } else if let Some(id) = number("LSB_JOBINDEX")?.filter(|id| *id > 0) {
            let step = number("LSB_JOBINDEX_STEP")?.unwrap_or(1).max(1);
            let count = number("LSB_JOBINDEX_END")?.map(|last| (last.max(1) - 1) / step + 1);
            Some((place("LSB_JOBINDEX", id, 1, step)?, count))
        } else {
            None
        };
        let missing = |key, other| Error::Setting { key, problem: format!("it is needed beside --{other}") };
        let (found_task, found_tasks) = scheduled.map_or((None, None), |(task, tasks)| (Some(task), tasks));
        match (task.or(found_task), tasks.or(found_tasks)) {
            (None, None) => Ok(Self::default()),
            (Some(task), Some(tasks)) => Self::new(task, tasks),
            (Some(_), None) => Err(missing("n-tasks", "task-id")),
            (None, Some(_)) => Err(missing("task-id", "n-tasks")),
        }
    }

    /// Its name among files: `0_of_1`.
    pub(super) fn name(self) -> String {
        format!("{}_of_{}", self.task, self.tasks)
    }

    fn has(self, point: usize) -> bool {
        point % self.tasks == self.task
    }
}

/// How points are computed.
pub struct Options<'a> {
    /// The part that is computed here. Default: all.
    pub share: Share,
    /// Threads: points are computed at once, and where there are fewer of them than threads, each by several. Where the system refuses
    /// some, there are fewer. Default: one per core.
    pub threads: usize,
    /// Whether to stop, asked every now and then. What was computed of a point is kept beside its file. Default: never.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Told of the points done and the points to do, when one is done. Default: nobody.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
    /// How often the state of a point is kept. Default: every 30 s.
    pub keep_every: Duration,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            share: Share::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            stop: &|| false,
            progress: &|_, _| (),
            keep_every: Duration::from_secs(30),
        }
    }
}

/// What came of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Points computed now.
    pub computed: usize,
    /// Points of this share that were there already.
    pub found: usize,
    /// Points of this share that could not be computed, and why.
    pub failed: Vec<(String, String)>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

/// Computes the points of a share that are not there yet, in the folder `points` of `folder`.
///
/// A point whose system diverges does not keep others from being computed.
///
/// # Errors
/// [`Error::Settings`] for files of points that cannot be read, before anything is computed; [`Error::Write`] for a folder that cannot be
/// written to.
pub fn run<S: Sweep>(sweep: &S, folder: &Path, options: &Options<'_>) -> Result<Swept, Error> {
    let names = sweep.names();
    let there = read(sweep, folder)?;
    let mine: Vec<usize> = (0..names.len()).filter(|point| options.share.has(*point)).collect();
    let wanted: Vec<usize> = mine.iter().copied().filter(|point| there[*point].is_none()).collect();
    let workers = if sweep.alone() { 1 } else { options.threads.clamp(1, wanted.len().max(1)) };
    let next = AtomicUsize::new(0);
    let done = Mutex::new((0, Vec::new(), None));
    let broken = || done.lock().is_ok_and(|done| done.2.is_some());
    let threads = (options.threads / workers).max(1);
    let pool = || {
        ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| Error::Setting {
            key: "threads",
            problem: format!("{threads} threads cannot be started: {e}"),
        })
    };
    let own = pool()?;
    let work = |pool: &ThreadPool| -> Result<(), Error> {
        while !(options.stop)() && !broken() {
            let Some(&point) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let file = file(folder, &names[point]);
            let piece = Piece { kept: file.with_extension("run"), options };
            let record = pool.install(|| sweep.compute(point, &piece));
            let failure = match record {
                Ok(None) => break,
                Ok(Some(record)) => {
                    write_json(&file, &record)?;
                    remove(&piece.kept)?;
                    None
                }
                Err(Error::Lyapunov(error)) => Some((point, told(&error))),
                Err(error) => return Err(error),
            };
            if let Ok(mut done) = done.lock() {
                match failure {
                    None => done.0 += 1,
                    Some(failure) => done.1.push(failure),
                }
                (options.progress)(done.0 + done.1.len(), wanted.len());
            }
        }
        Ok(())
    };
    let worker = |pool: &ThreadPool| {
        if let (Err(error), Ok(mut done)) = (work(pool), done.lock()) {
            done.2.get_or_insert(error);
        }
    };
    // A helper that gets no threads leaves the work to the others.
    let helper = || {
        if let Ok(pool) = pool() {
            worker(&pool);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..workers {
            if Builder::new().spawn_scoped(scope, helper).is_err() {
                break;
            }
        }
        worker(&own);
    });
    let (computed, mut failed, error) = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(error) = error {
        return Err(error);
    }
    failed.sort_by_key(|(point, _)| *point);
    let failed: Vec<_> = failed.into_iter().map(|(point, why)| (names[point].clone(), why)).collect();
    let interrupted = computed + failed.len() < wanted.len();
    Ok(Swept { computed, found: mine.len() - wanted.len(), failed, interrupted })
}

/// Why a point cannot be computed, with what can be done about it by options that all sweeps have.
fn told(error: &lyapunov::Error) -> String {
    match error {
        lyapunov::Error::Vanished { column, step } => format!(
            "step {step} contracts tangent {} to nothing within rounding, so that its exponent cannot be told from minus infinity; steps \
             as long as the time constant do that: take a shorter --dt, such as 0.5, and another folder",
            column + 1
        ),
        // An interval that adapts does not come to this.
        lyapunov::Error::Dependent { interval, step } => format!(
            "tangents became dependent or too small within the {interval} steps up to step {step}, so that exponents are lost to \
             rounding: take a shorter --tons, `--tons adaptive`, or a shorter --dt, and another folder"
        ),
        other => other.to_string(),
    }
}

/// All points of a sweep, `None` for those that are not there or have less than what is asked for.
///
/// # Errors
/// [`Error::Settings`] for a file that does not hold a point, [`Error::Read`] for one that cannot be read.
pub fn read<S: Sweep>(sweep: &S, folder: &Path) -> Result<Vec<Option<S::Record>>, Error> {
    let one = |(point, name): (usize, String)| {
        let path = file(folder, &name);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Read { path, source }),
            Ok(text) => text,
        };
        let record = serde_json::from_slice(&text).map_err(|error| error.to_string());
        let sound = record.and_then(|record| sweep.check_record(point, &record).map(|()| Some(record)));
        let sufficient = sound.map(|record| record.filter(|record| sweep.suffices(record)));
        sufficient.map_err(|why| Error::Settings {
            path,
            problem: format!("it does not hold this point ({why}); delete it, and it is computed again"),
        })
    };
    sweep.names().into_iter().enumerate().map(one).collect()
}

/// The file of a point.
pub(super) fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join("points").join(format!("{name}.json"))
}

/// Writes JSON, whole or not at all.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let problem = |e: serde_json::Error| Error::Settings { path: path.to_path_buf(), problem: e.to_string() };
    let mut text = serde_json::to_vec(value).map_err(problem)?;
    text.push(b'\n');
    write(path, &text)
}

/// Writes a file, whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    atomic::write(path, bytes).map_err(|source| Error::Write { path: path.to_path_buf(), source })
}

/// Removes a file, where it is there.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(Error::Write { path: path.to_path_buf(), source }),
        _ => Ok(()),
    }
}

/// What a point needs to stop and go on.
pub struct Piece<'a> {
    kept: PathBuf,
    options: &'a Options<'a>,
}

impl Piece<'_> {
    /// Whether to stop.
    pub(super) fn stopped(&self) -> bool {
        (self.options.stop)()
    }

    /// The exponents of a network, from where an earlier run of this point left off; `None` if it is interrupted now.
    ///
    /// # Errors
    /// [`Error::Lyapunov`] as [`Settings::run`], [`Error::Write`] where the state cannot be kept.
    pub fn spectrum(
        &self,
        system: &RateSystem,
        derivative: Derivative,
        settings: &Settings,
    ) -> Result<Option<Spectrum<f64>>, Error> {
        let map = system.network(derivative)?;
        // A state of another version is no use, and no harm.
        let kept = fs::read(&self.kept).ok().and_then(|bytes| Run::from_bytes(&bytes).ok());
        let mut run = match kept {
            Some(run) => run,
            None => Run::new(settings, &map, system.state())?,
        };
        let (mut steps, mut saved) = (16, Instant::now());
        loop {
            let begun = Instant::now();
            if !run.advance(&map, steps)? {
                return Ok(Some(run.into_spectrum()));
            }
            if begun.elapsed() < Duration::from_millis(100) {
                steps *= 2;
            }
            let stop = self.stopped();
            if stop || saved.elapsed() >= self.options.keep_every {
                write(&self.kept, &run.to_bytes())?;
                saved = Instant::now();
            }
            if stop {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(task: Option<usize>, tasks: Option<usize>, environment: &[(&str, &str)]) -> Result<Share, Error> {
        Share::find(task, tasks, |key| environment.iter().find(|(k, _)| *k == key).map(|(_, v)| (*v).to_owned()))
    }

    /// Slurm counts from anywhere in any steps, LSF from 1; what is asked for counts more.
    #[test]
    fn the_task_is_found() {
        let slurm = |id, min, step, count| {
            let keys =
                ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_COUNT"];
            keys.into_iter().zip([id, min, step, count]).collect::<Vec<_>>()
        };
        let lsf = |id, last| [("LSB_JOBINDEX", id), ("LSB_JOBINDEX_END", last)];
        let share = |task, tasks| Share { task, tasks };
        assert_eq!(found(None, None, &[]).unwrap(), share(0, 1));
        assert_eq!(found(Some(2), Some(5), &[]).unwrap(), share(2, 5));
        assert_eq!(found(None, None, &slurm("1", "1", "1", "4")).unwrap(), share(0, 4));
        assert_eq!(found(None, None, &slurm("9", "3", "2", "4")).unwrap(), share(3, 4));
        assert_eq!(found(None, None, &slurm("0", "0", "1", "4")).unwrap(), share(0, 4));
        assert_eq!(found(None, None, &lsf("1", "8")).unwrap(), share(0, 8));
        assert_eq!(found(None, None, &lsf("8", "8")).unwrap(), share(7, 8));
        assert_eq!(found(None, None, &lsf("0", "0")).unwrap(), share(0, 1));
        assert_eq!(found(Some(1), Some(3), &slurm("0", "0", "1", "4")).unwrap(), share(1, 3));
        assert_eq!(found(None, Some(9), &slurm("2", "0", "1", "4")).unwrap(), share(2, 9));
        for (task, tasks, environment, wanted) in [
            (Some(3), Some(3), vec![], "task-id: 3 of 3"),
            (Some(0), Some(0), vec![], "task-id: 0 of 0"),
            (Some(1), None, vec![], "n-tasks"),
            (None, Some(2), vec![], "task-id"),
            (None, None, vec![("SLURM_ARRAY_TASK_ID", "1")], "n-tasks"),
            (None, None, slurm("4", "3", "2", "4"), "SLURM_ARRAY_TASK_ID: 4"),
            (None, None, slurm("9", "0", "1", "4"), "task-id: 9 of 4"),
            (None, None, slurm("x", "0", "1", "4"), "no number"),
        ] {
            let message = found(task, tasks, &environment).unwrap_err().to_string();
            assert!(message.contains(wanted), "{message}");
        }
    }

    /// Every point is some task's, and no other's.
    #[test]
    fn shares_cover_each_point_once() {
        for tasks in 1..20 {
            for point in 0..100 {
                let owners = (0..tasks).filter(|&task| Share::new(task, tasks).unwrap().has(point)).count();
                assert_eq!(owners, 1);
            }
        }
    }
}
