//! Whole spectra over coupling: dimension, entropy, density of exponents.

use lyapunov::{entropy, integer_dimension, kaplan_yorke_dimension};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::dynamics::{Dynamics, Record, Varied, mean, point_seed, short};
use super::plan::{Collect, Findings, json, pictures};
use super::sweep::{Piece, Sweep};
use super::transition::{by_value, check_samples};
use crate::Error;
use crate::figure::{Axis, Figure, Lines, Mark, Scatter};

/// All exponents of random networks at σ = 1, 2, 4, and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpectrumScan {
    /// Values of σ.
    pub variance_max: u32,
    /// Networks at each value.
    pub n_samples: u64,
    /// What the value is the spread of.
    pub varied: Varied,
    /// Networks and computation.
    pub dynamics: Dynamics,
}

/// Values of σ whose spectra are drawn.
const DRAWN: [f64; 4] = [1.0, 8.0, 64.0, 256.0];
/// Range of exponents that is drawn.
const RANGE: (f64, f64) = (-2.5, 2.5);

impl SpectrumScan {
    /// Tells what makes no sense.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<(), Error> {
        if !(1..=60).contains(&self.variance_max) {
            let problem = format!("{} values of σ, which doubles; give 1 to 60", self.variance_max);
            return Err(Error::Setting { key: "variance_max", problem });
        }
        check_samples(self.variance_max as usize, self.n_samples)?;
        self.varied.check(&self.dynamics)?;
        self.dynamics.check()
    }

    /// The values of σ.
    pub fn values(&self) -> Vec<f64> {
        (0..self.variance_max).map(|power| 2f64.powi(power as i32)).collect()
    }

    fn point(&self, point: usize) -> (f64, u64, u64) {
        let (value, sample) = (self.values()[point / self.n_samples as usize], point as u64 % self.n_samples);
        (value, sample, point_seed(self.dynamics.seed, value, sample))
    }

    fn name(&self) -> String {
        let Dynamics { n, tsim, dt, .. } = &self.dynamics;
        let [tsim, dt] = [*tsim, *dt].map(short);
        let (activation, varied) = (self.dynamics.activation_name(), self.varied.name());
        format!("{activation}_N{n}_nSample{}_tSim{tsim}_dt{dt}_{varied}", self.n_samples)
    }

    /// FlyStability counts exponents only.
    fn dimension(&self, record: &Record) -> f64 {
        if self.dynamics.compat {
            integer_dimension(&record.exponents) as f64
        } else {
            kaplan_yorke_dimension(&record.exponents)
        }
    }

    fn over_sigma(
        &self,
        title: &str,
        label: &str,
        points: &[Vec<&Record>],
        of: &dyn Fn(&Record) -> f64,
    ) -> Result<Figure, Error> {
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().flatten().map(|r| (r.value, of(r))).unzip();
        let means: Vec<f64> = points.iter().map(|at| mean_of(at, of)).collect();
        Scatter::new(format!("{title}, {} neurons", self.dynamics.n))
            .x(Axis::log(self.varied.label("σ")))
            .y(Axis::linear(label))
            .series("networks", &x, &y)
            .curve("mean", &self.values(), &means)
            .build()
    }

    fn spectra(&self, points: &[Vec<&Record>]) -> Result<Figure, Error> {
        let mut lines = Lines::new(format!("Spectra of {} neurons", self.dynamics.n))
            .x(Axis::linear("index (%)").range(0.0, 100.0))
            .y(Axis::linear("exponent (per time constant)").range(RANGE.0, RANGE.1))
            .mark(Mark::Horizontal(0.0), "");
        let values = self.values();
        let drawn = |value: f64| DRAWN.contains(&value) || !values.iter().any(|v| DRAWN[1..].contains(v));
        for (value, at) in values.iter().zip(points).filter(|(value, _)| drawn(**value)) {
            let at: Vec<Vec<f64>> = at.iter().map(|r| r.sorted()).collect();
            let Some(first) = at.first() else { continue };
            let n = first.len();
            let percent: Vec<f64> = (0..n).map(|i| 100.0 * (i as f64 + 0.5) / n as f64).collect();
            let column = |i: usize| at.iter().map(|spectrum| spectrum[i]).collect::<Vec<_>>();
            let middle: Vec<f64> = (0..n).map(|i| mean(&column(i))).collect();
            let low: Vec<f64> = (0..n).map(|i| column(i).into_iter().fold(f64::INFINITY, f64::min)).collect();
            let high: Vec<f64> = (0..n).map(|i| column(i).into_iter().fold(f64::NEG_INFINITY, f64::max)).collect();
            lines = lines.series_with_band(format!("σ = {value}"), &percent, &middle, &low, &high);
        }
        lines.build()
    }
}

fn mean_of(points: &[&Record], of: &dyn Fn(&Record) -> f64) -> f64 {
    let all: Vec<f64> = points.iter().map(|r| of(r)).collect();
    if all.is_empty() { f64::NAN } else { mean(&all) }
}

impl Sweep for SpectrumScan {
    type Record = Record;

    fn names(&self) -> Vec<String> {
        let (varied, seed) = (self.varied.name(), self.dynamics.seed);
        let points = self.values().into_iter().flat_map(|value| (0..self.n_samples).map(move |sample| (value, sample)));
        points.map(|(value, sample)| format!("{varied}_sigma{value}_sample{sample}_seed{seed}")).collect()
    }

    fn compute(&self, point: usize, piece: &Piece<'_>) -> Result<Option<Record>, Error> {
        let (value, sample, seed) = self.point(point);
        let system = self.dynamics.system(self.varied, value, seed)?;
        let settings = self.dynamics.settings(self.dynamics.n, seed);
        let spectrum = piece.spectrum(&system, self.dynamics.derivative(), &settings)?;
        Ok(spectrum.map(|spectrum| Record::new(value, sample, seed, &spectrum)))
    }

    fn check_record(&self, point: usize, record: &Record) -> Result<(), String> {
        let (value, sample, seed) = self.point(point);
        record.check(value, sample, seed, self.dynamics.n)
    }
}

/// Ends of the names of logs and figures.
const LOGS: [&str; 3] = ["spectrum", "entropies", "dim"];
const FIGURES: [&str; 3] = ["dim", "entro", "spect"];

impl Collect for SpectrumScan {
    fn outputs(&self) -> Vec<String> {
        let name = self.name();
        let logs = LOGS.iter().map(|of| format!("{name}_{of}.json"));
        let figures = FIGURES.iter().flat_map(|of| pictures(&format!("{name}_{of}")));
        logs.chain(figures).chain([format!("{name}.csv")]).collect()
    }

    fn findings(&self, records: &[Option<Record>]) -> Result<Findings, Error> {
        let points = by_value(records, self.n_samples);
        let dimension = |r: &Record| self.dimension(r);
        let entropy = |r: &Record| entropy(&r.exponents);
        let mut table = String::from("sigma,sample,seed,largest,dimension,entropy\n");
        for r in points.iter().flatten() {
            let numbers = [r.largest(), dimension(r), entropy(r)].map(|x| x.to_string()).join(",");
            table += &format!("{},{},{},{numbers}\n", r.value, r.sample, r.seed);
        }
        let (mut text, mut summary) = (String::new(), Vec::new());
        // FlyStability's logs: lists by σ.
        let mut logs = [Map::new(), Map::new(), Map::new()];
        for (value, at) in self.values().into_iter().zip(&points) {
            let lists = [
                at.iter().map(|r| json!(r.exponents)).collect::<Vec<Value>>(),
                at.iter().map(|r| json!(entropy(r))).collect(),
                at.iter().map(|r| json!(dimension(r))).collect(),
            ];
            for (log, list) in logs.iter_mut().zip(lists) {
                log.insert(value.to_string(), list.into());
            }
            let means = [&Record::largest as &dyn Fn(&Record) -> f64, &dimension, &entropy].map(|of| mean_of(at, of));
            let [largest, dimension, entropy] = means;
            text += &format!(
                "σ {value:<6} largest {largest:9.4}  dimension {dimension:9.3}  entropy {entropy:9.3}  ({} networks)\n",
                at.len()
            );
            let means = json!({ "sigma": value, "largest": largest, "dimension": dimension, "entropy": entropy, "samples": at.len() });
            summary.push(means);
        }
        let name = self.name();
        let mut tables = vec![(format!("{name}.csv"), table.into_bytes())];
        for (log, of) in logs.into_iter().zip(LOGS) {
            tables.push((format!("{name}_{of}.json"), json(&Value::Object(log))));
        }
        let figures = [
            self.over_sigma("Dimension of the attractor", "dimension", &points, &dimension)?,
            self.over_sigma("Entropy", "entropy (nats per time constant)", &points, &entropy)?,
            self.spectra(&points)?,
        ];
        let figures = FIGURES.iter().zip(figures).map(|(of, figure)| (format!("{name}_{of}"), figure)).collect();
        Ok(Findings { tables, figures, summary: summary.into(), text })
    }
}
