//! What the optimisers and files of this crate do with CPU tensors.

use tch::{Device, Tensor};
use tch_function::math::Number;
use tch_function::slices::as_mut_slice;

use crate::Error;

/// The numbers of a parameter, or of what an optimiser keeps of it, to be changed; [`changed`] is to be called afterwards.
///
/// # Panics
/// As [`tch_function::slices::as_slice`].
pub(crate) fn slice_mut<T: Number>(t: &mut Tensor) -> &mut [T] {
    // SAFETY: an optimiser's state is its own, and it copies a gradient that overlaps with its parameter.
    unsafe { as_mut_slice(t) }
}

/// Tells libtorch that a tensor was written to, so that a graph which needs its old values is refused, and caches notice.
pub(crate) fn changed(t: &Tensor) -> Result<(), Error> {
    let _ = t.f_view([-1])?.f_narrow(0, 0, 0)?.f_zero_()?;
    Ok(())
}

/// A plain copy on a device.
pub(crate) fn copy_to(t: &Tensor, device: Device) -> Result<Tensor, Error> {
    let mut copy = Tensor::f_empty(t.size(), (t.kind(), device))?;
    copy.f_copy_(t)?;
    Ok(copy)
}
