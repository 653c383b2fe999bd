//! Hexagonal activity over time: what a movie is made of.

use super::Animation;
use super::check::Check;
use super::color_scale::{ColorScale, Colors};
use super::sample::{Sample, values};
use super::ticks::number;
use crate::Error;

/// Frames at most.
const MOST_FRAMES: usize = 10_000;

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

/// A lattice and its values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Panel {
    pub(crate) name: String,
    /// None: a whole lattice in its canonical order.
    pub(crate) uv: Option<(Vec<i32>, Vec<i32>)>,
    pub(crate) columns: usize,
    /// `[frames, columns]`.
    pub(crate) values: Vec<f64>,
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
    /// [`Hexagons::columns`](super::Hexagons::columns).
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
    /// that differ in their number, and for times that are not one for each; those of [`Hexagons::build`](super::Hexagons::build).
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
        self.times
            .iter()
            .map(|t| format!("{} {}", number(*t, decimals as usize), self.unit).trim_end().to_owned())
            .collect()
    }
}
