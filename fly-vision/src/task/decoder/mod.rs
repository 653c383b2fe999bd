//! Reading optic flow from the activity of the output cells: convolutions on the hexagonal lattice.

mod activation;
mod dropout;
mod fused;
mod kernel;
mod layout;
mod parameters;
mod reference;
mod vector;

use std::sync::Arc;

use connectome_graph::hex::{Extent, Lattice};
use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use crate::Error;
use dropout::Dropout;
use fused::{Fused, Sizes, Statistics};
use layout::{Domain, Layout};
use parameters::{BATCH_NORM_EPS, Convolution, Normalisation};
use vector::Real;

/// How the convolutions start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// All weights and biases the same. The default, 0.001.
    Constant(f64),
    /// torch's: uniform within `1 / sqrt(inputs kernel^2)` of zero, drawn from this seed.
    Uniform {
        /// Of the generator.
        seed: u64,
    },
}

/// What the last convolution's channels become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Last {
    /// One channel more, by which the others are divided: `y / (softplus(last) + 1)`. The default.
    #[default]
    Normalised,
    /// As they are.
    Plain,
}

/// What the decoder gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Readout {
    /// Numbers at each column, `[batch, time, outputs, columns]`. The default.
    #[default]
    Columns,
    /// This many features per output, each the mean over columns, `[batch, time, outputs, features]`.
    Features(usize),
}

/// What becomes of weights outside the hexagon of a kernel, which are set to zero before each use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutsideWeights {
    /// They get no gradient and stay zero. The default.
    #[default]
    Still,
    /// They get the gradient that they had if they were used, as in flyvis, so that an optimiser moves them until the next use.
    /// Nothing else differs; takes longer.
    Moved,
}

/// How the convolutions are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arithmetic {
    /// By kernels that skip what is zero, where there are some: on the CPU, with one hidden layer. The default.
    #[default]
    Fused,
    /// By libtorch, on square maps.
    Libtorch,
}

/// Settings of a [`HexDecoder`].
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderOptions {
    /// Channels of the hidden layers. Default `[8]`. Without any, the input is normalised instead.
    pub hidden: Vec<usize>,
    /// Numbers to read: 2 for optic flow. Default 2.
    pub outputs: usize,
    /// Side of the kernels, odd, at most 63. Default 5.
    pub kernel: usize,
    /// Starting values. Default 0.001 everywhere.
    pub initial: Initial,
    /// Probability at which hidden activations are dropped in training, at least 0 and below 1. Default 0.5.
    pub dropout: f64,
    /// What the last channels become. Default [`Last::Normalised`].
    pub last: Last,
    /// What the decoder gives. Default [`Readout::Columns`].
    pub readout: Readout,
    /// Gradients of weights that are not used. Default [`OutsideWeights::Still`].
    pub outside: OutsideWeights,
    /// Who computes. Default [`Arithmetic::Fused`].
    pub arithmetic: Arithmetic,
}

impl Default for DecoderOptions {
    fn default() -> Self {
        Self {
            hidden: vec![8],
            outputs: 2,
            kernel: 5,
            initial: Initial::Constant(1e-3),
            dropout: 0.5,
            last: Last::default(),
            readout: Readout::default(),
            outside: OutsideWeights::default(),
            arithmetic: Arithmetic::default(),
        }
    }
}

impl DecoderOptions {
    fn validate(&self, inputs: usize) -> Result<(), Error> {
        let channels = [inputs, self.outputs].into_iter().chain(self.hidden.iter().copied());
        let features = if let Readout::Features(n) = self.readout { n } else { 1 };
        if channels.chain([features]).any(|n| n == 0 || n > 1 << 16) || self.hidden.len() > 64 {
            let what = format!(
                "{inputs} inputs, hidden {:?}, {} outputs, {features} features; each 1 to 65536, at most 64 layers",
                self.hidden, self.outputs
            );
            return Err(Error::setting("decoder", what));
        }
        if self.kernel.is_multiple_of(2) || self.kernel > 63 {
            return Err(Error::setting("kernel", format!("{}; it must be odd and at most 63", self.kernel)));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::setting("dropout", format!("{}; at least 0 and below 1", self.dropout)));
        }
        match self.initial {
            Initial::Constant(value) if !value.is_finite() => Err(Error::setting("initial", format!("{value}"))),
            _ => Ok(()),
        }
    }

    /// Channels of the last convolution.
    fn last_channels(&self) -> usize {
        self.flow_channels() + usize::from(self.last == Last::Normalised)
    }

    /// Of them those that are read.
    fn flow_channels(&self) -> usize {
        match self.readout {
            Readout::Columns => self.outputs,
            Readout::Features(features) => self.outputs * features,
        }
    }
}

/// What a forward is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Hidden layers are normalised by the batch, whose statistics enter the running ones, and dropped out by this seed.
    Training {
        /// Of the dropout; another one for each iteration.
        seed: u64,
    },
    /// Hidden layers are normalised by the running statistics; nothing is dropped.
    Evaluation,
}

/// A hidden layer.
#[derive(Debug)]
struct Hidden {
    convolution: Convolution,
    normalisation: Normalisation,
}

/// Reads optic flow from the activity of output cells.
///
/// Layers of hexagonal convolution, batch normalisation, softplus and dropout, then a last convolution whose additional channel divides
/// the others. The lattice is stored as a rhombus `[2 extent + 1, 2 extent + 1]`, zero outside the hexagon; its corners count in the
/// statistics of the batch, and hidden activations there are read by the next layer.
///
/// Names of the parameters, under the path given: `base.{0, 1, ..}.{weight, bias, running_mean, running_var, num_batches_tracked}` and
/// `decoder.0.{weight, bias}` as in flyvis' `DecoderGAVP`, so that layers without parameters count (3 or, with dropout, 4 per layer).
///
/// Source: Lappalainen et al., *Nature* 634, 1132 (2024), Methods, "Decoder".
///
/// ```
/// use connectome_graph::hex::Extent;
/// use fly_vision::task::{DecoderOptions, HexDecoder, Phase};
/// use tch::{Device, Kind, Tensor, nn::VarStore};
///
/// let vs = VarStore::new(Device::Cpu);
/// let decoder = HexDecoder::new(&vs.root(), 34, Extent(15), &DecoderOptions::default())?;
/// assert_eq!(decoder.parameters(), 7427);
/// let activity = Tensor::rand([4, 2, 34, 721], (Kind::Float, Device::Cpu));
/// let flow = decoder.forward(&activity, Phase::Evaluation)?;
/// assert_eq!(flow.size(), [4, 2, 2, 721]);
/// # Ok::<(), fly_vision::Error>(())
/// ```
#[derive(Debug)]
pub struct HexDecoder {
    inputs: usize,
    lattice: Lattice,
    options: DecoderOptions,
    hidden: Vec<Hidden>,
    /// Of the input, where there is no hidden layer.
    first: Option<Normalisation>,
    last: Convolution,
    /// For each width of registers that was met: that of f32, that of f64.
    layouts: [Arc<Layout>; 2],
    maps: reference::Maps,
}

impl HexDecoder {
    /// For `inputs` cell types at the columns of a lattice; parameters are made under `path`, of its kind and on its device.
    ///
    /// # Errors
    /// [`Error::Setting`] for options that make no sense, [`Error::Graph`] for a lattice that is too large.
    pub fn new(path: &Path<'_>, inputs: usize, extent: Extent, options: &DecoderOptions) -> Result<Self, Error> {
        options.validate(inputs)?;
        if extent.0 > 1024 {
            return Err(Error::setting("extent", format!("{} columns; a decoder takes at most 1024", extent.0)));
        }
        let lattice = Lattice::new(extent)?;
        let mut draw = parameters::Draw::new(options.initial);
        let (base, last) = (path / "base", path / "decoder");
        let per_layer = if options.dropout > 0.0 { 4 } else { 3 };
        let mut hidden = Vec::new();
        let mut channels = inputs;
        for (layer, &outputs) in options.hidden.iter().enumerate() {
            let at = |i: usize| &base / (layer * per_layer + i);
            hidden.push(Hidden {
                convolution: Convolution::new(&at(0), &mut draw, [outputs, channels], options.kernel)?,
                normalisation: Normalisation::new(&at(1), outputs)?,
            });
            channels = outputs;
        }
        let first = hidden.is_empty().then(|| Normalisation::new(&(&last / 0), inputs)).transpose()?;
        let at = &last / usize::from(first.is_some());
        let last = Convolution::new(&at, &mut draw, [options.last_channels(), channels], options.kernel)?;
        let domain = match options.outside {
            OutsideWeights::Still => Domain::Reach,
            OutsideWeights::Moved => Domain::Map,
        };
        let radius = options.kernel as u32 / 2;
        let layouts = [f32::lanes(), f64::lanes()].map(|lanes| Arc::new(Layout::new(&lattice, radius, domain, lanes)));
        let maps = reference::Maps::new(&lattice, radius, path.device())?;
        Ok(Self { inputs, lattice, options: options.clone(), hidden, first, last, layouts, maps })
    }

    /// Number of trained numbers.
    pub fn parameters(&self) -> usize {
        let convolutions = self.hidden.iter().map(|h| &h.convolution).chain([&self.last]);
        let normalisations = self.hidden.iter().map(|h| &h.normalisation).chain(&self.first);
        convolutions.map(|c| c.weight.numel() + c.bias.numel()).sum::<usize>()
            + normalisations.map(|n| n.weight.numel() + n.bias.numel()).sum::<usize>()
    }

    /// Its settings.
    pub fn options(&self) -> &DecoderOptions {
        &self.options
    }

    /// Flow from the activity of the output cells, `[batch, time, inputs, columns]`, which is rectified first.
    ///
    /// Returns what [`DecoderOptions::readout`] says, of the kind of the parameters.
    ///
    /// # Errors
    /// [`Error::Shape`] for activity of another shape, kind or device; [`Error::Torch`] and [`Error::Operation`] from libtorch.
    pub fn forward(&self, activity: &Tensor, phase: Phase) -> Result<Tensor, Error> {
        let size = activity.size();
        let want = [self.inputs as i64, self.lattice.len() as i64];
        let parameter = &self.last.weight;
        let place = (activity.kind(), activity.device());
        if size.len() != 4 || size[2..] != want || size[0] * size[1] == 0 {
            let want = format!("[batch, time, {}, {}], not empty", want[0], want[1]);
            return Err(Error::shape("activity of output cells", format!("{size:?}"), want));
        }
        if place != (parameter.kind(), parameter.device()) || ![Kind::Float, Kind::Double].contains(&place.0) {
            let want = format!("{:?}, as the decoder's parameters", (parameter.kind(), parameter.device()));
            return Err(Error::shape("activity of output cells", format!("{place:?}"), want));
        }
        for convolution in self.hidden.iter().map(|h| &h.convolution).chain([&self.last]) {
            // as in the reference, which zeroes behind autograd's back
            let _ = convolution.weight.f_data()?.f_mul_(&self.maps.mask(place.0)?)?;
        }
        let frames = activity.f_reshape([size[0] * size[1], want[0], want[1]])?;
        let fused = self.options.arithmetic == Arithmetic::Fused && place.1 == Device::Cpu;
        let channels = match &self.hidden[..] {
            [hidden] if fused && place.0 == Kind::Float => self.fused::<f32>(hidden, &frames, phase, 0)?,
            [hidden] if fused => self.fused::<f64>(hidden, &frames, phase, 1)?,
            _ => self.on_maps(&frames, phase)?,
        };
        self.read(&channels, [size[0], size[1]])
    }

    /// Channels of the last convolution, `[frames, channels, columns]`, to what the decoder gives.
    fn read(&self, channels: &Tensor, [batch, time]: [i64; 2]) -> Result<Tensor, Error> {
        let flow = self.options.flow_channels() as i64;
        let values = match self.options.last {
            Last::Plain => channels.shallow_clone(),
            Last::Normalised => {
                let divisor = channels.f_narrow(1, flow, 1)?.f_softplus()?.f_add_scalar(1.0)?;
                channels.f_narrow(1, 0, flow)?.f_div(&divisor)?
            }
        };
        let outputs = self.options.outputs as i64;
        Ok(match self.options.readout {
            Readout::Columns => values.f_reshape([batch, time, outputs, -1])?,
            Readout::Features(features) => {
                let means = values.f_mean_dim(-1, false, values.kind())?;
                means.f_reshape([batch, time, outputs, features as i64])?
            }
        })
    }

    /// What is dropped of a hidden layer's map.
    fn dropout(&self, layer: usize, channels: usize, frames: i64, phase: Phase) -> Option<Dropout> {
        let side = 2 * self.lattice.extent().0 as usize + 1;
        match phase {
            Phase::Training { seed } if self.options.dropout > 0.0 => {
                // layers must not drop the same places
                let seed = seed.wrapping_add((layer as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
                Some(Dropout::draw(self.options.dropout, frames as usize, channels * side * side, seed))
            }
            _ => None,
        }
    }

    fn fused<T: Real>(&self, hidden: &Hidden, x: &Tensor, phase: Phase, layout: usize) -> Result<Tensor, Error> {
        let (normalisation, layout) = (&hidden.normalisation, &self.layouts[layout]);
        let channels = self.options.hidden[0];
        let op = Fused::<T>::new(
            Arc::clone(layout),
            Sizes {
                inputs: self.inputs,
                hidden: channels,
                outputs: self.options.last_channels(),
                kernel: self.options.kernel,
            },
            match phase {
                Phase::Training { .. } => Statistics::Batch,
                Phase::Evaluation => Statistics::Given(normalisation.running()?),
            },
            BATCH_NORM_EPS,
            self.dropout(0, channels, x.size()[0], phase),
            match self.options.outside {
                OutsideWeights::Still => layout.inside.clone(),
                OutsideWeights::Moved => (0..layout.distances.len()).collect(),
            },
        );
        let x = x.f_contiguous()?;
        let (first, last) = (&hidden.convolution, &self.last);
        let inputs =
            [&x, &first.weight, &first.bias, &normalisation.weight, &normalisation.bias, &last.weight, &last.bias];
        let mut outputs = tch_function::apply(op, &inputs)?;
        if phase != Phase::Evaluation {
            let positions = (2 * i64::from(self.lattice.extent().0) + 1).pow(2) * x.size()[0];
            normalisation.track(&outputs[1], &outputs[2], positions)?;
        }
        Ok(outputs.swap_remove(0))
    }
}

#[cfg(test)]
mod tests;
