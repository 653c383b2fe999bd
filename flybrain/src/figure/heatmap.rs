//! A matrix in colours.

use super::Figure;
use super::axis::Scale;
use super::cells::{Cells, MOST_PIXELS, Pooling};
use super::check::Check;
use super::color::{MISSING, SOFT_INK, WHITE};
use super::color_bar::{BAR_LENGTH, color_bar, color_bar_room};
use super::color_scale::{ColorScale, Colors};
use super::font::{Weight, shorten, width};
use super::layout::{
    Labels, MARGIN, Side, TICK, bottom_room, centred_label, horizontal_axis, horizontal_label, label_room, left_room,
    settle, vertical_axis, vertical_label,
};
use super::legend::{TITLE, header};
use super::sample::{Sample, values};
use super::scene::{Anchor, Rect, Scene, Stroke, Text};
use super::ticks::{Ticks, number};
use crate::Error;

/// How zeros look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zeros {
    /// Like any other value. The default.
    #[default]
    Colored,
    /// White, and outside the range of the colours: the absent entries of a sparse matrix.
    Blank,
}

/// Whether cells are square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aspect {
    /// Square unless the matrix is more than three times as wide as high or the reverse. The default.
    #[default]
    Auto,
    /// Square cells.
    Square,
    /// The matrix fills the figure.
    Fill,
}

/// A matrix as coloured cells with a colour bar. Row 0 is at the top, column 0 at the left: a weight matrix
/// `[post, pre]` reads like the matrix on paper.
///
/// NaN is grey, infinities take the end colours. Above 800 rows or columns, cells are merged (see [`Pooling`]).
///
/// ```
/// use flybrain::figure::Heatmap;
///
/// let figure = Heatmap::new("Weights", 2, 3, &[1.0, 0.0, -2.0, 0.5, 0.0, 1.5])
///     .x("presynaptic neuron")
///     .y("postsynaptic neuron")
///     .color_label("weight (a.u.)")
///     .build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    title: String,
    rows: usize,
    columns: usize,
    values: Vec<f64>,
    x: String,
    y: String,
    row_names: Option<Vec<String>>,
    column_names: Option<Vec<String>>,
    color_label: String,
    scale: ColorScale,
    range: Option<(f64, f64)>,
    zeros: Zeros,
    pooling: Pooling,
    aspect: Aspect,
    size: Option<(f64, f64)>,
}

impl Heatmap {
    /// A matrix of `rows` x `columns` values, row by row.
    ///
    /// Defaults: no labels, indices on both axes, [`ColorScale::Auto`] over the range of the data, [`Zeros::Colored`],
    /// [`Pooling::Mean`], [`Aspect::Auto`], a size that gives named rows and columns room.
    pub fn new<T: Sample>(title: impl Into<String>, rows: usize, columns: usize, data: &[T]) -> Self {
        Self {
            title: title.into(),
            rows,
            columns,
            values: values(data),
            x: String::new(),
            y: String::new(),
            row_names: None,
            column_names: None,
            color_label: String::new(),
            scale: ColorScale::default(),
            range: None,
            zeros: Zeros::default(),
            pooling: Pooling::default(),
            aspect: Aspect::default(),
            size: None,
        }
    }

    /// Label of the horizontal axis (columns).
    #[must_use]
    pub fn x(self, label: impl Into<String>) -> Self {
        Self { x: label.into(), ..self }
    }

    /// Label of the vertical axis (rows).
    #[must_use]
    pub fn y(self, label: impl Into<String>) -> Self {
        Self { y: label.into(), ..self }
    }

    /// Names of the rows in place of indices. Where there is no room for all, every second, third, ... is written.
    #[must_use]
    pub fn row_names<S: AsRef<str>>(self, names: &[S]) -> Self {
        Self { row_names: Some(names.iter().map(|n| n.as_ref().to_owned()).collect()), ..self }
    }

    /// Names of the columns in place of indices, written upwards if they are wider than a column.
    #[must_use]
    pub fn column_names<S: AsRef<str>>(self, names: &[S]) -> Self {
        Self { column_names: Some(names.iter().map(|n| n.as_ref().to_owned()).collect()), ..self }
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

    /// How zeros look.
    #[must_use]
    pub fn zeros(self, zeros: Zeros) -> Self {
        Self { zeros, ..self }
    }

    /// How cells are merged where there are too many.
    #[must_use]
    pub fn pooling(self, pooling: Pooling) -> Self {
        Self { pooling, ..self }
    }

    /// Whether cells are square.
    #[must_use]
    pub fn aspect(self, aspect: Aspect) -> Self {
        Self { aspect, ..self }
    }

    /// Size of the whole figure in CSS pixels. The matrix takes what the labels leave.
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { size: Some((width, height)), ..self }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] for a matrix without cells, [`Error::MatrixShape`] if the number of values is not
    /// `rows * columns`, [`Error::LengthMismatch`] if there is not one name for each row or column,
    /// [`Error::BadOption`] for a range or size that cannot be drawn.
    pub fn build(&self) -> Result<Figure, Error> {
        self.check()?;
        let cells = Cells {
            rows: self.rows,
            columns: self.columns,
            values: self.values.iter().map(|v| self.visible(*v)).collect(),
        };
        let cells = cells.pooled(self.pooling, MOST_PIXELS);
        let colors = Colors::new(self.scale, cells.values.iter().copied(), self.range);
        let (width, height) = self.size.unwrap_or_else(|| self.natural_size(&colors));
        let mut scene = Scene::new(width.ceil(), height.ceil());
        let top = header(&mut scene, &self.title, &[]) + ABOVE;
        let area = self.area(&scene, top, &colors);

        let blank = if self.zeros == Zeros::Blank { WHITE } else { MISSING };
        cells.draw(&mut scene, area, blank, |v| colors.rgb(v));
        scene.frame(area, Stroke::new(SOFT_INK, 0.8));
        let x = index_side(&self.x, self.columns);
        match &self.column_names {
            Some(names) => {
                names_below(&mut scene, area, names);
                centred_label(&mut scene, &self.x, area, names_room(names, area.w));
            }
            None => {
                let ticks = whole(x.horizontal_ticks(area.w));
                let map = x.map(area.x, area.right());
                horizontal_axis(&mut scene, area, &map, &ticks, Labels::Shown);
                horizontal_label(&mut scene, area, &x, &ticks);
            }
        }
        let y = index_side(&self.y, self.rows);
        match &self.row_names {
            Some(names) => names_left(&mut scene, area, names),
            None => {
                let ticks = whole(y.vertical_ticks(area.h));
                let map = y.map(area.y, area.bottom());
                vertical_axis(&mut scene, area, &map, &ticks, Labels::Shown);
            }
        }
        vertical_label(&mut scene, area.x - self.left(area.h), area, &y, &Ticks::default());
        let height = area.h.min(BAR_LENGTH);
        color_bar(&mut scene, area.right(), area.y, height, &colors, &self.color_label);
        Ok(Figure::new(scene, &self.title))
    }

    fn visible(&self, v: f64) -> f64 {
        if self.zeros == Zeros::Blank && v == 0.0 { f64::NAN } else { v }
    }

    fn square(&self) -> bool {
        match self.aspect {
            Aspect::Square => true,
            Aspect::Fill => false,
            Aspect::Auto => self.rows <= 3 * self.columns && self.columns <= 3 * self.rows,
        }
    }

    /// Room left of a matrix of height `h`.
    fn left(&self, h: f64) -> f64 {
        match &self.row_names {
            Some(names) => label_room(&self.y, h) + widest_name(names) + 8.0,
            None => {
                let ticks = index_side(&self.y, self.rows).vertical_ticks(h);
                left_room(&self.y, &whole(ticks), h)
            }
        }
    }

    /// Room below a matrix of width `w`.
    fn bottom(&self, w: f64) -> f64 {
        match &self.column_names {
            Some(names) => names_room(names, w) + label_room(&self.x, w),
            None => {
                let ticks = index_side(&self.x, self.columns).horizontal_ticks(w);
                bottom_room(&self.x, &whole(ticks), w)
            }
        }
    }

    fn bar(&self, colors: &Colors, h: f64) -> f64 {
        color_bar_room(colors, &self.color_label, h.min(BAR_LENGTH))
    }

    /// Size of a figure that gives the cells, their names and the title room.
    fn natural_size(&self, colors: &Colors) -> (f64, f64) {
        let wish = |n: usize, names: &Option<Vec<String>>| {
            let named = if names.is_some() { 13.0 * n as f64 } else { 0.0 };
            named.clamp(360.0, LARGEST)
        };
        let (mut w, mut h) = (wish(self.columns, &self.column_names), wish(self.rows, &self.row_names));
        if self.square() {
            let cell = (w / self.columns as f64).max(h / self.rows as f64);
            let cell = cell.min(LARGEST / self.columns.max(self.rows) as f64);
            (w, h) = (cell * self.columns as f64, cell * self.rows as f64);
        } else if self.columns > self.rows {
            w = w.max(520.0);
        }
        let title = width(&self.title, TITLE, Weight::Bold).min(520.0);
        let width = (self.left(h) + w + self.bar(colors, h)).max(title) + 2.0 * MARGIN;
        let top = header(&mut Scene::new(width.ceil(), 1.0), &self.title, &[]) + ABOVE;
        (width, top + h + self.bottom(w) + MARGIN)
    }

    /// Where the matrix stands below `top`.
    fn area(&self, scene: &Scene, top: f64, colors: &Colors) -> Rect {
        let room = Rect::new(MARGIN, top, scene.width - 2.0 * MARGIN, scene.height - top - MARGIN);
        let area = settle(room, |area| {
            let (w, h) = self.fit(area);
            [self.left(h), 0.0, self.bar(colors, h), self.bottom(w)]
        });
        let (w, h) = self.fit(area);
        Rect::new(area.x, area.y, w, h)
    }

    /// Width and height of the matrix in an area.
    fn fit(&self, area: Rect) -> (f64, f64) {
        if !self.square() {
            return (area.w, area.h);
        }
        let cell = (area.w / self.columns as f64).min(area.h / self.rows as f64);
        (cell * self.columns as f64, cell * self.rows as f64)
    }

    fn check(&self) -> Result<(), Error> {
        let check = Check { plot: "heatmap", title: &self.title };
        check.not_empty(self.rows == 0 || self.columns == 0, "at least one row and one column")?;
        if self.rows.checked_mul(self.columns) != Some(self.values.len()) {
            let (rows, columns, got) = (self.rows, self.columns, self.values.len());
            return Err(Error::MatrixShape { plot: "heatmap", title: self.title.clone(), rows, columns, got });
        }
        if let Some(names) = &self.row_names {
            check.same_length("names", ("the matrix (rows)", self.rows), ("row_names", names.len()))?;
        }
        if let Some(names) = &self.column_names {
            check.same_length("names", ("the matrix (columns)", self.columns), ("column_names", names.len()))?;
        }
        check.range("color range", self.range, self.scale == ColorScale::Log)?;
        check.size(self.size)
    }
}

/// Largest side of a matrix for which no size is given.
const LARGEST: f64 = 1500.0;
/// Gap between title and matrix, with room for the multiplier of the colour bar.
const ABOVE: f64 = 14.0;
/// Longest name of a row or column in pixels.
const LONGEST: f64 = 160.0;

fn widest_name(names: &[String]) -> f64 {
    names.iter().map(|n| width(n, TICK, Weight::Regular)).fold(0.0, f64::max).min(LONGEST)
}

/// Whether all names fit below their columns in a matrix of width `w`.
fn flat(names: &[String], w: f64) -> bool {
    let cell = w / names.len() as f64;
    names.iter().all(|n| width(n, TICK, Weight::Regular) <= cell - 4.0)
}

/// Room for the names of columns below a matrix of width `w`.
fn names_room(names: &[String], w: f64) -> f64 {
    if flat(names, w) { 17.0 } else { widest_name(names) + 8.0 }
}

/// An axis of indices whose cells are centred on whole numbers.
pub(crate) fn index_side(label: &str, n: usize) -> Side {
    Side { label: label.to_owned(), scale: Scale::Linear, low: -0.5, high: n as f64 - 0.5 }
}

/// Only the ticks at whole numbers, with labels to match.
pub(crate) fn whole(ticks: Ticks) -> Ticks {
    let major: Vec<f64> = ticks.major.into_iter().filter(|v| v.fract() == 0.0 && *v >= 0.0).collect();
    let labels = major.iter().map(|v| number(*v, 0)).collect();
    Ticks { major, labels, ..Ticks::default() }
}

/// Every how many names one is written, so that they are at least a line apart.
fn stride(cell: f64) -> usize {
    (11.0 / cell).ceil().max(1.0) as usize
}

fn names_left(scene: &mut Scene, area: Rect, names: &[String]) {
    let cell = area.h / names.len() as f64;
    scene.open("row-names", "");
    for (i, name) in names.iter().enumerate().step_by(stride(cell)) {
        let at = (area.x - 6.0, area.y + cell * (i as f64 + 0.5) + TICK * 0.36);
        scene.text(Text::new(shorten(name, TICK, Weight::Regular, LONGEST), at, TICK).anchor(Anchor::End));
    }
    scene.close();
}

fn names_below(scene: &mut Scene, area: Rect, names: &[String]) {
    let cell = area.w / names.len() as f64;
    let flat = flat(names, area.w);
    scene.open("column-names", "");
    for (i, name) in names.iter().enumerate().step_by(if flat { 1 } else { stride(cell) }) {
        let x = area.x + cell * (i as f64 + 0.5);
        scene.text(if flat {
            Text::new(name, (x, area.bottom() + 14.0), TICK).anchor(Anchor::Middle)
        } else {
            let short = shorten(name, TICK, Weight::Regular, LONGEST);
            Text::new(short, (x + TICK * 0.36, area.bottom() + 6.0), TICK).anchor(Anchor::End).angle(-90.0)
        });
    }
    scene.close();
}
