//! What keeps cells active, and parameters near where they belong.

use tch::{Kind, Tensor};

use crate::Error;
use crate::network::Parameters;

/// A penalty on central cells whose mean potential is not at a baseline, by a step of gradient descent on resting potentials alone.
///
/// With the mean `a` of a cell over the frames after the first quarter: `weight mean g(baseline - a)^2`, the mean over samples and cell
/// types, where `g(z)` is `below z` for cells below the baseline and `above z` for those above.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityPenalty {
    /// Of the whole; 0 for none. Default 0.1.
    pub weight: f64,
    /// Mean potential that is not penalised. Default 5.
    pub baseline: f64,
    /// Weight of the distance below it. Default 1.
    pub below: f64,
    /// Weight of the distance above it. Default 0.1.
    pub above: f64,
    /// The iteration that it ends at. Default 150,000.
    pub until: u64,
}

impl Default for ActivityPenalty {
    fn default() -> Self {
        Self { weight: 0.1, baseline: 5.0, below: 1.0, above: 0.1, until: 150_000 }
    }
}

impl ActivityPenalty {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::Setting`] with the one that is wrong.
    pub fn validate(&self) -> Result<(), Error> {
        for (setting, value) in [("weight", self.weight), ("below", self.below), ("above", self.above)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::setting(setting, format!("{value}; a penalty weighs 0 or more")));
            }
        }
        if !self.baseline.is_finite() {
            return Err(Error::setting("baseline", format!("{}; a potential is wanted", self.baseline)));
        }
        Ok(())
    }

    /// The penalty of potentials of central cells, `[batch, frames, types]`: a scalar.
    ///
    /// # Errors
    /// [`Error::Shape`] unless they have three dimensions, none of them 0.
    pub fn of(&self, central: &Tensor) -> Result<Tensor, Error> {
        let size = central.size();
        let [batch, frames, types] = size[..] else {
            return Err(Error::shape("potentials of central cells", format!("{size:?}"), "[batch, frames, types]"));
        };
        if batch * frames * types == 0 {
            return Err(Error::shape("potentials of central cells", format!("{size:?}"), "none of them 0"));
        }
        let mean = central.f_narrow(1, frames / 4, frames - frames / 4)?.f_mean_dim(1, false, None::<Kind>)?;
        let below = mean.f_neg()?.f_add_scalar(self.baseline)?;
        let above = below.f_neg()?.f_relu()?.f_mul_scalar(self.above)?;
        let distance = below.f_relu()?.f_mul_scalar(self.below)?.f_sub(&above)?;
        Ok(distance.f_square()?.f_mean(None::<Kind>)?.f_mul_scalar(self.weight)?)
    }
}

/// Parameters of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Penalised {
    /// Resting potentials.
    RestingPotentials,
    /// Time constants, in seconds.
    TimeConstants,
    /// Strengths of synapses.
    Strengths,
}

impl Penalised {
    /// The parameters of a network.
    pub(super) fn of(self, parameters: &Parameters) -> &Tensor {
        match self {
            Self::RestingPotentials => &parameters.bias,
            Self::TimeConstants => &parameters.time_constant,
            Self::Strengths => &parameters.strength,
        }
    }
}

/// Where a penalty pulls parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// To 0: weight decay.
    Zero,
    /// To where they were before the first iteration: a prior.
    Start,
}

/// A penalty `weight sum (p - p0)^2` on parameters `p` that are not where they should be, by a step of gradient descent on them alone, with
/// the learning rate `lr` of the penalty: of the distance, `1 - 2 lr weight` is left by a step, so that `lr weight` should be well below 1/2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParameterPenalty {
    /// Which parameters.
    pub parameters: Penalised,
    /// Where to.
    pub towards: Towards,
    /// How strong it is, 0 or more.
    pub weight: f64,
}

impl ParameterPenalty {
    /// Checks the number.
    ///
    /// # Errors
    /// [`Error::Setting`] for a weight that is below 0 or none.
    pub fn validate(&self) -> Result<(), Error> {
        if self.weight.is_finite() && self.weight >= 0.0 {
            return Ok(());
        }
        Err(Error::setting("weight", format!("{}; a penalty weighs 0 or more", self.weight)))
    }

    /// The penalty of parameters and its gradient; `start` is where they were, if they are pulled there.
    pub(super) fn of(&self, parameters: &Tensor, start: Option<&Tensor>) -> Result<(f64, Tensor), Error> {
        let now = parameters.f_detach()?;
        let away = start.map_or_else(|| Ok(now.shallow_clone()), |start| now.f_sub(start))?;
        let penalty = self.weight * away.f_square()?.f_sum(None::<Kind>)?.f_double_value(&[])?;
        Ok((penalty, away.f_mul_scalar(2.0 * self.weight)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn penalties_by_hand() {
        let penalty = ActivityPenalty { weight: 2.0, baseline: 1.0, below: 1.0, above: 0.5, until: 1 };
        // the first of four frames does not count
        let central = Tensor::from_slice(&[9.0, -9.0, 0.0, 3.0, 0.0, 3.0, 3.0, 6.0]).view([1, 4, 2]);
        let got = penalty.of(&central).unwrap().double_value(&[]);
        // means 1 and 4: distances 0 and -3 / 2
        assert!((got - 2.0 * 2.25 / 2.0).abs() < 1e-12, "{got}");
        assert!(penalty.of(&central.get(0)).is_err());
        assert!(ActivityPenalty { weight: -1.0, ..penalty.clone() }.validate().is_err());
        assert!(ActivityPenalty { baseline: f64::NAN, ..penalty }.validate().is_err());
    }

    #[test]
    fn parameters_are_pulled_to_where_they_belong() {
        let (now, start) = (Tensor::from_slice(&[1.0, -2.0]), Tensor::from_slice(&[1.0, 1.0]));
        let numbers = |gradient: &Tensor| Vec::<f64>::try_from(gradient).unwrap();
        let decay = ParameterPenalty { parameters: Penalised::Strengths, towards: Towards::Zero, weight: 0.5 };
        let (penalty, gradient) = decay.of(&now, None).unwrap();
        assert_eq!((penalty, numbers(&gradient)), (2.5, vec![1.0, -2.0]));
        let (penalty, gradient) = ParameterPenalty { towards: Towards::Start, ..decay }.of(&now, Some(&start)).unwrap();
        assert_eq!((penalty, numbers(&gradient)), (4.5, vec![0.0, -3.0]));
        assert!(ParameterPenalty { weight: f64::NAN, ..decay }.validate().is_err());
    }
}
