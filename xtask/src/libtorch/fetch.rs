//! A wheel on this disk whose hash is right.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{pip::Source, wheels::Wheel};
use crate::{
    console::Console,
    error::{Error, Result},
};

/// The verified wheel, from the user's folder `local`, from an earlier, interrupted set-up in `dir`, or from `source` into
/// `dir`. A file that is not the pinned one is deleted (in `dir` only) and fetched; one more time if it comes wrong.
pub(crate) fn obtain(
    wheel: &Wheel,
    dir: &Path,
    local: Option<&Path>,
    source: &dyn Source,
    console: &Console,
) -> Result<PathBuf> {
    if let Some(path) = local.map(|local| local.join(wheel.file)).filter(|path| path.exists()) {
        match check(&path, wheel)? {
            Ok(()) => return Ok(path),
            Err(found) => console.say(format!("  {} is not the pinned file ({found}): not used", path.display())),
        }
    }
    let kept = dir.join(wheel.file);
    if kept.exists() {
        match check(&kept, wheel)? {
            Ok(()) => {
                console.say(format!("  {} {}: here from before", wheel.name, wheel.version));
                return Ok(kept);
            }
            Err(found) => {
                console.say(format!("  {} {} from before is damaged ({found}): deleted", wheel.name, wheel.version));
                fs::remove_file(&kept).map_err(Error::file("deleting", &kept))?;
            }
        }
    }
    let mut fresh = false;
    loop {
        match fetch_once(wheel, dir, source, fresh, console) {
            Ok(path) => {
                fs::rename(&path, &kept).map_err(Error::file("moving", &path))?;
                remove_dir(&dir.join("tmp"))?;
                return Ok(kept);
            }
            Err(error @ (Error::Hash { .. } | Error::Download { .. })) if !fresh => {
                let why = if matches!(error, Error::Hash { .. }) { "came damaged" } else { "did not come" };
                console.say(format!("  {} {} {why}: once more, past pip's cache", wheel.name, wheel.version));
                fresh = true;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Fetches into an empty `dir/tmp` and verifies.
fn fetch_once(wheel: &Wheel, dir: &Path, source: &dyn Source, fresh: bool, console: &Console) -> Result<PathBuf> {
    let tmp = dir.join("tmp");
    remove_dir(&tmp)?;
    fs::create_dir_all(&tmp).map_err(Error::file("making", &tmp))?;
    let mut meter = console.meter(format!("{} {}", wheel.name, wheel.version), wheel.bytes);
    let path = source.fetch(wheel, &tmp, fresh, &mut meter)?;
    match check(&path, wheel)? {
        Ok(()) => {
            meter.finish();
            Ok(path)
        }
        Err(found) => {
            fs::remove_file(&path).map_err(Error::file("deleting", &path))?;
            Err(Error::Hash { wheel: wheel.file.to_owned(), expected: wheel.sha256.to_owned(), found })
        }
    }
}

/// Whether the file is the pinned one; else its hash, or its length where that differs already.
fn check(path: &Path, wheel: &Wheel) -> Result<std::result::Result<(), String>> {
    let length = fs::metadata(path).map_err(Error::file("reading", path))?.len();
    if length != wheel.bytes {
        return Ok(Err(format!("{length} bytes instead of {}", wheel.bytes)));
    }
    let found = sha256(path)?;
    Ok(if found == wheel.sha256 { Ok(()) } else { Err(format!("sha256 {found}")) })
}

/// SHA-256 of a file, in hexadecimal.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    let mut file = fs::File::open(path).map_err(Error::file("opening", path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut buffer).map_err(Error::file("reading", path))?;
        if n == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&buffer[..n]);
    }
}

/// Removes a folder and all in it, if it is there.
pub(crate) fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file("deleting", dir)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::console::Meter;

    const GOOD: &[u8] = b"abc";

    fn wheel() -> Wheel {
        Wheel {
            name: "fake",
            version: "1.0",
            file: "fake-1.0-py3-none-any.whl",
            bytes: 3,
            // FIPS 180-4, the example "abc"
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        }
    }

    /// Hands out the contents given, one a call, and notes whether it was asked past the cache.
    struct Fake {
        contents: RefCell<Vec<&'static [u8]>>,
        asked: RefCell<Vec<bool>>,
    }

    impl Fake {
        fn new(contents: &[&'static [u8]]) -> Self {
            Self { contents: RefCell::new(contents.to_vec()), asked: RefCell::default() }
        }
    }

    impl Source for Fake {
        fn fetch(&self, wheel: &Wheel, into: &Path, fresh: bool, meter: &mut Meter<'_>) -> Result<PathBuf> {
            self.asked.borrow_mut().push(fresh);
            let path = into.join("named-otherwise.whl");
            if self.contents.borrow().is_empty() {
                return Err(Error::Download { wheel: wheel.name.into(), output: "no route".into() });
            }
            fs::write(&path, self.contents.borrow_mut().remove(0)).unwrap();
            meter.update(1);
            Ok(path)
        }
    }

    fn obtain_from(fake: &Fake, dir: &Path, local: Option<&Path>) -> Result<PathBuf> {
        obtain(&wheel(), dir, local, fake, &Console::silent())
    }

    #[test]
    fn a_good_wheel_is_fetched_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let fake = Fake::new(&[GOOD]);
        let path = obtain_from(&fake, dir.path(), None).unwrap();
        assert_eq!(path, dir.path().join(wheel().file));
        assert!(!dir.path().join("tmp").exists());
        assert_eq!(obtain_from(&fake, dir.path(), None).unwrap(), path);
        assert_eq!(*fake.asked.borrow(), [false]);
    }

    #[test]
    fn damaged_and_truncated_ones_from_before_are_fetched_anew() {
        for damaged in [b"abd".as_slice(), b"ab", b""] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(wheel().file), damaged).unwrap();
            let fake = Fake::new(&[GOOD]);
            let path = obtain_from(&fake, dir.path(), None).unwrap();
            assert_eq!(fs::read(path).unwrap(), GOOD);
            assert_eq!(fake.asked.borrow().len(), 1);
        }
    }

    #[test]
    fn a_download_that_comes_wrong_is_tried_once_more_past_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        let fake = Fake::new(&[b"abd", GOOD]);
        obtain_from(&fake, dir.path(), None).unwrap();
        assert_eq!(*fake.asked.borrow(), [false, true]);
    }

    #[test]
    fn a_download_that_stays_wrong_is_an_error_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let fake = Fake::new(&[b"abd", b"abd", GOOD]);
        let error = obtain_from(&fake, dir.path(), None).unwrap_err();
        assert!(matches!(error, Error::Hash { .. }), "{error}");
        assert!(error.to_string().contains(wheel().sha256));
        assert!(!dir.path().join(wheel().file).exists());

        let unreachable = Fake::new(&[]);
        let error = obtain_from(&unreachable, dir.path(), None).unwrap_err();
        assert!(error.to_string().contains("no route"), "{error}");
        assert_eq!(unreachable.asked.borrow().len(), 2);
    }

    #[test]
    fn the_users_folder_goes_first_and_is_never_written() {
        let (dir, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let theirs = local.path().join(wheel().file);
        fs::write(&theirs, GOOD).unwrap();
        let fake = Fake::new(&[GOOD]);
        assert_eq!(obtain_from(&fake, dir.path(), Some(local.path())).unwrap(), theirs);
        assert!(fake.asked.borrow().is_empty());

        fs::write(&theirs, b"abd").unwrap();
        let path = obtain_from(&fake, dir.path(), Some(local.path())).unwrap();
        assert_eq!(path, dir.path().join(wheel().file));
        assert_eq!(fs::read(&theirs).unwrap(), b"abd");
    }
}
