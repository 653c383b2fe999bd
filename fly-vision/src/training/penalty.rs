//! What keeps cells active.

use tch::{Kind, Tensor};

use crate::Error;

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
}
