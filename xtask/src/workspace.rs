//! Where the workspace lies, and the commands that run in it.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use serde_json::Value;

use crate::error::{Error, Result};

/// The workspace root: the parent of this package as cargo knows it now (a shared target folder may hold an xtask that
/// was compiled for another checkout).
pub(crate) fn root() -> PathBuf {
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map_or_else(|| package.clone(), Path::to_path_buf)
}

/// The folder that `.cargo/config.toml` exports as LIBTORCH.
pub(crate) fn own_libtorch(root: &Path) -> PathBuf {
    root.join(".libtorch/torch")
}

/// The user's own LIBTORCH; the one that `.cargo/config.toml` exports does not count.
pub(crate) fn user_libtorch(root: &Path) -> Option<PathBuf> {
    let value = env::var_os("LIBTORCH").filter(|value| !value.is_empty())?;
    let dir = PathBuf::from(value);
    let parent = |path: &Path| path.parent().and_then(|parent| parent.canonicalize().ok());
    let own = own_libtorch(root);
    let is_own =
        dir == own || (dir.file_name() == own.file_name() && parent(&dir).is_some() && parent(&dir) == parent(&own));
    (!is_own).then_some(dir)
}

/// `cargo` in the workspace root, in the environment in which the user's own `cargo` would run there: what the outer
/// cargo added is taken out again, or build scripts that watch it would be run (and C++ compiled) once more.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    leave_package(command.current_dir(root));
    if user_libtorch(root).is_none() {
        command.env_remove("LIBTORCH");
    }
    command
}

/// Takes out what the outer cargo told of xtask.
pub(crate) fn leave_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

/// Sets `name` unless the user has.
pub(crate) fn default_env(command: &mut Command, name: &str, value: &str) {
    if env::var_os(name).is_none() {
        command.env(name, value);
    }
}

/// Runs a command with our own standard streams.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(Error::io(format!("starting {}", describe(command))))?;
    if status.success() { Ok(()) } else { Err(failed(command, status)) }
}

/// Runs a program of ours that says itself what went wrong, and ends as it does.
pub(crate) fn end_as(command: &mut Command) -> Result<ExitCode> {
    let status = command.status().map_err(Error::io(format!("starting {}", describe(command))))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map(ExitCode::from).ok_or_else(|| failed(command, status))
}

/// Runs a command and returns its standard output; what it writes to standard error is the message when it fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(Error::io(format!("starting {}", describe(command))))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(Error::Failed { command: describe(command), status: format!("{}: {}", output.status, stderr.trim()) })
}

pub(crate) fn failed(command: &Command, status: std::process::ExitStatus) -> Error {
    Error::Failed { command: describe(command), status: status.to_string() }
}

/// The command as one would type it.
pub(crate) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut text = program.to_string_lossy().into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text += &arg.to_string_lossy();
    }
    text
}

/// The manifest and the name of each package.
pub(crate) fn packages(root: &Path) -> Result<Vec<(PathBuf, String)>> {
    let text = output(cargo(root).args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| Error::io("reading the output of cargo metadata")(error.into()))?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let text = |package: &Value, field| package[field].as_str().map(str::to_owned);
    Ok(packages.filter_map(|package| Some((text(package, "manifest_path")?.into(), text(package, "name")?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path is not parted at its commas, as options behind -Wl are.
    #[test]
    fn the_linker_is_told_the_place_of_libtorch_as_it_is() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let cc = dir.path().join("cc");
        std::fs::write(&cc, "#!/bin/sh\necho \"$@\"\n").unwrap();
        std::fs::set_permissions(&cc, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([dir.path().to_path_buf()].into_iter().chain(env::split_paths(&path))).unwrap();
        let mut linker = Command::new(root().join("scripts/libtorch-cc"));
        linker.arg("x.o").env("PATH", path).env("LIBTORCH", "/a,b");
        linker.env_remove("LIBTORCH_LIB").env_remove("LIBTORCH_USE_PYTORCH");
        assert_eq!(output(&mut linker).unwrap(), "x.o -Xlinker -rpath -Xlinker /a,b/lib\n");
    }

    #[test]
    fn ends_as_the_program_does() {
        let shell = |script: &str| end_as(Command::new("sh").args(["-c", script]));
        assert_eq!(format!("{:?}", shell("exit 2").unwrap()), format!("{:?}", ExitCode::from(2)));
        assert!(shell("kill -9 $$").unwrap_err().to_string().contains("signal"));
    }
}
