//! Points, joined or not: work-precision diagrams, comparisons.

use std::collections::BTreeSet;

use super::Figure;
use super::axis::{Axis, drawable};
use super::check::Check;
use super::color::{Rgb, WHITE, category};
use super::layout::{Frame, MARGIN, Side};
use super::legend::{Entry, Marker, Swatch, header};
use super::mark::{Mark, Marks};
use super::sample::{Sample, values};
use super::scene::{Fill, Point, Rect, Scene, Stroke, polygon};
use super::trace;
use crate::Error;

/// Whether points are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Join {
    /// Points only. The default.
    #[default]
    Points,
    /// Points joined by a line in the order given.
    Lines,
}

/// Points `(x, y)` in series, with a colour and a shape each.
///
/// ```
/// use flybrain::figure::{Axis, Join, Scatter};
///
/// let figure = Scatter::new("Work and precision on the Van der Pol oscillator")
///     .x(Axis::log("relative error"))
///     .y(Axis::log("time (ms)"))
///     .join(Join::Lines)
///     .series("Dopri5", &[1e-3, 1e-6, 1e-9], &[0.4, 1.1, 3.9])
///     .series("Tsit5", &[8e-4, 7e-7, 6e-10], &[0.4, 1.0, 3.5])
///     .build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    title: String,
    x: Axis,
    y: Axis,
    series: Vec<(String, Vec<f64>, Vec<f64>)>,
    curves: Vec<(String, Vec<f64>, Vec<f64>)>,
    marks: Marks,
    join: Join,
    size: (f64, f64),
}

impl Scatter {
    /// An empty plot. Defaults: linear axes that follow the data, no marks, [`Join::Points`], 640 x 440 pixels.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x: Axis::default(),
            y: Axis::default(),
            series: Vec::new(),
            curves: Vec::new(),
            marks: Marks::default(),
            join: Join::default(),
            size: (640.0, 440.0),
        }
    }

    /// The horizontal axis: a label with its unit, or an [`Axis`].
    #[must_use]
    pub fn x(self, axis: impl Into<Axis>) -> Self {
        Self { x: axis.into(), ..self }
    }

    /// The vertical axis: a label with its unit, or an [`Axis`].
    #[must_use]
    pub fn y(self, axis: impl Into<Axis>) -> Self {
        Self { y: axis.into(), ..self }
    }

    /// Adds a series of points.
    #[must_use]
    pub fn series<X: Sample, Y: Sample>(mut self, name: impl Into<String>, x: &[X], y: &[Y]) -> Self {
        self.series.push((name.into(), values(x), values(y)));
        self
    }

    /// Adds a line without points, behind them: a theory to compare them with.
    #[must_use]
    pub fn curve<X: Sample, Y: Sample>(mut self, name: impl Into<String>, x: &[X], y: &[Y]) -> Self {
        self.curves.push((name.into(), values(x), values(y)));
        self
    }

    /// Adds a reference line or a shaded span.
    #[must_use]
    pub fn mark(mut self, mark: Mark, name: impl Into<String>) -> Self {
        self.marks.0.push((mark, name.into()));
        self
    }

    /// Joins the points of each series, or not.
    #[must_use]
    pub fn join(self, join: Join) -> Self {
        Self { join, ..self }
    }

    /// Size of the figure in CSS pixels.
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { size: (width, height), ..self }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] without a series or with a series without points, [`Error::LengthMismatch`] if x and y
    /// differ in length, [`Error::BadOption`] for a range or size that cannot be drawn.
    pub fn build(&self) -> Result<Figure, Error> {
        let check = Check { plot: "scatter", title: &self.title };
        check.not_empty(self.series.is_empty(), "a series")?;
        check.axis("x range", &self.x)?;
        check.axis("y range", &self.y)?;
        check.size(Some(self.size))?;
        let all = || self.series.iter().chain(&self.curves);
        for (name, x, y) in all() {
            let item = format!("series \"{name}\"");
            check.same_length(&item, ("x", x.len()), ("y", y.len()))?;
            check.not_empty(x.is_empty(), &format!("points to {item}"))?;
        }

        let count = self.series.len() + self.curves.len();
        let line = |i| (self.join == Join::Lines).then(|| Stroke::new(category(i, count), 1.5));
        let points = self.series.iter().enumerate().map(|(i, (name, ..))| Entry {
            name: name.clone(),
            swatch: Swatch::Point(Marker::of(i), category(i, count), line(i)),
        });
        let curve = |i| Stroke::new(category(self.series.len() + i, count), 1.8);
        let curves = self.curves.iter().enumerate();
        let curves = curves.map(|(i, (name, ..))| Entry { name: name.clone(), swatch: Swatch::Line(curve(i)) });
        let mut entries: Vec<Entry> = points.chain(curves).chain(self.marks.entries()).collect();
        if entries.len() < 2 {
            entries.clear();
        }
        let (width, height) = self.size;
        let mut scene = Scene::new(width, height);
        let top = header(&mut scene, &self.title, &entries);
        let outer = Rect::new(MARGIN, top, width - 2.0 * MARGIN, height - top - MARGIN);
        let points = || all().flat_map(|(_, x, y)| x.iter().copied().zip(y.iter().copied()));
        // A point counts for the ranges only if it can be drawn.
        let shown = || points().filter(|(x, y)| drawable(self.x.scale, *x) && drawable(self.y.scale, *y));
        let x = Side::new(&self.x, shown().map(|p| p.0), 0.05);
        let y = Side::new(&self.y, shown().map(|p| p.1).chain(self.marks.y_values()), 0.06);
        let frame = Frame::draw(&mut scene, outer, &x, &y);
        scene.clip(trace::clip_area(frame.area));
        self.marks.draw(&mut scene, &frame);
        for (i, (name, x, y)) in self.curves.iter().enumerate() {
            scene.open("curve", name);
            trace::line(&mut scene, &frame, x.iter().copied().zip(y.iter().copied()), curve(i));
            scene.close();
        }
        let crowd = self.series.iter().map(|s| s.1.len()).max().unwrap_or(0);
        for (i, (name, x, y)) in self.series.iter().enumerate() {
            scene.open("series", name);
            let points = || x.iter().copied().zip(y.iter().copied());
            if let Some(stroke) = line(i) {
                trace::line(&mut scene, &frame, points(), stroke);
            }
            let pixels = trace::runs(&frame.x, &frame.y, points()).into_iter().flatten();
            draw_points(&mut scene, pixels, Marker::of(i), category(i, count), crowd);
            scene.close();
        }
        scene.unclip();
        Ok(Figure::new(scene, &self.title))
    }
}

/// Draws points: markers with a rim, smaller and more transparent the more there are, at last dots without overlap.
fn draw_points(scene: &mut Scene, points: impl Iterator<Item = Point>, marker: Marker, color: Rgb, crowd: usize) {
    let (radius, opacity) = match crowd {
        0..=60 => (4.0, 1.0),
        61..=600 => (3.0, 0.75),
        601..=3000 => (2.0, 0.5),
        _ => {
            // Dots on the same pixel look like one, and a picture of a million points stays a small file.
            let cells: BTreeSet<(i64, i64)> = points.map(|p| (p.0.round() as i64, p.1.round() as i64)).collect();
            let dots = cells.into_iter().flat_map(|(x, y)| {
                let (x, y) = (x as f64, y as f64);
                polygon([(x - 0.7, y - 0.7), (x + 0.7, y - 0.7), (x + 0.7, y + 0.7), (x - 0.7, y + 0.7)])
            });
            scene.path(dots.collect(), Some(Fill { color, opacity: 0.7 }), None);
            return;
        }
    };
    let rim = (crowd <= 600).then(|| Stroke::new(WHITE, 0.7));
    for point in points {
        scene.path(marker.outline(point, radius), Some(Fill { color, opacity }), rim);
    }
}
