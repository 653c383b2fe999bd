//! Reports: what came of a run, as one HTML file and as JSON.
//!
//! A [`Report`] is written sentence by sentence: text, tables, figures and movies. The file has no scripts, loads nothing, and opens
//! without a server. Equal contents give equal bytes. A [`RunRecord`] is the `run.json` of a run: who computed it, from what, how long.
//!
//! ```
//! use flybrain::figure::Lines;
//! use flybrain::report::{Report, Table};
//!
//! let figure = Lines::new("Voltage").x("time (s)").y("voltage (mV)").series("", &[0.0, 0.1], &[1.0, 2.0]).build()?;
//! let report = Report::new("Flash responses")
//!     .text("One cell was shown one flash.")
//!     .values(&[("peak (mV)", "2.0")])
//!     .figure("The voltage rises.", &figure)
//!     .table(Table::new("Voltages", &["time (s)", "voltage (mV)"]).row(&["0.0", "1.0"]).row(&["0.1", "2.0"]))
//!     .section("Settings", |section| section.code("dt = 0.1"));
//! let path = report.write(std::env::temp_dir().join("flybrain-report"))?;
//! assert!(path.ends_with("report.html"));
//! # Ok::<(), flybrain::Error>(())
//! ```

mod html;
mod record;
mod table;

use std::path::{Path, PathBuf};

pub use record::{RunRecord, revision};
pub use table::Table;

use crate::figure::{Animation, Figure};
use crate::{Error, atomic};

/// A report: its title and what stands below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    title: String,
    blocks: Vec<Block>,
}

/// A piece of a report.
#[derive(Debug, Clone, PartialEq)]
enum Block {
    Text(String),
    Heading(String),
    Code(String),
    Values(Vec<(String, String)>),
    Table(Table),
    /// Caption and SVG.
    Picture(String, String),
    /// Title and contents.
    Section(String, Vec<Block>),
}

impl Report {
    /// A report without contents.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), blocks: Vec::new() }
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.add(Block::Text(text.into()))
    }

    /// Adds a heading.
    #[must_use]
    pub fn heading(self, text: impl Into<String>) -> Self {
        self.add(Block::Heading(text.into()))
    }

    /// Adds text that is shown as it is, in letters of equal width.
    #[must_use]
    pub fn code(self, text: impl Into<String>) -> Self {
        self.add(Block::Code(text.into()))
    }

    /// Adds a table of names and values.
    #[must_use]
    pub fn values<K: AsRef<str>, V: AsRef<str>>(self, values: &[(K, V)]) -> Self {
        let text = |(name, value): &(K, V)| (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.add(Block::Values(values.iter().map(text).collect()))
    }

    /// Adds a table.
    #[must_use]
    pub fn table(self, table: Table) -> Self {
        self.add(Block::Table(table))
    }

    /// Adds a figure with its caption.
    #[must_use]
    pub fn figure(self, caption: impl Into<String>, figure: &Figure) -> Self {
        self.add(Block::Picture(caption.into(), figure.svg()))
    }

    /// Adds a figure with its caption, and saves it as `NAME.svg` and `NAME.png` in a folder.
    ///
    /// # Errors
    /// As [`Figure::save`].
    pub fn saved_figure(self, caption: &str, figure: &Figure, folder: &Path, name: &str) -> Result<Self, Error> {
        figure.save(folder.join(name))?;
        Ok(self.figure(caption, figure))
    }

    /// Adds a movie with its caption; it plays over and over.
    #[must_use]
    pub fn movie(self, caption: impl Into<String>, movie: &Animation) -> Self {
        self.add(Block::Picture(caption.into(), movie.svg()))
    }

    /// Adds a section that is closed at first; `fill` writes what is in it.
    #[must_use]
    pub fn section(self, title: impl Into<String>, fill: impl FnOnce(Self) -> Self) -> Self {
        let inner = fill(Self::new(""));
        self.add(Block::Section(title.into(), inner.blocks))
    }

    /// Adds what every run has at the end of its report: its settings and where it came from, in closed sections.
    #[must_use]
    pub fn of_run(self, settings: &str, record: &RunRecord) -> Self {
        self.section("Settings", |section| section.code(settings))
            .section("This run", |section| section.values(&record.lines()))
    }

    fn add(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// The report as an HTML document.
    pub fn html(&self) -> String {
        html::document(&self.title, &self.blocks)
    }

    /// Writes `report.html` in a folder, which is made where it is missing, and returns its path. The file appears whole or not at all.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<PathBuf, Error> {
        let path = folder.as_ref().join("report.html");
        atomic::write(&path, self.html().as_bytes()).map_err(|source| Error::Write { path: path.clone(), source })?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{HexMovie, Lines};

    fn sample() -> Report {
        let figure =
            |title: &str| Lines::new(title).x("t").y("v").series("", &[0.0, 1.0], &[1.0, 2.0]).build().unwrap();
        let movie = HexMovie::new("Film").panel("a", 1, &[0.0, 1.0, 0.0]).build().unwrap();
        Report::new("Run <1>")
            .text("Five & six.")
            .heading("Results")
            .values(&[("loss", "0.5")])
            .table(Table::new("", &["name", "value"]).row(&["<b>", "−1.5"]))
            .figure("First.", &figure("First"))
            .figure("Second.", &figure("Second"))
            .movie("Moving.", &movie)
            .section("More", |section| section.code("a < b").section("Deeper", |section| section.text("end")))
    }

    #[test]
    fn reports_are_whole_and_load_nothing() {
        let html = sample().html();
        assert_eq!(html, sample().html());
        for text in
            ["Run &lt;1&gt;", "Five &amp; six.", "<h2>Results</h2>", "<td>&lt;b&gt;</td>", "a &lt; b", "<animate"]
        {
            assert!(html.contains(text), "{text} is missing");
        }
        assert!(html.contains("<td class=\"n\">−1.5</td>"), "numbers are set right");
        for (open, close) in
            [("<section", "</section>"), ("<details", "</details>"), ("<figure", "</figure>"), ("<svg", "</svg>")]
        {
            assert_eq!(html.matches(open).count(), html.matches(close).count(), "{open}");
        }
        for outside in ["<script", "src=", "http-equiv=\"refresh", "@import", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert_eq!(html.matches("http").count(), 1 + 3, "a policy and three names of SVG: {html}");
    }

    /// Glyphs that several figures share are stored once.
    #[test]
    fn glyphs_are_stored_once() {
        let html = sample().html();
        let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
        for used in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(ids.binary_search(&used).is_ok(), "{used} is not there");
        }
    }

    #[test]
    fn reports_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = sample().write(folder.path().join("new")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), sample().html());
        assert!(sample().write(&path).unwrap_err().to_string().contains("cannot write"));
    }
}
