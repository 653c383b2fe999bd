//! Rendered sets in files.

use std::path::{Path, PathBuf};

use connectome_io::format::safetensors::{Tensors, read_tensors, write_tensors};
use connectome_io::{Array, ArrayData};
use rayon::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::set::{Argument, Stimuli, check_sample};
use crate::{Conditions, Error, Movie};

/// Version of the files; other versions are rendered anew. It changes whenever a set comes to render other movies from a configuration.
const VERSION: &str = "2";

/// A set whose movies have been rendered, once, to a file.
///
/// The file is named by the kind of the set and a hash of its configuration, holds `luminance` (f32 `[frames of all movies,
/// columns]`) and `frames` (i64 `[samples]`), and appears whole or not at all. What does not match its set is rendered anew.
#[derive(Debug)]
pub struct Cached<S> {
    set: S,
    movies: Vec<Movie>,
    path: PathBuf,
}

impl<S: Stimuli> Cached<S> {
    /// Reads the movies of a set from a folder; renders them on all threads and writes them if they are not there.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be made, [`Error::Data`] if the file cannot be written, and what rendering returns.
    pub fn open(set: S, folder: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let path = folder.join(file_name(&set));
        if path.exists() {
            match read(&set, &path) {
                Ok(movies) => return Ok(Self { set, movies, path }),
                Err(error) => tracing::warn!("rendering {} anew: {error}", path.display()),
            }
        }
        let movies: Vec<Movie> =
            (0..set.len()).into_par_iter().map(|sample| set.movie(sample)).collect::<Result<_, _>>()?;
        std::fs::create_dir_all(folder).map_err(|source| Error::Io {
            path: folder.to_path_buf(),
            doing: "making the folder",
            source,
        })?;
        write(&set, &movies, &path)?;
        Ok(Self { set, movies, path })
    }

    /// The set that was rendered.
    pub fn set(&self) -> &S {
        &self.set
    }

    /// All movies, by sample.
    pub fn movies(&self) -> &[Movie] {
        &self.movies
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Kind and hash of a set.
fn file_name(set: &impl Stimuli) -> String {
    let text = format!("{VERSION} {}", set.configuration());
    let hash: String = Sha256::digest(text.as_bytes()).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{hash}.safetensors", set.name())
}

fn write(set: &impl Stimuli, movies: &[Movie], path: &Path) -> Result<(), Error> {
    let frames: Vec<i64> = movies.iter().map(|movie| movie.frames() as i64).collect();
    let luminance: Vec<f32> = movies.iter().flat_map(Movie::luminance).copied().collect();
    let shape = vec![luminance.len() / set.columns(), set.columns()];
    let mut tensors = Tensors::default();
    tensors.arrays.insert("frames".into(), Array::vector(frames));
    tensors.arrays.insert("luminance".into(), Array::new(shape, luminance)?);
    tensors.metadata.insert("version".into(), VERSION.into());
    tensors.metadata.insert("configuration".into(), set.configuration().to_string());
    Ok(write_tensors(path, &tensors)?)
}

fn read(set: &impl Stimuli, path: &Path) -> Result<Vec<Movie>, Error> {
    let content = |what: &str| Error::Content { path: path.to_path_buf(), what: what.into() };
    let mut tensors = read_tensors(path)?;
    if tensors.metadata.get("version").map(String::as_str) != Some(VERSION) {
        return Err(content("another version of the format"));
    }
    if tensors.metadata.get("configuration") != Some(&set.configuration().to_string()) {
        return Err(content("movies of another configuration"));
    }
    let frames = match tensors.arrays.get("frames") {
        Some(array) if array.len() == set.len() => array.to_i64()?,
        _ => return Err(content("no number of frames for each sample")),
    };
    let (shape, luminance) = match tensors.arrays.remove("luminance").map(Array::into_parts) {
        Some((shape, ArrayData::F32(luminance))) => (shape, luminance),
        _ => return Err(content("no luminance in single precision")),
    };
    let total = frames.iter().try_fold(0usize, |sum, &n| sum.checked_add(usize::try_from(n).ok()?));
    if total.is_none_or(|total| shape != [total, set.columns()]) {
        return Err(content("luminance of another number of frames or columns"));
    }
    let mut rest = &luminance[..];
    frames
        .iter()
        .map(|&n| {
            let (movie, after) = rest.split_at(n as usize * set.columns());
            rest = after;
            Movie::new(set.columns(), movie.to_vec())
        })
        .collect()
}

impl<S: Stimuli> Stimuli for Cached<S> {
    fn name(&self) -> &'static str {
        self.set.name()
    }

    fn arguments(&self) -> &'static [Argument] {
        self.set.arguments()
    }

    fn conditions(&self) -> &Conditions {
        self.set.conditions()
    }

    fn columns(&self) -> usize {
        self.set.columns()
    }

    fn dt(&self) -> f64 {
        self.set.dt()
    }

    fn t_pre(&self) -> f64 {
        self.set.t_pre()
    }

    fn frames(&self) -> usize {
        self.set.frames()
    }

    fn movie(&self, sample: usize) -> Result<Movie, Error> {
        check_sample(self, sample)?;
        Ok(self.movies[sample].clone())
    }

    fn configuration(&self) -> Value {
        self.set.configuration()
    }

    fn time(&self) -> Vec<f64> {
        self.set.time()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stimulus::{FlashSettings, Flashes};

    fn flashes(t_stim: f64) -> Flashes {
        Flashes::new(FlashSettings { t_stim, t_pre: 0.02, ..FlashSettings::default() }).unwrap()
    }

    #[test]
    fn sets_are_rendered_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = Cached::open(flashes(0.05), folder.path().join("new")).unwrap();
        let written = std::fs::metadata(first.path()).unwrap().modified().unwrap();
        let again = Cached::open(flashes(0.05), folder.path().join("new")).unwrap();
        assert_eq!(std::fs::metadata(again.path()).unwrap().modified().unwrap(), written);
        assert_eq!(first.movies(), again.movies());
        assert_eq!(again.movie(3).unwrap(), flashes(0.05).movie(3).unwrap());
        assert!(again.movie(4).is_err());
        assert_ne!(Cached::open(flashes(0.06), folder.path().join("new")).unwrap().path(), first.path());
    }

    /// A file that is cut off, or holds another set, is replaced.
    #[test]
    fn damaged_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = Cached::open(flashes(0.05), folder.path()).unwrap().path().to_path_buf();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(Cached::open(flashes(0.05), folder.path()).unwrap().movies()[1], flashes(0.05).movie(1).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        let other = Cached::open(flashes(0.06), folder.path()).unwrap();
        std::fs::copy(other.path(), &path).unwrap();
        Cached::open(flashes(0.05), folder.path()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}
