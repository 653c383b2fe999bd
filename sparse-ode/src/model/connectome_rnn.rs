//! The discrete networks.

use super::builder::{Builder, FromNetwork};
use super::network::Network;
use super::options::Init;
use crate::Error;
use connectome_graph::Topology;
use tch::Tensor;

/// A recurrent network on a connectome in discrete time:
///
/// `h' = n / tau + (1 - 1 / tau) h` with `n = relu(phi(P x + W (s h) + b))`
///
/// The symbols are those of [`ConnectomeOdeRnn`](super::ConnectomeOdeRnn), of which this is Euler's method with step 1; the model of
/// bioplnn's `ConnectomeRNN`. Differentiable with respect to all parameters, the input and the starting state.
#[derive(Debug)]
pub struct ConnectomeRnn {
    pub(super) network: Network,
}

/// A sparse recurrent network in discrete time without time constants, signs or rectification: `h' = phi(P x + W h + b)`. The model
/// of bioplnn's `SparseRNN`; time constants and inhibitory classes are refused, and weights are held at or above zero unless
/// [`SignRule::Signed`](super::SignRule::Signed) is chosen.
#[derive(Debug)]
pub struct SparseRnn {
    network: Network,
}

impl FromNetwork for ConnectomeRnn {
    const HAS_DYNAMICS: bool = true;
    fn from_network(network: Network) -> Self {
        Self { network }
    }
}

impl FromNetwork for SparseRnn {
    const HAS_DYNAMICS: bool = false;
    fn from_network(network: Network) -> Self {
        Self { network }
    }
}

/// Arguments of a discrete forward pass.
///
/// | argument | default |
/// | --- | --- |
/// | [`num_steps`](Self::num_steps) | the number of frames; needed where the input is held |
/// | [`h0`](Self::h0), [`init`](Self::init) | the model's `state_init` |
#[derive(Debug, Default)]
pub struct Steps<'a> {
    num_steps: Option<usize>,
    h0: Option<&'a Tensor>,
    init: Option<Init>,
}

impl<'a> Steps<'a> {
    /// The defaults above.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of steps; for a sequence it must be its length.
    #[must_use]
    pub fn num_steps(mut self, n: usize) -> Self {
        self.num_steps = Some(n);
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
}

/// What a discrete forward pass gives: `[batch, time, ...]`, or `[time, batch, ...]` with time first.
#[derive(Debug)]
pub struct Sequence {
    /// Outputs, `[batch, time, output_size]`: the states where there is no output projection.
    pub outs: Tensor,
    /// States after each step, `[batch, time, neurons]`; the starting state is not among them.
    pub hs: Tensor,
}

/// Runs the steps of a network, each by `step(drive [neurons, batch], h [neurons, batch])`.
fn run(
    network: &Network,
    x: &Tensor,
    steps: &Steps<'_>,
    step: impl Fn(&Tensor, &Tensor) -> Result<Tensor, Error>,
) -> Result<Sequence, Error> {
    let frames = network.frames(x)?;
    let (batch, count) = (frames.size()[0], frames.size()[1] as usize);
    let held = x.dim() == 2;
    let n = match steps.num_steps {
        None if held => {
            return Err(Error::Option { option: "num_steps", what: "a held input needs a number of steps".into() });
        }
        Some(0) => {
            return Err(Error::Option { option: "num_steps", what: "0; at least one step is needed".into() });
        }
        Some(n) if !held && n != count => {
            return Err(Error::Option { option: "num_steps", what: format!("{n} for a sequence of {count} frames") });
        }
        Some(n) => n,
        None => count,
    };
    let mut h = network.start(steps.h0, steps.init, batch)?;
    let mut drive = Tensor::new();
    let mut states = Vec::with_capacity(n);
    for t in 0..n {
        if t == 0 || !held {
            drive = network.drive(&frames.f_select(1, t as i64)?.f_tr()?)?;
        }
        h = step(&drive, &h)?;
        states.push(h.f_tr()?);
    }
    let hs = Tensor::f_stack(&states, 1)?;
    let outs = network.read_out(&hs)?;
    Ok(Sequence { outs: network.to_layout(&outs)?, hs: network.to_layout(&hs)? })
}

impl ConnectomeRnn {
    /// Begins a model of `input_size` features on a wiring `[neurons, neurons]`, `[post, pre]`.
    pub fn builder(input_size: usize, connectome: &Topology) -> Builder<Self> {
        Builder::new(input_size, connectome)
    }

    /// Runs the network on `x`: `[batch, inputs]`, held, or a sequence `[batch, time, inputs]` (`[time, batch, inputs]` with time
    /// first). Weights are held at or above zero and time constants at or above one first, in place.
    ///
    /// # Errors
    /// [`Error::Input`] and [`Error::Option`] for arguments that do not fit, and what libtorch reports.
    pub fn forward(&self, x: &Tensor, steps: &Steps<'_>) -> Result<Sequence, Error> {
        let network = &self.network;
        network.clamp()?;
        let (matrix, sign) = (network.matrix()?, network.structure.sign_column(network.kind(), network.device())?);
        let rate = network.tau_column()?.f_reciprocal()?;
        let kept = rate.f_neg()?.f_add_scalar(1.0)?;
        run(network, x, steps, |drive, h| {
            let z = network.summed(&matrix, sign.as_ref(), drive, h)?;
            let n = network.structure.activate(&z)?.f_relu()?;
            Ok(n.f_mul(&rate)?.f_add(&h.f_mul(&kept)?)?)
        })
    }
}

impl SparseRnn {
    /// Begins a model of `input_size` features on a wiring `[neurons, neurons]`, `[post, pre]`.
    pub fn builder(input_size: usize, connectome: &Topology) -> Builder<Self> {
        Builder::new(input_size, connectome)
    }

    /// Runs the network, as [`ConnectomeRnn::forward`].
    ///
    /// # Errors
    /// [`Error::Input`] and [`Error::Option`] for arguments that do not fit, and what libtorch reports.
    pub fn forward(&self, x: &Tensor, steps: &Steps<'_>) -> Result<Sequence, Error> {
        let network = &self.network;
        network.clamp()?;
        let matrix = network.matrix()?;
        run(network, x, steps, |drive, h| network.structure.activate(&network.summed(&matrix, None, drive, h)?))
    }
}
