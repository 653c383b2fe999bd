//! libtorch's inference mode, which tch does not offer.

use std::ffi::c_void;

use crate::{Error, ffi};

/// Runs `f` in libtorch's inference mode: nothing is recorded, and new tensors carry neither version nor view bookkeeping.
///
/// Cheaper than `tch::no_grad` for small operations. A tensor made inside cannot take part in a recorded computation
/// afterwards; copy it. Only this thread is concerned. A panic in `f` leaves the mode as well.
///
/// # Errors
///
/// [`Error::Libtorch`] where libtorch does not enter the mode.
pub fn inference_mode<T>(f: impl FnOnce() -> T) -> Result<T, Error> {
    let mut guard = Guard(std::ptr::null_mut());
    // SAFETY: a place for the pointer.
    unsafe { ffi::answer(ffi::tchf_inference_enter(&mut guard.0)) }.map_err(Error::Libtorch)?;
    Ok(f())
}

/// Leaves inference mode. Not `Send` (a raw pointer), as the mode is the thread's.
struct Guard(*mut c_void);

impl Drop for Guard {
    fn drop(&mut self) {
        // SAFETY: null, or from tchf_inference_enter on this thread; guards are dropped in reverse order, being locals.
        unsafe { ffi::tchf_inference_leave(self.0) }
    }
}
