//! SHA-256 of files.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use connectome_io::InputFile;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::catalog::{self, DataFile, DataSet};

/// Name, size and SHA-256 of a file as it is, read once in pieces.
///
/// # Errors
/// [`Error::Read`].
pub fn input_file(path: impl AsRef<Path>) -> Result<InputFile, Error> {
    let path = path.as_ref();
    let failed = |source| Error::Read { path: path.to_path_buf(), source };
    let (bytes, sha256) = digest(File::open(path).map_err(failed)?).map_err(failed)?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(InputFile { name, bytes, sha256 })
}

/// The data set to which a file belongs, by the SHA-256 of the file or, for `.gz`, of what is in it. Damaged files belong
/// to none.
///
/// # Errors
/// [`Error::Read`].
pub fn recognise_file(path: impl AsRef<Path>) -> Result<Option<(&'static DataSet, &'static DataFile)>, Error> {
    let path = path.as_ref();
    if let Some(found) = catalog::recognise(&input_file(path)?.sha256) {
        return Ok(Some(found));
    }
    let gzip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    if !gzip {
        return Ok(None);
    }
    let file = File::open(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
    // Nothing in the catalogue is larger, and a small file may inflate without end.
    let most = catalog::all().iter().flat_map(|set| &set.files).filter_map(|file| file.bytes).max().unwrap_or(0);
    let plain = MultiGzDecoder::new(file).take(most + 1);
    Ok(digest(plain).ok().and_then(|(_, sha256)| catalog::recognise(&sha256)))
}

/// Length and SHA-256 of all that comes.
fn digest(mut from: impl Read) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok((bytes, hex(&hash.finalize()))),
            Ok(n) => {
                hash.update(&piece[..n]);
                bytes += n as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc.txt");
        std::fs::write(&path, "abc").unwrap();
        let file = input_file(&path).unwrap();
        // FIPS 180-4, example of SHA-256
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(file, InputFile { name: "abc.txt".into(), bytes: 3, sha256: sha256.into() });
        assert!(input_file(folder.path().join("none")).unwrap_err().to_string().contains("none"));
    }
}
