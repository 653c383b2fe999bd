//! Other libraries for Python, in an environment of their own: `cargo xtask race` times them, tests exchange files with them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use crate::{
    error::{Error, Result},
    tools, workspace,
};

/// What the Python of the peers runs with.
const PEER_SETTINGS: [(&str, &str); 3] = [
    // Functions are bound when they are called, so the empty CUDA libraries do.
    ("TORCH_USE_RTLD_GLOBAL", "1"),
    ("CUDA_VISIBLE_DEVICES", ""),
    ("JAX_PLATFORMS", "cpu"),
];

/// A Python in which all of them can be used.
pub(crate) struct Python(PathBuf);

impl Python {
    /// Tells a program where it is.
    pub(crate) fn offer(&self, command: &mut Command) {
        command.env("PEERS_PYTHON", &self.0);
        for (name, value) in PEER_SETTINGS {
            command.env(name, value);
        }
    }
}

/// The Python environment under `target/peers`.
pub(crate) struct Peers {
    dir: PathBuf,
    requirements: PathBuf,
}

impl Peers {
    pub(crate) fn of(root: &Path) -> Self {
        Self { dir: root.join("target/peers"), requirements: root.join("benches/peers/requirements.txt") }
    }

    /// Its Python; made first, or anew after the requirements changed.
    pub(crate) fn ensure(&self) -> Result<Python> {
        let python = self.dir.join("bin/python");
        let stamp = self.dir.join("installed.txt");
        let wanted = fs::read_to_string(&self.requirements).map_err(Error::file("reading", &self.requirements))?;
        if python.exists() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(Python(python));
        }
        let start = Instant::now();
        eprintln!(
            "making the Python environment of the peers in {} (0.8 GB to download, a minute or more)",
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
        Ok(Python(python))
    }

    /// Adds what few races need.
    pub(crate) fn ensure_also(&self, requirements: &str) -> Result<()> {
        let (wanted, stamp) = (self.requirements.with_file_name(requirements), self.dir.join(requirements));
        let text = fs::read_to_string(&wanted).map_err(Error::file("reading", &wanted))?;
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == text) {
            return Ok(());
        }
        // flyvis asks for a Python below 3.13, and runs with later ones.
        workspace::run(
            Command::new(self.dir.join("bin/python"))
                .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--ignore-requires-python"])
                .arg("--requirement")
                .arg(&wanted)
                .stdout(std::io::stderr()),
        )?;
        fs::write(&stamp, text).map_err(Error::file("writing", &stamp))
    }

    /// That each peer can really be used.
    fn check(&self, python: &Path) -> Result<()> {
        let script = "import numpy, scipy, pandas, pyarrow, networkx, jax, diffrax, lyapax, clvlib, torch, torchode\n\
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
