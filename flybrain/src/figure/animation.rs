//! A movie of hexagons as an SVG that plays without a script, as a contact sheet, and frame by frame.
//!
//! Values fall into 31 levels and "no value". Hexagons of a panel that change together are one path, and only their changes are
//! written, so that a movie of 721 columns, twelve panels and sixty frames takes a few megabytes at the very most.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::color::{GRID, INK, Rgb, SOFT_INK};
use super::color_scale::ColorScale;
use super::hex_layout::HALF_HEIGHT;
use super::hex_movie::Panel;
use super::hexagons::{Around, Placed};
use super::scene::{Anchor, Item, Rect, Scene, Text};
use super::svg::{color, number as short, write};
use super::{Figure, Hexagons};
use crate::{Error, atomic};

/// Levels of the colour scale. One of them is the middle, so that zero is white on a diverging scale.
const LEVELS: usize = 31;
/// Frames on a contact sheet.
const SHEET: usize = 8;
/// Room below the panels for the progress bar and the time.
const FOOT: f64 = 30.0;

/// A movie that is ready to be written. Made by [`HexMovie::build`](super::HexMovie::build).
#[derive(Debug, Clone, PartialEq)]
pub struct Animation {
    pub(crate) title: String,
    pub(crate) panels: Vec<Panel>,
    pub(crate) labels: Vec<String>,
    pub(crate) color_label: String,
    pub(crate) scale: ColorScale,
    pub(crate) range: (f64, f64),
    pub(crate) per_row: Option<usize>,
    pub(crate) panel_size: Option<f64>,
    pub(crate) frame_seconds: f64,
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
        let around = Around { below: FOOT, levels: Some(LEVELS), ..Around::default() };
        let paint = |scene: &mut Scene, lattice: &Placed<'_>| {
            scene.items.push(Item::Markup(self.film(lattice)));
        };
        let mut drawn =
            self.still(0, &self.title).draw(around, paint).expect("the movie was checked when it was built");
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
        let title = if self.title.is_empty() {
            self.labels[index].clone()
        } else {
            format!("{}, {}", self.title, self.labels[index])
        };
        self.drawn(&self.still(index, &title), &title)
    }

    /// A contact sheet: a row for each panel, eight frames at most, from the first to the last.
    pub fn sheet(&self) -> Figure {
        let n = self.frames();
        let shown = n.min(SHEET);
        let frames: Vec<usize> = (0..shown).map(|i| if shown == 1 { 0 } else { i * (n - 1) / (shown - 1) }).collect();
        let side = if self.panels.len() > 3 { 90.0 } else { 120.0 };
        let mut plot =
            Hexagons::new(&*self.title).per_row(shown).panel_size(self.panel_size.unwrap_or(side).min(150.0));
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
    pub(crate) fn still(&self, frame: usize, title: &str) -> Hexagons {
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
    use super::super::HexMovie;
    use super::super::color::MISSING;
    use super::super::color_scale::Colors;
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
        let value = |f: usize, c: usize| {
            if c == 4 && f > 30 { f64::NAN } else { ((f / (1 + c % 5)) as f64 * 0.7 + (c / 2) as f64).sin() }
        };
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
