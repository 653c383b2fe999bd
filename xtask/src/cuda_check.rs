//! `cargo xtask cuda-check`: everything that runs on CUDA devices, compared with the CPU and timed.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::{
    error::{Error, Result},
    options, programs, setup, workspace,
};

pub(crate) const HELP: &str = "\
Usage: cargo xtask cuda-check [--no-run] [ARGS]

Builds the program that compares each operation and model on a CUDA device with the CPU and times them beside libtorch's CSR
(cuSPARSE), and packs it into target/cuda-check: the program, the kernels' source in it, and the script `run` that starts it. Copy
that folder to a machine with a GPU, driver 580 or later and libtorch 2.11 with CUDA (Python's torch 2.11 is one), not older than
this one, and start `run` there: no Rust and no CUDA toolkit is needed. Then the program is run here.

  --no-run    only pack
  ARGS        for the program; --quick takes a small network

Ends as the program does: 0 all equal, 1 something differs or fails, 3 no CUDA device here.
";

const RUN: &str = r#"#!/bin/sh
# Starts cuda_check with the libtorch 2.11 of this machine: that in $LIBTORCH, or the torch of python3.
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
if [ -n "${LIBTORCH:-}" ]; then
    lib=$LIBTORCH/lib
else
    lib=$(python3 -c '
import importlib.util, sys
torch = importlib.util.find_spec("torch")
sys.exit("python3 has no torch") if torch is None else print(torch.submodule_search_locations[0] + "/lib")')
fi
if [ ! -e "$lib/libtorch_cpu.so" ]; then
    echo "There is no libtorch: set LIBTORCH to the folder of libtorch 2.11, or install torch 2.11 for python3." >&2
    exit 1
fi
export LD_LIBRARY_PATH="$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
exec "$here/cuda_check" "$@"
"#;

const README: &str = "\
cuda_check compares this workspace's CUDA kernels and models with the CPU and times them; `./run --help` tells more.
Needed: an NVIDIA GPU, driver 580 or later, libtorch 2.11 with CUDA 13 (`pip install torch==2.11.0`, or LIBTORCH=its folder).
Start `./run`; it ends with 0 when all is equal, 1 when something differs or fails, 3 without a CUDA device.
";

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let args = options::passed_on(args);
    let root = workspace::root();
    let libtorch = setup::ensure_some(&root)?;
    eprintln!("{}", libtorch.describe());
    let mut build = workspace::cargo(&root);
    build.args(["build", "--release", "--package", "benches", "--bin", "cuda_check"]);
    let bundle = pack(&root, &programs::build(&mut build, "cuda_check")?)?;
    eprintln!("packed into {}", bundle.display());
    if args.iter().any(|arg| arg == "--no-run") {
        return Ok(ExitCode::SUCCESS);
    }
    let mut command = Command::new(bundle.join("run"));
    workspace::end_as(command.args(args).env("LIBTORCH", &libtorch.dir))
}

/// Makes the folder anew.
fn pack(root: &Path, program: &Path) -> Result<PathBuf> {
    let bundle = root.join("target/cuda-check");
    if bundle.exists() {
        fs::remove_dir_all(&bundle).map_err(Error::file("deleting", &bundle))?;
    }
    fs::create_dir_all(&bundle).map_err(Error::file("making", &bundle))?;
    let to = bundle.join("cuda_check");
    fs::copy(program, &to).map_err(Error::file("copying the program to", &to))?;
    let script = bundle.join("run");
    for (path, text) in [(&script, RUN), (&bundle.join("README"), README)] {
        fs::write(path, text).map_err(Error::file("writing", path))?;
    }
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
        .map_err(Error::file("permitting to run", &script))?;
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folder is whole, and its script starts the program with libtorch on the loader's path.
    #[test]
    fn the_bundle_starts_the_program() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("program");
        fs::write(&program, "#!/bin/sh\necho \"$LD_LIBRARY_PATH $*\"\nexit 3\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        for _ in 0..2 {
            pack(root.path(), &program).unwrap();
        }
        let bundle = root.path().join("target/cuda-check");
        let libtorch = root.path().join("libtorch");
        let start = || {
            let mut command = Command::new(bundle.join("run"));
            command.arg("--quick").env("LIBTORCH", &libtorch).env_remove("LD_LIBRARY_PATH").output().unwrap()
        };
        let without = start();
        assert_eq!(without.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&without.stderr).contains("set LIBTORCH"));
        fs::create_dir_all(libtorch.join("lib")).unwrap();
        fs::write(libtorch.join("lib/libtorch_cpu.so"), "").unwrap();
        let with = start();
        assert_eq!(with.status.code(), Some(3));
        let said = String::from_utf8_lossy(&with.stdout).into_owned();
        assert_eq!(said.trim(), format!("{} --quick", libtorch.join("lib").display()));
        assert_eq!(README.lines().count(), 3);
    }
}
