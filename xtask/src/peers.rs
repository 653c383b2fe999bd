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

/// What they take on the disk.
pub(crate) const ON_DISK: u64 = 2_200_000_000;

/// The oldest Python for which their versions are made.
pub(crate) const PYTHON: (u32, u32) = (3, 11);

/// Whether the user has a Python for them, which then is taken as it is.
pub(crate) fn are_the_users() -> bool {
    std::env::var_os("PEERS_PYTHON").is_some_and(|python| !python.is_empty())
}

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

    fn python(&self) -> PathBuf {
        self.dir.join("bin/python")
    }

    fn stamp(&self) -> PathBuf {
        self.dir.join("installed.txt")
    }

    /// Whether they are there, in the versions that are wanted.
    pub(crate) fn is_installed(&self) -> bool {
        let wanted = fs::read_to_string(&self.requirements).ok();
        self.python().exists() && wanted.is_some() && fs::read_to_string(self.stamp()).ok() == wanted
    }

    /// Its Python; made first, or anew after the requirements changed.
    pub(crate) fn ensure(&self) -> Result<Python> {
        let (python, stamp) = (self.python(), self.stamp());
        if self.is_installed() {
            return Ok(Python(python));
        }
        let wanted = fs::read_to_string(&self.requirements).map_err(Error::file("reading", &self.requirements))?;
        let found = tools::python(PYTHON)?;
        let start = Instant::now();
        eprintln!(
            "making the Python environment of the peers in {} (0.8 GB to download, a minute or more)",
            self.dir.display()
        );
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir).map_err(Error::file("deleting", &self.dir))?;
        }
        self.check_space(tools::free_space(&self.dir)?)?;
        tools::make_venv(&found, &self.dir)?;
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

    fn check_space(&self, free: u64) -> Result<()> {
        if free >= ON_DISK {
            return Ok(());
        }
        let todo = "or set PEERS_PYTHON to a Python that has the peers".into();
        Err(Error::Space { dir: self.dir.clone(), what: "libraries of Python", needed: ON_DISK, free, todo })
    }

    /// That each peer can really be used.
    fn check(&self, python: &Path) -> Result<()> {
        let script = "import numpy, scipy, pandas, pyarrow, networkx, jax, diffrax, lyapax, clvlib, torch, torchode, torchdiffeq\n\
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

    #[test]
    fn they_are_installed_when_the_versions_are_the_wanted_ones() {
        let root = tempfile::tempdir().unwrap();
        let peers = Peers::of(root.path());
        assert!(!peers.is_installed());
        for (file, text) in
            [(peers.python(), ""), (peers.stamp(), "numpy==1"), (peers.requirements.clone(), "numpy==2")]
        {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        assert!(!peers.is_installed());
        fs::write(peers.stamp(), "numpy==2").unwrap();
        assert!(peers.is_installed());
    }

    #[test]
    fn nothing_is_fetched_onto_a_full_disk() {
        let peers = Peers::of(Path::new("/w"));
        peers.check_space(ON_DISK).unwrap();
        let error = peers.check_space(1_000_000_000).unwrap_err().to_string();
        assert!(error.contains("/w/target/peers has 1.0 GB free") && error.contains("2.2 GB"), "{error}");
    }
}
