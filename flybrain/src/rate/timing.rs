//! How long exponents take, by exponents, duration and neurons, and how they depend on when tangents are orthonormalised.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dynamics::{Dynamics, Varied, check_run, short};
use super::plan::{Collect, Findings, pictures};
use super::sweep::{Piece, Sweep};
use super::transition::check_samples;
use crate::Error;
use crate::figure::{Axis, Figure, Join, Lines, Scatter};

/// Timings of one random network each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benchmark {
    /// Times that each computation is done; the shortest counts. Points with fewer are computed again, those with more stay as they are.
    pub repeats: u64,
    /// Networks and computation. Sizes are multiples of half its number of neurons.
    pub dynamics: Dynamics,
}

/// What is varied, everything else being as in FlyStability's benchmark.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Case {
    /// Time between orthonormalisations, adaptive if there is none; g = 5, ten exponents.
    Interval(Option<f64>),
    /// Exponents; g = 1.5.
    Exponents(usize),
    /// Time in which growth is counted; ten exponents.
    Duration(f64),
    /// Neurons; a tenth as many exponents.
    Neurons(usize),
}

/// What is computed in a case.
struct Task {
    dynamics: Dynamics,
    /// Coupling.
    g: f64,
    /// Exponents.
    k: usize,
    /// Whether running exponents are kept.
    watched: bool,
}

/// A timing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Seconds of each repetition.
    pub seconds: Vec<f64>,
    /// Running largest exponent over time, where intervals are compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<f64>,
    /// The exponents at these times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub largest: Vec<f64>,
}

impl Timing {
    fn shortest(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// Exponents where nothing else is said.
const EXPONENTS: usize = 10;
/// Coupling of networks whose convergence is looked at, and of the others.
const COUPLING: [f64; 2] = [5.0, 1.5];

impl Benchmark {
    /// Tells what makes no sense.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<(), Error> {
        self.dynamics.check()?;
        let n = self.dynamics.n;
        if !(EXPONENTS..=4000).contains(&n) {
            let problem =
                format!("{n} neurons; give {EXPONENTS} to 4000: up to four and a half times as many are timed");
            return Err(Error::Setting { key: "n", problem });
        }
        if self.dynamics.tsim < 10.0 {
            let problem = format!("{}; give 10 time constants or more", short(self.dynamics.tsim));
            return Err(Error::Setting { key: "tsim", problem });
        }
        check_samples(1, self.repeats)
    }

    /// Tells what makes no sense in one of its cases.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub(super) fn check_cases(&self) -> Result<(), Error> {
        for (name, case) in self.names().into_iter().zip(self.cases()) {
            let Task { dynamics, k, .. } = self.task(case);
            check_run(&dynamics.settings(k, dynamics.seed), dynamics.n, dynamics.dt).map_err(|error| match error {
                Error::Setting { key, problem } => Error::Setting { key, problem: format!("{name}: {problem}") },
                other => other,
            })?;
        }
        Ok(())
    }

    fn task(&self, case: Case) -> Task {
        let mut task = Task { dynamics: self.dynamics.clone(), g: COUPLING[1], k: EXPONENTS, watched: false };
        match case {
            Case::Interval(tons) => (task.dynamics.tons, task.g, task.watched) = (tons, COUPLING[0], true),
            Case::Exponents(exponents) => task.k = exponents,
            Case::Duration(time) => task.dynamics.tsim = time,
            Case::Neurons(n) => (task.dynamics.n, task.k) = (n, (n / 10).max(1)),
        }
        task
    }

    fn cases(&self) -> Vec<Case> {
        let (n, tsim) = (self.dynamics.n, self.dynamics.tsim);
        let mut intervals = [0.2f64, 1.0, 5.0, 10.0].map(|time| Some(time.max(self.dynamics.dt))).to_vec();
        intervals.dedup();
        intervals.push(None);
        let exponents = (1..=n).step_by(n / 10);
        // 10 to 190 of 200
        let durations = (0..10).map(|i| tsim * f64::from(2 * i + 1) / 20.0);
        let sizes = (1..=9).map(|i| i * n / 2);
        intervals
            .into_iter()
            .map(Case::Interval)
            .chain(exponents.map(Case::Exponents))
            .chain(durations.map(Case::Duration))
            .chain(sizes.map(Case::Neurons))
            .collect()
    }

    fn figure(&self, title: &str, x: &str, points: &[(f64, f64)]) -> Result<(Figure, f64), Error> {
        let (values, seconds): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let power = slope(&points[points.len() / 2..]);
        let figure = Scatter::new(format!("{title} (upper half: power {power:.2})"))
            .x(Axis::log(x))
            .y(Axis::log("time of computation (s)"))
            .join(Join::Lines);
        Ok((figure.series("shortest", &values, &seconds).build()?, power))
    }

    fn convergence(&self, runs: &[(Option<f64>, &Timing)]) -> Result<Figure, Error> {
        let title = format!("Largest exponent by interval: {} neurons, g = {}", self.dynamics.n, COUPLING[0]);
        let mut lines =
            Lines::new(title).x("time counted (time constants)").y("running largest exponent (per time constant)");
        for (interval, run) in runs {
            let name = interval.map_or("adaptive".to_owned(), |t| format!("every {t}"));
            lines = lines.series(name, &run.times, &run.largest);
        }
        lines.build()
    }
}

/// The power by which the second number grows with the first: a straight line through logarithms.
fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let (mx, my) = (logs.iter().map(|p| p.0).sum::<f64>() / count, logs.iter().map(|p| p.1).sum::<f64>() / count);
    let covariance: f64 = logs.iter().map(|(x, y)| (x - mx) * (y - my)).sum();
    covariance / logs.iter().map(|(x, _)| (x - mx).powi(2)).sum::<f64>()
}

impl Sweep for Benchmark {
    type Record = Timing;

    fn names(&self) -> Vec<String> {
        let name = |case| match case {
            Case::Interval(None) => "interval_adaptive".to_owned(),
            Case::Interval(Some(time)) => format!("interval_{time}"),
            Case::Exponents(k) => format!("exponents_{k}"),
            Case::Duration(time) => format!("duration_{time}"),
            Case::Neurons(n) => format!("neurons_{n}"),
        };
        self.cases().into_iter().map(name).collect()
    }

    fn compute(&self, point: usize, piece: &Piece<'_>) -> Result<Option<Timing>, Error> {
        let Task { dynamics, g, k, watched } = self.task(self.cases()[point]);
        let map = dynamics.system(Varied::WEIGHTS, g, dynamics.seed)?;
        let (network, state) = (map.network(dynamics.derivative())?, map.state());
        let settings = dynamics.settings(k, dynamics.seed).history(watched);
        let mut timing = Timing { seconds: Vec::new(), times: Vec::new(), largest: Vec::new() };
        for _ in 0..self.repeats {
            if piece.stopped() {
                return Ok(None);
            }
            let begun = Instant::now();
            let spectrum = settings.run(&network, state)?;
            timing.seconds.push(begun.elapsed().as_secs_f64());
            if let Some(history) = spectrum.history() {
                timing.largest = history.exponents.chunks(k).map(|all| all[0]).collect();
                timing.times = history.times[history.times.len() - timing.largest.len()..].to_vec();
            }
        }
        Ok(Some(timing))
    }

    fn check_record(&self, point: usize, timing: &Timing) -> Result<(), String> {
        if timing.seconds.is_empty() || timing.seconds.iter().any(|seconds| *seconds <= 0.0) {
            return Err("it has no times of computation, or some that are not above 0".into());
        }
        let (times, largest) = (timing.times.len(), timing.largest.len());
        let watched = matches!(self.cases()[point], Case::Interval(_));
        if times != largest || watched == (times == 0) {
            return Err(format!("it has {largest} running exponents and {times} times"));
        }
        Ok(())
    }

    fn suffices(&self, timing: &Timing) -> bool {
        timing.seconds.len() as u64 >= self.repeats
    }

    fn alone(&self) -> bool {
        true
    }
}

/// Figures of times: the end of the name, the axis.
const OVER: [(&str, &str); 3] =
    [("nle", "exponents"), ("tSim", "time counted (time constants)"), ("netSize", "neurons")];

impl Benchmark {
    fn table_name(&self) -> String {
        format!("timings_N{}.csv", self.dynamics.n)
    }

    fn convergence_name(&self) -> String {
        format!("0_convergence_vs_Tons_N{}", self.dynamics.n)
    }

    /// Of a figure of [`OVER`].
    fn figure_name(&self, place: usize) -> String {
        format!("{}_time_vs_{}_N{}", place + 1, OVER[place].0, self.dynamics.n)
    }
}

impl Collect for Benchmark {
    fn outputs(&self) -> Vec<String> {
        let figures = (0..OVER.len()).map(|place| self.figure_name(place)).chain([self.convergence_name()]);
        figures.flat_map(|name| pictures(&name)).chain([self.table_name()]).collect()
    }

    fn findings(&self, records: &[Option<Timing>]) -> Result<Findings, Error> {
        let there: Vec<(Case, &Timing)> =
            self.cases().into_iter().zip(records).filter_map(|(case, r)| Some((case, r.as_ref()?))).collect();
        let n = self.dynamics.n;
        let mut table = String::from("point,seconds\n");
        for (name, timing) in self.names().iter().zip(records).filter_map(|(name, r)| Some((name, r.as_ref()?))) {
            table += &format!("{name},{}\n", timing.shortest());
        }
        let (mut text, mut summary, mut figures) = (String::new(), Vec::new(), Vec::new());
        let runs: Vec<(Option<f64>, &Timing)> = there
            .iter()
            .filter_map(|(case, timing)| if let Case::Interval(tons) = case { Some((*tons, *timing)) } else { None })
            .collect();
        for (tons, timing) in &runs {
            let last = timing.largest.last().copied().unwrap_or(f64::NAN);
            let name = tons.map_or("adaptive".to_owned(), |t| t.to_string());
            text += &format!("interval {name:<9} largest exponent {last:9.5}  {:9.4} s\n", timing.shortest());
            summary.push(json!({ "interval": tons, "largest": last, "seconds": timing.shortest() }));
        }
        if !runs.is_empty() {
            figures.push((self.convergence_name(), self.convergence(&runs)?));
        }
        type Of = fn(Case) -> Option<f64>;
        let kinds: [(String, Of); 3] =
            [
                (format!("{n} neurons"), |case| if let Case::Exponents(k) = case { Some(k as f64) } else { None }),
                (format!("{n} neurons, {EXPONENTS} exponents"), |case| {
                    if let Case::Duration(time) = case { Some(time) } else { None }
                }),
                ("a tenth of all exponents".to_owned(), |case| {
                    if let Case::Neurons(n) = case { Some(n as f64) } else { None }
                }),
            ];
        for (place, (title, of)) in kinds.into_iter().enumerate() {
            let axis = OVER[place].1;
            let points: Vec<(f64, f64)> =
                there.iter().filter_map(|(case, timing)| Some((of(*case)?, timing.shortest()))).collect();
            if points.len() < 2 {
                continue;
            }
            let (figure, power) = self.figure(&format!("Time of computation: {title}"), axis, &points)?;
            figures.push((self.figure_name(place), figure));
            let (last, seconds) = points[points.len() - 1];
            text += &format!("{axis}: {seconds:.4} s at {last}; upper half grows with power {power:.2}\n");
            let points: Vec<Value> = points.iter().map(|(x, seconds)| json!([x, seconds])).collect();
            summary.push(json!({ "over": axis, "power": power, "points": points }));
        }
        Ok(Findings { tables: vec![(self.table_name(), table.into_bytes())], figures, summary: summary.into(), text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_is_found() {
        let points: Vec<(f64, f64)> = (1..6).map(|i| (f64::from(i), 3.0 * f64::from(i).powf(2.5))).collect();
        assert!((slope(&points) - 2.5).abs() < 1e-12);
    }
}
