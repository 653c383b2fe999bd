//! Responses to whole sets of stimuli.

use tch::{Device, Kind, Tensor};
use tch_function::slices::as_slice;

use super::model::Network;
use super::run::{Record, Run, Start};
use super::simulate::Grey;
use crate::measure::Responses;
use crate::stimulus::Stimuli;
use crate::{Error, Movie};

/// Batches whose movies are in memory at once, from which those of like length are taken together.
const RENDERED: usize = 8;

/// How a set of stimuli is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    /// Seconds of grey before each movie. Default: 1.
    pub t_pre: f64,
    /// Seconds in which grey fades to the first frame after that. Default: 0.
    pub t_fade_in: f64,
    /// Movies that are shown at once; results do not depend on it. Default: 16.
    pub batch: usize,
    /// Cells that are recorded. Default: the central one of each type.
    pub record: Record,
}

impl Default for Protocol {
    fn default() -> Self {
        Self { t_pre: 1.0, t_fade_in: 0.0, batch: 16, record: Record::Central }
    }
}

impl Network {
    /// Shows all movies of a set, each from the same state of rest in grey, and records potentials: `[1, samples, frames, cells]`.
    ///
    /// Frames at the end of a movie that are NaN are not computed; responses are NaN there too, as those of movies that are shorter than others.
    ///
    /// # Errors
    /// What rendering returns; [`Error::Setting`] for a batch of 0; otherwise as [`forward`](Self::forward).
    pub fn responses_to(&self, stimuli: &dyn Stimuli, protocol: &Protocol) -> Result<Responses, Error> {
        let cells = protocol.record.cells(self.wiring())?;
        let (samples, frames) = (stimuli.len(), stimuli.frames());
        if protocol.batch == 0 {
            return Err(Error::setting("batch", "show at least one movie at a time"));
        }
        let grey = self.steady_state(protocol.t_pre, stimuli.dt(), 1, Grey::default())?;
        let mut values = vec![f32::NAN; samples * frames * cells.len()];

        let all: Vec<usize> = (0..samples).collect();
        for some in all.chunks(RENDERED.saturating_mul(protocol.batch)) {
            let movies: Vec<Movie> = some.iter().map(|&sample| stimuli.movie(sample)).collect::<Result<_, _>>()?;
            let lengths: Vec<usize> = movies.iter().map(frames_with_light).collect();
            // movies of like length together, so that none waits for a longer one
            let mut order: Vec<usize> = (0..movies.len()).collect();
            order.sort_by_key(|&i| lengths[i]);
            for together in order.chunks(protocol.batch) {
                let longest = together.iter().map(|&i| lengths[i]).max().unwrap_or(0);
                let shown = stack(&movies, together, longest, self.kind())?;
                let mut start = grey.shallow_clone();
                if protocol.t_fade_in > 0.0 && longest > 0 {
                    let state = grey.f_expand([together.len() as i64, -1], false)?.f_contiguous()?;
                    let first = shown.f_select(1, 0)?;
                    start = self.fade_in(protocol.t_fade_in, stimuli.dt(), &first, Start::State(&state))?;
                }
                let run = Run::new(stimuli.dt()).from(&start).record(protocol.record.clone());
                let activity = self.simulate(&shown, &run)?.activity;
                let activity = activity.f_to_kind(Kind::Float)?.f_to_device(Device::Cpu)?.f_contiguous()?;
                let per_sample = longest * cells.len();
                for (from, &i) in as_slice::<f32>(&activity).chunks(per_sample.max(1)).zip(together) {
                    let length = lengths[i] * cells.len();
                    values[some[i] * frames * cells.len()..][..length].copy_from_slice(&from[..length]);
                }
            }
        }
        let name = |&cell: &u32| {
            let t = self.wiring().cell_types()[cell as usize];
            self.wiring().types()[t as usize].name.clone()
        };
        Responses::new(values, 1, stimuli.time(), stimuli.conditions().clone(), cells.iter().map(name).collect())
    }
}

/// Frames up to the last one that has a number.
fn frames_with_light(movie: &Movie) -> usize {
    let dark = |frame: &usize| movie.frame(*frame).iter().all(|x| x.is_nan());
    movie.frames() - (0..movie.frames()).rev().take_while(dark).count()
}

/// Movies `[batch, frames, columns]`; those that have fewer frames end in their last one.
fn stack(movies: &[Movie], which: &[usize], frames: usize, kind: Kind) -> Result<Tensor, Error> {
    let columns = which.first().map_or(0, |&sample| movies[sample].columns());
    let mut all = Vec::with_capacity(which.len() * frames * columns);
    for &sample in which {
        let movie = &movies[sample];
        let own = movie.frames().min(frames);
        all.extend_from_slice(&movie.luminance()[..own * columns]);
        for _ in own..frames {
            all.extend_from_slice(movie.frame(own - 1));
        }
    }
    let shape = [which.len() as i64, frames as i64, columns as i64];
    Ok(Tensor::from_slice(&all).f_view(shape)?.f_to_kind(kind)?)
}
