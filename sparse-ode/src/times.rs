//! When a solve begins, ends and is looked at.

use crate::Error;

/// Start, end and evaluation times of each sample of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    pub(crate) start: Vec<f64>,
    pub(crate) end: Vec<f64>,
    /// `[batch, points]`
    pub(crate) eval: Vec<f64>,
    pub(crate) points: usize,
}

impl Times {
    /// The same start and end for each of `batch` samples, and no evaluation times: the solution holds the end only.
    ///
    /// `end < start` goes backward in time.
    ///
    /// # Errors
    /// [`Error::Times`] when both are equal or one is not finite.
    pub fn span(batch: usize, start: f64, end: f64) -> Result<Self, Error> {
        Self::per_sample(&vec![start; batch], &vec![end; batch])
    }

    /// A start and an end for each sample.
    ///
    /// # Errors
    /// [`Error::Times`] when the lists differ in length, or a sample's times are equal or not finite.
    pub fn per_sample(start: &[f64], end: &[f64]) -> Result<Self, Error> {
        if start.len() != end.len() {
            return Err(Error::Times(format!("{} start times for {} end times", start.len(), end.len())));
        }
        for (sample, (a, b)) in start.iter().zip(end).enumerate() {
            if !(a.is_finite() && b.is_finite() && a != b) {
                return Err(Error::Times(format!(
                    "sample {sample} goes from {a} to {b}; both must be finite and different"
                )));
            }
        }
        Ok(Self { start: start.to_vec(), end: end.to_vec(), eval: Vec::new(), points: 0 })
    }

    /// Looks at every sample at the times `eval`.
    ///
    /// # Errors
    /// As [`evaluate_per_sample`](Self::evaluate_per_sample).
    pub fn evaluate(self, eval: &[f64]) -> Result<Self, Error> {
        let eval = eval.repeat(self.batch());
        self.evaluate_per_sample(&eval)
    }

    /// Looks at each sample at times of its own, `[batch, points]`.
    ///
    /// # Errors
    /// [`Error::Times`] when there is not the same number for each sample, or times are not in the order of integration or lie
    /// outside a sample's span.
    pub fn evaluate_per_sample(mut self, eval: &[f64]) -> Result<Self, Error> {
        let batch = self.batch();
        if batch == 0 || !eval.len().is_multiple_of(batch) {
            let n = eval.len();
            return Err(Error::Times(format!(
                "{n} evaluation times are not the same number for each of {batch} samples"
            )));
        }
        self.points = eval.len() / batch;
        for sample in 0..batch {
            let (a, b) = (self.start[sample], self.end[sample]);
            let direction = (b - a).signum();
            let mut last = a;
            for &t in &eval[sample * self.points..][..self.points] {
                let in_order = direction * t >= direction * last && direction * t <= direction * b;
                if !in_order {
                    return Err(Error::Times(format!(
                        "sample {sample} goes from {a} to {b}: evaluation time {t} after {last} is out of order or outside"
                    )));
                }
                last = t;
            }
        }
        self.eval = eval.to_vec();
        Ok(self)
    }

    /// Looks at each sample at `n` equally spaced times, start and end included.
    ///
    /// # Errors
    /// [`Error::Times`] when `n < 2`.
    pub fn evenly(self, n: usize) -> Result<Self, Error> {
        if n < 2 {
            return Err(Error::Times(format!("{n} evaluations; at least 2 are needed: start and end")));
        }
        let eval: Vec<f64> = self.start.iter().zip(&self.end).flat_map(|(&a, &b)| linspace(a, b, n)).collect();
        self.evaluate_per_sample(&eval)
    }

    /// Number of samples.
    pub fn batch(&self) -> usize {
        self.start.len()
    }

    /// Evaluation times per sample.
    pub fn points(&self) -> usize {
        self.points
    }

    /// The evaluation times, `[batch, points]`.
    pub fn evaluations(&self) -> &[f64] {
        &self.eval
    }
}

/// `n` equally spaced numbers, exact at both ends: counted from the nearer one, as libtorch does.
fn linspace(a: f64, b: f64, n: usize) -> impl Iterator<Item = f64> {
    let step = (b - a) / (n - 1) as f64;
    (0..n).map(move |i| if i < n / 2 { a + step * i as f64 } else { b - step * (n - 1 - i) as f64 })
}
