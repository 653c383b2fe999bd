//! What all plots share: title, legend, axes, colour bar.

use super::axis::{Axis, Mapping, Scale, domain};
use super::color::{GRID, INK, Rgb, SOFT_INK, WHITE};
use super::color_scale::Colors;
use super::font::{Weight, shorten, width, wrap};
use super::scene::{Anchor, Point, Rect, Scene, Segment, Stroke, Text, circle, polygon};
use super::ticks::{Ticks, ticks};

pub(crate) const MARGIN: f64 = 16.0;
pub(crate) const TITLE: f64 = 15.0;
pub(crate) const LABEL: f64 = 12.0;
pub(crate) const TICK: f64 = 10.5;
const LEGEND: f64 = 11.0;
const TICK_LENGTH: f64 = 4.0;
const TICK_GAP: f64 = 4.0;
const BAR_WIDTH: f64 = 14.0;
/// Longest colour bar.
pub(crate) const BAR_LENGTH: f64 = 420.0;

/// Shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    TriangleDown,
}

impl Marker {
    /// Shapes go round with the colours, so that series differ in print without colour too.
    pub(crate) fn of(index: usize) -> Self {
        [
            Self::Circle,
            Self::Square,
            Self::Triangle,
            Self::Diamond,
            Self::TriangleDown,
        ][index % 5]
    }

    pub(crate) fn outline(self, (x, y): Point, r: f64) -> Vec<Segment> {
        match self {
            Self::Circle => circle((x, y), r),
            Self::Square => {
                let s = 0.89 * r;
                polygon([
                    (x - s, y - s),
                    (x + s, y - s),
                    (x + s, y + s),
                    (x - s, y + s),
                ])
            }
            Self::Triangle => polygon([
                (x, y - 1.25 * r),
                (x + 1.1 * r, y + 0.7 * r),
                (x - 1.1 * r, y + 0.7 * r),
            ]),
            Self::Diamond => {
                let s = 1.25 * r;
                polygon([(x, y - s), (x + s, y), (x, y + s), (x - s, y)])
            }
            Self::TriangleDown => polygon([
                (x, y + 1.25 * r),
                (x + 1.1 * r, y - 0.7 * r),
                (x - 1.1 * r, y - 0.7 * r),
            ]),
        }
    }
}

/// What stands before a name in the legend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Swatch {
    Line(Stroke),
    Patch(Rgb),
    Point(Marker, Rgb, Option<Stroke>),
}

/// A line of the legend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) swatch: Swatch,
}

/// Draws title and legend over the whole width and returns the height they take.
pub(crate) fn header(scene: &mut Scene, title: &str, entries: &[Entry]) -> f64 {
    let y = headline(scene, title, TITLE);
    let room = scene.width - 2.0 * MARGIN;
    let entries: Vec<&Entry> = entries.iter().filter(|e| !e.name.is_empty()).collect();
    if entries.is_empty() {
        return y;
    }
    scene.open("legend", "");
    let (mut x, mut middle) = (MARGIN, y + 7.0);
    for entry in entries {
        let swatch = match entry.swatch {
            Swatch::Patch(_) | Swatch::Point(_, _, None) => 11.0,
            _ => 22.0,
        };
        let name = shorten(&entry.name, LEGEND, Weight::Regular, room - swatch - 6.0);
        let w = swatch + 6.0 + width(&name, LEGEND, Weight::Regular);
        if x > MARGIN && x + w > scene.width - MARGIN {
            x = MARGIN;
            middle += 17.0;
        }
        match entry.swatch {
            Swatch::Line(stroke) => scene.line((x, middle), (x + swatch, middle), stroke),
            Swatch::Patch(color) => {
                scene.rect(Rect::new(x, middle - 0.5 * swatch, swatch, swatch), color);
            }
            Swatch::Point(marker, color, line) => {
                if let Some(stroke) = line {
                    scene.line((x, middle), (x + swatch, middle), stroke);
                }
                let outline = marker.outline((x + swatch / 2.0, middle), 3.6);
                scene.path(outline, Some(color.into()), Some(Stroke::new(WHITE, 0.7)));
            }
        }
        scene.text(Text::new(
            name,
            (x + swatch + 6.0, middle + LEGEND * 0.36),
            LEGEND,
        ));
        x += w + 20.0;
    }
    scene.close();
    middle + 13.0
}

/// Draws a title of the given size and returns the height it takes.
pub(crate) fn headline(scene: &mut Scene, title: &str, size: f64) -> f64 {
    let mut y = MARGIN;
    scene.open("title", title);
    for line in wrap(title, size, Weight::Bold, scene.width - 2.0 * MARGIN) {
        scene.text(Text::new(line, (MARGIN, y + size * 0.8), size).bold());
        y += size * 1.35;
    }
    scene.close();
    y + 4.0
}

/// An axis whose range is settled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Side {
    pub(crate) label: String,
    pub(crate) scale: Scale,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Positions and names in place of numbers.
    pub(crate) names: Option<Vec<(f64, String)>>,
}

impl Side {
    pub(crate) fn new(axis: &Axis, values: impl IntoIterator<Item = f64>, margin: f64) -> Self {
        let (low, high) = domain(axis.scale, values, axis.range, margin);
        Self {
            label: axis.label.clone(),
            scale: axis.scale,
            low,
            high,
            names: None,
        }
    }

    pub(crate) fn map(&self, start: f64, end: f64) -> Mapping {
        Mapping {
            scale: self.scale,
            low: self.low,
            high: self.high,
            start,
            end,
        }
    }

    fn named(&self) -> Option<Ticks> {
        self.names.as_ref().map(|names| Ticks {
            major: names.iter().map(|n| n.0).collect(),
            labels: names.iter().map(|n| n.1.clone()).collect(),
            ..Ticks::default()
        })
    }

    /// As many ticks as their labels leave room for along `length` pixels.
    pub(crate) fn horizontal_ticks(&self, length: f64) -> Ticks {
        if let Some(ticks) = self.named() {
            return ticks;
        }
        let map = self.map(0.0, length);
        let fits = |t: &Ticks| {
            let ends: Vec<(f64, f64)> = t
                .major
                .iter()
                .zip(&t.labels)
                .map(|(v, l)| (map.held(*v), width(l, TICK, Weight::Regular) / 2.0))
                .collect();
            ends.windows(2)
                .all(|w| w[0].0 + w[0].1 + 10.0 <= w[1].0 - w[1].1)
        };
        let most = ((length / 45.0) as usize).clamp(3, 11);
        (3..=most)
            .rev()
            .map(|n| ticks(self.scale, self.low, self.high, n))
            .find(fits)
            .unwrap_or_else(|| ticks(self.scale, self.low, self.high, 3))
    }

    pub(crate) fn vertical_ticks(&self, length: f64) -> Ticks {
        self.named().unwrap_or_else(|| {
            ticks(
                self.scale,
                self.low,
                self.high,
                ((length / 34.0) as usize).clamp(3, 9),
            )
        })
    }
}

/// Widest label in pixels.
pub(crate) fn widest(labels: &[String]) -> f64 {
    labels
        .iter()
        .map(|l| width(l, TICK, Weight::Regular))
        .fold(0.0, f64::max)
}

/// Room for vertical axis label and tick labels left of the axis.
pub(crate) fn left_room(label: &str, ticks: &Ticks, length: f64) -> f64 {
    let lines = wrap(label, LABEL, Weight::Regular, length).len() as f64;
    let label = if lines > 0.0 {
        lines * LABEL * 1.3 + 5.0
    } else {
        0.0
    };
    label + (widest(&ticks.labels) + TICK_LENGTH + TICK_GAP).max(36.0 - label)
}

/// Room for tick labels and horizontal axis label below the axis.
pub(crate) fn bottom_room(label: &str, ticks: &Ticks, length: f64) -> f64 {
    let lines = wrap(label, LABEL, Weight::Regular, length)
        .len()
        .max(usize::from(!ticks.multiplier.is_empty()));
    TICK_LENGTH
        + TICK_GAP
        + TICK
        + if lines > 0 {
            7.0 + lines as f64 * LABEL * 1.3
        } else {
            0.0
        }
}

/// Writes the label of a horizontal axis centred below its tick labels, and the multiplier at its end.
pub(crate) fn horizontal_label(scene: &mut Scene, area: Rect, side: &Side, ticks: &Ticks) {
    let base = area.bottom() + TICK_LENGTH + TICK_GAP + TICK + 7.0 + LABEL * 0.85;
    for (i, line) in wrap(&side.label, LABEL, Weight::Regular, area.w)
        .into_iter()
        .enumerate()
    {
        let at = (area.x + area.w / 2.0, base + i as f64 * LABEL * 1.3);
        scene.text(Text::new(line, at, LABEL).anchor(Anchor::Middle));
    }
    scene.text(
        Text::new(&*ticks.multiplier, (area.right(), base), TICK)
            .anchor(Anchor::End)
            .color(SOFT_INK),
    );
}

/// Writes the label of a vertical axis upwards at `x`, and the multiplier over the axis.
pub(crate) fn vertical_label(scene: &mut Scene, x: f64, area: Rect, side: &Side, ticks: &Ticks) {
    for (i, line) in wrap(&side.label, LABEL, Weight::Regular, area.h)
        .into_iter()
        .enumerate()
    {
        let at = (
            x + LABEL * 0.85 + i as f64 * LABEL * 1.3,
            area.y + area.h / 2.0,
        );
        scene.text(
            Text::new(line, at, LABEL)
                .anchor(Anchor::Middle)
                .angle(-90.0),
        );
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
pub(crate) fn grid_lines(
    scene: &mut Scene,
    area: Rect,
    x: Option<(&Mapping, &Ticks)>,
    y: Option<(&Mapping, &Ticks)>,
) {
    let stroke = Stroke::new(GRID, 0.8);
    scene.open("grid", "");
    for p in x
        .iter()
        .flat_map(|(m, t)| t.major.iter().filter_map(|v| m.at(*v)))
    {
        scene.line((p, area.y), (p, area.bottom()), stroke);
    }
    for p in y
        .iter()
        .flat_map(|(m, t)| t.major.iter().filter_map(|v| m.at(*v)))
    {
        scene.line((area.x, p), (area.right(), p), stroke);
    }
    scene.close();
}

/// Draws spine, ticks and tick labels below `area`.
pub(crate) fn horizontal_axis(
    scene: &mut Scene,
    area: Rect,
    map: &Mapping,
    ticks: &Ticks,
    labels: Labels,
) {
    let spine = Stroke::new(SOFT_INK, 1.0);
    let bottom = area.bottom();
    scene.open("x-axis", "");
    scene.line((area.x, bottom), (area.right(), bottom), spine);
    for p in ticks.major.iter().filter_map(|v| map.at(*v)) {
        scene.line((p, bottom), (p, bottom + TICK_LENGTH), spine);
    }
    for p in ticks.minor.iter().filter_map(|v| map.at(*v)) {
        scene.line(
            (p, bottom),
            (p, bottom + 0.5 * TICK_LENGTH),
            Stroke::new(SOFT_INK, 0.6),
        );
    }
    if labels == Labels::Shown {
        for (v, label) in ticks.major.iter().zip(&ticks.labels) {
            let at = (map.held(*v), bottom + TICK_LENGTH + TICK_GAP + TICK * 0.75);
            scene.text(
                Text::new(label, at, TICK)
                    .anchor(Anchor::Middle)
                    .color(SOFT_INK),
            );
        }
    }
    scene.close();
}

/// Draws spine, ticks and tick labels left of `area`.
pub(crate) fn vertical_axis(
    scene: &mut Scene,
    area: Rect,
    map: &Mapping,
    ticks: &Ticks,
    labels: Labels,
) {
    let spine = Stroke::new(SOFT_INK, 1.0);
    scene.open("y-axis", "");
    scene.line((area.x, area.y), (area.x, area.bottom()), spine);
    for p in ticks.major.iter().filter_map(|v| map.at(*v)) {
        scene.line((area.x - TICK_LENGTH, p), (area.x, p), spine);
    }
    for p in ticks.minor.iter().filter_map(|v| map.at(*v)) {
        scene.line(
            (area.x - 0.5 * TICK_LENGTH, p),
            (area.x, p),
            Stroke::new(SOFT_INK, 0.6),
        );
    }
    if labels == Labels::Shown {
        for (v, label) in ticks.major.iter().zip(&ticks.labels) {
            let at = (area.x - TICK_LENGTH - TICK_GAP, map.held(*v) + TICK * 0.36);
            scene.text(
                Text::new(label, at, TICK)
                    .anchor(Anchor::End)
                    .color(SOFT_INK),
            );
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
        // Labels of one axis take room from the other, so widths and heights are settled in turn.
        let y_ticks = y.vertical_ticks(outer.h - 45.0);
        let top = if y_ticks.multiplier.is_empty() {
            6.0
        } else {
            18.0
        };
        let mut x_ticks = x.horizontal_ticks(outer.w - 60.0);
        let bottom = bottom_room(&x.label, &x_ticks, outer.w - 60.0);
        let left = left_room(&y.label, &y_ticks, outer.h - bottom - top);
        let overhang = |t: &Ticks, w: f64| {
            let map = x.map(0.0, w);
            t.major
                .iter()
                .zip(&t.labels)
                .map(|(v, l)| map.held(*v) + width(l, TICK, Weight::Regular) / 2.0 - w)
                .fold(4.0, f64::max)
        };
        let right = overhang(&x_ticks, outer.w - left - 10.0);
        let area = outer.inset(left, top, right, bottom);
        x_ticks = x.horizontal_ticks(area.w);
        let (xm, ym) = (x.map(area.x, area.right()), y.map(area.bottom(), area.y));
        let grid_x = x.names.is_none().then_some((&xm, &x_ticks));
        grid_lines(scene, area, grid_x, Some((&ym, &y_ticks)));
        horizontal_axis(scene, area, &xm, &x_ticks, Labels::Shown);
        vertical_axis(scene, area, &ym, &y_ticks, Labels::Shown);
        horizontal_label(scene, area, x, &x_ticks);
        vertical_label(scene, outer.x, area, y, &y_ticks);
        Self { area, x: xm, y: ym }
    }
}

/// Width that a colour bar with its ticks and label takes.
pub(crate) fn color_bar_room(colors: &Colors, label: &str, height: f64) -> f64 {
    let ticks = bar_ticks(colors, height);
    let lines = wrap(label, LABEL, Weight::Regular, height).len() as f64;
    14.0 + BAR_WIDTH
        + TICK_LENGTH
        + TICK_GAP
        + widest(&ticks.labels).max(width(&ticks.multiplier, TICK, Weight::Regular) - BAR_WIDTH)
        + if lines > 0.0 {
            6.0 + lines * LABEL * 1.3
        } else {
            0.0
        }
}

fn bar_ticks(colors: &Colors, height: f64) -> Ticks {
    colors.ticks(((height / 30.0) as usize).clamp(3, 7)).1
}

/// Draws a colour bar right of `x`, from `y` down to `y + height`.
pub(crate) fn color_bar(
    scene: &mut Scene,
    x: f64,
    y: f64,
    height: f64,
    colors: &Colors,
    label: &str,
) {
    let bar = Rect::new(x + 14.0, y, BAR_WIDTH, height);
    let (scale, _) = colors.ticks(3);
    let ticks = bar_ticks(colors, height);
    let map = Mapping {
        scale,
        low: colors.low,
        high: colors.high,
        start: bar.bottom(),
        end: bar.y,
    };
    scene.open("color-bar", label);
    scene.image(
        bar,
        1,
        (0..256)
            .rev()
            .map(|i| colors.at(f64::from(i) / 255.0))
            .collect(),
    );
    scene.frame(bar, Stroke::new(SOFT_INK, 0.8));
    let edge = bar.right();
    for (v, text) in ticks.major.iter().zip(&ticks.labels) {
        let p = map.held(*v);
        scene.line(
            (edge, p),
            (edge + TICK_LENGTH, p),
            Stroke::new(SOFT_INK, 0.8),
        );
        let at = (edge + TICK_LENGTH + TICK_GAP, p + TICK * 0.36);
        scene.text(Text::new(text, at, TICK).color(SOFT_INK));
    }
    scene.text(Text::new(&*ticks.multiplier, (bar.x, bar.y - 7.0), TICK).color(SOFT_INK));
    let column = edge + TICK_LENGTH + TICK_GAP + widest(&ticks.labels) + 6.0;
    for (i, line) in wrap(label, LABEL, Weight::Regular, height)
        .into_iter()
        .enumerate()
    {
        let at = (
            column + LABEL * 0.85 + i as f64 * LABEL * 1.3,
            y + height / 2.0,
        );
        scene.text(
            Text::new(line, at, LABEL)
                .anchor(Anchor::Middle)
                .angle(-90.0),
        );
    }
    scene.close();
}

/// Name over a panel of small multiples, shortened to its width.
pub(crate) fn panel_name(scene: &mut Scene, name: &str, area: Rect) {
    let short = shorten(name, TICK, Weight::Bold, area.w);
    let at = (area.x + area.w / 2.0, area.y - 5.0);
    scene.text(Text {
        weight: Weight::Bold,
        color: INK,
        ..Text::new(short, at, TICK).anchor(Anchor::Middle)
    });
}
