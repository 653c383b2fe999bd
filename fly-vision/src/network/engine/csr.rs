//! The engine for any list of edges: a sparse matrix, cells by samples.

use sparse_ode::Activation;
use tch_sparse::kernel::Into;
use tch_sparse::parallel::{product_all, product_and_sampled_all, transpose_values};
use tch_sparse::{Real, SparsityPattern};

use super::{Engine, Light, Pull, Rates, Step, Sums, WeightGradient};
use crate::Error;
use crate::network::wiring::Wiring;

/// The pattern of a network, and what its cells and entries share.
#[derive(Debug)]
pub(in crate::network) struct Csr {
    pattern: SparsityPattern,
    /// Entry of each edge. Several edges between the same cells share one.
    slot: Vec<u32>,
    group: Vec<u32>,
    cell_type: Vec<u32>,
    inputs: Vec<(u32, u32)>,
    n_columns: usize,
    /// Edges in the order of the transpose's entries: where those of each begin, and the groups.
    by_entry: (Vec<u32>, Vec<u32>),
}

/// Values by rows and by columns.
pub(in crate::network) struct Values<T> {
    forward: Vec<T>,
    backward: Vec<T>,
}

impl Csr {
    pub(in crate::network) fn new(wiring: &Wiring) -> Result<Self, Error> {
        let n = wiring.n_cells();
        let (pattern, slot) = SparsityPattern::from_coo(n, n, wiring.target(), wiring.source())?;
        let by_entry = Self::by_entry(&pattern, &slot, wiring.edge_groups());
        Ok(Self {
            pattern,
            slot,
            group: wiring.edge_groups().to_vec(),
            cell_type: wiring.cell_types().to_vec(),
            inputs: wiring.inputs().to_vec(),
            n_columns: wiring.n_columns(),
            by_entry,
        })
    }

    fn by_entry(pattern: &SparsityPattern, slot: &[u32], group: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let n = pattern.n_entries();
        let mut rank = vec![0u32; n];
        for (at, &entry) in pattern.transposed().position().iter().enumerate() {
            rank[entry as usize] = at as u32;
        }
        let mut start = vec![0u32; n + 1];
        for &entry in slot {
            start[rank[entry as usize] as usize + 1] += 1;
        }
        for i in 0..n {
            start[i + 1] += start[i];
        }
        let mut next = start.clone();
        let mut groups = vec![0u32; slot.len()];
        for (&entry, &g) in slot.iter().zip(group) {
            let place = &mut next[rank[entry as usize] as usize];
            groups[*place as usize] = g;
            *place += 1;
        }
        (start, groups)
    }

    pub(in crate::network) fn pattern(&self) -> &SparsityPattern {
        &self.pattern
    }

    /// Entry and group of each edge.
    pub(in crate::network) fn edges(&self) -> (&[u32], &[u32]) {
        (&self.slot, &self.group)
    }

    /// The value of each entry, from the weight of each group.
    pub(in crate::network) fn values<T: Real>(&self, by_group: &[T]) -> Vec<T> {
        let mut values = vec![T::ZERO; self.pattern.n_entries()];
        for (&entry, &g) in self.slot.iter().zip(&self.group) {
            values[entry as usize] += by_group[g as usize];
        }
        values
    }

    /// Adds light to the inputs of cells.
    fn lighten<T: Real>(&self, width: usize, light: Light<'_, T>, input: &mut [T]) {
        match light {
            Light::None => {}
            Light::Columns(x) => {
                for &(cell, column) in &self.inputs {
                    let from = &x[column as usize * width..][..width];
                    for (to, from) in input[cell as usize * width..][..width].iter_mut().zip(from) {
                        *to += *from;
                    }
                }
            }
            Light::Cells(x) => {
                for (to, from) in input.iter_mut().zip(x) {
                    *to += *from;
                }
            }
        }
    }
}

impl<T: Real> Engine<T> for Csr {
    type Weights = Values<T>;
    /// Samples side by side.
    type Block = usize;

    fn weights(&self, by_group: &[T]) -> Values<T> {
        let forward = self.values(by_group);
        let mut backward = vec![T::ZERO; forward.len()];
        transpose_values(self.pattern.transposed(), &forward, &mut backward);
        Values { forward, backward }
    }

    fn block(&self, width: usize) -> usize {
        width
    }

    fn state_len(&self, &width: &usize) -> usize {
        self.cell_type.len() * width
    }

    fn output_len(&self, &width: &usize) -> usize {
        self.cell_type.len() * width
    }

    fn light_len(&self, &width: &usize) -> usize {
        self.n_columns * width
    }

    fn widest(&self) -> usize {
        16
    }

    fn cells(&self, &width: &usize) -> Vec<usize> {
        (0..self.cell_type.len()).map(|cell| cell * width).collect()
    }

    fn column_at(&self, &width: &usize, column: u32) -> usize {
        column as usize * width
    }

    fn outputs(&self, _: &usize, activation: Activation, v: &[T], f: &mut [T]) {
        f.copy_from_slice(v);
        activation.apply(f);
    }

    fn set(&self, &width: &usize, cell: u32, value: T, output: T, v: &mut [T], f: &mut [T]) {
        let at = cell as usize * width;
        v[at..at + width].fill(value);
        f[at..at + width].fill(output);
    }

    fn step(&self, &width: &usize, weights: &Values<T>, step: Step<'_, T>) {
        let Step { rates, activation, light, v, f, v_next, f_next } = step;
        if let Some(v) = v {
            v_next.copy_from_slice(v);
        }
        // outputs come last: until then their place holds the inputs
        product_all(self.pattern.layout(), &weights.forward, f, width, Into::Replace, f_next);
        self.lighten(width, light, f_next);
        let cells = v_next.chunks_exact_mut(width).zip(f_next.chunks_exact(width)).zip(&self.cell_type);
        for ((v, input), &t) in cells {
            let (bias, gain) = (rates.bias[t as usize], rates.gain[t as usize]);
            for (v, &input) in v.iter_mut().zip(input) {
                *v = *v + gain * (bias + input - *v);
            }
        }
        self.outputs(&width, activation, v_next, f_next);
    }

    fn pull(&self, &width: &usize, weights: &Values<T>, pull: Pull<'_, T>, sums: &mut Sums) {
        let Pull { rates, activation, v, v_next, lambda, inputs, inputs_before, more, weights: wanted } = pull;
        let cells = lambda.chunks_exact(width).zip(inputs.chunks_exact(width)).zip(&self.cell_type);
        for (((lambda, input), &t), (v, v_next)) in cells.zip(v.chunks_exact(width).zip(v_next.chunks_exact(width))) {
            for (((input, &lambda), &v), &v_next) in input.iter().zip(lambda).zip(v).zip(v_next) {
                sums.input[t as usize] += input.to_f64();
                sums.change[t as usize] += lambda.to_f64() * (v_next.to_f64() - v.to_f64());
            }
        }
        let transposed = self.pattern.transposed().layout();
        let mut back = vec![T::ZERO; lambda.len()];
        match wanted {
            WeightGradient::Left => {
                product_all(transposed, &weights.backward, inputs, width, Into::Replace, &mut back);
            }
            WeightGradient::Wanted => {
                let mut gradient = vec![T::ZERO; transposed.n_entries()];
                // until they are written, the place of the inputs of the step before holds outputs
                self.outputs(&width, activation, v, inputs_before);
                product_and_sampled_all(
                    transposed,
                    &weights.backward,
                    inputs,
                    inputs_before,
                    width,
                    Into::Replace,
                    &mut back,
                    &mut gradient,
                );
                let (start, groups) = &self.by_entry;
                for (ends, gradient) in start.windows(2).zip(gradient) {
                    for &g in &groups[ends[0] as usize..ends[1] as usize] {
                        sums.group[g as usize] += gradient.to_f64();
                    }
                }
            }
        }
        activation.multiply_slope(v, &mut back);
        let cells = lambda.chunks_exact_mut(width).zip(back.chunks_exact(width)).zip(&self.cell_type);
        for ((lambda, back), &t) in cells {
            let stays = T::ONE - rates.gain[t as usize];
            for (lambda, &back) in lambda.iter_mut().zip(back) {
                *lambda = stays * *lambda + back;
            }
        }
        if let Some(more) = more {
            for (lambda, &more) in lambda.iter_mut().zip(more) {
                *lambda += more;
            }
        }
        self.inputs(&width, rates, lambda, inputs_before);
    }

    fn inputs(&self, &width: &usize, rates: &Rates<T>, lambda: &[T], inputs: &mut [T]) {
        let cells = lambda.chunks_exact(width).zip(inputs.chunks_exact_mut(width)).zip(&self.cell_type);
        for ((lambda, inputs), &t) in cells {
            for (input, &lambda) in inputs.iter_mut().zip(lambda) {
                *input = rates.gain[t as usize] * lambda;
            }
        }
    }

    fn light_gradient(&self, &width: &usize, inputs: &[T], light: &mut [T]) {
        light.fill(T::ZERO);
        for &(cell, column) in &self.inputs {
            let from = &inputs[cell as usize * width..][..width];
            for (to, from) in light[column as usize * width..][..width].iter_mut().zip(from) {
                *to += *from;
            }
        }
    }

    fn input_gradient(&self, _: &usize, inputs: &[T], cells: &mut [T]) {
        cells.copy_from_slice(inputs);
    }
}
