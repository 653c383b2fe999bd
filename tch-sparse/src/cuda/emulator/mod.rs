//! The kernels on the CPU: `kernels.cu` as it is, compiled by the C++ compiler that libtorch's bindings need too, the threads of
//! a block as fibers. Whatever is not CUDA's own is tested with it: the kernels, who takes which entries, and what the kernels
//! are given.

use super::gpu::{Kernel, NAMES};
use super::variant::Variant;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_uint, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

mod tests;

type Emulate = unsafe extern "C" fn(c_uint, c_uint, c_uint, *mut *mut c_void, bool) -> *const c_char;

/// The kernels of a variant, compiled for the CPU.
#[derive(Debug, Clone, Copy)]
pub(super) struct Emulator(Emulate);

thread_local! {
    /// Whether the threads of a block take turns from the last one on, not from the first.
    static DESCENDING: Cell<bool> = const { Cell::new(false) };
}

/// The threads of a block are in static places.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl Emulator {
    /// The kernels of this variant, compiled once.
    pub(super) fn of(variant: Variant) -> Self {
        static HELD: Mutex<BTreeMap<Variant, Emulator>> = Mutex::new(BTreeMap::new());
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        *held.entry(variant).or_insert_with(|| Self::compile(variant))
    }

    fn compile(variant: Variant) -> Self {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cuda/emulator");
        let to = std::env::temp_dir().join(format!("tch-sparse-{}-{variant:?}.so", std::process::id()));
        let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
        // Hidden: the loader would take what variants have in common, such as shared memory, for one and the same thing.
        let flags = ["-std=c++17", "-O1", "-w", "-fPIC", "-shared", "-fvisibility=hidden", "-U_FORTIFY_SOURCE"];
        let command = &mut Command::new(&compiler);
        command.args(flags).args(variant.options()).arg(dir.join("kernels.cpp")).arg("-o").arg(&to);
        let made = command.output().unwrap_or_else(|e| panic!("{}: {e}", compiler.display()));
        assert!(made.status.success(), "{command:?}: {}", String::from_utf8_lossy(&made.stderr));
        let path = CString::new(to.as_os_str().as_bytes()).unwrap();
        // SAFETY: a library that was just made; its only initialiser is that of an empty vector.
        let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        std::fs::remove_file(&to).unwrap();
        assert!(!library.is_null(), "the loader refuses {}", to.display());
        // SAFETY: a library that is never unloaded, and a name that ends with a NUL.
        let function = unsafe { libc::dlsym(library, c"emulate".as_ptr()) };
        assert!(!function.is_null());
        // SAFETY: the function that `kernels.cpp` declares so.
        Self(unsafe { std::mem::transmute::<*mut c_void, Emulate>(function) })
    }

    /// Runs a kernel to its end.
    ///
    /// # Panics
    /// For what a GPU leaves undefined.
    ///
    /// # Safety
    /// As that of `Kernels::launch`, with memory of the CPU.
    pub(super) unsafe fn launch(self, kernel: Kernel, grid: (u32, u32), arguments: &mut [*mut c_void]) {
        let one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let descending = DESCENDING.get();
        // SAFETY: the caller's promise.
        let fault = unsafe { self.0(kernel as c_uint, grid.0, grid.1, arguments.as_mut_ptr(), descending) };
        // SAFETY: null, or a text that stays until the next call.
        let fault = (!fault.is_null()).then(|| unsafe { CStr::from_ptr(fault) }.to_string_lossy().into_owned());
        drop(one);
        assert!(fault.is_none(), "{} {grid:?}: {}", NAMES[kernel as usize], fault.unwrap_or_default());
    }
}
