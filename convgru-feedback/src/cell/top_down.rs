//! The cell of the secondary models, whose feedback is as wide as its input and state together.

use tch::Tensor;
use tch::nn::Path;

use super::Arithmetic;
use super::core::{Channels, Core, Feedback};
use crate::Error;
use crate::convolution::Bias;
use crate::init::Draw;

/// How feedback `f` enters a [`TopDownCell`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopDownKind {
    /// Not at all: a plain convolutional GRU, `ConvGRUCell` of the first model (2022).
    Plain,
    /// As a gain of the candidate's input, `[x, r h] (1 + relu(f))`.
    Multiplicative,
    /// As that gain, and as further input of the gates, `conv_gates([x, h, f])`.
    Composite,
}

impl std::str::FromStr for TopDownKind {
    type Err = Error;

    /// By the reference's names, `multiplicative` and `composite`, and `plain`.
    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "plain" => Ok(Self::Plain),
            "multiplicative" => Ok(Self::Multiplicative),
            "composite" => Ok(Self::Composite),
            _ => Err(Error::Option {
                option: "topdown_type",
                what: format!("{name:?} is none of plain, multiplicative, composite"),
            }),
        }
    }
}

/// A convolutional GRU cell with feedback of `input + hidden` channels; `ConvGRUTopDownCell` of the reference, in either generation.
#[derive(Debug)]
pub struct TopDownCell {
    core: Core,
    kind: TopDownKind,
}

impl TopDownCell {
    /// Makes `conv_gates` and `conv_can` under `path`, uniform within `1/sqrt(fan_in)` from `seed`.
    ///
    /// # Errors
    /// [`Error::Option`] for channels below one and kernels with an even side.
    pub fn new(
        path: &Path<'_>,
        [input, hidden]: [i64; 2],
        kernel: [i64; 2],
        kind: TopDownKind,
        bias: Bias,
        seed: u64,
    ) -> Result<Self, Error> {
        Self::drawn(path, &mut Draw::new(seed), [input, hidden], kernel, kind, bias)
    }

    pub(super) fn drawn(
        path: &Path<'_>,
        draw: &mut Draw,
        [input, hidden]: [i64; 2],
        kernel: [i64; 2],
        kind: TopDownKind,
        bias: Bias,
    ) -> Result<Self, Error> {
        let gates = if kind == TopDownKind::Composite { input + hidden } else { 0 };
        let channels = Channels { input, hidden, gates, candidate: 0 };
        Ok(Self { core: Core::new(path, draw, channels, kernel, bias)?, kind })
    }

    /// With what steps are computed. Default: [`Arithmetic::Fused`].
    #[must_use]
    pub fn with_arithmetic(mut self, arithmetic: Arithmetic) -> Self {
        self.core.arithmetic = arithmetic;
        self
    }

    /// The next state `[batch, hidden, height, width]`, from `x` `[batch, input, height, width]`, the state `h` (zero if `None`)
    /// and feedback `[batch, input + hidden, height, width]`.
    ///
    /// # Errors
    /// [`Error::Input`] for tensors of other shapes or kinds and for feedback into a plain cell, [`Error::Torch`] where libtorch
    /// refuses.
    pub fn forward(&self, x: &Tensor, h: Option<&Tensor>, feedback: Option<&Tensor>) -> Result<Tensor, Error> {
        let Channels { input, hidden, .. } = self.core.channels;
        if let (TopDownKind::Plain, Some(f)) = (self.kind, feedback) {
            let got = format!("{:?}", f.size());
            return Err(Error::Input { what: "feedback of a plain cell".into(), got, want: "none".into() });
        }
        let others = [("the state", h, hidden), ("the feedback", feedback, input + hidden)];
        let checked = self.core.checked(x, &others)?;
        let [Some(x), h, feedback] = &checked[..] else { unreachable!("as many as were given") };
        let feedback = Feedback {
            gates: feedback.as_ref().filter(|_| self.kind == TopDownKind::Composite).map(Tensor::shallow_clone),
            candidate: feedback.as_ref().map(Tensor::shallow_clone),
        };
        self.core.step(x, h.as_ref(), &feedback)
    }
}
