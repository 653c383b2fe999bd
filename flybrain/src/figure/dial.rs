//! The circle of a polar plot.

use super::axis::Mapping;
use super::color::{GRID, SOFT_INK};
use super::layout::TICK;
use super::scene::{Anchor, Point, Scene, Stroke, Text, circle, polygon};
use super::ticks::Ticks;

/// A circle on the page.
pub(crate) struct Dial {
    pub(crate) centre: Point,
    pub(crate) radius: f64,
    /// From values to distances.
    pub(crate) map: Mapping,
}

impl Dial {
    /// A place at an angle in radians and a distance in pixels.
    pub(crate) fn at(&self, angle: f64, distance: f64) -> Point {
        (self.centre.0 + distance * angle.cos(), self.centre.1 - distance * angle.sin())
    }

    /// Values at angles in degrees as points, in runs without gaps.
    pub(crate) fn runs(&self, angles: &[f64], values: &[f64]) -> Vec<Vec<Point>> {
        let points: Vec<Option<Point>> = angles
            .iter()
            .zip(values)
            .map(|(a, v)| (a.is_finite() && v.is_finite()).then(|| self.at(a.to_radians(), self.map.held(*v))))
            .collect();
        points
            .split(Option::is_none)
            .filter(|run| !run.is_empty())
            .map(|run| run.iter().flatten().copied().collect())
            .collect()
    }

    /// Rings, spokes and their numbers.
    pub(crate) fn draw(&self, scene: &mut Scene, ticks: &Ticks) {
        scene.open("dial", "");
        for v in &ticks.major {
            let r = self.map.held(*v);
            if r > 1.0 {
                scene.path(circle(self.centre, r), None, Some(Stroke::new(GRID, 0.8)));
            }
        }
        for spoke in 0..8 {
            let angle = f64::from(spoke) * std::f64::consts::FRAC_PI_4;
            scene.line(self.centre, self.at(angle, self.radius), Stroke::new(GRID, 0.8));
        }
        scene.path(circle(self.centre, self.radius), None, Some(Stroke::new(SOFT_INK, 0.9)));
        for (degrees, anchor) in [(0, Anchor::Start), (90, Anchor::Middle), (180, Anchor::End), (270, Anchor::Middle)] {
            let gap = if degrees % 180 == 0 { 3.0 } else { 5.5 };
            let (x, y) = self.at(f64::from(degrees).to_radians(), self.radius + gap);
            let down = match degrees {
                90 => 0.0,
                270 => 0.72 * TICK,
                _ => 0.36 * TICK,
            };
            let text = format!("{degrees}°");
            scene.text(Text::new(text, (x, y + down), 0.86 * TICK).anchor(anchor).color(SOFT_INK));
        }
        // Between two spokes, where curves are drawn over them least.
        let angle = 67.5f64.to_radians();
        for (v, label) in ticks.major.iter().zip(&ticks.labels).skip(1) {
            let r = self.map.held(*v);
            if r < 0.98 * self.radius || ticks.major.len() == 2 {
                let (x, y) = self.at(angle, r);
                scene.text(Text::new(label, (x, y + 0.3 * TICK), 0.8 * TICK).anchor(Anchor::Middle).color(SOFT_INK));
            }
        }
        if let Some(last) = ticks.labels.last() {
            let (x, y) = self.at(angle, self.radius + 3.0);
            let text = format!("{last} {}", ticks.multiplier);
            scene.text(Text::new(text.trim_end(), (x, y), 0.8 * TICK).color(SOFT_INK));
        }
        scene.close();
    }

    pub(crate) fn arrow(&self, scene: &mut Scene, angle: f64, length: f64, stroke: Stroke) {
        let head = (0.35 * length).clamp(2.0, 9.0);
        let tip = self.at(angle, length);
        let neck = self.at(angle, length - 0.7 * head);
        scene.line(self.centre, neck, stroke);
        let (dx, dy) = (angle.cos(), -angle.sin());
        let back = (tip.0 - head * dx, tip.1 - head * dy);
        let half = 0.45 * head;
        let corners = [tip, (back.0 - half * dy, back.1 + half * dx), (back.0 + half * dy, back.1 - half * dx)];
        scene.path(polygon(corners), Some(stroke.color.into()), None);
    }
}
