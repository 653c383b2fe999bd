//! Traces over time, overlaid or as small multiples.

use super::Figure;
use super::axis::Axis;
use super::check::Check;
use super::color::category;
use super::layout::{
    Frame, Labels, MARGIN, Side, bottom_room, grid_lines, horizontal_axis, horizontal_label, left_room, overhang,
    settle, vertical_axis, vertical_label,
};
use super::legend::{Entry, Swatch, header, panel_name};
use super::mark::{Mark, Marks};
use super::sample::{Sample, values};
use super::scene::{Fill, Rect, Scene, Stroke};
use super::ticks::Ticks;
use super::trace;
use crate::Error;

/// How panels are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Panels {
    /// `Stacked` up to four panels, else a `Grid` that is about square. The default.
    #[default]
    Auto,
    /// One above the other.
    Stacked,
    /// Row by row, with this many columns.
    Grid(usize),
}

/// Which axes the panels have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Share {
    /// Both ranges are the same in all panels. The default.
    #[default]
    Both,
    /// Only the horizontal range is; each panel has a vertical range of its own.
    Horizontal,
}

/// Traces: values over time or any other quantity. Made of series, which may stand in several panels.
///
/// NaN, infinities and, on logarithmic axes, values that are not positive leave gaps. Traces of any length stay small
/// files: what falls into one pixel column is drawn once.
///
/// ```
/// use flybrain::figure::Lines;
///
/// let t: Vec<f64> = (0..200).map(|i| i as f64 * 0.01).collect();
/// let v: Vec<f64> = t.iter().map(|t| (-t / 0.5).exp()).collect();
/// let figure = Lines::new("Decay of the membrane voltage")
///     .x("time (s)")
///     .y("voltage (mV)")
///     .series("tau = 0.5 s", &t, &v)
///     .build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    title: String,
    x: Axis,
    y: Axis,
    panels: Vec<Panel>,
    marks: Marks,
    arrangement: Panels,
    share: Share,
    size: Option<(f64, f64)>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Panel {
    name: String,
    series: Vec<Series>,
}

#[derive(Debug, Clone, PartialEq)]
struct Series {
    name: String,
    x: Vec<f64>,
    y: Vec<f64>,
    /// Lower and upper edge of a band.
    band: Option<(Vec<f64>, Vec<f64>)>,
}

impl Lines {
    /// An empty plot.
    ///
    /// Defaults: linear axes that follow the data, no marks, [`Panels::Auto`], [`Share::Both`], 720 pixels wide and as
    /// high as the panels want (one panel: 400).
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x: Axis::default(),
            y: Axis::default(),
            panels: Vec::new(),
            marks: Marks::default(),
            arrangement: Panels::default(),
            share: Share::default(),
            size: None,
        }
    }

    /// The horizontal axis: a label with its unit, or an [`Axis`].
    #[must_use]
    pub fn x(self, axis: impl Into<Axis>) -> Self {
        Self { x: axis.into(), ..self }
    }

    /// The vertical axis: a label with its unit, or an [`Axis`].
    #[must_use]
    pub fn y(self, axis: impl Into<Axis>) -> Self {
        Self { y: axis.into(), ..self }
    }

    /// Starts a panel; the series that follow belong to it.
    #[must_use]
    pub fn panel(mut self, name: impl Into<String>) -> Self {
        self.panels.push(Panel { name: name.into(), series: Vec::new() });
        self
    }

    /// Adds a trace through the points `(x, y)`. Series of the same name have the same colour in all panels.
    #[must_use]
    pub fn series<X: Sample, Y: Sample>(self, name: impl Into<String>, x: &[X], y: &[Y]) -> Self {
        self.push(Series { name: name.into(), x: values(x), y: values(y), band: None })
    }

    /// Adds a trace with a shaded band from `low` to `high`, say mean and standard deviation.
    #[must_use]
    pub fn series_with_band<X: Sample, Y: Sample>(
        self,
        name: impl Into<String>,
        x: &[X],
        y: &[Y],
        low: &[Y],
        high: &[Y],
    ) -> Self {
        let band = Some((values(low), values(high)));
        self.push(Series { name: name.into(), x: values(x), y: values(y), band })
    }

    fn push(mut self, series: Series) -> Self {
        if self.panels.is_empty() {
            self.panels.push(Panel::default());
        }
        if let Some(panel) = self.panels.last_mut() {
            panel.series.push(series);
        }
        self
    }

    /// Adds a reference line or a shaded span to all panels.
    #[must_use]
    pub fn mark(mut self, mark: Mark, name: impl Into<String>) -> Self {
        self.marks.0.push((mark, name.into()));
        self
    }

    /// Arranges the panels.
    #[must_use]
    pub fn panels(self, arrangement: Panels) -> Self {
        Self { arrangement, ..self }
    }

    /// Says which ranges the panels share.
    #[must_use]
    pub fn share(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// Size of the whole figure in CSS pixels.
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { size: Some((width, height)), ..self }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] without a series or with a series without points, [`Error::LengthMismatch`] if x and y (or a
    /// band) differ in length, [`Error::BadOption`] for a range or size that cannot be drawn.
    pub fn build(&self) -> Result<Figure, Error> {
        self.check()?;
        let names = self.names();
        let columns = self.columns();
        let rows = self.panels.len().div_ceil(columns);
        let (width, height) = self.size.unwrap_or(match (rows, columns) {
            (1, 1) => (720.0, 400.0),
            (_, 1) => (720.0, 110.0 + 105.0 * rows as f64),
            _ => (720f64.max(90.0 + 110.0 * columns as f64), 115.0 + 112.0 * rows as f64),
        });
        let mut scene = Scene::new(width, height);
        let top = header(&mut scene, &self.title, &self.entries(&names));
        let outer = Rect::new(MARGIN, top, width - 2.0 * MARGIN, height - top - MARGIN);
        if let [panel] = &self.panels[..]
            && panel.name.is_empty()
        {
            let frame = Frame::draw(&mut scene, outer, &self.x_side(), &self.y_side(&self.panels));
            self.draw_panel(&mut scene, &frame, panel, &names, 1.6);
        } else {
            self.draw_panels(&mut scene, outer, columns, &names);
        }
        Ok(Figure::new(scene, &self.title))
    }

    fn check(&self) -> Result<(), Error> {
        let check = Check { plot: "lines", title: &self.title };
        let all = || self.panels.iter().flat_map(|p| &p.series);
        check.not_empty(all().next().is_none(), "a series")?;
        check.axis("x range", &self.x)?;
        check.axis("y range", &self.y)?;
        check.size(self.size)?;
        let no_columns = self.arrangement == Panels::Grid(0);
        check.option("panels", self.arrangement, no_columns.then_some("a grid wants at least one column"))?;
        for (i, s) in all().enumerate() {
            let item = if s.name.is_empty() { format!("series {i}") } else { format!("series \"{}\"", s.name) };
            check.same_length(&item, ("x", s.x.len()), ("y", s.y.len()))?;
            if let Some((low, high)) = &s.band {
                check.same_length(&item, ("y", s.y.len()), ("low", low.len()))?;
                check.same_length(&item, ("y", s.y.len()), ("high", high.len()))?;
            }
            check.not_empty(s.x.is_empty(), &format!("points to {item}"))?;
        }
        Ok(())
    }

    /// Names of the series, each once, in the order of their first appearance.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for s in self.panels.iter().flat_map(|p| &p.series) {
            if s.name.is_empty() || !names.contains(&s.name.as_str()) {
                names.push(&s.name);
            }
        }
        // Unnamed series share a colour when they are alone in their panels.
        if self.panels.iter().all(|p| p.series.len() == 1) && names.iter().all(|n| n.is_empty()) {
            names.truncate(1);
        }
        names
    }

    fn entries(&self, names: &[&str]) -> Vec<Entry> {
        // Many series are a sequence of colours, of which some samples say enough.
        let shown = if names.len() <= 12 { names.len() } else { 7 };
        let mut entries: Vec<Entry> = (0..shown)
            .map(|i| if shown == names.len() { i } else { i * (names.len() - 1) / (shown - 1) })
            .map(|i| Entry {
                name: names[i].to_owned(),
                swatch: Swatch::Line(Stroke::new(category(i, names.len()), 2.2)),
            })
            .collect();
        entries.extend(self.marks.entries());
        if entries.len() < 2 && self.marks.0.is_empty() {
            entries.clear();
        }
        entries
    }

    fn columns(&self) -> usize {
        let n = self.panels.len();
        match self.arrangement {
            Panels::Stacked => 1,
            Panels::Auto if n <= 4 => 1,
            Panels::Auto => (n as f64).sqrt().ceil() as usize,
            Panels::Grid(columns) => columns.min(n),
        }
    }

    fn x_side(&self) -> Side {
        Side::new(&self.x, self.panels.iter().flat_map(|p| &p.series).flat_map(|s| s.x.iter().copied()), 0.0)
    }

    fn y_side(&self, panels: &[Panel]) -> Side {
        let data = panels.iter().flat_map(|p| &p.series).flat_map(|s| {
            let band = s.band.iter().flat_map(|(low, high)| low.iter().chain(high));
            s.y.iter().chain(band).copied()
        });
        Side::new(&self.y, data.chain(self.marks.y_values()), 0.05)
    }

    fn draw_panel(&self, scene: &mut Scene, frame: &Frame, panel: &Panel, names: &[&str], width: f64) {
        scene.clip(trace::clip_area(frame.area));
        self.marks.draw(scene, frame);
        for (i, s) in panel.series.iter().enumerate() {
            let index = names.iter().position(|n| !n.is_empty() && *n == s.name).unwrap_or(i % names.len());
            let color = category(index, names.len());
            scene.open("series", &s.name);
            if let Some((low, high)) = &s.band {
                let points = s.x.iter().zip(low.iter().zip(high)).map(|(x, (l, h))| (*x, *l, *h));
                trace::band(scene, frame, points, Fill { color, opacity: 0.2 });
            }
            let width = if names.len() > 12 { 0.75 * width } else { width };
            trace::line(scene, frame, s.x.iter().copied().zip(s.y.iter().copied()), Stroke::new(color, width));
            scene.close();
        }
        scene.unclip();
    }

    fn draw_panels(&self, scene: &mut Scene, outer: Rect, columns: usize, names: &[&str]) {
        let grid = PanelGrid { columns, rows: self.panels.len().div_ceil(columns) };
        let x = self.x_side();
        let y_sides: Vec<Side> = match self.share {
            Share::Both => vec![self.y_side(&self.panels); self.panels.len()],
            Share::Horizontal => self.panels.iter().map(|p| self.y_side(std::slice::from_ref(p))).collect(),
        };
        let y_ticks = |body: Rect| -> Vec<Ticks> {
            let (_, height) = grid.cell(body, 0.0);
            y_sides.iter().map(|s| s.vertical_ticks(height.min(170.0))).collect()
        };
        // With ranges of their own, panels in inner columns need room for their numbers.
        let own = self.share == Share::Horizontal && columns > 1;
        let gap = |ticks: &[Ticks]| match columns {
            1 => 0.0,
            _ if own => ticks.iter().map(|t| left_room("", t, 1.0)).fold(0.0, f64::max),
            _ => 12.0,
        };
        let body = settle(outer, |body| {
            let y_ticks = y_ticks(body);
            let (cell_width, _) = grid.cell(body, gap(&y_ticks));
            let x_ticks = x.horizontal_ticks(cell_width);
            let numbers = y_ticks.iter().map(|t| left_room(&self.y.label, t, body.h));
            [
                numbers.fold(0.0, f64::max),
                0.0,
                overhang(&x.map(0.0, cell_width), &x_ticks),
                bottom_room(&x.label, &x_ticks, body.w),
            ]
        });
        let y_ticks = y_ticks(body);
        let gap = gap(&y_ticks);
        let x_ticks = x.horizontal_ticks(grid.cell(body, gap).0);
        for (i, (panel, (side, ticks))) in self.panels.iter().zip(y_sides.iter().zip(&y_ticks)).enumerate() {
            let area = grid.area(body, gap, i);
            let frame = Frame { area, x: x.map(area.x, area.right()), y: side.map(area.bottom(), area.y) };
            scene.open("panel", &panel.name);
            panel_name(scene, &panel.name, area);
            grid_lines(scene, area, Some((&frame.x, &x_ticks)), Some((&frame.y, ticks)));
            let shown = |yes: bool| if yes { Labels::Shown } else { Labels::Hidden };
            let lowest = i + columns >= self.panels.len();
            horizontal_axis(scene, area, &frame.x, &x_ticks, shown(lowest));
            vertical_axis(scene, area, &frame.y, ticks, shown(i % columns == 0 || own));
            if self.share == Share::Horizontal || i == 0 {
                let unlabelled = Side { label: String::new(), ..side.clone() };
                vertical_label(scene, area.x, area, &unlabelled, ticks);
            }
            self.draw_panel(scene, &frame, panel, names, 1.3);
            scene.close();
        }
        horizontal_label(scene, body, &x, &x_ticks);
        vertical_label(scene, outer.x, body, &y_sides[0], &Ticks::default());
    }
}

/// Where panels stand.
#[derive(Debug, Clone, Copy)]
struct PanelGrid {
    columns: usize,
    rows: usize,
}

impl PanelGrid {
    /// Room over each panel for its name.
    const NAME: f64 = 24.0;

    /// Width and height of a panel.
    fn cell(self, body: Rect, gap: f64) -> (f64, f64) {
        let (columns, rows) = (self.columns as f64, self.rows as f64);
        ((body.w - gap * (columns - 1.0)) / columns, body.h / rows - Self::NAME)
    }

    fn area(self, body: Rect, gap: f64, index: usize) -> Rect {
        let (w, h) = self.cell(body, gap);
        let (row, column) = ((index / self.columns) as f64, (index % self.columns) as f64);
        let y = body.y + row * (h + Self::NAME) + Self::NAME;
        Rect::new(body.x + column * (w + gap), y, w, h)
    }
}
