//! Degrees of a network on double logarithmic axes.

use super::Figure;
use super::axis::Axis;
use super::sample::{Sample, values};
use super::scatter::{Join, Scatter};
use crate::Error;

/// How degrees are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DegreeView {
    /// P(K >= k), the fraction of neurons with at least k connections. No bins, hence no choice to make. The default.
    #[default]
    Survival,
    /// p(k) in bins of equal ratio, this many per factor of ten.
    LogBins(usize),
}

/// Distribution of in-degrees, out-degrees or any other counts.
///
/// Neurons without connections count in the fractions but have no place on a logarithmic axis.
///
/// ```
/// use flybrain::figure::DegreeDistribution;
///
/// let figure = DegreeDistribution::new("Degrees of the connectome")
///     .series("in-degree", &[1u32, 3, 3, 8, 40])
///     .series("out-degree", &[2u32, 2, 5, 6, 12])
///     .build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DegreeDistribution {
    title: String,
    label: String,
    series: Vec<(String, Vec<f64>)>,
    view: DegreeView,
    size: (f64, f64),
}

impl DegreeDistribution {
    /// An empty plot. Defaults: label "degree k (connections)", [`DegreeView::Survival`], 560 x 420 pixels.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            label: "degree k (connections)".to_owned(),
            series: Vec::new(),
            view: DegreeView::default(),
            size: (560.0, 420.0),
        }
    }

    /// Label of the horizontal axis.
    #[must_use]
    pub fn x(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    /// Adds the degrees of all neurons, in any order.
    #[must_use]
    pub fn series<T: Sample>(mut self, name: impl Into<String>, degrees: &[T]) -> Self {
        self.series.push((name.into(), values(degrees)));
        self
    }

    /// Chooses how degrees are summed up.
    #[must_use]
    pub fn view(self, view: DegreeView) -> Self {
        Self { view, ..self }
    }

    /// Size of the figure in CSS pixels.
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { size: (width, height), ..self }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] without a series or with a series without a positive degree, [`Error::BadOption`] for no
    /// bins or a size that cannot be drawn.
    pub fn build(&self) -> Result<Figure, Error> {
        let check = super::check::Check { plot: "degree distribution", title: &self.title };
        check.not_empty(self.series.is_empty(), "a series")?;
        let none = matches!(self.view, DegreeView::LogBins(n) if !(1..=100).contains(&n));
        check.option("view", self.view, none.then_some("give 1 to 100 bins per factor of ten"))?;
        let y = match self.view {
            DegreeView::Survival => "fraction with degree ≥ k",
            DegreeView::LogBins(_) => "probability density p(k)",
        };
        let mut plot = Scatter::new(&*self.title)
            .x(Axis::log(&*self.label))
            .y(Axis::log(y))
            .join(Join::Lines)
            .size(self.size.0, self.size.1);
        for (name, degrees) in &self.series {
            let points = match self.view {
                DegreeView::Survival => few(survival(degrees)),
                DegreeView::LogBins(per_decade) => {
                    log_bins(degrees, per_decade).iter().map(|b| (b.middle, b.fraction / b.width)).collect()
                }
            };
            check.not_empty(points.is_empty(), &format!("positive degrees to series \"{name}\""))?;
            let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
            plot = plot.series(name.clone(), &x, &y);
        }
        plot.build()
    }
}

/// Positive degrees, ascending.
fn positive(degrees: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = degrees.iter().copied().filter(|d| d.is_finite() && *d > 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// Each degree that occurs, with the fraction of neurons that have at least it.
fn survival(degrees: &[f64]) -> Vec<(f64, f64)> {
    let sorted = positive(degrees);
    let mut before = 0;
    let mut points = Vec::new();
    for same in sorted.chunk_by(|a, b| a == b) {
        points.push((same[0], (sorted.len() - before) as f64 / degrees.len() as f64));
        before += same.len();
    }
    points
}

/// At most some dozens of points, evenly spread over the logarithmic axis, with both ends.
fn few(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) else {
        return points;
    };
    let room = (last.0 / first.0).log10().max(1e-9) / 40.0;
    let mut next = f64::NEG_INFINITY;
    points
        .into_iter()
        .filter(|p| {
            let at = p.0.log10();
            let keep = at >= next || *p == last;
            if keep {
                next = at + room;
            }
            keep
        })
        .collect()
}

/// A bin of degrees.
struct Bin {
    /// Geometric mean of its ends.
    middle: f64,
    /// Number of whole degrees in it, or its width if degrees are not whole.
    width: f64,
    /// Neurons in it, as a fraction of all.
    fraction: f64,
}

/// Density in bins of equal ratio that start at the smallest positive degree.
fn log_bins(degrees: &[f64], per_decade: usize) -> Vec<Bin> {
    let sorted = positive(degrees);
    let Some(first) = sorted.first() else {
        return Vec::new();
    };
    // Whole degrees fall into narrow bins one, two or not at all, so that the width must count them.
    let whole = sorted.iter().all(|d| d.fract() == 0.0);
    // The slack puts degrees on an edge into the upper bin in spite of rounding.
    let edge = |bin: f64| first * 10f64.powf((bin - 1e-9) / per_decade as f64);
    let bin = |d: &f64| ((d / first).log10() * per_decade as f64 + 1e-9).floor();
    sorted
        .chunk_by(|a, b| bin(a) == bin(b))
        .map(|same| {
            let (low, high) = (edge(bin(&same[0])), edge(bin(&same[0]) + 1.0));
            let (middle, width) = if whole {
                let (low, high) = (low.ceil(), high.ceil() - 1.0);
                ((low * high).sqrt(), high - low + 1.0)
            } else {
                ((low * high).sqrt(), high - low)
            };
            let fraction = same.len() as f64 / degrees.len() as f64;
            Bin { middle, width, fraction }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn survival_counts_by_hand() {
        assert_eq!(survival(&[0.0, 1.0, 1.0, 4.0]), [(1.0, 0.75), (4.0, 0.25)]);
    }

    proptest! {
        /// Survival starts at the connected fraction, falls strictly and ends at the share of the largest degree.
        #[test]
        fn survival_falls(degrees in prop::collection::vec(0u32..500, 1..300)) {
            let d: Vec<f64> = degrees.iter().map(|v| f64::from(*v)).collect();
            let points = survival(&d);
            prop_assert!(points.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 > w[1].1));
            let connected = degrees.iter().filter(|v| **v > 0).count();
            if let Some(p) = points.first() {
                prop_assert!((p.1 - connected as f64 / d.len() as f64).abs() < 1e-12);
            }
            let kept = few(points.clone());
            prop_assert_eq!(kept.first(), points.first());
            prop_assert_eq!(kept.last(), points.last());
            prop_assert!(kept.len() <= 43);
        }

        /// Each connected neuron is in one bin, for whole degrees and for others.
        #[test]
        fn log_bins_hold_all_degrees(degrees in prop::collection::vec(0u32..5000, 1..300), per_decade in 1usize..12, unit in prop_oneof![Just(1.0), Just(0.37)]) {
            let d: Vec<f64> = degrees.iter().map(|v| unit * f64::from(*v)).collect();
            let bins = log_bins(&d, per_decade);
            prop_assert!(bins.windows(2).all(|w| w[0].middle < w[1].middle));
            let total: f64 = bins.iter().map(|b| b.fraction).sum();
            let connected = degrees.iter().filter(|v| **v > 0).count() as f64 / d.len() as f64;
            prop_assert!((total - connected).abs() < 1e-9, "{} {}", total, connected);
        }
    }

    #[test]
    fn whole_degrees_are_counted_by_the_degrees_in_a_bin() {
        // One neuron of each degree: the density is the same in all bins, however many degrees they hold.
        let d: Vec<f64> = (1..=999).map(f64::from).collect();
        for bin in log_bins(&d, 5) {
            assert!((bin.fraction / bin.width * 999.0 - 1.0).abs() < 1e-9, "{} at {}", bin.fraction, bin.middle);
        }
    }
}
