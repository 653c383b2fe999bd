//! The first model (2022): one area, with a signal from outside as its feedback.

use tch::Tensor;
use tch::nn::Path;

use super::top_down::{TopDownCell, TopDownKind};
use crate::Error;
use crate::convolution::{Bias, Convolution};
use crate::init::Draw;
use crate::layout::channels_last;
use crate::linear::Linear;

/// Where the feedback of an [`ExplicitTopDown`] comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopDownSource {
    /// An image like the stimulus, `[batch, input, height, width]`, through a convolutional GRU.
    Image,
    /// A word, `[batch, 27]`, through a GRU; [`crate::stimulus`] makes such numbers.
    Text,
    /// A spectrogram, `[batch, 1, 64, 64]`, through a convolutional GRU of 4 channels and a linear layer.
    Audio,
}

/// Sizes of an [`ExplicitTopDown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExplicitTopDownOptions {
    /// Height and width of the stimulus.
    pub size: [i64; 2],
    /// Channels of the stimulus.
    pub input: i64,
    /// Channels of the state.
    pub hidden: i64,
    /// Kernel of the cell.
    pub kernel: [i64; 2],
    /// Outputs.
    pub outputs: i64,
    /// Times that the frames are gone through.
    pub repeats: usize,
    /// What the feedback is.
    pub source: TopDownSource,
}

/// `ConvGRUExplicitTopDown` of the first model, with its one usable layer: frames pass `input_conv` and drive a multiplicative
/// [`TopDownCell`], whose feedback is made from a signal from outside; two linear layers read the last state.
///
/// Several areas are what [`AreaNetwork`](crate::AreaNetwork) is for.
#[derive(Debug)]
pub struct ExplicitTopDown {
    options: ExplicitTopDownOptions,
    input: Convolution,
    cell: TopDownCell,
    feedback: Feedback,
    fc1: Linear,
    fc2: Linear,
}

#[derive(Debug)]
enum Feedback {
    Image(TopDownCell),
    Text { weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor },
    Audio(TopDownCell, Linear),
}

/// Letters, and a space.
const LETTERS: i64 = 27;
/// Side of a spectrogram.
const MELS: i64 = 64;
/// Channels that a spectrogram is turned into.
const AUDIO: i64 = 4;
/// Units between state and outputs.
const HIDDEN_UNITS: i64 = 100;

impl ExplicitTopDown {
    /// Makes `input_conv`, `cell_list.0`, `topdown_gru` (and for sounds `topdown_linear`), `fc1` and `fc2` under `path`.
    ///
    /// # Errors
    /// [`Error::Option`] for sizes below one and kernels with an even side.
    pub fn new(path: &Path<'_>, options: ExplicitTopDownOptions, seed: u64) -> Result<Self, Error> {
        let ExplicitTopDownOptions { size: [h, w], input, hidden, kernel, outputs, repeats, source } = options;
        if [h, w, input, hidden, outputs].iter().any(|&n| n < 1) || repeats < 1 {
            return Err(Error::Option {
                option: "sizes of the model",
                what: format!("{options:?}; each is at least 1"),
            });
        }
        let draw = &mut Draw::new(seed);
        let first = Convolution::new(&(path / "input_conv"), draw, [hidden, input], [3, 3], Bias::Trained)?;
        let cell = |path: &Path<'_>, draw: &mut Draw, channels, kernel, kind| {
            TopDownCell::drawn(path, draw, channels, kernel, kind, Bias::Trained)
        };
        let gru = path / "topdown_gru";
        let feedback = match source {
            TopDownSource::Image => Feedback::Image(cell(&gru, draw, [input, 2 * hidden], kernel, TopDownKind::Plain)?),
            TopDownSource::Text => {
                let units = 2 * hidden * h * w;
                Feedback::Text {
                    weight_ih: draw.uniform(&gru, "weight_ih", &[3 * units, LETTERS], units)?,
                    weight_hh: draw.uniform(&gru, "weight_hh", &[3 * units, units], units)?,
                    bias_ih: draw.uniform(&gru, "bias_ih", &[3 * units], units)?,
                    bias_hh: draw.uniform(&gru, "bias_hh", &[3 * units], units)?,
                }
            }
            TopDownSource::Audio => Feedback::Audio(
                cell(&gru, draw, [1, AUDIO], kernel, TopDownKind::Plain)?,
                Linear::new(&(path / "topdown_linear"), draw, AUDIO * MELS * MELS, 2 * hidden * h * w)?,
            ),
        };
        Ok(Self {
            options,
            input: first,
            cell: cell(&(path / "cell_list" / 0), draw, [hidden, hidden], kernel, TopDownKind::Multiplicative)?,
            feedback,
            fc1: Linear::new(&(path / "fc1"), draw, hidden * h * w, HIDDEN_UNITS)?,
            fc2: Linear::new(&(path / "fc2"), draw, HIDDEN_UNITS, outputs)?,
        })
    }

    /// Outputs `[batch, outputs]` from frames `[batch, time, input, height, width]` and the signal that [`TopDownSource`] describes;
    /// without one, without feedback.
    ///
    /// # Errors
    /// [`Error::Input`] for tensors of another shape, [`Error::Torch`] where libtorch refuses.
    pub fn forward(&self, frames: &Tensor, signal: Option<&Tensor>) -> Result<Tensor, Error> {
        let ExplicitTopDownOptions { size: [height, width], input, repeats, .. } = self.options;
        let size = frames.size();
        if size.len() != 5 || size[1] < 1 || size[2..] != [input, height, width] {
            return Err(Error::Input {
                what: "the stimulus".into(),
                got: format!("{size:?}"),
                want: format!("[batch, time, {input}, {height}, {width}]"),
            });
        }
        let feedback = signal.map(|signal| self.feedback(signal)).transpose()?;
        let step = |t: i64, h: Option<&Tensor>| {
            let x = self.input.forward(&channels_last(&frames.f_select(1, t)?)?)?;
            self.cell.forward(&x, h, feedback.as_ref())
        };
        let mut h = step(0, None)?;
        for t in (0..repeats).flat_map(|_| 0..size[1]).skip(1) {
            h = step(t, Some(&h))?;
        }
        let flat = h.f_flatten(1, -1)?.f_relu()?;
        self.fc2.forward(&self.fc1.forward(&flat)?.f_relu()?)
    }

    /// `[batch, 2 hidden, height, width]`
    fn feedback(&self, signal: &Tensor) -> Result<Tensor, Error> {
        let ExplicitTopDownOptions { size: [height, width], hidden, .. } = self.options;
        match &self.feedback {
            Feedback::Image(gru) => gru.forward(signal, None, None),
            Feedback::Text { weight_ih, weight_hh, bias_ih, bias_hh } => {
                let (&[batch, LETTERS], units) = (&signal.size()[..], weight_hh.size()[1]) else {
                    let got = format!("{:?}", signal.size());
                    return Err(Error::Input { what: "the word".into(), got, want: format!("[batch, {LETTERS}]") });
                };
                let rest = Tensor::f_zeros([batch, units], (signal.kind(), signal.device()))?;
                let h = signal.f_gru_cell(&rest, weight_ih, weight_hh, Some(bias_ih), Some(bias_hh))?;
                Ok(h.f_view([batch, 2 * hidden, height, width])?)
            }
            Feedback::Audio(gru, linear) => {
                let flat = gru.forward(signal, None, None)?.f_flatten(1, -1)?.f_relu()?;
                Ok(linear.forward(&flat)?.f_view([-1, 2 * hidden, height, width])?)
            }
        }
    }
}
