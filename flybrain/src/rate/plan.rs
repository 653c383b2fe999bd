//! What a folder of a sweep holds, and how it is put together.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sweep::{self, Options, Sweep, Swept};
use super::{Benchmark, Convergence, SpectrumScan, Transition};
use crate::figure::Figure;
use crate::report::{Report, RunRecord, Table};
use crate::{Error, run_folder};

/// A sweep with all its settings.
///
/// | in its folder | |
/// | --- | --- |
/// | `sweep.json` | the settings |
/// | `points/` | a file per point, and the state of points that were interrupted |
/// | `runs/` | a file per task, such as `0_of_1.json`: version, revision, platform, command line, times of its last run |
/// | `*.csv`, `*.json`, `*.svg`, `*.png`, `report.html` | tables and pictures, as [`collect`](Self::collect) makes them |
///
/// All but `runs/` is the same to the bit however the points were shared out, stopped and gone on with. Where a plan of fewer values or
/// samples takes the place of another, points that are not its own stay in `points/`; tables and pictures of the other one go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "workflow", rename_all = "kebab-case")]
pub enum Plan {
    /// Running exponents of one network from several starting states.
    LyapunovConvergence(Convergence),
    /// Times of computation.
    LyapunovBenchmark(Benchmark),
    /// Largest exponents over coupling.
    TransitionToChaos(Transition),
    /// Whole spectra over coupling.
    Spectrum(SpectrumScan),
}

/// Does the same with any kind of plan.
macro_rules! each {
    ($plan:expr, $of:ident => $do:expr) => {
        match $plan {
            Plan::LyapunovConvergence($of) => $do,
            Plan::LyapunovBenchmark($of) => $do,
            Plan::TransitionToChaos($of) => $do,
            Plan::Spectrum($of) => $do,
        }
    };
}

/// Settings that say which points there are, or how often each is timed, not what they are: they may change in a folder.
const GRID: [&str; 6] = ["gmin", "gmax", "m_g", "n_samples", "variance_max", "repeats"];

/// Rows of a table of points in a report.
const MOST_ROWS: usize = 500;

/// What a sweep came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Collected {
    /// Points there are.
    pub points: usize,
    /// Names of those that are not there.
    pub missing: Vec<String>,
    /// Tables, pictures and the report.
    pub files: Vec<PathBuf>,
    /// Results by value.
    pub summary: Value,
    /// The same for people.
    #[serde(skip)]
    pub text: String,
}

/// Tables, pictures and results of the points that are there.
#[derive(Default)]
pub(super) struct Findings {
    /// Name and content of each table.
    pub(super) tables: Vec<(String, Vec<u8>)>,
    pub(super) figures: Vec<(String, Figure)>,
    pub(super) summary: Value,
    pub(super) text: String,
}

impl Plan {
    /// The settings of the sweep in a folder.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Settings`] for a folder that holds none, or some that make no sense.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("sweep.json");
        let text = fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let bad = |problem| Error::Settings { path: path.clone(), problem };
        let plan: Self = serde_json::from_slice(&text)
            .map_err(|error| bad(format!("it does not hold the settings of a sweep ({error})")))?;
        plan.check().map_err(|error| bad(format!("the settings of a sweep make no sense: {error}")))?;
        Ok(plan)
    }

    /// Tells what makes no sense.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<(), Error> {
        each!(self, plan => plan.check())
    }

    /// Computes the points of a share that are not there yet. A folder of the same settings is gone on with; numbers of values and samples
    /// may differ, so that a sweep can be extended.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings that make no sense, [`Error::Exists`] for a folder of something else, [`Error::Settings`] for one of
    /// another sweep and for damaged files, all before anything is written; [`Error::Write`].
    pub fn run(&self, folder: &Path, options: &Options<'_>) -> Result<Swept, Error> {
        self.check()?;
        if let Self::LyapunovBenchmark(benchmark) = self {
            benchmark.check_cases()?;
        }
        self.take(folder)?;
        let mut record = RunRecord::start();
        let (swept, seed) = each!(self, plan => (sweep::run(plan, folder, options)?, plan.dynamics.seed));
        record.seed("seed", seed);
        record.result(&swept);
        record.write_as(&folder.join("runs").join(format!("{}.json", options.share.name())))?;
        Ok(swept)
    }

    /// Makes sure that the folder is this plan's. What was put together of another number of values or samples is removed: it would be
    /// taken for this plan's.
    fn take(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join("sweep.json");
        if run_folder::holds(folder, "sweep.json")? {
            let there = Self::read(folder)?;
            if there == *self {
                return Ok(());
            }
            if there.workflow() != self.workflow() {
                let problem = format!(
                    "the sweep in this folder is {}, not {}; name another folder",
                    there.workflow(),
                    self.workflow()
                );
                return Err(Error::Settings { path, problem });
            }
            let (old, new) = (settings(&there), settings(self));
            for (key, old) in &old {
                let new = new.iter().find(|(other, _)| other == key).map(|(_, value)| value);
                let last = key.rsplit('.').next().unwrap_or(key);
                if !GRID.contains(&last) && new != Some(old) {
                    let new = new.map_or("nothing".to_owned(), Value::to_string);
                    let problem = format!("the sweep in this folder has {key} = {old}, not {new}; name another folder");
                    return Err(Error::Settings { path, problem });
                }
            }
            // damaged points are told before anything is gone
            self.missing(folder)?;
            there.give_way(self, folder)?;
        }
        sweep::write_json(&path, self)
    }

    /// Removes what [`collect`](Self::collect) wrote, and says which points the plan that follows leaves aside.
    fn give_way(&self, to: &Self, folder: &Path) -> Result<(), Error> {
        for name in each!(self, plan => plan.outputs()).iter().map(String::as_str).chain(["report.html"]) {
            sweep::remove(&folder.join(name))?;
        }
        let wanted: HashSet<String> = each!(to, plan => plan.names()).into_iter().collect();
        let names = each!(self, plan => plan.names()).into_iter().filter(|name| !wanted.contains(name));
        let left = names.filter(|name| sweep::file(folder, name).exists()).count();
        if left > 0 {
            let changes = settings(self).into_iter().zip(settings(to)).filter(|(old, new)| old != new);
            let changes: Vec<String> =
                changes.map(|((key, old), (_, new))| format!("{key} was {old}, is {new}")).collect();
            tracing::warn!(
                "{left} points in {} are not of this sweep ({}); they stay there, and count again once they are asked for",
                folder.join("points").display(),
                changes.join(", ")
            );
        }
        Ok(())
    }

    /// Name of the workflow.
    pub fn workflow(&self) -> &'static str {
        match self {
            Self::LyapunovConvergence(_) => "lyapunov-convergence",
            Self::LyapunovBenchmark(_) => "lyapunov-benchmark",
            Self::TransitionToChaos(_) => "transition-to-chaos",
            Self::Spectrum(_) => "spectrum",
        }
    }

    /// Names of the points that are not there.
    ///
    /// # Errors
    /// [`Error::Settings`] and [`Error::Read`] for damaged files.
    pub fn missing(&self, folder: &Path) -> Result<Vec<String>, Error> {
        each!(self, plan => {
            let there = sweep::read(plan, folder)?;
            Ok(plan.names().into_iter().zip(there).filter(|(_, point)| point.is_none()).map(|(name, _)| name).collect())
        })
    }

    /// Puts tables and pictures together from the points that are there.
    ///
    /// # Errors
    /// As [`missing`](Self::missing), and [`Error::Write`].
    pub fn collect(&self, folder: &Path) -> Result<Collected, Error> {
        let (mut collected, found) = self.find(folder)?;
        for (name, bytes) in &found.tables {
            let path = folder.join(name);
            sweep::write(&path, bytes)?;
            collected.files.push(path);
        }
        for (name, figure) in &found.figures {
            collected.files.extend(figure.save(folder.join(name))?);
        }
        collected.files.push(self.report(&collected, &found).write(folder)?);
        Ok(collected)
    }

    /// The page about what was put together. It does not tell when, where or in how many runs points were computed.
    fn report(&self, collected: &Collected, found: &Findings) -> Report {
        let Collected { points, missing, .. } = collected;
        let said = match (missing.len(), missing.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ")) {
            (0, _) => format!("All {points} points are there."),
            (n, first) if n > 5 => format!("{n} of {points} points are missing: {first}, and others."),
            (n, first) => format!("{n} of {points} points are missing: {first}."),
        };
        let report = Report::new(self.title()).text(said);
        let report = Table::of_records(&collected.summary).into_iter().fold(report, Report::table);
        let report =
            found.figures.iter().fold(report, |report, (name, figure)| report.figure(format!("{name}.svg"), figure));
        let tables = found.tables.iter().filter(|(name, _)| name.ends_with(".csv"));
        let report = tables.fold(report, |report, (name, bytes)| {
            let table = Table::csv(&**name, &String::from_utf8_lossy(bytes), MOST_ROWS);
            report.section(format!("Points: {name}"), |section| section.table(table))
        });
        let values: Vec<(String, String)> = settings(self)
            .into_iter()
            .map(|(key, value)| (key, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        report
            .section("As printed", |section| section.code(&*collected.text))
            .section("Settings", |section| section.values(&values))
    }

    fn title(&self) -> &'static str {
        match self {
            Self::LyapunovConvergence(_) => "Convergence of Lyapunov exponents",
            Self::LyapunovBenchmark(_) => "Time of computation of Lyapunov exponents",
            Self::TransitionToChaos(_) => "The transition to chaos of random networks",
            Self::Spectrum(_) => "Lyapunov spectra of random networks",
        }
    }

    /// The same without writing anything.
    ///
    /// # Errors
    /// As [`missing`](Self::missing).
    pub fn summary(&self, folder: &Path) -> Result<Collected, Error> {
        Ok(self.find(folder)?.0)
    }

    fn find(&self, folder: &Path) -> Result<(Collected, Findings), Error> {
        each!(self, plan => {
            let records = sweep::read(plan, folder)?;
            let (names, points) = (plan.names().into_iter().zip(&records), records.len());
            let missing: Vec<String> = names.filter(|(_, point)| point.is_none()).map(|(name, _)| name).collect();
            let mut found = if missing.len() == points { Findings::default() } else { plan.findings(&records)? };
            let (summary, text) = (found.summary.take(), std::mem::take(&mut found.text));
            Ok((Collected { points, missing, files: Vec::new(), summary, text }, found))
        })
    }
}

/// A sweep whose points can be put together.
pub(super) trait Collect: Sweep {
    /// Of records in the order of names, at least one of which is there.
    fn findings(&self, records: &[Option<Self::Record>]) -> Result<Findings, Error>;

    /// Names of all files of tables and figures that there may be.
    fn outputs(&self) -> Vec<String>;
}

/// The files of a figure.
pub(super) fn pictures(name: &str) -> [String; 2] {
    [format!("{name}.svg"), format!("{name}.png")]
}

/// All settings of a plan, `dynamics.n` and so on.
fn settings(plan: &Plan) -> Vec<(String, Value)> {
    fn flatten(key: &str, value: Value, into: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(map) => {
                for (inner, value) in map {
                    let key = if key.is_empty() { inner } else { format!("{key}.{inner}") };
                    flatten(&key, value, into);
                }
            }
            value => into.push((key.to_owned(), value)),
        }
    }
    let mut all = Vec::new();
    flatten("", serde_json::to_value(plan).unwrap_or_default(), &mut all);
    all
}

/// JSON of a table.
pub(super) fn json(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}
