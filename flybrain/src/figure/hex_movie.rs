//! Hexagonal activity over time: an animated SVG that plays without a script, and still frames of it.
//!
//! Values fall into 31 levels and "no value". Hexagons of a panel that change together are one path, and only their changes are
//! written, so that a movie of 721 columns, twelve panels and sixty frames takes a few megabytes at the very most.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::check::Check;
use super::color::{GRID, INK, Rgb, SOFT_INK};
use super::color_scale::{ColorScale, Colors};
use super::hex_layout::HALF_HEIGHT;
use super::hexagons::{Around, Placed};
use super::sample::{Sample, values};
use super::scene::{Anchor, Item, Rect, Scene, Text};
use super::svg::{color, number as short, write};
use super::ticks::number;
use super::{Figure, Hexagons};
use crate::{Error, atomic};

/// Levels of the colour scale. One of them is the middle, so that zero is white on a diverging scale.
const LEVELS: usize = 31;
/// Frames at most.
const MOST_FRAMES: usize = 10_000;
/// Frames on a contact sheet.
const SHEET: usize = 8;
/// Room below the panels for the progress bar and the time.
const FOOT: f64 = 30.0;

/// Hexagonal lattices side by side whose columns change colour over time.
///
/// All panels share scale, colours and frames. NaN is a grey hexagon.
///
/// ```
/// use flybrain::figure::HexMovie;
///
/// // Three frames of the 7 columns of a lattice of extent 1, u from -1 to 1, v innermost.
/// let frames: Vec<f64> = (0..21).map(|i| f64::from(i % 8)).collect();
/// let movie = HexMovie::new("A moving edge")
///     .panel("T4a", 7, &frames)
///     .times(&[0.0, 0.1, 0.2], "s")
///     .color_label("voltage (mV)")
///     .build()?;
/// assert!(movie.svg().contains("<animate"));
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HexMovie {
    title: String,
    panels: Vec<Panel>,
    times: Vec<f64>,
    unit: String,
    color_label: String,
    scale: ColorScale,
    range: Option<(f64, f64)>,
    per_row: Option<usize>,
    panel_size: Option<f64>,
    frame_seconds: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Panel {
    name: String,
    uv: Option<(Vec<i32>, Vec<i32>)>,
    columns: usize,
    /// `[frames, columns]`.
    values: Vec<f64>,
}

impl HexMovie {
    /// An empty movie.
    ///
    /// Defaults: [`ColorScale::Auto`] over all frames of all panels, up to four panels in a row, a tenth of a second for each frame.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            panels: Vec::new(),
            times: Vec::new(),
            unit: String::new(),
            color_label: String::new(),
            scale: ColorScale::default(),
            range: None,
            per_row: None,
            panel_size: None,
            frame_seconds: 0.1,
        }
    }

    /// Adds a panel: values `[frames, columns]`, frame by frame, for each column of a whole lattice in the order of
    /// [`Hexagons::columns`].
    #[must_use]
    pub fn panel<T: Sample>(mut self, name: impl Into<String>, columns: usize, frames: &[T]) -> Self {
        self.panels.push(Panel { name: name.into(), uv: None, columns, values: values(frames) });
        self
    }

    /// Adds a panel: values `[frames, columns]` for hexagons at axial coordinates `(u, v)`.
    #[must_use]
    pub fn lattice<T: Sample>(mut self, name: impl Into<String>, u: &[i32], v: &[i32], frames: &[T]) -> Self {
        let uv = Some((u.to_vec(), v.to_vec()));
        self.panels.push(Panel { name: name.into(), uv, columns: u.len(), values: values(frames) });
        self
    }

    /// The time of each frame and its unit, shown while the movie plays. Default: the number of the frame.
    #[must_use]
    pub fn times<T: Sample>(self, times: &[T], unit: impl Into<String>) -> Self {
        Self { times: values(times), unit: unit.into(), ..self }
    }

    /// How long each frame is shown, in seconds. Default 0.1.
    #[must_use]
    pub fn frame_seconds(self, seconds: f64) -> Self {
        Self { frame_seconds: seconds, ..self }
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

    /// Values of the ends of the colour bar. Default: the range of all frames.
    #[must_use]
    pub fn color_range(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
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

    /// Makes the movie.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] without a panel or a frame, [`Error::LengthMismatch`] for panels whose values are not whole frames or
    /// that differ in their number, and for times that are not one for each; those of [`Hexagons::build`].
    pub fn build(&self) -> Result<Animation, Error> {
        let check = Check { plot: "hexagon movie", title: &self.title };
        check.not_empty(self.panels.is_empty(), "a panel")?;
        let frames = self.panels[0].values.len() / self.panels[0].columns.max(1);
        for panel in &self.panels {
            let item = format!("panel \"{}\"", panel.name);
            check.not_empty(panel.columns == 0 || panel.values.is_empty(), &format!("columns and frames to {item}"))?;
            let whole = ("frames times columns", frames.saturating_mul(panel.columns));
            check.same_length(&item, whole, ("values", panel.values.len()))?;
        }
        if !self.times.is_empty() {
            check.same_length("times", ("frames", frames), ("times", self.times.len()))?;
            let finite = self.times.iter().all(|t| t.is_finite());
            check.option("times", &self.times, (!finite).then_some("give finite numbers"))?;
        }
        let too_many = frames > MOST_FRAMES;
        check.option("frames", frames, too_many.then_some("show at most 10,000; leave some out"))?;
        let bad = !(0.001..=3600.0).contains(&self.frame_seconds);
        check.option("frame_seconds", self.frame_seconds, bad.then_some("give 0.001 to 3600 s"))?;
        check.range("color range", self.range, self.scale == ColorScale::Log)?;

        let all = self.panels.iter().flat_map(|p| p.values.iter().copied());
        let (scale, range) = Colors::new(self.scale, all, self.range).settled();
        let movie = Animation {
            panels: self.panels.clone(),
            labels: self.labels(frames),
            title: self.title.clone(),
            color_label: self.color_label.clone(),
            scale,
            range,
            per_row: self.per_row,
            panel_size: self.panel_size,
            frame_seconds: self.frame_seconds,
        };
        // What hexagons refuse is known now.
        movie.still(0, &movie.title).build()?;
        Ok(movie)
    }

    /// What is written at each frame.
    fn labels(&self, frames: usize) -> Vec<String> {
        if self.times.is_empty() {
            return (1..=frames).map(|i| format!("frame {i} of {frames}")).collect();
        }
        let size = self.times.iter().fold(0.0, |m: f64, t| m.max(t.abs()));
        let exact = |decimals: i32| {
            let factor = 10f64.powi(decimals);
            self.times.iter().all(|t| (t * factor - (t * factor).round()).abs() <= 1e-6 * (1.0 + size))
        };
        let decimals = (0..6).find(|d| exact(*d)).unwrap_or(6);
        self.times.iter().map(|t| format!("{} {}", number(*t, decimals as usize), self.unit).trim_end().to_owned()).collect()
    }
}

/// A movie that is ready to be written. Made by [`HexMovie::build`].
#[derive(Debug, Clone, PartialEq)]
pub struct Animation {
    title: String,
    panels: Vec<Panel>,
    labels: Vec<String>,
    color_label: String,
    scale: ColorScale,
    range: (f64, f64),
    per_row: Option<usize>,
    panel_size: Option<f64>,
    frame_seconds: f64,
}

impl Animation {
    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.labels.len()
    }

    /// Title of the movie.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The movie as an SVG document that plays in any browser, over and over, without a script. Programs that do not play it show its
    /// first frame. It needs no fonts, and several can stand in one HTML page.
    pub fn svg(&self) -> String {
        let around = Around { right: None, below: FOOT, levels: Some(LEVELS) };
        let paint = |scene: &mut Scene, lattice: &Placed<'_>| {
            scene.items.push(Item::Markup(self.film(lattice)));
        };
        let mut drawn = self.still(0, &self.title).draw(around, paint).expect("the movie was checked when it was built");
        self.foot(&mut drawn.scene, drawn.below);
        write(&drawn.scene, &self.title)
    }

    /// One frame.
    ///
    /// # Panics
    /// If there is no such frame.
    pub fn frame(&self, index: usize) -> Figure {
        let n = self.frames();
        assert!(index < n, "frame {index} of a movie of {n} frames, which are numbered from 0");
        let title = if self.title.is_empty() { self.labels[index].clone() } else { format!("{}, {}", self.title, self.labels[index]) };
        self.drawn(&self.still(index, &title), &title)
    }

    /// A contact sheet: a row for each panel, eight frames at most, from the first to the last.
    pub fn sheet(&self) -> Figure {
        let n = self.frames();
        let shown = n.min(SHEET);
        let frames: Vec<usize> = (0..shown).map(|i| if shown == 1 { 0 } else { i * (n - 1) / (shown - 1) }).collect();
        let side = if self.panels.len() > 3 { 90.0 } else { 120.0 };
        let mut plot = Hexagons::new(&*self.title).per_row(shown).panel_size(self.panel_size.unwrap_or(side).min(150.0));
        for (row, panel) in self.panels.iter().enumerate() {
            for &frame in &frames {
                // Names stand at the left, times at the top.
                let name = if frame == frames[0] { &*panel.name } else { "" };
                let time = if row == 0 { &*self.labels[frame] } else { "" };
                plot = panel.add_to(plot, format!("{name} {time}").trim(), frame);
            }
        }
        self.drawn(&self.shared(plot), &self.title)
    }

    /// Writes `PATH.svg`, the movie, and `PATH.png`, its contact sheet, and returns both paths.
    ///
    /// An ending `.svg` or `.png` of `path` is ignored. Missing folders are made. Each file appears whole or not at all, and equal
    /// movies give equal bytes.
    ///
    /// # Errors
    /// As [`Figure::save`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<[PathBuf; 2], Error> {
        let paths = self.sheet().save(path)?;
        let write = |path: &PathBuf, text: &str| {
            atomic::write(path, text.as_bytes()).map_err(|source| Error::Write { path: path.clone(), source })
        };
        write(&paths[0], &self.svg())?;
        Ok(paths)
    }

    /// Writes each frame into a folder, `frame_0000.png` and so on, for programs that make films, and returns the paths.
    ///
    /// # Errors
    /// As [`Figure::save`].
    pub fn save_frames(&self, folder: impl AsRef<Path>) -> Result<Vec<PathBuf>, Error> {
        let one = |index: usize| {
            let path = folder.as_ref().join(format!("frame_{index:04}.png"));
            let png = self.frame(index).png()?;
            atomic::write(&path, &png).map_err(|source| Error::Write { path: path.clone(), source })?;
            Ok(path)
        };
        (0..self.frames()).map(one).collect()
    }

    /// The panels as they are at a frame.
    fn still(&self, frame: usize, title: &str) -> Hexagons {
        let mut plot = Hexagons::new(title);
        if let Some(panels) = self.per_row {
            plot = plot.per_row(panels);
        }
        if let Some(pixels) = self.panel_size {
            plot = plot.panel_size(pixels);
        }
        self.shared(self.panels.iter().fold(plot, |plot, panel| panel.add_to(plot, &panel.name, frame)))
    }

    /// What all pictures of the movie have in common.
    fn shared(&self, plot: Hexagons) -> Hexagons {
        let (low, high) = self.range;
        plot.color_label(&*self.color_label).colors(self.scale).color_range(low, high)
    }

    fn drawn(&self, plot: &Hexagons, title: &str) -> Figure {
        let around = Around { levels: Some(LEVELS), ..Around::default() };
        let drawn = plot.draw(around, |scene, lattice| plot.paint(scene, lattice));
        Figure::new(drawn.expect("the movie was checked when it was built").scene, title)
    }

    fn seconds(&self) -> f64 {
        self.frame_seconds * self.frames() as f64
    }

    /// How every animation of this movie goes on and on.
    fn clock(&self) -> String {
        format!("dur=\"{}s\" repeatCount=\"indefinite\"", (1e4 * self.seconds()).round() / 1e4)
    }

    /// Time at which a frame begins, as a part of the movie.
    fn moment(&self, frame: usize) -> String {
        // To a hundredth of a frame, or better.
        let decimals = 2 + self.frames().ilog10() as usize;
        let text = format!("{:.decimals$}", frame as f64 / self.frames() as f64);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        if text.starts_with("0.") { text[1..].to_owned() } else { text.to_owned() }
    }

    /// The hexagons of a panel, in halves of their side and height, so that corners are whole numbers.
    fn film(&self, lattice: &Placed<'_>) -> String {
        let panel = &self.panels[lattice.index];
        let palette: Vec<String> = lattice.colors.palette().into_iter().map(brief).collect();
        let mut courses: BTreeMap<Vec<usize>, Vec<(i64, i64)>> = BTreeMap::new();
        for (column, centre) in lattice.centres.iter().enumerate() {
            let course = panel.values.iter().skip(column).step_by(panel.columns);
            let course = course.map(|v| lattice.colors.level(*v)).collect();
            let place = ((2.0 * centre.0).round() as i64, (-centre.1 / HALF_HEIGHT).round() as i64);
            courses.entry(course).or_default().push(place);
        }
        let (x, y) = lattice.origin;
        let mut out = format!(
            "<g class=\"film\" transform=\"translate({} {}) scale({:.5} {:.5})\">\n",
            short(x),
            short(y),
            0.5 * lattice.unit,
            HALF_HEIGHT * lattice.unit
        );
        for (course, places) in courses {
            out.push_str("<path d=\"");
            for (x, y) in places {
                let _ = write!(out, "M{} {y}l1-1h2l1 1-1 1h-2z", x - 2);
            }
            let _ = write!(out, "\" fill=\"{}\"", palette[course[0]]);
            let changes: Vec<usize> = (0..course.len()).filter(|&i| i == 0 || course[i] != course[i - 1]).collect();
            if changes.len() == 1 {
                out.push_str("/>\n");
                continue;
            }
            let list = |frames: &mut dyn Iterator<Item = usize>| {
                frames.map(|frame| &*palette[course[frame]]).collect::<Vec<_>>().join(";")
            };
            let every = list(&mut (0..course.len()));
            let moments: Vec<String> = changes.iter().map(|&frame| self.moment(frame)).collect();
            let some = format!("{}\" keyTimes=\"{}", list(&mut changes.iter().copied()), moments.join(";"));
            let values = if some.len() < every.len() { some } else { every };
            let _ = writeln!(
                out,
                "><animate attributeName=\"fill\" calcMode=\"discrete\" {} values=\"{values}\"/></path>",
                self.clock()
            );
        }
        out.push_str("</g>\n");
        out
    }

    /// Progress bar and time.
    fn foot(&self, scene: &mut Scene, room: Rect) {
        let bar = Rect::new(room.x, room.bottom() - 8.0, (room.w - 150.0).max(60.0), 6.0);
        scene.open("progress", "");
        scene.rect(bar, GRID);
        let [x, y, w, h] = [bar.x, bar.y, bar.w, bar.h].map(short);
        scene.items.push(Item::Markup(format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"0\" height=\"{h}\" fill=\"{}\">\
             <animate attributeName=\"width\" {} values=\"0;{w}\"/></rect>\n",
            color(SOFT_INK),
            self.clock()
        )));
        scene.close();
        let n = self.frames();
        for (i, label) in self.labels.iter().enumerate() {
            let mut markup = format!("<g class=\"time\" display=\"{}\">", if i == 0 { "inline" } else { "none" });
            if n > 1 {
                let (values, moments) = match i {
                    0 => ("inline;none".to_owned(), format!("0;{}", self.moment(1))),
                    i if i + 1 == n => ("none;inline".to_owned(), format!("0;{}", self.moment(i))),
                    i => ("none;inline;none".to_owned(), format!("0;{};{}", self.moment(i), self.moment(i + 1))),
                };
                let _ = write!(
                    markup,
                    "<animate attributeName=\"display\" calcMode=\"discrete\" {} values=\"{values}\" keyTimes=\"{moments}\"/>",
                    self.clock()
                );
            }
            scene.items.push(Item::Markup(markup));
            scene.text(Text::new(&**label, (room.right(), bar.bottom()), 13.0).anchor(Anchor::End).color(INK));
            scene.items.push(Item::Markup("</g>\n".to_owned()));
        }
    }
}

impl Panel {
    /// Adds a frame to a plot.
    fn add_to(&self, plot: Hexagons, name: &str, frame: usize) -> Hexagons {
        let values = &self.values[frame * self.columns..(frame + 1) * self.columns];
        match &self.uv {
            Some((u, v)) => plot.lattice(name, u, v, values),
            None => plot.columns(name, values),
        }
    }
}

/// A colour of four bits a channel in four characters.
fn brief(c: Rgb) -> String {
    format!("#{:x}{:x}{:x}", c.0 >> 4, c.1 >> 4, c.2 >> 4)
}

#[cfg(test)]
mod tests {
    use super::super::color::MISSING;
    use super::*;

    /// What a browser shows of a list of values at a frame.
    fn shown(animate: &str, frame: usize, frames: usize) -> String {
        let attribute = |name: &str| {
            let rest = animate.split_once(&format!(" {name}=\""))?.1;
            Some(rest.split_once('"')?.0.split(';').map(str::to_owned).collect::<Vec<_>>())
        };
        let values = attribute("values").unwrap();
        let now = (frame as f64 + 0.5) / frames as f64;
        let times: Vec<f64> = match attribute("keyTimes") {
            Some(times) => times.iter().map(|t| format!("0{t}").parse().unwrap()).collect(),
            None => (0..values.len()).map(|i| i as f64 / values.len() as f64).collect(),
        };
        assert_eq!((times.len(), times[0]), (values.len(), 0.0));
        values[times.iter().rposition(|t| *t <= now).unwrap()].clone()
    }

    /// Played back, every column has the colour of its value in every frame.
    #[test]
    fn the_film_is_the_data() {
        let (columns, frames) = (19, 40);
        let value = |f: usize, c: usize| if c == 4 && f > 30 { f64::NAN } else { ((f / (1 + c % 5)) as f64 * 0.7 + (c / 2) as f64).sin() };
        let data: Vec<f64> = (0..frames * columns).map(|i| value(i / columns, i % columns)).collect();
        let movie = HexMovie::new("").panel("", columns, &data).color_range(-1.0, 1.0).build().unwrap();
        let svg = movie.svg();
        let film = svg.split_once("class=\"film\"").unwrap().1.split_once("</g>").unwrap().0;
        let colors = Colors::new(ColorScale::Auto, data.iter().copied(), Some((-1.0, 1.0))).coarse(LEVELS);
        let centres: Vec<_> = super::super::hex_layout::whole(columns).unwrap();
        let mut seen = 0;
        for path in film.split("<path d=\"").skip(1) {
            let (outline, rest) = path.split_once('"').unwrap();
            for place in outline.split('M').skip(1) {
                let place = place.split('l').next().unwrap().split_once(' ').unwrap();
                let (x, y): (i32, i32) = (place.0.parse().unwrap(), place.1.parse().unwrap());
                // x + 2 = 3 v, y = 2 u + v
                let v = (x + 2) / 3;
                let column = centres.iter().position(|c| *c == ((y - v) / 2, v)).unwrap();
                for frame in 0..frames {
                    let wanted = brief(colors.rgb(value(frame, column)).unwrap_or(MISSING.coarse()));
                    assert_eq!(shown(rest, frame, frames), wanted, "column {column}, frame {frame}");
                }
                seen += 1;
            }
        }
        assert_eq!(seen, columns);
    }
}
