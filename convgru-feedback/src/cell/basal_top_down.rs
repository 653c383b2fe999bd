//! The cell of a network's areas.

use tch::Tensor;
use tch::nn::Path;

use super::Arithmetic;
use super::core::{Channels, Core, Feedback};
use crate::Error;
use crate::convolution::Bias;
use crate::init::Draw;

/// A convolutional GRU cell with feedback in three ways; `ConvGRUBasalTopDownCell` of the reference.
///
/// With bottom-up input `x`, state `h` and feedback `f = [b | a | m]` in channel blocks of `basal`, `apical` and
/// `input + hidden + apical`:
///
/// ```text
/// [r, u] = sigmoid(conv_gates([x, h, b]))     b: added before the gates
/// z = [x, r h, a] (1 + relu(m))               a: shifts thresholds; m: a gain, which can only amplify
/// h' = (1 - u) h + u tanh(conv_can(z))
/// ```
///
/// Without feedback `b`, `a` and `m` are zero. Source: Tugsbayar, Li, Muller, Richards 2025, *eLife* 105953.
///
/// ```
/// use convgru_feedback::{Bias, ConvGruCell};
/// use tch::{Device, Kind, Tensor, nn};
///
/// let vs = nn::VarStore::new(Device::Cpu);
/// let cell = ConvGruCell::new(&vs.root(), [3, 8], [3, 3], [2, 1], Bias::None, 0)?;
/// let x = Tensor::randn([4, 3, 16, 16], (Kind::Float, Device::Cpu));                             // [batch, input, height, width]
/// let feedback = Tensor::randn([4, cell.feedback_channels(), 16, 16], (Kind::Float, Device::Cpu));
/// let h = cell.forward(&x, None, Some(&feedback))?;                                               // from the state zero
/// assert_eq!((h.size(), cell.feedback_channels()), (vec![4, 8, 16, 16], 2 + 1 + (3 + 8 + 1)));
/// # Ok::<(), convgru_feedback::Error>(())
/// ```
#[derive(Debug)]
pub struct ConvGruCell {
    core: Core,
    basal: i64,
    apical: i64,
}

impl ConvGruCell {
    /// Makes `conv_gates` `[2 hidden, input + hidden + basal, kernel]` (reset gate first) and `conv_can`
    /// `[hidden, input + hidden + apical, kernel]` under `path`, uniform within `1/sqrt(fan_in)` from `seed`.
    ///
    /// # Errors
    /// [`Error::Option`] for channels below one (feedback: below zero) and kernels with an even side.
    pub fn new(
        path: &Path<'_>,
        [input, hidden]: [i64; 2],
        kernel: [i64; 2],
        [basal, apical]: [i64; 2],
        bias: Bias,
        seed: u64,
    ) -> Result<Self, Error> {
        Self::drawn(path, &mut Draw::new(seed), [input, hidden], kernel, [basal, apical], bias)
    }

    pub(crate) fn drawn(
        path: &Path<'_>,
        draw: &mut Draw,
        [input, hidden]: [i64; 2],
        kernel: [i64; 2],
        [basal, apical]: [i64; 2],
        bias: Bias,
    ) -> Result<Self, Error> {
        let channels = Channels { input, hidden, gates: basal, candidate: apical };
        Ok(Self { core: Core::new(path, draw, channels, kernel, bias)?, basal, apical })
    }

    /// With what steps are computed. Default: [`Arithmetic::Fused`].
    #[must_use]
    pub fn with_arithmetic(mut self, arithmetic: Arithmetic) -> Self {
        self.core.arithmetic = arithmetic;
        self
    }

    pub(crate) fn arithmetic(&self) -> Arithmetic {
        self.core.arithmetic
    }

    /// Channels of feedback: `basal + apical + (input + hidden + apical)`.
    pub fn feedback_channels(&self) -> i64 {
        let Channels { input, hidden, .. } = self.core.channels;
        self.basal + self.apical + (input + hidden + self.apical)
    }

    /// The next state `[batch, hidden, height, width]`, from `x` `[batch, input, height, width]`, the state `h` (zero if `None`)
    /// and feedback `[batch, feedback_channels, height, width]`.
    ///
    /// # Errors
    /// [`Error::Input`] for tensors of other shapes or kinds, [`Error::Torch`] where libtorch refuses.
    pub fn forward(&self, x: &Tensor, h: Option<&Tensor>, feedback: Option<&Tensor>) -> Result<Tensor, Error> {
        let others =
            [("the state", h, self.core.channels.hidden), ("the feedback", feedback, self.feedback_channels())];
        let checked = self.core.checked(x, &others)?;
        match &checked[..] {
            [Some(x), h, feedback] => self.step(x, h.as_ref(), feedback.as_ref()),
            _ => unreachable!("as many as were given"),
        }
    }

    /// [`ConvGruCell::forward`] of tensors that fit.
    pub(crate) fn step(&self, x: &Tensor, h: Option<&Tensor>, feedback: Option<&Tensor>) -> Result<Tensor, Error> {
        let Some(f) = feedback else {
            return self.core.step(x, h, &Feedback::default());
        };
        let gates = (self.basal > 0).then(|| f.f_narrow(1, 0, self.basal)).transpose()?;
        let candidate =
            if self.basal > 0 { f.f_narrow(1, self.basal, f.size()[1] - self.basal)? } else { f.shallow_clone() };
        self.core.step(x, h, &Feedback { gates, candidate: Some(candidate) })
    }
}
