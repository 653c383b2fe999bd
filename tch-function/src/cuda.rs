//! CUDA at run time.
//!
//! A program built with tch links libtorch_cpu and libc10 only (a linker drops libtorch_cuda, from which it needs no
//! symbol), so it starts where no CUDA library is installed, and CUDA never shows up where one is. [`load`] opens
//! libtorch_cuda.so at run time, whose kernels then register themselves. It must come before the first question about
//! CUDA: libtorch keeps its first answer for the life of the process. [`is_available`] asks in the right order.

use std::ffi::{CStr, CString, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tch::Device;

use crate::{Error, ffi};

/// The folder that libtorch_cpu.so was loaded from.
///
/// # Errors
///
/// [`Error::LibtorchNotFound`] where libtorch is not a library of its own in this process.
pub fn libtorch_dir() -> Result<PathBuf, Error> {
    // torch::cuda::is_available() is a function of libtorch_cpu.so, in spite of its name.
    // SAFETY: a NUL-terminated name; the answer is null or an address.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_ZN5torch4cuda12is_availableEv".as_ptr()) };
    if symbol.is_null() {
        return Err(Error::LibtorchNotFound);
    }
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: an address in this process and a place for the answer; zero is a valid Dl_info (null pointers).
    let (found, info) = unsafe { (libc::dladdr(symbol, info.as_mut_ptr()), info.assume_init()) };
    if found == 0 || info.dli_fname.is_null() {
        return Err(Error::LibtorchNotFound);
    }
    // SAFETY: the loader's own string, which lives as long as the library.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    let path = Path::new(std::ffi::OsStr::from_bytes(name.to_bytes()));
    if path.file_name().is_none_or(|file| !file.as_bytes().starts_with(b"libtorch")) {
        return Err(Error::LibtorchNotFound);
    }
    path.parent().map(Path::to_path_buf).ok_or(Error::LibtorchNotFound)
}

/// Loads the CUDA half of libtorch, where there is one. Call it before anything asks libtorch about CUDA
/// (`tch::Cuda::is_available`, `Device::cuda_if_available`). Later calls do nothing and return the first one's answer.
///
/// `Ok` says that the library is loaded, not that the machine has a GPU: see [`is_available`].
///
/// # Errors
///
/// [`Error::LibtorchNotFound`], [`Error::NoCudaLibrary`] (libtorch is for the CPU only), or [`Error::CudaLibrary`] (it is
/// there, and the dynamic loader refuses it).
pub fn load() -> Result<(), Error> {
    enum Failure {
        Unknown,
        Missing(PathBuf),
        Refused(PathBuf, String),
    }
    static DONE: OnceLock<Result<(), Failure>> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        let path = libtorch_dir().map_err(|_| Failure::Unknown)?.join("libtorch_cuda.so");
        if !path.exists() {
            return Err(Failure::Missing(path));
        }
        open(&path).map_err(|message| Failure::Refused(path, message))
    });
    match done {
        Ok(()) => Ok(()),
        Err(Failure::Unknown) => Err(Error::LibtorchNotFound),
        Err(Failure::Missing(path)) => Err(Error::NoCudaLibrary(path.clone())),
        Err(Failure::Refused(path, message)) => {
            Err(Error::CudaLibrary { path: path.clone(), message: message.clone() })
        }
    }
}

/// Whether a CUDA device can be used: loads the CUDA half of libtorch first, then asks it. False where there is none.
pub fn is_available() -> bool {
    load().is_ok() && tch::Cuda::is_available()
}

/// The stream (`cudaStream_t`, the same as the driver's `CUstream`) that libtorch's own kernels on `device` go to, on this
/// thread and now. A kernel launched on it is ordered with them, and with the reuse of memory by libtorch's allocator. Null is
/// CUDA's default stream.
///
/// # Errors
///
/// [`Error::NotCuda`] for another device; those of [`load`]; [`Error::Libtorch`] where there is no driver or no such device.
pub fn current_stream(device: Device) -> Result<*mut c_void, Error> {
    let Device::Cuda(index) = device else {
        return Err(Error::NotCuda(device));
    };
    load()?;
    let index = c_int::try_from(index).map_err(|_| Error::Libtorch(format!("there is no CUDA device {index}")))?;
    let mut handle = std::ptr::null_mut();
    // SAFETY: a place for the handle.
    unsafe { ffi::answer(ffi::tchf_current_stream(index, &mut handle)) }.map_err(Error::Libtorch)?;
    Ok(handle)
}

fn open(path: &Path) -> Result<(), String> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
    // SAFETY: a NUL-terminated path. The library's initialisers are libtorch's own.
    if !unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) }.is_null() {
        return Ok(());
    }
    // SAFETY: after a failure, on the same thread.
    let message = unsafe { libc::dlerror() };
    if message.is_null() {
        return Err("no reason given".into());
    }
    // SAFETY: a string that lives until this thread's next call of dlerror.
    Err(unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned())
}
