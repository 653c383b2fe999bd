//! The input that a network gets at each time: one frame for all times, or a sequence of frames.

use super::network::{Network, Through};
use crate::Error;
use crate::field::At;
use crate::math::Number;
use crate::solver::TimePrecision;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use tch::{Device, Tensor};
use tch_sparse::tensor;

/// When frames change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Frames {
    /// Frame `trunc((t - start) / (end - start) * frames)`, held within the sequence.
    ByTime { start: f64, end: f64, precision: TimePrecision },
    /// Frame `k` after `k` of the solver's jumps.
    ByPiece,
}

/// Frames `[batch, frames, features]` and what they add to each neuron.
pub(super) struct Input<T> {
    frames: Vec<T>,
    count: usize,
    size: usize,
    when: Frames,
    /// Which sample and frame each column holds.
    held: Vec<(usize, usize)>,
    /// The held frames, `[features, batch]`.
    features: Vec<T>,
    through: Path<T>,
}

/// How features reach neurons.
enum Path<T> {
    Identity,
    /// The neurons that get any, ascending, with the entries of each.
    Sparse {
        rows: Vec<(u32, Range<usize>)>,
        entries: Vec<(u32, T)>,
    },
    /// A dense matrix (behind a lock because threads share the input), and what it makes of the held frames, `[neurons, batch]`.
    Dense {
        weight: Mutex<Tensor>,
        drive: Vec<T>,
    },
    /// Somebody else applies the projection.
    Raw,
}

impl<T: Number> Input<T> {
    /// From `frames` `[batch, frames, features]`. With `raw` the projection is left out.
    pub(super) fn new(network: &Network, frames: &Tensor, when: Frames, raw: bool) -> Result<Self, Error> {
        let size = frames.size();
        let frames = frames.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?;
        let through = match &network.input {
            _ if raw => Path::Raw,
            Through::Identity => Path::Identity,
            Through::Dense(weight, _) => Path::Dense { weight: Mutex::new(weight.f_detach()?), drive: Vec::new() },
            Through::Sparse(layer) => {
                let layout = layer.pattern().layout();
                let values = layer.values().f_detach()?.f_contiguous()?;
                let values = tensor::as_slice::<T>(&values);
                let entries = (0..values.len()).map(|e| (layout.column(e), values[e])).collect();
                let ends = layout.row_ptr().windows(2).enumerate();
                let rows = ends.filter(|(_, e)| e[0] < e[1]).map(|(row, e)| (row as u32, e[0]..e[1])).collect();
                Path::Sparse { rows, entries }
            }
        };
        Ok(Self {
            frames: tensor::as_slice::<T>(&frames).to_vec(),
            count: size[1] as usize,
            size: size[2] as usize,
            when,
            held: Vec::new(),
            features: Vec::new(),
            through,
        })
    }

    /// The held frames, `[features, batch]`.
    pub(super) fn features(&self) -> &[T] {
        &self.features
    }

    /// Makes the columns hold what they get at these times.
    pub(super) fn move_to(&mut self, at: At<'_>) -> Result<(), Error> {
        let batch = at.t.len();
        let want = |b: usize| (at.sample[b], self.frame(at.t[b], at.piece[b]));
        let held: Vec<(usize, usize)> = (0..batch).map(want).collect();
        if held == self.held {
            return Ok(());
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
        if let Path::Dense { weight, drive } = &mut self.through {
            let columns = changed.len();
            let x = tensor::filled::<T>(&[self.size as i64, columns as i64], |x| {
                for (row, x) in x.chunks_exact_mut(columns).enumerate() {
                    for (x, &b) in x.iter_mut().zip(&changed) {
                        *x = self.features[row * batch + b];
                    }
                }
            })?;
            let weight = weight.get_mut().unwrap_or_else(PoisonError::into_inner);
            let new = tch::no_grad(|| weight.f_mm(&x))?.f_contiguous()?;
            let neurons = new.size()[0] as usize;
            drive.resize(neurons * batch, T::ZERO);
            for (row, new) in tensor::as_slice::<T>(&new).chunks_exact(columns).enumerate() {
                for (v, &b) in new.iter().zip(&changed) {
                    drive[row * batch + b] = *v;
                }
            }
        }
        self.held = held;
        Ok(())
    }

    fn frame(&self, t: f64, piece: usize) -> usize {
        let frame = match self.when {
            Frames::ByPiece => piece,
            Frames::ByTime { start, end, precision } => {
                let round = |t| precision.round(t);
                let share = round(round(t - start) / round(end - start));
                round(share * self.count as f64).max(0.0) as usize
            }
        };
        frame.min(self.count - 1)
    }

    /// Adds what neurons `rows` get to `out`, `[rows, batch]`.
    pub(super) fn add(&self, batch: usize, rows: Range<usize>, out: &mut [T]) {
        match &self.through {
            Path::Raw => {}
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

fn add_all<T: Number>(to: &mut [T], from: &[T]) {
    for (t, f) in to.iter_mut().zip(from) {
        *t += *f;
    }
}
