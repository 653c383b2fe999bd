//! Linear layers with torch's names and starting values.

use tch::Tensor;
use tch::nn::Path;

use crate::Error;
use crate::init::Draw;

/// `weight` `[outputs, inputs]` and `bias` `[outputs]`.
#[derive(Debug)]
pub(crate) struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    pub(crate) fn new(path: &Path<'_>, draw: &mut Draw, inputs: i64, outputs: i64) -> Result<Self, Error> {
        let weight = draw.uniform(path, "weight", &[outputs, inputs], inputs)?;
        Ok(Self { weight, bias: draw.uniform(path, "bias", &[outputs], inputs)? })
    }

    /// `[batch, inputs]` to `[batch, outputs]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        let inputs = self.weight.size()[1];
        if x.size().last() != Some(&inputs) {
            return Err(Error::Input {
                what: "the input of a linear layer".into(),
                got: format!("{:?}", x.size()),
                want: format!("[batch, {inputs}]"),
            });
        }
        Ok(x.f_linear(&self.weight, Some(&self.bias))?)
    }
}
