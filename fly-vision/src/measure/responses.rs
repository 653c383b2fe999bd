//! Responses of the cells of an ensemble of models to a set of stimuli.

use std::ops::{Range, RangeInclusive};

use crate::{Conditions, Error};

/// Responses `[models, samples, frames, cells]`: what models' cells did over time in each sample of a set of stimuli.
///
/// There is usually one cell per type, the one in the central column. Numbers are of type `T`, `f32` or `f64`; measures
/// compute in `f64`. NaN marks frames after the end of a sample that is shorter than others.
#[derive(Debug, Clone, PartialEq)]
pub struct Responses<T = f32> {
    values: Vec<T>,
    models: usize,
    time: Vec<f64>,
    conditions: Conditions,
    cells: Vec<String>,
}

impl<T: Copy + Into<f64>> Responses<T> {
    /// Of numbers `[models, samples, frames, cells]`, row-major.
    ///
    /// `time` is that of each frame in seconds, 0 at the onset of the stimulus; `conditions` has a row per sample;
    /// `cells` are the names of the cells' types.
    ///
    /// # Errors
    /// [`Error::Shape`] if the numbers are not that many or there are none; [`Error::Setting`] if time does not
    /// increase.
    pub fn new(
        values: Vec<T>,
        models: usize,
        time: Vec<f64>,
        conditions: Conditions,
        cells: Vec<String>,
    ) -> Result<Self, Error> {
        let shape = [models, conditions.len(), time.len(), cells.len()];
        let count = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        if count != Some(values.len()) || values.is_empty() {
            return Err(Error::shape(
                "responses",
                format!("{} numbers", values.len()),
                format!("[models, samples, frames, cells] = {shape:?}, none of them 0"),
            ));
        }
        if !time.iter().all(|t| t.is_finite()) || !time.is_sorted_by(|a, b| a < b) {
            return Err(Error::setting("time of responses", "must increase from frame to frame"));
        }
        Ok(Self { values, models, time, conditions, cells })
    }

    /// All numbers, `[models, samples, frames, cells]`.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// Number of models.
    pub fn models(&self) -> usize {
        self.models
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.conditions.len()
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.time.len()
    }

    /// Time of each frame in seconds, 0 at the onset of the stimulus, `[frames]`.
    pub fn time(&self) -> &[f64] {
        &self.time
    }

    /// What was shown, a row per sample.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Names of the cells' types, `[cells]`.
    pub fn cells(&self) -> &[String] {
        &self.cells
    }

    /// Number of the first cell of a type.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is none.
    pub fn cell(&self, name: &str) -> Result<usize, Error> {
        cell_index(&self.cells, name)
    }

    /// Response of a cell over time, `[frames]`.
    ///
    /// # Panics
    /// If there is no such model, sample or cell.
    pub fn trace(&self, model: usize, sample: usize, cell: usize) -> impl Iterator<Item = f64> + '_ {
        assert!(cell < self.cells.len(), "cell {cell} of {}", self.cells.len());
        self.rows(model, sample, 0..self.frames()).map(move |row| row[cell].into())
    }

    /// Some frames of a sample, each `[cells]`.
    pub(crate) fn rows(&self, model: usize, sample: usize, frames: Range<usize>) -> impl Iterator<Item = &[T]> {
        let (samples, all, cells) = (self.samples(), self.frames(), self.cells.len());
        assert!(model < self.models && sample < samples, "[{model}, {sample}] of [{}, {samples}]", self.models);
        let first = (model * samples + sample) * all;
        self.values[(first + frames.start) * cells..(first + frames.end) * cells].chunks_exact(cells)
    }

    /// The largest response of each cell in some frames, NaN left out: `[cells]`; NaN where there is nothing else.
    pub(crate) fn largest(&self, model: usize, sample: usize, frames: Range<usize>) -> Vec<f64> {
        self.fold(model, sample, frames, f64::max)
    }

    /// The same of the smallest response.
    pub(crate) fn smallest(&self, model: usize, sample: usize, frames: Range<usize>) -> Vec<f64> {
        self.fold(model, sample, frames, f64::min)
    }

    fn fold(&self, model: usize, sample: usize, frames: Range<usize>, pick: fn(f64, f64) -> f64) -> Vec<f64> {
        let mut picked = vec![f64::NAN; self.cells.len()];
        for row in self.rows(model, sample, frames) {
            for (best, &value) in picked.iter_mut().zip(row) {
                *best = pick(*best, value.into());
            }
        }
        picked
    }

    /// The frames whose time lies in an interval, in seconds, both ends included whatever rounding has done to the times.
    pub fn frames_within(&self, interval: &RangeInclusive<f64>) -> Range<usize> {
        let first = first_from(&self.time, *interval.start());
        let end = interval.end() + rounding(&self.time);
        let last = self.time.partition_point(|t| *t <= end);
        first..last.max(first)
    }
}

/// What times of frames may differ by and still be the same: far less than a frame, far more than rounding.
fn rounding(time: &[f64]) -> f64 {
    match time {
        [first, .., last] => 1e-6 * (last - first) / (time.len() - 1) as f64,
        _ => 0.0,
    }
}

/// The first frame that is not before a time, given those of frames, ascending. Sums of frames end at -1e-17 where 0 is meant.
pub(super) fn first_from(time: &[f64], start: f64) -> usize {
    let start = start - rounding(time);
    time.partition_point(|t| *t < start)
}

/// Number of the first cell of a type.
pub(super) fn cell_index(cells: &[String], name: &str) -> Result<usize, Error> {
    let found = cells.iter().position(|cell| cell == name);
    found.ok_or_else(|| Error::unknown("cell type", name, cells.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn responses() -> Responses<f64> {
        let values = (0..2 * 3 * 4 * 2).map(f64::from).collect();
        let samples = Conditions::product(&[("angle", &[0.0, 120.0, 240.0])]);
        Responses::new(values, 2, vec![-0.1, 0.0, 0.1, 0.2], samples, vec!["Mi1".into(), "T4a".into()]).unwrap()
    }

    /// A trace is a column of the numbers, and frames are found by their time.
    #[test]
    fn traces_and_frames() {
        let all = responses();
        assert_eq!(all.trace(1, 2, 1).collect::<Vec<_>>(), [41.0, 43.0, 45.0, 47.0]);
        assert_eq!(all.largest(0, 1, 1..3), [12.0, 13.0]);
        assert_eq!(all.frames_within(&(0.0..=0.1)), 1..3);
        assert_eq!(all.frames_within(&(0.3..=0.1)), 4..4);
        let rounded = Responses { time: vec![-0.1, -2e-13, 0.1 + 2e-13, 0.2], ..all.clone() };
        assert_eq!(rounded.frames_within(&(0.0..=0.1)), 1..3);
        assert_eq!(all.cell("T4a").unwrap(), 1);
        assert!(all.cell("T5a").unwrap_err().to_string().contains("Mi1, T4a"));
    }

    #[test]
    fn construction_is_checked() {
        let conditions = || Conditions::product(&[("angle", &[0.0])]);
        let cells = || vec![String::from("Mi1")];
        assert!(Responses::new(vec![0.0_f32; 3], 1, vec![0.0, 1.0], conditions(), cells()).is_err());
        assert!(Responses::new(vec![0.0_f32; 2], 1, vec![0.0, 0.0], conditions(), cells()).is_err());
        assert!(Responses::new(vec![0.0_f32; 2], 1, vec![0.0, f64::NAN], conditions(), cells()).is_err());
        assert!(Responses::<f32>::new(vec![], 0, vec![0.0], conditions(), cells()).is_err());
        assert!(Responses::<f32>::new(vec![], usize::MAX, vec![0.0; 3], conditions(), cells()).is_err());
    }
}
