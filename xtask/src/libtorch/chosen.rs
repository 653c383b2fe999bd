//! Which libtorch the build will use, by the rules of torch-sys and of this workspace's `.cargo/config.toml`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{install::Place, version, wheels::Layout};
use crate::{
    error::{Error, Result},
    tools, workspace,
};

/// Who chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// LIBTORCH_USE_PYTORCH: the torch of the Python that is active.
    Python,
    /// LIBTORCH (or LIBTORCH_LIB), set by the user.
    Environment,
    /// `cargo xtask setup --from`: `.libtorch/torch` is a link.
    Linked,
    /// `cargo xtask setup`: fetched into `.libtorch`.
    Fetched,
}

impl Chosen {
    /// As in a message.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Python => "chosen by LIBTORCH_USE_PYTORCH",
            Self::Environment => "chosen by LIBTORCH",
            Self::Linked => "linked by `cargo xtask setup --from`",
            Self::Fetched => "fetched by `cargo xtask setup`",
        }
    }
}

/// A libtorch that can be built against.
#[derive(Debug, Clone)]
pub(crate) struct Libtorch {
    /// Its folder.
    pub(crate) dir: PathBuf,
    /// Where its libraries are.
    pub(crate) lib: PathBuf,
    /// Its version, with any build tag.
    pub(crate) version: String,
    /// Whether the CUDA libraries are there.
    pub(crate) layout: Layout,
    /// Who chose it.
    pub(crate) chosen: Chosen,
}

/// The libtorch of the next build; `None` where it is the workspace's own and that has to be fetched yet.
pub(crate) fn choose(root: &Path) -> Result<Option<Libtorch>> {
    // torch-sys asks whether the variable is there, not for its value
    if env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        return of_python().map(Some);
    }
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let parts = (set("LIBTORCH_LIB"), set("LIBTORCH_INCLUDE"));
    if let Some(dir) = workspace::user_libtorch(root).or_else(|| parts.0.clone()) {
        let lib = parts.0.as_deref().unwrap_or(&dir).join("lib");
        let include = parts.1.as_deref().unwrap_or(&dir);
        return inspect(&dir, &lib, include, Chosen::Environment, "set LIBTORCH to another one, or unset it").map(Some);
    }
    Place::of(root).libtorch()
}

/// Reads what `dir` holds and refuses what tch can't be built against.
pub(crate) fn inspect(dir: &Path, lib: &Path, include: &Path, chosen: Chosen, todo: &str) -> Result<Libtorch> {
    let refuse = |problem: String| Error::Libtorch { dir: dir.to_path_buf(), problem, todo: todo.to_owned() };
    if !dir.is_dir() {
        return Err(refuse("there is no such folder".into()));
    }
    if !lib.join("libtorch_cpu.so").exists() && !lib.join("libtorch_cpu.dylib").exists() {
        return Err(refuse(format!("no libtorch_cpu.so in {}", lib.display())));
    }
    let header = include.join("include/torch/csrc/api/include/torch/torch.h");
    if !header.exists() {
        return Err(refuse(format!("no C++ headers ({})", header.display())));
    }
    let version = version::of_folder(dir).or_else(|| version::of_folder(include));
    let version = version.ok_or_else(|| refuse("its version can't be told".into()))?;
    if !version::fits(&version) && env::var_os("LIBTORCH_BYPASS_VERSION_CHECK").is_none() {
        return Err(refuse(format!("it is libtorch {version}, tch 0.24 needs {}", version::WANTED)));
    }
    let layout = if lib.join("libtorch_cuda.so").exists() { Layout::Cuda } else { Layout::Cpu };
    Ok(Libtorch { dir: dir.to_path_buf(), lib: lib.to_path_buf(), version, layout, chosen })
}

/// Asks Python as torch-sys will: what it can't import, torch-sys can't use.
fn of_python() -> Result<Libtorch> {
    let python = tools::python_of_torch_sys();
    let script = "import torch; from torch.utils import cpp_extension; print(torch.__path__[0])";
    let text = workspace::output(Command::new(python).args(["-c", script])).map_err(|error| {
        let text = error.to_string();
        // of Python's traceback, the line that says it
        let reason = text.lines().last().unwrap_or_default();
        Error::Libtorch {
            dir: PathBuf::from(python),
            problem: format!("LIBTORCH_USE_PYTORCH is set, but its torch can't be used ({reason})"),
            todo: format!(
                "`{python} -m pip install torch=={} setuptools`, or unset LIBTORCH_USE_PYTORCH",
                version::WANTED
            ),
        }
    })?;
    let dir = PathBuf::from(text.trim());
    let todo = format!("`{python} -m pip install torch=={}`, or unset LIBTORCH_USE_PYTORCH", version::WANTED);
    inspect(&dir, &dir.join("lib"), &dir, Chosen::Python, &todo)
}

impl Libtorch {
    /// Libraries that libtorch_cpu.so needs and the loader does not find; empty where the loader can't be asked.
    pub(crate) fn not_found(&self) -> Vec<String> {
        let library = fs::canonicalize(self.lib.join("libtorch_cpu.so")).unwrap_or_default();
        let Ok(output) = Command::new("ldd").arg(library).output() else {
            return Vec::new();
        };
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter(|line| line.ends_with("not found"))
            .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
            .collect()
    }

    /// Refuses a libtorch that no program could load.
    pub(crate) fn must_load(self) -> Result<Self> {
        match self.not_found().as_slice() {
            [] => Ok(self),
            missing => Err(Error::Libtorch {
                dir: self.dir.clone(),
                problem: format!("libtorch_cpu.so needs {}, which the loader does not find", missing.join(", ")),
                todo: "complete it, or run `cargo xtask setup --force` without LIBTORCH for one that is complete"
                    .into(),
            }),
        }
    }

    /// One line for a person.
    pub(crate) fn describe(&self) -> String {
        format!(
            "libtorch {} ({}) in {}, {}",
            self.version,
            self.layout.name(),
            self.dir.display(),
            self.chosen.describe()
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A folder that looks like libtorch.
    pub(crate) fn fake_libtorch(dir: &Path, version: &str) {
        for (file, text) in [
            ("build-version", version),
            ("lib/libtorch_cpu.so", "cpu"),
            ("include/torch/csrc/api/include/torch/torch.h", "#pragma once"),
        ] {
            let path = dir.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn look(dir: &Path) -> Result<Libtorch> {
        inspect(dir, &dir.join("lib"), dir, Chosen::Environment, "do this")
    }

    #[test]
    fn the_layout_follows_from_the_libraries() {
        let dir = tempfile::tempdir().unwrap();
        fake_libtorch(dir.path(), "2.11.0+cu130\n");
        let found = look(dir.path()).unwrap();
        assert_eq!((found.version.as_str(), found.layout), ("2.11.0+cu130", Layout::Cpu));
        fs::write(dir.path().join("lib/libtorch_cuda.so"), "cuda").unwrap();
        assert_eq!(look(dir.path()).unwrap().layout, Layout::Cuda);
    }

    #[test]
    fn what_cannot_be_built_against_is_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let says = |text: &str| {
            let error = look(dir.path()).unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("do this"), "{error}");
        };
        says("no libtorch_cpu.so");
        fake_libtorch(dir.path(), "2.10.0");
        says("it is libtorch 2.10.0, tch 0.24 needs 2.11.0");
        fs::remove_file(dir.path().join("build-version")).unwrap();
        says("version can't be told");
        fs::remove_dir_all(dir.path().join("include")).unwrap();
        says("no C++ headers");
        assert!(look(&dir.path().join("nowhere")).unwrap_err().to_string().contains("no such folder"));
    }
}
