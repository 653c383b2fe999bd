//! Going through the frames of a movie, forward and back.
//!
//! `V(t+1) = V(t) + dt / max(tau, dt) (-V(t) + b + W f(V(t)) + x(t))`: explicit Euler of Lappalainen et al. 2024, Methods, eq. (1) and (2).
//! Backward, states are kept and nothing else: inputs of cells and gradients follow from them frame by frame.

use rayon::prelude::*;
use sparse_ode::Activation;
use tch_sparse::{Aligned, Real};

use super::engine::{Engine, Light, Pull, Rates, Step, Sums, WeightGradient};

/// What a network is shown, one number after another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown<'a, T> {
    /// Nothing.
    Nothing,
    /// Luminance, `[batch, frames, columns]`.
    Columns(&'a [T]),
    /// Input of each cell, `[batch, frames, cells]`.
    Cells(&'a [T]),
}

/// What does not change from frame to frame.
pub(super) struct Rollout<'a, T: Real, E: Engine<T>> {
    pub(super) engine: &'a E,
    pub(super) weights: &'a E::Weights,
    pub(super) rates: &'a Rates<T>,
    pub(super) activation: Activation,
    /// Type of each cell.
    pub(super) cell_types: &'a [u32],
    pub(super) n_columns: usize,
    pub(super) n_groups: usize,
    pub(super) batch: usize,
    pub(super) frames: usize,
    /// Cells whose potentials are held.
    pub(super) held: &'a [(u32, T)],
    /// Cells that are recorded.
    pub(super) record: &'a [u32],
}

/// Whether states are kept for the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    States,
    Nothing,
}

/// States of a block of samples at the start and after each frame.
pub(super) type States<T> = Vec<Aligned<T>>;

/// What comes of the way forward.
pub(super) struct Forward<T> {
    /// `[batch, frames, recorded]`.
    pub(super) recorded: Vec<T>,
    /// The last state, `[batch, cells]`.
    pub(super) last: Vec<T>,
    /// By block.
    pub(super) kept: Vec<States<T>>,
}

/// Which gradients are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) weights: WeightGradient,
    pub(super) shown: bool,
}

/// What comes of the way back.
pub(super) struct Backward<T> {
    pub(super) sums: Sums,
    /// By what was shown, in its shape; empty if that is not wanted.
    pub(super) shown: Vec<T>,
    /// By the start, `[batch, cells]`.
    pub(super) start: Vec<T>,
}

/// Cuts a batch into blocks of `widest` (a power of two), and smaller powers of two for the rest.
fn blocks(batch: usize, widest: usize) -> Vec<usize> {
    let mut widths = vec![widest; batch / widest];
    let rest = batch % widest;
    widths.extend((0..widest.ilog2()).rev().map(|bit| 1 << bit).filter(|width| rest & width != 0));
    widths
}

/// Cuts off the first `n` items.
fn cut<'a, T>(list: &mut &'a mut [T], n: usize) -> &'a mut [T] {
    let (head, tail) = std::mem::take(list).split_at_mut(n);
    *list = tail;
    head
}

impl<T: Real, E: Engine<T>> Rollout<'_, T, E> {
    fn n_cells(&self) -> usize {
        self.cell_types.len()
    }

    /// From `start` (`[batch, cells]`), or from rest.
    pub(super) fn forward(&self, shown: Shown<'_, T>, start: Option<&[T]>, keep: Keep) -> Forward<T> {
        let (n, per_sample) = (self.n_cells(), self.frames * self.record.len());
        let mut recorded = vec![T::ZERO; self.batch * per_sample];
        let mut last = vec![T::ZERO; self.batch * n];
        let mut jobs = Vec::new();
        {
            let (mut recorded, mut last, mut first) = (&mut recorded[..], &mut last[..], 0);
            for width in blocks(self.batch, self.engine.widest()) {
                jobs.push((first, width, cut(&mut recorded, width * per_sample), cut(&mut last, width * n)));
                first += width;
            }
        }
        let kept = jobs
            .into_par_iter()
            .map(|(first, width, recorded, last)| self.block_forward(first, width, shown, start, keep, recorded, last))
            .collect();
        Forward { recorded, last, kept }
    }

    #[allow(clippy::too_many_arguments)] // called once, above, with a block's share of what the caller has
    fn block_forward(
        &self,
        first: usize,
        width: usize,
        shown: Shown<'_, T>,
        start: Option<&[T]>,
        keep: Keep,
        recorded: &mut [T],
        last: &mut [T],
    ) -> States<T> {
        let block = self.engine.block(width);
        let (n, state_len) = (self.n_cells(), self.engine.state_len(&block));
        let cells = self.engine.cells(&block);
        let mut states = vec![Aligned::zeros(state_len)];
        let mut outputs = [(); 2].map(|()| Aligned::zeros(self.engine.output_len(&block)));
        match start {
            Some(start) => {
                for (b, start) in start.chunks_exact(n).skip(first).take(width).enumerate() {
                    for (&at, &value) in cells.iter().zip(start) {
                        states[0][at + b] = value;
                    }
                }
            }
            None => {
                for (&at, &t) in cells.iter().zip(self.cell_types) {
                    states[0][at..at + width].fill(self.rates.bias[t as usize]);
                }
            }
        }
        self.engine.outputs(&block, self.activation, &states[0], &mut outputs[0]);
        self.hold(&block, &mut states[0], &mut outputs[0]);
        let mut light = Lighting::new(self, &block, first, width, shown);
        let recorded_at: Vec<usize> = self.record.iter().map(|&cell| cells[cell as usize]).collect();
        for frame in 0..self.frames {
            if keep == Keep::States {
                states.push(Aligned::zeros(state_len));
            }
            let [f, f_next] = &mut outputs;
            let (before, after) = match states.split_last_mut() {
                Some((after, before)) => (before.last(), after),
                None => break,
            };
            self.engine.step(
                &block,
                self.weights,
                Step {
                    rates: self.rates,
                    activation: self.activation,
                    light: light.at(frame),
                    v: before.map(|v| &**v),
                    f,
                    v_next: after,
                    f_next,
                },
            );
            self.hold(&block, after, f_next);
            for (b, recorded) in recorded.chunks_exact_mut((self.frames * self.record.len()).max(1)).enumerate() {
                let to = &mut recorded[frame * self.record.len()..][..self.record.len()];
                for (to, &at) in to.iter_mut().zip(&recorded_at) {
                    *to = after[at + b];
                }
            }
            outputs.swap(0, 1);
        }
        let end = states.len() - 1;
        for (b, last) in last.chunks_exact_mut(n).enumerate() {
            for (to, &at) in last.iter_mut().zip(&cells) {
                *to = states[end][at + b];
            }
        }
        if keep == Keep::States { states } else { Vec::new() }
    }

    fn hold(&self, block: &E::Block, v: &mut [T], f: &mut [T]) {
        for &(cell, value) in self.held {
            self.engine.set(block, self.activation, cell, value, v, f);
        }
    }

    /// From the gradients by what was recorded (`[batch, frames, recorded]`) and by the last state (`[batch, cells]`).
    pub(super) fn backward(
        &self,
        kept: &[States<T>],
        shown: Shown<'_, T>,
        by_recorded: Option<&[T]>,
        by_last: Option<&[T]>,
        wanted: Wanted,
    ) -> Backward<T> {
        let n = self.n_cells();
        let per_frame = match shown {
            _ if !wanted.shown => 0,
            Shown::Nothing => 0,
            Shown::Columns(_) => self.n_columns,
            Shown::Cells(_) => n,
        };
        let mut by_shown = vec![T::ZERO; self.batch * self.frames * per_frame];
        let mut by_start = vec![T::ZERO; self.batch * n];
        let mut jobs = Vec::new();
        {
            let (mut by_shown, mut by_start, mut first) = (&mut by_shown[..], &mut by_start[..], 0);
            for (width, states) in blocks(self.batch, self.engine.widest()).into_iter().zip(kept) {
                let stretch = cut(&mut by_shown, width * self.frames * per_frame);
                jobs.push((first, width, states, stretch, cut(&mut by_start, width * n)));
                first += width;
            }
        }
        let all: Vec<Sums> = jobs
            .into_par_iter()
            .map(|(first, width, states, by_shown, by_start)| {
                let of = (by_recorded, by_last);
                self.block_backward(first, width, states, shown, of, wanted, (by_shown, by_start))
            })
            .collect();
        let mut sums = Sums::zeros(self.rates.bias.len(), self.n_groups);
        for own in &all {
            sums.add(own);
        }
        Backward { sums, shown: by_shown, start: by_start }
    }

    #[allow(clippy::too_many_arguments)] // called once, above, with a block's share of what the caller has
    fn block_backward(
        &self,
        first: usize,
        width: usize,
        states: &States<T>,
        shown: Shown<'_, T>,
        (by_recorded, by_last): (Option<&[T]>, Option<&[T]>),
        wanted: Wanted,
        (by_shown, by_start): (&mut [T], &mut [T]),
    ) -> Sums {
        let block = self.engine.block(width);
        let n = self.n_cells();
        let cells = self.engine.cells(&block);
        let mut sums = Sums::zeros(self.rates.bias.len(), self.n_groups);
        let mut lambda = Aligned::zeros(self.engine.state_len(&block));
        let mut outputs = Aligned::zeros(self.engine.output_len(&block));
        let mut inputs = Aligned::zeros(self.engine.output_len(&block));
        if let Some(by_last) = by_last {
            for (b, by_last) in by_last.chunks_exact(n).skip(first).take(width).enumerate() {
                for (&at, &g) in cells.iter().zip(by_last) {
                    lambda[at + b] = g;
                }
            }
        }
        let recorded = self.record.len();
        let mut gradient = ShownGradient::new(self, &block, width, shown, wanted.shown);
        for frame in (0..self.frames).rev() {
            if let Some(by_recorded) = by_recorded {
                for b in 0..width {
                    let from = &by_recorded[((first + b) * self.frames + frame) * recorded..][..recorded];
                    for (&cell, &g) in self.record.iter().zip(from) {
                        lambda[cells[cell as usize] + b] += g;
                    }
                }
            }
            self.release(&cells, width, &mut lambda);
            let v = &states[frame];
            self.engine.outputs(&block, self.activation, v, &mut outputs);
            self.engine.pull(
                &block,
                self.weights,
                Pull {
                    rates: self.rates,
                    activation: self.activation,
                    v,
                    f: &outputs,
                    v_next: &states[frame + 1],
                    lambda: &mut lambda,
                    inputs: &mut inputs,
                    weights: wanted.weights,
                },
                &mut sums,
            );
            gradient.take(frame, &inputs, by_shown);
        }
        self.release(&cells, width, &mut lambda);
        for (b, by_start) in by_start.chunks_exact_mut(n).enumerate() {
            for (to, &at) in by_start.iter_mut().zip(&cells) {
                *to = lambda[at + b];
            }
        }
        sums
    }

    /// What is held does not depend on anything.
    fn release(&self, cells: &[usize], width: usize, lambda: &mut [T]) {
        for &(cell, _) in self.held {
            lambda[cells[cell as usize]..][..width].fill(T::ZERO);
        }
    }
}

/// Where the numbers of a frame stand in an engine's layout.
struct Places {
    at: Vec<usize>,
    len: usize,
}

impl Places {
    fn of<T: Real, E: Engine<T>>(run: &Rollout<'_, T, E>, block: &E::Block, shown: Shown<'_, T>) -> Self {
        let engine = run.engine;
        match shown {
            Shown::Nothing => Self { at: Vec::new(), len: 0 },
            Shown::Columns(_) => Self {
                at: (0..run.n_columns as u32).map(|column| engine.column_at(block, column)).collect(),
                len: engine.light_len(block),
            },
            Shown::Cells(_) => Self { at: engine.cells(block), len: engine.state_len(block) },
        }
    }
}

/// Frames in the layout of an engine.
struct Lighting<'a, T> {
    shown: Shown<'a, T>,
    places: Places,
    frames: usize,
    first: usize,
    width: usize,
    numbers: Aligned<T>,
}

impl<'a, T: Real> Lighting<'a, T> {
    fn new<E: Engine<T>>(
        run: &Rollout<'_, T, E>,
        block: &E::Block,
        first: usize,
        width: usize,
        shown: Shown<'a, T>,
    ) -> Self {
        let places = Places::of(run, block, shown);
        let numbers = Aligned::zeros(places.len);
        Self { shown, places, frames: run.frames, first, width, numbers }
    }

    fn at(&mut self, frame: usize) -> Light<'_, T> {
        let (Shown::Columns(all) | Shown::Cells(all)) = self.shown else { return Light::None };
        let n = self.places.at.len();
        for b in 0..self.width {
            let from = &all[((self.first + b) * self.frames + frame) * n..][..n];
            for (&at, &x) in self.places.at.iter().zip(from) {
                self.numbers[at + b] = x;
            }
        }
        match self.shown {
            Shown::Cells(_) => Light::Cells(&self.numbers),
            _ => Light::Columns(&self.numbers),
        }
    }
}

/// The gradient by what was shown, taken out of the layout of an engine.
struct ShownGradient<'r, T: Real, E: Engine<T>> {
    engine: &'r E,
    block: &'r E::Block,
    frames: usize,
    width: usize,
    places: Places,
    by_column: bool,
    numbers: Vec<T>,
}

impl<'r, T: Real, E: Engine<T>> ShownGradient<'r, T, E> {
    fn new(run: &Rollout<'r, T, E>, block: &'r E::Block, width: usize, shown: Shown<'_, T>, wanted: bool) -> Self {
        let shown = if wanted { shown } else { Shown::Nothing };
        let places = Places::of(run, block, shown);
        let numbers = vec![T::ZERO; places.len];
        let by_column = matches!(shown, Shown::Columns(_));
        Self { engine: run.engine, block, frames: run.frames, width, places, by_column, numbers }
    }

    fn take(&mut self, frame: usize, inputs: &[T], to: &mut [T]) {
        let n = self.places.at.len();
        if n == 0 {
            return;
        }
        if self.by_column {
            self.engine.light_gradient(self.block, inputs, &mut self.numbers);
        } else {
            self.engine.input_gradient(self.block, inputs, &mut self.numbers);
        }
        for b in 0..self.width {
            let to = &mut to[(b * self.frames + frame) * n..][..n];
            for (to, &at) in to.iter_mut().zip(&self.places.at) {
                *to = self.numbers[at + b];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn blocks_hold_the_batch() {
        for batch in 1..100 {
            assert_eq!(blocks(batch, 16).iter().sum::<usize>(), batch);
        }
        assert_eq!(blocks(12, 16), [8, 4]);
        assert_eq!(blocks(35, 16), [16, 16, 2, 1]);
        assert_eq!(blocks(3, 1), [1, 1, 1]);
    }
}
