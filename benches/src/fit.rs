//! How a cost grows with a size.

use std::fmt;

/// `cost = coefficient * size^exponent`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerLaw {
    /// 1 where twice the size costs twice as much.
    pub exponent: f64,
    /// Cost at size 1.
    pub coefficient: f64,
    /// The largest factor by which a measurement lies off the law.
    pub off: f64,
}

impl PowerLaw {
    /// The straight line of least squares through the logarithms of `(size, cost)`.
    ///
    /// `None` unless there are two different sizes and everything is finite and above zero.
    pub fn fit(points: &[(f64, f64)]) -> Option<Self> {
        if points.iter().any(|&(x, y)| !(x > 0.0 && y > 0.0 && x.is_finite() && y.is_finite())) {
            return None;
        }
        let n = points.len() as f64;
        let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
        let mean_x = logs.iter().map(|(x, _)| x).sum::<f64>() / n;
        let mean_y = logs.iter().map(|(_, y)| y).sum::<f64>() / n;
        let xx: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
        let xy: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
        // sizes that differ by less than rounding say nothing about growth
        if xx.is_nan() || xx < 1e-12 {
            return None;
        }
        let exponent = xy / xx;
        let off = logs.iter().map(|(x, y)| (y - mean_y - exponent * (x - mean_x)).abs()).fold(0.0, f64::max);
        Some(Self { exponent, coefficient: (mean_y - exponent * mean_x).exp(), off: off.exp() })
    }
}

impl fmt::Display for PowerLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "size^{:.2} (points within a factor of {:.2})", self.exponent, self.off)
    }
}

/// Costs of one kind of work at several sizes, by series; displays the law of each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Growth {
    series: Vec<(String, Vec<(f64, f64)>)>,
}

impl Growth {
    /// Takes note of a cost; of several at the same size the least counts.
    pub fn add(&mut self, series: &str, size: f64, cost: f64) {
        let at = self.series.iter().position(|(name, _)| name == series).unwrap_or_else(|| {
            self.series.push((series.to_owned(), Vec::new()));
            self.series.len() - 1
        });
        let points = &mut self.series[at].1;
        match points.iter_mut().find(|(s, _)| *s == size) {
            Some((_, least)) => *least = least.min(cost),
            None => points.push((size, cost)),
        }
    }

    /// The law of each series that has at least three sizes.
    pub fn laws(&self) -> impl Iterator<Item = (&str, PowerLaw)> {
        self.series
            .iter()
            .filter(|(_, points)| points.len() >= 3)
            .filter_map(|(name, points)| Some((name.as_str(), PowerLaw::fit(points)?)))
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (series, law) in self.laws() {
            writeln!(f, "{series}: time ~ {law}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A power law is found again, and nothing lies off it.
        #[test]
        fn laws_are_recovered(exponent in -2.0..3.0f64, coefficient in 1e-9..1e3f64, first in 1.0..100.0f64) {
            let points: Vec<(f64, f64)> =
                (0..5).map(|k| first * 2f64.powi(k)).map(|x| (x, coefficient * x.powf(exponent))).collect();
            let law = PowerLaw::fit(&points).unwrap();
            prop_assert!((law.exponent - exponent).abs() < 1e-9);
            prop_assert!((law.coefficient / coefficient - 1.0).abs() < 1e-8);
            prop_assert!(law.off < 1.0 + 1e-9);
        }

        /// The unit of cost does not matter for the exponent.
        #[test]
        fn units_do_not_matter(costs in proptest::collection::vec(1e-6..1.0f64, 4), unit in 1e-3..1e3f64) {
            let law = |unit: f64| {
                let points: Vec<_> = costs.iter().enumerate().map(|(k, c)| ((k + 1) as f64, c * unit)).collect();
                PowerLaw::fit(&points).unwrap()
            };
            prop_assert!((law(1.0).exponent - law(unit).exponent).abs() < 1e-9);
        }
    }

    #[test]
    fn no_law_through_one_size_or_nothing() {
        assert_eq!(PowerLaw::fit(&[]), None);
        assert_eq!(PowerLaw::fit(&[(4.0, 1.0)]), None);
        assert_eq!(PowerLaw::fit(&[(4.0, 1.0), (4.0, 2.0)]), None);
        assert_eq!(PowerLaw::fit(&[(1.0, 1.0), (2.0, 0.0)]), None);
        assert_eq!(PowerLaw::fit(&[(1.0, 1.0), (2.0, f64::NAN)]), None);
    }

    /// Series do not mix, the least cost counts, and two sizes are no series.
    #[test]
    fn growth_by_series() {
        let mut growth = Growth::default();
        for size in [1.0, 2.0, 4.0] {
            growth.add("linear", size, 10.0 * size);
            growth.add("linear", size, size);
            growth.add("linear", size, 5.0 * size);
            growth.add("square", size, size * size);
        }
        growth.add("two", 1.0, 1.0);
        growth.add("two", 2.0, 1.0);
        let laws: Vec<_> = growth.laws().collect();
        assert_eq!(laws.len(), 2);
        for ((name, law), (want, exponent)) in laws.into_iter().zip([("linear", 1.0), ("square", 2.0)]) {
            assert_eq!(name, want);
            assert!((law.exponent - exponent).abs() < 1e-12 && (law.coefficient - 1.0).abs() < 1e-12);
        }
        assert!(growth.to_string().starts_with("linear: time ~ size^1.00"));
    }

    #[test]
    fn an_outlier_shows() {
        let law = PowerLaw::fit(&[(1.0, 1.0), (2.0, 8.0), (4.0, 4.0)]).unwrap();
        assert!(law.off > 1.5, "{law}");
    }
}
