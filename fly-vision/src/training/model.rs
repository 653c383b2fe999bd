//! Network and decoder in training.

use std::cell::{Cell, RefCell};

use connectome_graph::hex::{Lattice, Role};
use sparse_ode::Activation;
use tch::nn::VarStore;
use tch::{Device, Tensor};
use tch_train::{Adam, Checkpoint, Optimizer, Parameters, StepsOf};

use super::penalty::Towards;
use super::settings::TrainingSettings;
use crate::Error;
use crate::network::{self, Grey, Network, Record, Response, Run};
use crate::task::{Decay, HexDecoder, Phase};

/// A network with its decoder, and what training them takes.
///
/// Names of the tensors: `network.nodes_bias` and so on, `decoder.base.0.weight` and so on, and `rest`, the potentials of all cells in
/// grey at the beginning of the epoch, `[1, cells]`, so that a training that is resumed within an epoch goes on from the same ones; and
/// `start_0` and so on, where parameters were that a penalty pulls back there.
#[derive(Debug)]
pub struct FlyTraining {
    store: VarStore,
    network: Network,
    decoder: HexDecoder,
    settings: TrainingSettings,
    lattice: Lattice,
    rest: Tensor,
    /// Number of types that are decoded.
    outputs: i64,
    /// Length of a frame at the iteration that it is in, seconds.
    dt: Cell<f64>,
    /// Where penalised parameters were before the first iteration, in the order of the penalties.
    starts: Vec<Option<Tensor>>,
    /// Gradients of penalties by the parameters that they change, until their step.
    penalty: RefCell<Vec<(Tensor, Tensor)>>,
}

/// What came of showing sequences.
#[derive(Debug)]
pub struct Pass {
    /// Flow as it is decoded, `[batch, frames, 2, columns]`.
    pub flow: Tensor,
    /// Potentials of central cells, `[batch, frames, types]`.
    pub central: Tensor,
}

/// Potentials beyond this are on their way to infinity: those of trained networks are below 100.
const LARGEST_POTENTIAL: f64 = 1e6;

const TIME_CONSTANTS: &str = "time_constants";
const STRENGTHS: &str = "strengths";
const DECODER: &str = "decoder";

const EXPLODED: &str = "the network exploded; lower the learning rate of the network, or start from parameters with weaker synapses. \
                        A checkpoint, where one was saved, is from before";

impl FlyTraining {
    /// Makes network and decoder, on the CPU. Types whose role is to be read out must have a cell in each column.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings that make no sense and for a wiring without a lattice or cells to read out; otherwise as
    /// [`network::Builder::build`] and [`HexDecoder::new`].
    pub fn new(network: network::Builder, settings: TrainingSettings) -> Result<Self, Error> {
        settings.validate()?;
        let mut store = VarStore::new(Device::Cpu);
        let network = network.build(&(store.root() / "network"))?;
        // the decoder is of the network's kind
        store.set_kind(network.kind());
        let root = store.root();
        let wiring = network.wiring();
        let Some(lattice) = wiring.lattice() else {
            return Err(Error::setting("wiring", "there is no lattice, which the decoder works on"));
        };
        let outputs = wiring.types().iter().filter(|t| t.role == Role::Output).count();
        let read = Record::Output.cells(wiring)?.len();
        if outputs == 0 || read != outputs * lattice.len() {
            let what = format!("{read} cells of {outputs} types to read out at {} columns", lattice.len());
            return Err(Error::setting("wiring", what + "; one of each type in each column is needed"));
        }
        let decoder = HexDecoder::new(&(&root / "decoder"), outputs, lattice.extent(), &settings.decoder)?;
        let rest = Tensor::f_zeros([1, wiring.n_cells() as i64], (network.kind(), Device::Cpu))?;
        let rest = root.add("rest", rest, false);
        let mut starts = Vec::new();
        for (i, penalty) in settings.parameter_penalties.iter().enumerate() {
            let start = || -> Result<Tensor, Error> {
                let now = penalty.parameters.of(network.parameters()).f_detach_copy()?;
                Ok(root.add(&format!("start_{i}"), now, false))
            };
            starts.push((penalty.towards == Towards::Start).then(start).transpose()?);
        }
        let training = Self {
            dt: Cell::new(0.0),
            store,
            network,
            decoder,
            settings,
            lattice,
            rest,
            outputs: outputs as i64,
            starts,
            penalty: RefCell::default(),
        };
        training.check_leak()?;
        training.enter(0);
        Ok(training)
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network, to give it other parameters.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// The decoder.
    pub fn decoder(&self) -> &HexDecoder {
        &self.decoder
    }

    /// The settings.
    pub fn settings(&self) -> &TrainingSettings {
        &self.settings
    }

    /// The columns.
    pub fn lattice(&self) -> &Lattice {
        &self.lattice
    }

    /// All tensors, trained or not.
    pub fn parameters(&self) -> Parameters {
        Parameters::of(&self.store)
    }

    /// Adam: on resting potentials (the group `main`), time constants (`time_constants`), strengths (`strengths`) and the decoder
    /// (`decoder`). What is not trained has no group.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is nothing to train.
    pub fn optimizer(&self) -> Result<Optimizer, Error> {
        let (all, settings) = (self.parameters(), &self.settings);
        let of = |decay: &Decay, steps_of: StepsOf| Adam { lr: decay.at(0), steps_of, ..Adam::default() };
        let groups = [
            (Optimizer::FIRST_GROUP, "network.nodes_bias", &settings.lr_network, StepsOf::Parameter),
            (TIME_CONSTANTS, "network.nodes_time_const", &settings.lr_time_constant, StepsOf::Parameter),
            (STRENGTHS, "network.edges_syn_strength", &settings.lr_strength, settings.strength_steps),
            (DECODER, "decoder", &settings.lr_decoder, StepsOf::Parameter),
        ];
        let mut optimizer: Option<Optimizer> = None;
        for (name, under, decay, steps_of) in groups {
            let parameters = all.under(under);
            if parameters.trainable().is_empty() {
                continue;
            }
            optimizer = Some(match optimizer {
                None => Optimizer::named(name, of(decay, steps_of), &parameters)?,
                Some(optimizer) => optimizer.with_group(name, of(decay, steps_of), &parameters)?,
            });
        }
        optimizer.ok_or_else(|| Error::setting("training", "no parameter is trained"))
    }

    /// Learning rates of the groups of the [`optimizer`](Self::optimizer).
    pub(super) fn rates(&self) -> [(&'static str, &Decay); 4] {
        let settings = &self.settings;
        [
            (Optimizer::FIRST_GROUP, &settings.lr_network),
            (TIME_CONSTANTS, &settings.lr_time_constant),
            (STRENGTHS, &settings.lr_strength),
            (DECODER, &settings.lr_decoder),
        ]
    }

    /// Takes network and decoder of a checkpoint, and enters its iteration.
    ///
    /// # Errors
    /// [`Error::Training`] with what does not fit; nothing is changed then.
    pub fn load(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        checkpoint.load_model(&self.parameters())?;
        self.enter(checkpoint.step);
        Ok(())
    }

    /// Fails for a leak that changes in a network that has none.
    pub(super) fn check_leak(&self) -> Result<(), Error> {
        let activation = self.network.activation();
        if self.settings.leak.is_none() || matches!(activation, Activation::LeakyRelu(_)) {
            return Ok(());
        }
        let what = format!("the network's activation is {}, which has no slope to change", activation.name());
        Err(Error::setting("leak", what + "; build it with Activation::LeakyRelu"))
    }

    /// Length of a frame at the iteration that was entered, seconds.
    pub(super) fn dt(&self) -> f64 {
        self.dt.get()
    }

    /// Enters an iteration: takes the length of a frame and the slope of the rectifiers that it has, which all that is computed from now on
    /// has. A new training is at 0; [`run`](Self::run), [`loss`](Self::loss) and [`load`](Self::load) enter theirs.
    pub fn enter(&self, iteration: u64) {
        self.dt.set(self.settings.dt_at(iteration));
        if let Some(leak) = &self.settings.leak {
            self.network.set_activation(Activation::LeakyRelu(leak.at(iteration)));
        }
    }

    /// Keeps where parameters are, for penalties that pull them back there ([`Towards::Start`]). [`run`](Self::run) does so before its first
    /// iteration; where iterations are done otherwise, do it after parameters were given.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch refuses.
    pub fn keep_start(&self) -> Result<(), Error> {
        tch::no_grad(|| {
            for (penalty, start) in self.settings.parameter_penalties.iter().zip(&self.starts) {
                if let Some(start) = start {
                    start.shallow_clone().f_copy_(penalty.parameters.of(self.network.parameters()))?;
                }
            }
            Ok(())
        })
    }

    /// Computes the potentials in grey from which sequences start until the next call.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if they are none; otherwise as [`Network::steady_state`].
    pub fn settle(&self) -> Result<(), Error> {
        let rest = self.network.steady_state(self.settings.t_pre, self.dt.get(), 1, Grey::default())?;
        self.check_range(&rest.f_unsqueeze(1)?, &(0..self.network.wiring().n_cells() as u32).collect::<Vec<_>>())?;
        tch::no_grad(|| self.rest.shallow_clone().f_copy_(&rest))?;
        Ok(())
    }

    /// Shows sequences, `[batch, frames, columns]`, from a state, `[batch, cells]` or `[1, cells]`, and decodes their flow. Differentiable.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if potentials are out of range; otherwise as [`Network::forward`] and [`HexDecoder::forward`].
    pub fn pass(&self, luminance: &Tensor, start: &Tensor, phase: Phase) -> Result<Pass, Error> {
        let run = Run::new(self.dt.get()).from(start).record(Record::Output).also(Record::Central);
        let Response { activity, also: central, .. } = self.network.forward(luminance, &run)?;
        self.check_range(&activity, &Record::Output.cells(self.network.wiring())?)?;
        self.check_range(&central, &self.network.wiring().central_cells())?;
        let size = activity.size();
        let decoded = activity.f_view([size[0], size[1], self.outputs, self.lattice.len() as i64])?;
        Ok(Pass { flow: self.decoder.forward(&decoded, phase)?, central })
    }

    /// Fails where potentials, `[batch, frames, cells]`, are no numbers or soon will be none.
    fn check_range(&self, activity: &Tensor, cells: &[u32]) -> Result<(), Error> {
        let activity = activity.f_detach()?;
        if activity.numel() == 0 {
            return Ok(());
        }
        let (least, largest) = activity.f_aminmax(None, false)?;
        // NaN is not within
        if least.f_double_value(&[])? > -LARGEST_POTENTIAL && largest.f_double_value(&[])? < LARGEST_POTENTIAL {
            return Ok(());
        }
        let wrong = activity.f_abs()?.f_lt(LARGEST_POTENTIAL)?.f_logical_not()?.f_any_dim(0, false)?;
        let first = wrong.f_nonzero()?;
        let [frame, cell] = [0, 1].map(|i| first.int64_value(&[0, i]) as usize);
        let wiring = self.network.wiring();
        let t = wiring.cell_types()[cells[cell] as usize];
        Err(Error::NotFinite { frame, cell_type: wiring.types()[t as usize].name.clone(), advice: EXPLODED })
    }

    /// Loss of a batch: luminance `[batch, frames, columns]` with its flow `[batch, frames, 2, columns]`, at an iteration, with dropout by
    /// a seed. Differentiable. Enters the iteration. Gradients of penalties are kept for [`penalise`](Self::penalise). Returns loss, the sum of penalties, and what
    /// was seen.
    ///
    /// # Errors
    /// As [`pass`](Self::pass); [`Error::Shape`] for a flow of another shape.
    pub fn loss(
        &self,
        luminance: &Tensor,
        flow: &Tensor,
        iteration: u64,
        dropout: u64,
    ) -> Result<(Tensor, f64, Pass), Error> {
        self.enter(iteration);
        let pass = self.pass(luminance, &self.rest, Phase::Training { seed: dropout })?;
        let flow = flow.f_to_kind(self.network.kind())?;
        let loss = self.settings.loss.between(&pass.flow, &flow)?;
        let parameters = self.network.parameters();
        let mut value = 0.0;
        let mut gradients = Vec::new();
        if let Some(settings) = self.settings.penalty_at(iteration).filter(|_| parameters.bias.requires_grad()) {
            let penalty = settings.of(&pass.central)?;
            value = penalty.f_double_value(&[])?;
            // by resting potentials alone, so that no gradient of weights is computed; the loss needs the graph after that
            let gradient = Tensor::f_run_backward(&[&penalty], &[&parameters.bias], true, false)?.swap_remove(0);
            gradients.push((parameters.bias.shallow_clone(), gradient));
        }
        for (penalty, start) in self.settings.parameter_penalties.iter().zip(&self.starts) {
            let parameter = penalty.parameters.of(parameters);
            if parameter.requires_grad() {
                let (more, gradient) = penalty.of(parameter, start.as_ref())?;
                value += more;
                gradients.push((parameter.shallow_clone(), gradient));
            }
        }
        *self.penalty.borrow_mut() = gradients;
        Ok((loss, value, pass))
    }

    /// The step on the penalties of the last loss, at a learning rate; then parameters are brought back to where they belong.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch refuses.
    pub fn penalise(&self, lr: f64) -> Result<(), Error> {
        tch::no_grad(|| {
            for (mut parameter, gradient) in self.penalty.take() {
                let _ = parameter.f_sub_(&gradient.f_mul_scalar(lr)?)?;
            }
            Ok::<(), Error>(())
        })?;
        self.bound()
    }

    /// Brings parameters that are trained to where they belong: time constants to the least one at least, strengths to 0. A step does so after each iteration;
    /// do it before the first where parameters may be elsewhere.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch refuses.
    pub fn bound(&self) -> Result<(), Error> {
        let (least, time_constant) = (self.settings.least_time_constant, &self.network.parameters().time_constant);
        if least > 0.0 && time_constant.requires_grad() {
            tch::no_grad(|| time_constant.shallow_clone().f_clamp_min_(least).map(|_| ()))?;
        }
        self.network.clamp()
    }
}
