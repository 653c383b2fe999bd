//! Films as an eye sees them.

use std::ops::Range;

use connectome_graph::hex::Extent;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::set::{Argument, Stimuli, check_sample, check_times};
use super::video::Video;
use crate::eye::{BoxEye, FrameSize, Pooling, centre_crop, overlapping_parts};
use crate::{Conditions, Error, Movie};

/// A rectangle of a film.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crop {
    /// Rows of pixels.
    pub rows: Range<usize>,
    /// Columns of pixels.
    pub columns: Range<usize>,
}

/// Which parts of a film are seen, each as a movie of its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Views {
    /// The whole frame, whose middle the eye looks at.
    Whole,
    /// Overlapping parts of the full height and of the eye's width, from left to right, of the middle of the frame. The default: 3
    /// parts of the middle 0.7, as the reference has of Sintel.
    Parts {
        /// Fraction of the width that is kept.
        fraction: f64,
        /// Number of parts.
        parts: usize,
    },
    /// Rectangles.
    Crops(Vec<Crop>),
}

impl Default for Views {
    fn default() -> Self {
        Self::Parts { fraction: 0.7, parts: 3 }
    }
}

/// Settings of [`NaturalMovies`].
#[derive(Debug, Clone, PartialEq)]
pub struct NaturalSettings {
    /// Size of the eye. Default 15.
    pub extent: Extent,
    /// Side of a receptor in pixels. Default 13.
    pub kernel: usize,
    /// Parts that are seen. Default 3 overlapping parts of the middle.
    pub views: Views,
    /// Length of a frame in seconds; frames of the film are repeated or left out to match. Default 1/50.
    pub dt: f64,
}

impl Default for NaturalSettings {
    fn default() -> Self {
        Self { extent: Extent(15), kernel: 13, views: Views::default(), dt: 1.0 / 50.0 }
    }
}

/// Films through a [`BoxEye`].
///
/// Arguments: `video`, `view`. A film of `n` frames gives `ceil(n / (rate dt))` frames; each shows the frame of the film at its
/// middle.
#[derive(Debug, Clone)]
pub struct NaturalMovies {
    settings: NaturalSettings,
    eye: BoxEye,
    videos: Vec<Video>,
    /// The views of each film.
    views: Vec<Vec<Crop>>,
    hashes: Vec<String>,
    conditions: Conditions,
}

impl NaturalMovies {
    /// The set of these films and settings.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings that make no sense or views beyond a film.
    pub fn new(videos: Vec<Video>, settings: NaturalSettings) -> Result<Self, Error> {
        let eye = BoxEye::new(settings.extent, settings.kernel)?;
        let mut views = Vec::with_capacity(videos.len());
        let (mut of_video, mut of_view) = (Vec::new(), Vec::new());
        for (i, video) in videos.iter().enumerate() {
            check_times(settings.dt, &[("film", video.frames() as f64 / video.rate())])?;
            let seen = views_of(&settings.views, video.size(), &eye)?;
            of_video.extend(std::iter::repeat_n(i as f64, seen.len()));
            of_view.extend((0..seen.len()).map(|view| view as f64));
            views.push(seen);
        }
        let hash = |video: &Video| {
            let mut hash = Sha256::new();
            for pixel in video.pixels() {
                hash.update(pixel.to_le_bytes());
            }
            hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let hashes = videos.iter().map(hash).collect();
        let conditions = Conditions::from_columns(vec![("video", of_video), ("view", of_view)])?;
        Ok(Self { settings, eye, videos, views, hashes, conditions })
    }

    /// The settings.
    pub fn settings(&self) -> &NaturalSettings {
        &self.settings
    }

    fn frames_of(&self, video: &Video) -> usize {
        (video.frames() as f64 / (video.rate() * self.settings.dt)).ceil() as usize
    }
}

/// The views of films of a size.
fn views_of(views: &Views, size: FrameSize, eye: &BoxEye) -> Result<Vec<Crop>, Error> {
    let all = Crop { rows: 0..size.height, columns: 0..size.width };
    match views {
        Views::Whole => Ok(vec![all]),
        Views::Parts { fraction, parts } => {
            let crop = centre_crop(size.width, *fraction)?;
            // receptors at the border reach a square beyond the outermost centres
            let width = (eye.min_frame_size().width + 2 * eye.kernel()).min(crop.len());
            // what is no wider than a view is one view
            let parts = overlapping_parts(crop.len(), width, if width == crop.len() { 1 } else { *parts })?;
            let columns = parts.into_iter().map(|part| crop.start + part.start..crop.start + part.end);
            Ok(columns.map(|columns| Crop { columns, ..all.clone() }).collect())
        }
        Views::Crops(crops) => {
            for Crop { rows, columns } in crops {
                if rows.is_empty() || columns.is_empty() || rows.end > size.height || columns.end > size.width {
                    return Err(Error::setting("crop", format!("{rows:?} x {columns:?} of a film of {size} pixels")));
                }
            }
            Ok(crops.clone())
        }
    }
}

impl Stimuli for NaturalMovies {
    fn name(&self) -> &'static str {
        "natural_movies"
    }

    fn arguments(&self) -> &'static [Argument] {
        const {
            &[
                Argument::new("video", "", "number of the film"),
                Argument::new("view", "", "number of the part of the film that is seen"),
            ]
        }
    }

    fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    fn columns(&self) -> usize {
        self.eye.lattice().len()
    }

    fn dt(&self) -> f64 {
        self.settings.dt
    }

    fn t_pre(&self) -> f64 {
        0.0
    }

    fn frames(&self) -> usize {
        self.videos.iter().map(|video| self.frames_of(video)).max().unwrap_or(0)
    }

    fn movie(&self, sample: usize) -> Result<Movie, Error> {
        check_sample(self, sample)?;
        let video = self.conditions.value("video", sample)? as usize;
        let Crop { rows, columns } = &self.views[video][self.conditions.value("view", sample)? as usize];
        let video = &self.videos[video];
        let mut part = Vec::with_capacity(video.frames() * rows.len() * columns.len());
        for frame in video.pixels().chunks_exact(video.size().pixels()) {
            for row in frame.chunks_exact(video.size().width).skip(rows.start).take(rows.len()) {
                part.extend_from_slice(&row[columns.clone()]);
            }
        }
        let seen = self.eye.see(&part, FrameSize::new(rows.len(), columns.len()), Pooling::Mean)?;
        let (n, count) = (video.frames(), self.frames_of(video));
        let shown = (0..count).map(|i| ((2 * i + 1) * n / (2 * count)).min(n - 1));
        Movie::new(seen.columns(), shown.flat_map(|frame| seen.frame(frame)).copied().collect())
    }

    fn configuration(&self) -> Value {
        let s = &self.settings;
        let rates: Vec<f64> = self.videos.iter().map(Video::rate).collect();
        let sizes: Vec<String> = self.videos.iter().map(|video| video.size().to_string()).collect();
        json!({
            "stimuli": self.name(), "extent": s.extent.0, "kernel": s.kernel, "views": format!("{:?}", s.views), "dt": s.dt,
            "rates": rates, "sizes": sizes, "sha256": self.hashes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn films_are_cropped_and_resampled() {
        let size = FrameSize::new(40, 100);
        let pixels = (0..3).flat_map(|f| vec![f as f32 / 4.0; size.pixels()]).collect();
        let film = Video::new(pixels, size, 24.0).unwrap();
        let settings = NaturalSettings { extent: Extent(2), kernel: 5, dt: 1.0 / 50.0, views: Views::default() };
        let set = NaturalMovies::new(vec![film.clone(), film.clone()], settings.clone()).unwrap();
        assert_eq!(set.len(), 6);
        let movie = set.movie(4).unwrap();
        assert_eq!((movie.frames(), movie.columns(), set.frames()), (7, 19, 7));
        let trace: Vec<f32> = movie.trace(9).collect();
        assert_eq!(trace, [0.0, 0.0, 0.25, 0.25, 0.25, 0.5, 0.5]);
        let narrow = Video::new(vec![0.5; 40 * 20], FrameSize::new(40, 20), 24.0).unwrap();
        assert_eq!(NaturalMovies::new(vec![narrow], settings.clone()).unwrap().len(), 1);
        let crop = Views::Crops(vec![Crop { rows: 3..30, columns: 50..80 }]);
        let set = NaturalMovies::new(vec![film.clone()], NaturalSettings { views: crop, ..settings.clone() }).unwrap();
        assert_eq!(set.movie(0).unwrap().frame(6)[9], 0.5);
        let wrong = Views::Crops(vec![Crop { rows: 3..41, columns: 50..80 }]);
        assert!(NaturalMovies::new(vec![film], NaturalSettings { views: wrong, ..settings }).is_err());
    }
}
