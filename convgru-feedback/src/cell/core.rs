//! One step of a convolutional GRU, with every kind of feedback.

use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use super::{Arithmetic, fused};
use crate::Error;
use crate::convolution::{Bias, Convolution, concatenated};
use crate::init::Draw;
use crate::layout::channels_last;

/// Channels of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channels {
    pub(super) input: i64,
    pub(super) hidden: i64,
    /// Feedback beside input and state, into the gates.
    pub(super) gates: i64,
    /// Feedback beside input and state, into the candidate.
    pub(super) candidate: i64,
}

/// Feedback in its three ways, `[batch, channels, height, width]`.
#[derive(Debug, Default)]
pub(super) struct Feedback {
    /// Into the gates.
    pub(super) gates: Option<Tensor>,
    /// Channels `a` that are added to the candidate's input, and then `m`, by which all of it is multiplied: `1 + relu(m)`.
    pub(super) candidate: Option<Tensor>,
}

/// Both convolutions and what happens between them.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) gates: Convolution,
    pub(super) candidate: Convolution,
    pub(super) channels: Channels,
    pub(super) arithmetic: Arithmetic,
}

impl Core {
    /// Makes `conv_gates` and `conv_can` under `path`.
    pub(super) fn new(
        path: &Path<'_>,
        draw: &mut Draw,
        channels: Channels,
        kernel: [i64; 2],
        bias: Bias,
    ) -> Result<Self, Error> {
        let Channels { input, hidden, gates, candidate } = channels;
        if let Some(bad) =
            [input, hidden].into_iter().find(|&n| n < 1).or([gates, candidate].into_iter().find(|&n| n < 0))
        {
            let what = format!("{bad} channels; inputs and states have at least 1, feedback none or more");
            return Err(Error::Option { option: "channels of a cell", what });
        }
        if let Some(even) = kernel.into_iter().find(|k| k % 2 != 1) {
            let what = format!("a side of {even}; odd ones keep the state's size");
            return Err(Error::Option { option: "kernel of a cell", what });
        }
        let both = input + hidden;
        let conv = |draw: &mut Draw, name: &str, outputs, inputs| {
            Convolution::new(&(path / name), draw, [outputs, inputs], kernel, bias)
        };
        let gates = conv(draw, "conv_gates", 2 * hidden, both + gates)?;
        let candidate = conv(draw, "conv_can", hidden, both + candidate)?;
        Ok(Self { gates, candidate, channels, arithmetic: Arithmetic::default() })
    }

    /// The next state. Source: Tugsbayar, Li, Muller, Richards 2025, *eLife* 105953, methods; without feedback Ballas et al. 2016,
    /// arXiv:1511.06432, eq. 8 to 11.
    pub(super) fn step(&self, x: &Tensor, h: Option<&Tensor>, feedback: &Feedback) -> Result<Tensor, Error> {
        match h {
            Some(h) => self.next(x, h, feedback),
            None => self.first(x, feedback),
        }
    }

    fn next(&self, x: &Tensor, h: &Tensor, feedback: &Feedback) -> Result<Tensor, Error> {
        let both = self.channels.input + self.channels.hidden;
        let pre = match &feedback.gates {
            Some(b) => self.gates.forward(&Tensor::f_cat(&[x, h, b], 1)?)?,
            None => self.gates.forward_with(
                &Tensor::f_cat(&[x, h], 1)?,
                &self.gates.weight.f_narrow(1, 0, both)?,
                self.gates.bias.as_ref(),
            )?,
        };
        let signal = feedback.candidate.as_ref();
        if self.is_fused(x) {
            let [z, u] = fused::gates(&pre, x, h, signal, self.channels.candidate)?;
            return fused::blend(&self.candidate(&z, signal.is_some())?, h, &u);
        }
        let hidden = self.channels.hidden;
        let r = pre.f_narrow(1, 0, hidden)?.f_sigmoid()?;
        let u = pre.f_narrow(1, hidden, hidden)?.f_sigmoid()?;
        let z = self.modulated(&[x.shallow_clone(), r.f_mul(h)?], signal, 0)?;
        let c = self.candidate(&z, signal.is_some())?.f_tanh()?;
        // h + u (c - h)
        Ok(h.f_add(&u.f_mul(&c.f_sub(h)?)?)?)
    }

    /// The step from the state zero: of the gates only the update matters, and neither convolution sees the state.
    fn first(&self, x: &Tensor, feedback: &Feedback) -> Result<Tensor, Error> {
        let Channels { input, hidden, gates, candidate } = self.channels;
        let both = input + hidden;
        let update = self.gates.weight.f_narrow(0, hidden, hidden)?;
        let update_bias = self.gates.bias.as_ref().map(|b| b.f_narrow(0, hidden, hidden)).transpose()?;
        let columns = |weight: &Tensor, extra: i64, used: bool| {
            let extra = if used { both..both + extra } else { 0..0 };
            crate::convolution::columns(weight, &[0..input, extra])
        };
        let pre = match (&feedback.gates, &feedback.candidate) {
            (None, None) => {
                let weights = [columns(&update, 0, false)?, columns(&self.candidate.weight, 0, false)?];
                let biases = match (update_bias, &self.candidate.bias) {
                    (Some(u), Some(c)) => Some(Tensor::f_cat(&[&u, c], 0)?),
                    _ => None,
                };
                self.gates.forward_with(x, &Tensor::f_cat(&weights, 0)?, biases.as_ref())?
            }
            (basal, signal) => {
                let inputs =
                    [Some(x), basal.as_ref()].into_iter().flatten().map(Tensor::shallow_clone).collect::<Vec<_>>();
                let weight = columns(&update, gates, basal.is_some())?;
                let u = self.gates.forward_with(&concatenated(&inputs, 1)?, &weight, update_bias.as_ref())?;
                let signal = signal.as_ref();
                let z = self.modulated(&[x.shallow_clone()], signal, hidden)?;
                let weight = columns(&self.candidate.weight, candidate, signal.is_some())?;
                Tensor::f_cat(&[u, self.candidate.forward_with(&z, &weight, self.candidate.bias.as_ref())?], 1)?
            }
        };
        if self.is_fused(x) {
            return fused::blend_from_zero(&pre);
        }
        Ok(pre.f_narrow(1, 0, hidden)?.f_sigmoid()?.f_mul(&pre.f_narrow(1, hidden, hidden)?.f_tanh()?)?)
    }

    /// The candidate's convolution of `z`, which has the added channels only where there is feedback.
    fn candidate(&self, z: &Tensor, with_feedback: bool) -> Result<Tensor, Error> {
        let both = self.channels.input + self.channels.hidden;
        if with_feedback {
            return self.candidate.forward(z);
        }
        self.candidate.forward_with(z, &self.candidate.weight.f_narrow(1, 0, both)?, self.candidate.bias.as_ref())
    }

    /// `[parts, a] * (1 + relu(m))`. `absent` channels before `a` are not among the parts, nor are their gains used.
    fn modulated(&self, parts: &[Tensor], signal: Option<&Tensor>, absent: i64) -> Result<Tensor, Error> {
        let Some(signal) = signal else {
            return concatenated(parts, 1);
        };
        let Channels { input, hidden, candidate, .. } = self.channels;
        let (added, present) = (candidate, input + hidden - absent);
        let mut all = parts.iter().map(Tensor::shallow_clone).collect::<Vec<_>>();
        let mut m = signal.f_narrow(1, added, present)?;
        if added > 0 {
            all.push(signal.f_narrow(1, 0, added)?);
            m = Tensor::f_cat(&[m, signal.f_narrow(1, added + input + hidden, added)?], 1)?;
        }
        Ok(concatenated(&all, 1)?.f_mul(&m.f_relu()?.f_add_scalar(1.0)?)?)
    }

    fn is_fused(&self, x: &Tensor) -> bool {
        self.arithmetic == Arithmetic::Fused
            && x.device() == Device::Cpu
            && matches!(x.kind(), Kind::Float | Kind::Double)
    }

    /// Checks shapes and kinds of a step's tensors, and puts channels innermost.
    pub(super) fn checked(
        &self,
        x: &Tensor,
        others: &[(&str, Option<&Tensor>, i64)],
    ) -> Result<Vec<Option<Tensor>>, Error> {
        let (weight, size) = (&self.gates.weight, x.size());
        let (&[batch, _, height, width], true) =
            (&size[..], x.kind() == weight.kind() && x.device() == weight.device())
        else {
            return Err(self.refused(
                "the bottom-up input",
                x,
                &["batch", &self.channels.input.to_string(), "height", "width"],
            ));
        };
        let first = ("the bottom-up input", Some(x), self.channels.input);
        let check = |(what, tensor, channels): &(&str, Option<&Tensor>, i64)| match tensor {
            None => Ok(None),
            Some(t)
                if t.size() == [batch, *channels, height, width]
                    && t.kind() == x.kind()
                    && t.device() == x.device() =>
            {
                Ok(Some(channels_last(t)?))
            }
            Some(t) => {
                let want = [batch, *channels, height, width].map(|n| n.to_string());
                Err(self.refused(what, t, &want.each_ref().map(String::as_str)))
            }
        };
        std::iter::once(&first).chain(others).map(check).collect()
    }

    fn refused(&self, what: &str, got: &Tensor, want: &[&str]) -> Error {
        let weight = &self.gates.weight;
        Error::Input {
            what: what.to_owned(),
            got: format!("{:?} of {:?} on {:?}", got.size(), got.kind(), got.device()),
            want: format!("[{}] of {:?} on {:?}", want.join(", "), weight.kind(), weight.device()),
        }
    }
}
