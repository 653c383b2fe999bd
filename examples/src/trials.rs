//! Solves that are timed and judged: small problems and the connectome in one form.

use crate::Error;
use crate::data::{self, Digits};
use crate::problems::Problem;
use crate::states::mean;
use connectome_graph::hex::{Extent, expand};
use connectome_graph::projection::{Direction, projection};
use connectome_graph::{Topology, WeightRule};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sparse_ode::{ConnectomeOdeRnn, Forward, OnFailure, Projection, Solver, Status, Times, per_sample};
use std::time::Instant;
use tch::{Device, Kind, Tensor, nn};

/// What a solve of one sample gave and took.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// How it ended.
    pub status: Status,
    /// The last state, `[features]`.
    pub end: Vec<f64>,
    /// Steps tried.
    pub steps: usize,
    /// Steps of these that were rejected.
    pub rejected: usize,
    /// Evaluations of the right-hand side.
    pub evaluations: usize,
    /// Wall time.
    pub seconds: f64,
}

type Solve = Box<dyn FnMut(Solver) -> Result<Trial, Error>>;

/// A problem that can be solved again and again.
pub struct Case {
    name: &'static str,
    end: f64,
    solve: Solve,
}

impl Case {
    /// A small problem in double precision.
    pub fn small(problem: Problem) -> Self {
        let Problem { name, y0, end, field } = problem;
        let solve = move |solver: Solver| {
            let mut field = per_sample(y0.len(), |_t, _sample, y: &[f64], dy: &mut [f64]| field(y, dy));
            let start = Instant::now();
            let solution = solver.solve(&mut field, &y0, &Times::span(1, 0.0, end)?)?;
            let seconds = start.elapsed().as_secs_f64();
            let (status, stats) = (solution.status()[0], solution.stats()[0]);
            let (rejected, evaluations) = (stats.steps - stats.accepted, solution.evaluations());
            Ok(Trial { status, end: solution.end().to_vec(), steps: stats.steps, rejected, evaluations, seconds })
        };
        Self { name, end, solve: Box::new(solve) }
    }

    /// A network on one digit, from t = 0 to 1.
    ///
    /// # Errors
    /// Of the model's builder.
    pub fn connectome(network: &Network, kind: Kind) -> Result<Self, Error> {
        let mut vs = nn::VarStore::new(Device::Cpu);
        vs.set_kind(kind);
        let model = ConnectomeOdeRnn::builder(Digits::PIXELS, &network.wiring)
            .input_projection(Projection::Sparse(network.input.clone()))
            .build(&vs.root())?;
        let x = Tensor::from_slice(&network.image).to_kind(kind).view([1, Digits::PIXELS as i64]);
        let mut held = Some(model);
        let solve = move |solver: Solver| {
            let given = held.take().ok_or("the network is lost: a solve before this one panicked")?;
            let model = held.insert(given.with_solver(solver));
            let start = Instant::now();
            let run = tch::no_grad(|| model.forward(&x, &Forward::new().on_failure(OnFailure::Partial)))?;
            let seconds = start.elapsed().as_secs_f64();
            let (status, stats) = (run.status[0], run.stats[0]);
            let end = Vec::try_from(run.hs.get(0).get(-1).to_kind(Kind::Double))?;
            let (rejected, evaluations) = (stats.steps - stats.accepted, run.evaluations);
            Ok(Trial { status, end, steps: stats.steps, rejected, evaluations, seconds })
        };
        Ok(Self { name: "fly connectome", end: 1.0, solve: Box::new(solve) })
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// When it ends; it begins at 0.
    pub fn end(&self) -> f64 {
        self.end
    }

    /// Solves it.
    ///
    /// # Errors
    /// For settings that make no sense; a solve that does not reach the end says so in [`Trial::status`].
    pub fn solve(&mut self, solver: Solver) -> Result<Trial, Error> {
        (self.solve)(solver)
    }
}

/// The fly's visual system as a network for digits: weights such that the inputs of a neuron add up to 1 in the mean, and a neuron
/// for each pixel, drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    wiring: Topology,
    input: Topology,
    image: Vec<f32>,
}

impl Network {
    /// Expands the connectome to this many rings of columns around the central one.
    ///
    /// # Errors
    /// If a file is missing or damaged.
    pub fn new(extent: u32) -> Result<Self, Error> {
        let synapses = expand(&data::fly()?, Extent(extent))?.topology(WeightRule::Magnitude)?;
        let (neurons, per_neuron) = (synapses.n_post(), mean(synapses.in_strength()));
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let receivers: Vec<u32> = (0..Digits::PIXELS).map(|_| rng.random_range(0..neurons as u32)).collect();
        Ok(Self {
            wiring: synapses.map_weights(|n| n / per_neuron)?,
            input: projection(Digits::PIXELS, neurons, Some(&receivers), Direction::Input)?,
            image: Digits::first(1)?.normalised(),
        })
    }

    /// The wiring, `[post, pre]`.
    pub fn wiring(&self) -> &Topology {
        &self.wiring
    }
}

/// Distance of `a` from `b` relative to `b`, in the Euclidean norm.
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    let (apart, size) = a.iter().zip(b).fold((0.0, 0.0), |(d, s), (a, b)| (d + (a - b).powi(2), s + b * b));
    f64::sqrt(apart / size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problems;

    #[test]
    fn a_case_is_solved_to_its_end() {
        let [oscillation, ..] = problems::standard();
        let mut case = Case::small(oscillation);
        let trial = case.solve(Solver::new().tolerances(1e-12, 1e-9)).expect("a solution");
        let t = case.end();
        assert!(distance(&trial.end, &[t.cos(), -t.sin()]) < 1e-7, "{:?}", trial.end);
        assert!(trial.steps > trial.rejected && trial.evaluations > 6 * trial.steps);
        assert_eq!(case.solve(Solver::new().max_steps(Some(3))).map(|t| t.status).ok(), Some(Status::ReachedMaxSteps));
    }

    #[test]
    fn distance_is_relative() {
        assert_eq!(distance(&[3.0, 0.0], &[3.0, 4.0]), 0.8);
        assert_eq!(distance(&[1.0], &[1.0]), 0.0);
    }
}
