//! The numbers of CPU tensors, as slices.

use std::ops::{Add, Div, Mul, Sub};

use tch::{Device, Kind, Tensor};

use crate::Error;

/// Numbers with kernels.
pub(crate) trait Real:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    const KIND: Kind;
    fn of(x: f64) -> Self;
    fn to_f64(self) -> f64;
    fn sqrt(self) -> Self;
    /// The larger; NaN where one is.
    fn larger(self, other: Self) -> Self;
}

macro_rules! real {
    ($t:ty, $kind:expr) => {
        impl Real for $t {
            const KIND: Kind = $kind;
            fn of(x: f64) -> Self {
                x as $t
            }
            fn to_f64(self) -> f64 {
                self.into()
            }
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            fn larger(self, other: Self) -> Self {
                if self > other || self.is_nan() { self } else { other }
            }
        }
    };
}
real!(f32, Kind::Float);
real!(f64, Kind::Double);

/// Whether the numbers lie in one piece of this machine's memory.
pub(crate) fn is_plain(t: &Tensor) -> bool {
    t.device() == Device::Cpu && t.is_contiguous() && !t.is_sparse()
}

/// The numbers of a plain tensor.
///
/// # Panics
/// When it is not plain or of another kind: callers see to that first.
pub(crate) fn slice<T: Real>(t: &Tensor) -> &[T] {
    check::<T>(t);
    if t.numel() == 0 {
        return &[];
    }
    // SAFETY: a contiguous CPU tensor of this kind holds `numel` numbers at `data_ptr`, and lives as long as the borrow.
    unsafe { std::slice::from_raw_parts(t.data_ptr().cast::<T>().cast_const(), t.numel()) }
}

/// The numbers of a plain tensor, to be changed; [`changed`] is to be called afterwards.
///
/// # Panics
/// As [`slice`].
pub(crate) fn slice_mut<T: Real>(t: &mut Tensor) -> &mut [T] {
    check::<T>(t);
    if t.numel() == 0 {
        return &mut [];
    }
    // SAFETY: as in `slice`. Callers hold no slice of a tensor that shares this memory, see `overlap`.
    unsafe { std::slice::from_raw_parts_mut(t.data_ptr().cast::<T>(), t.numel()) }
}

/// The bytes of a plain tensor of any kind.
pub(crate) fn bytes(t: &Tensor) -> &[u8] {
    assert!(is_plain(t), "wants a contiguous tensor on the CPU, got {:?} on {:?}", t.size(), t.device());
    if t.numel() == 0 {
        return &[];
    }
    // SAFETY: a contiguous CPU tensor holds `numel` elements of its kind's size at `data_ptr`, all of them initialised.
    unsafe {
        std::slice::from_raw_parts(t.data_ptr().cast::<u8>().cast_const(), t.numel() * t.kind().elt_size_in_bytes())
    }
}

/// Whether two plain tensors share memory.
pub(crate) fn overlap(a: &Tensor, b: &Tensor) -> bool {
    let range = |t: &Tensor| {
        let start = t.data_ptr() as usize;
        start..start + t.numel() * t.kind().elt_size_in_bytes()
    };
    let (a, b) = (range(a), range(b));
    a.start < b.end && b.start < a.end
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

fn check<T: Real>(t: &Tensor) {
    assert!(
        is_plain(t) && t.kind() == T::KIND,
        "wants a contiguous {:?} tensor on the CPU, got {:?} on {:?}, shape {:?}",
        T::KIND,
        t.kind(),
        t.device(),
        t.size()
    );
}
