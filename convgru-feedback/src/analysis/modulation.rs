//! What feedback does to a cell: which channels it amplifies, and how much it adds.

use crate::Error;
use tch::{Kind, Tensor};

/// Gain that the multiplicative part of feedback gives to what a cell is about to take in: `1 + relu(m)`, elementwise, of any shape.
/// Source: Tugsbayar, Li, Muller, Richards 2025, *eLife* 105953.
///
/// # Errors
/// [`Error::Torch`].
pub fn effective_gain(m: &Tensor) -> Result<Tensor, Error> {
    Ok(m.f_relu()?.f_add_scalar(1.0)?)
}

/// The gain of a channel, over samples and places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelGain {
    /// Its mean; 1 without feedback, never below.
    pub mean: f64,
    /// The largest.
    pub largest: f64,
    /// Share of samples and places where it is above 1.
    pub amplified: f64,
}

/// What feedback does to a cell, by channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Modulation {
    /// Gains of what comes from below, `[input]`.
    pub input: Vec<ChannelGain>,
    /// Gains of the cell's own state, `[hidden]`.
    pub hidden: Vec<ChannelGain>,
    /// Gains of the apical feedback itself, `[apical]`.
    pub apical: Vec<ChannelGain>,
    /// Root mean square of what is added to the candidate's input, `[apical]`.
    pub apical_shift: Vec<f64>,
    /// Root mean square of what is added to the gates' input, `[basal]`.
    pub basal_shift: Vec<f64>,
}

impl Modulation {
    /// Takes feedback apart: `[batch, basal + apical + (input + hidden + apical), height, width]`, as a
    /// [`ConvGruCell`](crate::ConvGruCell) gets it and [`Updated::top_down`](crate::Updated::top_down) shows it. Channels are given as to
    /// the cell.
    ///
    /// # Errors
    /// [`Error::Input`] for another shape or no numbers, [`Error::Data`] for numbers that are not finite.
    pub fn of(top_down: &Tensor, [input, hidden]: [i64; 2], [basal, apical]: [i64; 2]) -> Result<Self, Error> {
        let size = top_down.size();
        let channels = [basal, apical, input, hidden, apical];
        if size.len() != 4
            || size[1] != channels.iter().sum::<i64>()
            || channels.iter().any(|&n| n < 0)
            || size.contains(&0)
        {
            let (what, got) = ("feedback".to_owned(), format!("{size:?}"));
            let want =
                format!("[batch, {basal} + {apical} + ({input} + {hidden} + {apical}), height, width], none of them 0");
            return Err(Error::Input { what, got, want });
        }
        tch::no_grad(|| {
            let all = top_down.f_to_kind(Kind::Double)?.f_transpose(0, 1)?.f_flatten(1, -1)?;
            if !bool::try_from(all.f_isfinite()?.f_all()?)? {
                let problem = "holds NaN or infinity; look at the network's parameters".to_owned();
                return Err(Error::Data { what: "feedback".to_owned(), problem });
            }
            let shift = |from: i64, n: i64| -> Result<Vec<f64>, Error> {
                let squares = all.f_narrow(0, from, n)?.f_square()?;
                Ok(Vec::try_from(squares.f_mean_dim(1i64, false, None)?.f_sqrt()?)?)
            };
            let gain = |from: i64, n: i64| -> Result<Vec<ChannelGain>, Error> {
                let gain = effective_gain(&all.f_narrow(0, basal + apical + from, n)?)?;
                let above = gain.f_gt(1.0)?.f_to_kind(Kind::Double)?;
                let means = Vec::<f64>::try_from(gain.f_mean_dim(1i64, false, None)?)?;
                let largest = Vec::<f64>::try_from(gain.f_amax(1i64, false)?)?;
                let shares = Vec::<f64>::try_from(above.f_mean_dim(1i64, false, None)?)?;
                let zipped = means.into_iter().zip(largest).zip(shares);
                Ok(zipped.map(|((mean, largest), amplified)| ChannelGain { mean, largest, amplified }).collect())
            };
            Ok(Self {
                input: gain(0, input)?,
                hidden: gain(input, hidden)?,
                apical: gain(input + hidden, apical)?,
                apical_shift: shift(basal, apical)?,
                basal_shift: shift(0, basal)?,
            })
        })
    }

    /// The gains of all channels: input, hidden, apical.
    pub fn gains(&self) -> impl Iterator<Item = &ChannelGain> {
        self.input.iter().chain(&self.hidden).chain(&self.apical)
    }

    /// Mean gain of all channels.
    pub fn mean_gain(&self) -> f64 {
        self.gains().map(|gain| gain.mean).sum::<f64>() / self.gains().count() as f64
    }

    /// Share of the channels whose mean gain is above `threshold`; with 1, of those that are amplified anywhere.
    pub fn amplified_channels(&self, threshold: f64) -> f64 {
        self.gains().filter(|gain| gain.mean > threshold).count() as f64 / self.gains().count() as f64
    }
}
