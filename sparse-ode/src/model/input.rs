//! The input that a network gets at each time: one frame for all times, or a sequence of frames.

use super::structure::Wires;
use crate::field::At;
use crate::solver::TimePrecision;
use std::ops::Range;
use tch_sparse::Real;
use tch_sparse::dense::{Columns, Rows, Tile, product};

/// When frames change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Frames {
    /// Frame `trunc((t - start) / (end - start) * frames)`, held within the sequence.
    ByTime { start: f64, end: f64, precision: TimePrecision },
    /// Frame `k` after `k` of the solver's jumps.
    ByPiece,
}

impl Frames {
    /// The frame of a sequence of `count` at a time and after so many jumps.
    pub(super) fn frame(self, t: f64, piece: usize, count: usize) -> usize {
        let frame = match self {
            Self::ByPiece => piece,
            Self::ByTime { start, end, precision } => {
                let round = |t| precision.round(t);
                let share = round(round(t - start) / round(end - start));
                round(share * count as f64).max(0.0) as usize
            }
        };
        frame.min(count - 1)
    }
}

/// Frames `[batch, frames, features]` and what they add to each neuron.
pub(super) struct Input<'a, T> {
    frames: &'a [T],
    count: usize,
    size: usize,
    when: Frames,
    /// Which sample and frame each column holds.
    held: Vec<(usize, usize)>,
    /// The held frames, `[features, batch]`.
    features: Vec<T>,
    through: Path<'a, T>,
}

/// How features reach neurons.
enum Path<'a, T> {
    Identity,
    /// The neurons that get any, ascending, with the entries of each.
    Sparse {
        rows: Vec<(u32, Range<usize>)>,
        entries: Vec<(u32, T)>,
    },
    /// A dense matrix `[neurons, features]`, the same as a left factor, and what it makes of the held frames, `[neurons, batch]`.
    Dense {
        weight: &'a [T],
        left: Rows<T>,
        drive: Vec<T>,
    },
}

impl<'a, T: Real> Input<'a, T> {
    /// From `frames` `[batch, count, size]` and the weights of the wires, if they have any.
    pub(super) fn new(
        wires: &Wires,
        weight: Option<&'a [T]>,
        frames: &'a [T],
        (count, size): (usize, usize),
        when: Frames,
    ) -> Self {
        let weight = weight.unwrap_or(&[]);
        let through = match wires {
            Wires::Identity => Path::Identity,
            Wires::Dense => {
                Path::Dense { weight, left: Rows::new(weight.len() / size, size, weight), drive: Vec::new() }
            }
            Wires::Sparse(pattern) => {
                let layout = pattern.layout();
                let entries = weight.iter().enumerate().map(|(e, w)| (layout.column(e), *w)).collect();
                let ends = layout.row_ptr().windows(2).enumerate();
                let rows = ends.filter(|(_, e)| e[0] < e[1]).map(|(row, e)| (row as u32, e[0]..e[1])).collect();
                Path::Sparse { rows, entries }
            }
        };
        Self { frames, count, size, when, held: Vec::new(), features: Vec::new(), through }
    }

    /// Makes the columns hold what they get at these times.
    pub(super) fn move_to(&mut self, at: At<'_>) {
        let batch = at.t.len();
        let held = self.held_at(at);
        if held == self.held {
            return;
        }
        let fits = batch == self.held.len();
        let changed: Vec<usize> = (0..batch).filter(|&b| !fits || held[b] != self.held[b]).collect();
        self.features.resize(self.size * batch, T::ZERO);
        for &b in &changed {
            let (sample, frame) = held[b];
            let from = &self.frames[(sample * self.count + frame) * self.size..][..self.size];
            for (row, v) in from.iter().enumerate() {
                self.features[row * batch + b] = *v;
            }
        }
        if let Path::Dense { weight, left, drive } = &mut self.through {
            drive.resize(weight.len() / self.size * batch, T::ZERO);
            let mut x = Columns::zeros(self.size, changed.len());
            x.fill_with(|columns, width, strip| {
                for (to, row) in strip.chunks_exact_mut(width).zip(self.features.chunks_exact(batch)) {
                    to.iter_mut().zip(&changed[columns.clone()]).for_each(|(to, &b)| *to = row[b]);
                }
            });
            let put = |tile: Tile<'_, T>, rows: &mut [T]| {
                for ((_, new), row) in tile.by_rows().zip(rows.chunks_exact_mut(batch)) {
                    new.iter().zip(&changed[tile.columns.clone()]).for_each(|(v, &b)| row[b] = *v);
                }
            };
            product(left, &x, |_, _| self.size, drive, batch, put);
        }
        self.held = held;
    }

    /// Adds what neurons `rows` get to `out`, `[rows, batch]`.
    pub(super) fn add(&self, batch: usize, rows: Range<usize>, out: &mut [T]) {
        match &self.through {
            Path::Identity => add_all(out, &self.features[rows.start * batch..rows.end * batch]),
            Path::Dense { drive, .. } => add_all(out, &drive[rows.start * batch..rows.end * batch]),
            Path::Sparse { rows: list, entries } => {
                let first = list.partition_point(|(row, _)| (*row as usize) < rows.start);
                for (row, own) in list[first..].iter().take_while(|(row, _)| (*row as usize) < rows.end) {
                    let to = &mut out[(*row as usize - rows.start) * batch..][..batch];
                    for (column, weight) in &entries[own.clone()] {
                        let from = &self.features[*column as usize * batch..][..batch];
                        for (t, f) in to.iter_mut().zip(from) {
                            *t += *weight * *f;
                        }
                    }
                }
            }
        }
    }
}

impl<T: Real> Input<'_, T> {
    /// Sample and frame of each column at these times.
    pub(super) fn held_at(&self, at: At<'_>) -> Vec<(usize, usize)> {
        (0..at.t.len()).map(|b| (at.sample[b], self.when.frame(at.t[b], at.piece[b], self.count))).collect()
    }

    /// From the gradient with respect to what each neuron gets, `[neurons, columns]`, to those of the frames `[batch, count, size]` and
    /// of the weights, where they are wanted. They are added to. `held` are the columns' samples and frames.
    pub(super) fn pull_back(
        &self,
        held: &[(usize, usize)],
        drive_bar: &[T],
        frames_bar: Option<&mut [T]>,
        weight_bar: Option<&mut [T]>,
    ) {
        let (batch, size) = (held.len(), self.size);
        let place = |(sample, frame): (usize, usize)| (sample * self.count + frame) * size;
        // What the columns hold, `[batch, size]`.
        let features: Vec<T> = held.iter().flat_map(|&h| &self.frames[place(h)..place(h) + size]).copied().collect();
        let mut features_bar = match (&self.through, &frames_bar) {
            (Path::Sparse { .. }, Some(_)) => vec![T::ZERO; size * batch],
            _ => Vec::new(),
        };
        match &self.through {
            Path::Identity => {}
            Path::Sparse { rows, entries } => {
                let mut weight_bar = weight_bar;
                for (row, own) in rows {
                    let from = &drive_bar[*row as usize * batch..][..batch];
                    for e in own.clone() {
                        let (column, weight) = (entries[e].0 as usize, entries[e].1);
                        if let Some(weight_bar) = &mut weight_bar {
                            let held = features[column..].iter().step_by(size);
                            weight_bar[e] += from.iter().zip(held).fold(T::ZERO, |sum, (f, h)| sum + *f * *h);
                        }
                        if !features_bar.is_empty() {
                            for (to, f) in features_bar[column * batch..][..batch].iter_mut().zip(from) {
                                *to += weight * *f;
                            }
                        }
                    }
                }
            }
            Path::Dense { weight, .. } => {
                let neurons = weight.len() / size;
                if let Some(weight_bar) = weight_bar {
                    let mut right = Columns::zeros(batch, size);
                    right.fill_rows(&features, size);
                    let add = |tile: Tile<'_, T>, rows: &mut [T]| {
                        for ((_, v), row) in tile.by_rows().zip(rows.chunks_exact_mut(size)) {
                            add_all(&mut row[tile.columns.clone()], v);
                        }
                    };
                    product(&Rows::new(neurons, batch, drive_bar), &right, |_, _| batch, weight_bar, size, add);
                }
                if frames_bar.is_some() {
                    let (mut left, mut right) = (Rows::zeros(size, neurons), Columns::zeros(neurons, batch));
                    left.fill_transposed(weight, size);
                    right.fill_rows(drive_bar, batch);
                    features_bar = vec![T::ZERO; size * batch];
                    let put = |tile: Tile<'_, T>, rows: &mut [T]| tile.copy_into(batch, rows);
                    product(&left, &right, |_, _| neurons, &mut features_bar, batch, put);
                }
            }
        }
        if let Some(frames_bar) = frames_bar {
            let from = if matches!(self.through, Path::Identity) { drive_bar } else { &features_bar };
            for (b, h) in held.iter().enumerate() {
                let to = &mut frames_bar[place(*h)..place(*h) + size];
                for (to, f) in to.iter_mut().zip(from[b..].iter().step_by(batch)) {
                    *to += *f;
                }
            }
        }
    }
}

fn add_all<T: Real>(to: &mut [T], from: &[T]) {
    for (t, f) in to.iter_mut().zip(from) {
        *t += *f;
    }
}
