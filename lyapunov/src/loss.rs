//! Losses on a spectrum.

/// A scalar of exponents, for training. Any other one is a closure over the tensor that
/// [`RateModel::exponents`](crate::RateModel::exponents) gives.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// Euclidean distance of all exponents from one value.
    L2 {
        /// The value.
        target: f64,
    },
    /// Mean square of the distances from one value.
    MeanSquare {
        /// The value.
        target: f64,
    },
    /// Mean square of the distances from a spectrum that falls in equal steps. FlyStability's `MSE_Custom` falls from 1.24 to -1.25.
    Line {
        /// The first value.
        from: f64,
        /// The last one.
        to: f64,
    },
    /// Sum of the positive exponents: the entropy of Kolmogorov and Sinai by Pesin's identity, to be made large.
    Entropy,
    /// Sum of all exponents: the rate at which volumes grow, to be made large. FlyStability's `Sinai`.
    Expansion,
}

impl Loss {
    /// Whether training makes it larger.
    pub fn is_maximised(&self) -> bool {
        matches!(self, Self::Entropy | Self::Expansion)
    }

    /// Its value.
    pub fn value(&self, exponents: &[f64]) -> f64 {
        let square = |target: &dyn Fn(usize) -> f64| {
            exponents.iter().enumerate().map(|(i, x)| (x - target(i)).powi(2)).sum::<f64>()
        };
        let n = exponents.len() as f64;
        match self {
            Self::L2 { target } => square(&|_| *target).sqrt(),
            Self::MeanSquare { target } => square(&|_| *target) / n,
            Self::Line { .. } => square(&|i| self.target(i, exponents.len())) / n,
            Self::Entropy => crate::entropy(exponents),
            Self::Expansion => exponents.iter().sum(),
        }
    }

    /// Its derivatives by the exponents. That of the distance at distance 0 is 0.
    pub fn gradient(&self, exponents: &[f64]) -> Vec<f64> {
        let n = exponents.len();
        let norm = if let Self::L2 { .. } = self { self.value(exponents) } else { 1.0 };
        let by = |(i, x): (usize, &f64)| match self {
            Self::L2 { .. } if norm == 0.0 => 0.0,
            Self::L2 { target } => (x - target) / norm,
            Self::MeanSquare { .. } | Self::Line { .. } => 2.0 * (x - self.target(i, n)) / n as f64,
            Self::Entropy => f64::from(u8::from(*x > 0.0)),
            Self::Expansion => 1.0,
        };
        exponents.iter().enumerate().map(by).collect()
    }

    /// What exponent `i` of `n` is to be.
    fn target(&self, i: usize, n: usize) -> f64 {
        match self {
            Self::L2 { target } | Self::MeanSquare { target } => *target,
            // By halves from both ends, so that both are exact.
            Self::Line { from, to } if n > 1 => {
                let step = (to - from) / (n - 1) as f64;
                if 2 * i < n { from + step * i as f64 } else { to - step * (n - 1 - i) as f64 }
            }
            Self::Line { from, .. } => *from,
            Self::Entropy | Self::Expansion => 0.0,
        }
    }
}
