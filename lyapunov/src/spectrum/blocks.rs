//! Standard errors by averages over blocks.

/// Sums of logarithms over stretches of a run. At most [`MOST`](Self::MOST) stretches are held: when they are full, neighbours are merged.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Blocks {
    pub(super) k: usize,
    /// Steps of each finished stretch.
    pub(super) steps: Vec<u64>,
    /// `[stretches, k]`.
    pub(super) sums: Vec<f64>,
    /// Steps that a stretch has at least.
    pub(super) least: u64,
    pub(super) open_steps: u64,
    pub(super) open: Vec<f64>,
}

/// Averages that a standard error is made of: enough for its own error to be a sixth, and few enough to be independent.
const AVERAGES: usize = 20;

impl Blocks {
    /// Stretches held at most; even.
    pub(super) const MOST: usize = 256;

    pub(super) fn new(k: usize) -> Self {
        Self { k, steps: Vec::new(), sums: Vec::new(), least: 1, open_steps: 0, open: vec![0.0; k] }
    }

    pub(super) fn add(&mut self, steps: u64, logs: impl Iterator<Item = f64>) {
        self.open_steps += steps;
        self.open.iter_mut().zip(logs).for_each(|(sum, log)| *sum += log);
        if self.open_steps < self.least {
            return;
        }
        self.steps.push(self.open_steps);
        self.sums.append(&mut self.open);
        self.open = vec![0.0; self.k];
        self.open_steps = 0;
        if self.steps.len() == Self::MOST {
            self.steps = self.steps.chunks(2).map(|s| s.iter().sum()).collect();
            let k = self.k;
            self.sums = self.sums.chunks(2 * k).flat_map(|s| (0..k).map(|c| s[c] + s[k + c])).collect();
            self.least = *self.steps.iter().min().unwrap_or(&1);
        }
    }

    /// Averages per unit of time over about [`AVERAGES`] stretches of about the same length, `[stretches, k]`, and their lengths.
    fn averages(&self, dt: f64) -> (Vec<f64>, Vec<f64>) {
        let total: u64 = self.steps.iter().sum();
        let goal = (total as f64 / AVERAGES as f64).max(1.0);
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let (mut steps, mut sum) = (0, vec![0.0; self.k]);
        for (length, logs) in self.steps.iter().zip(self.sums.chunks(self.k.max(1))) {
            steps += length;
            sum.iter_mut().zip(logs).for_each(|(s, l)| *s += l);
            if steps as f64 >= goal - 0.5 {
                let time = steps as f64 * dt;
                times.push(time);
                values.extend(sum.iter_mut().map(|s| std::mem::take(s) / time));
                steps = 0;
            }
        }
        (values, times)
    }

    /// The standard error of each exponent; NaN where there are fewer than five averages.
    pub(super) fn standard_errors(&self, dt: f64) -> Vec<f64> {
        let (values, times) = self.averages(dt);
        let n = times.len();
        if n < 5 {
            return vec![f64::NAN; self.k];
        }
        let total: f64 = times.iter().sum();
        (0..self.k)
            .map(|c| {
                let column = || values[c..].iter().step_by(self.k).zip(&times);
                let mean = column().map(|(v, t)| v * t).sum::<f64>() / total;
                let variance = column().map(|(v, t)| t / total * (v - mean).powi(2)).sum::<f64>();
                (variance / (n - 1) as f64).sqrt()
            })
            .collect()
    }

    /// The exponents of the first and of the second half.
    pub(super) fn halves(&self, dt: f64) -> Option<[Vec<f64>; 2]> {
        let (values, times) = self.averages(dt);
        let half = times.len() / 2;
        let mean = |from: usize, to: usize| -> Vec<f64> {
            let total: f64 = times[from..to].iter().sum();
            (0..self.k).map(|c| (from..to).map(|i| values[i * self.k + c] * times[i]).sum::<f64>() / total).collect()
        };
        (half >= 2).then(|| [mean(0, half), mean(half, times.len())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn independent_numbers_have_the_standard_error_of_their_mean() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut blocks = Blocks::new(2);
        let n = 40_000u64;
        for _ in 0..n {
            let x: f64 = StandardNormal.sample(&mut rng);
            blocks.add(3, [0.5 + x, 2.0].into_iter());
        }
        assert!(blocks.steps.len() < Blocks::MOST);
        assert_eq!(blocks.steps.iter().sum::<u64>() + blocks.open_steps, 3 * n);
        let errors = blocks.standard_errors(0.1);
        let truth = 1.0 / 0.3 / (n as f64).sqrt();
        assert!((errors[0] / truth - 1.0).abs() < 0.5, "{} and {truth}", errors[0]);
        assert!(errors[1] < 1e-12);
        let [first, second] = blocks.halves(0.1).unwrap();
        assert!((first[0] - second[0]).abs() < 6.0 * truth && (first[1] - second[1]).abs() < 1e-12);
    }

    #[test]
    fn few_numbers_have_none() {
        let mut blocks = Blocks::new(1);
        (0..3).for_each(|_| blocks.add(1, [1.0].into_iter()));
        assert!(blocks.standard_errors(1.0)[0].is_nan() && blocks.halves(1.0).is_none());
    }
}
