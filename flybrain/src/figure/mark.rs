//! Reference lines and shaded spans.

use super::color::{Rgb, SOFT_INK};
use super::layout::Frame;
use super::legend::{Entry, Swatch};
use super::scene::{Fill, Rect, Scene, Stroke};

/// Something to compare the data with. Drawn behind them, named in the legend unless its name is empty.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Mark {
    /// A dashed line at a value of the vertical axis, which is widened to show it.
    Horizontal(f64),
    /// A dashed line at a value of the horizontal axis.
    Vertical(f64),
    /// A shaded range of the horizontal axis, say the time of a stimulus.
    Span(f64, f64),
    /// The dashed line y = x.
    Identity,
}

const SHADE: Rgb = Rgb(0xff, 0xe9, 0xb8);

impl Mark {
    pub(crate) fn y_value(self) -> Option<f64> {
        if let Self::Horizontal(y) = self { Some(y) } else { None }
    }

    pub(crate) fn draw(self, scene: &mut Scene, frame: &Frame, dash: [f64; 2]) {
        let stroke = stroke(dash);
        let area = frame.area;
        match self {
            Self::Horizontal(y) => {
                if let Some(p) = frame.y.at(y) {
                    scene.line((area.x, p), (area.right(), p), stroke);
                }
            }
            Self::Vertical(x) => {
                if let Some(p) = frame.x.at(x) {
                    scene.line((p, area.y), (p, area.bottom()), stroke);
                }
            }
            Self::Span(from, to) => {
                let (a, b) = (frame.x.held(from.min(to)), frame.x.held(from.max(to)));
                scene.rect(Rect::new(a, area.y, b - a, area.h), Fill { color: SHADE, opacity: 0.7 });
            }
            Self::Identity => {
                let low = frame.x.low.max(frame.y.low);
                let high = frame.x.high.min(frame.y.high);
                if let (true, Some(x0), Some(y0), Some(x1), Some(y1)) =
                    (low < high, frame.x.at(low), frame.y.at(low), frame.x.at(high), frame.y.at(high))
                {
                    scene.line((x0, y0), (x1, y1), stroke);
                }
            }
        }
    }
}

fn stroke([on, off]: [f64; 2]) -> Stroke {
    Stroke::new(SOFT_INK, 1.2).dashed(on, off)
}

/// Marks of a plot with their names.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Marks(pub(crate) Vec<(Mark, String)>);

impl Marks {
    /// Different marks have different dashes.
    fn dash(index: usize) -> [f64; 2] {
        [[5.0, 3.0], [1.5, 2.5], [9.0, 3.0]][index % 3]
    }

    pub(crate) fn draw(&self, scene: &mut Scene, frame: &Frame) {
        for (i, (mark, name)) in self.0.iter().enumerate() {
            scene.open("mark", name);
            mark.draw(scene, frame, Self::dash(i));
            scene.close();
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.0.iter().enumerate().map(|(i, (mark, name))| Entry {
            name: name.clone(),
            swatch: match mark {
                Mark::Span(..) => Swatch::Patch(SHADE),
                _ => Swatch::Line(stroke(Self::dash(i))),
            },
        })
    }

    pub(crate) fn y_values(&self) -> impl Iterator<Item = f64> + '_ {
        self.0.iter().filter_map(|(mark, _)| mark.y_value())
    }
}
