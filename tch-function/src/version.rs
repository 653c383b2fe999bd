//! The version counter of a tensor.

use tch::Tensor;

use crate::{Error, ffi};

/// How often libtorch has modified this tensor's memory in place, through any of its views.
///
/// Together with `data_ptr()` it tells whether something computed from the values is still theirs. Kernels that write
/// through `data_ptr()` do not count. The absolute number means nothing.
///
/// # Errors
///
/// [`Error::NoVersion`] for a tensor made in inference mode, which has no counter; [`Error::Libtorch`] for an undefined one.
///
/// ```
/// use tch_function::tensor_version;
///
/// let mut x = tch::Tensor::from_slice(&[1.0, 2.0]);
/// let before = tensor_version(&x)?;
/// let _ = x.get(0).fill_(3.0);
/// assert_ne!(tensor_version(&x)?, before);
/// # Ok::<(), tch_function::Error>(())
/// ```
pub fn tensor_version(tensor: &Tensor) -> Result<u64, Error> {
    let mut version = 0;
    // SAFETY: a live tensor and a place for the number.
    unsafe { ffi::answer(ffi::tchf_version(tensor.as_ptr().cast_mut(), &mut version)) }.map_err(Error::Libtorch)?;
    if version == u64::MAX { Err(Error::NoVersion) } else { Ok(version) }
}
