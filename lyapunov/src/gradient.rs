//! Gradients of exponents: the run in reverse, by replay from checkpoints.
//!
//! A run is cut into stretches: steps that end with an orthonormalisation, or steps of the state alone. A recording keeps state and
//! tangents at the beginning of some stretches. The reverse pass does the stretches anew, from the last to the first, keeping each
//! one's steps while it is pulled back, so that memory grows with the number of stretches and the length of one, not with their product.

use crate::qr::{Dependent, GradientOfR, Method, Qr, Reverse};
use crate::{Compat, Differentiable, Error, Point, PointMut, Run, Settings, Spectrum, StepMap};
use tch_sparse::Real;

/// Which stretches a recording keeps the beginnings of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Checkpoints {
    /// All as long as they take at most 64 MiB, else as many apart as makes memory least: about the square root of their number. The
    /// default.
    #[default]
    Automatic,
    /// Every so many; those between are done twice. At least 1.
    Every(usize),
}

/// Bytes that all checkpoints may take, of all networks that are recorded at once.
const BUDGET: usize = 64 << 20;

/// A spectrum whose exponents can be differentiated.
#[derive(Debug)]
pub struct Recording<T> {
    spectrum: Spectrum<T>,
    stretches: Vec<Stretch>,
    every: usize,
    /// Beginnings of every `every`th stretch.
    kept: Vec<Beginning<T>>,
    k: usize,
    divisor: f64,
    method: Method,
}

#[derive(Debug, Clone, Copy)]
struct Stretch {
    start: u64,
    end: u64,
    /// Whether tangents run along, and whether their growth counts.
    tangents: bool,
    counts: bool,
}

#[derive(Debug, Clone)]
struct Beginning<T> {
    state: Vec<T>,
    tangents: Vec<T>,
}

/// Gradients of a scalar.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients<T> {
    /// With respect to the map's parameters, in the map's order.
    pub parameters: Vec<T>,
    /// With respect to the starting state, `[dimension]`.
    pub state: Vec<T>,
}

impl Settings {
    /// Computes a spectrum and keeps what its gradients need.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn record<T: Real, M: StepMap<T>>(&self, map: &M, state: &[T]) -> Result<Recording<T>, Error> {
        let mut run = Run::new(self, map, state)?;
        run.for_recording();
        let budget = BUDGET / self.sharing();
        let (n, k) = (state.len(), run.tangents().len() / state.len());
        let bytes = n * (k + 1) * size_of::<T>();
        let mut every = match self.checkpoints {
            Checkpoints::Every(0) => return Err(Error::setting("checkpoints", "every 0; give at least 1")),
            Checkpoints::Every(every) => every,
            Checkpoints::Automatic => 1,
        };
        let (mut stretches, mut kept) = (Vec::new(), Vec::new());
        let mut work = map.work(k);
        while let Some(tangents) = run.next_has_tangents() {
            let start = run.done();
            let beginning = stretches
                .len()
                .is_multiple_of(every)
                .then(|| Beginning { state: run.state().to_vec(), tangents: run.tangents().to_vec() });
            run.advance_once(map, u64::MAX, &mut work)?;
            // An interval that was too long is done again.
            if run.done() == start {
                continue;
            }
            kept.extend(beginning);
            stretches.push(Stretch { start, end: run.done(), tangents, counts: tangents && run.counts() });
            // With every second dropped whenever memory of the kept ones and of a replay's balance badly.
            if self.checkpoints == Checkpoints::Automatic && kept.len() * bytes > budget && kept.len() > 2 * every {
                every *= 2;
                let mut at = 0;
                kept.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
            }
        }
        let method = if self.compat_of() == Compat::FlyStability { Method::Lapack } else { Method::Fastest };
        let divisor = run.divisor();
        Ok(Recording { spectrum: run.into_spectrum(), stretches, every, kept, k, divisor, method })
    }
}

impl<T: Real> Recording<T> {
    /// The spectrum.
    pub fn spectrum(&self) -> &Spectrum<T> {
        &self.spectrum
    }

    /// The gradients of a scalar from its derivatives with respect to the exponents, `[k]`: exact, the starting tangents and the
    /// lengths of intervals held constant. `map` is the one that was recorded.
    ///
    /// # Errors
    /// [`Error::Shape`] when the derivatives or the map have another length; [`Error::Overflow`] when a gradient is none, which
    /// happens in chaotic systems where a run is so long that `e^(λ t)` overflows.
    pub fn pull_back<M: Differentiable<T>>(&self, map: &M, by_exponents: &[f64]) -> Result<Gradients<T>, Error> {
        let (n, k) = (map.dimension(), self.k);
        let first = &self.kept[0];
        if by_exponents.len() != k || first.state.len() != n {
            return Err(Error::Shape {
                what: "the derivative by exponents, and the map",
                got: format!("[{}], of {n} numbers", by_exponents.len()),
                want: format!("[{k}], of {} numbers", first.state.len()),
            });
        }
        let weights: Vec<f64> = by_exponents.iter().map(|w| w / self.divisor).collect();
        let mut reverse = Pass {
            map,
            work: map.work(k),
            qr: Qr::new(n, k, self.method),
            reverse: Reverse::new(n, k),
            steps: Vec::new(),
            state: vec![T::ZERO; n],
            tangents: vec![T::ZERO; n * k],
            parameters: vec![T::ZERO; map.n_parameters()],
        };
        for (group, kept) in self.kept.iter().enumerate().rev() {
            let stretches = &self.stretches[group * self.every..((group + 1) * self.every).min(self.stretches.len())];
            let mut beginnings = vec![kept.clone()];
            for stretch in &stretches[..stretches.len() - 1] {
                let mut next = beginnings[beginnings.len() - 1].clone();
                reverse.replay(*stretch, &mut next)?;
                beginnings.push(next);
            }
            for (stretch, beginning) in stretches.iter().zip(beginnings).rev() {
                reverse.pull(*stretch, beginning, &weights)?;
            }
        }
        let Pass { mut parameters, mut work, state, .. } = reverse;
        map.flush(&mut parameters, &mut work);
        if parameters.iter().chain(&state).any(|x| !x.to_f64().is_finite()) {
            return Err(Error::Overflow { time: self.spectrum.time() });
        }
        Ok(Gradients { parameters, state })
    }
}

impl<T: Real> Beginning<T> {
    /// Becomes a copy, of the state alone where tangents stay.
    fn take(&mut self, other: &Self, tangents: bool) {
        self.state.clone_from(&other.state);
        if tangents {
            self.tangents.clone_from(&other.tangents);
        }
    }
}

/// The reverse pass on its way.
struct Pass<'a, T: Real, M: StepMap<T>> {
    map: &'a M,
    work: M::Work,
    qr: Qr<T>,
    reverse: Reverse<T>,
    /// State and tangents before each step of a stretch.
    steps: Vec<Beginning<T>>,
    /// Gradients by state and tangents where the pass has come to.
    state: Vec<T>,
    tangents: Vec<T>,
    parameters: Vec<T>,
}

impl<T: Real, M: Differentiable<T>> Pass<'_, T, M> {
    /// Does a step of a stretch.
    fn step(&mut self, stretch: Stretch, step: u64, at: &mut Beginning<T>) {
        if stretch.tangents {
            self.map.push(step, &mut at.state, &mut at.tangents, &mut self.work);
        } else {
            self.map.step(step, &mut at.state, &mut self.work);
        }
    }

    fn factor(&mut self, stretch: Stretch, at: &mut Beginning<T>) -> Result<(), Error> {
        let step = stretch.end;
        self.qr.factor(&mut at.tangents).map_err(|Dependent(column)| Error::Vanished { column, step })
    }

    /// Does a stretch.
    fn replay(&mut self, stretch: Stretch, at: &mut Beginning<T>) -> Result<(), Error> {
        for step in stretch.start..stretch.end {
            self.step(stretch, step, at);
        }
        if stretch.tangents { self.factor(stretch, at) } else { Ok(()) }
    }

    /// Does a stretch, and then pulls it back.
    fn pull(&mut self, stretch: Stretch, mut at: Beginning<T>, weights: &[f64]) -> Result<(), Error> {
        let mut steps = std::mem::take(&mut self.steps);
        let length = (stretch.end - stretch.start) as usize;
        for i in 0..length {
            match steps.get_mut(i) {
                Some(kept) => kept.take(&at, stretch.tangents),
                None => {
                    steps.push(Beginning { state: Vec::new(), tangents: Vec::new() });
                    steps[i].take(&at, stretch.tangents);
                }
            }
            self.step(stretch, stretch.start + i as u64, &mut at);
        }
        if stretch.tangents {
            self.factor(stretch, &mut at)?;
            let k = weights.len();
            let counts = if stretch.counts { 1.0 } else { 0.0 };
            let by_logs: Vec<f64> = (0..k).map(|i| counts * weights[i] / self.qr.r[i * k + i]).collect();
            self.reverse.pull(&at.tangents, &self.qr.r, &mut self.tangents, GradientOfR::Diagonal(&by_logs));
        }
        for i in (0..length).rev() {
            let tangents: (&[T], &mut [T]) =
                if stretch.tangents { (&steps[i].tangents, &mut self.tangents) } else { (&[], &mut []) };
            let before = Point { state: &steps[i].state, tangents: tangents.0 };
            let gradient = PointMut { state: &mut self.state, tangents: tangents.1 };
            self.map.pull(stretch.start + i as u64, before, gradient, &mut self.parameters, &mut self.work);
        }
        self.steps = steps;
        Ok(())
    }
}
