//! The books of a run on tensors: the schedule that all of a batch share, and each one's sums.

use super::blocks::Blocks;
use super::schedule::Schedule;
use super::settings::{Compat, Settings};
use super::{History, Spectrum};
use crate::Error;
use tch::Kind;

/// The books of a batch.
#[derive(Debug)]
pub(crate) struct Tally {
    schedule: Schedule,
    single: bool,
    dt: f64,
    k: usize,
    done: u64,
    /// One per member of the batch.
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    sums: Vec<f64>,
    blocks: Blocks,
    history: Option<History>,
}

impl Tally {
    pub(crate) fn new(settings: &Settings, dt: f64, batch: usize, n: usize, kind: Kind) -> Result<Self, Error> {
        let k = settings.exponents;
        let schedule = settings.schedule(n, dt)?;
        if settings.compat != Compat::None {
            return Err(Error::setting(
                "compat",
                "FlyStability's counts are there for maps of numbers, not of tensors",
            ));
        }
        let member =
            || Member { sums: vec![0.0; k], blocks: Blocks::new(k), history: settings.history.then(History::default) };
        let members = (0..batch).map(|_| member()).collect();
        Ok(Self { schedule, single: kind == Kind::Float, dt, k, done: 0, members })
    }

    pub(crate) fn exponents(&self) -> usize {
        self.k
    }

    pub(crate) fn stretch(&self, plain: u64) -> Option<(u64, u64, bool, bool)> {
        self.schedule.stretch(self.done, plain)
    }

    /// Enters logarithms of growth, `[batch, k]`, of the stretch that ended with step `end`. False where it was too long, and is to be
    /// done again.
    pub(crate) fn add(&mut self, end: u64, logs: &[f64]) -> Result<bool, Error> {
        let (passed, with_tangents) = (end - self.done, self.done >= self.schedule.transient);
        if !with_tangents {
            self.done = end;
            return Ok(true);
        }
        if let Err(error) = self.check(end, passed, logs) {
            return if self.schedule.shorten(passed, self.single) { Ok(false) } else { Err(error) };
        }
        self.done = end;
        let (mut condition, mut size) = (0.0f64, 0.0f64);
        for logs in logs.chunks(self.k) {
            let (low, high) = logs.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
            condition = condition.max(high - low);
            size = size.max(high.abs().max(low.abs()));
        }
        self.schedule.adapt_to(condition, size, passed, self.single);
        if self.schedule.counts(end) {
            let time = self.schedule.divisor(end);
            for (member, logs) in self.members.iter_mut().zip(logs.chunks(self.k)) {
                member.sums.iter_mut().zip(logs).for_each(|(sum, log)| *sum += log);
                member.blocks.add(passed, logs.iter().copied());
                if let Some(history) = &mut member.history {
                    history.times.push(time);
                    history.exponents.extend(member.sums.iter().map(|s| s / time));
                }
            }
        }
        Ok(true)
    }

    fn check(&self, end: u64, passed: u64, logs: &[f64]) -> Result<(), Error> {
        let step = end;
        if let Some(at) = logs.iter().position(|x| !x.is_finite()) {
            return Err(if logs[at] == f64::NEG_INFINITY {
                Error::Vanished { column: at % self.k, step }
            } else {
                Error::NotFinite { what: "tangents", step, time: end as f64 * self.dt }
            });
        }
        let limit = if self.single { 11.0 } else { 31.0 };
        let spread = |logs: &[f64]| {
            let (low, high) = logs.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
            high - low > limit || low < if self.single { -71.0 } else { -671.0 }
        };
        if passed > 1 && logs.chunks(self.k).any(spread) {
            return Err(Error::Dependent { interval: passed, step });
        }
        Ok(())
    }

    pub(crate) fn divisor(&self) -> f64 {
        self.schedule.divisor(self.done)
    }

    /// The spectra, with states at the end, `[batch, n]`.
    pub(crate) fn into_spectra(self, states: &[f64]) -> Vec<Spectrum<f64>> {
        let (time, n) = (self.divisor(), states.len() / self.members.len().max(1));
        let of = |(member, state): (Member, &[f64])| Spectrum {
            exponents: member.sums.iter().map(|s| s / time).collect(),
            errors: member.blocks.standard_errors(self.dt),
            halves: member.blocks.halves(self.dt),
            time,
            steps: self.done,
            history: member.history,
            intervals: self.schedule.intervals.clone(),
            state: state.to_vec(),
        };
        self.members.into_iter().zip(states.chunks(n.max(1))).map(of).collect()
    }
}
