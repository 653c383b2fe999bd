//! Lines through points: gaps, lone points, and no more segments than the eye can see.

use super::axis::Mapping;
use super::layout::Frame;
use super::scene::{Fill, Point, Rect, Scene, Segment, Stroke, circle};

/// Points per pixel column below which nothing is left out.
const COLUMN: f64 = 0.5;

/// The points in pixels, in runs without gaps.
pub(crate) fn runs(x: &Mapping, y: &Mapping, points: impl IntoIterator<Item = (f64, f64)>) -> Vec<Vec<Point>> {
    let mut runs: Vec<Vec<Point>> = Vec::new();
    let mut open = false;
    for (a, b) in points {
        match (x.at(a), y.at(b)) {
            (Some(px), Some(py)) => {
                if !open {
                    runs.push(Vec::new());
                    open = true;
                }
                if let Some(run) = runs.last_mut() {
                    run.push((px, py));
                }
            }
            _ => open = false,
        }
    }
    runs
}

/// Keeps the first, lowest, highest and last of the points that follow each other in one half-pixel column.
///
/// A line through what is kept covers the same pixels, and a trace of millions of samples stays a small file.
fn thin(run: &[Point]) -> Vec<Point> {
    let column = |p: &Point| (p.0 / COLUMN).floor() as i64;
    let mut kept = Vec::new();
    for chunk in run.chunk_by(|a, b| column(a) == column(b)) {
        if chunk.len() <= 4 {
            kept.extend_from_slice(chunk);
            continue;
        }
        let by_y = |a: &usize, b: &usize| chunk[*a].1.total_cmp(&chunk[*b].1);
        let lowest = (0..chunk.len()).min_by(by_y).unwrap_or(0);
        let highest = (0..chunk.len()).max_by(by_y).unwrap_or(0);
        let mut picks = [0, lowest, highest, chunk.len() - 1];
        picks.sort_unstable();
        kept.extend(picks.iter().enumerate().filter(|(i, p)| *i == 0 || picks[i - 1] != **p).map(|(_, p)| chunk[*p]));
    }
    kept
}

/// Draws the points as a line; a point between two gaps becomes a dot.
pub(crate) fn line(scene: &mut Scene, frame: &Frame, points: impl IntoIterator<Item = (f64, f64)>, stroke: Stroke) {
    let mut segments = Vec::new();
    let mut dots = Vec::new();
    for run in runs(&frame.x, &frame.y, points) {
        if let [lone] = run[..] {
            dots.extend(circle(lone, stroke.width.max(1.0) * 1.4));
            continue;
        }
        segments.extend(
            thin(&run).into_iter().enumerate().map(|(i, p)| if i == 0 { Segment::Move(p) } else { Segment::Line(p) }),
        );
    }
    scene.path(segments, None, Some(stroke));
    scene.path(dots, Some(Fill { color: stroke.color, opacity: stroke.opacity }), None);
}

/// Fills the area between two lines; gaps split it.
pub(crate) fn band(scene: &mut Scene, frame: &Frame, points: impl IntoIterator<Item = (f64, f64, f64)>, fill: Fill) {
    let mut segments = Vec::new();
    let mut edge: Vec<(Point, f64)> = Vec::new();
    let mut flush = |edge: &mut Vec<(Point, f64)>| {
        let lower: Vec<Point> = edge.iter().map(|(p, _)| *p).collect();
        let upper: Vec<Point> = edge.iter().map(|(p, top)| (p.0, *top)).collect();
        if lower.len() > 1 {
            let outline = thin(&lower).into_iter().chain(thin(&upper).into_iter().rev());
            segments.extend(super::scene::polygon(outline));
        }
        edge.clear();
    };
    for (x, low, high) in points {
        match (frame.x.at(x), frame.y.at(low), frame.y.at(high)) {
            (Some(x), Some(low), Some(high)) => edge.push(((x, low), high)),
            _ => flush(&mut edge),
        }
    }
    flush(&mut edge);
    scene.path(segments, Some(fill), None);
}

/// The plot area with a little room for lines that run along its edge.
pub(crate) fn clip_area(area: Rect) -> Rect {
    area.inset(-1.0, -1.5, -1.5, -1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Thinning keeps the ends and, in every pixel column, the extent.
        #[test]
        fn thinning_keeps_the_envelope(ys in prop::collection::vec(0.0..100.0f64, 2..500)) {
            let run: Vec<Point> = ys.iter().enumerate().map(|(i, y)| (i as f64 * 0.01, *y)).collect();
            let kept = thin(&run);
            prop_assert_eq!(kept.first(), run.first());
            prop_assert_eq!(kept.last(), run.last());
            let extent = |points: &[Point], column: i64| {
                points
                    .iter()
                    .filter(|p| (p.0 / COLUMN).floor() as i64 == column)
                    .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p.1), h.max(p.1)))
            };
            for column in 0..=(run[run.len() - 1].0 / COLUMN) as i64 {
                prop_assert_eq!(extent(&kept, column), extent(&run, column));
            }
            prop_assert!(kept.len() <= 4 * (run.len() / 50 + 1));
        }
    }
}
