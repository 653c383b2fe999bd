//! Engines: how a step of the network and its reverse are computed.
//!
//! A state holds the potentials of a few samples side by side, in a layout of the engine's own; outputs are `f(V)` in another one.

pub(super) mod csr;
pub(super) mod stencil;

use sparse_ode::Activation;
use tch_sparse::Real;

/// Numbers that all cells of a type share in a step, `[types]` each.
#[derive(Debug, Clone)]
pub(super) struct Rates<T> {
    /// Resting potential.
    pub(super) bias: Vec<T>,
    /// Part of the way to its target that a cell goes in a step, `dt / max(tau, dt)`.
    pub(super) gain: Vec<T>,
}

/// What is added to the input of cells.
#[derive(Debug, Clone, Copy)]
pub(super) enum Light<'a, T> {
    /// Nothing.
    None,
    /// Luminance by column, in the engine's layout of columns, to all cells that take light.
    Columns(&'a [T]),
    /// A number for each cell, in the layout of states.
    Cells(&'a [T]),
}

/// A step forward.
pub(super) struct Step<'a, T> {
    pub(super) rates: &'a Rates<T>,
    pub(super) activation: Activation,
    pub(super) light: Light<'a, T>,
    /// The state before; none where it stands in `v_next`.
    pub(super) v: Option<&'a [T]>,
    /// Outputs of the state before.
    pub(super) f: &'a [T],
    pub(super) v_next: &'a mut [T],
    pub(super) f_next: &'a mut [T],
}

/// A step backward.
pub(super) struct Pull<'a, T> {
    pub(super) rates: &'a Rates<T>,
    pub(super) activation: Activation,
    pub(super) v: &'a [T],
    pub(super) v_next: &'a [T],
    /// On entry the gradient by `v_next`, on return that by `v` as far as it comes through this step and from `more`. Layout of states.
    pub(super) lambda: &'a mut [T],
    /// The gradient by the input of each cell in this step, in the layout of outputs.
    pub(super) inputs: &'a [T],
    /// That of the step before, from the gradient on return.
    pub(super) inputs_before: &'a mut [T],
    /// The gradient by `v` that comes from elsewhere, in the layout of states.
    pub(super) more: Option<&'a [T]>,
    pub(super) weights: WeightGradient,
}

/// Whether the gradient by the weights is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WeightGradient {
    Wanted,
    Left,
}

/// What steps backward add up.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    /// Gradient by what goes into the cells of a type, `[types]`.
    pub(super) input: Vec<f64>,
    /// Sum of gradient times change of potential, `[types]`.
    pub(super) change: Vec<f64>,
    /// Gradient by the weight of a group of edges, `[groups]`.
    pub(super) group: Vec<f64>,
}

impl Sums {
    pub(super) fn zeros(types: usize, groups: usize) -> Self {
        Self { input: vec![0.0; types], change: vec![0.0; types], group: vec![0.0; groups] }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (to, from) in
            [(&mut self.input, &other.input), (&mut self.change, &other.change), (&mut self.group, &other.group)]
        {
            for (to, from) in to.iter_mut().zip(from) {
                *to += from;
            }
        }
    }
}

/// An engine.
pub(super) trait Engine<T: Real>: Send + Sync {
    /// Weights as the engine wants them.
    type Weights: Send + Sync;
    /// The layout for so many samples side by side.
    type Block: Send + Sync;

    /// Takes the weight of each group of edges, `[groups]`.
    fn weights(&self, by_group: &[T]) -> Self::Weights;
    /// The layout for `width` samples.
    fn block(&self, width: usize) -> Self::Block;
    /// Numbers of a state.
    fn state_len(&self, block: &Self::Block) -> usize;
    /// Numbers of outputs.
    fn output_len(&self, block: &Self::Block) -> usize;
    /// Numbers of light by columns.
    fn light_len(&self, block: &Self::Block) -> usize;
    /// How many samples side by side are computed fastest, a power of two.
    fn widest(&self) -> usize;
    /// Where each cell's first sample stands in a state, `[cells]`.
    fn cells(&self, block: &Self::Block) -> Vec<usize>;
    /// Where a column's first sample stands in light.
    fn column_at(&self, block: &Self::Block, column: u32) -> usize;
    /// Computes outputs of a state. `f` holds outputs of this block, or zeros.
    fn outputs(&self, block: &Self::Block, activation: Activation, v: &[T], f: &mut [T]);
    /// Sets the potential of a cell in all samples, and its output.
    fn set(&self, block: &Self::Block, cell: u32, value: T, output: T, v: &mut [T], f: &mut [T]);
    /// Goes a step.
    fn step(&self, block: &Self::Block, weights: &Self::Weights, step: Step<'_, T>);
    /// Goes a step back.
    fn pull(&self, block: &Self::Block, weights: &Self::Weights, pull: Pull<'_, T>, sums: &mut Sums);
    /// Writes the gradient by the input of each cell, from that by the state after the step.
    fn inputs(&self, block: &Self::Block, rates: &Rates<T>, lambda: &[T], inputs: &mut [T]);
    /// Adds up the gradient by light over the cells that take it, from that by inputs.
    fn light_gradient(&self, block: &Self::Block, inputs: &[T], light: &mut [T]);
    /// Writes the gradient by the input of each cell in the layout of states.
    fn input_gradient(&self, block: &Self::Block, inputs: &[T], cells: &mut [T]);
}

/// Output of one potential.
pub(super) fn output_of<T: Real>(activation: Activation, value: T) -> T {
    let mut one = [value];
    activation.apply(&mut one);
    one[0]
}
