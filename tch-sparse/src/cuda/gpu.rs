//! GPUs with our kernels on them.

use super::nvrtc;
use super::variant::Variant;
use crate::Error;
use cudarc::driver::result::{self, DriverError, ctx, device, module, primary_ctx};
use cudarc::driver::sys;
use std::collections::BTreeMap;
use std::ffi::{CString, c_void};
use std::sync::{Mutex, OnceLock, PoisonError};
use tch::{Device, Kind};

/// The kernels' names, in the order of [`Kernel`].
pub(super) const NAMES: [&str; 6] = ["product", "product_giants", "rate", "rate_giants", "sampled", "combine"];

/// One of the kernels.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kernel {
    Product,
    ProductGiants,
    Rate,
    RateGiants,
    Sampled,
    Combine,
}

/// Threads of a block; `THREADS` in `kernels.cu`.
pub(super) const THREADS: u32 = 256;

/// What compiles and runs the kernels on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Name of the device.
    pub name: String,
    /// Its compute capability, such as `(9, 0)`.
    pub compute_capability: (i32, i32),
    /// The newest CUDA that its driver is for, such as `(13, 0)`.
    pub driver: (i32, i32),
    /// Version of NVRTC.
    pub nvrtc: (i32, i32),
}

/// The kernels of one variant.
#[derive(Debug, Clone, Copy)]
struct Functions([sys::CUfunction; NAMES.len()]);

// SAFETY: handles of the driver, which are valid on all threads; modules are never unloaded.
unsafe impl Send for Functions {}

/// A device, its context retained for the life of the process.
#[derive(Debug)]
pub(super) struct Gpu {
    index: usize,
    context: sys::CUcontext,
    architecture: i32,
    facts: Facts,
    functions: Mutex<BTreeMap<Variant, Result<Functions, String>>>,
}

// SAFETY: the context is a handle of the driver, valid on all threads; the rest is behind a lock or never changes.
unsafe impl Send for Gpu {}
// SAFETY: as above.
unsafe impl Sync for Gpu {}

fn failed(doing: &'static str) -> impl Fn(DriverError) -> Error {
    move |e| Error::Cuda { doing, reason: e.to_string() }
}

impl Gpu {
    /// The device with what its kernels need, found once.
    ///
    /// # Errors
    /// [`Error::Cuda`] or those of `tch_function` when there is no such device, no driver or no NVRTC.
    pub(super) fn of(device: Device) -> Result<&'static Self, Error> {
        static GPUS: Mutex<BTreeMap<usize, Result<&'static Gpu, String>>> = Mutex::new(BTreeMap::new());
        const DOING: &str = "setting up the device";
        let Device::Cuda(index) = device else {
            return Err(tch_function::Error::NotCuda(device).into());
        };
        let mut gpus = GPUS.lock().unwrap_or_else(PoisonError::into_inner);
        let found = gpus.entry(index).or_insert_with(|| match Self::new(index) {
            Ok(gpu) => Ok(Box::leak(Box::new(gpu))),
            Err(Error::Cuda { doing: DOING, reason }) => Err(reason),
            Err(e) => Err(e.to_string()),
        });
        found.clone().map_err(|reason| Error::Cuda { doing: DOING, reason })
    }

    fn new(index: usize) -> Result<Self, Error> {
        let missing = |reason: String| Error::Cuda { doing: "setting up the device", reason };
        if !tch_function::cuda::is_available() {
            return Err(missing("libtorch finds no CUDA device".into()));
        }
        // SAFETY: tries to load the driver's library under its usual names.
        if !unsafe { sys::is_culib_present() } {
            return Err(missing("the driver's libcuda.so.1 is not where the loader looks".into()));
        }
        let nvrtc = nvrtc::version()?;
        let ordinal = i32::try_from(index).map_err(|_| missing(format!("there is no CUDA device {index}")))?;
        let driver = failed("asking the driver for the device");
        result::init().map_err(&driver)?;
        let device = device::get(ordinal).map_err(&driver)?;
        let attribute = |which| {
            // SAFETY: a device that the driver named.
            unsafe { device::get_attribute(device, which) }.map_err(&driver)
        };
        use sys::CUdevice_attribute::{
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
        };
        let compute_capability = (attribute(MAJOR)?, attribute(MINOR)?);
        let mut version = 0;
        // SAFETY: a place for a number.
        unsafe { sys::cuDriverGetVersion(&raw mut version) }.result().map_err(&driver)?;
        let facts = Facts {
            name: device::get_name(device).map_err(&driver)?,
            compute_capability,
            driver: (version / 1000, version % 1000 / 10),
            nvrtc,
        };
        let architecture = nvrtc::architecture(compute_capability)?;
        // The context that libtorch works in, too. It is kept: kernels may be launched until the process ends.
        // SAFETY: a device that the driver named.
        let context = unsafe { primary_ctx::retain(device) }.map_err(&driver)?;
        Ok(Self { index, context, architecture, facts, functions: Mutex::new(BTreeMap::new()) })
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The kernels of a variant: compiled and loaded at the first call, which takes some tenths of a second.
    ///
    /// # Errors
    /// [`Error::Cuda`] when the compiler or the driver refuses them.
    pub(super) fn kernels(&'static self, variant: Variant) -> Result<Kernels, Error> {
        let mut held = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        let functions = held.entry(variant).or_insert_with(|| self.load(variant).map_err(|e| e.to_string()));
        match functions {
            Ok(functions) => Ok(Kernels { variant, place: Place::Gpu(self, *functions) }),
            Err(reason) => Err(Error::Cuda { doing: "preparing the kernels", reason: reason.clone() }),
        }
    }

    fn load(&self, variant: Variant) -> Result<Functions, Error> {
        let code = nvrtc::compile(variant, self.architecture)?;
        self.in_context(|| {
            let image = CString::new(code.to_src()).unwrap_or_default();
            // SAFETY: text of intermediate code, ended by a NUL.
            let module = unsafe { module::load_data(image.as_ptr().cast()) }.map_err(failed("loading the kernels"))?;
            let mut functions = Functions([std::ptr::null_mut(); NAMES.len()]);
            for (function, name) in functions.0.iter_mut().zip(NAMES) {
                let name = CString::new(name).unwrap_or_default();
                // SAFETY: a module that was loaded and is never unloaded.
                *function = unsafe { module::get_function(module, name) }.map_err(failed("looking for a kernel"))?;
            }
            Ok(functions)
        })
    }

    /// Runs with the device's context current on this thread, and puts back the one that was: libtorch tells its current device
    /// by it.
    fn in_context<R>(&self, run: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
        let switching = failed("making the device's context current");
        let before = ctx::get_current().map_err(&switching)?;
        if before == Some(self.context) {
            return run();
        }
        // SAFETY: a context that is retained for the life of the process.
        unsafe { ctx::set_current(self.context) }.map_err(&switching)?;
        let result = run();
        // SAFETY: the one that was current, or none.
        unsafe { ctx::set_current(before.unwrap_or(std::ptr::null_mut())) }.map_err(&switching)?;
        result
    }
}

/// The kernels of one variant on one device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernels {
    variant: Variant,
    place: Place,
}

/// Where kernels run.
#[derive(Debug, Clone, Copy)]
enum Place {
    Gpu(&'static Gpu, Functions),
    #[cfg(test)]
    Cpu(super::emulator::Emulator),
}

impl Kernels {
    /// What they were compiled for.
    pub(super) fn variant(&self) -> Variant {
        self.variant
    }

    /// Starts a kernel on libtorch's current stream of the device. It runs after what libtorch has started there, and before
    /// what it will: tensors may be dropped right away.
    ///
    /// # Errors
    /// [`Error::Cuda`] when the driver refuses; faults of a kernel show up in later calls.
    ///
    /// # Safety
    /// `arguments` point to values of the types that `kernels.cu` declares for this kernel, in its order, and the pointers among
    /// these to memory of the device that is as long as the kernel takes it to be.
    pub(super) unsafe fn launch(
        &self,
        kernel: Kernel,
        grid: (u32, u32),
        arguments: &mut [*mut c_void],
    ) -> Result<(), Error> {
        let (gpu, functions) = match self.place {
            Place::Gpu(gpu, functions) => (gpu, functions),
            #[cfg(test)]
            Place::Cpu(emulator) => {
                // SAFETY: the caller's promise.
                unsafe { emulator.launch(kernel, grid, arguments) };
                return Ok(());
            }
        };
        let stream = tch_function::cuda::current_stream(Device::Cuda(gpu.index))?;
        gpu.in_context(|| {
            let (grid, block) = ((grid.0, grid.1, 1), (THREADS, 1, 1));
            let function = functions.0[kernel as usize];
            // SAFETY: a function of a loaded module, a stream of the same context, and arguments by the caller's promise.
            unsafe { result::launch_kernel(function, grid, block, 0, stream.cast(), arguments) }
                .map_err(failed("launching a kernel"))
        })
    }
}

/// What runs the kernels on a device.
///
/// # Errors
/// [`Error::Cuda`] says why there are none: the products then go through libtorch's CSR.
pub fn facts(device: Device) -> Result<Facts, Error> {
    Ok(Gpu::of(device)?.facts().clone())
}

/// Compiles the kernels for a batch of so many columns ahead of the first product, which otherwise waits some tenths of a second
/// for them.
///
/// # Errors
/// As [`facts`].
pub fn prepare(device: Device, kind: Kind, batch: usize) -> Result<(), Error> {
    Gpu::of(device)?.kernels(Variant::new(kind, batch.max(1), &[])).map(drop)
}

/// The kernels for tensors on this device; nothing, and one notice, where there are none.
pub(super) fn kernels(device: Device, variant: Variant) -> Option<Kernels> {
    static TOLD: OnceLock<()> = OnceLock::new();
    #[cfg(test)]
    if device == Device::Cpu {
        return Some(Kernels { variant, place: Place::Cpu(super::emulator::Emulator::of(variant)) });
    }
    match Gpu::of(device).and_then(|gpu| gpu.kernels(variant)) {
        Ok(kernels) => Some(kernels),
        Err(e) => {
            TOLD.get_or_init(|| {
                tracing::warn!("{e}; sparse products on CUDA go through libtorch's CSR, which is slower");
            });
            None
        }
    }
}
