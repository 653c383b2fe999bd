//! The bar that tells which colour stands for which value.

use super::axis::Mapping;
use super::color::SOFT_INK;
use super::color_scale::Colors;
use super::font::{Weight, width};
use super::layout::{LABEL, TICK, TICK_GAP, TICK_LENGTH, label_lines, label_room, widest};
use super::scene::{Anchor, Rect, Scene, Stroke, Text};
use super::ticks::Ticks;

const BAR_WIDTH: f64 = 14.0;
/// Longest colour bar.
pub(crate) const BAR_LENGTH: f64 = 520.0;

/// Width that a colour bar with its ticks and label takes.
pub(crate) fn color_bar_room(colors: &Colors, label: &str, height: f64) -> f64 {
    let ticks = bar_ticks(colors, height);
    14.0 + BAR_WIDTH
        + TICK_LENGTH
        + TICK_GAP
        + widest(&ticks.labels).max(width(&ticks.multiplier, TICK, Weight::Regular) - BAR_WIDTH)
        + label_room(label, height)
}

fn bar_ticks(colors: &Colors, height: f64) -> Ticks {
    colors.ticks(((height / 30.0) as usize).clamp(3, 7)).1
}

/// Draws a colour bar right of `x`, from `y` down to `y + height`.
pub(crate) fn color_bar(scene: &mut Scene, x: f64, y: f64, height: f64, colors: &Colors, label: &str) {
    let bar = Rect::new(x + 14.0, y, BAR_WIDTH, height);
    let (scale, _) = colors.ticks(3);
    let ticks = bar_ticks(colors, height);
    let map = Mapping { scale, low: colors.low, high: colors.high, start: bar.bottom(), end: bar.y };
    scene.open("color-bar", label);
    scene.image(bar, 1, (0..256).rev().map(|i| colors.at(f64::from(i) / 255.0)).collect());
    scene.frame(bar, Stroke::new(SOFT_INK, 0.8));
    let edge = bar.right();
    for (v, text) in ticks.major.iter().zip(&ticks.labels) {
        let p = map.held(*v);
        scene.line((edge, p), (edge + TICK_LENGTH, p), Stroke::new(SOFT_INK, 0.8));
        let at = (edge + TICK_LENGTH + TICK_GAP, p + TICK * 0.36);
        scene.text(Text::new(text, at, TICK).color(SOFT_INK));
    }
    scene.text(Text::new(&*ticks.multiplier, (bar.x, bar.y - 7.0), TICK).color(SOFT_INK));
    let column = edge + TICK_LENGTH + TICK_GAP + widest(&ticks.labels) + 6.0;
    for (i, line) in label_lines(label, height).into_iter().enumerate() {
        let at = (column + LABEL * 0.85 + i as f64 * LABEL * 1.3, y + height / 2.0);
        scene.text(Text::new(line, at, LABEL).anchor(Anchor::Middle).angle(-90.0));
    }
    scene.close();
}
