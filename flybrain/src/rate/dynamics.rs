//! What the sweeps have in common: networks, steps, and how exponents are computed.

use lyapunov::{Activation, Compat, Derivative, Interval, Settings, Spectrum};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Purpose, RateSystem, Symmetry, file, normals};
use crate::Error;

/// Networks and how their exponents are computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dynamics {
    /// Neurons.
    pub n: usize,
    /// The activation.
    #[serde(serialize_with = "write_activation", deserialize_with = "read_activation")]
    pub activation: Activation,
    /// Length of a step in time constants.
    pub dt: f64,
    /// Time in which growth is counted, in time constants.
    pub tsim: f64,
    /// Time between orthonormalisations; adaptive if there is none.
    pub tons: Option<f64>,
    /// Of all that is drawn.
    pub seed: u64,
    /// Whether FlyStability's counts and its derivative are reproduced.
    pub compat: bool,
}

impl Dynamics {
    /// Tells what makes no sense, before anything is computed.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |key, problem| Err(Error::Setting { key, problem });
        if !(1..=MOST).contains(&self.n) {
            return refuse("n", format!("{} neurons; give 1 to {MOST}", self.n));
        }
        if !(self.dt > 0.0 && self.dt <= 1.0) {
            return refuse("dt", format!("{} time constants; give a step above 0 and at most 1", short(self.dt)));
        }
        if !(self.tsim >= self.dt && self.tsim / self.dt <= 1e12) {
            return refuse(
                "tsim",
                format!("{} in steps of {}; give at least one step and at most 1e12", short(self.tsim), short(self.dt)),
            );
        }
        if let Some(tons) = self.tons.filter(|tons| !(*tons >= self.dt && *tons <= self.tsim)) {
            let [tons, dt, tsim] = [tons, self.dt, self.tsim].map(short);
            let problem = format!("{tons}; give a time from a step, {dt}, to all of it, {tsim}, or adaptive");
            return refuse("tons", problem);
        }
        check_run(&self.settings(1, self.seed), self.n, self.dt)
    }

    /// How `k` exponents are computed.
    pub(super) fn settings(&self, k: usize, seed: u64) -> Settings {
        let interval = self.tons.map_or(Interval::Adaptive, Interval::Time);
        let compat = if self.compat { Compat::FlyStability } else { Compat::None };
        Settings::new(k).duration(self.tsim).interval(interval).seed(seed).compat(compat).history(false)
    }

    pub(super) fn derivative(&self) -> Derivative {
        if self.compat { Derivative::FlyStability } else { Derivative::Exact }
    }

    /// Name of the activation.
    pub(super) fn activation_name(&self) -> &'static str {
        file::name(self.activation)
    }

    /// A network that a value is the spread of: of connections, gains or shifts.
    pub(super) fn system(&self, varied: Varied, value: f64, seed: u64) -> Result<RateSystem, Error> {
        let n = self.n;
        // Connections that are not varied are one draw of coupling 1, the same for all.
        let (coupling, of) = if varied.weights { (value, seed) } else { (1.0, self.seed) };
        let spread = value / (n as f64).sqrt();
        let around_one = |purpose| normals(n, seed, 0, purpose).iter().map(|x| 1.0 + spread * x).collect();
        let mut system = RateSystem::random(n, coupling, Symmetry::None, of)?
            .with_activation(self.activation)
            .with_dt(self.dt)?
            .with_state(normals(n, seed, 0, Purpose::State))?;
        if varied.gains {
            system = system.with_gains(around_one(Purpose::Gains))?;
        }
        if varied.shifts {
            system = system.with_shifts(around_one(Purpose::Shifts))?;
        }
        Ok(system)
    }
}

/// Tells what a run on `n` neurons would refuse, in words of the options.
pub(super) fn check_run(settings: &Settings, n: usize, dt: f64) -> Result<(), Error> {
    settings.check(n, dt).map_err(|error| match error {
        lyapunov::Error::Setting { setting, what } => {
            let key = match setting {
                "duration" => "tsim",
                "interval" => "tons",
                "exponents" => "nle",
                other => other,
            };
            Error::Setting { key, problem: what }
        }
        other => other.into(),
    })
}

/// A number in a message or in the name of a file, which has 255 bytes at most: a short one as it is, others with an exponent.
pub(super) fn short(x: f64) -> String {
    let plain = x.to_string();
    if plain.len() <= 24 { plain } else { format!("{x:e}") }
}

/// Neurons at most: a matrix of them has 3 GB.
const MOST: usize = 20_000;

/// What a value is the spread of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Varied {
    /// Connections, `N(0, g²/N)`; otherwise they are one draw with g = 1 for all points.
    pub weights: bool,
    /// Shifts, `N(1, g²/N)`; otherwise 0.
    pub shifts: bool,
    /// Gains, `N(1, g²/N)`; otherwise 1.
    pub gains: bool,
}

impl Varied {
    /// Connections alone.
    pub const WEIGHTS: Self = Self { weights: true, shifts: false, gains: false };

    /// Refuses what has no effect.
    pub(super) fn check(self, dynamics: &Dynamics) -> Result<(), Error> {
        let refuse = |problem: &str| Err(Error::Setting { key: "parameter", problem: problem.to_owned() });
        if !(self.weights || self.shifts || self.gains) {
            return refuse("nothing is varied; name weights, shifts or gains");
        }
        if dynamics.activation == Activation::Tanh && (self.shifts || self.gains) && !dynamics.compat {
            return refuse(
                "tanh has neither gain nor shift, so that varying them does nothing; take --activation strech or pos",
            );
        }
        Ok(())
    }

    /// `weights_shifts`, in FlyStability's order.
    pub(super) fn name(self) -> String {
        let names = [(self.weights, "weights"), (self.shifts, "shifts"), (self.gains, "gains")];
        names.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect::<Vec<_>>().join("_")
    }
}

/// The seed of a sample at a value: it depends on nothing else, so that points stay what they are when others are added.
pub(super) fn point_seed(seed: u64, value: f64, sample: u64) -> u64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(value.to_bits());
    rng.set_word_pos(2 * u128::from(sample));
    rng.next_u64()
}

/// The exponents of a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The value.
    pub value: f64,
    /// The sample's number.
    pub sample: u64,
    /// Its seed.
    pub seed: u64,
    /// Exponents per time constant, in the order of the tangents.
    pub exponents: Vec<f64>,
    /// Their standard errors; empty for runs too short to tell.
    pub standard_errors: Vec<f64>,
    /// Time counted at each orthonormalisation, where running exponents are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<f64>,
    /// Steps from one orthonormalisation to the next, and its changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<u64>,
    /// Running exponents, a list per orthonormalisation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Vec<f64>>,
}

impl Record {
    pub(super) fn new(value: f64, sample: u64, seed: u64, spectrum: &Spectrum<f64>) -> Self {
        let exponents = spectrum.exponents().to_vec();
        let errors = spectrum.standard_errors();
        let known = errors.iter().all(|e| e.is_finite());
        let standard_errors = if known { errors.to_vec() } else { Vec::new() };
        let (times, intervals, history) = match spectrum.history() {
            None => Default::default(),
            Some(history) => {
                let running = history.exponents.chunks(exponents.len()).map(<[f64]>::to_vec).collect();
                (history.times.clone(), spectrum.intervals().to_vec(), running)
            }
        };
        Self { value, sample, seed, exponents, standard_errors, times, intervals, history }
    }

    /// Tells what a record of this point cannot be, as of a file that was damaged or edited.
    pub(super) fn check(&self, value: f64, sample: u64, seed: u64, k: usize) -> Result<(), String> {
        if (self.value, self.sample, self.seed) != (value, sample, seed) {
            return Err(format!("it is of value {}, sample {}, seed {}", self.value, self.sample, self.seed));
        }
        let (exponents, errors) = (self.exponents.len(), self.standard_errors.len());
        if exponents != k || (errors != 0 && errors != k) {
            return Err(format!("it has {exponents} exponents and {errors} standard errors, not {k}"));
        }
        Ok(())
    }

    /// The largest exponent.
    pub fn largest(&self) -> f64 {
        self.exponents.iter().copied().fold(f64::NAN, f64::max)
    }

    /// The exponents in descending order.
    pub fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.exponents.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted
    }
}

/// The middle of a list, or the mean of its two middles.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n => f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]),
    }
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn write_activation<S: Serializer>(activation: &Activation, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(file::name(*activation))
}

fn read_activation<'de, D: Deserializer<'de>>(from: D) -> Result<Activation, D::Error> {
    let name = String::deserialize(from)?;
    file::activation(&name).ok_or_else(|| serde::de::Error::custom(format!("no activation is called {name:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_seeds_of_their_own() {
        let seeds: std::collections::BTreeSet<u64> = (0..20)
            .flat_map(|sample| [0.5, 1.0, -1.0].map(|value| point_seed(7, value, sample)))
            .chain([point_seed(8, 0.5, 0)])
            .collect();
        assert_eq!(seeds.len(), 61);
        assert_eq!(point_seed(7, 0.5, 3), point_seed(7, 0.5, 3));
    }

    #[test]
    fn numbers_of_any_size_fit_into_names() {
        assert_eq!([1.2, 2f64.powi(59), 0.0, -0.5].map(short), ["1.2", "576460752303423500", "0", "-0.5"]);
        assert_eq!([1e300, 1e-320].map(short), ["1e300", "1e-320"]);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
