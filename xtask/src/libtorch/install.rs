//! The workspace's own libtorch in `.libtorch`: fetched or linked, whole or not at all.
//!
//! ```text
//! .libtorch/torch/{lib,include}    a folder, or a link made by --from
//! .libtorch/nvidia/...             the NVIDIA libraries; libtorch's own rpath finds them there
//! .libtorch/.ready-2.11.0-cpu      written last: the libraries and their lengths
//! .libtorch/.lock                  held while something is changed here
//! .libtorch/.download, .unpack     work in progress
//! ```

use std::{
    cell::OnceCell,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    chosen::{Chosen, Libtorch, inspect},
    fetch::{obtain, remove_dir},
    pip::{Pip, Source},
    unpack::unpack,
    version,
    wheels::{Layout, Wheel},
};
use crate::{
    console::{Console, Meter},
    error::{Error, Result},
    tools, workspace,
};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// Which libraries.
    pub(crate) layout: Layout,
    /// Also when they are there already.
    pub(crate) force: bool,
}

/// The folder `.libtorch` of a workspace.
#[derive(Debug)]
pub(crate) struct Place {
    dir: PathBuf,
}

impl Place {
    pub(crate) fn of(root: &Path) -> Self {
        Self { dir: root.join(".libtorch") }
    }

    /// What lies here; `None` when nothing does or what does is not whole.
    pub(crate) fn libtorch(&self) -> Result<Option<Libtorch>> {
        let torch = self.dir.join("torch");
        let linked = torch.is_symlink();
        if linked && !torch.exists() || !linked && !self.whole(Layout::Cpu) {
            return Ok(None);
        }
        let chosen = if linked { Chosen::Linked } else { Chosen::Fetched };
        let dir = if linked { fs::canonicalize(&torch).map_err(Error::file("following", &torch))? } else { torch };
        inspect(&dir, &dir.join("lib"), &dir, chosen, "run `cargo xtask setup --force`").map(Some)
    }

    /// Fetches what is asked for, unless it is here.
    pub(crate) fn fetch(&self, request: Request, console: &Console) -> Result<Libtorch> {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
            return Err(Error::Missing {
                what: "a libtorch for this platform".into(),
                todo: "the wheels used here are for Linux on x86-64 with glibc; install libtorch 2.11.0 and set LIBTORCH, \
                       or Python's torch 2.11.0 and set LIBTORCH_USE_PYTORCH=1"
                    .into(),
            });
        }
        let local = env::var_os("LIBTORCH_WHEELS").map(PathBuf::from);
        let source = LazyPip::default();
        self.fetch_from(request, request.layout.wheels(), local.as_deref(), &source, console)?;
        self.must_be_whole()?.must_load()
    }

    /// Links to an installed libtorch of the right version: `from` is its folder, or a `site-packages` that holds torch.
    pub(crate) fn link(&self, from: &Path, console: &Console) -> Result<Libtorch> {
        let _lock = self.lock(console)?;
        let inner = from.join("torch");
        let dir = if from.join("lib").is_dir() || !inner.is_dir() { from } else { &inner };
        let dir = fs::canonicalize(dir).map_err(Error::file("looking for libtorch in", dir))?;
        let todo =
            format!("give --from the folder of a libtorch {} (the one that holds lib and include)", version::WANTED);
        let found = inspect(&dir, &dir.join("lib"), &dir, Chosen::Linked, &todo)?.must_load()?;
        let torch = self.dir.join("torch");
        if torch.canonicalize().is_ok_and(|there| there == dir) {
            return Ok(found);
        }
        self.remove_stamps()?;
        let link = self.dir.join(".link");
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(&dir, &link).map_err(Error::file("linking", &link))?;
        self.replace(&link, &torch)?;
        remove_dir(&self.dir.join("nvidia"))?;
        self.clean()?;
        Ok(found)
    }

    fn must_be_whole(&self) -> Result<Libtorch> {
        self.libtorch()?.ok_or_else(|| Error::Libtorch {
            dir: self.dir.clone(),
            problem: "it is not whole after the set-up".into(),
            todo: "run `cargo xtask setup --force`".into(),
        })
    }

    fn fetch_from(
        &self,
        request: Request,
        wheels: &[Wheel],
        local: Option<&Path>,
        source: &dyn Source,
        console: &Console,
    ) -> Result<()> {
        let _lock = self.lock(console)?;
        let Request { layout, force } = request;
        if !force && self.serves(layout) {
            return Ok(());
        }
        tools::compilers()?;
        let download = self.dir.join(".download");
        fs::create_dir_all(&download).map_err(Error::file("making", &download))?;
        let unpacked = self.dir.join(".unpack");
        remove_dir(&unpacked)?;
        remove_dir(&download.join("tmp"))?;
        self.check_space(layout, wheels, local)?;

        let bytes: u64 = wheels.iter().map(|wheel| wheel.bytes).sum();
        console.say(format!(
            "libtorch {} ({}) into {}: {:.0} MB in {} wheels",
            version::WANTED,
            layout.name(),
            self.dir.display(),
            bytes as f64 / 1e6,
            wheels.len()
        ));
        let mut files = Vec::new();
        for wheel in wheels {
            files.push(obtain(wheel, &download, local, source, console)?);
        }
        let libraries = unpack(&files, layout, &unpacked, console)?;
        if layout == Layout::Cpu {
            empty_libtorch(&unpacked.join("torch/lib/libtorch.so"))?;
        }
        let build_version = unpacked.join("torch/build-version");
        fs::write(&build_version, version::WANTED).map_err(Error::file("writing", &build_version))?;
        sync_file_system(&unpacked);
        self.put_in_place(&unpacked, layout, &libraries)?;
        remove_dir(&download)
    }

    /// Moves what was unpacked to where it is used. A crash in between leaves no stamp, so it is done anew; torch comes
    /// last, since the linker wrapper looks for it.
    fn put_in_place(&self, unpacked: &Path, layout: Layout, libraries: &[(String, u64)]) -> Result<()> {
        self.remove_stamps()?;
        for part in ["nvidia", "torch"] {
            if unpacked.join(part).exists() {
                self.replace(&unpacked.join(part), &self.dir.join(part))?;
            }
        }
        let mut text = String::new();
        for (path, _) in libraries {
            // the lengths as they are now: libtorch.so was replaced
            let path_here = self.dir.join(path);
            let length = fs::metadata(&path_here).map_err(Error::file("reading", &path_here))?.len();
            text += &format!("{length} {path}\n");
        }
        let stamp = self.stamp(layout);
        let new = self.dir.join(".ready.new");
        fs::write(&new, text).map_err(Error::file("writing", &new))?;
        fs::rename(&new, &stamp).map_err(Error::file("writing", &stamp))?;
        self.clean()
    }

    /// Puts `from` where `to` is.
    fn replace(&self, from: &Path, to: &Path) -> Result<()> {
        if to.is_symlink() {
            fs::remove_file(to).map_err(Error::file("deleting", to))?;
        } else if to.exists() {
            let old = self.dir.join(".old");
            remove_dir(&old)?;
            fs::rename(to, &old).map_err(Error::file("moving", to))?;
        }
        fs::rename(from, to).map_err(Error::file("moving", from))
    }

    fn clean(&self) -> Result<()> {
        remove_dir(&self.dir.join(".old"))?;
        remove_dir(&self.dir.join(".unpack"))
    }

    /// Whether what is here, fetched or linked, has what `layout` asks for.
    fn serves(&self, layout: Layout) -> bool {
        match self.libtorch() {
            Ok(Some(found)) => layout == Layout::Cpu || found.layout == Layout::Cuda,
            _ => false,
        }
    }

    /// Whether the fetched libraries of `layout`, or of the larger one, are here with their lengths.
    fn whole(&self, layout: Layout) -> bool {
        let stamps = match layout {
            Layout::Cpu => [Layout::Cpu, Layout::Cuda].as_slice(),
            Layout::Cuda => &[Layout::Cuda],
        };
        stamps.iter().filter_map(|&layout| fs::read_to_string(self.stamp(layout)).ok()).any(|text| {
            text.lines().all(|line| {
                line.split_once(' ').is_some_and(|(length, path)| {
                    fs::metadata(self.dir.join(path)).is_ok_and(|data| Ok(data.len()) == length.parse())
                })
            })
        })
    }

    fn stamp(&self, layout: Layout) -> PathBuf {
        self.dir.join(format!(".ready-{}-{}", version::WANTED, layout.name().to_lowercase()))
    }

    fn remove_stamps(&self) -> Result<()> {
        for layout in [Layout::Cpu, Layout::Cuda] {
            let stamp = self.stamp(layout);
            if stamp.exists() {
                fs::remove_file(&stamp).map_err(Error::file("deleting", &stamp))?;
            }
        }
        Ok(())
    }

    /// Waits until no other process changes something here.
    fn lock(&self, console: &Console) -> Result<fs::File> {
        fs::create_dir_all(&self.dir).map_err(Error::file("making", &self.dir))?;
        let path = self.dir.join(".lock");
        let file = fs::File::create(&path).map_err(Error::file("writing", &path))?;
        if file.try_lock().is_err() {
            console.say("another set-up is at work here: waiting for it");
            file.lock().map_err(Error::file("locking", &path))?;
        }
        Ok(file)
    }

    /// At the worst moment there are all wheels and two more copies of one (pip's, and the one for its cache), or what is
    /// unpacked.
    fn check_space(&self, layout: Layout, wheels: &[Wheel], local: Option<&Path>) -> Result<()> {
        let download = self.dir.join(".download");
        let here = |wheel: &&Wheel| {
            !download.join(wheel.file).exists() && !local.is_some_and(|local| local.join(wheel.file).exists())
        };
        let missing: u64 = wheels.iter().filter(here).map(|wheel| wheel.bytes).sum();
        let largest = wheels.iter().filter(here).map(|wheel| wheel.bytes).max().unwrap_or(0);
        let needed = missing + layout.unpacked().max(2 * largest) + 100_000_000;
        let free = tools::free_space(&self.dir)?;
        if free < needed {
            let todo = "or use a libtorch that lies elsewhere with `cargo xtask setup --from DIR`".into();
            return Err(Error::Space { dir: self.dir.clone(), what: "libtorch", needed, free, todo });
        }
        Ok(())
    }
}

/// Looks for Python and pip when the first wheel is really to be fetched.
#[derive(Default)]
struct LazyPip(OnceCell<Pip>);

impl Source for LazyPip {
    fn fetch(&self, wheel: &Wheel, into: &Path, fresh: bool, meter: &mut Meter<'_>) -> Result<PathBuf> {
        let pip = match self.0.get() {
            Some(pip) => pip,
            None => {
                let python = tools::python_with_pip()?;
                self.0.get_or_init(|| Pip { python })
            }
        };
        pip.fetch(wheel, into, fresh, meter)
    }
}

/// An empty library in the place of the wheel's libtorch.so, which has no code but names libtorch_cuda.so: a linker that
/// keeps the name (GNU ld does, lld doesn't) would make programs that don't start without it.
fn empty_libtorch(path: &Path) -> Result<()> {
    workspace::run(Command::new("cc").args(["-shared", "-nostdlib", "-Wl,-soname,libtorch.so", "-o"]).arg(path).args([
        "-x",
        "c",
        "/dev/null",
    ]))
}

/// The stamp must not outlive, in a power cut, what it vouches for.
fn sync_file_system(dir: &Path) {
    #[cfg(target_os = "linux")]
    if let Ok(file) = fs::File::open(dir) {
        use std::os::fd::AsRawFd;
        // SAFETY: the descriptor is open as long as `file` lives. A failure only means that the pages are written later.
        unsafe { libc::syncfs(file.as_raw_fd()) };
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{chosen::tests::fake_libtorch, fetch::sha256, unpack::tests::fake_wheel},
        *,
    };

    /// Copies a wheel, and counts.
    struct Copy {
        wheel: PathBuf,
        times: std::cell::Cell<u32>,
    }

    impl Source for Copy {
        fn fetch(&self, _: &Wheel, into: &Path, _: bool, _: &mut Meter<'_>) -> Result<PathBuf> {
            self.times.set(self.times.get() + 1);
            let path = into.join("fetched.whl");
            fs::copy(&self.wheel, &path).unwrap();
            Ok(path)
        }
    }

    struct Fixture {
        root: tempfile::TempDir,
        wheel: Wheel,
        source: Copy,
    }

    const ENTRIES: [(&str, &[u8]); 6] = [
        ("torch/lib/libtorch_cpu.so", b"the cpu library"),
        ("torch/lib/libtorch.so", b"names libtorch_cuda.so"),
        ("torch/lib/libtorch_cuda.so", b"the cuda library"),
        ("torch/include/torch/csrc/api/include/torch/torch.h", b"#pragma once"),
        ("torch/version.py", b"__version__ = '2.11.0'"),
        ("nvidia/cu13/lib/libcudart.so.13", b"cudart"),
    ];

    impl Fixture {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("source.whl");
            fake_wheel(&path, &ENTRIES);
            let wheel = Wheel {
                name: "torch",
                version: "2.11.0",
                file: "torch-2.11.0-any.whl",
                bytes: fs::metadata(&path).unwrap().len(),
                sha256: String::leak(sha256(&path).unwrap()),
            };
            Self { root, wheel, source: Copy { wheel: path, times: 0.into() } }
        }

        fn place(&self) -> Place {
            Place::of(self.root.path())
        }

        fn fetch(&self, layout: Layout, force: bool) -> Result<()> {
            let wheels = std::slice::from_ref(&self.wheel);
            self.place().fetch_from(Request { layout, force }, wheels, None, &self.source, &Console::silent())
        }

        fn path(&self, path: &str) -> PathBuf {
            self.root.path().join(".libtorch").join(path)
        }
    }

    #[test]
    fn sets_up_once() {
        let fixture = Fixture::new();
        assert!(fixture.place().libtorch().unwrap().is_none());
        fixture.fetch(Layout::Cpu, false).unwrap();
        let found = fixture.place().libtorch().unwrap().unwrap();
        assert_eq!((found.version.as_str(), found.layout, found.chosen), ("2.11.0", Layout::Cpu, Chosen::Fetched));
        assert!(fixture.path("nvidia/cu13/lib/libcudart.so.13").exists());
        assert_ne!(fs::read(fixture.path("torch/lib/libtorch.so")).unwrap(), ENTRIES[1].1);
        for gone in [".download", ".unpack", ".old"] {
            assert!(!fixture.path(gone).exists(), "{gone}");
        }
        fixture.fetch(Layout::Cpu, false).unwrap();
        assert_eq!(fixture.source.times.get(), 1);
        fixture.fetch(Layout::Cpu, true).unwrap();
        assert_eq!(fixture.source.times.get(), 2);
    }

    #[test]
    fn the_larger_layout_replaces_and_then_serves_the_smaller() {
        let fixture = Fixture::new();
        fixture.fetch(Layout::Cpu, false).unwrap();
        fixture.fetch(Layout::Cuda, false).unwrap();
        let found = fixture.place().libtorch().unwrap().unwrap();
        assert_eq!(found.layout, Layout::Cuda);
        assert_eq!(fs::read(fixture.path("torch/lib/libtorch.so")).unwrap(), ENTRIES[1].1);
        fixture.fetch(Layout::Cpu, false).unwrap();
        assert_eq!(fixture.source.times.get(), 2);
        assert!(!fixture.path(".ready-2.11.0-cpu").exists());
    }

    /// Whatever a set-up that was killed has left, the next one makes it whole.
    #[test]
    fn an_interrupted_set_up_is_taken_up() {
        let leftovers: [fn(&Fixture) -> std::io::Result<()>; 5] = [
            |fixture| fs::write(fixture.path(".download/tmp/half"), "x"),
            |fixture| fs::write(fixture.path(".unpack/torch/lib/libtorch_cpu.so"), "half a lib"),
            |fixture| fs::write(fixture.path("torch/lib/libtorch_cpu.so"), "no stamp yet"),
            |fixture| fs::write(fixture.path(".ready.new"), "15 torch/lib"),
            |fixture| {
                fs::create_dir_all(fixture.path(".old/lib"))?;
                fs::remove_dir_all(fixture.path("torch"))
            },
        ];
        for leave in leftovers {
            let fixture = Fixture::new();
            for dir in [".download/tmp", ".unpack/torch/lib", "torch/lib"] {
                fs::create_dir_all(fixture.path(dir)).unwrap();
            }
            leave(&fixture).unwrap();
            assert!(fixture.place().libtorch().unwrap().is_none());
            fixture.fetch(Layout::Cpu, false).unwrap();
            assert_eq!(fs::read(fixture.path("torch/lib/libtorch_cpu.so")).unwrap(), ENTRIES[0].1);
            assert!(!fixture.path(".unpack").exists() && !fixture.path(".old").exists());
        }
    }

    #[test]
    fn a_library_that_lost_its_end_is_noticed() {
        let fixture = Fixture::new();
        fixture.fetch(Layout::Cpu, false).unwrap();
        fs::write(fixture.path("torch/lib/libtorch_cpu.so"), "the").unwrap();
        assert!(fixture.place().libtorch().unwrap().is_none());
        fixture.fetch(Layout::Cpu, false).unwrap();
        assert_eq!(fixture.source.times.get(), 2);
    }

    #[test]
    fn a_link_is_made_checked_and_replaced() {
        let fixture = Fixture::new();
        let place = fixture.place();
        let theirs = tempfile::tempdir().unwrap();
        fake_libtorch(&theirs.path().join("torch"), "2.4.0");
        let error = place.link(theirs.path(), &Console::silent()).unwrap_err();
        assert!(error.to_string().contains("2.4.0"), "{error}");
        assert!(place.libtorch().unwrap().is_none());

        fake_libtorch(&theirs.path().join("torch"), "2.11.0");
        place.link(theirs.path(), &Console::silent()).unwrap();
        assert_eq!(place.libtorch().unwrap().unwrap().chosen, Chosen::Linked);
        fixture.fetch(Layout::Cpu, false).unwrap();
        assert_eq!(fixture.source.times.get(), 0);

        // never unpacks into the folder of somebody else
        fixture.fetch(Layout::Cpu, true).unwrap();
        assert_eq!(place.libtorch().unwrap().unwrap().chosen, Chosen::Fetched);
        assert_eq!(fs::read(theirs.path().join("torch/lib/libtorch_cpu.so")).unwrap(), b"cpu");

        place.link(theirs.path(), &Console::silent()).unwrap();
        fs::remove_dir_all(theirs.path().join("torch")).unwrap();
        assert!(place.libtorch().unwrap().is_none());
    }

    #[test]
    fn two_at_a_time_wait_for_each_other() {
        let fixture = Fixture::new();
        let first = fixture.place().lock(&Console::silent()).unwrap();
        let dir = fixture.root.path().to_path_buf();
        let second = std::thread::spawn(move || {
            let _lock = Place::of(&dir).lock(&Console::silent()).unwrap();
            std::time::Instant::now()
        });
        std::thread::sleep(std::time::Duration::from_millis(200));
        let released = std::time::Instant::now();
        drop(first);
        assert!(second.join().unwrap() >= released);
    }
}
