//! Columns of the fly's eye, drawn as hexagons.

use std::collections::BTreeMap;

use super::Figure;
use super::check::Check;
use super::color::{MISSING, Rgb, SOFT_INK, WHITE, category};
use super::color_bar::{BAR_LENGTH, color_bar, color_bar_room};
use super::color_scale::{ColorScale, Colors};
use super::hex_layout::{HALF_HEIGHT, centre, contour, hexagon, whole};
use super::layout::MARGIN;
use super::legend::{Entry, Swatch, header, panel_name};
use super::sample::{Sample, values};
use super::scene::{Point, Rect, Scene, Segment, Stroke};
use crate::Error;

/// Hexagonal lattices side by side, coloured by value or by category.
///
/// All panels share scale and colours. NaN is a grey hexagon, infinities take the end colours.
///
/// ```
/// use flybrain::figure::Hexagons;
///
/// // The 7 columns of a lattice of extent 1, u from -1 to 1, v innermost.
/// let figure = Hexagons::new("Response of T4a")
///     .columns("0.1 s", &[0.0, 0.1, 0.0, 1.0, 0.2, 0.0, 0.1])
///     .color_label("voltage (mV)")
///     .build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Hexagons {
    title: String,
    panels: Vec<Panel>,
    category_names: Vec<String>,
    color_label: String,
    scale: ColorScale,
    range: Option<(f64, f64)>,
    per_row: Option<usize>,
    panel_size: Option<f64>,
    size: Option<(f64, f64)>,
}

/// What stands beside and below the lattices.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Around {
    /// Room for a legend in place of the colour bar.
    pub(crate) right: Option<f64>,
    /// Room below.
    pub(crate) below: f64,
    /// Least height of the lattices with their names, for the legend's sake.
    pub(crate) least: f64,
    /// Levels of the colour scale; as many as the eye can tell where none are given.
    pub(crate) levels: Option<usize>,
}

/// A lattice on the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed<'a> {
    /// Number of the panel.
    pub(crate) index: usize,
    /// Centres of the hexagons, in units of their side, y upwards.
    pub(crate) centres: &'a [Point],
    /// Pixel of the column (0, 0).
    pub(crate) origin: Point,
    /// Pixels of a side.
    pub(crate) unit: f64,
    /// The colour scale of all panels.
    pub(crate) colors: &'a Colors,
}

impl Placed<'_> {
    /// Pixel of a place on the lattice.
    pub(crate) fn at(&self, c: &Point) -> Point {
        (self.origin.0 + c.0 * self.unit, self.origin.1 - c.1 * self.unit)
    }
}

/// A drawing of lattices, and the room that was kept.
pub(crate) struct Drawn {
    pub(crate) scene: Scene,
    /// Right of the lattices, beside all of them.
    pub(crate) right: Rect,
    /// Below the lattices.
    pub(crate) below: Rect,
    /// Pixels of a hexagon's side.
    pub(crate) unit: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Panel {
    name: String,
    /// None: a whole lattice in its canonical order.
    uv: Option<(Vec<i32>, Vec<i32>)>,
    values: Vec<f64>,
}

impl Hexagons {
    /// An empty plot.
    ///
    /// Defaults: [`ColorScale::Auto`] over the range of all panels, up to four panels in a row, a size that gives each
    /// panel 150 to 420 pixels.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            panels: Vec::new(),
            category_names: Vec::new(),
            color_label: String::new(),
            scale: ColorScale::default(),
            range: None,
            per_row: None,
            panel_size: None,
            size: None,
        }
    }

    /// Adds a panel: hexagons at axial coordinates `(u, v)` with a value each.
    #[must_use]
    pub fn lattice<T: Sample>(mut self, name: impl Into<String>, u: &[i32], v: &[i32], data: &[T]) -> Self {
        self.panels.push(Panel { name: name.into(), uv: Some((u.to_vec(), v.to_vec())), values: values(data) });
        self
    }

    /// Adds a panel: a value for each column of a whole lattice of extent n, 1 + 3n(n + 1) in all.
    ///
    /// Order: u from -n to n; for each, v from max(-n, -n - u) to min(n, n - u).
    #[must_use]
    pub fn columns<T: Sample>(mut self, name: impl Into<String>, data: &[T]) -> Self {
        self.panels.push(Panel { name: name.into(), uv: None, values: values(data) });
        self
    }

    /// Takes values as categories 0, 1, 2, ... with these names; a legend stands in place of the colour bar.
    #[must_use]
    pub fn categories<S: AsRef<str>>(self, names: &[S]) -> Self {
        Self { category_names: names.iter().map(|n| n.as_ref().to_owned()).collect(), ..self }
    }

    /// Label of the colour bar, with the unit.
    #[must_use]
    pub fn color_label(self, label: impl Into<String>) -> Self {
        Self { color_label: label.into(), ..self }
    }

    /// How values become colours.
    #[must_use]
    pub fn colors(self, scale: ColorScale) -> Self {
        Self { scale, ..self }
    }

    /// Values of the ends of the colour bar. Default: the range of the data.
    #[must_use]
    pub fn color_range(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }

    /// Panels in a row.
    #[must_use]
    pub fn per_row(self, panels: usize) -> Self {
        Self { per_row: Some(panels), ..self }
    }

    /// Width and height that each panel gets, in CSS pixels, say 60 for the receptive fields of 65 cell types. Default: 150 to
    /// 420, the more the fewer stand in a row.
    #[must_use]
    pub fn panel_size(self, pixels: f64) -> Self {
        Self { panel_size: Some(pixels), ..self }
    }

    /// Size of the whole figure in CSS pixels.
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { size: Some((width, height)), ..self }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] without a panel or with a panel without hexagons, [`Error::LengthMismatch`] if u, v and
    /// values differ in length, [`Error::LatticeSize`] if values do not fill a whole lattice,
    /// [`Error::UnknownCategory`] for a category without a name, [`Error::BadOption`] for a range or size that cannot
    /// be drawn.
    pub fn build(&self) -> Result<Figure, Error> {
        let drawn = self.draw(Around::default(), |scene, lattice| self.paint(scene, lattice))?;
        Ok(Figure::new(drawn.scene, &self.title))
    }

    /// Fills the hexagons of a panel with their colours.
    pub(crate) fn paint(&self, scene: &mut Scene, lattice: &Placed<'_>) {
        let mut by_color: BTreeMap<Rgb, Vec<Segment>> = BTreeMap::new();
        for (centre, v) in lattice.centres.iter().zip(&self.panels[lattice.index].values) {
            let color = if self.category_names.is_empty() {
                lattice.colors.rgb(*v)
            } else {
                (!v.is_nan()).then(|| category(*v as usize, self.category_names.len()))
            };
            let outline = by_color.entry(color.unwrap_or(MISSING)).or_default();
            outline.extend(hexagon(lattice.at(centre), lattice.unit));
        }
        for (color, outline) in by_color {
            // Small hexagons touch; large ones are set off from each other.
            let rim = if lattice.unit >= 4.0 { Stroke::new(WHITE, 0.6) } else { Stroke::new(color, 0.3) };
            scene.path(outline, Some(color.into()), Some(rim));
        }
    }

    /// Lays the panels out and draws all but what is in the hexagons, which `paint` does.
    pub(crate) fn draw(&self, around: Around, paint: impl Fn(&mut Scene, &Placed<'_>)) -> Result<Drawn, Error> {
        self.check()?;
        let centres: Vec<Vec<Point>> = self.panels.iter().map(|p| self.centres(p)).collect::<Result<_, _>>()?;
        // Common bounds keep equal columns at equal places in all panels.
        let bound = |pick: fn(&Point) -> f64| {
            centres
                .iter()
                .flatten()
                .map(pick)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)))
        };
        let (x_bound, y_bound) = (bound(|c| c.0), bound(|c| c.1));
        let (wide, high) = (x_bound.1 - x_bound.0 + 2.0, y_bound.1 - y_bound.0 + 3f64.sqrt());

        let n = self.panels.len();
        let per_row = self.per_row.unwrap_or(if n == 5 || n == 6 { 3 } else { n.min(4) }).min(n);
        let rows = n.div_ceil(per_row);
        let named = if self.panels.iter().any(|p| !p.name.is_empty()) { 20.0 } else { 4.0 };
        let gap = if self.panel_size.is_some_and(|side| side < 120.0) { 8.0 } else { 16.0 };
        let values = self.panels.iter().flat_map(|p| p.values.iter().copied());
        let mut colors = Colors::new(self.scale, values, self.range);
        if let Some(levels) = around.levels {
            colors = colors.coarse(levels);
        }
        let entries: Vec<Entry> = self
            .category_names
            .iter()
            .enumerate()
            .map(|(i, name)| Entry {
                name: name.clone(),
                swatch: Swatch::Patch(category(i, self.category_names.len())),
            })
            .collect();

        let side = self.panel_size.unwrap_or(match per_row {
            1 => 420.0,
            2 => 300.0,
            3 => 225.0,
            _ => (720.0 / per_row as f64).max(150.0),
        });
        let natural = (side / wide).min(side / high).min(40.0);
        let body = (rows as f64 * (natural * high + named + gap) - gap).max(around.least);
        let has_bar = self.category_names.is_empty() && around.right.is_none();
        let bar = if has_bar { color_bar_room(&colors, &self.color_label, body.min(BAR_LENGTH)) } else { 0.0 };
        let right = around.right.unwrap_or(bar);
        let (width, height) = match self.size {
            Some(size) => size,
            None => {
                let w = per_row as f64 * (natural * wide + gap) - gap + right + 2.0 * MARGIN;
                let mut probe = Scene::new(w.max(320.0).ceil(), 1.0);
                let top = header(&mut probe, &self.title, &entries);
                (probe.width, (top + body + around.below + 6.0 + MARGIN).ceil())
            }
        };
        let mut scene = Scene::new(width, height);
        let top = header(&mut scene, &self.title, &entries) + 4.0;
        let room = Rect::new(MARGIN, top, width - 2.0 * MARGIN - right, height - top - MARGIN - around.below);
        let cell = ((room.w + gap) / per_row as f64 - gap, (room.h + gap) / rows as f64 - gap - named);
        let unit = (cell.0 / wide).min(cell.1 / high);
        for (i, (panel, centres)) in self.panels.iter().zip(&centres).enumerate() {
            let (row, column) = (i / per_row, i % per_row);
            let area = Rect::new(
                room.x + column as f64 * (cell.0 + gap) + (cell.0 - unit * wide) / 2.0,
                room.y + named + row as f64 * (cell.1 + gap + named),
                unit * wide,
                unit * high,
            );
            scene.open("panel", &panel.name);
            panel_name(&mut scene, &panel.name, area);
            let origin = (area.x + (1.0 - x_bound.0) * unit, area.y + (y_bound.1 + HALF_HEIGHT) * unit);
            let lattice = Placed { index: i, centres, origin, unit, colors: &colors };
            paint(&mut scene, &lattice);
            // White hexagons on white paper still show where the eye ends.
            let edge = Stroke::new(SOFT_INK, 0.7);
            scene.open("contour", "");
            scene.path(
                contour(centres)
                    .into_iter()
                    .flat_map(|(a, b)| [Segment::Move(lattice.at(&a)), Segment::Line(lattice.at(&b))])
                    .collect(),
                None,
                Some(edge),
            );
            scene.close();
            scene.close();
        }
        let used = (rows as f64 * (unit * high + named + gap) - gap - named).min(room.h - named);
        let start = room.y + named;
        if has_bar {
            let height = used.clamp(60.0, BAR_LENGTH);
            color_bar(&mut scene, room.right(), start + (used - height) / 2.0, height, &colors, &self.color_label);
        }
        let right = Rect::new(room.right(), start, right, used);
        let below = Rect::new(MARGIN, room.bottom(), width - 2.0 * MARGIN, around.below);
        Ok(Drawn { scene, right, below, unit })
    }

    fn check(&self) -> Result<(), Error> {
        let check = Check { plot: "hexagons", title: &self.title };
        check.not_empty(self.panels.is_empty(), "a lattice")?;
        check.range("color range", self.range, self.scale == ColorScale::Log)?;
        check.size(self.size)?;
        let bad_side = self.panel_size.is_some_and(|side| !(20.0..=4000.0).contains(&side));
        check.option("panel_size", self.panel_size, bad_side.then_some("give 20 to 4000 pixels"))?;
        check.option(
            "per_row",
            self.per_row,
            (self.per_row == Some(0)).then_some("give at least one panel in a row"),
        )?;
        for (i, p) in self.panels.iter().enumerate() {
            let item = panel_item(i, p);
            check.not_empty(p.values.is_empty(), &format!("columns to {item}"))?;
            if let Some((u, v)) = &p.uv {
                check.same_length(&item, ("u", u.len()), ("v", v.len()))?;
                check.same_length(&item, ("u", u.len()), ("values", p.values.len()))?;
            }
            let names = self.category_names.len();
            if names > 0 {
                let bad = p.values.iter().find(|v| **v < 0.0 || **v >= names as f64 || v.fract() != 0.0 && !v.is_nan());
                if let Some(v) = bad {
                    let (title, category) = (self.title.clone(), *v);
                    return Err(Error::UnknownCategory { title, item, category, names });
                }
            }
        }
        Ok(())
    }

    fn centres(&self, panel: &Panel) -> Result<Vec<Point>, Error> {
        match &panel.uv {
            Some((u, v)) => Ok(u.iter().copied().zip(v.iter().copied()).map(centre).collect()),
            None => {
                let got = panel.values.len();
                let item = || format!("panel \"{}\"", panel.name);
                let columns = whole(got);
                let columns =
                    columns.ok_or_else(|| Error::LatticeSize { title: self.title.clone(), item: item(), got })?;
                Ok(columns.into_iter().map(centre).collect())
            }
        }
    }
}

fn panel_item(index: usize, panel: &Panel) -> String {
    if panel.name.is_empty() { format!("panel {index}") } else { format!("panel \"{}\"", panel.name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contour_of_whole_lattices() {
        for n in 0..6 {
            let columns = 1 + 3 * n * (n + 1);
            let plot = Hexagons::new("h").columns("", &vec![0.0; columns]);
            let centres = plot.centres(&plot.panels[0]).unwrap();
            assert_eq!(centres.len(), columns);
            // A lattice of extent n has six sides of n + 1 hexagons with two free sides each, and six corners.
            assert_eq!(contour(&centres).len(), 12 * n + 6);
        }
    }
}
