//! Several figures as one.

use super::Figure;
use super::check::Check;
use super::layout::MARGIN;
use super::legend::{TITLE, headline};
use super::scene::{Item, Scene, Text};
use crate::Error;

/// Whether panels carry letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Letters {
    /// No letters. The default.
    #[default]
    None,
    /// a, b, c, ... at the upper left, as journals want them.
    Lowercase,
}

/// Figures in rows and columns. Each keeps its size; columns are as wide as their widest figure, rows as high as their
/// highest.
///
/// ```
/// use flybrain::figure::{Grid, Histogram, Scatter};
///
/// let left = Histogram::new("Weights").series("", &[1.0, 2.0, 2.0]).size(360.0, 280.0).build()?;
/// let right = Scatter::new("Fit").series("", &[1.0, 2.0], &[1.1, 1.9]).size(360.0, 280.0).build()?;
/// let figure = Grid::new(2).title("Both").add(left).add(right).build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    title: String,
    columns: usize,
    figures: Vec<Figure>,
    letters: Letters,
}

impl Grid {
    /// An empty grid with this many columns. Defaults: no title, no letters.
    pub fn new(columns: usize) -> Self {
        Self { title: String::new(), columns, figures: Vec::new(), letters: Letters::default() }
    }

    /// A title over all.
    #[must_use]
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// Adds a figure, row by row.
    #[must_use]
    #[allow(clippy::should_implement_trait)] // it adds to a list, not a number
    pub fn add(mut self, figure: Figure) -> Self {
        self.figures.push(figure);
        self
    }

    /// Whether panels carry letters.
    #[must_use]
    pub fn letters(self, letters: Letters) -> Self {
        Self { letters, ..self }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] without a figure, [`Error::BadOption`] for no columns.
    pub fn build(&self) -> Result<Figure, Error> {
        let check = Check { plot: "grid", title: &self.title };
        check.not_empty(self.figures.is_empty(), "a figure")?;
        check.option("columns", self.columns, (self.columns == 0).then_some("give at least one column"))?;
        let columns = self.columns.min(self.figures.len());
        let mut widths = vec![0f64; columns];
        let mut heights = vec![0f64; self.figures.len().div_ceil(columns)];
        for (i, f) in self.figures.iter().enumerate() {
            let (w, h) = f.size();
            widths[i % columns] = widths[i % columns].max(w);
            heights[i / columns] = heights[i / columns].max(h);
        }
        let mut scene = Scene::new(widths.iter().sum(), 0.0);
        let top = if self.title.is_empty() { 0.0 } else { headline(&mut scene, &self.title, 1.15 * TITLE) };
        scene.height = top + heights.iter().sum::<f64>();
        // Letters stand left of the titles of the panels, which make room for them.
        let room = if self.letters == Letters::None { 0.0 } else { 18.0 };
        for (i, f) in self.figures.iter().enumerate() {
            let x: f64 = widths[..i % columns].iter().sum();
            let y: f64 = top + heights[..i / columns].iter().sum::<f64>();
            scene.open_at("figure", &f.title, (x, y));
            if room > 0.0 {
                let letter = char::from(b'a' + (i % 26) as u8);
                scene.text(Text::new(letter, (MARGIN, MARGIN + 12.0), TITLE).bold());
            }
            let mut in_title = false;
            for item in &f.scene.items {
                match item {
                    Item::Open { class: "title", label, .. } => {
                        in_title = true;
                        scene.open_at("title", label, (room, 0.0));
                        continue;
                    }
                    Item::Close if in_title => in_title = false,
                    _ => {}
                }
                scene.items.push(item.clone());
            }
            scene.close();
        }
        Ok(Figure::new(scene, &self.title))
    }
}
