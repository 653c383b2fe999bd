//! Sequences to train on.

use std::path::Path;

use connectome_graph::hex::Extent;
use rayon::prelude::*;

use crate::Error;
use crate::eye::{BoxEye, FrameSize, Pooling};
use crate::stimulus::{Scenes, Stimuli};
use crate::task::sintel::{self, Sintel, SintelOptions};
use crate::task::{FlowSample, FlowSet, Split};

/// Renders all of some scenes with their exact optic flow, in parallel.
///
/// The flow is in units of the image's height per frame, summed over a receptor's pixels unless the settings of the scenes say otherwise:
/// what the reference takes from its films. A scene of 19 frames at 721 columns takes 164 kB.
///
/// # Errors
/// [`Error::Setting`] if there is no scene.
pub fn scenes_flow(scenes: &Scenes) -> Result<FlowSet, Error> {
    let render = |number: usize| {
        let scene = scenes.scene(number)?;
        Ok((format!("scene_{number:04}"), FlowSample::new(scene.movie, scene.flow)?))
    };
    let sequences = (0..scenes.len()).into_par_iter().map(render).collect::<Result<Vec<_>, Error>>()?;
    FlowSet::new(scenes.settings().rate, sequences)
}

/// Shows the films of MPI-Sintel to an eye of 13 x 13 pixels per column, with the split of the publication.
///
/// `folder` is the unpacked data set; see [`Sintel::open`]. Parts are as wide as eyes of more than 721 columns need.
///
/// # Errors
/// As [`Sintel::open`] and [`Sintel::render`]; [`Error::Setting`] for an eye that is higher than the films, which would be stretched
/// in one direction, with flow that no longer fits them.
pub fn sintel_flow(folder: impl AsRef<Path>, extent: Extent) -> Result<(FlowSet, Split), Error> {
    const KERNEL: usize = 13;
    let eye = BoxEye::new(extent, KERNEL)?;
    let (least, defaults) = (eye.min_frame_size(), SintelOptions::default());
    let width = defaults.width.max(least.width + 2 * KERNEL);
    let films = Sintel::open(folder, SintelOptions { extent, width, ..defaults })?;
    let set = films.render(|frames, [n, height, width], pooling| {
        if height < least.height {
            let what =
                format!("{} needs films of {} rows, these have {height}; take a smaller one", extent.0, least.height);
            return Err(Error::setting("extent", what));
        }
        let size = FrameSize { height, width };
        let pooling = match pooling {
            sintel::Pooling::Mean => Pooling::Mean,
            sintel::Pooling::Sum => Pooling::Sum,
            sintel::Pooling::Median => Pooling::Median,
        };
        let movie = eye.see(&frames[..n * height * width], size, pooling)?;
        Ok(movie.luminance().to_vec())
    })?;
    Ok((set, films.split()))
}
