//! `cargo xtask race`: this workspace and its peers, timed in one run.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Instant,
};

use crate::{
    error::{Error, Result},
    setup, tools, workspace,
};

pub(crate) const HELP: &str = "\
Usage: cargo xtask race NAME [--ours] [--threads N] [--json] [ARGS]

Sets up what is missing, builds the program `race` of the package benches and runs the race NAME; `cargo xtask race --list`
names them. The peers (numpy, scipy, torch, torchode, jax, diffrax, lyapax, clvlib, at the versions of
benches/peers/requirements.txt) are put into a Python environment of their own under target/peers the first time: about
0.7 GB to download and 2.0 GB on disk; torch comes without the CUDA libraries, since the races run on the CPU.

  --ours        this workspace only; needs no Python
  --threads N   threads for each contestant (default 1): sets OMP_NUM_THREADS, MKL_NUM_THREADS, OPENBLAS_NUM_THREADS,
                RAYON_NUM_THREADS, NPROC (the size of XLA's pool) and XLA's flag for matrix products
  --json        the results for a program, on standard output

Arguments are passed on to the program. OMP_WAIT_POLICY is passive: OpenMP threads that spin while they wait would take
the cores from other contestants.
";

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let root = workspace::root();
    let threads = threads(args)?;
    eprintln!("{}", setup::ensure_some(&root)?.describe());
    let mut build = workspace::cargo(&root);
    workspace::run(build.args(["build", "--release", "--package", "benches", "--bin", "race"]))?;
    let mut race = workspace::cargo(&root);
    race.args(["run", "--quiet", "--release", "--package", "benches", "--bin", "race", "--"]).args(args);
    if !args.iter().any(|arg| matches!(arg.as_str(), "--ours" | "--list" | "--help" | "-h")) {
        race.env("PEERS_PYTHON", Peers::of(&root).ensure()?);
        for (name, value) in PEER_SETTINGS {
            race.env(name, value);
        }
    }
    for name in THREAD_VARIABLES {
        race.env(name, threads.to_string());
    }
    race.env("XLA_FLAGS", xla_flags(threads)).env("OMP_WAIT_POLICY", "passive");
    eprintln!("{threads} thread(s) for each contestant ({}), OMP_WAIT_POLICY=passive", THREAD_VARIABLES.join(", "));
    workspace::run(&mut race)?;
    Ok(ExitCode::SUCCESS)
}

/// One for each library; XLA takes the size of its pool from NPROC.
const THREAD_VARIABLES: [&str; 5] =
    ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "NPROC"];

/// What the Python of the peers runs with.
const PEER_SETTINGS: [(&str, &str); 3] = [
    // Functions are bound when they are called, so the empty CUDA libraries do.
    ("TORCH_USE_RTLD_GLOBAL", "1"),
    ("CUDA_VISIBLE_DEVICES", ""),
    ("JAX_PLATFORMS", "cpu"),
];

/// XLA's products of matrices have threads of their own.
fn xla_flags(threads: usize) -> String {
    let user = env::var("XLA_FLAGS").unwrap_or_default();
    let ours = if threads == 1 { "--xla_cpu_multi_thread_eigen=false" } else { "" };
    format!("{ours} {user}").trim().to_owned()
}

/// The value of `--threads`, 1 without it. The argument itself is passed on.
fn threads(args: &[String]) -> Result<usize> {
    let wrong = || Error::Usage("--threads wants a number from 1 on".into());
    let value = args.iter().enumerate().find_map(|(at, arg)| match arg.strip_prefix("--threads")? {
        "" => Some(args.get(at + 1).cloned().unwrap_or_default()),
        rest => rest.strip_prefix('=').map(str::to_owned),
    });
    let threads = value.map_or(Ok(1), |value| value.parse::<usize>().map_err(|_| wrong()))?;
    if threads == 0 { Err(wrong()) } else { Ok(threads) }
}

/// The Python environment under `target/peers`.
struct Peers {
    dir: PathBuf,
    requirements: PathBuf,
}

impl Peers {
    fn of(root: &Path) -> Self {
        Self { dir: root.join("target/peers"), requirements: root.join("benches/peers/requirements.txt") }
    }

    /// Its Python; made first, or anew after the requirements changed.
    fn ensure(&self) -> Result<PathBuf> {
        let python = self.dir.join("bin/python");
        let stamp = self.dir.join("installed.txt");
        let wanted = fs::read_to_string(&self.requirements).map_err(Error::file("reading", &self.requirements))?;
        if python.exists() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(python);
        }
        let start = Instant::now();
        eprintln!(
            "making the Python environment of the peers in {} (0.7 GB to download, a minute or more)",
            self.dir.display()
        );
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir).map_err(Error::file("deleting", &self.dir))?;
        }
        workspace::run(Command::new(tools::python()?).args(["-m", "venv"]).arg(&self.dir)).map_err(|error| {
            let todo = format!("{error}; on Debian and Ubuntu: apt-get install python3-venv");
            Error::Missing { what: "Python's venv".into(), todo }
        })?;
        // Each line is a pinned distribution with all of its dependencies beside it, so pip adds none: torch's own would be
        // 2.2 GB of CUDA.
        workspace::run(
            Command::new(&python)
                .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--requirement"])
                .arg(&self.requirements)
                // stdout is for results
                .stdout(std::io::stderr()),
        )?;
        let packages = workspace::output(
            Command::new(&python).args(["-c", "import sysconfig; print(sysconfig.get_path('platlib'))"]),
        )?;
        stub_cuda(Path::new(packages.trim()))?;
        self.check(&python)?;
        fs::write(&stamp, wanted).map_err(Error::file("writing", &stamp))?;
        eprintln!("the peers are installed, in {:.0} s", start.elapsed().as_secs_f64());
        Ok(python)
    }

    /// That each peer can really be used.
    fn check(&self, python: &Path) -> Result<()> {
        let script = "import numpy, scipy, jax, diffrax, lyapax, clvlib, torch, torchode\n\
                      x = torch.ones(3, requires_grad=True)\n\
                      (torch.eye(3).to_sparse_csr() @ x.unsqueeze(1)).sum().backward()\n\
                      assert x.grad.sum() == 3 and jax.numpy.ones(3).sum() == 3\n";
        workspace::output(Command::new(python).args(["-W", "ignore", "-c", script]).envs(PEER_SETTINGS)).map(drop)
    }
}

/// Empty libraries in the place of the CUDA libraries that torch names, beside torch's own.
///
/// `import torch` loads libtorch_cuda.so, and the loader wants the files that this names. With lazy binding
/// (TORCH_USE_RTLD_GLOBAL) nobody looks into them until a CUDA function is called.
fn stub_cuda(packages: &Path) -> Result<()> {
    const NAMES: [&str; 13] = [
        "libcublas.so.13",
        "libcublasLt.so.13",
        "libcuda.so.1",
        "libcudnn.so.9",
        "libcufft.so.12",
        "libcufile.so.0",
        "libcurand.so.10",
        "libcusolver.so.12",
        "libcusparse.so.12",
        "libcusparseLt.so.0",
        "libnccl.so.2",
        "libnvrtc.so.13",
        "libnvshmem_host.so.3",
    ];
    let lib = packages.join("torch/lib");
    if !lib.join("libtorch_cuda.so").exists() {
        return Ok(());
    }
    tools::compilers()?;
    for name in NAMES {
        workspace::run(
            Command::new("cc")
                .args(["-shared", "-nostdlib", &format!("-Wl,-soname,{name}"), "-o"])
                .arg(lib.join(name))
                .args(["-x", "c", "/dev/null"]),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> Result<usize> {
        threads(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn one_thread_unless_said() {
        assert_eq!(of(&["spmm"]).unwrap(), 1);
        assert_eq!(of(&["spmm", "--threads", "2"]).unwrap(), 2);
        assert_eq!(of(&["--threads=4", "spmm"]).unwrap(), 4);
        for wrong in [["--threads"].as_slice(), &["--threads", "0"], &["--threads=many"]] {
            assert!(of(wrong).is_err());
        }
    }
}
