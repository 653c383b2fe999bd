//! The network as a vector field, for solvers that choose their steps.

use sparse_ode::{Activation, At, FieldError, Solver, Times, VectorField};
use tch::{Device, Kind, Tensor};
use tch_function::slices::{as_slice, filled};
use tch_sparse::kernel::Into;
use tch_sparse::parallel::product_all;
use tch_sparse::{Aligned, Real};

use super::engine::csr::Csr;
use super::model::Network;
use super::operation::Constants;
use super::run::{Response, Run, Stimulus};
use crate::Error;

/// A network integrated by steps of the solver's choice, each sample with its own, frames of a movie being held.
///
/// `tau dV/dt = -V + b + W f(V) + x(t)` without the reference's bound of time constants from below by the length of a frame.
#[derive(Debug)]
pub struct Adaptive<'a> {
    network: &'a Network,
    csr: Csr,
    solver: Solver,
}

impl<'a> Adaptive<'a> {
    /// With a solver; its method, tolerances and limits are the caller's. Default solver: [`Solver::new`].
    ///
    /// # Errors
    /// [`Error::Product`] if the wiring has no pattern.
    pub fn new(network: &'a Network, solver: Solver) -> Result<Self, Error> {
        Ok(Self { network, csr: Csr::new(&network.wiring)?, solver })
    }

    /// Runs through a stimulus; potentials at the ends of frames. It is computed on the CPU, wherever the network is, and so are its results.
    ///
    /// # Errors
    /// As [`Network::simulate`]; [`Error::Solver`] if the solver gives up.
    pub fn simulate<'b>(
        &self,
        stimulus: impl std::convert::Into<Stimulus<'b>>,
        run: &Run<'_>,
    ) -> Result<Response, Error> {
        let stimulus = stimulus.into();
        match self.network.kind() {
            Kind::Double => self.run::<f64>(stimulus, run),
            _ => self.run::<f32>(stimulus, run),
        }
    }

    fn run<T: Real>(&self, stimulus: Stimulus<'_>, run: &Run<'_>) -> Result<Response, Error> {
        let network = self.network;
        let mut checked = network.checked(stimulus, run)?;
        // the solver works on the CPU
        for t in [&mut checked.shown, &mut checked.start].into_iter().flatten() {
            *t = t.f_to_device(Device::Cpu)?;
        }
        let [record, also] = [run.record.cells(&network.wiring)?, run.also.cells(&network.wiring)?];
        let (n, batch, frames) = (network.wiring.n_cells(), checked.batch, checked.frames);
        let constants = Constants::<T>::new(&network.wiring, &network.parameters.on_cpu()?, run.dt, network.compat);
        let tau = as_slice::<T>(&network.parameters.on_cpu()?[1]).to_vec();
        let per_type = |list: &[T]| network.wiring.cell_types().iter().map(|&t| list[t as usize]).collect::<Vec<T>>();
        let bias = per_type(&constants.rates.bias);
        let mut start: Vec<T> = match &checked.start {
            Some(start) => as_slice::<T>(start).to_vec(),
            None => bias.iter().copied().cycle().take(n * batch).collect(),
        };
        for sample in start.chunks_exact_mut(n) {
            for &(cell, value) in &network.held {
                sample[cell as usize] = T::from_f64(value);
            }
        }
        let shape = |record: &[u32]| [batch as i64, frames as i64, record.len() as i64];
        if frames == 0 || batch == 0 {
            let last = filled::<T>(&[batch as i64, n as i64], |to| to.copy_from_slice(&start))?;
            let nothing = |record: &[u32]| Tensor::f_zeros(shape(record), (T::KIND, Device::Cpu));
            return Ok(Response { activity: nothing(&record)?, also: nothing(&also)?, last });
        }
        let mut field = Field {
            csr: &self.csr,
            values: self.csr.values(&constants.weights),
            bias,
            rate: per_type(&tau).into_iter().map(|tau| T::ONE / tau).collect(),
            inputs: network.wiring.inputs(),
            n_columns: network.wiring.n_columns(),
            activation: network.activation(),
            held: &network.held,
            shown: checked.shown.as_ref().map(as_slice::<T>),
            by_cell: checked.by_cell,
            frames,
            outputs: Aligned::zeros(0),
        };
        let ends: Vec<f64> = (1..=frames).map(|frame| frame as f64 * run.dt).collect();
        let times = Times::span(batch, 0.0, ends[frames - 1])?.evaluate(&ends)?;
        let solver = self.solver.clone().jumps(&ends[..frames - 1]);
        let solution = solver.solve(&mut field, &start, &times)?.into_success()?;
        let states = solution.values();
        let recorded = |record: &[u32]| {
            filled::<T>(&shape(record), |to| {
                for (to, state) in to.chunks_exact_mut(record.len().max(1)).zip(states.chunks_exact(n)) {
                    for (to, &cell) in to.iter_mut().zip(record) {
                        *to = state[cell as usize];
                    }
                }
            })
        };
        let last = filled::<T>(&[batch as i64, n as i64], |to| to.copy_from_slice(solution.end()))?;
        Ok(Response { activity: recorded(&record)?, also: recorded(&also)?, last })
    }
}

/// `(-V + b + W f(V) + x) / tau`.
struct Field<'a, T> {
    csr: &'a Csr,
    values: Vec<T>,
    bias: Vec<T>,
    /// One over the time constant of each cell.
    rate: Vec<T>,
    inputs: &'a [(u32, u32)],
    n_columns: usize,
    activation: Activation,
    held: &'a [(u32, f64)],
    shown: Option<&'a [T]>,
    by_cell: bool,
    frames: usize,
    outputs: Aligned<T>,
}

impl<T: Real> VectorField<T> for Field<'_, T> {
    fn features(&self) -> usize {
        self.bias.len()
    }

    fn eval(&mut self, at: At<'_>, y: &[T], dy: &mut [T]) -> Result<(), FieldError> {
        let batch = at.t.len();
        if self.outputs.len() != y.len() {
            self.outputs = Aligned::zeros(y.len());
        }
        self.outputs.copy_from_slice(y);
        self.activation.apply(&mut self.outputs);
        product_all(self.csr.pattern().layout(), &self.values, &self.outputs, batch, Into::Replace, dy);
        if let Some(shown) = self.shown {
            let per_frame = if self.by_cell { self.bias.len() } else { self.n_columns };
            for (b, (&sample, &frame)) in at.sample.iter().zip(at.piece).enumerate() {
                let frame = &shown[(sample * self.frames + frame.min(self.frames - 1)) * per_frame..][..per_frame];
                if self.by_cell {
                    for (cell, &x) in frame.iter().enumerate() {
                        dy[cell * batch + b] += x;
                    }
                } else {
                    for &(cell, column) in self.inputs {
                        dy[cell as usize * batch + b] += frame[column as usize];
                    }
                }
            }
        }
        let cells = dy.chunks_exact_mut(batch).zip(y.chunks_exact(batch)).zip(self.bias.iter().zip(&self.rate));
        for ((dy, y), (&bias, &rate)) in cells {
            for (dy, &y) in dy.iter_mut().zip(y) {
                *dy = rate * (bias + *dy - y);
            }
        }
        for &(cell, _) in self.held {
            dy[cell as usize * batch..][..batch].fill(T::ZERO);
        }
        Ok(())
    }
}
