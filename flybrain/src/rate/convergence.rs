//! How exponents converge: running exponents of one network from several starting states.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::dynamics::{Dynamics, Record, Varied, mean, point_seed, short};
use super::plan::{Collect, Findings, json, pictures};
use super::sweep::{Piece, Sweep};
use super::transition::check_samples;
use super::{Purpose, normals};
use crate::Error;
use crate::figure::{Axis, Figure, Lines, Mark};

/// Running exponents of one random network from several starting states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Convergence {
    /// Coupling strength.
    pub g: f64,
    /// Starting states.
    pub n_samples: u64,
    /// Exponents.
    pub nle: usize,
    /// Network and computation.
    pub dynamics: Dynamics,
}

/// Exponents that are drawn, by number from 0.
const DRAWN: [usize; 4] = [0, 2, 4, 6];
/// States that are drawn: pictures have a limit, and eyes.
const STATES: usize = 24;
/// Numbers of running exponents in a file at most.
const MOST_RUNNING: f64 = 2e7;
/// Steps between orthonormalisations that an interval that adapts has at least, as a rule.
const ADAPTED: f64 = 10.0;

impl Convergence {
    /// Tells what makes no sense.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |key, problem| Err(Error::Setting { key, problem });
        if !(self.g.is_finite() && self.g >= 0.0) {
            return refuse("g", format!("{}; give a finite coupling from 0 on", short(self.g)));
        }
        self.dynamics.check()?;
        let n = self.dynamics.n;
        if !(1..=n).contains(&self.nle) {
            return refuse("nle", format!("{} exponents of {n} neurons; give 1 to {n}", self.nle));
        }
        let kept = self.dynamics.tsim / self.dynamics.tons.unwrap_or(ADAPTED * self.dynamics.dt) * self.nle as f64;
        if kept > MOST_RUNNING {
            let problem = format!(
                "{kept:.0} running exponents; {MOST_RUNNING:.0} are kept at most: orthonormalise less often, or choose fewer \
                 exponents or a shorter time"
            );
            return refuse("tons", problem);
        }
        check_samples(1, self.n_samples)
    }

    fn seed(&self, sample: u64) -> u64 {
        point_seed(self.dynamics.seed, self.g, sample)
    }

    /// FlyStability's name of a run.
    fn name(&self) -> String {
        let Self { g, nle, dynamics: Dynamics { n, tsim, dt, tons, .. }, .. } = self;
        let (activation, tons) = (self.dynamics.activation_name(), tons.map_or("adaptive".to_owned(), short));
        let [g, tsim, dt] = [*g, *tsim, *dt].map(short);
        format!("{activation}_N{n}_NLE{nle}_g{g}_Tons{tons}_Tsim{tsim}_dt{dt}")
    }

    fn figure(&self, records: &[&Record]) -> Result<Figure, Error> {
        let Dynamics { n, .. } = self.dynamics;
        let states = match records.len() {
            0..=STATES => "several states".to_owned(),
            all => format!("the first {STATES} of {all} states"),
        };
        let records = &records[..records.len().min(STATES)];
        let title = format!("Running exponents of {n} neurons, g = {}, from {states}", self.g);
        let mut lines =
            Lines::new(title).x("time counted (time constants)").y(self.axis(records)).mark(Mark::Horizontal(0.0), "");
        for record in records {
            lines = lines.panel(format!("state {}", record.sample));
            let times = record.points();
            for index in DRAWN.into_iter().filter(|index| *index < self.nle) {
                let values: Vec<f64> = record.history.iter().map(|at| at[index]).collect();
                lines = lines.series(format!("exponent {}", index + 1), times, &values);
            }
        }
        lines.build()
    }

    /// The first few numbers may be far away.
    fn axis(&self, records: &[&Record]) -> Axis {
        let settled = records.iter().flat_map(|record| &record.history[record.history.len() / 50..]);
        let drawn = settled.flat_map(|at| DRAWN.into_iter().filter_map(|index| at.get(index)));
        let (low, high) = drawn.fold((0.0f64, 0.0f64), |(low, high), x| (low.min(*x), high.max(*x)));
        let room = 0.05 * (high - low).max(1e-3);
        Axis::linear("exponent (per time constant)").range(low - room, high + room)
    }
}

impl Record {
    /// A time for each of the running exponents; FlyStability has one more.
    fn points(&self) -> &[f64] {
        &self.times[self.times.len() - self.history.len()..]
    }
}

impl Sweep for Convergence {
    type Record = Record;

    fn names(&self) -> Vec<String> {
        let (g, seed) = (short(self.g), self.dynamics.seed);
        (0..self.n_samples).map(|sample| format!("g{g}_sample{sample}_seed{seed}")).collect()
    }

    fn compute(&self, point: usize, piece: &Piece<'_>) -> Result<Option<Record>, Error> {
        let sample = point as u64;
        let seed = self.seed(sample);
        let network = self.dynamics.system(Varied::WEIGHTS, self.g, self.dynamics.seed)?;
        let system = network.with_state(normals(self.dynamics.n, seed, 0, Purpose::State))?;
        let settings = self.dynamics.settings(self.nle, seed).history(true);
        let spectrum = piece.spectrum(&system, self.dynamics.derivative(), &settings)?;
        Ok(spectrum.map(|spectrum| Record::new(self.g, sample, seed, &spectrum)))
    }

    fn check_record(&self, point: usize, record: &Record) -> Result<(), String> {
        let (sample, rows) = (point as u64, record.history.len());
        record.check(self.g, sample, self.seed(sample), self.nle)?;
        if rows == 0 || !(rows..=rows + 1).contains(&record.times.len()) {
            return Err(format!("it has {rows} running spectra and {} times", record.times.len()));
        }
        match record.history.iter().find(|at| at.len() != self.nle) {
            Some(at) => Err(format!("a running spectrum has {} exponents, not {}", at.len(), self.nle)),
            None => Ok(()),
        }
    }
}

impl Collect for Convergence {
    fn outputs(&self) -> Vec<String> {
        let name = self.name();
        [format!("{name}.json"), format!("{name}.csv")].into_iter().chain(pictures(&name)).collect()
    }

    fn findings(&self, records: &[Option<Record>]) -> Result<Findings, Error> {
        let records: Vec<&Record> = records.iter().flatten().collect();
        // FlyStability's log.
        let mut log = Map::new();
        let mut table = String::from("sample,exponent,value,standard_error\n");
        let (mut text, mut summary) = (String::new(), Vec::new());
        for r in &records {
            let sample = json!({ "times": r.times, "tons": r.intervals, "spectrum": r.history });
            log.insert(format!("sample_{}", r.sample), sample);
            for (index, value) in r.exponents.iter().enumerate() {
                let error = r.standard_errors.get(index).map(f64::to_string).unwrap_or_default();
                table += &format!("{},{},{value},{error}\n", r.sample, index + 1);
            }
            let error = r.standard_errors.first().map_or(String::new(), |error| format!(" ± {error:.5}"));
            text += &format!("state {:<4} largest exponent {:9.5}{error}\n", r.sample, r.exponents[0]);
            summary.push(json!({ "sample": r.sample, "exponents": r.exponents, "standard_errors": r.standard_errors }));
        }
        let largest: Vec<f64> = records.iter().map(|r| r.exponents[0]).collect();
        let spread = largest.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b))
            - largest.iter().fold(f64::INFINITY, |a, b| a.min(*b));
        text += &format!("all states: mean {:.5}, largest less smallest {spread:.5}\n", mean(&largest));
        if records.len() > STATES {
            text += &format!("drawn: the first {STATES} of {} states\n", records.len());
        }
        let name = self.name();
        Ok(Findings {
            tables: vec![
                (format!("{name}.json"), json(&Value::Object(log))),
                (format!("{name}.csv"), table.into_bytes()),
            ],
            figures: vec![(name, self.figure(&records)?)],
            summary: summary.into(),
            text,
        })
    }
}
