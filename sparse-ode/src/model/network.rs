//! What all models share: parameters, checks, and the right-hand side in tensors.

use super::checks::{Resolved, check_projections, check_square, check_types, refuse};
use super::draw::{self, Stream};
use super::neuron_types::NeuronTypes;
use super::options::{Init, Layout, NeuronClass, Options, Projection, SignRule, Tau, Training};
use super::sparse_linear::{Bias, SparseLinear, parameter};
use super::structure::{Nonlinearities, Structure, Wires};
use crate::Error;
use connectome_graph::Topology;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tch::nn::Path;
use tch::{Device, Kind, Tensor};
use tch_sparse::SparseMatrix;

/// A built network.
#[derive(Debug)]
pub struct Network {
    pub(super) neurons: usize,
    pub(super) input_size: usize,
    pub(super) output_size: usize,
    pub(super) connectome: SparseLinear,
    pub(super) input: Through,
    pub(super) output: Through,
    pub(super) tau: Option<Tensor>,
    /// Row of `tau` for each neuron, where it is not one per neuron.
    pub(super) tau_of: Option<Vec<u32>>,
    pub(super) structure: Arc<Structure>,
    pub(super) sign_rule: SignRule,
    pub(super) state_init: Init,
    pub(super) layout: Layout,
    warned: AtomicBool,
}

/// A built projection.
#[derive(Debug)]
pub(super) enum Through {
    Identity,
    Sparse(SparseLinear),
    /// Weight `[to, from]` and bias `[to, 1]`.
    Dense(Tensor, Option<Tensor>),
}

impl Network {
    pub(super) fn new(path: &Path<'_>, o: &Options, has_dynamics: bool) -> Result<Self, Error> {
        if !matches!(path.kind(), Kind::Float | Kind::Double) {
            return refuse("kind", format!("{:?} has no kernels; make the VarStore Float or Double", path.kind()));
        }
        let n = check_square(o)?;
        let types = check_types(o, n)?;
        let kinds = types.as_ref().map_or(0, |t| t.labels().len());
        let classes = o.neuron_class.resolve("neuron_class", n, types.as_ref())?;
        let nonlinearity = match o.nonlinearity.resolve("nonlinearity", n, types.as_ref())? {
            Resolved::All(phi) => vec![phi],
            Resolved::Types(list) => list,
            Resolved::Neurons(_) => {
                return refuse("nonlinearity", "give one for all, or one per type".into());
            }
        };
        let output_size = check_projections(o, n)?;
        let (name, wiring) = match o.sign_rule {
            SignRule::DaleByLogarithm => ("log_values", logarithm(&o.connectome)?),
            _ => ("values", o.connectome.clone()),
        };
        let signs = match classes {
            _ if !matches!(o.sign_rule, SignRule::Dale | SignRule::DaleByLogarithm) => vec![1.0; n],
            Resolved::All(class) => vec![class.sign(); n],
            Resolved::Neurons(list) => list.iter().map(|c: &NeuronClass| c.sign()).collect(),
            Resolved::Types(list) => {
                let of = types.as_ref().map_or(&[][..], NeuronTypes::of_neurons);
                of.iter().map(|&t| list[t as usize].sign()).collect()
            }
        };
        let signs = signs.iter().any(|&s| s < 0.0).then_some(signs);
        if !has_dynamics && o.tau.is_some() {
            return refuse("tau", "this model has no time constants; take ConnectomeRnn".into());
        }
        if !has_dynamics && signs.is_some() {
            let what =
                "this model has no inhibitory neurons; take ConnectomeRnn, or SignRule::Signed with signed weights";
            return refuse("neuron_class", what.into());
        }
        let (tau, tau_of) = if has_dynamics { start_of_tau(o, n, kinds, types.as_ref())? } else { (Vec::new(), None) };

        // Nothing is refused from here on: a build that fails leaves no parameters behind.
        let connectome =
            SparseLinear::named(&(path / "connectome"), name, &wiring, o.connectome_bias, o.train_connectome)?;
        let tau = match has_dynamics {
            true => Some(parameter(path, "tau", &Tensor::f_from_slice(&tau)?.f_unsqueeze(1)?, o.train_tau)?),
            false => None,
        };
        let input = build_projection(
            &(path / "input_projection"),
            &o.input_projection,
            (n, o.input_size),
            (Bias::Absent, o.train_input_projection),
            (o.seed, Stream::Input),
        )?;
        let output = build_projection(
            &(path / "output_projection"),
            &o.output_projection,
            (output_size, n),
            (o.output_projection_bias, o.train_output_projection),
            (o.seed, Stream::Output),
        )?;
        let wires = match &input {
            Through::Identity => Wires::Identity,
            Through::Sparse(layer) => Wires::Sparse(layer.pattern().clone()),
            Through::Dense(..) => Wires::Dense,
        };
        let nonlinearities = Nonlinearities::new(nonlinearity, types.as_ref());
        let structure = Structure { pattern: connectome.pattern().clone(), signs, nonlinearities, input: wires };
        Ok(Self {
            neurons: n,
            input_size: o.input_size,
            output_size,
            connectome,
            input,
            output,
            tau,
            tau_of,
            structure: Arc::new(structure),
            sign_rule: o.sign_rule,
            state_init: o.state_init,
            layout: o.layout,
            warned: AtomicBool::new(false),
        })
    }

    pub(super) fn kind(&self) -> Kind {
        self.connectome.values().kind()
    }

    pub(super) fn device(&self) -> Device {
        self.connectome.values().device()
    }

    /// The weights of the connectome, `[entries]`; differentiable.
    pub(super) fn weights(&self) -> Result<Tensor, Error> {
        let values = self.connectome.values();
        Ok(if self.sign_rule == SignRule::DaleByLogarithm { values.f_exp()? } else { values.shallow_clone() })
    }

    /// The connectome as a matrix.
    pub(super) fn matrix(&self) -> Result<SparseMatrix, Error> {
        Ok(SparseMatrix::new(self.connectome.pattern(), &self.weights()?)?)
    }

    /// Holds weights at or above zero and time constants at or above one, as before every forward pass.
    pub(super) fn clamp(&self) -> Result<(), Error> {
        tch::no_grad(|| -> Result<(), Error> {
            let mut values = self.connectome.values().shallow_clone();
            let is_bounded = matches!(self.sign_rule, SignRule::Dale | SignRule::Unsigned);
            if is_bounded && values.numel() > 0 {
                if !self.warned.swap(true, Ordering::Relaxed) {
                    let negative = values.f_lt(0.0)?.f_sum(Kind::Int64)?.int64_value(&[]);
                    if negative > 0 {
                        tracing::warn!(
                            "{negative} of {} connectome weights are negative and set to zero; for a signed connectome use \
                             SignRule::Signed, or Topology::split_signs with neuron_class",
                            values.numel()
                        );
                    }
                }
                // Only where it changes something: modified parameters would spoil a graph that is still to be used.
                if values.f_min()?.double_value(&[]) < 0.0 {
                    let _ = values.f_clamp_min_(0.0)?;
                }
            }
            if let Some(tau) = &self.tau
                && tau.f_min()?.double_value(&[]) < 1.0
            {
                let _ = tau.shallow_clone().f_clamp_min_(1.0)?;
            }
            Ok(())
        })
    }

    /// The starting state `[neurons, batch]`: the one given as `[batch, neurons]`, or drawn.
    pub(super) fn start(&self, given: Option<&Tensor>, init: Option<Init>, batch: i64) -> Result<Tensor, Error> {
        if let Some(h0) = given {
            self.check("h0", h0, &[batch, self.neurons as i64])?;
            return Ok(h0.f_tr()?);
        }
        let numbers = draw::numbers("state_init", init.unwrap_or(self.state_init), self.neurons * batch as usize)?;
        let h0 = Tensor::f_from_slice(&numbers)?.f_view([batch, self.neurons as i64])?;
        Ok(h0.f_to_kind(self.kind())?.f_to_device(self.device())?.f_tr()?)
    }

    /// Checks shape, kind and device of a tensor from outside.
    pub(super) fn check(&self, what: &'static str, x: &Tensor, shape: &[i64]) -> Result<(), Error> {
        if x.size() == shape && x.kind() == self.kind() && x.device() == self.device() {
            return Ok(());
        }
        let words = |shape: &[i64], kind: Kind, device: Device| format!("{shape:?} {kind:?} on {device:?}");
        Err(Error::Input {
            what,
            got: words(&x.size(), x.kind(), x.device()),
            want: words(shape, self.kind(), self.device()),
        })
    }

    /// The input as `[batch, frames, features]`. One frame where `x` has two dimensions.
    pub(super) fn frames(&self, x: &Tensor) -> Result<Tensor, Error> {
        let size = x.size();
        let features = self.input_size as i64;
        let (batch, frames) = match (&size[..], self.layout) {
            ([batch, _], _) => (*batch, 1),
            ([batch, frames, _], Layout::BatchFirst) | ([frames, batch, _], Layout::TimeFirst) => (*batch, *frames),
            _ => {
                return Err(Error::Input {
                    what: "the input",
                    got: format!("{size:?}"),
                    want: format!("[batch, {features}], or a sequence of three dimensions"),
                });
            }
        };
        if batch == 0 || frames == 0 {
            return Err(Error::Input {
                what: "the input",
                got: format!("{size:?}"),
                want: "at least one sample and one frame".into(),
            });
        }
        match (size.len(), self.layout) {
            (2, _) => {
                self.check("the input", x, &[batch, features])?;
                Ok(x.f_unsqueeze(1)?)
            }
            (_, Layout::BatchFirst) => {
                self.check("the input", x, &[batch, frames, features])?;
                Ok(x.shallow_clone())
            }
            (_, Layout::TimeFirst) => {
                self.check("the input", x, &[frames, batch, features])?;
                Ok(x.f_transpose(0, 1)?)
            }
        }
    }

    /// What features `[input_size, batch]` add to the neurons, `[neurons, batch]`.
    pub(super) fn drive(&self, x: &Tensor) -> Result<Tensor, Error> {
        self.input.forward(x)
    }

    /// States `[batch, points, neurons]` to outputs `[batch, points, output_size]`.
    pub(super) fn read_out(&self, hs: &Tensor) -> Result<Tensor, Error> {
        if matches!(self.output, Through::Identity) {
            return Ok(hs.shallow_clone());
        }
        let size = hs.size();
        let flat = hs.f_reshape([-1, self.neurons as i64])?.f_tr()?;
        Ok(self.output.forward(&flat)?.f_tr()?.f_reshape([size[0], size[1], self.output_size as i64])?)
    }

    /// Sequences `[batch, points, features]` in the layout of the outside.
    pub(super) fn to_layout(&self, sequence: &Tensor) -> Result<Tensor, Error> {
        Ok(match self.layout {
            Layout::BatchFirst => sequence.shallow_clone(),
            Layout::TimeFirst => sequence.f_transpose(0, 1)?,
        })
    }

    /// Time constant of each neuron, `[neurons, 1]`.
    pub(super) fn tau_column(&self) -> Result<Tensor, Error> {
        let Some(tau) = &self.tau else {
            return Ok(Tensor::f_ones([1, 1], (self.kind(), self.device()))?);
        };
        Ok(match &self.tau_of {
            None => tau.shallow_clone(),
            Some(of) => {
                let of: Vec<i64> = of.iter().map(|&i| i64::from(i)).collect();
                tau.f_index_select(0, &Tensor::f_from_slice(&of)?.f_to_device(self.device())?)?
            }
        })
    }

    /// Summed input `[neurons, batch]` from a drive and a state.
    pub(super) fn summed(
        &self,
        matrix: &SparseMatrix,
        sign: Option<&Tensor>,
        drive: &Tensor,
        h: &Tensor,
    ) -> Result<Tensor, Error> {
        let signed = sign.map(|s| h.f_mul(s)).transpose()?;
        Ok(self.connectome.forward_with(matrix, signed.as_ref().unwrap_or(h))?.f_add(drive)?)
    }
}

impl Through {
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        match self {
            Self::Identity => Ok(x.shallow_clone()),
            Self::Sparse(layer) => layer.forward(x),
            Self::Dense(weight, bias) => {
                let y = weight.f_mm(x)?;
                Ok(match bias {
                    Some(bias) => y.f_add(bias)?,
                    None => y,
                })
            }
        }
    }
}

/// The same wiring with the logarithms of its weights.
fn logarithm(wiring: &Topology) -> Result<Topology, Error> {
    if let Some((post, pre, weight)) = wiring.iter().find(|(.., weight)| *weight <= 0.0) {
        return refuse(
            "connectome",
            format!(
                "the weight from neuron {pre} to {post} is {weight} and has no logarithm; drop such synapses, take \
                 Topology::split_signs for a signed connectome, or use SignRule::Dale"
            ),
        );
    }
    wiring.map_weights(f64::ln).map_err(|e| Error::Option { option: "connectome", what: e.to_string() })
}

fn build_projection(
    path: &Path<'_>,
    projection: &Projection,
    (to, from): (usize, usize),
    (bias, training): (Bias, Training),
    (seed, stream): (u64, Stream),
) -> Result<Through, Error> {
    Ok(match projection {
        Projection::Identity => Through::Identity,
        Projection::Sparse(t) => Through::Sparse(SparseLinear::new(path, t, bias, training)?),
        Projection::Dense => {
            let start = draw::within(1.0 / (from as f64).sqrt(), (from + 1) * to, seed, stream);
            let (weight, start) = start.split_at(to * from);
            let weight = Tensor::f_from_slice(weight)?.f_view([to as i64, from as i64])?;
            let weight = parameter(path, "weight", &weight, training)?;
            let bias = match bias {
                Bias::Absent => None,
                Bias::Zeros => Some(parameter(path, "bias", &Tensor::f_from_slice(start)?.f_unsqueeze(1)?, training)?),
            };
            Through::Dense(weight, bias)
        }
    })
}

/// Where time constants start, and which one each neuron has where there is not one for each.
fn start_of_tau(
    o: &Options,
    n: usize,
    kinds: usize,
    types: Option<&NeuronTypes>,
) -> Result<(Vec<f64>, Option<Vec<u32>>), Error> {
    let (mut start, of) = match o.tau.as_ref().unwrap_or(&Tau::Drawn(Init::Ones)) {
        Tau::Given(values) => match values.resolve("tau", n, types)? {
            Resolved::All(tau) => (vec![tau; n], None),
            Resolved::Neurons(list) => (list, None),
            Resolved::Types(list) => (list, types.map(|t| t.of_neurons().to_vec())),
        },
        Tau::Drawn(init) => (draw::numbers("tau", *init, n)?, None),
        Tau::DrawnPerType(_) if kinds == 0 => {
            return refuse("tau", "one per type, but there are no neuron_types".into());
        }
        Tau::DrawnPerType(init) => (draw::numbers("tau", *init, kinds)?, types.map(|t| t.of_neurons().to_vec())),
    };
    if let Some((i, tau)) = start.iter().enumerate().find(|(_, tau)| !(tau.is_finite() && **tau >= 1.0)) {
        return refuse("tau", format!("value {i} is {tau}; tau must be at least 1.0"));
    }
    let noise = draw::within(0.5e-6, start.len(), o.seed, Stream::Tau);
    for (tau, noise) in start.iter_mut().zip(noise) {
        if (*tau - 1.0).abs() <= 1e-8 + 1e-5 {
            *tau += noise + 0.5e-6;
        }
    }
    Ok((start, of))
}
