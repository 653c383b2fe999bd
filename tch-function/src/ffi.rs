//! The C++ half, `cpp/node.cpp`.

use std::ffi::{CStr, c_char, c_int, c_void};

use tch::Tensor;

use crate::error::brief;

/// libtorch's `at::Tensor *`.
pub(crate) type Raw = *mut torch_sys::C_tensor;

/// What a node calls.
#[repr(C)]
pub(crate) struct Callbacks {
    pub(crate) backward: unsafe extern "C" fn(
        ctx: *mut c_void,
        saved: *const Raw,
        n_saved: usize,
        grads: *const Raw,
        n_grads: usize,
        needs: *const u8,
        out: *mut Raw,
        n_inputs: usize,
    ) -> *mut c_char,
    pub(crate) drop: unsafe extern "C" fn(ctx: *mut c_void),
}

unsafe extern "C" {
    pub(crate) fn tchf_inspect(inputs: *const Raw, n: usize, needs: *mut u8, versions: *mut u64) -> *mut c_char;
    pub(crate) fn tchf_attach(
        label: *const c_char,
        inputs: *const Raw,
        versions: *const u64,
        n_inputs: usize,
        outputs: *const Raw,
        n_outputs: usize,
        saved: *const Raw,
        n_saved: usize,
        ctx: *mut c_void,
        callbacks: Callbacks,
        recorded: c_int,
    ) -> *mut c_char;
    pub(crate) fn tchf_not_plain(tensor: Raw) -> *const c_char;
    pub(crate) fn tchf_version(tensor: Raw, version: *mut u64) -> *mut c_char;
    pub(crate) fn tchf_forget_gradient(tensor: Raw) -> *mut c_char;
    pub(crate) fn tchf_current_stream(device: c_int, handle: *mut *mut c_void) -> *mut c_char;
    pub(crate) fn tchf_inference_enter(guard: *mut *mut c_void) -> *mut c_char;
    pub(crate) fn tchf_inference_leave(guard: *mut c_void);
}

/// The pointers behind tensors; valid as long as these live.
pub(crate) fn pointers(tensors: &[Tensor]) -> Vec<Raw> {
    tensors.iter().map(|t| t.as_ptr().cast_mut()).collect()
}

/// Takes over a message of the C++ half: null is success.
///
/// # Safety
///
/// `message` is null or a NUL-terminated string from `malloc` that nobody else frees.
pub(crate) unsafe fn answer(message: *mut c_char) -> Result<(), String> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: a string, by the caller's promise.
    let text = brief(&unsafe { CStr::from_ptr(message) }.to_string_lossy()).to_string();
    // SAFETY: from malloc and ours, by the caller's promise.
    unsafe { libc::free(message.cast()) };
    Err(text)
}

/// A message that C++ frees with `free`.
pub(crate) fn to_c(text: &str) -> *mut c_char {
    let layout = std::alloc::Layout::array::<u8>(text.len() + 1);
    // SAFETY: any size may be asked for.
    let p = unsafe { libc::malloc(text.len() + 1) }.cast::<u8>();
    match layout {
        // Null would mean success.
        Ok(layout) if p.is_null() => std::alloc::handle_alloc_error(layout),
        _ => {}
    }
    // SAFETY: p has room for the text and the NUL.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), p, text.len());
        *p.add(text.len()) = 0;
    }
    p.cast()
}

/// A slice of what C++ hands over, which may be null where it is empty.
///
/// # Safety
///
/// `data` points at `n` values that outlive `'a`, or `n` is 0.
pub(crate) unsafe fn slice<'a, T>(data: *const T, n: usize) -> &'a [T] {
    if n == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(data, n) }
}
