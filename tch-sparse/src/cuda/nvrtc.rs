//! The kernels' compiler, NVRTC: found and loaded at run time. It needs no GPU and no CUDA toolkit.

use super::variant::Variant;
use crate::Error;
use cudarc::nvrtc::{CompileError, CompileOptions, Ptx, compile_ptx_with_opts, sys};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const SOURCE: &str = include_str!("kernels.cu");

/// Names the folder of NVRTC where it is none of those that are looked into.
const VARIABLE: &str = "NVRTC_DIR";

/// Loads NVRTC, once.
fn open() -> Result<(), Error> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        let folders = folders();
        for folder in &folders {
            // The compiler looks for the built-ins by name only, so that they must be there before it.
            if load_all(folder, "libnvrtc-builtins.so")? && load_all(folder, "libnvrtc.so")? {
                break;
            }
        }
        // SAFETY: tries to load the library under its usual names, finding what was loaded above.
        if unsafe { sys::is_culib_present() } {
            return Ok(());
        }
        let looked: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        Err(format!(
            "no libnvrtc.so.13 in {} or where the loader looks; `cargo xtask setup --cuda` fetches it, and {VARIABLE} names \
             the folder of another",
            looked.join(", ")
        ))
    });
    done.clone().map_err(|reason| Error::Cuda { doing: "loading NVRTC", reason })
}

/// Where NVRTC may be: where the user says, where the wheels of libtorch put it, beside libtorch.
fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::var_os(VARIABLE).filter(|dir| !dir.is_empty()).map(PathBuf::from).into_iter().collect();
    if let Ok(libtorch) = tch_function::cuda::libtorch_dir() {
        folders.extend([libtorch.join("../../nvidia/cu13/lib"), libtorch]);
    }
    folders
}

/// Loads the libraries of a folder whose names begin so; whether there are any.
fn load_all(folder: &Path, prefix: &str) -> Result<bool, String> {
    let Ok(entries) = folder.read_dir() else {
        return Ok(false);
    };
    let mut any = false;
    for entry in entries.flatten().filter(|entry| entry.file_name().as_bytes().starts_with(prefix.as_bytes())) {
        let path = entry.path();
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
        // SAFETY: a NUL-terminated path; the libraries' initialisers are NVIDIA's.
        if unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) }.is_null() {
            return Err(format!("the loader refuses {}", path.display()));
        }
        any = true;
    }
    Ok(any)
}

/// The version of NVRTC.
pub(super) fn version() -> Result<(i32, i32), Error> {
    open()?;
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the library is there; places for two numbers.
    let answer = unsafe { sys::nvrtcVersion(&raw mut major, &raw mut minor) };
    answer.result().map_err(|e| Error::Cuda { doing: "asking NVRTC for its version", reason: e.to_string() })?;
    Ok((major, minor))
}

/// The newest architecture, as `10 * major + minor`, that NVRTC compiles for and that a device of this compute capability runs.
pub(super) fn architecture(capability: (i32, i32)) -> Result<i32, Error> {
    open()?;
    let failed = |reason: String| Error::Cuda { doing: "asking NVRTC for its architectures", reason };
    let mut n = 0;
    // SAFETY: the library is there; a place for a number.
    unsafe { sys::nvrtcGetNumSupportedArchs(&raw mut n) }.result().map_err(|e| failed(e.to_string()))?;
    let mut list = vec![0; usize::try_from(n).unwrap_or(0)];
    // SAFETY: a place for as many numbers as were announced.
    unsafe { sys::nvrtcGetSupportedArchs(list.as_mut_ptr()) }.result().map_err(|e| failed(e.to_string()))?;
    let device = 10 * capability.0 + capability.1;
    list.into_iter()
        .filter(|&arch| arch <= device)
        .max()
        .ok_or_else(|| failed(format!("none that a device of compute capability {device} runs")))
}

/// Compiles the kernels to the intermediate code of an architecture, such as 90; the driver does the rest.
pub(super) fn compile(variant: Variant, architecture: i32) -> Result<Ptx, Error> {
    open()?;
    let mut options = variant.options().to_vec();
    options.extend([format!("--gpu-architecture=compute_{architecture}"), "--std=c++17".into()]);
    let options = CompileOptions { options, name: Some("kernels.cu".into()), ..Default::default() };
    compile_ptx_with_opts(SOURCE, options).map_err(|e| {
        let reason = match e {
            CompileError::CompileError { nvrtc, log, .. } => format!("{nvrtc}: {}", log.to_string_lossy()),
            other => other.to_string(),
        };
        Error::Cuda { doing: "compiling the kernels", reason }
    })
}

#[cfg(test)]
mod tests {
    use super::super::gpu::NAMES;
    use super::*;

    /// Where NVRTC is installed every variant compiles, without a GPU.
    #[test]
    fn every_variant_compiles() {
        if let Err(e) = open() {
            println!("not tested: {e}");
            return;
        }
        println!("NVRTC {:?}", version().unwrap());
        std::thread::scope(|scope| {
            for architecture in [80, 90] {
                scope.spawn(move || {
                    for variant in Variant::all() {
                        let code = compile(variant, architecture).unwrap().to_src();
                        assert!(code.contains(&format!(".target sm_{architecture}")), "{variant:?}");
                        for name in NAMES {
                            assert!(code.contains(&format!(".entry {name}(")), "{variant:?}: no {name}");
                        }
                        let wide = code.contains("ld.global.nc.v4.f32") || code.contains("ld.global.nc.v2.f64");
                        assert!(wide || variant.vec == 1 || variant.vec == 2 && !variant.double, "{variant:?}");
                        // a constant in double precision would take its time from every other number
                        assert!(variant.double || !code.contains(".f64"), "{variant:?} computes in double precision");
                    }
                });
            }
        });
        for (capability, least) in [((8, 0), 80), ((9, 0), 90)] {
            assert_eq!(architecture(capability).unwrap(), least);
        }
        assert!(architecture((99, 9)).unwrap() >= 90);
        assert!(architecture((1, 0)).is_err());
    }
}
