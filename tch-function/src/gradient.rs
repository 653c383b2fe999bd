//! The gradient of a leaf.

use tch::Tensor;

use crate::{Error, ffi};

/// Makes the gradient of a leaf undefined, as it was before the first backward: torch's `zero_grad(set_to_none=True)`, which `tch` lacks.
///
/// [`Tensor::zero_grad`] leaves zeros, which an optimiser cannot tell from a gradient that is zero, and to which the next backward adds.
///
/// # Errors
///
/// [`Error::Libtorch`] with what libtorch says.
///
/// ```
/// let w = tch::Tensor::from_slice(&[1.0, 2.0]).set_requires_grad(true);
/// w.square().sum(w.kind()).backward();
/// assert!(w.grad().defined());
/// tch_function::forget_gradient(&w)?;
/// assert!(!w.grad().defined());
/// # Ok::<(), tch_function::Error>(())
/// ```
pub fn forget_gradient(leaf: &Tensor) -> Result<(), Error> {
    // SAFETY: a live tensor.
    unsafe { ffi::answer(ffi::tchf_forget_gradient(leaf.as_ptr().cast_mut())) }.map_err(Error::Libtorch)
}
