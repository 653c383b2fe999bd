//! The picture as a list of shapes in CSS pixels, y downwards. SVG and PNG are two ways to write it.

use super::color::{INK, Rgb};
use super::font::Weight;

pub(crate) type Point = (f64, f64);

/// A piece of an outline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Segment {
    Move(Point),
    Line(Point),
    Quad(Point, Point),
    Cubic(Point, Point, Point),
    Close,
}

/// A rectangle by its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) w: f64,
    pub(crate) h: f64,
}

impl Rect {
    pub(crate) fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Self { x, y, w: w.max(1.0), h: h.max(1.0) }
    }
    pub(crate) fn right(&self) -> f64 {
        self.x + self.w
    }
    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.h
    }
    /// The rectangle without the given margins: left, top, right, bottom.
    pub(crate) fn inset(&self, left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self::new(self.x + left, self.y + top, self.w - left - right, self.h - top - bottom)
    }
}

/// Colour and opacity of a surface.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fill {
    pub(crate) color: Rgb,
    pub(crate) opacity: f64,
}

impl From<Rgb> for Fill {
    fn from(color: Rgb) -> Self {
        Self { color, opacity: 1.0 }
    }
}

/// Colour, width and dashes of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) color: Rgb,
    pub(crate) width: f64,
    pub(crate) opacity: f64,
    pub(crate) dash: Option<[f64; 2]>,
}

impl Stroke {
    pub(crate) fn new(color: Rgb, width: f64) -> Self {
        Self { color, width, opacity: 1.0, dash: None }
    }
    pub(crate) fn dashed(self, on: f64, off: f64) -> Self {
        Self { dash: Some([on, off]), ..self }
    }
}

/// Whether edges are smoothed. Cells of a matrix are not, so that neighbours leave no seam.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edges {
    Smooth,
    Crisp,
}

/// Which point of a text stands at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// One line of text. The position is on the baseline.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) at: Point,
    pub(crate) size: f64,
    pub(crate) weight: Weight,
    pub(crate) anchor: Anchor,
    /// Clockwise, in degrees.
    pub(crate) angle: f64,
    pub(crate) color: Rgb,
}

impl Text {
    pub(crate) fn new(text: impl Into<String>, at: Point, size: f64) -> Self {
        Self { text: text.into(), at, size, weight: Weight::Regular, anchor: Anchor::Start, angle: 0.0, color: INK }
    }
    pub(crate) fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }
    pub(crate) fn angle(self, angle: f64) -> Self {
        Self { angle, ..self }
    }
    pub(crate) fn color(self, color: Rgb) -> Self {
        Self { color, ..self }
    }
    pub(crate) fn bold(self) -> Self {
        Self { weight: Weight::Bold, ..self }
    }
}

/// Pixels stretched over a rectangle without smoothing, row by row from the top.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Image {
    pub(crate) place: Rect,
    pub(crate) columns: usize,
    pub(crate) pixels: Vec<Rgb>,
}

/// An element of the picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Path {
        segments: Vec<Segment>,
        fill: Option<Fill>,
        stroke: Option<Stroke>,
        edges: Edges,
    },
    Text(Text),
    Image(Image),
    /// Opens a group: its class, the name it has for a reader, and the shift of what is inside.
    Open {
        class: &'static str,
        label: String,
        shift: Point,
    },
    Close,
    /// What follows is drawn only inside the rectangle, until `Unclip`.
    Clip(Rect),
    Unclip,
    /// SVG that moves; nothing in a PNG.
    Markup(String),
}

/// A picture: its size and its elements from back to front.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) items: Vec<Item>,
}

impl Scene {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, items: Vec::new() }
    }

    pub(crate) fn open(&mut self, class: &'static str, label: &str) {
        self.open_at(class, label, (0.0, 0.0));
    }

    pub(crate) fn open_at(&mut self, class: &'static str, label: &str, shift: Point) {
        self.items.push(Item::Open { class, label: label.to_owned(), shift });
    }

    pub(crate) fn close(&mut self) {
        self.items.push(Item::Close);
    }

    pub(crate) fn clip(&mut self, rect: Rect) {
        self.items.push(Item::Clip(rect));
    }

    pub(crate) fn unclip(&mut self) {
        self.items.push(Item::Unclip);
    }

    pub(crate) fn text(&mut self, text: Text) {
        if !text.text.trim().is_empty() {
            self.items.push(Item::Text(text));
        }
    }

    pub(crate) fn image(&mut self, place: Rect, columns: usize, pixels: Vec<Rgb>) {
        self.items.push(Item::Image(Image { place, columns, pixels }));
    }

    pub(crate) fn path(&mut self, segments: Vec<Segment>, fill: Option<Fill>, stroke: Option<Stroke>) {
        if !segments.is_empty() {
            self.items.push(Item::Path { segments, fill, stroke, edges: Edges::Smooth });
        }
    }

    pub(crate) fn line(&mut self, from: Point, to: Point, stroke: Stroke) {
        self.path(vec![Segment::Move(from), Segment::Line(to)], None, Some(stroke));
    }

    pub(crate) fn rect(&mut self, rect: Rect, fill: impl Into<Fill>) {
        self.path(rectangle(rect), Some(fill.into()), None);
    }

    pub(crate) fn frame(&mut self, rect: Rect, stroke: Stroke) {
        self.path(rectangle(rect), None, Some(stroke));
    }

    /// Rectangles of one colour without smoothed edges.
    pub(crate) fn cells(&mut self, rects: impl IntoIterator<Item = Rect>, color: Rgb) {
        let segments: Vec<Segment> = rects.into_iter().flat_map(rectangle).collect();
        if !segments.is_empty() {
            self.items.push(Item::Path { segments, fill: Some(color.into()), stroke: None, edges: Edges::Crisp });
        }
    }
}

fn rectangle(r: Rect) -> Vec<Segment> {
    vec![
        Segment::Move((r.x, r.y)),
        Segment::Line((r.right(), r.y)),
        Segment::Line((r.right(), r.bottom())),
        Segment::Line((r.x, r.bottom())),
        Segment::Close,
    ]
}

/// Outline of a closed polygon.
pub(crate) fn polygon(points: impl IntoIterator<Item = Point>) -> Vec<Segment> {
    let mut segments: Vec<Segment> =
        points.into_iter().enumerate().map(|(i, p)| if i == 0 { Segment::Move(p) } else { Segment::Line(p) }).collect();
    segments.push(Segment::Close);
    segments
}

/// Outline of a circle from four cubic arcs.
pub(crate) fn circle((x, y): Point, r: f64) -> Vec<Segment> {
    // 4/3 (sqrt 2 - 1): the cubic that touches the circle at its ends and its middle.
    let k = r * 0.552_284_749_8;
    vec![
        Segment::Move((x + r, y)),
        Segment::Cubic((x + r, y + k), (x + k, y + r), (x, y + r)),
        Segment::Cubic((x - k, y + r), (x - r, y + k), (x - r, y)),
        Segment::Cubic((x - r, y - k), (x - k, y - r), (x, y - r)),
        Segment::Cubic((x + k, y - r), (x + r, y - k), (x + r, y)),
        Segment::Close,
    ]
}
