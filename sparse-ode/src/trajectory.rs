//! Everything that a solve passed: states at all steps, and the polynomials between them.

use crate::arrays::Shape;
use crate::interpolation::{Step, coefficients};
use crate::{Error, Solution, Solver, Times, VectorField};
use tch_sparse::Real;

/// How much of each step a [`Trajectory`] keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Save {
    /// Time and state at the end of each accepted step.
    Steps,
    /// And the polynomial within it: the solution at any time.
    Dense,
}

/// The accepted steps of each sample.
#[derive(Debug, Clone)]
pub struct Trajectory<T> {
    save: Save,
    features: usize,
    samples: Vec<Path<T>>,
}

/// One sample's.
#[derive(Debug, Clone)]
struct Path<T> {
    /// Start, and the end of each step.
    t: Vec<f64>,
    /// `[t.len(), features]`
    y: Vec<T>,
    /// By step, the polynomial's coefficients by power, from 1: `[steps, degree, features]`.
    powers: Vec<T>,
    degree: usize,
}

impl<T: Real> Trajectory<T> {
    pub(crate) fn new(save: Save, start: &[f64], features: usize, y0: &[T]) -> Self {
        let path = |(t, y): (&f64, &[T])| Path { t: vec![*t], y: y.to_vec(), powers: Vec::new(), degree: 0 };
        Self { save, features, samples: start.iter().zip(y0.chunks_exact(features)).map(path).collect() }
    }

    /// Adds the accepted steps of the running samples, which end at the times `to`.
    pub(crate) fn add(&mut self, shape: Shape, step: &Step<'_, T>, samples: &[usize], accepted: &[bool], to: &[f64]) {
        let powers = if self.save == Save::Dense { coefficients(shape, step) } else { Vec::new() };
        for (b, &sample) in samples.iter().enumerate().filter(|(b, _)| accepted[*b]) {
            let column = |from: &[T]| from[b..shape.len()].iter().step_by(shape.batch).copied().collect::<Vec<T>>();
            let path = &mut self.samples[sample];
            path.t.push(to[b]);
            path.y.extend(column(step.y1));
            path.degree = powers.len();
            for power in &powers {
                path.powers.extend(column(power));
            }
        }
    }

    /// Times of a sample's start and of the end of each of its accepted steps.
    pub fn t(&self, sample: usize) -> &[f64] {
        &self.samples[sample].t
    }

    /// States at these times, `[times, features]`.
    pub fn y(&self, sample: usize) -> &[T] {
        &self.samples[sample].y
    }

    /// The state of a sample at a time that it passed, `[features]`.
    ///
    /// # Errors
    /// [`Error::Times`] for another time, or where polynomials were not kept ([`Save::Steps`]) and no step ended there.
    pub fn at(&self, sample: usize, t: f64) -> Result<Vec<T>, Error> {
        let path = &self.samples[sample];
        let (first, last) = (path.t[0], path.t[path.t.len() - 1]);
        if !(t >= first.min(last) && t <= first.max(last)) {
            return Err(Error::Times(format!("sample {sample} went from {first} to {last}; it was never at {t}")));
        }
        let forward = last >= first;
        let next = path.t.partition_point(|&own| if forward { own < t } else { own > t });
        let state = |i: usize| &path.y[i * self.features..(i + 1) * self.features];
        if path.t[next] == t {
            return Ok(state(next).to_vec());
        }
        if self.save == Save::Steps {
            return Err(Error::Times(format!("no step of sample {sample} ended at {t}; Save::Dense has all times")));
        }
        let (from, to) = (path.t[next - 1], path.t[next]);
        let x = T::from_f64((t - from) / (to - from));
        let powers = &path.powers[(next - 1) * path.degree * self.features..][..path.degree * self.features];
        let mut y = vec![T::ZERO; self.features];
        for power in powers.chunks_exact(self.features).rev() {
            y.iter_mut().zip(power).for_each(|(y, p)| *y = (*y + *p) * x);
        }
        y.iter_mut().zip(state(next - 1)).for_each(|(y, y0)| *y += *y0);
        Ok(y)
    }
}

impl Solver {
    /// Solves to the end and keeps every accepted step.
    ///
    /// # Errors
    /// As [`solve`](Self::solve).
    ///
    /// **Memory**: for each step of each sample its state, and with [`Save::Dense`] three to four more.
    ///
    /// # Example
    /// ```
    /// use sparse_ode::{Save, Solver, Times, per_sample};
    ///
    /// let mut fall = per_sample(1, |_t, _sample, y: &[f64], dy| dy[0] = -y[0]);
    /// let (_, path) = Solver::new().trajectory(&mut fall, &[1.0], &Times::span(1, 0.0, 3.0)?, Save::Dense)?;
    /// assert_eq!(path.t(0).len() - 1, path.y(0).len() - 1);
    /// assert!((path.at(0, 1.0)?[0] - (-1f64).exp()).abs() < 1e-3);
    /// # Ok::<(), sparse_ode::Error>(())
    /// ```
    pub fn trajectory<T: Real>(
        &self,
        field: &mut dyn VectorField<T>,
        y0: &[T],
        times: &Times,
        save: Save,
    ) -> Result<(Solution<T>, Trajectory<T>), Error> {
        let mut stepper = self.start(field, y0, times)?;
        let start: Vec<f64> = times.start.iter().map(|t| self.time.round(*t)).collect();
        stepper.keep_trajectory(Trajectory::new(save, &start, field.features(), y0));
        while stepper.step(field)? {}
        let trajectory = stepper.take_trajectory();
        Ok((stepper.finish(), trajectory.unwrap_or_else(|| unreachable!("it was put there"))))
    }
}
