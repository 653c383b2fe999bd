//! Networks that classify: a recurrent network and a readout of two layers.

use super::builder::Builder;
use super::checks::refuse;
use super::connectome_ode_rnn::{ConnectomeOdeRnn, Forward, Run};
use super::connectome_rnn::{ConnectomeRnn, Sequence, Steps};
use super::draw::{self, Stream};
use super::network::Network;
use super::options::{Layout, Training};
use super::sparse_linear::parameter;
use crate::{Error, Solver};
use tch::Tensor;
use tch::nn::Path;

/// Settings of a readout: output -> linear -> relu -> dropout -> linear -> logits.
///
/// | setting | default |
/// | --- | --- |
/// | [`hidden`](Self::hidden) | 512 |
/// | [`dropout`](Self::dropout) | 0.2 |
/// | [`seed`](Self::seed) | 0 |
#[derive(Debug, Clone, PartialEq)]
pub struct Readout {
    classes: usize,
    hidden: usize,
    dropout: f64,
    seed: u64,
}

impl Readout {
    /// A readout for a number of classes.
    pub fn new(classes: usize) -> Self {
        Self { classes, hidden: 512, dropout: 0.2, seed: 0 }
    }

    /// Units of the hidden layer (`fc_dim` of bioplnn).
    #[must_use]
    pub fn hidden(mut self, units: usize) -> Self {
        self.hidden = units;
        self
    }

    /// Probability with which a hidden unit is left out in training, from 0 to below 1.
    #[must_use]
    pub fn dropout(mut self, p: f64) -> Self {
        self.dropout = p;
        self
    }

    /// Seed of the starting weights: uniform within `1/sqrt(inputs)` of each layer, biases too, as torch's linear layers. They are
    /// independent of the network's, whatever its seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn check(&self) -> Result<(), Error> {
        if self.classes == 0 || self.hidden == 0 {
            let what = format!("{} hidden units, {} classes; at least one of each", self.hidden, self.classes);
            return refuse("readout", what);
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse("dropout", format!("{}; a probability from 0 to below 1", self.dropout));
        }
        Ok(())
    }
}

/// Whether a readout is trained or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Dropout is on, drawn from libtorch's generator.
    Train,
    /// Dropout is off.
    Evaluate,
}

/// Times at which outputs are classified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadAt {
    /// The last one: logits `[batch, classes]`. The default.
    #[default]
    LastTime,
    /// All: logits `[time, batch, classes]` in either layout.
    AllTimes,
}

/// What a classifier gives.
#[derive(Debug)]
pub struct Prediction<R> {
    /// Logits, `[batch, classes]`, or `[time, batch, classes]` with [`ReadAt::AllTimes`].
    pub logits: Tensor,
    /// Outputs and states of the network.
    pub run: R,
}

/// A discrete recurrent network on a connectome with a readout; bioplnn's `ConnectomeClassifier`.
#[derive(Debug)]
pub struct ConnectomeClassifier {
    rnn: ConnectomeRnn,
    readout: Layers,
}

/// A continuous recurrent network on a connectome with a readout; bioplnn's `ConnectomeODEClassifier`.
///
/// # Example
/// ```
/// use connectome_graph::Topology;
/// use sparse_ode::{ConnectomeOdeClassifier, ConnectomeOdeRnn, Forward, Mode, ReadAt, Readout};
/// use tch::{Device, Kind, Tensor, nn};
///
/// let ring = Topology::from_csr(4, 4, vec![0, 1, 2, 3, 4], vec![3, 0, 1, 2], vec![0.5; 4])?;
/// let vs = nn::VarStore::new(Device::Cpu);
/// let model = ConnectomeOdeClassifier::new(&vs.root(), ConnectomeOdeRnn::builder(4, &ring), &Readout::new(10).hidden(16))?;
/// let images = Tensor::zeros([3, 1, 2, 2], (Kind::Float, Device::Cpu));       // [batch, channels, height, width]
/// let prediction = model.forward(&images, &Forward::new(), ReadAt::LastTime, Mode::Evaluate)?;
/// assert_eq!(prediction.logits.size(), [3, 10]);                              // [batch, classes]
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ConnectomeOdeClassifier {
    rnn: ConnectomeOdeRnn,
    readout: Layers,
}

impl ConnectomeClassifier {
    /// Makes the network under `path / "rnn"` and the readout under `path / "readout"`: `readout.hidden.weight` `[hidden, outputs]` and
    /// `.bias`, `readout.classes.weight` `[classes, hidden]` and `.bias`.
    ///
    /// # Errors
    /// [`Error::Option`] for options of either that make no sense.
    pub fn new(path: &Path<'_>, rnn: Builder<ConnectomeRnn>, readout: &Readout) -> Result<Self, Error> {
        readout.check()?;
        let rnn = rnn.build(&(path / "rnn"))?;
        let readout = Layers::new(&(path / "readout"), readout, rnn.network.output_size)?;
        Ok(Self { rnn, readout })
    }

    /// The network.
    pub fn rnn(&self) -> &ConnectomeRnn {
        &self.rnn
    }

    /// Runs the network, as [`ConnectomeRnn::forward`], and the readout. Images are taken, too: `[batch, channels, height, width]` held,
    /// or sequences of them, `[batch, time, channels, height, width]`, are flattened to features.
    ///
    /// # Errors
    /// As [`ConnectomeRnn::forward`].
    pub fn forward(
        &self,
        x: &Tensor,
        steps: &Steps<'_>,
        at: ReadAt,
        mode: Mode,
    ) -> Result<Prediction<Sequence>, Error> {
        let run = self.rnn.forward(&flattened(x)?, steps)?;
        Ok(Prediction { logits: self.readout.classify(&self.rnn.network, &run.outs, at, mode)?, run })
    }
}

impl ConnectomeOdeClassifier {
    /// Makes the network under `path / "rnn"` and the readout under `path / "readout"`, as [`ConnectomeClassifier::new`].
    ///
    /// # Errors
    /// [`Error::Option`] for options of either that make no sense.
    pub fn new(path: &Path<'_>, rnn: Builder<ConnectomeOdeRnn>, readout: &Readout) -> Result<Self, Error> {
        readout.check()?;
        let rnn = rnn.build(&(path / "rnn"))?;
        let readout = Layers::new(&(path / "readout"), readout, rnn.network.output_size)?;
        Ok(Self { rnn, readout })
    }

    /// The solver, as [`ConnectomeOdeRnn::with_solver`].
    #[must_use]
    pub fn with_solver(mut self, solver: Solver) -> Self {
        self.rnn = self.rnn.with_solver(solver);
        self
    }

    /// The network.
    pub fn rnn(&self) -> &ConnectomeOdeRnn {
        &self.rnn
    }

    /// Integrates the network, as [`ConnectomeOdeRnn::forward`], and runs the readout. Images are taken as by
    /// [`ConnectomeClassifier::forward`]. With [`ReadAt::AllTimes`] the first is the starting state.
    ///
    /// # Errors
    /// As [`ConnectomeOdeRnn::forward`].
    pub fn forward(&self, x: &Tensor, forward: &Forward<'_>, at: ReadAt, mode: Mode) -> Result<Prediction<Run>, Error> {
        let run = self.rnn.forward(&flattened(x)?, forward)?;
        Ok(Prediction { logits: self.readout.classify(&self.rnn.network, &run.outs, at, mode)?, run })
    }
}

/// The readout's parameters.
#[derive(Debug)]
struct Layers {
    hidden: [Tensor; 2],
    classes: [Tensor; 2],
    dropout: f64,
}

impl Layers {
    fn new(path: &Path<'_>, o: &Readout, inputs: usize) -> Result<Self, Error> {
        let linear = |name: &str, from: usize, to: usize, stream: Stream| -> Result<[Tensor; 2], Error> {
            let (path, bound) = (path / name, 1.0 / (from as f64).sqrt());
            let start = Tensor::f_from_slice(&draw::within(bound, (from + 1) * to, o.seed, stream))?;
            let (weight, bias) = ((from * to) as i64, to as i64);
            let matrix = start.f_narrow(0, 0, weight)?.f_view([bias, from as i64])?;
            Ok([
                parameter(&path, "weight", &matrix, Training::Trained)?,
                parameter(&path, "bias", &start.f_narrow(0, weight, bias)?, Training::Trained)?,
            ])
        };
        Ok(Self {
            hidden: linear("hidden", inputs, o.hidden, Stream::Hidden)?,
            classes: linear("classes", o.hidden, o.classes, Stream::Classes)?,
            dropout: o.dropout,
        })
    }

    /// Outputs in the network's layout to logits.
    fn classify(&self, network: &Network, outs: &Tensor, at: ReadAt, mode: Mode) -> Result<Tensor, Error> {
        let time_first = match network.layout {
            Layout::TimeFirst => outs.shallow_clone(),
            Layout::BatchFirst => outs.f_transpose(0, 1)?,
        };
        let outs = match at {
            ReadAt::LastTime => time_first.f_select(0, -1)?,
            ReadAt::AllTimes => time_first,
        };
        // Samples that a solve lost have no part in the gradients of the others.
        let lost = outs.f_isnan()?.f_any_dim(-1, true)?;
        let outs = outs.f_masked_fill(&lost, 0.0)?;
        let [weight, bias] = &self.hidden;
        let hidden = outs.f_linear(weight, Some(bias))?.f_relu()?.f_dropout(self.dropout, mode == Mode::Train)?;
        let [weight, bias] = &self.classes;
        Ok(hidden.f_linear(weight, Some(bias))?.f_masked_fill(&lost, f64::NAN)?)
    }
}

/// Images, and sequences of them, as features.
fn flattened(x: &Tensor) -> Result<Tensor, Error> {
    Ok(match x.dim() {
        4 => x.f_flatten(1, -1)?,
        5 => x.f_flatten(2, -1)?,
        _ => x.shallow_clone(),
    })
}
