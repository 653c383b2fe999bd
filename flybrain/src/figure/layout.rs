//! Axes with their ticks and labels.

use super::axis::{Axis, Mapping, Scale, domain};
use super::color::{GRID, SOFT_INK};
use super::font::{Weight, shorten, width, wrap};
use super::scene::{Anchor, Rect, Scene, Stroke, Text};
use super::ticks::{Ticks, ticks};

/// White border of a figure.
pub(crate) const MARGIN: f64 = 16.0;
/// Font size of axis labels.
pub(crate) const LABEL: f64 = 12.0;
/// Font size of tick labels.
pub(crate) const TICK: f64 = 10.5;
pub(crate) const TICK_LENGTH: f64 = 4.0;
pub(crate) const TICK_GAP: f64 = 4.0;

/// An axis whose range is settled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Side {
    pub(crate) label: String,
    pub(crate) scale: Scale,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Side {
    pub(crate) fn new(axis: &Axis, values: impl IntoIterator<Item = f64>, margin: f64) -> Self {
        let (low, high) = domain(axis.scale, values, axis.range, margin);
        Self { label: axis.label.clone(), scale: axis.scale, low, high }
    }

    pub(crate) fn map(&self, start: f64, end: f64) -> Mapping {
        Mapping { scale: self.scale, low: self.low, high: self.high, start, end }
    }

    /// As many ticks as their labels leave room for along `length` pixels.
    pub(crate) fn horizontal_ticks(&self, length: f64) -> Ticks {
        let map = self.map(0.0, length);
        let fits = |t: &Ticks| {
            let ends: Vec<(f64, f64)> = t
                .major
                .iter()
                .zip(&t.labels)
                .map(|(v, l)| (map.held(*v), width(l, TICK, Weight::Regular) / 2.0))
                .collect();
            ends.windows(2).all(|w| w[0].0 + w[0].1 + 10.0 <= w[1].0 - w[1].1)
        };
        let most = ((length / 45.0) as usize).clamp(3, 11);
        (3..=most)
            .rev()
            .map(|n| ticks(self.scale, self.low, self.high, n))
            .find(fits)
            .unwrap_or_else(|| ticks(self.scale, self.low, self.high, 3))
    }

    pub(crate) fn vertical_ticks(&self, length: f64) -> Ticks {
        let limit = ((length / 34.0) as usize).clamp(3, 9);
        ticks(self.scale, self.low, self.high, limit)
    }
}

/// Widest label in pixels.
pub(crate) fn widest(labels: &[String]) -> f64 {
    labels.iter().map(|l| width(l, TICK, Weight::Regular)).fold(0.0, f64::max)
}

/// Lines of an axis label along `length` pixels, three at most.
pub(crate) fn label_lines(label: &str, length: f64) -> Vec<String> {
    let mut lines = wrap(label, LABEL, Weight::Regular, length);
    if lines.len() > 3 {
        let rest = lines.split_off(2).join(" ");
        lines.push(shorten(&rest, LABEL, Weight::Regular, length));
    }
    lines
}

/// Height of an axis label along `length` pixels, with a gap before it; nothing without a label.
pub(crate) fn label_room(label: &str, length: f64) -> f64 {
    match label_lines(label, length).len() {
        0 => 0.0,
        lines => 6.0 + lines as f64 * LABEL * 1.3,
    }
}

/// Room for the multiplier over a vertical axis or a colour bar.
pub(crate) fn top_room(ticks: &Ticks) -> f64 {
    if ticks.multiplier.is_empty() { 6.0 } else { 18.0 }
}

/// What the margins (left, top, right, bottom) leave of `outer`, where they depend on it in turn: labels are wrapped to
/// the sides of the area and take room from it.
pub(crate) fn settle(outer: Rect, margins: impl Fn(Rect) -> [f64; 4]) -> Rect {
    (0..4).fold(outer, |area, _| {
        let [left, top, right, bottom] = margins(area);
        outer.inset(left, top, right, bottom)
    })
}

/// Room for vertical axis label and tick labels left of the axis.
pub(crate) fn left_room(label: &str, ticks: &Ticks, length: f64) -> f64 {
    let label = label_room(label, length);
    label + (widest(&ticks.labels) + TICK_LENGTH + TICK_GAP).max(36.0 - label)
}

/// Room for tick labels below the axis.
const NUMBERS: f64 = TICK_LENGTH + TICK_GAP + TICK;

/// Room for tick labels and horizontal axis label below the axis.
pub(crate) fn bottom_room(label: &str, ticks: &Ticks, length: f64) -> f64 {
    // The multiplier stands in the first line of the label.
    let label = if label.is_empty() && !ticks.multiplier.is_empty() { "-" } else { label };
    NUMBERS + label_room(label, length)
}

/// Writes the label of a horizontal axis centred below its tick labels, and the multiplier at its end.
pub(crate) fn horizontal_label(scene: &mut Scene, area: Rect, side: &Side, ticks: &Ticks) {
    let base = centred_label(scene, &side.label, area, NUMBERS);
    let multiplier = Text::new(&*ticks.multiplier, (area.right(), base), TICK);
    scene.text(multiplier.anchor(Anchor::End).color(SOFT_INK));
}

/// Writes a label centred below `area`, under what takes `room` there. Returns its first baseline.
pub(crate) fn centred_label(scene: &mut Scene, label: &str, area: Rect, room: f64) -> f64 {
    let base = area.bottom() + room + 6.0 + LABEL * 0.85;
    for (i, line) in label_lines(label, area.w).into_iter().enumerate() {
        let at = (area.x + area.w / 2.0, base + i as f64 * LABEL * 1.3);
        scene.text(Text::new(line, at, LABEL).anchor(Anchor::Middle));
    }
    base
}

/// Writes the label of a vertical axis upwards at `x`, and the multiplier over the axis.
pub(crate) fn vertical_label(scene: &mut Scene, x: f64, area: Rect, side: &Side, ticks: &Ticks) {
    for (i, line) in label_lines(&side.label, area.h).into_iter().enumerate() {
        let at = (x + LABEL * 0.85 + i as f64 * LABEL * 1.3, area.y + area.h / 2.0);
        scene.text(Text::new(line, at, LABEL).anchor(Anchor::Middle).angle(-90.0));
    }
    scene.text(Text::new(&*ticks.multiplier, (area.x - 2.0, area.y - 7.0), TICK).color(SOFT_INK));
}

/// Which tick labels of an axis are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Labels {
    Shown,
    Hidden,
}

/// Draws grid lines behind the data.
pub(crate) fn grid_lines(scene: &mut Scene, area: Rect, x: Option<(&Mapping, &Ticks)>, y: Option<(&Mapping, &Ticks)>) {
    let stroke = Stroke::new(GRID, 0.8);
    scene.open("grid", "");
    for p in x.iter().flat_map(|(m, t)| t.major.iter().filter_map(|v| m.at(*v))) {
        scene.line((p, area.y), (p, area.bottom()), stroke);
    }
    for p in y.iter().flat_map(|(m, t)| t.major.iter().filter_map(|v| m.at(*v))) {
        scene.line((area.x, p), (area.right(), p), stroke);
    }
    scene.close();
}

/// Draws spine, ticks and tick labels below `area`.
pub(crate) fn horizontal_axis(scene: &mut Scene, area: Rect, map: &Mapping, ticks: &Ticks, labels: Labels) {
    let spine = Stroke::new(SOFT_INK, 1.0);
    let bottom = area.bottom();
    scene.open("x-axis", "");
    scene.line((area.x, bottom), (area.right(), bottom), spine);
    for p in ticks.major.iter().filter_map(|v| map.at(*v)) {
        scene.line((p, bottom), (p, bottom + TICK_LENGTH), spine);
    }
    for p in ticks.minor.iter().filter_map(|v| map.at(*v)) {
        scene.line((p, bottom), (p, bottom + 0.5 * TICK_LENGTH), Stroke::new(SOFT_INK, 0.6));
    }
    if labels == Labels::Shown {
        for (v, label) in ticks.major.iter().zip(&ticks.labels) {
            let at = (map.held(*v), bottom + TICK_LENGTH + TICK_GAP + TICK * 0.75);
            scene.text(Text::new(label, at, TICK).anchor(Anchor::Middle).color(SOFT_INK));
        }
    }
    scene.close();
}

/// Draws spine, ticks and tick labels left of `area`.
pub(crate) fn vertical_axis(scene: &mut Scene, area: Rect, map: &Mapping, ticks: &Ticks, labels: Labels) {
    let spine = Stroke::new(SOFT_INK, 1.0);
    scene.open("y-axis", "");
    scene.line((area.x, area.y), (area.x, area.bottom()), spine);
    for p in ticks.major.iter().filter_map(|v| map.at(*v)) {
        scene.line((area.x - TICK_LENGTH, p), (area.x, p), spine);
    }
    for p in ticks.minor.iter().filter_map(|v| map.at(*v)) {
        scene.line((area.x - 0.5 * TICK_LENGTH, p), (area.x, p), Stroke::new(SOFT_INK, 0.6));
    }
    if labels == Labels::Shown {
        for (v, label) in ticks.major.iter().zip(&ticks.labels) {
            let at = (area.x - TICK_LENGTH - TICK_GAP, map.held(*v) + TICK * 0.36);
            scene.text(Text::new(label, at, TICK).anchor(Anchor::End).color(SOFT_INK));
        }
    }
    scene.close();
}

/// A plot area with drawn axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    pub(crate) area: Rect,
    pub(crate) x: Mapping,
    pub(crate) y: Mapping,
}

impl Frame {
    /// Draws grid, axes and axis labels for one panel that fills `outer`.
    pub(crate) fn draw(scene: &mut Scene, outer: Rect, x: &Side, y: &Side) -> Self {
        let area = settle(outer, |area| {
            let (x_ticks, y_ticks) = (x.horizontal_ticks(area.w), y.vertical_ticks(area.h));
            [
                left_room(&y.label, &y_ticks, area.h),
                top_room(&y_ticks),
                overhang(&x.map(0.0, area.w), &x_ticks),
                bottom_room(&x.label, &x_ticks, area.w),
            ]
        });
        let (x_ticks, y_ticks) = (x.horizontal_ticks(area.w), y.vertical_ticks(area.h));
        let (xm, ym) = (x.map(area.x, area.right()), y.map(area.bottom(), area.y));
        grid_lines(scene, area, Some((&xm, &x_ticks)), Some((&ym, &y_ticks)));
        horizontal_axis(scene, area, &xm, &x_ticks, Labels::Shown);
        vertical_axis(scene, area, &ym, &y_ticks, Labels::Shown);
        horizontal_label(scene, area, x, &x_ticks);
        vertical_label(scene, outer.x, area, y, &y_ticks);
        Self { area, x: xm, y: ym }
    }
}

/// How far the last tick label sticks out at the end of a horizontal axis, at least some pixels.
pub(crate) fn overhang(map: &Mapping, ticks: &Ticks) -> f64 {
    let labels = ticks.major.iter().zip(&ticks.labels);
    labels.map(|(v, l)| map.held(*v) + width(l, TICK, Weight::Regular) / 2.0 - map.end).fold(4.0, f64::max)
}
