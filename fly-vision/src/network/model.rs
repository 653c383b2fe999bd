//! The network as its user holds it.

use std::cell::Cell;
use std::sync::Arc;

use sparse_ode::Activation;
use tch::nn::{Path, VarStore};
use tch::{Device, Kind, Tensor};

use super::engine::csr::Csr;
use super::engine::stencil::Stencil;
use super::parameters::{Initials, Parameters};
use super::symmetry::{Resolved, Symmetries};
use super::wiring::Wiring;
use crate::Error;

/// How steps are computed. All give the same potentials, up to the order in which inputs are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// The stencil where the network repeats on a lattice and is on the CPU, else the sparse matrix.
    #[default]
    Fastest,
    /// Shifted planes of a lattice; on the CPU.
    Stencil,
    /// A sparse matrix; on the CPU.
    Sparse,
    /// Operations of libtorch and `tch-sparse` and their gradients, step by step. What other devices take.
    Tensors,
}

/// Whose arithmetic is followed in double precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compat {
    /// Ours.
    #[default]
    None,
    /// flyvis's: where a time constant is below the step, the step is rounded to single precision first.
    Flyvis,
}

/// The engine that was chosen.
#[derive(Debug)]
pub(super) enum AnyEngine {
    Sparse(Csr),
    Stencil(Stencil),
    Tensors(Csr),
}

/// A network with its parameters.
///
/// ```
/// use fly_vision::network::{Network, Run};
/// use tch::{Kind, Tensor};
///
/// // A published model of the fly's eye, on a small lattice of 37 columns.
/// let fly = connectome_graph::hex::expand(&fly_vision::connectome()?, connectome_graph::hex::Extent(3))?;
/// let mut network = Network::builder(fly_vision::network::Wiring::from_hex(&fly)?).build_alone()?;
/// network.set_pretrained(0)?;
///
/// let movie = Tensor::full([1, 50, 37], 1.0, (Kind::Float, tch::Device::Cpu));    // [batch, frames, columns]
/// let grey = network.steady_state(1.0, 0.01, 1, Default::default())?;
/// let response = network.simulate(&movie, &Run::new(0.01).from(&grey))?;
/// assert_eq!(response.activity.size(), [1, 50, 65]);                              // [batch, frames, central cells]
/// # Ok::<(), fly_vision::Error>(())
/// ```
#[derive(Debug)]
pub struct Network {
    pub(super) wiring: Arc<Wiring>,
    pub(super) parameters: Parameters,
    activation: Cell<Activation>,
    pub(super) engine: Arc<AnyEngine>,
    pub(super) compat: Compat,
    pub(super) symmetries: Resolved,
    /// Cells whose potential is held.
    pub(super) held: Vec<(u32, f64)>,
}

/// Settings of a [`Network`].
#[derive(Debug, Clone)]
pub struct Builder {
    wiring: Arc<Wiring>,
    activation: Activation,
    engine: EngineKind,
    initials: Initials,
    symmetries: Symmetries,
    compat: Compat,
    kind: Kind,
}

impl Builder {
    /// How potentials become outputs. Default: [`Activation::Relu`].
    #[must_use]
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// How steps are computed. Default: [`EngineKind::Fastest`].
    #[must_use]
    pub fn engine(self, engine: EngineKind) -> Self {
        Self { engine, ..self }
    }

    /// Where parameters start and which are trained. Default: as published.
    #[must_use]
    pub fn initials(self, initials: Initials) -> Self {
        Self { initials, ..self }
    }

    /// Parameters that are kept equal. Default: none beyond those that cells and edges share.
    #[must_use]
    pub fn symmetries(self, symmetries: Symmetries) -> Self {
        Self { symmetries, ..self }
    }

    /// Default: [`Compat::None`].
    #[must_use]
    pub fn compat(self, compat: Compat) -> Self {
        Self { compat, ..self }
    }

    /// Float or Double. Default: Float.
    #[must_use]
    pub fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// Makes the network; its parameters go into the store that `path` belongs to.
    ///
    /// # Errors
    /// [`Error::Setting`] for a kind that is not Float or Double, an engine that the wiring or the device does not allow, initial values
    /// that are not finite; [`Error::Unknown`] for symmetries of types that are not there.
    pub fn build(self, path: &Path) -> Result<Network, Error> {
        if !matches!(self.kind, Kind::Float | Kind::Double) {
            return Err(Error::setting("kind", format!("{:?}; Float and Double are possible", self.kind)));
        }
        let on_cpu = path.device() == Device::Cpu;
        let lattice = self.wiring.lattice().is_some();
        let kind = match self.engine {
            EngineKind::Fastest if !on_cpu => EngineKind::Tensors,
            EngineKind::Fastest if lattice => EngineKind::Stencil,
            EngineKind::Fastest => EngineKind::Sparse,
            chosen => chosen,
        };
        if !on_cpu && kind != EngineKind::Tensors {
            let what = format!("{kind:?} computes on the CPU, and the store is on {:?}", path.device());
            return Err(Error::setting("engine", what + "; take EngineKind::Tensors"));
        }
        let engine = match kind {
            EngineKind::Stencil => AnyEngine::Stencil(Stencil::new(&self.wiring)?),
            EngineKind::Tensors => AnyEngine::Tensors(Csr::new(&self.wiring)?),
            _ => AnyEngine::Sparse(Csr::new(&self.wiring)?),
        };
        Ok(Network {
            parameters: Parameters::new(&self.wiring, &self.initials, self.kind, path)?,
            activation: Cell::new(self.activation),
            engine: Arc::new(engine),
            compat: self.compat,
            symmetries: self.symmetries.resolve(&self.wiring)?,
            held: Vec::new(),
            wiring: self.wiring,
        })
    }

    /// Makes the network with a store of its own on the CPU.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_alone(self) -> Result<Network, Error> {
        let store = VarStore::new(Device::Cpu);
        self.build(&store.root())
    }
}

impl Network {
    /// Starts to build a network on a wiring.
    pub fn builder(wiring: impl Into<Arc<Wiring>>) -> Builder {
        Builder {
            wiring: wiring.into(),
            activation: Activation::Relu,
            engine: EngineKind::Fastest,
            initials: Initials::default(),
            symmetries: Symmetries::default(),
            compat: Compat::None,
            kind: Kind::Float,
        }
    }

    /// What it is built on.
    pub fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    /// Its parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// How potentials become outputs.
    pub fn activation(&self) -> Activation {
        self.activation.get()
    }

    /// Makes outputs of potentials in another way from now on, such as while its slope falls.
    pub(crate) fn set_activation(&self, activation: Activation) {
        self.activation.set(activation);
    }

    /// Float or Double.
    pub fn kind(&self) -> Kind {
        self.parameters.bias.kind()
    }

    /// Where it computes.
    pub fn device(&self) -> Device {
        self.parameters.bias.device()
    }

    /// Holds the potential of cells at a value from now on, whatever their inputs are.
    ///
    /// # Errors
    /// [`Error::Setting`] for a cell that is not there or a value that is not finite.
    pub fn hold_cells(&mut self, cells: &[u32], potential: f64) -> Result<(), Error> {
        let n = self.wiring.n_cells();
        if let Some(cell) = cells.iter().find(|cell| **cell as usize >= n) {
            return Err(Error::setting("held cells", format!("there is no cell {cell} of {n}")));
        }
        if !potential.is_finite() {
            return Err(Error::setting("held cells", format!("the potential is {potential}")));
        }
        let mut cells = cells.to_vec();
        cells.sort_unstable();
        self.held.retain(|(cell, _)| cells.binary_search(cell).is_err());
        self.held.extend(cells.into_iter().map(|cell| (cell, potential)));
        self.held.sort_by_key(|(cell, _)| *cell);
        Ok(())
    }

    /// Holds the potential of all cells of a type at a value from now on.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such type, otherwise as [`hold_cells`](Self::hold_cells).
    pub fn hold_type(&mut self, name: &str, potential: f64) -> Result<(), Error> {
        self.hold_cells(&self.wiring.cells_of(name)?, potential)
    }

    /// Silences a type: its potential is held at 0, so that a rectifier passes nothing on.
    ///
    /// # Errors
    /// As [`hold_type`](Self::hold_type).
    pub fn silence(&mut self, name: &str) -> Result<(), Error> {
        self.hold_type(name, 0.0)
    }

    /// Which parameters are kept equal and which cells are held, as a text to compare; `None` if none are.
    pub(crate) fn bonds(&self) -> Option<String> {
        let none = self.held.is_empty() && self.symmetries.are_none();
        (!none).then(|| format!("{:?}, held: {:?}", self.symmetries, self.held))
    }

    /// Lets all cells go that were held.
    pub fn release(&mut self) {
        self.held.clear();
    }

    /// Brings trained parameters back to where they belong: strengths to 0 or above, symmetric ones to their mean.
    ///
    /// [`forward`](Self::forward) does so at its start, and training after each step; [`simulate`](Self::simulate) leaves parameters alone.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch refuses.
    pub fn clamp(&self) -> Result<(), Error> {
        tch::no_grad(|| {
            let strength = &self.parameters.strength;
            if strength.requires_grad() && strength.f_min()?.f_double_value(&[])? < 0.0 {
                let _ = strength.shallow_clone().f_clamp_min_(0.0)?;
            }
            self.symmetries.apply(&self.parameters)
        })
    }

    /// Weight of each edge, `[edges]`: sign times synapse number times strength. Differentiable.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch refuses.
    pub fn edge_weights(&self) -> Result<Tensor, Error> {
        let group = index(self.wiring.edge_groups(), self.device());
        Ok(self.group_weights()?.f_index_select(0, &group)?)
    }

    /// Weight of an edge of each group, `[groups]`. Differentiable.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch refuses.
    pub fn group_weights(&self) -> Result<Tensor, Error> {
        let pairs: Vec<u32> = self.wiring.groups().iter().map(|g| g.pair).collect();
        let pair = index(&pairs, self.device());
        let Parameters { sign, log_n_syn, strength, .. } = &self.parameters;
        let weights = sign.f_index_select(0, &pair)?.f_mul(&log_n_syn.f_exp()?)?;
        Ok(weights.f_mul(&strength.f_index_select(0, &pair)?)?)
    }
}

/// Numbers as an index tensor.
pub(super) fn index(numbers: &[u32], device: Device) -> Tensor {
    let wide: Vec<i64> = numbers.iter().map(|&i| i64::from(i)).collect();
    Tensor::from_slice(&wide).to_device(device)
}
