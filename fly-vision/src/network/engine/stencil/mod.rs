//! The engine for networks on a lattice: edges of one displacement are one shift of a plane.
//!
//! The million synapses of the fly's eye are some two thousand weights that are the same at every column. They are not written out:
//! for each type, planes of the outputs of its presynaptic types are shifted, weighted and added up in registers. Planes have rows of
//! equal length with zeros around the hexagon, samples innermost, so that a shift is an offset.
//!
//! States are packed: the lines (64 bytes) of a plane that hold cells, tile by tile, in the order in which they are computed.

mod block;
mod finish;
mod kernel;

use rayon::prelude::*;
use sparse_ode::Activation;
use tch_sparse::Real;

use super::{Engine, Light, Pull, Rates, Step, Sums, WeightGradient};
use crate::Error;
use crate::network::wiring::{OnLattice, Wiring};
use block::Block;
use finish::{Advance, Return};
use kernel::Weighted;
use std::ops::Range;
use std::sync::Arc;

/// Samples side by side. On Intel's servers 4 and 16 take as long for each sample, one alone a quarter more; of 4, a batch has more blocks
/// for several threads.
const WIDEST: usize = 4;

/// A displacement of a pair of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tap {
    source: u32,
    target: u32,
    du: i32,
    dv: i32,
    group: u32,
}

/// The taps of a network, by target and by source.
#[derive(Debug)]
pub(in crate::network) struct Stencil {
    on: Arc<OnLattice>,
    n_types: usize,
    /// Types that take light.
    lit: Vec<bool>,
    by_target: Taps,
    by_source: Taps,
    /// Rows and columns of zeros that displacements need.
    halo: [i32; 2],
}

/// Taps one type after the other.
#[derive(Debug)]
struct Taps {
    taps: Vec<Tap>,
    of_type: Vec<Range<usize>>,
}

impl Taps {
    fn new(mut taps: Vec<Tap>, n_types: usize, of: impl Fn(&Tap) -> u32, other: impl Fn(&Tap) -> u32) -> Self {
        taps.sort_by_key(|tap| (of(tap), other(tap), tap.du, tap.dv));
        let first = |t: usize| taps.partition_point(|tap| (of(tap) as usize) < t);
        let of_type = (0..n_types).map(|t| first(t)..first(t + 1)).collect();
        Self { taps, of_type }
    }
}

/// Weights in the order of taps.
pub(in crate::network) struct Weights<T> {
    by_target: Vec<T>,
    by_source: Vec<T>,
}

impl Stencil {
    /// # Errors
    /// [`Error::Setting`] if the network does not repeat on a lattice.
    pub(in crate::network) fn new(wiring: &Wiring) -> Result<Self, Error> {
        let Some(on) = &wiring.on_lattice else {
            return Err(Error::setting("engine", "the stencil needs a network on a lattice; take the sparse one"));
        };
        let n_types = wiring.types().len();
        let mut lit = vec![false; n_types];
        for &(cell, _) in wiring.inputs() {
            lit[wiring.cell_types()[cell as usize] as usize] = true;
        }
        let tap = |(group, g): (usize, &crate::network::EdgeGroup)| {
            let pair = &wiring.pairs()[g.pair as usize];
            Tap {
                source: pair.source,
                target: pair.target,
                du: g.displacement.u,
                dv: g.displacement.v,
                group: group as u32,
            }
        };
        let taps: Vec<Tap> = wiring.groups().iter().enumerate().map(tap).collect();
        let most = |of: fn(&Tap) -> i32| taps.iter().map(|t| of(t).abs()).max().unwrap_or(0);
        let halo = [most(|t| t.du), most(|t| t.dv)];
        Ok(Self {
            on: on.clone(),
            n_types,
            lit,
            by_target: Taps::new(taps.clone(), n_types, |t| t.target, |t| t.source),
            by_source: Taps::new(taps, n_types, |t| t.source, |t| t.target),
            halo,
        })
    }
}

impl Taps {
    /// Cuts the types into stretches of about as many taps, for the threads of the current pool.
    fn stretches(&self) -> Vec<Range<usize>> {
        let threads = rayon::current_num_threads();
        let (n, all) = (self.of_type.len(), self.taps.len() + self.of_type.len());
        let (mut stretches, mut first) = (Vec::with_capacity(threads), 0);
        for end in 1..=n {
            let taps = self.of_type[end - 1].end + end;
            if end == n || taps * threads >= all * (stretches.len() + 1) {
                stretches.push(first..end);
                first = end;
            }
        }
        stretches
    }
}

/// Cuts off as many stretches of a list as there are types, each of `len` numbers.
fn cut<'a, T>(list: &mut &'a mut [T], types: &Range<usize>, len: usize) -> &'a mut [T] {
    let (head, tail) = std::mem::take(list).split_at_mut(types.len() * len);
    *list = tail;
    head
}

/// Runs, on the current pool where there are several.
fn run_all<J: Send>(jobs: Vec<J>, run: impl Fn(J) + Sync + Send) {
    if jobs.len() == 1 { jobs.into_iter().for_each(run) } else { jobs.into_par_iter().for_each(run) }
}

impl<T: Real> Engine<T> for Stencil {
    type Weights = Weights<T>;
    type Block = Block<T>;

    fn weights(&self, by_group: &[T]) -> Weights<T> {
        let of = |taps: &Taps| taps.taps.iter().map(|tap| by_group[tap.group as usize]).collect();
        Weights { by_target: of(&self.by_target), by_source: of(&self.by_source) }
    }

    fn block(&self, width: usize) -> Block<T> {
        Block::new(self, width)
    }

    fn state_len(&self, block: &Block<T>) -> usize {
        block.packed_len * self.n_types
    }

    fn output_len(&self, block: &Block<T>) -> usize {
        block.output_len
    }

    fn light_len(&self, block: &Block<T>) -> usize {
        block.packed_len
    }

    fn widest(&self) -> usize {
        WIDEST
    }

    fn cells(&self, block: &Block<T>) -> Vec<usize> {
        block.cells()
    }

    fn column_at(&self, block: &Block<T>, column: u32) -> usize {
        block.packed_at[column as usize] as usize
    }

    fn outputs(&self, block: &Block<T>, activation: Activation, v: &[T], f: &mut [T]) {
        for (t, (v, plane)) in v.chunks_exact(block.packed_len).zip(block.planes_mut(f)).enumerate() {
            T::with_scratch(block.packed_len, |outputs| {
                outputs.copy_from_slice(v);
                finish::outputs(activation, outputs, block.mask(t));
                block.unpack(outputs, plane);
            });
        }
    }

    fn set(&self, block: &Block<T>, cell: u32, value: T, output: T, v: &mut [T], f: &mut [T]) {
        let (at, output_at) = (block.cell_at(cell), block.output_at(cell));
        v[at..at + block.width].fill(value);
        f[output_at..output_at + block.width].fill(output);
    }

    fn step(&self, block: &Block<T>, weights: &Weights<T>, step: Step<'_, T>) {
        let Step { rates, activation, light, v, f, v_next, f_next } = step;
        let n = block.packed_len;
        let light = |t: usize| match light {
            Light::Columns(x) if self.lit[t] => Some(&x[..n]),
            Light::Cells(x) => Some(&x[t * n..(t + 1) * n]),
            _ => None,
        };
        let x: Vec<Option<&[T]>> = (0..self.n_types).map(light).collect();
        let (mut v_next, mut planes) = (v_next, block.planes_of(f_next));
        let jobs: Vec<_> = self
            .by_target
            .stretches()
            .into_iter()
            .map(|types| {
                let v = v.map(|v| &v[types.start * n..types.end * n]);
                (v, cut(&mut v_next, &types, n), cut(&mut planes, &types, block.plane_len), types)
            })
            .collect();
        let taps = Weighted { taps: &self.by_target, shifts: &block.shifts_by_target, weights: &weights.by_target };
        run_all(jobs, |(v, v_next, planes, types)| {
            let v_next = v_next.as_mut_ptr();
            let finish = Advance {
                block,
                rates,
                activation,
                first: types.start,
                v: v.map_or(v_next.cast_const(), <[T]>::as_ptr),
                x: &x,
                v_next,
                planes: planes.as_mut_ptr(),
            };
            // SAFETY: the pointers are to packed states and planes of these types.
            unsafe { kernel::products(block, types, taps, f, &finish) };
        });
    }

    fn pull(&self, block: &Block<T>, weights: &Weights<T>, pull: Pull<'_, T>, sums: &mut Sums) {
        let Pull { rates, activation, v, v_next, lambda, inputs, inputs_before, more, weights: wanted } = pull;
        let n = block.packed_len;
        let len = self.n_types * n;
        let lists = [Some(v), Some(v_next), more].into_iter().flatten();
        assert!(lists.into_iter().all(|list| list.len() == len), "states of a block");
        let mut by_type = vec![[[T::ZERO; kernel::MOST_LANES]; 2]; self.n_types];
        let mut by_tap = vec![0.0; self.by_source.taps.len()];
        {
            let (mut lambda, mut planes) = (lambda, block.planes_of(inputs_before));
            let (mut by_type, mut by_tap) = (&mut by_type[..], &mut by_tap[..]);
            let of_type = &self.by_source.of_type;
            let jobs: Vec<_> = self
                .by_source
                .stretches()
                .into_iter()
                .map(|types| {
                    let taps = of_type[types.start].start..of_type[types.end - 1].end;
                    let planes = cut(&mut planes, &types, block.plane_len);
                    let sums = (cut(&mut by_type, &types, 1), cut(&mut by_tap, &taps, 1));
                    (cut(&mut lambda, &types, n), planes, sums, types)
                })
                .collect();
            let taps = Weighted { taps: &self.by_source, shifts: &block.shifts_by_source, weights: &weights.by_source };
            run_all(jobs, |(lambda, planes, (by_type, by_tap), types)| {
                let finish = Return {
                    block,
                    rates,
                    activation,
                    first: types.start,
                    v,
                    v_next,
                    more,
                    lambda: lambda.as_mut_ptr(),
                    planes: planes.as_mut_ptr(),
                    sums: by_type.as_mut_ptr(),
                };
                // SAFETY: the pointers are to packed states, planes and sums of these types.
                unsafe {
                    match wanted {
                        WeightGradient::Left => kernel::products(block, types, taps, inputs, &finish),
                        WeightGradient::Wanted => {
                            kernel::products_and_correlations(block, types, taps, inputs, &finish, by_tap);
                        }
                    }
                }
            });
        }
        for (t, [input, change]) in by_type.iter().enumerate() {
            sums.input[t] += kernel::sum_of_lanes(input);
            sums.change[t] += kernel::sum_of_lanes(change);
        }
        for (tap, total) in self.by_source.taps.iter().zip(by_tap) {
            sums.group[tap.group as usize] += total;
        }
    }

    fn inputs(&self, block: &Block<T>, rates: &Rates<T>, lambda: &[T], inputs: &mut [T]) {
        let types = lambda.chunks_exact(block.packed_len).zip(&rates.gain);
        for ((lambda, &gain), plane) in types.zip(block.planes_mut(inputs)) {
            T::with_scratch(block.packed_len, |packed| {
                packed.iter_mut().zip(lambda).for_each(|(to, from)| *to = gain * *from);
                block.unpack(packed, plane);
            });
        }
    }

    fn light_gradient(&self, block: &Block<T>, inputs: &[T], light: &mut [T]) {
        light.fill(T::ZERO);
        T::with_scratch(block.packed_len, |packed| {
            for (_, plane) in block.planes(inputs).enumerate().filter(|(t, _)| self.lit[*t]) {
                block.pack(plane, packed);
                for (to, from) in light.iter_mut().zip(packed.iter()) {
                    *to += *from;
                }
            }
        });
    }

    fn input_gradient(&self, block: &Block<T>, inputs: &[T], cells: &mut [T]) {
        for (plane, cells) in block.planes(inputs).zip(cells.chunks_exact_mut(block.packed_len)) {
            block.pack(plane, cells);
        }
    }
}
