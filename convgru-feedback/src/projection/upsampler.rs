//! Interlaced copies.

use tch::Tensor;
use tch::nn::Path;

use crate::Error;
use crate::init::Draw;

/// Four copies of an image, each spread out by a transposed convolution of 1 x 1 and shifted into another corner, summed;
/// `ILC_upsampler` of the reference, where no model uses it.
///
/// With stride s a side of n pixels becomes (n - 1) s + 2: twice as many where s is 2.
#[derive(Debug)]
pub struct InterlacedUpsampler {
    branches: Vec<(Tensor, Tensor)>,
    stride: i64,
}

impl InterlacedUpsampler {
    /// Columns to the left and right, rows above and below that each copy is padded with.
    const PADS: [[i64; 4]; 4] = [[0, 1, 0, 1], [1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0]];

    /// Makes `c1.0` to `c4.0` under `path`, `weight` `[inputs, outputs, 1, 1]` and `bias` each.
    ///
    /// # Errors
    /// [`Error::Option`] for a stride below 1.
    pub fn new(path: &Path<'_>, [inputs, outputs]: [i64; 2], stride: i64, seed: u64) -> Result<Self, Error> {
        if stride < 1 {
            return Err(Error::Option { option: "stride", what: format!("{stride}; at least 1 is needed") });
        }
        let draw = &mut Draw::new(seed);
        let mut branch = |i: usize| {
            let path = path / format!("c{}", i + 1) / 0;
            let weight = draw.uniform(&path, "weight", &[inputs, outputs, 1, 1], outputs)?;
            Ok((weight, draw.uniform(&path, "bias", &[outputs], outputs)?))
        };
        Ok(Self { branches: (0..4).map(&mut branch).collect::<Result<_, Error>>()?, stride })
    }

    /// `[batch, inputs, height, width]` to `[batch, outputs, ..]`.
    ///
    /// # Errors
    /// [`Error::Torch`] for another number of channels.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        let copies = self.branches.iter().zip(Self::PADS).map(|((weight, bias), pad)| {
            let spread =
                x.f_conv_transpose2d(weight, Some(bias), [self.stride; 2], [0, 0], [0, 0], 1, [1, 1])?.f_relu()?;
            Ok(spread.f_constant_pad_nd(pad)?)
        });
        let copies = copies.collect::<Result<Vec<Tensor>, Error>>()?;
        Ok(Tensor::f_stack(&copies, 0)?.f_sum_dim_intlist(0, false, None)?)
    }
}
