//! Going through the frames of a movie, forward and back.
//!
//! `V(t+1) = V(t) + dt / max(tau, dt) (-V(t) + b + W f(V(t)) + x(t))`: explicit Euler of Lappalainen et al. 2024, Methods, eq. (1) and (2).
//! Backward, states are kept and nothing else: inputs of cells and gradients follow from them frame by frame.

use rayon::prelude::*;
use sparse_ode::Activation;
use tch_sparse::{Aligned, Real};

use super::engine::{Engine, Light, Pull, Rates, Step, Sums, WeightGradient, output_of};

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
    /// Cells that are recorded, in two lists.
    pub(super) records: &'a [Vec<u32>; 2],
}

/// Whether states are kept for the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    States,
    Nothing,
}

/// States of a block of samples at the start and after each frame.
pub(super) type States<T> = Vec<Aligned<T>>;

/// Where what comes of the way forward goes.
pub(super) struct Outcome<'a, T> {
    /// `[batch, frames, recorded]` of each list.
    pub(super) recorded: [&'a mut [T]; 2],
    /// The last state, `[batch, cells]`.
    pub(super) last: &'a mut [T],
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

/// Cells whose samples are taken apart, or put together, at once: so many stay in the first-level cache.
const AT_ONCE: usize = 1024;

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

    /// From `start` (`[batch, cells]`), or from rest. Returns the states that are kept, by block.
    pub(super) fn forward(
        &self,
        shown: Shown<'_, T>,
        start: Option<&[T]>,
        keep: Keep,
        outcome: Outcome<'_, T>,
    ) -> Vec<States<T>> {
        let n = self.n_cells();
        let per_sample = self.records.each_ref().map(|record| self.frames * record.len());
        let Outcome { recorded: [mut first_list, mut second_list], mut last } = outcome;
        let (mut jobs, mut first) = (Vec::new(), 0);
        for width in blocks(self.batch, self.engine.widest()) {
            let recorded = [cut(&mut first_list, width * per_sample[0]), cut(&mut second_list, width * per_sample[1])];
            jobs.push((first, width, Outcome { recorded, last: cut(&mut last, width * n) }));
            first += width;
        }
        jobs.into_par_iter()
            .map(|(first, width, outcome)| self.block_forward(first, width, shown, start, keep, outcome))
            .collect()
    }

    fn block_forward(
        &self,
        first: usize,
        width: usize,
        shown: Shown<'_, T>,
        start: Option<&[T]>,
        keep: Keep,
        outcome: Outcome<'_, T>,
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
        let Outcome { mut recorded, last } = outcome;
        let places = self.records.each_ref().map(|record| {
            let place = |&cell: &u32| cells[cell as usize] as u32;
            record.iter().map(place).collect::<Vec<u32>>()
        });
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
            for (recorded, places) in recorded.iter_mut().zip(&places) {
                let n = places.len();
                for (part, places) in places.chunks(AT_ONCE).enumerate() {
                    for (b, recorded) in recorded.chunks_exact_mut(self.frames * n).enumerate() {
                        let to = &mut recorded[frame * n + part * AT_ONCE..][..places.len()];
                        for (to, &at) in to.iter_mut().zip(places) {
                            *to = after[at as usize + b];
                        }
                    }
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
            self.engine.set(block, cell, value, output_of(self.activation, value), v, f);
        }
    }

    /// From the gradients by what was recorded (`[batch, frames, recorded]`) and by the last state (`[batch, cells]`).
    pub(super) fn backward(
        &self,
        kept: &[States<T>],
        shown: Shown<'_, T>,
        by_recorded: [Option<&[T]>; 2],
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
        (by_recorded, by_last): ([Option<&[T]>; 2], Option<&[T]>),
        wanted: Wanted,
        (by_shown, by_start): (&mut [T], &mut [T]),
    ) -> Sums {
        let block = self.engine.block(width);
        let n = self.n_cells();
        let cells = self.engine.cells(&block);
        let mut sums = Sums::zeros(self.rates.bias.len(), self.n_groups);
        let state_len = self.engine.state_len(&block);
        let mut lambda = Aligned::zeros(state_len);
        let mut inputs = [(); 2].map(|()| Aligned::zeros(self.engine.output_len(&block)));
        let recorded = Recorded::new(self, &cells, by_recorded, first, width);
        let mut more = Aligned::zeros(if recorded.lists.is_empty() { 0 } else { state_len });
        if self.frames > 0 {
            recorded.write(self.frames - 1, &mut lambda);
        }
        if let Some(by_last) = by_last {
            for (b, by_last) in by_last.chunks_exact(n).skip(first).take(width).enumerate() {
                for (&at, &g) in cells.iter().zip(by_last) {
                    lambda[at + b] += g;
                }
            }
        }
        self.engine.inputs(&block, self.rates, &lambda, &mut inputs[0]);
        self.release(&block, &mut lambda, &mut inputs[0]);
        let mut gradient = ShownGradient::new(self, &block, width, shown, wanted.shown);
        for frame in (0..self.frames).rev() {
            let more = (frame > 0 && !recorded.lists.is_empty()).then(|| {
                recorded.write(frame - 1, &mut more);
                &*more
            });
            let [inputs, inputs_before] = &mut inputs;
            self.engine.pull(
                &block,
                self.weights,
                Pull {
                    rates: self.rates,
                    activation: self.activation,
                    v: &states[frame],
                    v_next: &states[frame + 1],
                    lambda: &mut lambda,
                    inputs,
                    inputs_before,
                    more,
                    weights: wanted.weights,
                },
                &mut sums,
            );
            gradient.take(frame, inputs, by_shown);
            self.release(&block, &mut lambda, inputs_before);
            std::mem::swap(inputs, inputs_before);
        }
        for (b, by_start) in by_start.chunks_exact_mut(n).enumerate() {
            for (to, &at) in by_start.iter_mut().zip(&cells) {
                *to = lambda[at + b];
            }
        }
        sums
    }

    /// What is held does not depend on anything.
    fn release(&self, block: &E::Block, lambda: &mut [T], inputs: &mut [T]) {
        for &(cell, _) in self.held {
            self.engine.set(block, cell, T::ZERO, T::ZERO, lambda, inputs);
        }
    }
}

/// Gradients by what was recorded of a block of samples.
struct Recorded<'a, T> {
    lists: Vec<RecordedList<'a, T>>,
    frames: usize,
    first: usize,
    width: usize,
}

struct RecordedList<'a, T> {
    /// `[batch, frames, recorded]`.
    all: &'a [T],
    recorded: usize,
    /// Number among what was recorded, and place in a state.
    once: Vec<(u32, u32)>,
    /// The same of cells that are recorded again.
    again: Vec<(u32, u32)>,
}

impl<'a, T: Real> Recorded<'a, T> {
    fn new<E: Engine<T>>(
        run: &Rollout<'_, T, E>,
        cells: &[usize],
        by_recorded: [Option<&'a [T]>; 2],
        first: usize,
        width: usize,
    ) -> Self {
        let mut seen = vec![false; cells.len()];
        let mut list = |(all, record): (Option<&'a [T]>, &Vec<u32>)| {
            let (mut once, mut again) = (Vec::new(), Vec::new());
            all.map(|all| {
                for (i, &cell) in record.iter().enumerate() {
                    let known = std::mem::replace(&mut seen[cell as usize], true);
                    let list = if known { &mut again } else { &mut once };
                    list.push((i as u32, cells[cell as usize] as u32));
                }
                RecordedList { all, recorded: record.len(), once, again }
            })
        };
        let lists = by_recorded.into_iter().zip(run.records).filter_map(&mut list).collect();
        Self { lists, frames: run.frames, first, width }
    }

    /// Writes those of a frame to the places of their cells in a state, and nothing elsewhere.
    fn write(&self, frame: usize, to: &mut [T]) {
        for list in &self.lists {
            let of = |b: usize| &list.all[((self.first + b) * self.frames + frame) * list.recorded..][..list.recorded];
            for once in list.once.chunks(AT_ONCE) {
                for b in 0..self.width {
                    let from = of(b);
                    for &(i, at) in once {
                        to[at as usize + b] = from[i as usize];
                    }
                }
            }
            for b in 0..self.width {
                let from = of(b);
                for &(i, at) in &list.again {
                    to[at as usize + b] += from[i as usize];
                }
            }
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
