//! Vectors on the hexagonal lattice: optic flow, receptive fields of direction.

use super::check::Check;
use super::color::{GRID, INK, MISSING, SOFT_INK, WHITE, direction};
use super::font::{Weight, shorten, wrap};
use super::hex_layout::hexagon;
use super::hexagons::{Around, Placed};
use super::layout::TICK;
use super::sample::{Sample, values};
use super::scene::{Anchor, Point, Rect, Scene, Stroke, Text, polygon};
use super::ticks::{number, ticks};
use super::{Figure, Hexagons, Scale};
use crate::Error;

/// How vectors are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FlowStyle {
    /// As arrows in their hexagons; the longest is as long as columns are apart. The default.
    #[default]
    Arrows,
    /// As colours: direction by hue, length by strength; a wheel explains them.
    Hue,
    /// Both.
    HueAndArrows,
}

/// Vectors of the columns of hexagonal lattices side by side. All panels share the scale of lengths. A vector that is not finite
/// is a grey hexagon.
///
/// ```
/// use flybrain::figure::{FlowStyle, HexFlow};
///
/// // All 7 columns of a lattice of extent 1 see motion to the right and a little upwards.
/// let figure = HexFlow::new("Optic flow")
///     .columns("0.1 s", &[1.0; 7], &[0.2; 7])
///     .label("columns per frame")
///     .style(FlowStyle::HueAndArrows)
///     .build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HexFlow {
    title: String,
    panels: Vec<Panel>,
    label: String,
    style: FlowStyle,
    largest: Option<f64>,
    per_row: Option<usize>,
    panel_size: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
struct Panel {
    name: String,
    uv: Option<(Vec<i32>, Vec<i32>)>,
    dx: Vec<f64>,
    dy: Vec<f64>,
}

/// Room for the legend.
const LEGEND: f64 = 118.0;

impl HexFlow {
    /// An empty plot. Defaults: [`FlowStyle::Arrows`], lengths up to the longest vector, up to four panels in a row.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            panels: Vec::new(),
            label: String::new(),
            style: FlowStyle::default(),
            largest: None,
            per_row: None,
            panel_size: None,
        }
    }

    /// Adds a panel: a vector for each column of a whole lattice in the order of [`Hexagons::columns`]; `dx` is to the right, `dy`
    /// upwards on the page.
    #[must_use]
    pub fn columns<T: Sample>(mut self, name: impl Into<String>, dx: &[T], dy: &[T]) -> Self {
        self.panels.push(Panel { name: name.into(), uv: None, dx: values(dx), dy: values(dy) });
        self
    }

    /// Adds a panel: vectors of hexagons at axial coordinates `(u, v)`.
    #[must_use]
    pub fn lattice<T: Sample>(mut self, name: impl Into<String>, u: &[i32], v: &[i32], dx: &[T], dy: &[T]) -> Self {
        let uv = Some((u.to_vec(), v.to_vec()));
        self.panels.push(Panel { name: name.into(), uv, dx: values(dx), dy: values(dy) });
        self
    }

    /// What lengths are, with the unit.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    /// How vectors are shown.
    #[must_use]
    pub fn style(self, style: FlowStyle) -> Self {
        Self { style, ..self }
    }

    /// The length of the longest arrow and of the strongest colour; longer vectors are shown as if they were that long. Default: the
    /// longest vector.
    #[must_use]
    pub fn largest(self, length: f64) -> Self {
        Self { largest: Some(length), ..self }
    }

    /// Panels in a row.
    #[must_use]
    pub fn per_row(self, panels: usize) -> Self {
        Self { per_row: Some(panels), ..self }
    }

    /// Width and height that each panel gets, in CSS pixels.
    #[must_use]
    pub fn panel_size(self, pixels: f64) -> Self {
        Self { panel_size: Some(pixels), ..self }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] if dx and dy differ in length, [`Error::BadOption`] for a largest length that is not above 0, and
    /// those of [`Hexagons::build`].
    pub fn build(&self) -> Result<Figure, Error> {
        let check = Check { plot: "hexagon flow", title: &self.title };
        let bad = self.largest.is_some_and(|length| !(length.is_finite() && length > 0.0));
        check.option("largest", self.largest, bad.then_some("give a finite number above 0"))?;
        let mut plot = Hexagons::new(&*self.title);
        for panel in &self.panels {
            let item = format!("panel \"{}\"", panel.name);
            check.same_length(&item, ("dx", panel.dx.len()), ("dy", panel.dy.len()))?;
            let lengths: Vec<f64> = panel.vectors().map(|v| v.map_or(f64::NAN, length)).collect();
            plot = match &panel.uv {
                Some((u, v)) => plot.lattice(&*panel.name, u, v, &lengths),
                None => plot.columns(&*panel.name, &lengths),
            };
        }
        if let Some(panels) = self.per_row {
            plot = plot.per_row(panels);
        }
        if let Some(pixels) = self.panel_size {
            plot = plot.panel_size(pixels);
        }
        let longest = self.panels.iter().flat_map(Panel::vectors).flatten().map(length).fold(0.0, f64::max);
        let largest = self.largest.unwrap_or(if longest > 0.0 { longest } else { 1.0 });
        let least = if self.style == FlowStyle::Arrows { 130.0 } else { 180.0 };
        let around = Around { right: Some(LEGEND), least, ..Around::default() };
        let mut drawn = plot.draw(around, |scene, lattice| self.paint(scene, lattice, largest))?;
        self.legend(&mut drawn.scene, drawn.right, drawn.unit, largest);
        Ok(Figure::new(drawn.scene, &self.title))
    }

    fn paint(&self, scene: &mut Scene, lattice: &Placed<'_>, largest: f64) {
        let vectors: Vec<(Point, Option<Point>)> =
            lattice.centres.iter().map(|c| lattice.at(c)).zip(self.panels[lattice.index].vectors()).collect();
        let rim = Stroke::new(WHITE, if lattice.unit >= 4.0 { 0.6 } else { 0.2 });
        if self.style == FlowStyle::Arrows {
            let outlines = vectors.iter().flat_map(|(place, _)| hexagon(*place, lattice.unit)).collect();
            scene.path(outlines, None, Some(Stroke::new(GRID, 0.6)));
        }
        for (place, vector) in &vectors {
            let fill = match (vector, self.style) {
                (Some(_), FlowStyle::Arrows) => WHITE,
                (Some(v), _) => direction(v.1.atan2(v.0).to_degrees(), length(*v) / largest),
                (None, _) => MISSING,
            };
            if fill != WHITE {
                scene.path(hexagon(*place, lattice.unit), Some(fill.into()), Some(rim));
            }
        }
        if self.style == FlowStyle::Hue {
            return;
        }
        scene.open("arrows", "");
        let reach = 3f64.sqrt() * lattice.unit;
        for (place, v) in vectors.iter().filter_map(|(place, vector)| Some((*place, (*vector)?))) {
            let part = (length(v) / largest).min(1.0);
            if part > 0.02 {
                arrow(scene, place, (v.0 / length(v), v.1 / length(v)), part * reach);
            }
        }
        scene.close();
    }

    fn legend(&self, scene: &mut Scene, room: Rect, unit: f64, largest: f64) {
        scene.open("flow-legend", &self.label);
        let x = room.x + 18.0 + (room.w - 18.0) / 2.0;
        let mut y = room.y + (room.h / 2.0 - 60.0).max(0.0);
        let value = rounded(largest);
        if self.style == FlowStyle::Arrows {
            arrow(scene, (x, y + 8.0), (1.0, 0.0), (3f64.sqrt() * unit).min(room.w - 24.0));
            y += 20.0;
        } else {
            let radius = 36.0;
            let centre = (x, y + radius);
            wheel(scene, centre, radius);
            y += 2.0 * radius + 6.0;
        }
        let limit = room.w - 22.0;
        let said = if self.style == FlowStyle::Arrows { value } else { format!("rim: {value}") };
        let lines = std::iter::once(shorten(&said, TICK, Weight::Regular, limit));
        for line in lines.chain(wrap(&self.label, TICK, Weight::Regular, limit).into_iter().take(4)) {
            y += 1.35 * TICK;
            scene.text(Text::new(line, (x, y), TICK).anchor(Anchor::Middle).color(SOFT_INK));
        }
        scene.close();
    }
}

impl Panel {
    /// Finite vectors.
    fn vectors(&self) -> impl Iterator<Item = Option<Point>> {
        self.dx.iter().zip(&self.dy).map(|(x, y)| length((*x, *y)).is_finite().then_some((*x, *y)))
    }
}

fn length(v: Point) -> f64 {
    v.0.hypot(v.1)
}

/// Three significant digits.
fn rounded(v: f64) -> String {
    if (1e-3..1e6).contains(&v) {
        let decimals = (2 - v.log10().floor() as i32).max(0) as usize;
        let text = number(v, decimals);
        return if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    }
    let all = ticks(Scale::Linear, 0.0, v, 3);
    format!("{} {}", all.labels.last().map_or("", String::as_str), all.multiplier)
}

/// An arrow of some length around a place, along a unit vector with y upwards.
fn arrow(scene: &mut Scene, (x, y): Point, (dx, dy): Point, length: f64) {
    let head = (0.42 * length).clamp(1.2, 6.0).min(length);
    let (tip, tail) = ((x + dx * length / 2.0, y - dy * length / 2.0), (x - dx * length / 2.0, y + dy * length / 2.0));
    let neck = (tip.0 - dx * head, tip.1 + dy * head);
    let half = 0.42 * head;
    if length > head {
        scene.line(
            tail,
            (neck.0 + 0.5 * head * dx, neck.1 - 0.5 * head * dy),
            Stroke::new(INK, (0.09 * length).clamp(0.5, 1.3)),
        );
    }
    let corners = [tip, (neck.0 - half * dy, neck.1 - half * dx), (neck.0 + half * dy, neck.1 + half * dx)];
    scene.path(polygon(corners), Some(INK.into()), None);
}

/// The wheel that tells which colour stands for which direction.
fn wheel(scene: &mut Scene, (x, y): Point, radius: f64) {
    const SECTORS: usize = 48;
    const RINGS: usize = 5;
    let at = |sector: usize, ring: usize| {
        let angle = std::f64::consts::TAU * (sector as f64 - 0.5) / SECTORS as f64;
        let r = radius * ring as f64 / RINGS as f64;
        (x + r * angle.cos(), y - r * angle.sin())
    };
    for ring in 0..RINGS {
        for sector in 0..SECTORS {
            let degrees = 360.0 * sector as f64 / SECTORS as f64;
            let color = direction(degrees, (ring as f64 + 0.5) / RINGS as f64);
            let corners = [at(sector, ring), at(sector, ring + 1), at(sector + 1, ring + 1), at(sector + 1, ring)];
            scene.path(polygon(corners), Some(color.into()), Some(Stroke::new(color, 0.3)));
        }
    }
    scene.path(super::scene::circle((x, y), radius), None, Some(Stroke::new(SOFT_INK, 0.7)));
}

#[cfg(test)]
mod tests {
    use super::super::font::width;
    use super::*;

    #[test]
    fn lengths_are_short() {
        for (v, text) in [(1.0, "1"), (0.123_45, "0.123"), (45_669.0, "45,669"), (2.5, "2.5")] {
            assert_eq!(rounded(v), text);
        }
        assert!(width(&rounded(3.3e-9), TICK, Weight::Regular) < LEGEND);
    }
}
