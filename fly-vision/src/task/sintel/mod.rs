//! The MPI-Sintel data set: scenes of an animated film with their optic flow.
//!
//! Source: Butler, Wulff, Stanley & Black, *ECCV* 2012, 611; <http://sintel.is.tue.mpg.de>.

mod formats;

use std::path::{Path, PathBuf};

use connectome_graph::hex::{Extent, Lattice};

pub use formats::{Raster, read_depth, read_flow, read_luminance};

use super::augmentation::overlapping_windows;
use super::data::{FlowSample, FlowSet, Split};
use crate::eye::FrameSize;
use crate::{Error, Movie};

/// Frames per second of the film.
pub const FRAME_RATE: f64 = 24.0;

/// Scenes that validate; of `cave_4` only the first of its three parts.
pub const VALIDATION_SCENES: [&str; 6] = ["ambush_2", "bamboo_1", "bandage_1", "cave_4", "market_2", "mountain_1"];

/// How an eye sums up the pixels of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// Their mean: for luminance.
    Mean,
    /// Their sum: for each component of flow.
    Sum,
    /// Their (lower) median: for depth.
    Median,
}

/// How scenes become sequences of what an eye sees.
#[derive(Debug, Clone, PartialEq)]
pub struct SintelOptions {
    /// Scenes with fewer images than this and one more are left out. Default 19.
    pub frames: usize,
    /// Part of the width that is used, around the centre. Default 0.7.
    pub centre: f64,
    /// Parts, side by side and overlapping, that a scene is cut into, each a sequence. Default 3.
    pub parts: usize,
    /// Width of a part in pixels: the eye's and a filter at both sides. Default 417, for 721 columns of 13 pixels.
    pub width: usize,
    /// Columns of the eye from its centre. Default 15.
    pub extent: Extent,
}

impl Default for SintelOptions {
    fn default() -> Self {
        Self { frames: 19, centre: 0.7, parts: 3, width: 391 + 2 * 13, extent: Extent(15) }
    }
}

/// A scene: where its files lie, in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    name: String,
    images: Vec<PathBuf>,
    flows: Vec<PathBuf>,
    depths: Vec<PathBuf>,
}

/// The folder of the data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Sintel {
    scenes: Vec<Scene>,
    options: SintelOptions,
}

impl Sintel {
    /// Looks for scenes in `training/final`, their flow in `training/flow` and, if there is one, depth in `training/depth`.
    ///
    /// # Errors
    /// [`Error::Content`] where there are none, which says where they are to be had, or where flow is missing; [`Error::Setting`] for
    /// options that make no sense; [`Error::Io`].
    pub fn open(folder: impl AsRef<Path>, options: SintelOptions) -> Result<Self, Error> {
        let folder = folder.as_ref();
        if options.frames == 0 || options.parts == 0 || options.width == 0 {
            return Err(Error::setting("frames, parts or width", "0; at least 1 of each"));
        }
        if !(options.centre > 0.0 && options.centre <= 1.0) {
            return Err(Error::setting("centre", format!("{}; above 0 and at most 1", options.centre)));
        }
        Lattice::new(options.extent)?;
        let [images, flow, depth] = ["final", "flow", "depth"].map(|part| folder.join("training").join(part));
        if !images.is_dir() || !flow.is_dir() {
            let what = "no folders training/final and training/flow here; MPI-Sintel-complete.zip is to be had from \
                        http://sintel.is.tue.mpg.de/downloads, depth (if wanted) from http://sintel.is.tue.mpg.de/depth; unpack and \
                        name the folder that holds `training`";
            return Err(Error::Content { path: folder.to_owned(), what: what.into() });
        }
        let mut scenes = Vec::new();
        for path in entries(&images, None)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let images = entries(&path, Some("png"))?;
            if images.len() <= options.frames {
                continue;
            }
            let flows = entries(&flow.join(&name), Some("flo"))?;
            if flows.len() + 1 != images.len() {
                let what = format!("{} flow fields for {} images; one less than images", flows.len(), images.len());
                return Err(Error::Content { path: flow.join(&name), what });
            }
            let depths = if depth.is_dir() { entries(&depth.join(&name), Some("dpt"))? } else { Vec::new() };
            if !depths.is_empty() && depths.len() != images.len() {
                let what = format!("{} depth maps for {} images; as many as images", depths.len(), images.len());
                return Err(Error::Content { path: depth.join(&name), what });
            }
            scenes.push(Scene { name, images, flows, depths });
        }
        if scenes.is_empty() {
            let what = format!("no scene of at least {} images", options.frames + 1);
            return Err(Error::Content { path: images, what });
        }
        Ok(Self { scenes, options })
    }

    /// Number of sequences: parts of scenes.
    pub fn sequences(&self) -> usize {
        self.scenes.len() * self.options.parts
    }

    /// Names of the sequences: `sequence_00_alley_1_split_00` and so on, scene by scene.
    pub fn names(&self) -> Vec<String> {
        let of = |(i, scene): (usize, &Scene)| {
            let name = scene.name.clone();
            (0..self.options.parts)
                .map(move |part| format!("sequence_{i:02}_{name}_split_{part:02}"))
                .collect::<Vec<_>>()
        };
        self.scenes.iter().enumerate().flat_map(of).collect()
    }

    /// The split of the publication: [`VALIDATION_SCENES`] validate, of `cave_4` only the first part, whose others are left out of the
    /// validation and train.
    pub fn split(&self) -> Split {
        let parts = self.options.parts;
        Split::by(self.sequences(), |i| {
            let name = self.scenes[i / parts].name.as_str();
            VALIDATION_SCENES.contains(&name) && !(name == "cave_4" && i % parts > 0)
        })
    }

    /// Shows all sequences to an eye.
    ///
    /// `eye(frames, [frames, height, width], pooling)` gives `[frames, columns]`; it is asked for the mean of luminance and the sums of
    /// both components of flow. Luminance is that of the second to the last image, flow that from the image before to it, in heights of
    /// the image per frame (times the pixels of a column), positive to the right and upwards.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Content`] for files, [`Error::Shape`] for images that are too narrow, images and maps of a scene
    /// that differ in size and an eye that gives other numbers of columns, and whatever the eye returns.
    pub fn render<E>(&self, eye: E) -> Result<FlowSet, Error>
    where
        E: Fn(&[f32], [usize; 3], Pooling) -> Result<Vec<f32>, Error>,
    {
        let mut names = self.names().into_iter();
        let mut sequences = Vec::with_capacity(self.sequences());
        for scene in &self.scenes {
            let mut size = None;
            let luminance = self.load(&scene.images[1..], 1, read_luminance, &mut size)?;
            let mut flow = self.load(&scene.flows, 2, read_flow, &mut size)?;
            for (channel, sign) in flow.iter_mut().zip([1.0, -1.0]) {
                for (pixels, [_, height, _]) in channel {
                    // upwards is positive
                    pixels.iter_mut().for_each(|x| *x = sign * (*x / *height as f32));
                }
            }
            for part in 0..self.options.parts {
                let seen = |channel: &Parts, pooling: Pooling| self.seen(&eye, &channel[part], pooling);
                let movie = seen(&luminance[0], Pooling::Mean)?;
                let [right, up] = [seen(&flow[0], Pooling::Sum)?, seen(&flow[1], Pooling::Sum)?];
                let columns = self.columns();
                let frames = right.chunks_exact(columns).zip(up.chunks_exact(columns));
                let both = frames.flat_map(|(right, up)| [right, up]).flatten().copied().collect();
                let sample = FlowSample::new(Movie::new(columns, movie)?, both)?;
                sequences.push((names.next().unwrap_or_default(), sample));
            }
        }
        FlowSet::new(FRAME_RATE, sequences)
    }

    /// Depth of all sequences as an eye sees it, `[frames, columns]` each, or `None` where the folder has none.
    ///
    /// # Errors
    /// As [`Sintel::render`].
    pub fn render_depth<E>(&self, eye: E) -> Result<Option<Vec<Movie>>, Error>
    where
        E: Fn(&[f32], [usize; 3], Pooling) -> Result<Vec<f32>, Error>,
    {
        if self.scenes.iter().any(|scene| scene.depths.is_empty()) {
            return Ok(None);
        }
        let mut all = Vec::with_capacity(self.sequences());
        for scene in &self.scenes {
            let Raster { height, width, .. } = read_luminance(&scene.images[1])?;
            let depth = self.load(&scene.depths[1..], 1, read_depth, &mut Some(FrameSize::new(height, width)))?;
            for part in &depth[0] {
                all.push(Movie::new(self.columns(), self.seen(&eye, part, Pooling::Median)?)?);
            }
        }
        Ok(Some(all))
    }

    fn columns(&self) -> usize {
        self.options.extent.columns() as usize
    }

    fn seen<E>(&self, eye: &E, (frames, shape): &(Vec<f32>, [usize; 3]), pooling: Pooling) -> Result<Vec<f32>, Error>
    where
        E: Fn(&[f32], [usize; 3], Pooling) -> Result<Vec<f32>, Error>,
    {
        let seen = eye(frames, *shape, pooling)?;
        if seen.len() != shape[0] * self.columns() {
            let want = format!("[{}, {}]", shape[0], self.columns());
            return Err(Error::shape("what the eye sees", format!("{} numbers", seen.len()), want));
        }
        Ok(seen)
    }

    /// Reads files of a scene, which all have one size, and cuts them: for each channel and part `[frames, height, width]`.
    fn load(
        &self,
        paths: &[PathBuf],
        channels: usize,
        read: fn(&Path) -> Result<Raster, Error>,
        size: &mut Option<FrameSize>,
    ) -> Result<Vec<Parts>, Error> {
        let mut all: Vec<Parts> = vec![vec![(Vec::new(), [0; 3]); self.options.parts]; channels];
        for path in paths {
            let raster = read(path)?;
            let (height, width) = (raster.height, raster.width);
            let (own, size) = (FrameSize::new(height, width), *size.get_or_insert(FrameSize::new(height, width)));
            let refused = |want: String| {
                let got = format!("{own} pixels (height x width) in {}", path.display());
                Error::shape("a file of a scene", got, want)
            };
            if own != size {
                return Err(refused(format!("{size}, as in the scene's other files")));
            }
            let centre = (self.options.centre * width as f64) as usize;
            let left = (width - centre) / 2;
            let windows = overlapping_windows(centre, self.options.width, self.options.parts).map_err(|_| {
                let SintelOptions { parts, width, .. } = self.options;
                refused(format!(
                    "room for {parts} parts of a width of {width} in the {centre} pixels around its centre"
                ))
            })?;
            for (channel, parts) in raster.values.chunks_exact(height * width).zip(&mut all) {
                for (window, (frames, shape)) in windows.iter().zip(parts) {
                    for row in channel.chunks_exact(width) {
                        frames.extend_from_slice(&row[left + window.start..left + window.end]);
                    }
                    *shape = [shape[0] + 1, height, window.len()];
                }
            }
        }
        Ok(all)
    }
}

/// Frames of the parts of a scene and their shape.
type Parts = Vec<(Vec<f32>, [usize; 3])>;

/// Folders (without an ending) or files of a folder, by name.
fn entries(folder: &Path, ending: Option<&str>) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Io { path: folder.to_owned(), doing: "listing the data set", source };
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let wanted = match ending {
            None => path.is_dir(),
            Some(ending) => path.extension().is_some_and(|e| e == ending),
        };
        if wanted {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

#[cfg(test)]
mod tests;
