//! The kernels on the CPU: `kernels.cu` as it is, compiled by the C++ compiler that libtorch's bindings need too, the
//! threads of a block as fibers. Whatever is not CUDA's own is tested with it: the kernels, who takes which entries,
//! and what the kernels are given.

use super::gpu::{Kernel, NAMES, THREADS};
use super::variant::Variant;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString, c_char, c_uint, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

mod tests;

type Emulate = unsafe extern "C" fn(c_uint, c_uint, c_uint, *mut *mut c_void, bool) -> *const c_char;

/// The kernels of a variant, compiled for the CPU.
#[derive(Debug, Clone, Copy)]
pub(super) struct Emulator(Emulate);

thread_local! {
    /// Whether blocks, and the threads of a block, take turns from the last one on, not from the first.
    static DESCENDING: Cell<bool> = const { Cell::new(false) };

    /// The variants that this thread has asked for.
    static ASKED: RefCell<BTreeSet<Variant>> = const { RefCell::new(BTreeSet::new()) };
}

/// The threads of a block are in static places.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl Emulator {
    /// The kernels of this variant, compiled once.
    pub(super) fn of(variant: Variant) -> Self {
        static HELD: Mutex<BTreeMap<Variant, Emulator>> = Mutex::new(BTreeMap::new());
        ASKED.with_borrow_mut(|asked| asked.insert(variant));
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        *held.entry(variant).or_insert_with(|| {
            // A new folder each time: what another process left or puts there is not to be loaded.
            let now = UNIX_EPOCH.elapsed().unwrap().as_nanos();
            let dir = std::env::temp_dir().join(format!("tch-sparse-{}-{now}", std::process::id()));
            std::fs::create_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
            let loaded = Self::compile(variant, &dir.join("kernels.so"));
            std::fs::remove_dir_all(&dir).unwrap();
            loaded.unwrap_or_else(|e| panic!("{variant:?}: {e}"))
        })
    }

    fn compile(variant: Variant, to: &Path) -> Result<Self, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cuda/emulator/kernels.cpp");
        // It may be several words, such as "ccache g++".
        let compiler = std::env::var("CXX").unwrap_or_default();
        let mut words = compiler.split_whitespace();
        let command = &mut Command::new(words.next().unwrap_or("c++"));
        command.args(words).args(["-std=c++17", "-O1", "-w", "-fPIC", "-shared"]);
        // Hidden: the loader would take what variants have in common, such as shared memory, for one and the same
        // thing. Not fortified: the checked longjmp refuses to go to another stack.
        command.args(["-fvisibility=hidden", "-U_FORTIFY_SOURCE"]);
        // A GPU refuses packs at addresses that are no multiple of their size: a trap ends the tests there.
        command.args(["-fsanitize=alignment", "-fsanitize-undefined-trap-on-error"]);
        command.args(variant.options()).arg(source).arg("-o").arg(to);
        let made = command.output().map_err(|e| format!("{command:?}: {e}"))?;
        if !made.status.success() {
            return Err(format!("{command:?}: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let path = CString::new(to.as_os_str().as_bytes()).unwrap();
        // SAFETY: a library that was just made; none of its initialisers is ours.
        let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if library.is_null() {
            // SAFETY: after a failure it is a text, which stays until this thread calls the loader again.
            return Err(unsafe { CStr::from_ptr(libc::dlerror()) }.to_string_lossy().into_owned());
        }
        // SAFETY: a library that is never unloaded, and a name that ends with a NUL.
        let function = unsafe { libc::dlsym(library, c"emulate".as_ptr()) };
        assert!(!function.is_null());
        // SAFETY: the function that `kernels.cpp` declares so.
        Ok(Self(unsafe { std::mem::transmute::<*mut c_void, Emulate>(function) }))
    }

    /// Runs a kernel to its end.
    ///
    /// # Panics
    /// For what a GPU leaves undefined or refuses.
    ///
    /// # Safety
    /// As that of `Kernels::launch`, with memory of the CPU.
    pub(super) unsafe fn launch(self, kernel: Kernel, grid: (u32, u32), arguments: &mut [*mut c_void]) {
        // SAFETY: the caller's promise.
        let ran = unsafe { self.run(kernel as c_uint, grid, arguments) };
        ran.unwrap_or_else(|fault| panic!("{} {grid:?}: {fault}", NAMES[kernel as usize]));
    }

    /// Runs the kernel of `kernels.cpp` that shows the faults: the fault, or what the threads gave for mode 0.
    fn launch_faulty(self, mut mode: u32, grid: (u32, u32)) -> Result<[u32; THREADS as usize], String> {
        let mut given = [0; THREADS as usize];
        let mut to = given.as_mut_ptr();
        let arguments = &mut [(&raw mut mode).cast(), (&raw mut to).cast()];
        // SAFETY: types and order of the kernel's declaration; it takes a number for each thread of a block.
        unsafe { self.run(NAMES.len() as c_uint, grid, arguments) }?;
        Ok(given)
    }

    /// Runs a kernel by its number: the fault, if there was one.
    ///
    /// # Safety
    /// `arguments` point to values of the types that `kernels.cpp` declares for kernel `number`, in its order, and the
    /// pointers among these to memory that is as long as the kernel takes it to be.
    unsafe fn run(self, number: c_uint, grid: (u32, u32), arguments: &mut [*mut c_void]) -> Result<(), String> {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the caller's promise.
        let fault = unsafe { self.0(number, grid.0, grid.1, arguments.as_mut_ptr(), DESCENDING.get()) };
        if fault.is_null() {
            return Ok(());
        }
        // SAFETY: a text that stays until the next call, which waits for the lock.
        Err(unsafe { CStr::from_ptr(fault) }.to_string_lossy().into_owned())
    }
}
