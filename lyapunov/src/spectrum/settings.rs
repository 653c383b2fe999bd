//! What is asked for.

use super::schedule::Schedule;
use super::{Run, Spectrum};
use crate::{Error, StepMap};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use tch_sparse::Real;

/// The stream of starting tangents: whoever draws a system from the same seed begins with stream 0, and tangents that are rows of its
/// matrix grow faster than others for a while.
const TANGENTS: u64 = u64::MAX;

/// When tangents are orthonormalised. Exponents do not depend on it beyond rounding.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Interval {
    /// As seldom as the condition number of the tangents allows. The default.
    #[default]
    Adaptive,
    /// Every so much time, rounded up to steps.
    Time(f64),
}

/// What a computation is to reproduce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compat {
    /// Nothing: exponents are logarithms of growth over the time in which it was counted. The default.
    #[default]
    None,
    /// The counts of FlyStability, which divide by a longer time (exponents about 2 % too small), count one interval of the
    /// transient where it straddles the end, and adapt the interval by entries of R in place of logarithms.
    FlyStability,
}

/// How exponents are computed.
///
/// | setting | default |
/// | --- | --- |
/// | [`duration`](Self::duration) | 200 units of time |
/// | [`transient`](Self::transient) | a hundredth of the duration |
/// | [`tangent_transient`](Self::tangent_transient) | a hundredth of the duration |
/// | [`interval`](Self::interval) | adaptive |
/// | [`seed`](Self::seed) | 0 |
/// | [`history`](Self::history) | kept |
/// | [`compat`](Self::compat) | none |
/// | [`start`](Self::start) | drawn from the seed |
/// | [`checkpoints`](Self::checkpoints) | automatic |
///
/// The method is that of Benettin, Galgani, Giorgilli and Strelcyn (*Meccanica* 15, 1980), with the counts of Engelken, Wolf and
/// Abbott (*Phys. Rev. Research* 5, 043044, 2023).
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) exponents: usize,
    pub(super) duration: f64,
    pub(super) transient: Option<f64>,
    pub(super) tangent_transient: Option<f64>,
    pub(super) interval: Interval,
    pub(super) seed: u64,
    pub(super) start: Option<Vec<f64>>,
    pub(super) history: bool,
    pub(super) compat: Compat,
    pub(crate) checkpoints: crate::Checkpoints,
    /// Networks that are recorded at once.
    sharing: usize,
}

impl Settings {
    /// The `k` largest exponents.
    pub fn new(exponents: usize) -> Self {
        Self {
            exponents,
            duration: 200.0,
            transient: None,
            tangent_transient: None,
            interval: Interval::Adaptive,
            seed: 0,
            start: None,
            history: true,
            compat: Compat::None,
            checkpoints: crate::Checkpoints::default(),
            sharing: 1,
        }
    }

    /// Time in which growth is counted, rounded up to steps.
    #[must_use]
    pub fn duration(mut self, time: f64) -> Self {
        self.duration = time;
        self
    }

    /// Time in which the state alone runs, before anything else.
    #[must_use]
    pub fn transient(mut self, time: f64) -> Self {
        self.transient = Some(time);
        self
    }

    /// Time in which tangents run along, after the transient, and are not counted yet.
    #[must_use]
    pub fn tangent_transient(mut self, time: f64) -> Self {
        self.tangent_transient = Some(time);
        self
    }

    /// When tangents are orthonormalised.
    #[must_use]
    pub fn interval(mut self, interval: Interval) -> Self {
        self.interval = interval;
        self
    }

    /// Of the tangents to start from: normal numbers, orthonormalised.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Tangents to start from, `[dimension, k]`, row-major; they are orthonormalised.
    #[must_use]
    pub fn start(mut self, tangents: &[f64]) -> Self {
        self.start = Some(tangents.to_vec());
        self
    }

    /// Whether the running exponents at each orthonormalisation are kept.
    #[must_use]
    pub fn history(mut self, keep: bool) -> Self {
        self.history = keep;
        self
    }

    /// What is to be reproduced.
    #[must_use]
    pub fn compat(mut self, compat: Compat) -> Self {
        self.compat = compat;
        self
    }

    /// What a recording for gradients keeps.
    #[must_use]
    pub fn checkpoints(mut self, checkpoints: crate::Checkpoints) -> Self {
        self.checkpoints = checkpoints;
        self
    }

    /// Those of one of many systems: the seed plus its number.
    pub(crate) fn for_network(&self, i: usize) -> Self {
        self.clone().seed(self.seed.wrapping_add(i as u64))
    }

    pub(crate) fn sharing(&self) -> usize {
        self.sharing
    }

    /// For so many networks that are recorded at once. Their histories are not kept.
    pub(crate) fn shared_by(&self, networks: usize) -> Self {
        Self { sharing: networks.max(1), history: false, ..self.clone() }
    }

    /// So many numbers of tangents to start from.
    pub(crate) fn drawn_start(&self, count: usize) -> impl Iterator<Item = f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(TANGENTS);
        (0..count).map(move |_| StandardNormal.sample(&mut rng))
    }

    /// The steps of a run on a system of `dimension` numbers.
    pub(super) fn schedule(&self, dimension: usize, dt: f64) -> Result<Schedule, Error> {
        let k = self.exponents;
        if k == 0 || k > dimension {
            let what = format!("{k} of a system of {dimension} numbers; ask for 1 to {dimension}");
            return Err(Error::setting("exponents", what));
        }
        Schedule::new(self, dt)
    }

    /// Tells whether a run can begin with these settings on a system of `dimension` numbers whose steps take `dt`.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self, dimension: usize, dt: f64) -> Result<(), Error> {
        self.schedule(dimension, dt).map(|_| ())
    }

    pub(crate) fn given_start(&self) -> Option<&[f64]> {
        self.start.as_deref()
    }

    pub(crate) fn compat_of(&self) -> Compat {
        self.compat
    }

    /// Computes the exponents of a trajectory that starts at `state`.
    ///
    /// # Errors
    /// [`Error::Setting`] and [`Error::Shape`] for settings that do not fit the map; [`Error::NotFinite`] where the system diverges;
    /// [`Error::Vanished`] where an exponent cannot be told from minus infinity; [`Error::Dependent`] where a given interval is too long.
    pub fn run<T: Real, M: StepMap<T>>(&self, map: &M, state: &[T]) -> Result<Spectrum<T>, Error> {
        let mut run = Run::new(self, map, state)?;
        run.advance(map, u64::MAX)?;
        Ok(run.into_spectrum())
    }

    /// The same for many systems or starting states at once, in parallel (a system may be a reference that all share); each takes the seed of the settings plus its number.
    ///
    /// # Errors
    /// As [`run`](Self::run), of the first system that fails.
    pub fn run_all<T: Real, M: StepMap<T>>(&self, systems: &[(M, Vec<T>)]) -> Result<Vec<Spectrum<T>>, Error> {
        let one = |(i, (map, state)): (usize, &(M, Vec<T>))| self.for_network(i).run(map, state);
        // In the order of the systems, so that the error is the first one's.
        systems.par_iter().enumerate().map(one).collect::<Vec<_>>().into_iter().collect()
    }
}
