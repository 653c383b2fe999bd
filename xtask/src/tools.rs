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

/// What to do where Python's module venv, or the pip that it puts into environments, is not there.
pub(crate) const INSTALL_VENV: &str = "on Debian and Ubuntu: apt-get install python3-venv";

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
    let pythons = pythons((3, 8));
    if pythons.is_empty() {
        return Err(Error::Missing { what: "`python3`".into(), todo: INSTALL_PYTHON.into() });
    }
    pythons
        .into_iter()
        .find(|python| succeeds(Command::new(python).args(["-m", "pip", "--version"])))
        .ok_or_else(|| Error::Missing { what: "pip (`python3 -m pip`)".into(), todo: INSTALL_PYTHON.into() })
}

/// A Python of this version or a later one.
pub(crate) fn python((major, minor): (u32, u32)) -> Result<PathBuf> {
    pythons((major, minor)).into_iter().next().ok_or_else(|| Error::Missing {
        what: format!("`python3` of version {major}.{minor} or later"),
        todo: "install one, and put it on the PATH".into(),
    })
}

/// Makes a Python environment in a folder, anew where it is there.
pub(crate) fn make_venv(python: &Path, dir: &Path) -> Result<()> {
    let mut command = Command::new(python);
    crate::workspace::run(command.args(["-m", "venv", "--clear"]).arg(dir))
        .map_err(|error| Error::Missing { what: "Python's venv".into(), todo: format!("{error}; {INSTALL_VENV}") })
}

/// The Pythons themselves, behind any wrapper script on the PATH (pyenv's starts pip as a child of its own, which would
/// outlive us when we are killed).
fn pythons((major, minor): (u32, u32)) -> Vec<PathBuf> {
    let script = format!("import sys; print(sys.executable if sys.version_info >= ({major}, {minor}) else '')");
    ["python3", "python"]
        .into_iter()
        .filter_map(find)
        .filter_map(|python| crate::workspace::output(Command::new(python).args(["-c", &script])).ok())
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

/// Bytes that we may still write to the file system of `dir`, which need not be there yet.
pub(crate) fn free_space(dir: &Path) -> Result<u64> {
    use std::os::unix::ffi::OsStrExt;
    let dir = dir.ancestors().find(|dir| dir.exists()).unwrap_or(dir);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_of_the_future_is_missing() {
        let error = python((99, 0)).unwrap_err().to_string();
        assert!(error.contains("`python3` of version 99.0 or later is missing"), "{error}");
    }

    #[test]
    fn space_is_asked_for_before_the_folder_is_there() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_space(&dir.path().join("not/there")).unwrap() > 0);
    }
}
