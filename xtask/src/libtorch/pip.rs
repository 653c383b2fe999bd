//! Fetching a wheel with the user's own pip: its configuration, mirrors and find-links apply.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use super::wheels::Wheel;
use crate::{
    console::Meter,
    error::{Error, Result},
};

/// Where wheels come from; a trait so that tests need no network.
pub(crate) trait Source {
    /// Puts the wheel into the empty folder `into` and returns its path. `fresh`: past any cache.
    fn fetch(&self, wheel: &Wheel, into: &Path, fresh: bool, meter: &mut Meter<'_>) -> Result<PathBuf>;
}

/// `python3 -m pip download`.
#[derive(Debug)]
pub(crate) struct Pip {
    /// The Python that has pip.
    pub(crate) python: PathBuf,
}

/// Makes pip choose one file whatever Python runs it: a wheel for CPython 3.11 on Linux x86-64.
const PLATFORM: [&str; 26] = [
    "--only-binary=:all:",
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
    "--abi",
    "abi3",
    "--abi",
    "none",
    "--platform",
    "manylinux_2_28_x86_64",
    "--platform",
    "manylinux_2_27_x86_64",
    "--platform",
    "manylinux_2_25_x86_64",
    "--platform",
    "manylinux_2_18_x86_64",
    "--platform",
    "manylinux_2_17_x86_64",
    "--platform",
    "manylinux2014_x86_64",
    "--platform",
    "manylinux1_x86_64",
    "--no-deps",
];

impl Source for Pip {
    fn fetch(&self, wheel: &Wheel, into: &Path, fresh: bool, meter: &mut Meter<'_>) -> Result<PathBuf> {
        let log_path = into.join("pip.log");
        let log = fs::File::create(&log_path).map_err(Error::file("writing", &log_path))?;
        let log_too = log.try_clone().map_err(Error::file("writing", &log_path))?;
        let mut command = Command::new(&self.python);
        command
            .args(["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"])
            .args(PLATFORM)
            .arg("--dest")
            .arg(into)
            // `===`: a mirror's 2.11.0+cpu is another file
            .arg(format!("{}==={}", wheel.name, wheel.version))
            // pip writes into its temporary folder first: there, so that its progress can be seen and nothing stays behind
            .env("TMPDIR", into)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_too);
        if fresh {
            command.arg("--no-cache-dir");
        }
        end_with_parent(&mut command);
        let mut pip = command.spawn().map_err(Error::io(format!("starting {} -m pip", self.python.display())))?;
        let status = loop {
            if let Some(status) = pip.try_wait().map_err(Error::io("waiting for pip"))? {
                break status;
            }
            thread::sleep(Duration::from_millis(100));
            meter.update(largest_file(into));
        };
        let found = fs::read_dir(into)
            .map_err(Error::file("reading", into))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
        match found {
            Some(path) if status.success() => Ok(path),
            _ => {
                let log = fs::read_to_string(&log_path).unwrap_or_default();
                let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
                let last = lines[lines.len().saturating_sub(12)..].join("\n");
                let output = if last.is_empty() { format!("pip ended with {status} and said nothing") } else { last };
                Err(Error::Download { wheel: format!("{} {}", wheel.name, wheel.version), output })
            }
        }
    }
}

/// When this process is killed, so is the child: a pip that lived on would go on downloading for nobody.
fn end_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: `prctl` is a system call, fit to be made between fork and exec, and takes no pointer here.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
            Ok(())
        });
    }
}

/// Length of the largest file under `dir`: the wheel while pip writes it.
fn largest_file(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let data = entry.metadata().ok()?;
            Some(if data.is_dir() { largest_file(&entry.path()) } else { data.len() })
        })
        .max()
        .unwrap_or(0)
}
