//! The reverse pass: all steps, last one first.

use super::attempt::Workspace;
use super::continuous;
use super::control::Carried;
use super::recording::{Attempt, Recording, side_by_side};
use super::schedule;
use crate::columns::Columns;
use crate::field::Differentiable;
use crate::initial_step::{self, GuessGradients, Start};
use crate::reversible::{Keeping, Reversible};
use crate::{Adjoint, Checkpointing, Error};
use tch_sparse::{Aligned, Real};

/// Gradients of a scalar with respect to a solution: what a reverse pass starts from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cotangents<'a, T> {
    values: Option<&'a [T]>,
    end: Option<&'a [T]>,
    times: bool,
}

impl<'a, T> Cotangents<'a, T> {
    /// With respect to the values at the evaluation times, `[batch, points, features]`. Where a sample did not come, they do not
    /// matter.
    pub fn of_values(values: &'a [T]) -> Self {
        Self { values: Some(values), end: None, times: false }
    }

    /// With respect to the last states, `[batch, features]`.
    pub fn of_end(end: &'a [T]) -> Self {
        Self { values: None, end: Some(end), times: false }
    }

    /// And with respect to the last states, `[batch, features]`.
    #[must_use]
    pub fn and_end(mut self, end: &'a [T]) -> Self {
        self.end = Some(end);
        self
    }

    pub(super) fn values(&self) -> Option<&'a [T]> {
        self.values
    }

    pub(super) fn end(&self) -> Option<&'a [T]> {
        self.end
    }

    pub(super) fn wants_times(&self) -> bool {
        self.times
    }

    /// Gradients with respect to times are wanted as well: some more passes over the states.
    #[must_use]
    pub fn with_times(mut self) -> Self {
        self.times = true;
        self
    }
}

/// Gradients of a scalar with respect to what a solve was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients<T> {
    /// Initial states, `[batch, features]`.
    pub y0: Vec<T>,
    /// The field's parameters, in its order.
    pub parameters: Vec<T>,
    /// Start times, `[batch]`. These and the following are zero unless asked for by [`Cotangents::with_times`].
    pub start: Vec<f64>,
    /// End times, `[batch]`.
    pub end: Vec<f64>,
    /// Evaluation times, `[batch, points]`.
    pub eval: Vec<f64>,
    /// Jump times, ascending.
    pub jumps: Vec<f64>,
}

/// The pass in progress.
pub(super) struct Reverse<'a, T: Real> {
    pub(super) recording: &'a Recording<T>,
    pub(super) field: &'a mut dyn Reversible<T>,
    /// `[batch, points, features]`, or nothing.
    pub(super) cotangent: &'a [T],
    pub(super) wants_times: bool,
    /// With respect to the state of each sample as far as the pass came, `[features, batch]`.
    pub(super) y_bar: Aligned<T>,
    pub(super) parameters: Vec<T>,
    pub(super) t_bar: Vec<f64>,
    pub(super) end_bar: Vec<f64>,
    pub(super) eval_bar: Vec<f64>,
    pub(super) jump_bar: Vec<f64>,
    pub(super) carried: Vec<Carried>,
    pub(super) space: Option<Workspace<T>>,
}

impl<T: Real> Recording<T> {
    /// Gradients with respect to initial states, parameters and times from those with respect to the solution.
    ///
    /// `field` is the one that was solved, with the same parameters.
    ///
    /// # Errors
    /// Lengths that do not fit, or an error of the field.
    ///
    /// **Complexity**: for each step its evaluations and as many pull-backs.
    ///
    /// **Memory**: three states for each stage, what the field keeps of its evaluations, the gradients, and those states that
    /// [`Checkpointing`] has computed again.
    pub fn pull_back<F: Differentiable<T>>(
        &self,
        field: &mut F,
        cotangents: &Cotangents<'_, T>,
    ) -> Result<Gradients<T>, Error> {
        self.gradients(&mut Keeping::new(field), cotangents)
    }

    fn gradients(&self, field: &mut dyn Reversible<T>, cotangents: &Cotangents<'_, T>) -> Result<Gradients<T>, Error> {
        let (batch, features) = (self.times.batch(), self.features);
        let want = [batch * self.times.points * features, batch * features];
        for (what, given, want) in [("values", cotangents.values, want[0]), ("last states", cotangents.end, want[1])] {
            if let Some(given) = given
                && given.len() != want
            {
                let got = given.len();
                return Err(Error::Setting(format!(
                    "{got} gradients with respect to {what}, of which there are {want}"
                )));
            }
        }
        if field.features() != features {
            let got = field.features();
            return Err(Error::Setting(format!("the field has {got} features, the recorded one had {features}")));
        }
        if let Adjoint::Continuous(error_of) = self.solver.adjoint {
            return continuous::pull_back(self, field, cotangents, error_of);
        }
        let stages = self.solver.method.tableau().stages();
        let reverse = Reverse {
            recording: self,
            cotangent: cotangents.values.unwrap_or(&[]),
            wants_times: cotangents.times,
            y_bar: Aligned::zeros(batch * features),
            parameters: vec![T::ZERO; field.n_parameters()],
            t_bar: vec![0.0; batch],
            end_bar: vec![0.0; batch],
            eval_bar: vec![0.0; batch * self.times.points],
            jump_bar: vec![0.0; self.solver.jumps.len()],
            carried: vec![Carried::default(); batch],
            space: Some(Workspace::new(stages, batch * features)),
            field,
        };
        reverse.run(cotangents.end)
    }
}

impl<T: Real> Reverse<'_, T> {
    fn run(mut self, end: Option<&[T]>) -> Result<Gradients<T>, Error> {
        let recording = self.recording;
        let (batch, features) = (recording.times.batch(), recording.features);
        if let Some(end) = end {
            for (b, sample) in end.chunks_exact(features).enumerate() {
                for (to, v) in self.y_bar[b..].iter_mut().step_by(batch).zip(sample) {
                    *to = *v;
                }
            }
        }
        let free = match recording.solver.checkpointing {
            Checkpointing::Binomial(most) => most.max(1) - Checkpointing::recorded(most),
            Checkpointing::All | Checkpointing::Every(_) => usize::MAX,
        };
        let n = recording.n_states();
        for first in (0..n).step_by(recording.stride).collect::<Vec<_>>().into_iter().rev() {
            let samples = recording.samples_at(first);
            let states: Vec<&[T]> =
                samples.iter().map(|&s| &recording.states[s][first / recording.stride][..]).collect();
            let y = side_by_side(&states);
            self.stretch(first, recording.stride.min(n - first), &samples, &y, free)?;
        }
        if recording.solver.adjoint == Adjoint::ThroughStepSizes && recording.solver.initial_step.is_none() {
            self.first_step()?;
        }
        let mut y0: Vec<T> = vec![T::ZERO; batch * features];
        for (b, sample) in y0.chunks_exact_mut(features).enumerate() {
            for (to, v) in sample.iter_mut().zip(self.y_bar[b..].iter().step_by(batch)) {
                *to = *v;
            }
            for &slot in recording.starts[b].iter().filter(|_| !self.cotangent.is_empty()) {
                for (to, v) in sample.iter_mut().zip(&self.cotangent[slot * features..]) {
                    *to += *v;
                }
            }
        }
        Ok(Gradients {
            y0,
            parameters: self.parameters,
            start: self.t_bar,
            end: self.end_bar,
            eval: self.eval_bar,
            jumps: self.jump_bar,
        })
    }

    /// `n` states from `first` on, whose first one is `y`, with room for `free` more.
    fn stretch(&mut self, first: usize, n: usize, samples: &[usize], y: &[T], free: usize) -> Result<(), Error> {
        if n == 1 {
            return self.state(first, samples, y);
        }
        if free >= n - 1 {
            let mut kept = vec![];
            let mut last = (samples, y);
            for state in first..first + n - 1 {
                kept.push(self.step_on(state, last.0, last.1)?);
                let (samples, y): &(Vec<usize>, Aligned<T>) = &kept[kept.len() - 1];
                last = (samples, y);
            }
            for (i, (samples, y)) in kept.iter().enumerate().rev() {
                self.state(first + 1 + i, samples, y)?;
            }
            return self.state(first, samples, y);
        }
        if free == 0 {
            for last in (first..first + n).rev() {
                self.advanced(first, last, samples, y, |this, samples, y| this.state(last, samples, y))?;
            }
            return Ok(());
        }
        let mid = first + schedule::advance(n, free);
        self.advanced(first, mid, samples, y, |this, samples, y| {
            this.stretch(mid, first + n - mid, samples, y, free - 1)
        })?;
        self.stretch(first, mid - first, samples, y, free)
    }

    /// Runs something on the states `to`, computed from those numbered `from`.
    fn advanced(
        &mut self,
        from: usize,
        to: usize,
        samples: &[usize],
        y: &[T],
        run: impl FnOnce(&mut Self, &[usize], &[T]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if from == to {
            return run(self, samples, y);
        }
        let (mut samples, mut y) = self.step_on(from, samples, y)?;
        for state in from + 1..to {
            (samples, y) = self.step_on(state, &samples, &y)?;
        }
        run(self, &samples, &y)
    }

    /// All attempts from one state, last one first.
    fn state(&mut self, state: usize, samples: &[usize], y: &[T]) -> Result<(), Error> {
        let recording = self.recording;
        let lists: Vec<(usize, &[Attempt])> = samples.iter().map(|&s| (s, recording.attempts_from(s, state))).collect();
        let most = lists.iter().map(|(_, list)| list.len()).max().unwrap_or(0);
        for rank in 0..most {
            let attempts: Vec<(usize, Attempt)> =
                lists.iter().filter_map(|(s, list)| list.len().checked_sub(rank + 1).map(|i| (*s, list[i]))).collect();
            self.attempts(&attempts, samples, y)?;
        }
        Ok(())
    }

    /// From the first steps to the states and derivatives that they were guessed from, of the samples for which that matters.
    fn first_step(&mut self) -> Result<(), Error> {
        let recording = self.recording;
        let samples: Vec<usize> = (0..self.carried.len()).filter(|&b| self.carried[b].next != 0.0).collect();
        if samples.is_empty() {
            return Ok(());
        }
        let states: Vec<&[T]> = samples.iter().map(|&b| &recording.states[b][0][..]).collect();
        let y0 = side_by_side(&states);
        let pick = |list: &[f64]| -> Vec<f64> { samples.iter().map(|&b| list[b]).collect() };
        let all = Columns::new(&recording.solver, &recording.times).piece;
        let (t, end) = (pick(&recording.times.start), pick(&recording.times.end));
        let piece: Vec<usize> = samples.iter().map(|&b| all[b]).collect();
        let cotangent: Vec<f64> = samples.iter().map(|&b| self.carried[b].next).collect();
        let mut y_bar = Aligned::zeros(y0.len());
        let (mut start_bar, mut end_bar) = (vec![0.0; samples.len()], vec![0.0; samples.len()]);
        let mut gradients = GuessGradients {
            y0: &mut y_bar,
            parameters: &mut self.parameters,
            start: &mut start_bar,
            end: &mut end_bar,
        };
        let start = Start { t: &t, end: &end, sample: &samples, piece: &piece };
        initial_step::pull_back(&recording.solver, &start, self.field, &y0, &cotangent, &mut gradients)?;
        let batch = self.carried.len();
        for (to, from) in self.y_bar.chunks_exact_mut(batch).zip(y_bar.chunks_exact(samples.len())) {
            for (v, &b) in from.iter().zip(&samples) {
                to[b] += *v;
            }
        }
        for (i, &b) in samples.iter().enumerate() {
            self.t_bar[b] += start_bar[i];
            self.end_bar[b] += end_bar[i];
        }
        Ok(())
    }
}
