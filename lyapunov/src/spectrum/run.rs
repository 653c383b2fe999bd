//! A computation that can stop and go on.

use super::blocks::Blocks;
use super::schedule::Schedule;
use super::settings::{Compat, Settings};
use super::{History, Spectrum};
use crate::qr::{Dependent, Method, Qr};
use crate::{Error, StepMap};
use tch_sparse::Real;

/// A spectrum on its way: advanced piece by piece, kept in bytes and taken up again, extended.
///
/// ```
/// use lyapunov::{Run, Settings, system::Lorenz63};
///
/// let map = Lorenz63::default().steps(0.01);
/// let settings = Settings::new(3).duration(100.0);
/// let whole = settings.run(&map, &[1.0, 1.0, 20.0])?;
///
/// let mut run = Run::new(&settings, &map, &[1.0, 1.0, 20.0])?;
/// run.advance(&map, 3_000)?;
/// let kept = run.to_bytes();                       // write them to a file; another day:
/// let mut run = Run::<f64>::from_bytes(&kept)?;
/// run.advance(&map, u64::MAX)?;
/// assert_eq!(run.into_spectrum(), whole);          // the same bits
/// # Ok::<(), lyapunov::Error>(())
/// ```
#[derive(Debug)]
pub struct Run<T> {
    pub(super) schedule: Schedule,
    pub(super) dt: f64,
    pub(super) state: Vec<T>,
    pub(super) tangents: Vec<T>,
    pub(super) qr: Qr<T>,
    /// State and tangents when they were orthonormal, to go back to.
    pub(super) before: (Vec<T>, Vec<T>),
    /// Steps done.
    pub(super) done: u64,
    /// The step after which tangents were orthonormal.
    pub(super) orthonormal: u64,
    pub(super) sums: Vec<f64>,
    pub(super) blocks: Blocks,
    pub(super) history: Option<History>,
    /// What FlyStability divides running sums by: the time of the orthonormalisation before.
    pub(super) time_before: f64,
}

/// Steps of the state alone between two looks at whether it is finite.
const LOOK: u64 = 64;

impl<T: Real> Run<T> {
    /// Begins at a state, `[dimension]`.
    ///
    /// # Errors
    /// [`Error::Setting`] and [`Error::Shape`] for settings that do not fit the map, [`Error::NotFinite`] for a state that is none.
    pub fn new<M: StepMap<T>>(settings: &Settings, map: &M, state: &[T]) -> Result<Self, Error> {
        let (n, k) = (map.dimension(), settings.exponents);
        let schedule = settings.schedule(n, map.dt())?;
        if state.len() != n {
            let (got, want) = (format!("[{}]", state.len()), format!("[{n}]"));
            return Err(Error::Shape { what: "the starting state", got, want });
        }
        let method = if settings.compat == Compat::FlyStability { Method::Lapack } else { Method::Fastest };
        let mut qr = Qr::new(n, k, method);
        let mut tangents: Vec<T> = match &settings.start {
            None => settings.drawn_start(n * k).map(T::from_f64).collect(),
            Some(start) if start.len() == n * k => start.iter().map(|&x| T::from_f64(x)).collect(),
            Some(start) => {
                let (got, want) = (format!("{} numbers", start.len()), format!("[{n}, {k}]"));
                return Err(Error::Shape { what: "the tangents to start from", got, want });
            }
        };
        if !all_finite(&tangents) {
            return Err(Error::setting("start", "the tangents to start from are not all finite"));
        }
        if let Some(column) = qr.factor(&mut tangents).err().map(|Dependent(column)| column).or_else(|| qr.dependent())
        {
            let what = format!("tangent {column} depends on those before it; give independent ones");
            return Err(Error::setting("start", what));
        }
        let run = Self {
            dt: map.dt(),
            schedule,
            before: (state.to_vec(), tangents.clone()),
            state: state.to_vec(),
            tangents,
            qr,
            done: 0,
            orthonormal: 0,
            sums: vec![0.0; k],
            blocks: Blocks::new(k),
            history: settings.history.then(History::default),
            time_before: 1.0,
        };
        run.check("starting state", &run.state)?;
        Ok(run)
    }

    /// Does at least `steps` more steps, up to the next orthonormalisation, or what is left. Returns whether steps are left.
    ///
    /// Where it stops makes no difference to the result.
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::Vanished`] and [`Error::Dependent`] as [`Settings::run`]; the run is then where tangents were
    /// orthonormal last. [`Error::Shape`] for a map of another dimension.
    pub fn advance<M: StepMap<T>>(&mut self, map: &M, steps: u64) -> Result<bool, Error> {
        if map.dimension() != self.state.len() || map.dt() != self.dt {
            return Err(Error::Shape {
                what: "the map",
                got: format!("of {} numbers, steps of {}", map.dimension(), map.dt()),
                want: format!("of {} numbers, steps of {}", self.state.len(), self.dt),
            });
        }
        let goal = self.done.saturating_add(steps).min(self.schedule.end);
        let mut work = map.work(self.sums.len());
        while self.done < goal {
            self.advance_once(map, goal, &mut work)?;
        }
        Ok(self.done < self.schedule.end)
    }

    /// Steps of the state alone, or steps of tangents and an orthonormalisation. Where these were too many, it goes back and shortens
    /// the interval, so that no step was done.
    pub(crate) fn advance_once<M: StepMap<T>>(&mut self, map: &M, goal: u64, work: &mut M::Work) -> Result<(), Error> {
        if self.done < self.schedule.transient {
            let end = self.schedule.transient.min(goal).min(self.done + LOOK);
            while self.done < end {
                map.step(self.done, &mut self.state, work);
                self.done += 1;
            }
            self.orthonormal = self.done;
            return self.check("state", &self.state);
        }
        let (start, end) = (self.done, self.schedule.next(self.done));
        self.before.0.copy_from_slice(&self.state);
        self.before.1.copy_from_slice(&self.tangents);
        while self.done < end {
            map.push(self.done, &mut self.state, &mut self.tangents, work);
            self.done += 1;
        }
        let result = self.orthonormalise(end - start);
        if result.is_err() {
            self.state.copy_from_slice(&self.before.0);
            self.tangents.copy_from_slice(&self.before.1);
            self.done = start;
            if self.schedule.shorten(end - start, size_of::<T>() == 4) {
                return Ok(());
            }
        }
        result
    }

    /// After `passed` steps.
    fn orthonormalise(&mut self, passed: u64) -> Result<(), Error> {
        self.check("state", &self.state)?;
        let (step, time) = (self.done, self.done as f64 * self.dt);
        let factored = self.qr.factor(&mut self.tangents);
        if !self.qr.r.iter().all(|x| x.is_finite()) {
            return Err(Error::NotFinite { what: "tangents", step, time });
        }
        factored.map_err(|Dependent(column)| Error::Vanished { column, step })?;
        if self.schedule.compat == Compat::None {
            if passed > 1 && (self.qr.log_condition() > rounding_limit::<T>() || self.qr.is_tiny()) {
                return Err(Error::Dependent { interval: passed, step });
            }
            if let Some(column) = self.qr.dependent().filter(|_| passed == 1) {
                return Err(Error::Vanished { column, step });
            }
        }
        self.orthonormal = self.done;
        let now = time;
        self.schedule.adapt(&self.qr, passed);
        if self.schedule.counts(self.done) {
            self.sums.iter_mut().zip(self.qr.logs()).for_each(|(sum, log)| *sum += log);
            self.blocks.add(passed, self.qr.logs());
            self.record();
        }
        self.time_before = now;
        Ok(())
    }

    fn record(&mut self) {
        let Some(history) = &mut self.history else {
            return;
        };
        let divisor = match self.schedule.compat {
            Compat::None => {
                history.times.push(self.schedule.divisor(self.done));
                self.schedule.divisor(self.done)
            }
            Compat::FlyStability => {
                if history.times.is_empty() {
                    history.times.push(1.0);
                }
                history.times.push(self.time_before);
                self.time_before
            }
        };
        history.exponents.extend(self.sums.iter().map(|s| s / divisor));
    }

    fn check(&self, what: &'static str, numbers: &[T]) -> Result<(), Error> {
        if all_finite(numbers) {
            return Ok(());
        }
        Err(Error::NotFinite { what, step: self.done, time: self.done as f64 * self.dt })
    }

    /// Whether steps are left, and before the next one: whether tangents run along.
    pub(crate) fn next_has_tangents(&self) -> Option<bool> {
        (self.done < self.schedule.end).then_some(self.done >= self.schedule.transient)
    }

    /// Whether growth up to the last step counts.
    pub(crate) fn counts(&self) -> bool {
        self.schedule.counts(self.done)
    }

    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    pub(crate) fn for_recording(&mut self) {
        self.schedule.for_recording();
    }

    /// What sums of logarithms are divided by.
    pub(crate) fn divisor(&self) -> f64 {
        self.schedule.divisor(self.done)
    }

    pub(crate) fn state(&self) -> &[T] {
        &self.state
    }

    pub(crate) fn tangents(&self) -> &[T] {
        &self.tangents
    }

    /// Lengthens the time in which growth is counted. A run that has ended goes on.
    ///
    /// # Errors
    /// [`Error::Setting`] for a time that is negative, not finite or longer than 1e15 steps.
    pub fn extend(&mut self, time: f64) -> Result<(), Error> {
        self.schedule.extend(time)
    }

    /// Steps done and steps in all, transients included.
    pub fn progress(&self) -> (u64, u64) {
        (self.done, self.schedule.end)
    }

    /// What is known by now. Exponents are NaN as long as nothing was counted.
    pub fn spectrum(&self) -> Spectrum<T> {
        let divisor = self.schedule.divisor(self.done);
        Spectrum {
            exponents: self.sums.iter().map(|s| s / divisor).collect(),
            errors: self.blocks.standard_errors(self.dt),
            halves: self.blocks.halves(self.dt),
            time: divisor,
            steps: self.done,
            history: self.history.clone(),
            intervals: self.schedule.intervals.clone(),
            state: self.state.clone(),
        }
    }

    /// The same, at the end.
    pub fn into_spectrum(mut self) -> Spectrum<T> {
        let history = self.history.take();
        Spectrum { history, ..self.spectrum() }
    }
}

/// The logarithm of a condition number at which rounding leaves a hundredth of the smallest direction.
fn rounding_limit<T: Real>() -> f64 {
    if size_of::<T>() == 4 { 11.0 } else { 31.0 }
}

fn all_finite<T: Real>(numbers: &[T]) -> bool {
    numbers.iter().all(|x| x.to_f64().is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Coupling, RateNetwork};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    /// A network that somebody drew from the same seed has no row that points along a tangent.
    #[test]
    fn tangents_are_not_what_others_draw_from_the_seed() {
        let (n, seed) = (40, 5);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let drawn: Vec<f64> = (0..n * n).map(|_| StandardNormal.sample(&mut rng)).collect();
        let network = RateNetwork::builder(Coupling::dense(n, drawn.clone()).unwrap()).build().unwrap();
        let run = Run::new(&Settings::new(1).seed(seed), &network, &vec![0.1; n]).unwrap();
        for row in drawn.chunks(n) {
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            let cosine = row.iter().zip(&run.tangents).map(|(a, b)| a * b).sum::<f64>() / length;
            assert!(cosine.abs() < 0.7, "{cosine}");
        }
    }
}
