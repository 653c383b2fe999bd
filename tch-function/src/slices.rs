//! The numbers of CPU tensors as slices, and tensors of slices.
//!
//! ```
//! use tch_function::slices::{as_slice, filled};
//!
//! let x = tch::Tensor::from_slice(&[1.0f32, 2.0, 3.0]);
//! let squares = filled::<f32>(&x.size(), |y| y.iter_mut().zip(as_slice::<f32>(&x)).for_each(|(y, x)| *y = x * x))?;
//! assert_eq!(as_slice::<f32>(&squares), [1.0, 4.0, 9.0]);
//! # Ok::<(), tch::TchError>(())
//! ```

use std::ffi::CStr;

use tch::{Device, Kind, TchError, Tensor};

use crate::ffi;
use crate::math::Number;

/// Whether the tensor's entries lie in this machine's memory one after another, as they are: on the CPU, dense, contiguous, and
/// none of libtorch's lazy views, which negate or conjugate upon reading.
///
/// What is not plain becomes so by `Tensor::empty(t.size(), (t.kind(), Device::Cpu))` and `copy_`.
pub fn is_plain(t: &Tensor) -> bool {
    not_plain(t).is_none()
}

/// Why the tensor is not plain.
fn not_plain(t: &Tensor) -> Option<&'static str> {
    // SAFETY: a live tensor, which may be undefined; null or a text of the program's.
    let why = unsafe { ffi::tchf_not_plain(t.as_ptr().cast_mut()) };
    // SAFETY: as above.
    (!why.is_null()).then(|| unsafe { CStr::from_ptr(why) }.to_str().unwrap_or_default())
}

/// The numbers of a plain tensor, row-major.
///
/// The slice looks into the tensor's memory. While it is held, nothing may write there by another handle (a shallow clone or a view).
///
/// # Panics
/// When the tensor is not [plain](is_plain) or of another kind: callers see to that first.
pub fn as_slice<T: Number>(t: &Tensor) -> &[T] {
    check(t, Some(T::KIND));
    let n = t.numel();
    // SAFETY: a plain tensor of this kind holds `numel` numbers at `data_ptr`, and lives as long as the borrow. An empty one may
    // have a null pointer, which a slice may not.
    if n == 0 { &[] } else { unsafe { std::slice::from_raw_parts(t.data_ptr().cast::<T>().cast_const(), n) } }
}

/// The numbers of a plain tensor, to be changed.
///
/// libtorch does not notice: neither the [version](crate::tensor_version) nor a recorded graph tells of the change.
///
/// # Safety
/// As long as the slice is held, nothing reads or writes its memory by another handle: a shallow clone, a view, another slice.
///
/// # Panics
/// As [`as_slice`].
pub unsafe fn as_mut_slice<T: Number>(t: &mut Tensor) -> &mut [T] {
    check(t, Some(T::KIND));
    let n = t.numel();
    // SAFETY: as in `as_slice`, and nobody else looks, by the caller's promise.
    if n == 0 { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(t.data_ptr().cast::<T>(), n) } }
}

/// The bytes of a plain tensor of any kind, in this machine's order.
///
/// # Panics
/// When the tensor is not [plain](is_plain).
pub fn as_bytes(t: &Tensor) -> &[u8] {
    check(t, None);
    let n = t.numel() * t.kind().elt_size_in_bytes();
    // SAFETY: as in `as_slice`, and any byte is a number.
    if n == 0 { &[] } else { unsafe { std::slice::from_raw_parts(t.data_ptr().cast::<u8>().cast_const(), n) } }
}

/// Whether two plain tensors share memory.
///
/// # Panics
/// When one is not [plain](is_plain).
pub fn overlap(a: &Tensor, b: &Tensor) -> bool {
    let (a, b) = (as_bytes(a).as_ptr_range(), as_bytes(b).as_ptr_range());
    a.start < b.end && b.start < a.end
}

/// A new contiguous CPU tensor, its numbers written by `fill`, which gets them uninitialised by libtorch and must set all. An empty
/// one is not filled.
///
/// # Errors
/// When libtorch cannot allocate it.
pub fn filled<T: Number>(shape: &[i64], fill: impl FnOnce(&mut [T])) -> Result<Tensor, TchError> {
    let mut t = Tensor::f_empty(shape, (T::KIND, Device::Cpu))?;
    if t.numel() > 0 {
        // SAFETY: the tensor is new and nobody else's yet.
        fill(unsafe { as_mut_slice(&mut t) });
    }
    Ok(t)
}

/// The same with what `fill` returns, which is called for an empty one too.
///
/// # Errors
/// As [`filled`].
pub fn filled_with<T: Number, R>(shape: &[i64], fill: impl FnOnce(&mut [T]) -> R) -> Result<(Tensor, R), TchError> {
    let mut t = Tensor::f_empty(shape, (T::KIND, Device::Cpu))?;
    // SAFETY: as in `filled`.
    let result = fill(unsafe { as_mut_slice(&mut t) });
    Ok((t, result))
}

fn check(t: &Tensor, kind: Option<Kind>) {
    let why = not_plain(t).or_else(|| kind.filter(|kind| *kind != t.kind()).map(|_| "it is of another kind"));
    if let Some(why) = why {
        let got = if t.defined() {
            format!("{:?} on {:?}, shape {:?}", t.kind(), t.device(), t.size())
        } else {
            "none".into()
        };
        panic!(
            "wants a dense, contiguous {} tensor on the CPU, got {got}: {why}",
            kind.map_or("".into(), |k| format!("{k:?}"))
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(t: &Tensor) -> String {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| as_slice::<f64>(t).len())).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    }

    #[test]
    fn there_and_back() {
        let mut t = filled::<f64>(&[2, 3], |x| x.iter_mut().zip(0u8..).for_each(|(x, i)| *x = i.into())).unwrap();
        assert_eq!(as_slice::<f64>(&t), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        // SAFETY: no other handle.
        let numbers = unsafe { as_mut_slice::<f64>(&mut t) };
        numbers[5] = -1.0;
        assert_eq!(t.double_value(&[1, 2]), -1.0);
        assert_eq!(as_bytes(&t)[40..], (-1.0f64).to_ne_bytes());
        assert_eq!(as_bytes(&Tensor::from_slice(&[true, false])), [1, 0]);
        // a row of it is plain, and begins where it begins
        assert_eq!(as_slice::<f64>(&t.get(1)), [3.0, 4.0, -1.0]);
        assert!(overlap(&t, &t.get(1)) && !overlap(&t.get(0), &t.get(1)));
    }

    #[test]
    fn empty_tensors() {
        let mut t = filled::<f32>(&[0, 3], |_| panic!("nothing to fill")).unwrap();
        assert!(is_plain(&t) && as_slice::<f32>(&t).is_empty() && as_bytes(&t).is_empty() && !overlap(&t, &t));
        // SAFETY: no other handle.
        assert!(unsafe { as_mut_slice::<f32>(&mut t) }.is_empty());
    }

    #[test]
    fn what_is_not_plain_is_told() {
        let t = Tensor::ones([2, 3], (Kind::Double, Device::Cpu));
        for (refused, why) in [
            (t.tr(), "Double on Cpu, shape [3, 2]: it is not contiguous"),
            (t.to_kind(Kind::Float), "Float on Cpu, shape [2, 3]: it is of another kind"),
            (t.to_sparse(None, None::<i64>, None), "it is not dense"),
            (t.to_sparse_csr(None), "it is not dense"),
            (t.internal_neg_view(), "it is a lazy view"),
            (Tensor::new(), "got none: it is undefined"),
        ] {
            let got = refusal(&refused);
            assert!(
                got.starts_with("wants a dense, contiguous Double tensor on the CPU, got") && got.ends_with(why),
                "{got}"
            );
        }
        assert!(!is_plain(&Tensor::zeros([1], (Kind::Double, Device::Cpu)).to_kind(Kind::ComplexDouble).conj()));
    }
}
