//! How often values occur.

use super::Figure;
use super::axis::{Axis, Scale, drawable};
use super::check::Check;
use super::color::category;
use super::layout::{Frame, MARGIN, Side};
use super::legend::{Entry, Swatch, header};
use super::mark::{Mark, Marks};
use super::sample::{Sample, values};
use super::scene::{Fill, Point, Rect, Scene, Segment, Stroke, polygon};
use super::trace;
use crate::Error;

/// How many bins there are. They are equally wide on the horizontal axis, linear or logarithmic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bins {
    /// Width by D. Freedman and P. Diaconis (1981), 2 IQR n^(-1/3), for 8 to 80 bins. The default.
    #[default]
    Auto,
    /// This many.
    Count(usize),
}

/// What the height of a bar means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// How many values fall into the bin. The default.
    #[default]
    Count,
    /// Which fraction of the series does.
    Fraction,
}

/// Histogram of one or several series in common bins. Values that are not finite, or not positive on a logarithmic
/// horizontal axis, are left out; all others are counted, those outside a fixed range too (they fall outside the picture).
///
/// ```
/// use flybrain::figure::Histogram;
///
/// let weights = [0.1, 0.2, 0.2, 0.4, 0.9];
/// let figure = Histogram::new("Synaptic weights").x("weight (a.u.)").series("all", &weights).build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    title: String,
    x: Axis,
    y: Option<Axis>,
    series: Vec<(String, Vec<f64>)>,
    marks: Marks,
    bins: Bins,
    measure: Measure,
    size: (f64, f64),
}

impl Histogram {
    /// An empty plot. Defaults: linear axes, [`Bins::Auto`], [`Measure::Count`], 640 x 400 pixels.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x: Axis::default(),
            y: None,
            series: Vec::new(),
            marks: Marks::default(),
            bins: Bins::default(),
            measure: Measure::default(),
            size: (640.0, 400.0),
        }
    }

    /// The horizontal axis: a label with its unit, or an [`Axis`]. A logarithmic axis has logarithmic bins.
    #[must_use]
    pub fn x(self, axis: impl Into<Axis>) -> Self {
        Self { x: axis.into(), ..self }
    }

    /// The vertical axis. Default: linear from zero, named after the measure.
    #[must_use]
    pub fn y(self, axis: impl Into<Axis>) -> Self {
        Self { y: Some(axis.into()), ..self }
    }

    /// Adds a series of values.
    #[must_use]
    pub fn series<T: Sample>(mut self, name: impl Into<String>, data: &[T]) -> Self {
        self.series.push((name.into(), values(data)));
        self
    }

    /// Adds a reference line or a shaded span.
    #[must_use]
    pub fn mark(mut self, mark: Mark, name: impl Into<String>) -> Self {
        self.marks.0.push((mark, name.into()));
        self
    }

    /// Sets the number of bins.
    #[must_use]
    pub fn bins(self, bins: Bins) -> Self {
        Self { bins, ..self }
    }

    /// Sets what the height of a bar means.
    #[must_use]
    pub fn measure(self, measure: Measure) -> Self {
        Self { measure, ..self }
    }

    /// Size of the figure in CSS pixels.
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { size: (width, height), ..self }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] without a series or with a series without values, [`Error::BadOption`] for no bins, or a
    /// range or size that cannot be drawn.
    pub fn build(&self) -> Result<Figure, Error> {
        let check = Check { plot: "histogram", title: &self.title };
        check.not_empty(self.series.is_empty(), "a series")?;
        for (name, data) in &self.series {
            check.not_empty(data.is_empty(), &format!("values to series \"{name}\""))?;
        }
        let y_axis = self.y.clone().unwrap_or_else(|| {
            Axis::linear(match self.measure {
                Measure::Count => "count",
                Measure::Fraction => "fraction of values",
            })
        });
        check.axis("x range", &self.x)?;
        check.axis("y range", &y_axis)?;
        check.size(Some(self.size))?;
        let bad = matches!(self.bins, Bins::Count(n) if !(1..=10_000).contains(&n));
        check.option("bins", self.bins, bad.then_some("give 1 to 10,000 bins"))?;

        let all = || self.series.iter().flat_map(|s| s.1.iter().copied());
        let x = Side::new(&self.x, all(), 0.0);
        let edges = self.edges(&x);
        let heights: Vec<Vec<f64>> = self.series.iter().map(|s| self.heights(&s.1, &edges)).collect();
        let tops = || heights.iter().flatten().copied();
        let y = match y_axis.scale {
            Scale::Linear => {
                let side = Side::new(&y_axis, tops().chain([0.0]).chain(self.marks.y_values()), 0.05);
                // Bars stand on the axis.
                let low = if y_axis.range.is_none() && side.low < 0.0 { 0.0 } else { side.low };
                Side { low, ..side }
            }
            Scale::Log => {
                let lowest = tops().filter(|h| *h > 0.0).fold(f64::INFINITY, f64::min);
                Side::new(&y_axis, tops().chain([0.6 * lowest]), 0.0)
            }
        };

        let count = self.series.len();
        let series = self
            .series
            .iter()
            .enumerate()
            .map(|(i, s)| Entry { name: s.0.clone(), swatch: Swatch::Patch(category(i, count)) });
        let mut entries: Vec<Entry> = series.chain(self.marks.entries()).collect();
        if entries.len() < 2 {
            entries.clear();
        }
        let (width, height) = self.size;
        let mut scene = Scene::new(width, height);
        let top = header(&mut scene, &self.title, &entries);
        let outer = Rect::new(MARGIN, top, width - 2.0 * MARGIN, height - top - MARGIN);
        let frame = Frame::draw(&mut scene, outer, &x, &y);
        scene.clip(trace::clip_area(frame.area));
        self.marks.draw(&mut scene, &frame);
        for (i, (s, heights)) in self.series.iter().zip(&heights).enumerate() {
            scene.open("series", &s.0);
            let color = category(i, count);
            let fill = Fill { color, opacity: if count == 1 { 0.85 } else { 0.25 } };
            let outline = steps(&frame, &edges, heights);
            scene.path(polygon(outline.iter().copied()), Some(fill), None);
            scene.path(contour(&outline, frame.area.bottom()), None, Some(Stroke::new(color, 1.4)));
            scene.close();
        }
        scene.unclip();
        Ok(Figure::new(scene, &self.title))
    }

    /// Edges of the bins, ascending, over the whole horizontal axis.
    fn edges(&self, x: &Side) -> Vec<f64> {
        let log = x.scale == Scale::Log;
        let to = |v: f64| if log { v.log10() } else { v };
        let (low, high) = (to(x.low), to(x.high));
        let bins = match self.bins {
            Bins::Count(n) => n,
            Bins::Auto => {
                let per_series = self.series.iter().map(|s| {
                    let mut v: Vec<f64> = s.1.iter().filter(|v| drawable(x.scale, **v)).map(|v| to(*v)).collect();
                    v.sort_unstable_by(f64::total_cmp);
                    let quantile = |q: f64| v.get((q * (v.len().max(1) - 1) as f64) as usize).copied().unwrap_or(0.0);
                    let bin = 2.0 * (quantile(0.75) - quantile(0.25)) * (v.len().max(1) as f64).powf(-1.0 / 3.0);
                    if bin > 0.0 { ((high - low) / bin).ceil() } else { 8.0 }
                });
                per_series.fold(8.0, f64::max).min(80.0) as usize
            }
        };
        (0..=bins)
            .map(|i| low + (high - low) * (i as f64 / bins as f64))
            .map(|e| if log { 10f64.powf(e) } else { e })
            .collect()
    }

    fn heights(&self, data: &[f64], edges: &[f64]) -> Vec<f64> {
        let mut counts = vec![0.0; edges.len() - 1];
        let (first, last) = (edges[0], edges[edges.len() - 1]);
        // The outermost edges may be off by an ulp from the extremes they come from.
        let slack = 1e-12 * (last - first);
        for v in data.iter().filter(|v| (first - slack..=last + slack).contains(*v)) {
            let bin = edges.partition_point(|e| e <= v).clamp(1, counts.len()) - 1;
            counts[bin] += 1.0;
        }
        match self.measure {
            Measure::Count => counts,
            Measure::Fraction => {
                let drawable = data.iter().filter(|v| drawable(self.x.scale, **v)).count().max(1) as f64;
                counts.into_iter().map(|c| c / drawable).collect()
            }
        }
    }
}

/// Outline of the bars from the lower left to the lower right.
fn steps(frame: &Frame, edges: &[f64], heights: &[f64]) -> Vec<Point> {
    let base = frame.area.bottom();
    let mut points = vec![(frame.x.held(edges[0]), base)];
    for (edge, h) in edges.windows(2).zip(heights) {
        let y = if *h > 0.0 { frame.y.at(*h).unwrap_or(base) } else { base };
        points.extend([(frame.x.held(edge[0]), y), (frame.x.held(edge[1]), y)]);
    }
    points.push((frame.x.held(edges[edges.len() - 1]), base));
    points
}

/// The outline without the parts that run along the axis.
fn contour(outline: &[Point], base: f64) -> Vec<Segment> {
    let on_axis = |p: &Point| p.1 >= base;
    let mut segments = Vec::new();
    for pair in outline.windows(2).filter(|w| !(on_axis(&w[0]) && on_axis(&w[1]))) {
        if segments.last() != Some(&Segment::Line(pair[0])) {
            segments.push(Segment::Move(pair[0]));
        }
        segments.push(Segment::Line(pair[1]));
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Every drawable value is counted once, whatever the bins.
        #[test]
        fn all_values_are_counted(data in prop::collection::vec(-1e3..1e3f64, 1..200), bins in 1usize..50, log: bool) {
            let axis = if log { Axis::log("x") } else { Axis::linear("x") };
            let h = Histogram::new("h").x(axis).series("a", &data).bins(Bins::Count(bins));
            let edges = h.edges(&Side::new(&h.x, data.iter().copied(), 0.0));
            prop_assert!(edges.windows(2).all(|w| w[0] < w[1]));
            let drawn = data.iter().filter(|v| !log || **v > 0.0).count();
            prop_assert_eq!(h.heights(&data, &edges).iter().sum::<f64>(), drawn as f64);
        }
    }
}
