//! Where channels lie in memory.
//!
//! Everything that a network holds is `[batch, channels, height, width]` for libtorch, and has its channels next to each other in
//! memory: libtorch's convolutions then run without copying their inputs into another order, and the cells' own kernels see a pixel's
//! channels as one stretch.

use tch::{TchError, Tensor};

/// The same numbers with channels innermost in memory; the tensor itself where they are.
pub(crate) fn channels_last(t: &Tensor) -> Result<Tensor, TchError> {
    from_pixels(&pixels(t)?)
}

/// `[batch, channels, height, width]` as contiguous `[batch, height, width, channels]`, without a copy where channels are innermost.
pub(crate) fn pixels(t: &Tensor) -> Result<Tensor, TchError> {
    t.f_permute([0, 2, 3, 1])?.f_contiguous()
}

/// `[batch, height, width, channels]` as `[batch, channels, height, width]`.
pub(crate) fn from_pixels(t: &Tensor) -> Result<Tensor, TchError> {
    t.f_permute([0, 3, 1, 2])
}

/// The same numbers in the order of the axes, and with the strides that say so: of one channel, [`Tensor::f_contiguous`] keeps any.
pub(crate) fn channels_first(t: &Tensor) -> Result<Tensor, TchError> {
    t.f_reshape([-1])?.f_view(&t.size()[..])
}
