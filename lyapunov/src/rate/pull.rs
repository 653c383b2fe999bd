//! The step of a rate network in reverse.

use super::activation::Activation;
use super::coupling::{Factor, Kind};
use super::network::{Derivative, RateNetwork, RateWork};
use crate::{Differentiable, Point, PointMut, StepMap};
use tch_sparse::Real;
use tch_sparse::dense::{Columns, Rows, product};
use tch_sparse::parallel::sampled_all;

/// Columns whose outer products belong to the gradient of a dense coupling. They are put off, so that many steps' are one product.
#[derive(Debug, Default)]
pub(super) struct Put<T> {
    /// Gradients of `J x`, and `x`: `[columns, neurons]`.
    gradients: Vec<T>,
    factors: Vec<T>,
}

/// Columns that are put off before their product is formed.
const PUT_OFF: usize = 256;

impl<T: Real> RateNetwork<T> {
    /// Where the gradients of gains, shifts and input begin.
    fn offsets(&self) -> [usize; 3] {
        let values = self.coupling.values().len();
        [values, values + self.n_types, values + 2 * self.n_types]
    }

    /// Adds to the gradient of the coupling's values: `dt sum_c g[i, c] x[j, c]`. **Shape**: both `[neurons, columns]`.
    fn add_outer(&self, g: &[T], x: &[T], columns: usize, parameters: &mut [T], put: &mut Put<T>) {
        match &self.coupling.0 {
            Kind::Sparse { pattern, values, .. } => {
                let mut sampled = vec![T::ZERO; values.len()];
                sampled_all(pattern.layout(), g, x, columns, &mut sampled);
                parameters.iter_mut().zip(sampled).for_each(|(to, s)| *to += self.dt * s);
            }
            Kind::Dense { n, .. } => {
                for c in 0..columns {
                    put.gradients.extend((0..*n).map(|i| g[i * columns + c]));
                    put.factors.extend((0..*n).map(|i| x[i * columns + c]));
                }
                if put.gradients.len() >= PUT_OFF * n {
                    self.form(parameters, put);
                }
            }
        }
    }

    /// Forms the products that were put off.
    fn form(&self, parameters: &mut [T], put: &mut Put<T>) {
        let n = self.n();
        let inner = put.gradients.len() / n.max(1);
        if inner == 0 {
            return;
        }
        let (mut left, mut right) = (Rows::zeros(n, inner), Columns::zeros(inner, n));
        left.fill_transposed(&put.gradients, n);
        right.fill_rows(&put.factors, n);
        product(
            &left,
            &right,
            |_, _| inner,
            &mut parameters[..n * n],
            n,
            |tile, into| {
                for ((_, from), to) in tile.by_rows().zip(into.chunks_exact_mut(n)) {
                    for (to, from) in to[tile.columns.clone()].iter_mut().zip(from) {
                        *to += self.dt * *from;
                    }
                }
            },
        );
        put.gradients.clear();
        put.factors.clear();
    }

    /// Pulls back `y = dt J x` for columns `[neurons, columns]`: adds to the coupling's gradient, and leaves `dt Jᵀ g` in `y`.
    #[allow(clippy::too_many_arguments)] // a product's worth
    fn pull_product(
        &self,
        g: &[T],
        x: &[T],
        columns: usize,
        factor: &mut Factor<T>,
        y: &mut [T],
        parameters: &mut [T],
        put: &mut Put<T>,
    ) {
        self.add_outer(g, x, columns, parameters, put);
        factor.fill(columns, |i, start, row| row.copy_from_slice(&g[i * columns + start..][..row.len()]));
        self.coupling.product(factor, columns, true, y);
        y.iter_mut().for_each(|y| *y = self.dt * *y);
    }

    /// The state's part of a step in reverse, with `x̄ = dt Jᵀ ḡ` and what the tangents add.
    fn pull_neuron(&self, i: usize, x: T, by_value: T, by_slope: T, parameters: &mut [T]) -> T {
        let d = self.activation.derivatives(x, self.gain[i], self.shift[i]);
        let [gains, shifts, _] = self.offsets();
        let t = self.types[i] as usize;
        parameters[gains + t] += d.by_gain * by_value + d.slope_by_gain * by_slope;
        parameters[shifts + t] += d.by_shift * by_value + d.slope_by_shift * by_slope;
        d.slope * by_value + d.slope_by_state * by_slope
    }

    fn pull_exact(&self, before: Point<'_, T>, g: &mut PointMut<'_, T>, parameters: &mut [T], work: &mut RateWork<T>) {
        let n = self.n();
        let k = before.tangents.len() / n.max(1);
        let columns = k + 1;
        self.activation.evaluate(before.state, &self.gain, &self.shift, &mut work.value, &mut work.slope);
        let (mut both, mut x) = (vec![T::ZERO; n * columns], vec![T::ZERO; n * columns]);
        for i in 0..n {
            let row = i * columns..(i + 1) * columns;
            both[row.clone()][..k].copy_from_slice(&g.tangents[i * k..(i + 1) * k]);
            both[row.clone()][k] = g.state[i];
            for (x, q) in x[row.clone()].iter_mut().zip(&before.tangents[i * k..(i + 1) * k]) {
                *x = work.slope[i] * *q;
            }
            x[row][k] = work.value[i];
        }
        let factor = if k == 0 { &mut work.single } else { &mut work.factor };
        let y = &mut work.y[..n * columns];
        self.pull_product(&both, &x, columns, factor, y, parameters, &mut work.put);
        let input = self.offsets()[2];
        for (i, y) in y.chunks_exact(columns).enumerate() {
            parameters[input + i] += g.state[i];
            let q = &before.tangents[i * k..(i + 1) * k];
            let by_slope = y.iter().zip(q).fold(T::ZERO, |sum, (y, q)| sum + *y * *q);
            let own = self.pull_neuron(i, before.state[i], y[k], by_slope, parameters);
            g.state[i] = self.keep * g.state[i] + own;
            for (g, y) in g.tangents[i * k..(i + 1) * k].iter_mut().zip(y) {
                *g = self.keep * *g + work.slope[i] * *y;
            }
        }
    }

    fn pull_compat(
        &self,
        n_step: u64,
        before: Point<'_, T>,
        g: &mut PointMut<'_, T>,
        parameters: &mut [T],
        work: &mut RateWork<T>,
    ) {
        let n = self.n();
        let k = before.tangents.len() / n.max(1);
        if k > 0 {
            let mut after = before.state.to_vec();
            self.step(n_step, &mut after, work);
            self.compat_slope(&after, &mut work.slope);
            let x: Vec<T> = (0..n * k).map(|at| work.slope[at / k] * before.tangents[at]).collect();
            let mut factor = self.coupling.factor(k);
            let y = &mut work.y[..n * k];
            self.pull_product(g.tangents, &x, k, &mut factor, y, parameters, &mut work.put);
            let gains = self.offsets()[0];
            for (i, y) in y.chunks_exact(k).enumerate() {
                let row = i * k..(i + 1) * k;
                let by_slope = y.iter().zip(&before.tangents[row.clone()]).fold(T::ZERO, |sum, (y, q)| sum + *y * *q);
                // ψ = g (1 - tanh(h)^2)
                let d = Activation::Tanh.derivatives(after[i], T::ONE, T::ZERO);
                g.state[i] += self.gain[i] * d.slope_by_state * by_slope;
                parameters[gains + self.types[i] as usize] += d.slope * by_slope;
                for (g, y) in g.tangents[row].iter_mut().zip(y) {
                    *g = self.keep * *g + work.slope[i] * *y;
                }
            }
        }
        self.pull_exact(
            Point { state: before.state, tangents: &[] },
            &mut PointMut { state: g.state, tangents: &mut [] },
            parameters,
            work,
        );
    }
}

impl<T: Real> Differentiable<T> for RateNetwork<T> {
    /// Values of the coupling, gains, shifts, input: in this order.
    fn n_parameters(&self) -> usize {
        self.offsets()[2] + self.n()
    }

    fn pull(&self, n: u64, before: Point<'_, T>, mut g: PointMut<'_, T>, parameters: &mut [T], work: &mut RateWork<T>) {
        match self.derivative {
            Derivative::Exact => self.pull_exact(before, &mut g, parameters, work),
            Derivative::FlyStability => self.pull_compat(n, before, &mut g, parameters, work),
        }
    }

    fn flush(&self, parameters: &mut [T], work: &mut RateWork<T>) {
        let mut put = std::mem::take(&mut work.put);
        self.form(parameters, &mut put);
    }
}
