//! The continuous network on a connectome.

use super::builder::{Builder, FromNetwork};
use super::input::Frames;
use super::network::{Network, Through};
use super::options::Init;
use super::solve::{INPUTS, Plan, Solve};
use crate::{Error, SolveFailure, Solver, Stats, Status, TensorTimes, TimePrecision, Times};
use connectome_graph::Topology;
use std::sync::PoisonError;
use tch::{Device, Kind, Tensor};
use tch_function::apply_one;
use tch_sparse::Real;

/// A recurrent network on a connectome in continuous time:
///
/// `dh/dt = (relu(phi(P x(t) + W (s h) + b)) - h) / tau`
///
/// with states `h`, wiring `W` held at or above zero, presynaptic signs `s`, an input projection `P`, biases `b`, a nonlinearity
/// `phi` and time constants `tau`, integrated by an adaptive solver with steps of its own for each sample. The model of bioplnn's
/// `ConnectomeODERNN`.
///
/// # Example
/// ```
/// use connectome_graph::Topology;
/// use sparse_ode::{ConnectomeOdeRnn, Forward};
/// use tch::{Device, Kind, Tensor, nn};
///
/// // Three neurons in a ring, row = postsynaptic.
/// let ring = Topology::from_csr(3, 3, vec![0, 1, 2, 3], vec![2, 0, 1], vec![0.5; 3])?;
/// let vs = nn::VarStore::new(Device::Cpu);
/// let model = ConnectomeOdeRnn::builder(3, &ring).build(&vs.root())?;
/// let x = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));          // [batch, inputs], held
/// let run = model.forward(&x, &Forward::new().num_evals(5))?;
/// assert_eq!(run.hs.size(), [2, 5, 3]);                               // [batch, time, neurons]
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ConnectomeOdeRnn {
    pub(super) network: Network,
    solver: Solver,
}

impl FromNetwork for ConnectomeOdeRnn {
    const HAS_DYNAMICS: bool = true;
    fn from_network(network: Network) -> Self {
        Self { network, solver: Solver::new() }
    }
}

/// What happens at the boundaries of an input's frames, where the field jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FrameBoundaries {
    /// Steps end there and begin anew. The default.
    #[default]
    Restart,
    /// Steps go across, as in bioplnn, with errors far above the tolerances.
    StepAcross,
}

/// What a forward pass does with samples that do not reach the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// It returns [`Error::Solve`]. The default.
    #[default]
    Error,
    /// It returns what there is, NaN where a sample did not come, and the samples' statuses.
    Partial,
}

/// Arguments of a forward pass.
///
/// | argument | default |
/// | --- | --- |
/// | [`num_evals`](Self::num_evals) | 2: start and end |
/// | [`span`](Self::span) | 0 to 1 |
/// | [`h0`](Self::h0), [`init`](Self::init) | the model's `state_init` |
/// | [`frame_boundaries`](Self::frame_boundaries) | restart |
/// | [`on_failure`](Self::on_failure) | error |
#[derive(Debug, Default)]
pub struct Forward<'a> {
    num_evals: Option<usize>,
    span: Option<(f64, f64)>,
    span_of: Option<(&'a Tensor, &'a Tensor)>,
    h0: Option<&'a Tensor>,
    init: Option<Init>,
    frames: FrameBoundaries,
    on_failure: OnFailure,
}

impl<'a> Forward<'a> {
    /// The defaults above.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of equally spaced times at which states are returned, start and end included; at least 2. It does not change the
    /// solver's steps. (`num_steps` in the tutorials.)
    #[must_use]
    pub fn num_evals(mut self, n: usize) -> Self {
        self.num_evals = Some(n);
        self
    }

    /// Start and end time; backward where the end is less.
    #[must_use]
    pub fn span(mut self, start: f64, end: f64) -> Self {
        self.span = Some((start, end));
        self
    }

    /// Start and end time as tensors without dimensions, of Double, that gradients flow to.
    #[must_use]
    pub fn span_of(mut self, start: &'a Tensor, end: &'a Tensor) -> Self {
        self.span_of = Some((start, end));
        self
    }

    /// The starting state, `[batch, neurons]`.
    #[must_use]
    pub fn h0(mut self, h0: &'a Tensor) -> Self {
        self.h0 = Some(h0);
        self
    }

    /// How the starting state is made where none is given.
    #[must_use]
    pub fn init(mut self, init: Init) -> Self {
        self.init = Some(init);
        self
    }

    /// What happens at the boundaries of frames.
    #[must_use]
    pub fn frame_boundaries(mut self, frames: FrameBoundaries) -> Self {
        self.frames = frames;
        self
    }

    /// What happens where samples do not reach the end.
    #[must_use]
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    fn span_tensors(&self) -> Result<(Tensor, Tensor), Error> {
        let number = |v: f64| -> Result<Tensor, Error> { Ok(Tensor::f_full([], v, (Kind::Double, Device::Cpu))?) };
        let Some((start, end)) = self.span_of else {
            let (start, end) = self.span.unwrap_or((0.0, 1.0));
            return Ok((number(start)?, number(end)?));
        };
        for (what, t) in [("the start time", start), ("the end time", end)] {
            if t.dim() != 0 || t.kind() != Kind::Double || t.device() != Device::Cpu {
                let got = format!("{:?} {:?} on {:?}", t.size(), t.kind(), t.device());
                return Err(Error::Input { what, got, want: "[] Double on Cpu".into() });
            }
        }
        Ok((start.shallow_clone(), end.shallow_clone()))
    }
}

/// What a forward pass of [`ConnectomeOdeRnn`] gives.
///
/// Sequences are `[batch, time, ...]`, or `[time, batch, ...]` with [`Layout::TimeFirst`](super::Layout::TimeFirst).
#[derive(Debug)]
pub struct Run {
    /// Outputs, `[batch, time, output_size]`: the states where there is no output projection.
    pub outs: Tensor,
    /// States, `[batch, time, neurons]`; the first is the starting state.
    pub hs: Tensor,
    /// Their times, `[batch, time]`.
    pub ts: Tensor,
    /// How each sample ended, `[batch]`.
    pub status: Vec<Status>,
    /// What each sample took, `[batch]`.
    pub stats: Vec<Stats>,
    /// Evaluations of the right-hand side, each for all samples still running.
    pub evaluations: usize,
    /// First step of each sample before it was fitted to the span, `[batch]`.
    pub initial_step: Vec<f64>,
}

impl ConnectomeOdeRnn {
    /// Begins a model of `input_size` features on a wiring `[neurons, neurons]`, `[post, pre]`.
    pub fn builder(input_size: usize, connectome: &Topology) -> Builder<Self> {
        Builder::new(input_size, connectome)
    }

    /// The solver: method, tolerances, limits. The default is [`Solver::new`]; jumps and the precision of time are set by the
    /// forward pass.
    #[must_use]
    pub fn with_solver(mut self, solver: Solver) -> Self {
        self.solver = solver;
        self
    }

    /// Integrates the network.
    ///
    /// # Arguments
    /// * `x` - input: `[batch, inputs]`, held for all times; or a sequence of frames that share the span equally,
    ///   `[batch, time, inputs]` (`[time, batch, inputs]` with time first), each held until the next one begins
    /// * `forward` - times, starting state and what to do where it fails
    ///
    /// Weights are held at or above zero and time constants at or above one first, in place.
    ///
    /// # Errors
    /// [`Error::Input`] and [`Error::Times`] for arguments that do not fit; [`Error::Solve`] names time, samples and likely cause
    /// where a sample does not reach the end.
    ///
    /// Outputs and states are differentiable with respect to all parameters, the input, the starting state, and start and end where
    /// they are tensors, in the way that the solver's [`adjoint`](Solver::adjoint) names.
    pub fn forward(&self, x: &Tensor, forward: &Forward<'_>) -> Result<Run, Error> {
        self.network.clamp()?;
        self.run(
            x,
            forward,
            match (self.network.device(), self.network.kind()) {
                (Device::Cpu, Kind::Float) => solve_here::<f32>,
                (Device::Cpu, _) => solve_here::<f64>,
                _ => solve_there,
            },
        )
    }

    fn run(&self, x: &Tensor, forward: &Forward<'_>, solve: Solving) -> Result<Run, Error> {
        let network = &self.network;
        let frames = network.frames(x)?;
        let (batch, count) = (frames.size()[0], frames.size()[1] as usize);
        let (start, end) = forward.span_tensors()?;
        let precision = if network.kind() == Kind::Float { TimePrecision::Single } else { TimePrecision::Double };
        let (from, to) = (precision.round(start.double_value(&[])), precision.round(end.double_value(&[])));
        let evals = forward.num_evals.unwrap_or(2);
        let times = Times::span(batch as usize, from, to)?.evenly(evals)?;
        let mut solver = self.solver.clone().time_precision(precision).jumps(&[]);
        let mut when = Frames::ByTime { start: from, end: to, precision };
        if count > 1 && forward.frames == FrameBoundaries::Restart {
            let jumps: Vec<f64> = (1..count).map(|k| from + (to - from) * k as f64 / count as f64).collect();
            solver = solver.jumps(&jumps);
            when = Frames::ByPiece;
        }
        let h0 = network.start(forward.h0, forward.init, batch)?.f_tr()?;
        let plan = Plan { structure: network.structure.clone(), solver, times, when };
        let none = Tensor::f_empty([0], (network.kind(), network.device()))?;
        let inputs = [
            &network.weights()?,
            network.connectome.bias().unwrap_or(&none),
            &network.tau_column()?,
            match &network.input {
                Through::Identity => &none,
                Through::Sparse(layer) => layer.values(),
                Through::Dense(weight, _) => weight,
            },
            &frames,
            &h0,
            &start,
            &end,
        ];
        let (hs, outcome) = solve(&plan, &inputs)?;
        if forward.on_failure == OnFailure::Error
            && let Some(failure) = outcome.failure
        {
            return Err(Error::Solve(failure));
        }
        let outs = read_out(network, &hs, &outcome.stats)?;
        let ts = Tensor::f_from_slice(plan.times.evaluations())?.f_view([batch, evals as i64])?;
        Ok(Run {
            outs: network.to_layout(&outs)?,
            hs: network.to_layout(&hs)?,
            ts: network.to_layout(&ts.f_to_kind(network.kind())?.f_to_device(network.device())?)?,
            status: outcome.status,
            stats: outcome.stats,
            evaluations: outcome.evaluations,
            initial_step: outcome.initial_step,
        })
    }
}

/// Outputs, NaN where a sample did not come; such states have no part in the projection's gradient.
fn read_out(network: &Network, hs: &Tensor, stats: &[Stats]) -> Result<Tensor, Error> {
    let points = hs.size()[1] as usize;
    if stats.iter().all(|s| s.reached == points) {
        return network.read_out(hs);
    }
    let lost: Vec<bool> = stats.iter().flat_map(|s| (0..points).map(|p| p >= s.reached)).collect();
    let lost = Tensor::f_from_slice(&lost)?.f_view([-1, points as i64, 1])?.f_to_device(hs.device())?;
    Ok(network.read_out(&hs.f_masked_fill(&lost, 0.0)?)?.f_masked_fill(&lost, f64::NAN)?)
}

/// How a solve went.
struct Outcome {
    failure: Option<SolveFailure>,
    status: Vec<Status>,
    stats: Vec<Stats>,
    evaluations: usize,
    initial_step: Vec<f64>,
}

/// States `[batch, points, neurons]` of a plan and the operation's inputs.
type Solving = fn(&Plan, &[&Tensor; INPUTS]) -> Result<(Tensor, Outcome), Error>;

/// By the fused field.
fn solve_here<T: Real>(plan: &Plan, inputs: &[&Tensor; INPUTS]) -> Result<(Tensor, Outcome), Error> {
    let op = Solve::<T>::new(plan.clone());
    let outcome = op.outcome.clone();
    let hs = apply_one(op, inputs).map_err(Error::from_op)?;
    let solution = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
    let solution = solution.ok_or_else(|| Error::Times("nothing to solve".into()))?;
    let outcome = Outcome {
        failure: solution.failure(),
        status: solution.status().to_vec(),
        stats: solution.stats().to_vec(),
        evaluations: solution.evaluations(),
        initial_step: solution.initial_step().to_vec(),
    };
    Ok((hs, outcome))
}

/// By libtorch's operations, for parameters on another device.
fn solve_there(plan: &Plan, inputs: &[&Tensor; INPUTS]) -> Result<(Tensor, Outcome), Error> {
    let [parameters @ .., h0, start, end] = inputs;
    let mut times = TensorTimes::try_from(&plan.times)?;
    if start.requires_grad() || end.requires_grad() {
        if plan.when == Frames::ByPiece {
            return Err(Error::Input {
                what: "the span",
                got: "tensors that want gradients, with several frames, on a device other than the CPU".into(),
                want: "one frame, FrameBoundaries::StepAcross, or the CPU".into(),
            });
        }
        let [batch, points] = [plan.times.batch(), plan.times.points()].map(|n| n as i64);
        let share = Tensor::f_linspace(0.0, 1.0, points, (Kind::Double, Device::Cpu))?;
        let eval = share.f_mul(&end.f_sub(start)?)?.f_add(start)?;
        // The numbers are those of the plan; what is added is zero and carries the gradient.
        let carrier = |t: &Tensor| -> Result<Tensor, Error> { Ok(t.f_sub(&t.f_detach()?)?) };
        times = TensorTimes {
            start: times.start.f_add(&carrier(start)?)?,
            end: times.end.f_add(&carrier(end)?)?,
            eval: times.eval.f_add(&carrier(&eval)?.f_expand([batch, points], false)?)?,
        };
    }
    let solution = plan.solver.solve_tensors(plan.tensor_field(), h0, &times, parameters)?;
    let outcome = Outcome {
        failure: solution.failure,
        status: solution.status,
        stats: solution.stats,
        evaluations: solution.evaluations,
        initial_step: solution.initial_step,
    };
    Ok((solution.values, outcome))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Layout, NeuronClass, NeuronTypes, PerNeuron, Projection, Tau};
    use connectome_graph::Duplicates;
    use tch::nn::VarStore;

    /// What runs on other devices gives the states and gradients of the fused field, with sequences in either layout.
    #[test]
    fn both_fields_agree() {
        let edges: Vec<(u32, u32)> = (0..6).flat_map(|i| [(i, (i + 1) % 6), (i, (i * 2 + 3) % 6)]).collect();
        let (post, pre): (Vec<u32>, Vec<u32>) = edges.into_iter().unzip();
        let wiring = Topology::from_edges(6, 6, &post, &pre, &[0.7; 12], Duplicates::Sum).unwrap();
        let labels = ["a", "b", "b", "a", "a", "b"];
        let of = |layout: Layout, frames: FrameBoundaries, solve: Solving| -> Vec<Vec<f64>> {
            let mut vs = VarStore::new(Device::Cpu);
            vs.set_kind(Kind::Double);
            let model = ConnectomeOdeRnn::builder(4, &wiring)
                .layout(layout)
                .input_projection(Projection::Dense)
                .neuron_types(NeuronTypes::from_labels(&labels))
                .neuron_class(PerNeuron::Types(vec![NeuronClass::Excitatory, NeuronClass::Inhibitory]))
                .tau(Tau::Given(PerNeuron::Types(vec![1.4, 2.5])))
                .nonlinearity(PerNeuron::Types(vec![Activation::Sigmoid.into(), Activation::Softplus.into()]))
                .build(&vs.root())
                .unwrap();
            let x = (Tensor::arange(3 * 5 * 4, (Kind::Double, Device::Cpu)) * 0.37).sin();
            let shape = if layout == Layout::BatchFirst { [3, 5, 4] } else { [5, 3, 4] };
            let x = x.view(shape).set_requires_grad(true);
            let forward = Forward::new().num_evals(4).frame_boundaries(frames);
            let run = model.run(&x, &forward, solve).unwrap();
            (&run.hs * &run.hs).sum(Kind::Double).backward();
            let mut leaves: Vec<(String, Tensor)> = vs.variables().into_iter().collect();
            leaves.sort_by(|a, b| a.0.cmp(&b.0));
            let gradients = leaves.iter().map(|(_, v)| v.grad()).chain([x.grad(), run.hs.detach()]);
            gradients.map(|t| Vec::try_from(t.contiguous().view(-1)).unwrap()).collect()
        };
        for layout in [Layout::BatchFirst, Layout::TimeFirst] {
            for frames in [FrameBoundaries::Restart, FrameBoundaries::StepAcross] {
                let (fused, tensors) = (of(layout, frames, solve_here::<f64>), of(layout, frames, solve_there));
                for (a, b) in fused.iter().flatten().zip(tensors.iter().flatten()) {
                    assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{layout:?}, {frames:?}: {a} and {b}");
                }
            }
        }
    }
}
