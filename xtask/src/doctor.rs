//! `cargo xtask doctor`: what is on this machine and what to do about what is missing.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
};

use serde_json::json;

use crate::{
    error::Result,
    libtorch::{Layout, choose},
    options::Options,
    peers::{self, Peers},
    tools, workspace,
};

pub(crate) const HELP: &str = "\
Usage: cargo xtask doctor [--json]

Says what was found on this machine (Rust, compilers, Python, libtorch, GPU, threads, SIMD level, disk) and what to do
about what is missing. Changes nothing. Ends with 0 when all that is needed is there, else with 1.

  --json    the same for a program: an array of {name, status, found, todo}; status is ok, note or missing
";

/// Rust that the workspace is written for.
const RUST: (u32, u32) = (1, 89);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// There.
    Ok,
    /// Works without it, but worth knowing.
    Note,
    /// Needed and not there.
    Missing,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Missing => "missing",
        }
    }
}

/// One line of the report.
#[derive(Debug)]
struct Finding {
    name: &'static str,
    status: Status,
    found: String,
    todo: Option<String>,
}

fn ok(name: &'static str, found: impl Into<String>) -> Finding {
    Finding { name, status: Status::Ok, found: found.into(), todo: None }
}

fn note(name: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Finding {
    Finding { name, status: Status::Note, found: found.into(), todo: Some(todo.into()) }
}

fn missing(name: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Finding {
    Finding { name, status: Status::Missing, found: found.into(), todo: Some(todo.into()) }
}

pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let mut options = Options::new("doctor", args);
    let as_json = options.flag("--json");
    options.finish()?;
    let root = workspace::root();
    let (libtorch, layout) = libtorch(&root);
    let findings = [
        platform(),
        rust(),
        compiler("C compiler", "cc"),
        compiler("C++ compiler", "c++"),
        component(&root, "rustfmt", "fmt"),
        component(&root, "clippy", "clippy"),
        python(layout.is_some()),
        venv(),
        libtorch,
        gpu(layout),
        threads(),
        simd(),
        disk(&root, &parts(&root, layout.is_some())),
    ];
    if as_json {
        let list: Vec<_> = findings
            .iter()
            .map(|f| json!({"name": f.name, "status": f.status.name(), "found": f.found, "todo": f.todo}))
            .collect();
        println!("{:#}", json!(list));
    } else {
        for finding in &findings {
            println!("{:<8} {:<13} {}", finding.status.name(), finding.name, finding.found);
            if let Some(todo) = &finding.todo {
                println!("{:<8} {:<13} -> {todo}", "", "");
            }
        }
    }
    let well = findings.iter().all(|finding| finding.status != Status::Missing);
    if !as_json {
        println!("\n{}", if well { "All that is needed is there." } else { "Something that is needed is missing." });
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn platform() -> Finding {
    let found = format!("{} {}{}", env::consts::OS, env::consts::ARCH, glibc());
    if cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        ok("platform", found)
    } else {
        let todo = "`cargo xtask setup` can only check here: install libtorch 2.11.0, set LIBTORCH to its folder and put its \
                    lib folder on LD_LIBRARY_PATH (macOS: DYLD_LIBRARY_PATH), as tch's README says";
        note("platform", found, todo)
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn glibc() -> String {
    // SAFETY: the function returns a pointer to a static C string.
    let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    format!(", glibc {}", version.to_string_lossy())
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn glibc() -> String {
    String::new()
}

fn first_line(command: &mut Command) -> Option<String> {
    Some(workspace::output(command).ok()?.lines().next()?.trim().to_owned())
}

fn rust() -> Finding {
    let todo = format!("Rust {}.{} or later is needed: `rustup update stable`", RUST.0, RUST.1);
    let Some(found) = first_line(Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("--version"))
    else {
        return missing("Rust", "rustc does not start", todo);
    };
    if rust_version(&found).is_some_and(|version| version >= RUST) {
        ok("Rust", found)
    } else {
        missing("Rust", found, todo)
    }
}

/// From "rustc 1.95.0 (59807616e 2026-04-14)".
fn rust_version(line: &str) -> Option<(u32, u32)> {
    let mut numbers = line.strip_prefix("rustc ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn compiler(name: &'static str, program: &str) -> Finding {
    match tools::find(program).and_then(|path| first_line(Command::new(path).arg("--version"))) {
        Some(found) => ok(name, found),
        None => missing(name, format!("no working `{program}`"), tools::INSTALL_COMPILER),
    }
}

/// Python and pip, needed only while there is no libtorch.
fn python(have_libtorch: bool) -> Finding {
    let error = match tools::python_with_pip() {
        Ok(python) => {
            let version = first_line(Command::new(&python).arg("--version")).unwrap_or_default();
            let pip = first_line(Command::new(&python).args(["-m", "pip", "--version"])).unwrap_or_default();
            let pip = pip.split(" from ").next().unwrap_or_default();
            return ok("Python", format!("{version}, {pip}"));
        }
        Err(error) => error.to_string(),
    };
    if have_libtorch {
        note("Python", "no python3 with pip", "needed only to fetch libtorch and for the peers of `cargo xtask race`")
    } else {
        missing("Python", error, "needed once, to fetch libtorch")
    }
}

/// A part of Rust that only `cargo xtask test` needs.
fn component(root: &Path, name: &'static str, subcommand: &str) -> Finding {
    match first_line(workspace::cargo(root).args([subcommand, "--version"])) {
        Some(found) => ok(name, found),
        None => {
            let todo = format!("needed only for `cargo xtask test`: `rustup component add {name}`");
            note(name, format!("`cargo {subcommand}` does not start"), todo)
        }
    }
}

/// What Python environments are made with.
fn venv() -> Finding {
    let can = |python: &PathBuf| workspace::output(Command::new(python).args(["-c", "import venv, ensurepip"])).is_ok();
    let (found, todo) = match tools::python(peers::PYTHON) {
        Ok(python) if can(&python) => return ok("venv", format!("of {}", python.display())),
        Ok(python) => (format!("{} has no venv, or no ensurepip", python.display()), tools::INSTALL_VENV.to_owned()),
        Err(error) => (error.to_string(), "without it these tests are skipped".to_owned()),
    };
    let needed = "needed only for the peers of `cargo xtask race`, and tests that exchange files with them";
    note("venv", found, format!("{needed}; {todo}"))
}

fn libtorch(root: &Path) -> (Finding, Option<Layout>) {
    match choose(root).and_then(|found| found.map(crate::libtorch::Libtorch::must_load).transpose()) {
        Ok(Some(found)) => (ok("libtorch", found.describe()), Some(found.layout)),
        Ok(None) => (missing("libtorch", "not there yet", "`cargo xtask setup` (544 MB to download)"), None),
        Err(error) => (missing("libtorch", error.to_string(), "see `cargo xtask setup --help`"), None),
    }
}

/// What the NVIDIA driver says, if there is one.
fn gpu(layout: Option<Layout>) -> Finding {
    let driver = match Driver::ask() {
        Ok(driver) => driver,
        Err(why) => return ok("GPU", format!("none ({why}); all runs on the CPU")),
    };
    let (major, minor) = (driver.cuda / 1000, driver.cuda % 1000 / 10);
    let found = format!("{}; the driver is for CUDA {major}.{minor}", driver.devices.join(", "));
    if major < 13 {
        note("GPU", found, "libtorch 2.11.0 is built with CUDA 13.0: update the driver (580 or later)")
    } else if layout == Some(Layout::Cpu) {
        note("GPU", found, "to use it: `cargo xtask setup --cuda` (2.5 GB to download)")
    } else {
        ok("GPU", found)
    }
}

/// The NVIDIA driver's view of this machine.
struct Driver {
    /// CUDA version of the driver: 1000 * major + 10 * minor.
    cuda: i32,
    devices: Vec<String>,
}

impl Driver {
    /// Loads libcuda.so.1, part of the driver, and asks it.
    fn ask() -> std::result::Result<Self, String> {
        use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

        /// A function of the library, or why not.
        fn symbol(library: *mut c_void, name: &CStr) -> std::result::Result<*mut c_void, String> {
            // SAFETY: `library` came from `dlopen` and is never closed; `name` is a C string.
            let found = unsafe { libc::dlsym(library, name.as_ptr()) };
            if found.is_null() { Err(format!("libcuda.so.1 has no {}", name.to_string_lossy())) } else { Ok(found) }
        }
        fn check(what: &str, status: c_int) -> std::result::Result<(), String> {
            if status == 0 { Ok(()) } else { Err(format!("{what} answers with error {status}")) }
        }

        // SAFETY: the name is a C string; loading the driver's library runs only its own initialisers.
        let library = unsafe { libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if library.is_null() {
            return Err("no NVIDIA driver".into());
        }
        let (mut cuda, mut count) = (0, 0);
        let mut devices = Vec::new();
        // SAFETY: these are the types that the CUDA driver API documents for these names; every pointer given is to a
        // live variable of the type and length that the function writes.
        unsafe {
            let init: extern "C" fn(c_uint) -> c_int = std::mem::transmute(symbol(library, c"cuInit")?);
            let version: extern "C" fn(*mut c_int) -> c_int =
                std::mem::transmute(symbol(library, c"cuDriverGetVersion")?);
            let get_count: extern "C" fn(*mut c_int) -> c_int =
                std::mem::transmute(symbol(library, c"cuDeviceGetCount")?);
            let name_of: extern "C" fn(*mut c_char, c_int, c_int) -> c_int =
                std::mem::transmute(symbol(library, c"cuDeviceGetName")?);
            let memory_of: extern "C" fn(*mut usize, c_int) -> c_int =
                std::mem::transmute(symbol(library, c"cuDeviceTotalMem_v2")?);
            check("cuInit", init(0))?;
            check("cuDriverGetVersion", version(&raw mut cuda))?;
            check("cuDeviceGetCount", get_count(&raw mut count))?;
            for device in 0..count {
                let (mut name, mut bytes) = ([0 as c_char; 256], 0);
                check("cuDeviceGetName", name_of(name.as_mut_ptr(), 255, device))?;
                check("cuDeviceTotalMem", memory_of(&raw mut bytes, device))?;
                let name = CStr::from_ptr(name.as_ptr()).to_string_lossy().into_owned();
                devices.push(format!("{name}, {:.0} GB", bytes as f64 / 1e9));
            }
        }
        if devices.is_empty() { Err("the NVIDIA driver has no device".into()) } else { Ok(Self { cuda, devices }) }
    }
}

fn threads() -> Finding {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut found = format!("{cores} cores");
    let mut most = cores;
    for name in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OMP_WAIT_POLICY"] {
        let value = env::var(name).ok();
        found += &format!(", {name} {}", value.as_deref().unwrap_or("not set"));
        most = most.max(value.and_then(|value| value.parse().ok()).unwrap_or(0));
    }
    if most > cores {
        return note("threads", found, "more threads than cores slow each other down");
    }
    ok("threads", found)
}

/// Which of the three tiers of the kernels this processor runs, by their rule (`Tier` of tch-function).
#[cfg(target_arch = "x86_64")]
fn simd() -> Finding {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = avx2
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx512, avx2) {
        (true, _) => ok("SIMD", "AVX-512"),
        (false, true) => ok("SIMD", "AVX2 with FMA"),
        (false, false) => note("SIMD", "portable (SSE2)", "the sparse kernels are faster on a processor with AVX2"),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn simd() -> Finding {
    ok("SIMD", "portable")
}

/// Something that takes room on the disk.
struct Part {
    what: &'static str,
    bytes: u64,
    /// Whether nothing works without it.
    needed: bool,
}

/// What is not there yet.
fn parts(root: &Path, have_libtorch: bool) -> Vec<Part> {
    let all = [
        // the wheel, pip's copy of it, and what is unpacked
        (!have_libtorch, Part { what: "libtorch while it is set up", bytes: 1_700_000_000, needed: true }),
        (!root.join("target/release").exists(), Part { what: "target/release", bytes: 4_000_000_000, needed: true }),
        (
            !Peers::of(root).is_installed(),
            Part { what: "target/peers, for races and tests,", bytes: peers::ON_DISK, needed: false },
        ),
    ];
    all.into_iter().filter_map(|(is_missing, part)| is_missing.then_some(part)).collect()
}

fn disk(root: &Path, parts: &[Part]) -> Finding {
    match tools::free_space(root) {
        Ok(free) => room(&format!("{:.1} GB free at {}", free as f64 / 1e9, root.display()), free, parts),
        Err(error) => note("disk", error.to_string(), room_for(parts)),
    }
}

fn room(found: &str, free: u64, parts: &[Part]) -> Finding {
    let sum = |of: &dyn Fn(&&Part) -> bool| parts.iter().filter(of).map(|part| part.bytes).sum::<u64>();
    if free < sum(&|part| part.needed) {
        missing("disk", found, format!("make room: {}", room_for(parts)))
    } else if free < sum(&|_| true) {
        note("disk", found, room_for(parts))
    } else if parts.is_empty() {
        ok("disk", found)
    } else {
        ok("disk", format!("{found}; still to come: {}", room_for(parts)))
    }
}

/// "libtorch while it is set up takes 1.7 GB, target/release takes 4.0 GB".
fn room_for(parts: &[Part]) -> String {
    let each = parts.iter().map(|part| format!("{} takes {:.1} GB", part.what, part.bytes as f64 / 1e9));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_of_rust() {
        assert_eq!(rust_version("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert_eq!(rust_version("rustc 1.89.0-nightly"), Some((1, 89)));
        assert_eq!(rust_version("gcc 12.2"), None);
        assert!(rust_version("rustc 1.9.0").unwrap() < RUST);
    }
    #[test]
    fn room_is_wanted_for_what_is_not_there_yet() {
        let dir = tempfile::tempdir().unwrap();
        let parts = parts(dir.path(), true);
        assert_eq!(room_for(&parts), "target/release takes 4.0 GB, target/peers, for races and tests, takes 2.2 GB");
        for (free, status) in [(3, Status::Missing), (5, Status::Note), (7, Status::Ok)] {
            assert_eq!(room("", free * 1_000_000_000, &parts).status, status);
        }
        assert!(room("7 GB free", 7_000_000_000, &parts).found.starts_with("7 GB free; still to come: target/release"));
        std::fs::create_dir_all(dir.path().join("target/release")).unwrap();
        assert!(super::parts(dir.path(), false).iter().all(|part| part.what != "target/release"));
    }
}
