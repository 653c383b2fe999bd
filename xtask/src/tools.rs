//! Programs that the set-up and the builds need, and the Debian and Ubuntu packages that have them.

use std::{
    env,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::error::{Error, Result};

/// What to do about a missing C++ compiler.
pub(crate) const INSTALL_COMPILER: &str = "install a C++ compiler (Debian/Ubuntu: apt-get install g++)";
/// What to do about a missing Python.
pub(crate) const INSTALL_PYTHON: &str =
    "install Python 3 with pip (Debian/Ubuntu: apt-get install python3-pip), or use `cargo xtask setup --from DIR`";

/// The first executable file of that name on the PATH.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0))
}

/// A C and a C++ compiler: torch-sys compiles C++, and `cc` links.
pub(crate) fn compilers() -> Result<()> {
    for (name, variable) in [("cc", "CC"), ("c++", "CXX")] {
        // A compiler named in the environment is for whoever named it to have.
        if find(name).is_none() && (name == "cc" || env::var_os(variable).is_none()) {
            return Err(Error::Missing { what: format!("`{name}`"), todo: INSTALL_COMPILER.into() });
        }
    }
    Ok(())
}

/// A Python 3 that has pip.
pub(crate) fn python_with_pip() -> Result<PathBuf> {
    let pythons = pythons();
    if pythons.is_empty() {
        return Err(Error::Missing { what: "`python3`".into(), todo: INSTALL_PYTHON.into() });
    }
    pythons
        .into_iter()
        .find(|python| succeeds(Command::new(python).args(["-m", "pip", "--version"])))
        .ok_or_else(|| Error::Missing { what: "pip (`python3 -m pip`)".into(), todo: INSTALL_PYTHON.into() })
}

/// Any Python 3.
pub(crate) fn python() -> Result<PathBuf> {
    pythons().into_iter().next().ok_or_else(|| Error::Missing { what: "`python3`".into(), todo: INSTALL_PYTHON.into() })
}

/// The Pythons themselves, behind any wrapper script on the PATH (pyenv's starts pip as a child of its own, which would
/// outlive us when we are killed).
fn pythons() -> Vec<PathBuf> {
    let script = "import sys; print(sys.executable if sys.version_info >= (3, 8) else '')";
    ["python3", "python"]
        .into_iter()
        .filter_map(find)
        .filter_map(|python| crate::workspace::output(Command::new(python).args(["-c", script])).ok())
        .map(|text| PathBuf::from(text.trim()))
        .filter(|python| python.is_absolute())
        .collect()
}

/// The Python that torch-sys asks when LIBTORCH_USE_PYTORCH is set.
pub(crate) fn python_of_torch_sys() -> &'static str {
    if env::var_os("VIRTUAL_ENV").is_some() { "python" } else { "python3" }
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Bytes that we may still write to the file system of `dir`.
pub(crate) fn free_space(dir: &Path) -> Result<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(dir.as_os_str().as_bytes())
        .map_err(|error| Error::file("looking at the disk of", dir)(error.into()))?;
    // SAFETY: `statvfs` is a plain C struct for which all zeros is a value.
    let mut data: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: `path` is a C string and `data` is writable, both for the duration of the call.
    if unsafe { libc::statvfs(path.as_ptr(), &raw mut data) } != 0 {
        return Err(Error::file("looking at the disk of", dir)(std::io::Error::last_os_error()));
    }
    // The types of these fields differ between platforms.
    #[allow(clippy::unnecessary_cast, reason = "u32 on some platforms")]
    Ok(data.f_bavail as u64 * data.f_frsize as u64)
}
