//! Taking what is needed out of wheels, which are zip archives.

use std::{
    fs,
    io::{BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use super::wheels::{Layout, keep};
use crate::{
    console::Console,
    error::{Error, Result},
};

/// Unpacks what `layout` needs of `wheels` into `into`, checksums compared. Returns the unpacked libraries with their
/// lengths, paths relative to `into`.
pub(crate) fn unpack(wheels: &[PathBuf], layout: Layout, into: &Path, console: &Console) -> Result<Vec<(String, u64)>> {
    let broken = |wheel: &Path| {
        let wheel = wheel.to_path_buf();
        move |error: zip::result::ZipError| Error::Archive { wheel, detail: error.to_string() }
    };
    let mut archives = Vec::new();
    for wheel in wheels {
        let file = fs::File::open(wheel).map_err(Error::file("opening", wheel))?;
        archives.push((wheel, zip::ZipArchive::new(BufReader::new(file)).map_err(broken(wheel))?));
    }
    let mut total = 0;
    for (wheel, archive) in &mut archives {
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(broken(wheel))?;
            if keep(&entry.name().map_err(broken(wheel))?, layout) {
                total += entry.size();
            }
        }
    }
    let mut meter = console.meter("unpacking", total);
    let mut done = 0;
    let mut libraries = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    for (wheel, archive) in &mut archives {
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(broken(wheel))?;
            let name = entry.name().map_err(broken(wheel))?.into_owned();
            if !keep(&name, layout) {
                continue;
            }
            let Some(relative) = entry.enclosed_name() else {
                let detail = format!("its entry {name:?} would lie outside");
                return Err(Error::Archive { wheel: wheel.clone(), detail });
            };
            let path = into.join(&relative);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(Error::file("making", parent))?;
            }
            let file = fs::File::create(&path).map_err(Error::file("writing", &path))?;
            let mut file = BufWriter::new(file);
            loop {
                // the reader compares the checksum when it comes to the end
                let n = entry.read(&mut buffer).map_err(|error| Error::Archive {
                    wheel: wheel.clone(),
                    detail: format!("{}: {error}", relative.display()),
                })?;
                if n == 0 {
                    break;
                }
                file.write_all(&buffer[..n]).map_err(Error::file("writing", &path))?;
                done += n as u64;
                meter.update(done);
            }
            file.flush().map_err(Error::file("writing", &path))?;
            if relative.parent().is_some_and(|parent| parent.ends_with("lib")) {
                libraries.push((relative.to_string_lossy().into_owned(), entry.size()));
            }
        }
    }
    meter.finish();
    Ok(libraries)
}

#[cfg(test)]
pub(crate) mod tests {
    use zip::write::SimpleFileOptions;

    use super::*;

    /// A small wheel with the entries given, deflated.
    pub(crate) fn fake_wheel(path: &Path, entries: &[(&str, &[u8])]) {
        let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
        for (name, contents) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(contents).unwrap();
        }
        zip.finish().unwrap();
    }

    #[test]
    fn takes_only_what_the_layout_needs() {
        let dir = tempfile::tempdir().unwrap();
        let wheel = dir.path().join("torch.whl");
        let library = vec![7; 100_000];
        fake_wheel(
            &wheel,
            &[
                ("torch/__init__.py", b"import os"),
                ("torch/lib/libtorch_cpu.so", &library),
                ("torch/lib/libtorch_cuda.so", b"cuda"),
                ("torch/include/torch/script.h", b"#pragma once"),
            ],
        );
        let into = dir.path().join("into");
        let libraries = unpack(&[wheel], Layout::Cpu, &into, &Console::silent()).unwrap();
        assert_eq!(libraries, [("torch/lib/libtorch_cpu.so".to_owned(), 100_000)]);
        assert_eq!(fs::read(into.join("torch/lib/libtorch_cpu.so")).unwrap(), library);
        assert!(into.join("torch/include/torch/script.h").exists());
        assert!(!into.join("torch/__init__.py").exists());
        assert!(!into.join("torch/lib/libtorch_cuda.so").exists());
    }

    #[test]
    fn a_flipped_byte_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let wheel = dir.path().join("torch.whl");
        // no two bytes in a row alike, so that it is stored nearly as it is
        let library: Vec<u8> = (0..50_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        fake_wheel(&wheel, &[("torch/lib/libc10.so", &library)]);
        let mut bytes = fs::read(&wheel).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&wheel, bytes).unwrap();
        let error = unpack(&[wheel], Layout::Cpu, &dir.path().join("into"), &Console::silent()).unwrap_err();
        assert!(matches!(error, Error::Archive { .. }), "{error}");
    }

    #[test]
    fn an_entry_cannot_leave_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let wheel = dir.path().join("torch.whl");
        fake_wheel(&wheel, &[("torch/include/../../../evil.h", b"x")]);
        assert!(unpack(&[wheel], Layout::Cpu, &dir.path().join("a/b"), &Console::silent()).is_err());
        assert!(!dir.path().join("evil.h").exists());
    }

    #[test]
    fn a_truncated_archive_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let wheel = dir.path().join("torch.whl");
        fake_wheel(&wheel, &[("torch/lib/libc10.so", b"contents")]);
        let bytes = fs::read(&wheel).unwrap();
        fs::write(&wheel, &bytes[..bytes.len() - 30]).unwrap();
        assert!(unpack(&[wheel], Layout::Cpu, &dir.path().join("into"), &Console::silent()).is_err());
    }
}
