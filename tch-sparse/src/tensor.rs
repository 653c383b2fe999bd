//! Slices of tensors, and tensors of slices.

use crate::{Error, Real};
use tch::{Device, Tensor};

/// The numbers of a contiguous CPU tensor.
///
/// # Panics
/// When the tensor is of another kind, on another device or not contiguous: callers see to that first.
pub fn as_slice<T: Real>(t: &Tensor) -> &[T] {
    check::<T>(t);
    // SAFETY: a contiguous CPU tensor of this kind holds `numel` numbers at `data_ptr`, and lives as long as the borrow.
    // An empty one may have a null pointer, which a slice may not.
    unsafe {
        if t.numel() == 0 { &[] } else { std::slice::from_raw_parts(t.data_ptr().cast::<T>().cast_const(), t.numel()) }
    }
}

/// A new contiguous CPU tensor, its numbers written by `fill`, which gets them uninitialised by libtorch and must set all.
///
/// # Errors
/// When libtorch cannot allocate it.
pub fn filled<T: Real>(shape: &[i64], fill: impl FnOnce(&mut [T])) -> Result<Tensor, Error> {
    let t = Tensor::f_empty(shape, (T::KIND, Device::Cpu))?;
    if t.numel() > 0 {
        // SAFETY: the tensor is new, contiguous, of this kind and nobody else's yet.
        fill(unsafe { std::slice::from_raw_parts_mut(t.data_ptr().cast::<T>(), t.numel()) });
    }
    Ok(t)
}

fn check<T: Real>(t: &Tensor) {
    assert!(
        t.kind() == T::KIND && t.device() == Device::Cpu && t.is_contiguous(),
        "wants a contiguous {:?} tensor on the CPU, got {:?} on {:?}, shape {:?}, strides {:?}",
        T::KIND,
        t.kind(),
        t.device(),
        t.size(),
        t.stride()
    );
}
