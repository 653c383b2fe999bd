//! Distributions side by side: a quantity of many models for each cell type.

use super::Figure;
use super::axis::{Axis, Mapping};
use super::check::Check;
use super::color::{INK, SOFT_INK, category};
use super::layout::{
    Frame, Labels, MARGIN, Side, centred_label, grid_lines, label_room, left_room, settle, top_room, vertical_axis,
    vertical_label,
};
use super::legend::{Entry, Swatch, header};
use super::mark::{Mark, Marks};
use super::names::{Highlights, Names};
use super::sample::{Sample, values};
use super::scene::{Fill, Rect, Scene, Segment, Stroke, circle, polygon};
use crate::Error;

/// How a distribution is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StripStyle {
    /// Every value as a dot, the median as a line. The default.
    #[default]
    Points,
    /// Quartiles as a box with the median, whiskers to the farthest value within one and a half interquartile ranges of it, dots
    /// beyond (J. W. Tukey, *Exploratory Data Analysis*, 1977).
    Boxes,
    /// The density as a shape of equal width for all, with median and quartiles: Gaussian kernels whose width is Silverman's
    /// (*Density Estimation*, 1986, eq. 3.31), between the extreme values.
    Violins,
}

/// A distribution for each name on the horizontal axis, or several, one for each series. Values that have no place on the axis are
/// left out.
///
/// ```
/// use flybrain::figure::{Mark, Strip};
///
/// let figure = Strip::new("Flash response index of 50 models")
///     .names(&["L1", "L2", "Mi1"])
///     .y("flash response index")
///     .mark(Mark::Horizontal(0.0), "")
///     .highlight("ON in experiments", &["Mi1"])
///     .series("trained", &[vec![-0.8, -0.7], vec![-0.9, -0.6], vec![0.7, 0.8]])
///     .build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Strip {
    title: String,
    x: String,
    y: Axis,
    names: Vec<String>,
    series: Vec<(String, Vec<Vec<f64>>)>,
    marks: Marks,
    highlights: Highlights,
    style: StripStyle,
    size: Option<(f64, f64)>,
}

impl Strip {
    /// An empty plot. Defaults: a linear axis that follows the data, [`StripStyle::Points`], 400 pixels high, and as wide as the
    /// names want (640 to 2400).
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x: String::new(),
            y: Axis::default(),
            names: Vec::new(),
            series: Vec::new(),
            marks: Marks::default(),
            highlights: Highlights::default(),
            style: StripStyle::default(),
            size: None,
        }
    }

    /// Label of the horizontal axis.
    #[must_use]
    pub fn x(self, label: impl Into<String>) -> Self {
        Self { x: label.into(), ..self }
    }

    /// The vertical axis: a label with its unit, or an [`Axis`].
    #[must_use]
    pub fn y(self, axis: impl Into<Axis>) -> Self {
        Self { y: axis.into(), ..self }
    }

    /// Names, left to right.
    #[must_use]
    pub fn names<S: AsRef<str>>(self, names: &[S]) -> Self {
        Self { names: names.iter().map(|n| n.as_ref().to_owned()).collect(), ..self }
    }

    /// Adds a series: the values of each name, `[names][samples]`; their numbers may differ.
    #[must_use]
    pub fn series<T: Sample, V: AsRef<[T]>>(mut self, name: impl Into<String>, samples: &[V]) -> Self {
        self.series.push((name.into(), samples.iter().map(|v| values(v.as_ref())).collect()));
        self
    }

    /// Adds a horizontal reference line; other marks have no place on named groups and are not drawn.
    #[must_use]
    pub fn mark(mut self, mark: Mark, name: impl Into<String>) -> Self {
        if matches!(mark, Mark::Horizontal(_)) {
            self.marks.0.push((mark, name.into()));
        }
        self
    }

    /// Sets some names off from the others, say cell types of which the answer is known: by a tint and by bold coloured letters. May
    /// be called up to four times.
    #[must_use]
    pub fn highlight<S: AsRef<str>>(mut self, name: impl Into<String>, members: &[S]) -> Self {
        self.highlights.push(name.into(), members);
        self
    }

    /// How distributions are shown.
    #[must_use]
    pub fn style(self, style: StripStyle) -> Self {
        Self { style, ..self }
    }

    /// Size of the figure in CSS pixels.
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { size: Some((width, height)), ..self }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] without names or series, [`Error::LengthMismatch`] if a series has not one distribution for each name,
    /// [`Error::BadOption`] for a range or size that cannot be drawn and for highlights that are no names.
    pub fn build(&self) -> Result<Figure, Error> {
        let check = Check { plot: "strip", title: &self.title };
        check.not_empty(self.names.is_empty(), "names")?;
        check.not_empty(self.series.is_empty(), "a series")?;
        check.axis("y range", &self.y)?;
        check.size(self.size)?;
        self.highlights.check(&check, &self.names)?;
        for (name, samples) in &self.series {
            let item = format!("series \"{name}\"");
            check.same_length(&item, ("names", self.names.len()), ("the series", samples.len()))?;
        }

        let count = self.series.len();
        let wide = 90.0 + self.names.len() as f64 * (16.0f64).max(4.0 + 9.0 * count as f64);
        let (width, height) = self.size.unwrap_or((wide.clamp(640.0, 2400.0), 400.0));
        let mut scene = Scene::new(width, height);
        let top = header(&mut scene, &self.title, &self.entries());
        let outer = Rect::new(MARGIN, top, width - 2.0 * MARGIN, height - top - MARGIN);
        let all = self.series.iter().flat_map(|(_, samples)| samples.iter().flatten().copied());
        let side = Side::new(&self.y, all.chain(self.marks.y_values()), 0.05);
        let names = |area: Rect| Names::new(&self.names, &self.highlights, area.w);
        let area = settle(outer, |area| {
            let ticks = side.vertical_ticks(area.h);
            let below = names(area).room() + label_room(&self.x, area.w);
            [left_room(&side.label, &ticks, area.h), top_room(&ticks), 4.0, below]
        });
        let (ticks, names) = (side.vertical_ticks(area.h), names(area));
        let map = side.map(area.bottom(), area.y);
        names.shade(&mut scene, area);
        grid_lines(&mut scene, area, None, Some((&map, &ticks)));
        vertical_axis(&mut scene, area, &map, &ticks, Labels::Shown);
        vertical_label(&mut scene, outer.x, area, &side, &ticks);
        scene.line((area.x, area.bottom()), (area.right(), area.bottom()), Stroke::new(SOFT_INK, 1.0));
        self.marks.draw(&mut scene, &Frame { area, x: map, y: map });

        let slot = area.w / self.names.len() as f64;
        let lane = 0.84 * slot / count as f64;
        scene.clip(Rect::new(area.x - 4.0, area.y - 4.0, area.w + 8.0, area.h + 8.0));
        for (i, (name, samples)) in self.series.iter().enumerate() {
            scene.open("series", name);
            for (g, values) in samples.iter().enumerate() {
                let middle = area.x + slot * (g as f64 + 0.08) + lane * (i as f64 + 0.5);
                let place = Place { middle, half: 0.46 * lane, color: Fill::from(category(i, count)), map };
                let sorted = place.sorted(values);
                if !sorted.is_empty() {
                    match self.style {
                        StripStyle::Points => place.points(&mut scene, values, &sorted),
                        StripStyle::Boxes => place.boxed(&mut scene, &sorted),
                        StripStyle::Violins => place.violin(&mut scene, &sorted),
                    }
                }
            }
            scene.close();
        }
        scene.unclip();
        names.draw(&mut scene, area);
        centred_label(&mut scene, &self.x, area, names.room());
        Ok(Figure::new(scene, &self.title))
    }

    fn entries(&self) -> Vec<Entry> {
        let count = self.series.len();
        let series = self.series.iter().enumerate();
        let series =
            series.map(|(i, (name, _))| Entry { name: name.clone(), swatch: Swatch::Patch(category(i, count)) });
        let entries: Vec<Entry> = series.chain(self.marks.entries()).chain(self.highlights.entries()).collect();
        if entries.iter().filter(|entry| !entry.name.is_empty()).count() < 2 && self.highlights.0.is_empty() {
            return Vec::new();
        }
        entries
    }
}

/// Where one distribution is drawn.
struct Place {
    middle: f64,
    /// Half its width.
    half: f64,
    color: Fill,
    map: Mapping,
}

impl Place {
    /// The values that have a place, ascending.
    fn sorted(&self, values: &[f64]) -> Vec<f64> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| self.map.at(*v).is_some()).collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// A horizontal line across the distribution.
    fn across(&self, scene: &mut Scene, value: f64, part: f64, stroke: Stroke) {
        if let Some(y) = self.map.at(value) {
            scene.line((self.middle - part * self.half, y), (self.middle + part * self.half, y), stroke);
        }
    }

    fn points(&self, scene: &mut Scene, values: &[f64], sorted: &[f64]) {
        let radius = (0.3 * self.half).clamp(1.1, 2.6);
        let reach = (self.half - radius).max(0.0);
        let dots = values.iter().enumerate().filter_map(|(i, v)| {
            // The golden ratio spreads neighbours in the list widely, the same way each time.
            let aside = 2.0 * (0.5 + 0.618_033_988_75 * i as f64).fract() - 1.0;
            Some(circle((self.middle + aside * reach, self.map.at(*v)?), radius))
        });
        let opacity = if sorted.len() > 12 { 0.5 } else { 0.8 };
        for dot in dots {
            scene.path(dot, Some(Fill { opacity, ..self.color }), None);
        }
        self.across(scene, quantile(sorted, 0.5), 1.0, Stroke::new(INK, 1.6));
    }

    fn boxed(&self, scene: &mut Scene, sorted: &[f64]) {
        let [low, median, high] = [0.25, 0.5, 0.75].map(|q| quantile(sorted, q));
        let reach = 1.5 * (high - low);
        let inside = |v: &&f64| **v >= low - reach && **v <= high + reach;
        let ends = [sorted.iter().find(inside), sorted.iter().rfind(inside)];
        for (quartile, end) in [low, high].into_iter().zip(ends) {
            let end = end.copied().unwrap_or(quartile);
            if let (Some(a), Some(b)) = (self.map.at(quartile), self.map.at(end)) {
                scene.line((self.middle, a), (self.middle, b), Stroke::new(SOFT_INK, 1.0));
            }
            self.across(scene, end, 0.4, Stroke::new(SOFT_INK, 1.0));
        }
        if let (Some(top), Some(bottom)) = (self.map.at(high), self.map.at(low)) {
            let body = Rect { x: self.middle - self.half, y: top, w: 2.0 * self.half, h: bottom - top };
            scene.rect(body, Fill { opacity: 0.75, ..self.color });
            scene.frame(body, Stroke::new(self.color.color, 1.0));
        }
        self.across(scene, median, 1.0, Stroke::new(INK, 1.6));
        let radius = (0.3 * self.half).clamp(1.1, 2.2);
        for v in sorted.iter().filter(|v| !inside(v)) {
            let dot = self.map.at(*v).map(|y| circle((self.middle, y), radius));
            scene.path(dot.unwrap_or_default(), Some(self.color), None);
        }
    }

    fn violin(&self, scene: &mut Scene, sorted: &[f64]) {
        // In pixels, so that shapes are right on logarithmic axes too.
        let at: Vec<f64> = sorted.iter().filter_map(|v| self.map.at(*v)).collect();
        let (start, end) = (at[at.len() - 1], at[0]);
        if let Some(width) = bandwidth(&at) {
            const STEPS: usize = 48;
            let shape: Vec<(f64, f64)> = (0..=STEPS)
                .map(|i| {
                    let y = start + (end - start) * i as f64 / STEPS as f64;
                    (y, at.iter().map(|a| (-0.5 * ((y - a) / width).powi(2)).exp()).sum())
                })
                .collect();
            let most = shape.iter().map(|s| s.1).fold(0.0, f64::max);
            let half = |density: f64| self.half * density / most;
            let right = shape.iter().map(|(y, d)| (self.middle + half(*d), *y));
            let left = shape.iter().rev().map(|(y, d)| (self.middle - half(*d), *y));
            let outline: Vec<Segment> = polygon(right.chain(left));
            let fill = Fill { opacity: 0.6, ..self.color };
            scene.path(outline, Some(fill), Some(Stroke::new(self.color.color, 0.8)));
        }
        let [low, median, high] = [0.25, 0.5, 0.75].map(|q| self.map.at(quantile(sorted, q)));
        if let (Some(low), Some(high)) = (low, high) {
            scene.line((self.middle, low), (self.middle, high), Stroke::new(INK, 1.8));
        }
        if median.is_some() {
            self.across(scene, quantile(sorted, 0.5), 0.55, Stroke::new(INK, 1.6));
        }
    }
}

/// Silverman's width of kernels; none where all values are one.
fn bandwidth(pixels: &[f64]) -> Option<f64> {
    let n = pixels.len() as f64;
    let mean = pixels.iter().sum::<f64>() / n;
    let deviation = (pixels.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt();
    let mut sorted = pixels.to_vec();
    sorted.sort_by(f64::total_cmp);
    let range = (quantile(&sorted, 0.75) - quantile(&sorted, 0.25)) / 1.34;
    let spread = if range > 0.0 { deviation.min(range) } else { deviation };
    (spread > 1e-9).then(|| 0.9 * spread * n.powf(-0.2))
}

/// A quantile of sorted values, linear between two of them.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    // Unlike a part of their difference, this is finite for any two numbers.
    below * (1.0 - place.fract()) + above * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_hand() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|q| quantile(&sorted, q)), [1.0, 1.75, 3.0, 8.0]);
        assert_eq!(quantile(&[5.0], 0.75), 5.0);
        assert!(quantile(&[f64::MIN, f64::MAX], 0.5).is_finite());
    }
}
