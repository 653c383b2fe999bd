//! Activity of many neurons over time.

use super::Figure;
use super::axis::Axis;
use super::cells::{Cells, MOST_PIXELS, Pooling};
use super::check::Check;
use super::color::{MISSING, SOFT_INK};
use super::color_bar::{color_bar, color_bar_room};
use super::color_scale::{ColorScale, Colors};
use super::heatmap::{index_side, whole};
use super::layout::{
    Labels, MARGIN, Side, bottom_room, horizontal_axis, horizontal_label, left_room, settle, vertical_axis,
    vertical_label,
};
use super::legend::header;
use super::sample::{Sample, values};
use super::scene::{Rect, Scene, Stroke};
use crate::Error;

/// Activity of neurons over time as a heat map: time to the right, neuron 0 at the bottom.
///
/// Each sample fills the time to the middles between it and its neighbours, so times need not be even.
/// NaN is grey, infinities take the end colours. Above 800 neurons, neighbours are merged (see [`Pooling`]).
///
/// ```
/// use flybrain::figure::Raster;
///
/// // 2 neurons, 3 times
/// let activity = [0.0, 0.5, 1.0, 1.0, 0.2, 0.1];
/// let figure = Raster::new("Activity", &[0.0, 0.1, 0.2], 2, &activity).color_label("rate (Hz)").build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Raster {
    title: String,
    times: Vec<f64>,
    neurons: usize,
    values: Vec<f64>,
    x: String,
    y: String,
    color_label: String,
    scale: ColorScale,
    range: Option<(f64, f64)>,
    pooling: Pooling,
    size: (f64, f64),
}

impl Raster {
    /// Activity `[neurons, times]`, row by row.
    ///
    /// Defaults: labels "time (s)" and "neuron", [`ColorScale::Auto`] over the range of the data, [`Pooling::Mean`],
    /// 760 x 400 pixels.
    pub fn new<T: Sample, V: Sample>(title: impl Into<String>, times: &[T], neurons: usize, activity: &[V]) -> Self {
        Self {
            title: title.into(),
            times: values(times),
            neurons,
            values: values(activity),
            x: "time (s)".to_owned(),
            y: "neuron".to_owned(),
            color_label: String::new(),
            scale: ColorScale::default(),
            range: None,
            pooling: Pooling::default(),
            size: (760.0, 400.0),
        }
    }

    /// Label of the horizontal axis.
    #[must_use]
    pub fn x(self, label: impl Into<String>) -> Self {
        Self { x: label.into(), ..self }
    }

    /// Label of the vertical axis.
    #[must_use]
    pub fn y(self, label: impl Into<String>) -> Self {
        Self { y: label.into(), ..self }
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

    /// How neighbours are merged where there are too many.
    #[must_use]
    pub fn pooling(self, pooling: Pooling) -> Self {
        Self { pooling, ..self }
    }

    /// Size of the figure in CSS pixels.
    #[must_use]
    pub fn size(self, width: f64, height: f64) -> Self {
        Self { size: (width, height), ..self }
    }

    /// Draws the figure.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] without neurons or times, [`Error::MatrixShape`] if the number of values is not
    /// `neurons * times`, [`Error::TimeOrder`] if times do not increase, [`Error::BadOption`] for a range or size that
    /// cannot be drawn.
    pub fn build(&self) -> Result<Figure, Error> {
        self.check()?;
        let cells = self.cells().pooled(self.pooling, MOST_PIXELS);
        let colors = Colors::new(self.scale, self.values.iter().copied(), self.range);
        let edges = self.edges();
        let x = Side::new(&Axis::linear(&*self.x), [edges[0], edges[edges.len() - 1]], 0.0);
        let y = index_side(&self.y, self.neurons);

        let (width, height) = self.size;
        let mut scene = Scene::new(width, height);
        let top = header(&mut scene, &self.title, &[]) + 12.0;
        let outer = Rect::new(MARGIN, top, width - 2.0 * MARGIN, height - top - MARGIN);
        let area = settle(outer, |area| {
            let (x_ticks, y_ticks) = (x.horizontal_ticks(area.w), whole(y.vertical_ticks(area.h)));
            [
                left_room(&y.label, &y_ticks, area.h),
                0.0,
                color_bar_room(&colors, &self.color_label, area.h),
                bottom_room(&x.label, &x_ticks, area.w),
            ]
        });
        let (x_ticks, y_ticks) = (x.horizontal_ticks(area.w), whole(y.vertical_ticks(area.h)));
        cells.draw(&mut scene, area, MISSING, |v| colors.rgb(v));
        scene.frame(area, Stroke::new(SOFT_INK, 0.8));
        horizontal_axis(&mut scene, area, &x.map(area.x, area.right()), &x_ticks, Labels::Shown);
        vertical_axis(&mut scene, area, &y.map(area.bottom(), area.y), &y_ticks, Labels::Shown);
        horizontal_label(&mut scene, area, &x, &x_ticks);
        vertical_label(&mut scene, outer.x, area, &y, &super::ticks::Ticks::default());
        color_bar(&mut scene, area.right(), area.y, area.h, &colors, &self.color_label);
        Ok(Figure::new(scene, &self.title))
    }

    fn check(&self) -> Result<(), Error> {
        let check = Check { plot: "raster", title: &self.title };
        check.not_empty(self.neurons == 0 || self.times.is_empty(), "at least one neuron and one time")?;
        if self.neurons.checked_mul(self.times.len()) != Some(self.values.len()) {
            let (rows, columns, got) = (self.neurons, self.times.len(), self.values.len());
            return Err(Error::MatrixShape { plot: "raster", title: self.title.clone(), rows, columns, got });
        }
        for (i, value) in self.times.iter().copied().enumerate() {
            let before = if i == 0 { f64::NEG_INFINITY } else { self.times[i - 1] };
            // Written so that NaN fails too.
            if !(value.is_finite() && value > before) {
                return Err(Error::TimeOrder { title: self.title.clone(), index: i, before, value });
            }
        }
        check.range("color range", self.range, self.scale == ColorScale::Log)?;
        check.size(Some(self.size))
    }

    /// Edges of the samples in time: the middles between neighbours.
    fn edges(&self) -> Vec<f64> {
        let t = &self.times;
        let n = t.len();
        let (first, last) =
            if n == 1 { (0.5, 0.5) } else { (t[1] / 2.0 - t[0] / 2.0, t[n - 1] / 2.0 - t[n - 2] / 2.0) };
        let inner = t.windows(2).map(|w| w[0] / 2.0 + w[1] / 2.0);
        std::iter::once(t[0] - first).chain(inner).chain([t[n - 1] + last]).collect()
    }

    /// The activity with neuron 0 in the last row. Uneven times are resampled to even ones.
    fn cells(&self) -> Cells {
        let edges = self.edges();
        let n = self.times.len();
        let (start, span) = (edges[0], edges[n] - edges[0]);
        let even = edges.windows(2).all(|w| ((w[1] - w[0]) * n as f64 - span).abs() < 1e-3 * span);
        let columns = if even { n } else { MOST_PIXELS };
        let sample: Vec<usize> = (0..columns)
            .map(|c| {
                let t = start + span * (c as f64 + 0.5) / columns as f64;
                if even { c } else { edges.partition_point(|e| *e <= t).clamp(1, n) - 1 }
            })
            .collect();
        let values = self.values.chunks(n).rev().flat_map(|row| sample.iter().map(|s| row[*s])).collect();
        Cells { rows: self.neurons, columns, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uneven_times_take_their_share() {
        let raster = Raster::new("r", &[0.0, 1.0, 4.0], 1, &[1.0, 2.0, 3.0]);
        assert_eq!(raster.edges(), [-0.5, 0.5, 2.5, 5.5]);
        let cells = raster.cells();
        let share = |v: f64| cells.values.iter().filter(|x| **x == v).count() as f64 / cells.columns as f64;
        for (v, width) in [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)] {
            assert!((share(v) - width / 6.0).abs() < 2e-3, "{v}: {}", share(v));
        }
    }

    #[test]
    fn neuron_zero_is_at_the_bottom() {
        let cells = Raster::new("r", &[0.0, 1.0], 2, &[1.0, 2.0, 3.0, 4.0]).cells();
        assert_eq!(cells.values, [3.0, 4.0, 1.0, 2.0]);
    }
}
