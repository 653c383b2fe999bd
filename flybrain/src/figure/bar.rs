//! Grouped bars.

use super::Figure;
use super::axis::{Axis, Mapping, Scale};
use super::check::Check;
use super::color::{INK, SOFT_INK, category};
use super::layout::{
    Frame, Labels, MARGIN, Side, TICK, centred_label, grid_lines, label_room, left_room, settle, top_room,
    vertical_axis, vertical_label,
};
use super::legend::{Entry, Swatch, header};
use super::mark::{Mark, Marks};
use super::names::{Highlights, Names};
use super::sample::{Sample, values};
use super::scene::{Anchor, Rect, Scene, Stroke, Text};
use super::ticks::number;
use crate::Error;

/// Whether values are written over the bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ValueLabels {
    /// Not written. The default.
    #[default]
    Hidden,
    /// Written with three significant digits.
    Shown,
}

/// Bars in groups: one group for each name on the horizontal axis, one bar in it for each series.
///
/// A value that is not finite has no bar. On a logarithmic axis bars start at its lower end.
///
/// ```
/// use flybrain::figure::Bar;
///
/// let figure = Bar::new("Test accuracy")
///     .groups(&["MNIST", "Fashion-MNIST"])
///     .y("accuracy (%)")
///     .series("connectome", &[97.1, 86.0])
///     .series("shuffled", &[95.2, 84.4])
///     .build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    title: String,
    x: String,
    y: Axis,
    groups: Vec<String>,
    series: Vec<Series>,
    marks: Marks,
    highlights: Highlights,
    labels: ValueLabels,
    size: Option<(f64, f64)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Series {
    name: String,
    values: Vec<f64>,
    errors: Vec<f64>,
}

impl Bar {
    /// An empty plot. Defaults: linear axis from zero, no value labels, 640 x 400 pixels, wider for more than 30 bars.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x: String::new(),
            y: Axis::default(),
            groups: Vec::new(),
            series: Vec::new(),
            marks: Marks::default(),
            highlights: Highlights::default(),
            labels: ValueLabels::default(),
            size: None,
        }
    }

    /// Label of the horizontal axis.
    #[must_use]
    pub fn x(self, label: impl Into<String>) -> Self {
        Self { x: label.into(), ..self }
    }

    /// The vertical axis: a label with its unit, or an [`Axis`].
    #[must_use]
    pub fn y(self, axis: impl Into<Axis>) -> Self {
        Self { y: axis.into(), ..self }
    }

    /// Names of the groups, left to right.
    #[must_use]
    pub fn groups<S: AsRef<str>>(self, names: &[S]) -> Self {
        Self { groups: names.iter().map(|n| n.as_ref().to_owned()).collect(), ..self }
    }

    /// Adds a series: one value for each group.
    #[must_use]
    pub fn series<T: Sample>(self, name: impl Into<String>, data: &[T]) -> Self {
        self.push(name.into(), values(data), vec![0.0; data.len()])
    }

    /// Adds a series with error bars of plus and minus `errors`.
    #[must_use]
    pub fn series_with_errors<T: Sample>(self, name: impl Into<String>, data: &[T], errors: &[T]) -> Self {
        self.push(name.into(), values(data), values(errors))
    }

    fn push(mut self, name: String, values: Vec<f64>, errors: Vec<f64>) -> Self {
        self.series.push(Series { name, values, errors });
        self
    }

    /// Adds a horizontal reference line; other marks have no place on named groups and are not drawn.
    #[must_use]
    pub fn mark(mut self, mark: Mark, name: impl Into<String>) -> Self {
        if matches!(mark, Mark::Horizontal(_)) {
            self.marks.0.push((mark, name.into()));
        }
        self
    }

    /// Sets some groups off from the others, say cell types of which the answer is known: by a tint and by bold coloured names.
    /// May be called up to four times.
    #[must_use]
    pub fn highlight<S: AsRef<str>>(mut self, name: impl Into<String>, groups: &[S]) -> Self {
        self.highlights.push(name.into(), groups);
        self
    }

    /// Writes values over the bars, or not.
    #[must_use]
    pub fn value_labels(self, labels: ValueLabels) -> Self {
        Self { labels, ..self }
    }

    /// Size of the figure in CSS pixels.
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { size: Some((width, height)), ..self }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] without groups or series, [`Error::LengthMismatch`] if a series has not one value (and
    /// error) for each group, [`Error::BadOption`] for a range or size that cannot be drawn and for highlights that are no groups.
    pub fn build(&self) -> Result<Figure, Error> {
        self.check()?;
        let bars = (self.groups.len() * (self.series.len() + 1)) as f64;
        let (fig_width, fig_height) = self.size.unwrap_or(((100.0 + 8.5 * bars).clamp(640.0, 2400.0), 400.0));
        let mut scene = Scene::new(fig_width, fig_height);
        let top = header(&mut scene, &self.title, &self.entries());
        let outer = Rect::new(MARGIN, top, fig_width - 2.0 * MARGIN, fig_height - top - MARGIN);

        let side = self.y_side();
        let names = |area: Rect| Names::new(&self.groups, &self.highlights, area.w);
        let area = settle(outer, |area| {
            let ticks = side.vertical_ticks(area.h);
            let below = names(area).room() + label_room(&self.x, area.w);
            [left_room(&side.label, &ticks, area.h), top_room(&ticks), 4.0, below]
        });
        let (ticks, names) = (side.vertical_ticks(area.h), names(area));
        let map = side.map(area.bottom(), area.y);
        names.shade(&mut scene, area);
        grid_lines(&mut scene, area, None, Some((&map, &ticks)));
        vertical_axis(&mut scene, area, &map, &ticks, Labels::Shown);
        vertical_label(&mut scene, outer.x, area, &side, &ticks);

        let base = map.held(if side.scale == Scale::Log { side.low } else { 0.0 });
        self.draw_bars(&mut scene, area, &map, base);
        self.marks.draw(&mut scene, &Frame { area, x: map, y: map });
        scene.line((area.x, base), (area.right(), base), Stroke::new(SOFT_INK, 1.0));
        names.draw(&mut scene, area);
        centred_label(&mut scene, &self.x, area, names.room());
        Ok(Figure::new(scene, &self.title))
    }

    fn check(&self) -> Result<(), Error> {
        let check = Check { plot: "bar", title: &self.title };
        check.not_empty(self.groups.is_empty(), "the names of the groups")?;
        check.not_empty(self.series.is_empty(), "a series")?;
        check.axis("y range", &self.y)?;
        check.size(self.size)?;
        self.highlights.check(&check, &self.groups)?;
        for s in &self.series {
            let item = format!("series \"{}\"", s.name);
            let values = ("the series", s.values.len());
            check.same_length(&item, ("groups", self.groups.len()), values)?;
            check.same_length(&item, values, ("errors", s.errors.len()))?;
        }
        Ok(())
    }

    fn entries(&self) -> Vec<Entry> {
        let count = self.series.len();
        let series = self
            .series
            .iter()
            .enumerate()
            .map(|(i, s)| Entry { name: s.name.clone(), swatch: Swatch::Patch(category(i, count)) });
        let entries: Vec<Entry> = series.chain(self.marks.entries()).chain(self.highlights.entries()).collect();
        if entries.len() < 2 { Vec::new() } else { entries }
    }

    fn draw_bars(&self, scene: &mut Scene, area: Rect, map: &Mapping, base: f64) {
        let count = self.series.len();
        let slot = area.w / self.groups.len() as f64;
        let bar = 0.8 * slot / count as f64;
        let decimals = self.series.iter().flat_map(|s| &s.values).map(|v| decimals(*v)).max();
        for (i, s) in self.series.iter().enumerate() {
            scene.open("series", &s.name);
            for (g, (v, e)) in s.values.iter().zip(&s.errors).enumerate() {
                if map.at(*v).is_none() {
                    continue;
                }
                let x = area.x + slot * (g as f64 + 0.1) + bar * i as f64;
                let (middle, y) = (x + bar / 2.0, map.held(*v));
                let body = Rect { x: x + 0.04 * bar, y: y.min(base), w: 0.92 * bar, h: (y - base).abs() };
                scene.rect(body, category(i, count));
                let mut edge = y;
                if e.is_finite() && *e > 0.0 {
                    let (low, high) = (map.held(v - e), map.held(v + e));
                    let (cap, stroke) = ((0.2 * bar).min(5.0), Stroke::new(INK, 1.1));
                    scene.line((middle, low), (middle, high), stroke);
                    for y in [low, high] {
                        scene.line((middle - cap, y), (middle + cap, y), stroke);
                    }
                    edge = if *v < 0.0 { low } else { high };
                }
                if self.labels == ValueLabels::Shown {
                    let at = (middle, if *v < 0.0 { edge + TICK + 1.0 } else { edge - 4.0 });
                    let text = three_digits(*v, decimals.unwrap_or(0));
                    scene.text(Text::new(text, at, TICK).anchor(Anchor::Middle));
                }
            }
            scene.close();
        }
    }

    fn y_side(&self) -> Side {
        let all = self.series.iter().flat_map(|s| {
            s.values.iter().zip(&s.errors).flat_map(|(v, e)| {
                let e = if e.is_finite() { *e } else { 0.0 };
                [v - e, v + e]
            })
        });
        let marks = self.marks.y_values();
        let margin = if self.labels == ValueLabels::Shown { 0.12 } else { 0.06 };
        match self.y.scale {
            Scale::Linear => {
                let side = Side::new(&self.y, all.chain(marks).chain([0.0]), margin);
                if self.y.range.is_some() {
                    return side;
                }
                let negative = self.series.iter().flat_map(|s| &s.values).any(|v| *v < 0.0);
                let positive = self.series.iter().flat_map(|s| &s.values).any(|v| *v > 0.0);
                // Bars stand on the axis where they can.
                let low = if negative { side.low } else { 0.0 };
                let high = if negative && !positive { 0.0 } else { side.high };
                Side { low, high, ..side }
            }
            Scale::Log => Side::new(&self.y, all.chain(marks), 0.15),
        }
    }
}

/// Whether a number is written with a power of ten.
fn extreme(v: f64) -> bool {
    v.abs() >= 1e6 || (v.abs() < 1e-3 && v != 0.0)
}

/// Decimals for three significant digits.
fn three(v: f64) -> usize {
    if v == 0.0 { 0 } else { (2 - v.abs().log10().floor() as i32).max(0) as usize }
}

/// Decimals that a number needs within three significant digits.
fn decimals(v: f64) -> usize {
    if extreme(v) || !v.is_finite() {
        return 0;
    }
    let text = number(v, three(v));
    text.split_once('.').map_or(0, |(_, fraction)| fraction.trim_end_matches('0').len())
}

/// At most three significant digits and at most `decimals` decimals, so that neighbours are written alike.
fn three_digits(v: f64, decimals: usize) -> String {
    if extreme(v) {
        return format!("{v:.1e}").replace('-', "−");
    }
    number(v, three(v).min(decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short() {
        let cases = [
            (0.0, 1, "0"),
            (97.1, 1, "97.1"),
            (91.0, 1, "91.0"),
            (91.0, 0, "91"),
            (1234.6, 1, "1235"),
            (-0.01234, 4, "−0.0123"),
            (45_669.0, 0, "45,669"),
            (2.5e-7, 3, "2.5e−7"),
        ];
        for (v, decimals, text) in cases {
            assert_eq!(three_digits(v, decimals), text);
        }
    }
}
