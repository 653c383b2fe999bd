//! Where chaos begins: the largest exponent over coupling.

use lyapunov::Activation;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::dynamics::{Dynamics, Record, Varied, mean, median, point_seed, short};
use super::exponent_of_steps;
use super::plan::{Collect, Findings, pictures};
use super::sweep::{Piece, Sweep};
use crate::Error;
use crate::figure::{Axis, Figure, Mark, Scatter};

/// The largest exponent of random networks at evenly spaced values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// The first value.
    pub gmin: f64,
    /// The last value.
    pub gmax: f64,
    /// Values.
    pub m_g: usize,
    /// Networks at each value.
    pub n_samples: u64,
    /// What the value is the spread of.
    pub varied: Varied,
    /// Networks and computation.
    pub dynamics: Dynamics,
}

/// The largest value: a multiple by the number of values is finite.
const LARGEST: f64 = 1e300;

/// Points at most, so that a slip of a key does not fill a disk.
pub(super) const MOST_POINTS: u64 = 1_000_000;

impl Transition {
    /// Tells what makes no sense.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |key, problem| Err(Error::Setting { key, problem });
        let (low, high) = (self.gmin, self.gmax);
        let [from, to] = [low, high].map(short);
        if !(low >= 0.0 && low <= high && high <= LARGEST) {
            return refuse(
                "gmin",
                format!("values from {from} to {to}; give finite ones from 0 to {LARGEST:e}, the smaller first"),
            );
        }
        if self.m_g == 0 || (self.m_g == 1) != (low == high) {
            return refuse("m_g", format!("{} values from {from} to {to}; give two at least, or one of one", self.m_g));
        }
        check_samples(self.m_g, self.n_samples)?;
        if let Some(i) = (1..self.m_g).find(|&i| self.value(i) <= self.value(i - 1)) {
            let value = short(self.value(i));
            return refuse("m_g", format!("{value} twice among the {} values to twelve digits; give fewer", self.m_g));
        }
        self.varied.check(&self.dynamics)?;
        self.dynamics.check()
    }

    /// The values, to twelve digits: 1.2 rather than 1.2000000000000002.
    pub fn values(&self) -> Vec<f64> {
        (0..self.m_g).map(|i| self.value(i)).collect()
    }

    fn value(&self, i: usize) -> f64 {
        let last = self.m_g.max(2) - 1;
        let exact = (self.gmin * (last - i) as f64 + self.gmax * i as f64) / last as f64;
        format!("{exact:.11e}").parse().unwrap_or(exact)
    }

    /// The largest exponent of these networks at a value in mean-field theory, where it knows: of tanh in the steps that are done,
    /// beyond coupling 1 only if they are at most 0.2 long. It is unbiased with `compat` too.
    pub fn theory(&self, g: f64) -> Option<f64> {
        let plain = self.varied == Varied::WEIGHTS && self.dynamics.activation != Activation::TanhPositive;
        if plain { exponent_of_steps(g, self.dynamics.dt).ok() } else { None }
    }

    /// Its curve, `[values, exponents]`.
    fn curve(&self) -> [Vec<f64>; 2] {
        let grid = (0..=60).map(|i| self.gmin + (self.gmax - self.gmin) * f64::from(i) / 60.0);
        // the kink
        let mut values: Vec<f64> = grid.chain((self.gmin < 1.0 && self.gmax > 1.0).then_some(1.0)).collect();
        values.sort_by(f64::total_cmp);
        let known = values.into_par_iter().filter_map(|g| Some((g, self.theory(g)?)));
        known.unzip::<_, _, Vec<_>, Vec<_>>().into()
    }

    /// What the theory's numbers are called beside those of networks.
    fn theory_name(&self) -> &'static str {
        if self.dynamics.compat { "mean field, without the bias of FlyStability's counts" } else { "mean field" }
    }

    fn point(&self, point: usize) -> (f64, u64, u64) {
        let (value, sample) = (self.value(point / self.n_samples as usize), point as u64 % self.n_samples);
        (value, sample, point_seed(self.dynamics.seed, value, sample))
    }

    /// FlyStability's name of a run.
    fn name(&self) -> String {
        let Dynamics { n, tsim, dt, tons, .. } = &self.dynamics;
        let (activation, varied) = (self.dynamics.activation_name(), self.varied.name());
        let tons = tons.map_or("adaptive".to_owned(), short);
        let [tsim, dt] = [*tsim, *dt].map(short);
        format!("{activation}_N{n}_nSample{}_tSim{tsim}_dt{dt}_tOns{tons}_{varied}", self.n_samples)
    }

    /// Points, medians by value, and the theory.
    fn figure(&self, points: &[&Record], values: &[f64], medians: &[f64]) -> Result<Figure, Error> {
        let Dynamics { n, dt, .. } = &self.dynamics;
        let title = format!("Largest exponent of {} networks of {n} neurons", self.dynamics.activation_name());
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|r| (r.value, r.largest())).unzip();
        let mut figure = Scatter::new(title)
            .x(Axis::linear(self.varied.label("g")))
            .y(Axis::linear("largest Lyapunov exponent (per time constant)"))
            .mark(Mark::Horizontal(0.0), "");
        figure = figure.series("networks", &x, &y).series("medians", values, medians);
        let [values, exponents] = self.curve();
        if !values.is_empty() {
            let name = self.theory_name().replacen("mean field", &format!("mean field of steps of {dt}"), 1);
            figure = figure.curve(name, &values, &exponents);
        }
        figure.build()
    }
}

impl Varied {
    /// Of an axis.
    pub(super) fn label(self, value: &str) -> String {
        if self == Self::WEIGHTS {
            format!("coupling {value}")
        } else {
            format!("{value}: √N × deviation of {}", self.name().replace('_', ", "))
        }
    }
}

/// The records that are there, by value.
pub(super) fn by_value(records: &[Option<Record>], samples: u64) -> Vec<Vec<&Record>> {
    records.chunks(samples as usize).map(|at| at.iter().flatten().collect()).collect()
}

pub(super) fn check_samples(values: usize, samples: u64) -> Result<(), Error> {
    let points = (values as u64).checked_mul(samples).filter(|points| (1..=MOST_POINTS).contains(points));
    let problem = || format!("{samples} samples of {values} values; give 1 to {MOST_POINTS} points in all");
    points.map(|_| ()).ok_or_else(|| Error::Setting { key: "n_samples", problem: problem() })
}

impl Sweep for Transition {
    type Record = Record;

    fn names(&self) -> Vec<String> {
        let (varied, seed) = (self.varied.name(), self.dynamics.seed);
        let name = |value: f64| (0..self.n_samples).map(move |sample| (value, sample));
        let names = self.values().into_iter().flat_map(name);
        names.map(|(value, sample)| format!("{varied}_g{}_sample{sample}_seed{seed}", short(value))).collect()
    }

    fn compute(&self, point: usize, piece: &Piece<'_>) -> Result<Option<Record>, Error> {
        let (value, sample, seed) = self.point(point);
        let system = self.dynamics.system(self.varied, value, seed)?;
        let spectrum = piece.spectrum(&system, self.dynamics.derivative(), &self.dynamics.settings(1, seed))?;
        Ok(spectrum.map(|spectrum| Record::new(value, sample, seed, &spectrum)))
    }

    fn check_record(&self, point: usize, record: &Record) -> Result<(), String> {
        let (value, sample, seed) = self.point(point);
        record.check(value, sample, seed, 1)
    }
}

impl Collect for Transition {
    fn outputs(&self) -> Vec<String> {
        pictures(&self.name()).into_iter().chain([format!("{}.csv", self.name())]).collect()
    }

    fn findings(&self, records: &[Option<Record>]) -> Result<Findings, Error> {
        let mut table = String::from("g,sample,seed,exponent,standard_error\n");
        let points: Vec<&Record> = records.iter().flatten().collect();
        for r in &points {
            let error = r.standard_errors.first().map(f64::to_string).unwrap_or_default();
            table += &format!("{},{},{},{},{error}\n", r.value, r.sample, r.seed, r.largest());
        }
        let (mut text, mut summary, mut medians) = (String::new(), Vec::new(), Vec::new());
        let values = self.values();
        let theories: Vec<Option<f64>> = values.par_iter().map(|value| self.theory(*value)).collect();
        for ((value, theory), at) in values.iter().zip(theories).zip(by_value(records, self.n_samples)) {
            let all: Vec<f64> = at.iter().map(|r| r.largest()).collect();
            let median = median(&all);
            medians.push(median);
            let said = theory.map_or(String::new(), |theory| format!("  {} {theory:9.5}", self.theory_name()));
            text += &format!("g {value:<8} median {median:9.5}{said}  ({} networks)\n", all.len());
            let mean = if all.is_empty() { f64::NAN } else { mean(&all) };
            summary.push(
                json!({ "g": value, "median": median, "mean": mean, "mean_field": theory, "samples": all.len() }),
            );
        }
        let figure = self.figure(&points, &values, &medians)?;
        Ok(Findings {
            tables: vec![(format!("{}.csv", self.name()), table.into_bytes())],
            figures: vec![(self.name(), figure)],
            summary: summary.into(),
            text,
        })
    }
}
