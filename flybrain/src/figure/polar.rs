//! Tuning curves over angle.

use super::axis::{Axis, Scale};
use super::check::Check;
use super::color::category;
use super::dial::Dial;
use super::layout::{LABEL, MARGIN, Side, label_lines, label_room};
use super::legend::{Entry, Swatch, header, panel_name};
use super::sample::{Sample, values};
use super::scene::{Anchor, Fill, Rect, Scene, Segment, Stroke, Text, circle, polygon};
use super::ticks::ticks;
use super::{Figure, Share};
use crate::Error;

/// Whether preferred directions are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PreferredDirections {
    /// Not drawn. The default.
    #[default]
    Hidden,
    /// An arrow along the vector sum `s = Σ r exp(iθ)` of each series, as long a part of the largest value as the direction
    /// selectivity `|s| / Σ r`: none of a circle, all of a single direction; and a mark in its direction on the rim. Values below zero
    /// count as zero.
    Arrows,
}

/// Tuning curves: values over directions, 0° to the right, counter-clockwise. Made of series, which may stand in several panels.
///
/// The radius begins at zero unless the axis has a range; what is below its start stands in the centre. NaN leaves a gap.
///
/// ```
/// use flybrain::figure::{Polar, PreferredDirections};
///
/// let angles: Vec<f64> = (0..12).map(|i| 30.0 * f64::from(i)).collect();
/// let response: Vec<f64> = angles.iter().map(|a| 1.0 + a.to_radians().cos()).collect();
/// let figure = Polar::new("Moving edges")
///     .radius("peak voltage (mV)")
///     .panel("T4a")
///     .series("ON", &angles, &response)
///     .preferred(PreferredDirections::Arrows)
///     .build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Polar {
    title: String,
    radius: Axis,
    panels: Vec<Panel>,
    preferred: PreferredDirections,
    share: Share,
    per_row: Option<usize>,
    size: Option<(f64, f64)>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Panel {
    name: String,
    series: Vec<Series>,
}

#[derive(Debug, Clone, PartialEq)]
struct Series {
    name: String,
    angles: Vec<f64>,
    values: Vec<f64>,
}

/// Room around a circle for its angles.
const RIM: f64 = 27.0;

impl Polar {
    /// An empty plot.
    ///
    /// Defaults: a radius from zero to the largest value of all panels, no arrows, up to four panels in a row, and as large as they
    /// want.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            radius: Axis::default(),
            panels: Vec::new(),
            preferred: PreferredDirections::default(),
            share: Share::default(),
            per_row: None,
            size: None,
        }
    }

    /// What the radius is: a label with its unit, or an [`Axis`], which must be linear.
    #[must_use]
    pub fn radius(self, axis: impl Into<Axis>) -> Self {
        Self { radius: axis.into(), ..self }
    }

    /// Starts a panel; the series that follow belong to it.
    #[must_use]
    pub fn panel(mut self, name: impl Into<String>) -> Self {
        self.panels.push(Panel { name: name.into(), series: Vec::new() });
        self
    }

    /// Adds a curve: values at angles in degrees, in the order of the angles. It is closed where the angles go around the circle.
    /// Series of the same name have the same colour in all panels.
    #[must_use]
    pub fn series<X: Sample, Y: Sample>(mut self, name: impl Into<String>, degrees: &[X], data: &[Y]) -> Self {
        if self.panels.is_empty() {
            self.panels.push(Panel::default());
        }
        if let Some(panel) = self.panels.last_mut() {
            panel.series.push(Series { name: name.into(), angles: values(degrees), values: values(data) });
        }
        self
    }

    /// Draws preferred directions, or not.
    #[must_use]
    pub fn preferred(self, preferred: PreferredDirections) -> Self {
        Self { preferred, ..self }
    }

    /// Whether panels share the radius. Default [`Share::Both`]; with [`Share::Horizontal`], which is the angle, each panel has a
    /// radius of its own.
    #[must_use]
    pub fn share(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// Panels in a row.
    #[must_use]
    pub fn per_row(self, panels: usize) -> Self {
        Self { per_row: Some(panels), ..self }
    }

    /// Size of the whole figure in CSS pixels.
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { size: Some((width, height)), ..self }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] without a series or with a series without points, [`Error::LengthMismatch`] if angles and values differ
    /// in length, [`Error::BadOption`] for a logarithmic radius and a range or size that cannot be drawn.
    pub fn build(&self) -> Result<Figure, Error> {
        self.check()?;
        let names = self.series_names();
        let n = self.panels.len();
        let per_row = self.per_row.unwrap_or(if n == 5 || n == 6 { 3 } else { n.min(4) }).min(n);
        let rows = n.div_ceil(per_row);
        let named = if self.panels.iter().any(|p| !p.name.is_empty()) { 16.0 } else { 0.0 };
        let side = match per_row {
            1 => 370.0,
            2 => 290.0,
            3 => 240.0,
            _ => 206.0,
        };
        let entries = self.entries(&names);
        let (width, height) = self.size.unwrap_or_else(|| {
            let mut probe = Scene::new((per_row as f64 * side + 2.0 * MARGIN).max(320.0), 1.0);
            let top = header(&mut probe, &self.title, &entries);
            let label = label_room(&self.radius.label, probe.width - 2.0 * MARGIN);
            (probe.width, (top + rows as f64 * (side + named) + label + MARGIN).ceil())
        });
        let mut scene = Scene::new(width, height);
        let top = header(&mut scene, &self.title, &entries);
        let label = label_room(&self.radius.label, width - 2.0 * MARGIN);
        let body = Rect::new(MARGIN, top, width - 2.0 * MARGIN, height - top - label - MARGIN);
        let cell = (body.w / per_row as f64, body.h / rows as f64);
        for (i, panel) in self.panels.iter().enumerate() {
            let (row, column) = ((i / per_row) as f64, (i % per_row) as f64);
            let area = Rect::new(body.x + column * cell.0, body.y + row * cell.1 + named, cell.0, cell.1 - named);
            scene.open("panel", &panel.name);
            if !panel.name.is_empty() {
                panel_name(&mut scene, &panel.name, area);
            }
            let shown = if self.share == Share::Both { &self.panels[..] } else { std::slice::from_ref(panel) };
            self.draw_panel(&mut scene, area, panel, &self.side(shown), &names);
            scene.close();
        }
        for (i, line) in label_lines(&self.radius.label, body.w).into_iter().enumerate() {
            let at = (body.x + body.w / 2.0, body.bottom() + 6.0 + LABEL * (0.85 + 1.3 * i as f64));
            scene.text(Text::new(line, at, LABEL).anchor(Anchor::Middle));
        }
        Ok(Figure::new(scene, &self.title))
    }

    fn check(&self) -> Result<(), Error> {
        let check = Check { plot: "polar", title: &self.title };
        let all = || self.panels.iter().flat_map(|p| &p.series);
        check.not_empty(all().next().is_none(), "a series")?;
        check.axis("radius", &self.radius)?;
        let log = self.radius.scale == Scale::Log;
        check.option("radius", self.radius.scale, log.then_some("a radius is linear"))?;
        check.size(self.size)?;
        let none = self.per_row == Some(0);
        check.option("per_row", self.per_row, none.then_some("give at least one panel in a row"))?;
        for s in all() {
            let item = format!("series \"{}\"", s.name);
            check.same_length(&item, ("angles", s.angles.len()), ("values", s.values.len()))?;
            check.not_empty(s.angles.is_empty(), &format!("points to {item}"))?;
        }
        Ok(())
    }

    /// Names of the series, each once, in the order of their first appearance.
    fn series_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for s in self.panels.iter().flat_map(|p| &p.series) {
            if !names.contains(&s.name.as_str()) {
                names.push(&s.name);
            }
        }
        names
    }

    fn entries(&self, names: &[&str]) -> Vec<Entry> {
        if names.len() < 2 {
            return Vec::new();
        }
        let entry = |(i, name): (usize, &&str)| Entry {
            name: (*name).to_owned(),
            swatch: Swatch::Line(Stroke::new(category(i, names.len()), 2.2)),
        };
        names.iter().enumerate().map(entry).collect()
    }

    /// The radius of some panels.
    fn side(&self, panels: &[Panel]) -> Side {
        let all = panels.iter().flat_map(|p| &p.series).flat_map(|s| s.values.iter().copied());
        let side = Side::new(&self.radius, all.map(|v| v.max(0.0)).chain([0.0]), 0.0);
        if self.radius.range.is_some() {
            return side;
        }
        let ticks = ticks(Scale::Linear, 0.0, side.high, 5);
        // The outermost ring is a tick.
        let step = ticks.major.windows(2).map(|w| w[1] - w[0]).fold(0.0, f64::max);
        let rings = (side.high / step - 1e-9).ceil();
        let high = if step > 0.0 && rings.is_finite() { rings * step } else { side.high };
        Side { low: 0.0, high: if high.is_finite() { high } else { side.high }, ..side }
    }

    fn draw_panel(&self, scene: &mut Scene, area: Rect, panel: &Panel, side: &Side, names: &[&str]) {
        let r = (area.w.min(area.h) / 2.0 - RIM).max(10.0);
        let dial = Dial { centre: (area.x + area.w / 2.0, area.y + area.h / 2.0), radius: r, map: side.map(0.0, r) };
        let ticks = ticks(Scale::Linear, side.low, side.high, if r > 90.0 { 5 } else { 4 });
        dial.draw(scene, &ticks);
        for s in &panel.series {
            let index = names.iter().position(|n| *n == s.name).unwrap_or(0);
            let color = category(index, names.len());
            scene.open("series", &s.name);
            for run in dial.runs(&s.angles, &s.values) {
                let closed = run.len() == s.angles.len() && goes_around(&s.angles);
                if let [lone] = run[..] {
                    scene.path(circle(lone, 2.4), Some(color.into()), None);
                } else if closed {
                    let fill = Fill { color, opacity: 0.12 };
                    scene.path(polygon(run), Some(fill), Some(Stroke::new(color, 1.7)));
                } else {
                    let step = |(i, p)| if i == 0 { Segment::Move(p) } else { Segment::Line(p) };
                    let line = run.into_iter().enumerate().map(step).collect();
                    scene.path(line, None, Some(Stroke::new(color, 1.7)));
                }
            }
            if self.preferred == PreferredDirections::Arrows
                && let Some((angle, selectivity)) = preferred(s)
                && selectivity > 0.02
            {
                scene.open("preferred", &format!("{:.0}° {selectivity:.2}", angle.to_degrees().rem_euclid(360.0)));
                let largest = s.values.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
                dial.arrow(scene, angle, selectivity * dial.map.held(largest), Stroke::new(color, 2.2));
                let edge =
                    polygon([dial.at(angle, r), dial.at(angle - 4.0 / r, r - 8.0), dial.at(angle + 4.0 / r, r - 8.0)]);
                scene.path(edge, Some(color.into()), None);
                scene.close();
            }
            scene.close();
        }
    }
}

/// Direction in radians and selectivity of a curve; none without a response.
fn preferred(s: &Series) -> Option<(f64, f64)> {
    let (mut x, mut y, mut all) = (0.0, 0.0, 0.0);
    for (angle, r) in s.angles.iter().zip(&s.values).filter(|(a, r)| a.is_finite() && r.is_finite()) {
        let (r, angle) = (r.max(0.0), angle.to_radians());
        (x, y, all) = (x + r * angle.cos(), y + r * angle.sin(), all + r);
    }
    (all > 0.0 && all.is_finite()).then(|| (y.atan2(x), x.hypot(y) / all))
}

/// Whether the step from the last angle to the first is like those between.
fn goes_around(angles: &[f64]) -> bool {
    let step = |a: f64, b: f64| (b - a).rem_euclid(360.0);
    let largest = angles.windows(2).map(|w| step(w[0], w[1]).min(step(w[1], w[0]))).fold(0.0, f64::max);
    match angles {
        [first, .., last] => step(*last, *first).min(step(*first, *last)) <= 1.5 * largest,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(angles: &[f64], of: impl Fn(f64) -> f64) -> Series {
        let values = angles.iter().map(|a| of(a.to_radians())).collect();
        Series { name: String::new(), angles: angles.to_vec(), values }
    }

    /// A cosine on a pedestal prefers its peak, with half the amplitude over the mean; a single direction is perfectly selective.
    #[test]
    fn preferred_directions_by_hand() {
        let angles: Vec<f64> = (0..12).map(|i| 30.0 * f64::from(i)).collect();
        let (angle, selectivity) = preferred(&series(&angles, |a| 2.0 + (a - 1.0).cos())).unwrap();
        assert!((angle - 1.0).abs() < 1e-12 && (selectivity - 0.25).abs() < 1e-12);
        assert_eq!(preferred(&series(&[90.0], |_| 3.0)).unwrap().1, 1.0);
        assert_eq!(preferred(&series(&angles, |_| -1.0)), None);
    }

    #[test]
    fn whole_circles_are_closed() {
        let angles: Vec<f64> = (0..12).map(|i| 30.0 * f64::from(i)).collect();
        assert!(goes_around(&angles) && !goes_around(&angles[..7]));
        assert!(goes_around(&angles.iter().rev().copied().collect::<Vec<_>>()));
        assert!(!goes_around(&[10.0]));
    }
}
