//! Titles, legends and the names of panels.

use super::color::{Rgb, WHITE};
use super::font::{Weight, shorten, width, wrap};
use super::layout::{MARGIN, TICK};
use super::scene::{Anchor, Point, Rect, Scene, Segment, Stroke, Text, circle, polygon};

/// Font size of titles.
pub(crate) const TITLE: f64 = 15.0;
const LEGEND: f64 = 11.0;

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
        [Self::Circle, Self::Square, Self::Triangle, Self::Diamond, Self::TriangleDown][index % 5]
    }

    pub(crate) fn outline(self, (x, y): Point, r: f64) -> Vec<Segment> {
        match self {
            Self::Circle => circle((x, y), r),
            Self::Square => {
                let s = 0.89 * r;
                polygon([(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)])
            }
            Self::Triangle => polygon([(x, y - 1.25 * r), (x + 1.1 * r, y + 0.7 * r), (x - 1.1 * r, y + 0.7 * r)]),
            Self::Diamond => {
                let s = 1.25 * r;
                polygon([(x, y - s), (x + s, y), (x, y + s), (x - s, y)])
            }
            Self::TriangleDown => polygon([(x, y + 1.25 * r), (x + 1.1 * r, y - 0.7 * r), (x - 1.1 * r, y - 0.7 * r)]),
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
            _ => 18.0,
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
        scene.text(Text::new(name, (x + swatch + 6.0, middle + LEGEND * 0.36), LEGEND));
        x += w + 18.0;
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

/// Name over a panel of small multiples, shortened to its width.
pub(crate) fn panel_name(scene: &mut Scene, name: &str, area: Rect) {
    let short = shorten(name, TICK, Weight::Bold, area.w);
    let at = (area.x + area.w / 2.0, area.y - 5.0);
    scene.text(Text { weight: Weight::Bold, ..Text::new(short, at, TICK).anchor(Anchor::Middle) });
}
