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
use tch_sparse::{Aligned, Real};

use super::{Engine, Light, Pull, Step, Sums, WeightGradient, output_of};
use crate::Error;
use crate::network::wiring::{OnLattice, Wiring};
use block::Block;
use finish::{Advance, Pack};
use std::ops::Range;
use std::sync::Arc;

/// Samples side by side. Of the fly's eye, states and outputs of so many take 3 MB in single precision, and more would leave the
/// second-level cache: 4 are the fastest on Intel's servers, by a tenth over 16 and a quarter over 1.
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

/// Runs for each type on its stretches of two lists, on the current pool.
fn for_each_type<T: Real>(
    a: &mut [T],
    a_len: usize,
    b: &mut [T],
    b_len: usize,
    run: impl Fn(usize, &mut [T], &mut [T]) + Sync,
) {
    let stretches = a.chunks_exact_mut(a_len).zip(b.chunks_exact_mut(b_len));
    if rayon::current_num_threads() == 1 {
        for (t, (a, b)) in stretches.enumerate() {
            run(t, a, b);
        }
    } else {
        let all: Vec<_> = stretches.enumerate().collect();
        all.into_par_iter().for_each(|(t, (a, b))| run(t, a, b));
    }
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
                activation.apply(outputs);
                finish::keep_cells(outputs, block.mask(t));
                block.unpack(outputs, plane);
            });
        }
    }

    fn set(&self, block: &Block<T>, activation: Activation, cell: u32, value: T, v: &mut [T], f: &mut [T]) {
        let (state, output) = (block.cell_at(cell), block.output_at(cell));
        v[state..state + block.width].fill(value);
        f[output..output + block.width].fill(output_of(activation, value));
    }

    fn step(&self, block: &Block<T>, weights: &Weights<T>, step: Step<'_, T>) {
        let Step { rates, activation, light, v, f, v_next, f_next } = step;
        let n = block.packed_len;
        let planes = block.planes_of(f_next);
        for_each_type(v_next, n, planes, block.plane_len, |t, v_next, plane| {
            let x = match light {
                Light::Columns(x) if self.lit[t] => Some(&x[..n]),
                Light::Cells(x) => Some(&x[t * n..(t + 1) * n]),
                _ => None,
            };
            let rectified = activation == Activation::Relu;
            let after = v_next.as_mut_ptr();
            let finish = Advance {
                bias: rates.bias[t],
                gain: rates.gain[t],
                v: v.map_or(after.cast_const(), |v| v[t * n..(t + 1) * n].as_ptr()),
                x: x.map_or(std::ptr::null(), <[T]>::as_ptr),
                mask: block.mask(t).as_ptr(),
                v_next: after,
                plane: if rectified { plane.as_mut_ptr() } else { std::ptr::null_mut() },
            };
            // SAFETY: all but the plane are packed types of this block, and the plane is one of its planes.
            unsafe {
                kernel::product(block, t, &self.by_target, &block.shifts_by_target, &weights.by_target, f, finish);
            };
            if !rectified {
                T::with_scratch(n, |outputs| {
                    outputs.copy_from_slice(v_next);
                    activation.apply(outputs);
                    finish::keep_cells(outputs, block.mask(t));
                    block.unpack(outputs, plane);
                });
            }
        });
    }

    fn pull(&self, block: &Block<T>, weights: &Weights<T>, pull: Pull<'_, T>, sums: &mut Sums) {
        let Pull { rates, activation, v, f, v_next, lambda, inputs, weights: wanted } = pull;
        let n = block.packed_len;
        // what each type adds to the sums: input, change, then the gradient of its taps
        let room = 2 + self.by_target.of_type.iter().map(Range::len).max().unwrap_or(0);
        let mut totals = vec![0.0f64; self.n_types * room];
        let stretch = |t: usize| t * n..(t + 1) * n;
        {
            let planes: Vec<_> = block.planes_mut(inputs).zip(totals.chunks_exact_mut(room)).enumerate().collect();
            let lambda = &*lambda;
            let fill = |(t, (plane, totals)): (usize, (&mut [T], &mut [f64]))| {
                T::with_scratch(n, |packed| {
                    let (input, change) = finish::input_gradient(
                        rates.gain[t],
                        &lambda[stretch(t)],
                        &v[stretch(t)],
                        &v_next[stretch(t)],
                        packed,
                    );
                    (totals[0], totals[1]) = (input, change);
                    block.unpack(packed, plane);
                });
            };
            if rayon::current_num_threads() == 1 {
                planes.into_iter().for_each(fill);
            } else {
                planes.into_par_iter().for_each(fill);
            }
        }
        let inputs = &*inputs;
        let types: Vec<_> = lambda.chunks_exact_mut(n).zip(totals.chunks_exact_mut(room)).enumerate().collect();
        let back = |(t, (lambda, totals)): (usize, (&mut [T], &mut [f64]))| {
            if wanted == WeightGradient::Wanted {
                let mut own = Aligned::zeros(n);
                finish::scaled(rates.gain[t], lambda, &mut own);
                kernel::correlate(block, t, &self.by_target, &block.shifts_by_target, &own, f, &mut totals[2..]);
            }
            T::with_scratch(n, |back| {
                assert_eq!(back.len(), block.packed_len, "a packed type");
                let (taps, shifts) = (&self.by_source, &block.shifts_by_source);
                // SAFETY: `back` is a packed type of this block.
                unsafe { kernel::product(block, t, taps, shifts, &weights.by_source, inputs, Pack(back.as_mut_ptr())) };
                activation.multiply_slope(&v[stretch(t)], back);
                finish::go_back(rates.gain[t], back, block.mask(t), lambda);
            });
        };
        if rayon::current_num_threads() == 1 {
            types.into_iter().for_each(back);
        } else {
            types.into_par_iter().for_each(back);
        }
        for (t, totals) in totals.chunks_exact(room).enumerate() {
            sums.input[t] += totals[0];
            sums.change[t] += totals[1];
            let taps = &self.by_target.taps[self.by_target.of_type[t].clone()];
            for (tap, total) in taps.iter().zip(&totals[2..]) {
                sums.group[tap.group as usize] += total;
            }
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
